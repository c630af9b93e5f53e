package table

import (
	"encoding/binary"
	"math"

	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// storage is how a type's values lie in rows and keys.
type storage struct {
	phys  types.Phys
	width int  // bytes of a fixed-width value; 0: variable
	f32   bool // FLOAT: four bytes
	shift uint // low bits that are always 0, and not stored: the time of a DATE, the microseconds of a DATETIME
}

// How types packs a DATETIME: microseconds in the lowest bits, the date above the time.
const (
	microBits = 24
	timeBits  = 41
)

func storageOf(t types.Type) storage {
	s := storage{phys: t.Phys(), width: 8}
	switch t.ID {
	case types.TinyInt:
		s.width = 1
	case types.SmallInt, types.Year, types.Enum:
		s.width = 2
	case types.MediumInt:
		s.width = 3
	case types.Int:
		s.width = 4
	case types.Float:
		s.width, s.f32 = 4, true
	case types.Date:
		s.width, s.shift = 3, timeBits
	case types.DateTime, types.Timestamp:
		if t.Scale == 0 {
			s.width, s.shift = 5, microBits
		}
	case types.Decimal:
		s.width = decimalBytes(int(t.Precision))
	case types.Bit:
		s.width = max(1, (int(t.Length)+7)/8)
	case types.Set:
		s.width = max(1, (t.Members.Len()+7)/8)
	default:
		if s.phys == types.PhysString {
			s.width = 0
		}
	}
	return s
}

// decimalBytes is the number of bytes of two's complement that hold any number of that many digits.
func decimalBytes(precision int) int {
	bits := math.Ceil(float64(precision)*math.Log2(10)) + 1
	return min(32, (int(bits)+7)/8)
}

// restorable says if a key part of the type gives the value back.
func restorable(t types.Type, prefix int) bool {
	return prefix == 0 && (t.Phys() != types.PhysString || t.Collation == collation.Binary)
}

// storedInKey says if the primary key holds the column, so that row values do not.
func storedInKey(t *schema.Table, ordinal int) bool {
	for _, c := range t.Primary.Columns {
		if c.Column == ordinal {
			return restorable(t.Columns[ordinal].Type, c.Prefix)
		}
	}
	return false
}

// putFixed writes a fixed-width value, little-endian, to dst, whose length is the width.
func (s storage) putFixed(dst []byte, d *types.Datum) {
	switch s.phys {
	case types.PhysInt64:
		putUint(dst, uint64(d.I>>s.shift))
	case types.PhysUint64:
		putUint(dst, d.U)
	case types.PhysFloat64:
		if s.f32 {
			binary.LittleEndian.PutUint32(dst, math.Float32bits(float32(d.F)))
		} else {
			binary.LittleEndian.PutUint64(dst, math.Float64bits(d.F))
		}
	case types.PhysDecimal:
		for i := range dst {
			dst[i] = byte(d.D[i>>3] >> (8 * (i & 7)))
		}
	}
}

// fits says if the value survives the width it is stored with; types.Convert sees to it, so false is a bug.
func (s storage) fits(d *types.Datum) bool {
	if d.Kind != s.phys {
		return false
	}
	bits := uint(8 * s.width)
	switch s.phys {
	case types.PhysInt64:
		v := d.I >> s.shift
		return v<<s.shift == d.I && v<<(64-bits)>>(64-bits) == v
	case types.PhysUint64:
		return s.width == 8 || d.U>>bits == 0
	case types.PhysDecimal:
		return getDec(decBytes(&d.D)[:s.width]) == d.D
	}
	return true
}

// decBytes is the whole two's complement.
func decBytes(d *types.Dec) []byte {
	var b [32]byte
	for i, w := range d {
		binary.LittleEndian.PutUint64(b[8*i:], w)
	}
	return b[:]
}

func putUint(dst []byte, v uint64) {
	for i := range dst {
		dst[i] = byte(v >> (8 * i))
	}
}

// getUint reads 1 to 8 bytes.
func getUint(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	case 8:
		return binary.LittleEndian.Uint64(b)
	}
	var v uint64
	for i := len(b) - 1; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	return v
}

// signExtend makes a number of that many bytes one of eight.
func signExtend(v uint64, width int) int64 {
	shift := 64 - 8*uint(width)
	return int64(v<<shift) >> shift
}

// getDec reads a little-endian two's complement number of up to 32 bytes.
func getDec(b []byte) types.Dec {
	var d types.Dec
	if len(b) > 0 && b[len(b)-1]&0x80 != 0 {
		d = types.Dec{math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64}
	}
	for i, v := range b {
		shift := 8 * uint(i&7)
		d[i>>3] = d[i>>3]&^(0xFF<<shift) | uint64(v)<<shift
	}
	return d
}

// getFixed reads a fixed-width value into d, whose Type is set.
func (s storage) getFixed(b []byte, d *types.Datum) {
	d.Kind = s.phys
	switch s.phys {
	case types.PhysInt64:
		d.I = signExtend(getUint(b), s.width) << s.shift
	case types.PhysUint64:
		d.U = getUint(b)
	case types.PhysFloat64:
		if s.f32 {
			d.F = float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
		} else {
			d.F = math.Float64frombits(binary.LittleEndian.Uint64(b))
		}
	case types.PhysDecimal:
		d.D = getDec(b)
	}
}

// SameStorage says if rows and index entries with a column of type a are valid for one of type b, so that a change of
// the type needs no new rows. inKey: the column is part of a key.
func SameStorage(a, b types.Type, inKey bool) bool {
	if a.Nullable != b.Nullable && (inKey || a.Nullable) {
		return false // keys mark NULLs of nullable columns; rows may have NULLs
	}
	if storageOf(a) != storageOf(b) || a.Collation != b.Collation || a.Unsigned != b.Unsigned || a.Scale != b.Scale {
		return false
	}
	switch {
	case a.IsString():
		if a.ID == types.Binary || b.ID == types.Binary || (a.ID == types.Char) != (b.ID == types.Char) {
			return a.Equal(b.WithNullable(a.Nullable)) // padding differs
		}
		return a.MaxBytes() <= b.MaxBytes() && a.Length <= b.Length
	case a.ID == types.Decimal:
		return a.Precision <= b.Precision
	case a.Members != nil || b.Members != nil:
		return a.ID == b.ID && membersGrow(a, b)
	}
	return a.ID == b.ID && (a.ID != types.Bit || a.Length <= b.Length)
}

func membersGrow(a, b types.Type) bool {
	for i, n := range a.Members.Names() {
		if i >= b.Members.Len() || b.Members.Name(i) != n {
			return false
		}
	}
	return true
}
