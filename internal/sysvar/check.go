package sysvar

import (
	"math"
	"strconv"
	"strings"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// normalize checks a value for a variable and returns the text to store. Numbers out of range are clamped with warning
// 1292. Errors: 1231 wrong value, 1232 wrong type, those of Validate.
func (v *Var) normalize(d types.Datum, warn types.WarnFunc) (string, error) {
	if d.IsNull() {
		if v.Nullable {
			return "", nil
		}
		if v.Kind == KindString || v.Kind == KindEnum || v.Kind == KindBool || v.Kind == KindSet {
			return "", v.wrongValue("NULL")
		}
		return "", v.wrongType()
	}
	value, err := v.normalizeKind(d, warn)
	if err != nil || v.Validate == nil {
		return value, err
	}
	return v.Validate(value)
}

func (v *Var) normalizeKind(d types.Datum, warn types.WarnFunc) (string, error) {
	switch v.Kind {
	case KindBool:
		return v.normalizeBool(d)
	case KindInt, KindUint:
		return v.normalizeInteger(d, warn)
	case KindFloat:
		return v.normalizeFloat(d, warn)
	case KindEnum:
		return v.normalizeEnum(d)
	case KindSet:
		return v.normalizeSet(d)
	case KindBytesOrPercent:
		text := d.String()
		if _, _, err := ParseBytesOrPercent(text, 0); err != nil {
			return "", v.wrongValue(text)
		}
		return strings.TrimSpace(text), nil
	}
	if isInteger(d) && v.Name == "sql_mode" {
		n, _ := integerOf(d)
		m, err := types.SQLModeFromNumber(uint64(n))
		return m.String(), err
	}
	if d.Kind != types.PhysString {
		return "", v.wrongType()
	}
	return string(d.S), nil
}

func (v *Var) wrongValue(value string) error {
	return sqlerr.New(sqlerr.ErrWrongValueForVar, v.Name, value)
}

func (v *Var) wrongType() error { return sqlerr.New(sqlerr.ErrWrongTypeForVar, v.Name) }

// isInteger is for literal integers and integer expressions.
func isInteger(d types.Datum) bool {
	return d.Type.IsInteger() || d.Kind == types.PhysInt64 && d.Type.ID == types.Year
}

// integerOf returns an integer; negative tells that it is below 0 and not above MaxInt64.
func integerOf(d types.Datum) (n uint64, negative bool) {
	if d.Kind == types.PhysUint64 {
		return d.U, false
	}
	return uint64(d.I), d.I < 0
}

func (v *Var) normalizeBool(d types.Datum) (string, error) {
	if isInteger(d) {
		switch n, _ := integerOf(d); n {
		case 0:
			return "OFF", nil
		case 1:
			return "ON", nil
		}
		return "", v.wrongValue(d.String())
	}
	if d.Kind != types.PhysString {
		return "", v.wrongType()
	}
	switch strings.ToUpper(string(d.S)) {
	case "ON", "TRUE", "1":
		return "ON", nil
	case "OFF", "FALSE", "0":
		return "OFF", nil
	}
	return "", v.wrongValue(string(d.S))
}

func (v *Var) normalizeInteger(d types.Datum, warn types.WarnFunc) (string, error) {
	if !isInteger(d) {
		return "", v.wrongType()
	}
	n, negative := integerOf(d)
	clamped := false
	signed := v.Min < 0
	switch {
	case negative && (!signed || int64(n) < v.Min):
		n, negative, clamped = uint64(v.Min), signed, true
	case negative:
	case n > v.Max:
		n, clamped = v.Max, true
	case v.Min > 0 && n < uint64(v.Min):
		n, clamped = uint64(v.Min), true
	case v.Block > 0 && n%v.Block != 0:
		n, clamped = n-n%v.Block, true
	}
	if v.Block > 0 && !negative && n < uint64(max(v.Min, 0)) {
		n = uint64(v.Min)
	}
	if clamped && warn != nil {
		warn(sqlerr.NewWarning(sqlerr.ErrTruncatedWrongValue, v.Name, d.String()))
	}
	if negative {
		return strconv.FormatInt(int64(n), 10), nil
	}
	return strconv.FormatUint(n, 10), nil
}

func (v *Var) normalizeFloat(d types.Datum, warn types.WarnFunc) (string, error) {
	var f float64
	switch d.Kind {
	case types.PhysFloat64:
		f = d.F
	case types.PhysDecimal:
		f = d.D.ToFloat64(d.Type.Scale)
	default:
		if !isInteger(d) {
			return "", v.wrongType()
		}
		n, negative := integerOf(d)
		f = float64(n)
		if negative {
			f = float64(int64(n))
		}
	}
	low, high := float64(v.Min), float64(v.Max)
	if math.IsNaN(f) {
		return "", v.wrongValue(d.String())
	}
	if c := min(max(f, low), high); c != f {
		f = c
		if warn != nil {
			warn(sqlerr.NewWarning(sqlerr.ErrTruncatedWrongValue, v.Name, d.String()))
		}
	}
	return strconv.FormatFloat(f, 'f', 6, 64), nil
}

func (v *Var) normalizeEnum(d types.Datum) (string, error) {
	if d.Kind == types.PhysString {
		for _, name := range v.Values {
			if strings.EqualFold(name, string(d.S)) {
				return name, nil
			}
		}
		return "", v.wrongValue(string(d.S))
	}
	if !isInteger(d) {
		return "", v.wrongType()
	}
	n, negative := integerOf(d)
	if negative || n >= uint64(len(v.Values)) {
		return "", v.wrongValue(d.String())
	}
	return v.Values[n], nil
}

func (v *Var) normalizeSet(d types.Datum) (string, error) {
	var bits uint64
	switch {
	case isInteger(d):
		n, negative := integerOf(d)
		if negative || n >= 1<<len(v.Values) {
			return "", v.wrongValue(d.String())
		}
		bits = n
	case d.Kind == types.PhysString:
	next:
		for name := range strings.SplitSeq(string(d.S), ",") {
			if name = strings.TrimSpace(name); name == "" {
				continue
			}
			for i, known := range v.Values {
				if strings.EqualFold(known, name) {
					bits |= 1 << i
					continue next
				}
			}
			return "", v.wrongValue(name)
		}
	default:
		return "", v.wrongType()
	}
	var names []string
	for i, name := range v.Values {
		if bits&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ","), nil
}

// fromText makes the Datum that stands for a text of a configuration file or of the store.
func (v *Var) fromText(s string) types.Datum {
	switch v.Kind {
	case KindInt, KindUint:
		if n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64); err == nil {
			return types.IntDatum(n)
		}
		if n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 64); err == nil {
			return types.UintDatum(n)
		}
	case KindFloat:
		if f, err := strconv.ParseFloat(strings.TrimSpace(s), 64); err == nil {
			return types.NewFloatDatum(types.NewDouble(), f)
		}
	}
	return types.StringDatum(s)
}
