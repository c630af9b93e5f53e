package types

import (
	"strings"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// SQLMode is the set of modes in the variable sql_mode; the bits are MySQL's.
type SQLMode uint64

// The modes. Those that are gone in 8.0 are not accepted.
const (
	ModeRealAsFloat            SQLMode = 1 << 0
	ModePipesAsConcat          SQLMode = 1 << 1
	ModeANSIQuotes             SQLMode = 1 << 2
	ModeIgnoreSpace            SQLMode = 1 << 3
	ModeOnlyFullGroupBy        SQLMode = 1 << 5
	ModeNoUnsignedSubtraction  SQLMode = 1 << 6
	ModeNoDirInCreate          SQLMode = 1 << 7
	ModeANSI                   SQLMode = 1 << 18
	ModeNoAutoValueOnZero      SQLMode = 1 << 19
	ModeNoBackslashEscapes     SQLMode = 1 << 20
	ModeStrictTransTables      SQLMode = 1 << 21
	ModeStrictAllTables        SQLMode = 1 << 22
	ModeNoZeroInDate           SQLMode = 1 << 23
	ModeNoZeroDate             SQLMode = 1 << 24
	ModeAllowInvalidDates      SQLMode = 1 << 25
	ModeErrorForDivisionByZero SQLMode = 1 << 26
	ModeTraditional            SQLMode = 1 << 27
	ModeHighNotPrecedence      SQLMode = 1 << 29
	ModeNoEngineSubstitution   SQLMode = 1 << 30
	ModePadCharToFullLength    SQLMode = 1 << 31
	ModeTimeTruncateFractional SQLMode = 1 << 32

	// ModeDefault is the default of MySQL 8.0.
	ModeDefault = ModeOnlyFullGroupBy | modeStrictDates | ModeNoEngineSubstitution

	// What ANSI and TRADITIONAL stand for.
	modeStrictDates = ModeStrictTransTables | ModeNoZeroInDate | ModeNoZeroDate |
		ModeErrorForDivisionByZero
	modeANSIParts = ModeRealAsFloat | ModePipesAsConcat | ModeANSIQuotes | ModeIgnoreSpace |
		ModeOnlyFullGroupBy
	modeTraditionalParts = modeStrictDates | ModeStrictAllTables | ModeNoEngineSubstitution
)

var modeNames = [64]string{
	0: "REAL_AS_FLOAT", 1: "PIPES_AS_CONCAT", 2: "ANSI_QUOTES", 3: "IGNORE_SPACE", 5: "ONLY_FULL_GROUP_BY",
	6: "NO_UNSIGNED_SUBTRACTION", 7: "NO_DIR_IN_CREATE", 18: "ANSI", 19: "NO_AUTO_VALUE_ON_ZERO",
	20: "NO_BACKSLASH_ESCAPES", 21: "STRICT_TRANS_TABLES", 22: "STRICT_ALL_TABLES", 23: "NO_ZERO_IN_DATE",
	24: "NO_ZERO_DATE", 25: "ALLOW_INVALID_DATES", 26: "ERROR_FOR_DIVISION_BY_ZERO", 27: "TRADITIONAL",
	29: "HIGH_NOT_PRECEDENCE", 30: "NO_ENGINE_SUBSTITUTION", 31: "PAD_CHAR_TO_FULL_LENGTH",
	32: "TIME_TRUNCATE_FRACTIONAL",
}

// modeKnown has the bits of all modes.
var modeKnown = func() SQLMode {
	var m SQLMode
	for i, n := range modeNames {
		if n != "" {
			m |= 1 << i
		}
	}
	return m
}()

// Has tells if any of the modes in o is on.
func (m SQLMode) Has(o SQLMode) bool { return m&o != 0 }

// Strict tells if bad values are errors.
func (m SQLMode) Strict() bool { return m.Has(ModeStrictTransTables | ModeStrictAllTables) }

// Temporal picks what concerns dates.
func (m SQLMode) Temporal() TemporalMode {
	return TemporalMode{
		NoZeroDate:        m.Has(ModeNoZeroDate),
		NoZeroInDate:      m.Has(ModeNoZeroInDate),
		AllowInvalidDates: m.Has(ModeAllowInvalidDates),

		TruncateFractional: m.Has(ModeTimeTruncateFractional),
	}
}

// String is the value of @@sql_mode: names by bit, with commas.
func (m SQLMode) String() string {
	var names []string
	for i, n := range modeNames {
		if n != "" && m&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, ",")
}

// expand adds what ANSI and TRADITIONAL stand for.
func (m SQLMode) expand() SQLMode {
	if m.Has(ModeANSI) {
		m |= modeANSIParts
	}
	if m.Has(ModeTraditional) {
		m |= modeTraditionalParts
	}
	return m
}

// ParseSQLMode reads names with commas, in any case; error 1231 for an unknown one.
func ParseSQLMode(s string) (SQLMode, error) {
	var m SQLMode
next:
	for name := range strings.SplitSeq(s, ",") {
		given := strings.TrimSpace(name)
		name = strings.ToUpper(given)
		if name == "" {
			continue
		}
		for i, n := range modeNames {
			if n == name {
				m |= 1 << i
				continue next
			}
		}
		return 0, sqlerr.New(sqlerr.ErrWrongValueForVar, "sql_mode", given)
	}
	return m.expand(), nil
}

// SQLModeFromNumber is SET sql_mode = n; error 1231 for unknown bits.
func SQLModeFromNumber(n uint64) (SQLMode, error) {
	m := SQLMode(n)
	if m&^modeKnown != 0 {
		return 0, sqlerr.Newf(sqlerr.ErrWrongValueForVar, "Variable 'sql_mode' can't be set to the value of '%d'", n)
	}
	return m.expand(), nil
}
