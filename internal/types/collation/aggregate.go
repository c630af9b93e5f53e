package collation

import "github.com/spillwaydb/spillway/internal/sqlerr"

// Coercibility says how strongly an expression insists on its collation: the lowest number wins. The numbers are those
// of the SQL function COERCIBILITY.
type Coercibility uint8

// The coercibilities.
const (
	CoerceExplicit  Coercibility = 0 // COLLATE clause
	CoerceNone      Coercibility = 1 // concatenation of strings with different collations
	CoerceImplicit  Coercibility = 2 // column, stored routine parameter, local variable
	CoerceSysConst  Coercibility = 3 // USER(), VERSION()
	CoerceCoercible Coercibility = 4 // literal
	CoerceNumeric   Coercibility = 5 // number or temporal value
	CoerceIgnorable Coercibility = 6 // NULL
)

func (c Coercibility) String() string {
	names := [...]string{"EXPLICIT", "NONE", "IMPLICIT", "SYSCONST", "COERCIBLE", "NUMERIC", "IGNORABLE"}
	if int(c) >= len(names) {
		return "UNKNOWN"
	}
	return names[c]
}

// Aggregate picks the collation under which two strings are compared or concatenated, and its coercibility. The result
// may be of another charset than a or b, whose values have to be converted then. Error 1267 when neither gives way.
//
// MySQL 8.0 reference manual, "Collation Coercibility in Expressions".
func Aggregate(a ID, coercA Coercibility, b ID, coercB Coercibility) (ID, Coercibility, error) {
	switch {
	case a == b:
		return a, min(coercA, coercB), nil
	case coercA == CoerceIgnorable:
		return b, coercB, nil
	case coercB == CoerceIgnorable:
		return a, coercA, nil
	}
	csA, csB := Charset(a), Charset(b)
	if csA == csB {
		return aggregateSameCharset(a, coercA, b, coercB)
	}
	// A binary string turns the other one into bytes, unless that one insists more.
	switch {
	case a == Binary && coercA <= coercB, b == Binary && coercB > coercA && a == Binary:
		return a, coercA, nil
	case b == Binary && coercB <= coercA:
		return b, coercB, nil
	case a == Binary || b == Binary:
		if coercA < coercB {
			return a, coercA, nil
		}
		return b, coercB, nil
	}
	switch {
	case holds(csA, csB) && (coercA < coercB || coercA == coercB && !holds(csB, csA)):
		return a, coercA, nil
	case holds(csB, csA) && (coercB < coercA || coercB == coercA && !holds(csA, csB)):
		return b, coercB, nil
	case coercA < coercB && coercB >= CoerceSysConst:
		return a, coercA, nil // a constant is converted; its characters decide if that loses any
	case coercB < coercA && coercA >= CoerceSysConst:
		return b, coercB, nil
	}
	return 0, 0, illegalMix(a, coercA, b, coercB)
}

func aggregateSameCharset(a ID, coercA Coercibility, b ID, coercB Coercibility) (ID, Coercibility, error) {
	switch {
	case coercA < coercB:
		return a, coercA, nil
	case coercB < coercA:
		return b, coercB, nil
	case coercA == CoerceExplicit:
		return 0, 0, illegalMix(a, coercA, b, coercB)
	case IsBinary(a) && IsBinary(b):
		return a, CoerceNone, nil
	case IsBinary(a):
		return a, coercA, nil
	case IsBinary(b):
		return b, coercB, nil
	}
	// Two columns that disagree: comparing them is an error later, concatenating them is not.
	bin, ok := BinaryOf(Charset(a))
	if !ok {
		return 0, 0, illegalMix(a, coercA, b, coercB)
	}
	return bin, CoerceNone, nil
}

// holds tells if every character of the charset part exists in the charset whole.
func holds(whole, part string) bool {
	switch {
	case whole == part || part == "ascii":
		return true
	case whole == "utf8mb4" || whole == "utf16" || whole == "utf16le" || whole == "utf32" || whole == "gb18030":
		return true
	case whole == "utf8mb3" || whole == "ucs2":
		return !(part == "utf8mb4" || part == "utf16" || part == "utf16le" || part == "utf32" || part == "gb18030")
	}
	return false
}

func illegalMix(a ID, coercA Coercibility, b ID, coercB Coercibility) error {
	return sqlerr.New(sqlerr.ErrCantAggregate2Collations, Name(a), coercA, Name(b), coercB, "=")
}
