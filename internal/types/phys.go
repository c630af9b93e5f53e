package types

// Phys is how the values of a type lie in memory: in vectors, rows and Datums.
type Phys uint8

// The physical kinds.
const (
	// PhysNull is the kind of a Datum that is NULL. No Type has it: a vector of type Null is one of PhysInt64 whose
	// values are all NULL.
	PhysNull Phys = iota
	// PhysInt64: signed integers, YEAR; DATE, DATETIME and TIMESTAMP packed (PackDateTime), TIMESTAMP in UTC; TIME as
	// signed microseconds.
	PhysInt64
	// PhysUint64: unsigned integers, BIT, the index of an ENUM (from 1, 0 is the error value ''), the bitmap of a SET.
	PhysUint64
	// PhysFloat64: DOUBLE, and FLOAT rounded to the nearest float32.
	PhysFloat64
	// PhysDecimal: a Dec, whose scale is in the Type.
	PhysDecimal
	// PhysString: bytes in the charset of the type's collation; JSON in the binary format of this package.
	PhysString
)

// Width is the number of bytes of one value in a vector: a string's is its reference.
func (p Phys) Width() int {
	switch p {
	case PhysDecimal:
		return 32
	case PhysString:
		return 16
	case PhysNull:
		return 0
	default:
		return 8
	}
}

func (p Phys) String() string {
	names := [...]string{"null", "int64", "uint64", "float64", "decimal", "string"}
	if int(p) >= len(names) {
		return "unknown"
	}
	return names[p]
}

// Phys returns the physical kind of the type's values.
func (t Type) Phys() Phys {
	switch t.ID {
	case TinyInt, SmallInt, MediumInt, Int, BigInt:
		if t.Unsigned {
			return PhysUint64
		}
		return PhysInt64
	case Bit, Enum, Set:
		return PhysUint64
	case Float, Double:
		return PhysFloat64
	case Decimal:
		return PhysDecimal
	case Char, VarChar, Binary, VarBinary, TinyText, Text, MediumText, LongText, TinyBlob, Blob, MediumBlob, LongBlob,
		JSON:
		return PhysString
	default:
		return PhysInt64
	}
}
