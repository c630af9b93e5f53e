package types

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spillwaydb/spillway/internal/types/collation"
)

// Bounds of what can be declared.
const (
	MaxPrecision    = 65 // digits of a DECIMAL
	MaxScale        = 30 // of them behind the point
	NotFixed        = 31 // Scale of a FLOAT or DOUBLE without (M,D)
	MaxFsp          = 6  // digits of fractional seconds
	MaxChar         = 255
	MaxVarLength    = 65535 // bytes of VARCHAR and VARBINARY
	MaxBit          = 64
	MaxSetMembers   = 64
	MaxEnumMembers  = 65535
	MaxTinyBlob     = 1<<8 - 1
	MaxBlob         = 1<<16 - 1
	MaxMediumBlob   = 1<<24 - 1
	MaxLongBlob     = 1<<31 - 1 // MySQL says 2^32 - 1; Length is an int32, and max_allowed_packet ends at 1 GiB
	DefaultDivScale = 4         // div_precision_increment
)

// Type is a MySQL data type with its attributes. It is a value: copy it freely. The zero value is the type of NULL.
type Type struct {
	ID       ID
	Unsigned bool // integers, DECIMAL, FLOAT, DOUBLE
	ZeroFill bool // numeric types; implies Unsigned
	Nullable bool
	// Length: integers and YEAR: display width, 0 when not given (ZEROFILL uses it); CHAR, VARCHAR: most characters;
	// BINARY, VARBINARY, BLOBs: most bytes; TEXTs: most bytes; BIT: bits; the rest 0.
	Length int32
	// Precision: decimal digits of a DECIMAL, or M of FLOAT(M,D), DOUBLE(M,D); else 0.
	Precision uint8
	// Scale: digits behind the point of a DECIMAL, D of FLOAT(M,D), NotFixed for other floats, fractional digits of
	// seconds (0-6) of TIME, DATETIME, TIMESTAMP.
	Scale uint8
	// Collation of strings, ENUM and SET; Binary for binary strings, JSON has utf8mb4_bin; 0 otherwise.
	Collation collation.ID
	Members   *Members // of ENUM and SET, nil otherwise
}

// Members are the names of an ENUM or SET, in order of definition. Shared between Types and never changed.
type Members struct {
	names []string // in the charset of the type
}

// NewMembers copies the names. An ENUM has 1 to 65535, a SET 1 to 64; the binder checks that.
func NewMembers(names ...string) *Members { return &Members{names: slices.Clone(names)} }

// Packed returns a copy whose names lie in one string, and that string: equal for equal names, in which each is
// preceded by its length.
func (m *Members) Packed() (string, *Members) {
	n := 0
	for _, name := range m.names {
		n += len(strconv.Itoa(len(name))) + 1 + len(name)
	}
	var b strings.Builder
	b.Grow(n)
	p := &Members{names: make([]string, len(m.names))}
	for i, name := range m.names {
		b.WriteString(strconv.Itoa(len(name)))
		b.WriteByte(':')
		at := b.Len()
		b.WriteString(name)
		p.names[i] = b.String()[at:]
	}
	return b.String(), p
}

// Len is the number of names.
func (m *Members) Len() int {
	if m == nil {
		return 0
	}
	return len(m.names)
}

// Name returns the i-th name, from 0; "" outside.
func (m *Members) Name(i int) string {
	if m == nil || i < 0 || i >= len(m.names) {
		return ""
	}
	return m.names[i]
}

// Names returns all names; not to be changed.
func (m *Members) Names() []string {
	if m == nil {
		return nil
	}
	return m.names
}

// Find returns the position of a name under a collation, -1 when there is none. Trailing spaces do not count.
func (m *Members) Find(c collation.ID, name []byte) int {
	if m == nil {
		return -1
	}
	name = trimSpaces(name)
	for i, n := range m.names {
		if collation.Collate(c, trimSpaces([]byte(n)), name) == 0 {
			return i
		}
	}
	return -1
}

func trimSpaces(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}

// The constructors return nullable types; clear Nullable for NOT NULL.

// NewNull is the type of the literal NULL.
func NewNull() Type { return Type{ID: Null, Nullable: true} }

// NewInteger is for TinyInt to BigInt.
func NewInteger(id ID, unsigned bool) Type { return Type{ID: id, Unsigned: unsigned, Nullable: true} }

// NewTinyInt is TINYINT.
func NewTinyInt() Type { return NewInteger(TinyInt, false) }

// NewBool is what comparisons return, and TRUE: to clients it is a BIGINT of one digit. A TINYINT(1), as columns have
// it, some of them take for a boolean.
func NewBool() Type { return Type{ID: BigInt, Length: 1, Nullable: true} }

// NewInt is INT.
func NewInt() Type { return NewInteger(Int, false) }

// NewUInt is INT UNSIGNED.
func NewUInt() Type { return NewInteger(Int, true) }

// NewBigInt is BIGINT.
func NewBigInt() Type { return NewInteger(BigInt, false) }

// NewUBigInt is BIGINT UNSIGNED.
func NewUBigInt() Type { return NewInteger(BigInt, true) }

// NewFloat is FLOAT.
func NewFloat() Type { return Type{ID: Float, Scale: NotFixed, Nullable: true} }

// NewDouble is DOUBLE.
func NewDouble() Type { return Type{ID: Double, Scale: NotFixed, Nullable: true} }

// NewDecimal is DECIMAL(precision, scale), each cut to its bound.
func NewDecimal(precision, scale int) Type {
	precision = min(max(precision, 1), MaxPrecision)
	scale = min(max(scale, 0), MaxScale, precision)
	return Type{ID: Decimal, Precision: uint8(precision), Scale: uint8(scale), Nullable: true}
}

// NewDate is DATE.
func NewDate() Type { return Type{ID: Date, Nullable: true} }

// NewDateTime is DATETIME(fsp).
func NewDateTime(fsp int) Type { return Type{ID: DateTime, Scale: clampFsp(fsp), Nullable: true} }

// NewTimestamp is TIMESTAMP(fsp).
func NewTimestamp(fsp int) Type { return Type{ID: Timestamp, Scale: clampFsp(fsp), Nullable: true} }

// NewTime is TIME(fsp).
func NewTime(fsp int) Type { return Type{ID: Time, Scale: clampFsp(fsp), Nullable: true} }

// NewYear is YEAR.
func NewYear() Type { return Type{ID: Year, Nullable: true} }

// NewChar is CHAR(n), n in characters.
func NewChar(n int, c collation.ID) Type { return newString(Char, n, c) }

// NewVarChar is VARCHAR(n), n in characters. Expressions use it for strings of any length.
func NewVarChar(n int, c collation.ID) Type { return newString(VarChar, n, c) }

// NewBinary is BINARY(n), n in bytes.
func NewBinary(n int) Type { return newString(Binary, n, collation.Binary) }

// NewVarBinary is VARBINARY(n), n in bytes.
func NewVarBinary(n int) Type { return newString(VarBinary, n, collation.Binary) }

// NewText is for TinyText to LongText.
func NewText(id ID, c collation.ID) Type { return newString(id, textLength(id), c) }

// NewBlob is for TinyBlob to LongBlob.
func NewBlob(id ID) Type { return newString(id, textLength(id), collation.Binary) }

// NewEnum is ENUM(members).
func NewEnum(m *Members, c collation.ID) Type {
	return Type{ID: Enum, Members: m, Collation: c, Nullable: true}
}

// NewSet is SET(members).
func NewSet(m *Members, c collation.ID) Type {
	return Type{ID: Set, Members: m, Collation: c, Nullable: true}
}

// NewBit is BIT(n), n from 1 to 64.
func NewBit(n int) Type { return Type{ID: Bit, Length: int32(n), Nullable: true} }

// NewJSON is JSON.
func NewJSON() Type { return Type{ID: JSON, Collation: collation.UTF8MB4Bin, Nullable: true} }

func newString(id ID, n int, c collation.ID) Type {
	n = min(max(n, 0), MaxLongBlob)
	return Type{ID: id, Length: int32(n), Collation: c, Nullable: true}
}

func clampFsp(fsp int) uint8 { return uint8(min(max(fsp, 0), MaxFsp)) }

func textLength(id ID) int {
	switch id {
	case TinyText, TinyBlob:
		return MaxTinyBlob
	case Text, Blob:
		return MaxBlob
	case MediumText, MediumBlob:
		return MaxMediumBlob
	default:
		return MaxLongBlob
	}
}

// WithNullable returns the type with that nullability.
func (t Type) WithNullable(nullable bool) Type {
	t.Nullable = nullable
	return t
}

// Equal tells if two types are the same, members compared by name. Nullability counts.
func (t Type) Equal(o Type) bool {
	a, b := t.Members, o.Members
	t.Members, o.Members = nil, nil
	return t == o && (a == b || slices.Equal(a.Names(), b.Names()))
}

// IsInteger is for TINYINT to BIGINT.
func (t Type) IsInteger() bool { return t.ID >= TinyInt && t.ID <= BigInt }

// IsNumeric is for integers, DECIMAL, FLOAT, DOUBLE, YEAR and BIT.
func (t Type) IsNumeric() bool {
	return t.ID >= TinyInt && t.ID <= Decimal || t.ID == Year || t.ID == Bit
}

// IsFloat is for FLOAT and DOUBLE.
func (t Type) IsFloat() bool { return t.ID == Float || t.ID == Double }

// IsTemporal is for DATE, DATETIME, TIMESTAMP and TIME.
func (t Type) IsTemporal() bool { return t.ID >= Date && t.ID <= Time }

// HasDate is for DATE, DATETIME and TIMESTAMP.
func (t Type) HasDate() bool { return t.ID >= Date && t.ID <= Timestamp }

// IsString is for all types with PhysString except JSON.
func (t Type) IsString() bool { return t.ID >= Char && t.ID <= LongBlob }

// IsBinaryString is for strings of bytes.
func (t Type) IsBinaryString() bool { return t.IsString() && t.Collation == collation.Binary }

// IsBlob is for TEXTs and BLOBs.
func (t Type) IsBlob() bool { return t.ID >= TinyText && t.ID <= LongBlob }

// MaxBytes is the largest size of a value of type PhysString, in bytes of its charset; 0 for other kinds.
func (t Type) MaxBytes() int {
	switch {
	case t.ID == Char || t.ID == VarChar:
		return min(int(t.Length)*collation.MaxWidth(t.Collation), MaxLongBlob)
	case t.IsString():
		return int(t.Length)
	case t.ID == JSON:
		return MaxLongBlob
	}
	return 0
}

// String is the type as SHOW CREATE TABLE prints it, without NULL, charset and collation.
func (t Type) String() string {
	b := []byte(t.ID.String())
	switch t.ID {
	case TinyInt, SmallInt, MediumInt, Int, BigInt:
		if t.ZeroFill || t.ID == TinyInt && t.Length == 1 && !t.Unsigned {
			b = appendParens(b, t.DisplayLength())
		}
	case Float, Double:
		if t.Scale != NotFixed {
			b = appendParens(b, int(t.Precision), int(t.Scale))
		}
	case Decimal:
		b = appendParens(b, int(t.Precision), int(t.Scale))
	case DateTime, Timestamp, Time:
		if t.Scale > 0 {
			b = appendParens(b, int(t.Scale))
		}
	case Char, VarChar, Binary, VarBinary, Bit:
		b = appendParens(b, int(t.Length))
	case Enum, Set:
		b = append(b, '(')
		for i, n := range t.Members.Names() {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, '\'')
			b = append(b, strings.ReplaceAll(n, "'", "''")...)
			b = append(b, '\'')
		}
		b = append(b, ')')
	}
	if t.Unsigned && t.IsNumeric() {
		b = append(b, " unsigned"...)
	}
	if t.ZeroFill {
		b = append(b, " zerofill"...)
	}
	return string(b)
}

func appendParens(b []byte, numbers ...int) []byte {
	b = append(b, '(')
	for i, n := range numbers {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return append(b, ')')
}

// DisplayLength is the most characters the text of a value has, as clients use it to lay out columns.
func (t Type) DisplayLength() int {
	switch t.ID {
	case TinyInt, SmallInt, MediumInt, Int, BigInt:
		if t.Length > 0 {
			return int(t.Length)
		}
		return integerWidth(t.ID, t.Unsigned)
	case Year:
		return 4
	case Float:
		if t.Scale != NotFixed {
			return int(t.Precision)
		}
		return 12
	case Double:
		if t.Scale != NotFixed {
			return int(t.Precision)
		}
		return 22
	case Decimal:
		n := int(t.Precision)
		if t.Scale > 0 {
			n++
		}
		if !t.Unsigned {
			n++
		}
		return n
	case Date:
		return 10
	case DateTime, Timestamp:
		return withFsp(19, t.Scale)
	case Time:
		return withFsp(10, t.Scale)
	case Enum:
		longest := 0
		for _, n := range t.Members.Names() {
			longest = max(longest, collation.CharLength(t.Collation, []byte(n)))
		}
		return longest
	case Set:
		sum := max(t.Members.Len()-1, 0)
		for _, n := range t.Members.Names() {
			sum += collation.CharLength(t.Collation, []byte(n))
		}
		return sum
	case JSON:
		return MaxLongBlob
	case Null:
		return 0
	default:
		return int(t.Length)
	}
}

func withFsp(n int, fsp uint8) int {
	if fsp > 0 {
		n += 1 + int(fsp)
	}
	return n
}

func integerWidth(id ID, unsigned bool) int {
	signed := [...]int{TinyInt: 4, SmallInt: 6, MediumInt: 9, Int: 11, BigInt: 20}
	n := signed[id]
	if unsigned && id != MediumInt && id != BigInt {
		n--
	}
	if unsigned && id == MediumInt {
		n = 8
	}
	return n
}
