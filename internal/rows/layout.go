package rows

import (
	"slices"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
)

// kind is how a value lies in a row.
type kind uint8

const (
	kindInt8 kind = iota
	kindInt16
	kindInt32
	kindInt64
	kindUint8
	kindUint16
	kindUint32
	kindUint64
	kindFloat32
	kindFloat64
	kindDec64 // decimals of up to 18 digits
	kindDec128
	kindDec256
	kindString
)

var kindBytes = [...]int{1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 8, 16, 32, 16}

// Digits that fit a signed integer of that width.
const (
	digits64  = 18
	digits128 = 38
)

// kindOf is the narrowest kind that holds every value of type t.
func kindOf(t types.Type) kind {
	switch t.ID {
	case types.Null:
		return kindInt8
	case types.TinyInt, types.SmallInt, types.MediumInt, types.Int, types.BigInt:
		k := [...]kind{kindInt8, kindInt16, kindInt32, kindInt32, kindInt64}[t.ID-types.TinyInt]
		if t.Unsigned {
			k += kindUint8 - kindInt8
		}
		return k
	case types.Year:
		return kindInt16
	case types.Enum:
		return kindUint16
	case types.Set:
		return bitsKind(t.Members.Len())
	case types.Bit:
		return bitsKind(int(t.Length))
	case types.Float:
		return kindFloat32
	case types.Double:
		return kindFloat64
	case types.Decimal:
		switch {
		case t.Precision <= digits64:
			return kindDec64
		case t.Precision <= digits128:
			return kindDec128
		}
		return kindDec256
	}
	if t.Phys() == types.PhysString {
		return kindString
	}
	return kindInt64
}

func bitsKind(n int) kind {
	switch {
	case n <= 8:
		return kindUint8
	case n <= 16:
		return kindUint16
	case n <= 32:
		return kindUint32
	}
	return kindUint64
}

// column is where a column lies in a row; offsets in bytes.
type column struct {
	kind kind
	phys types.Phys
	off  uintptr
	null uintptr // byte with the null bit
	bit  uint8   // its place in the byte
}

// Layout says where the columns of a row lie. Immutable.
//
//	reserved | columns of 8 bytes and more | of 4 | of 2 | of 1 | null bits | padding to 8
type Layout struct {
	types    []types.Type
	columns  []column
	strings  []int // ordinals of kindString
	parted   int   // the one whose overflow strings are lists of parts; -1: none
	width    int   // bytes of a row, a multiple of 8
	reserved int
	nulls    uintptr // first byte of the null bits
	nullsLen int
}

// NewLayout lays out columns of these types behind reservedBytes, a multiple of 8, that belong to the caller.
func NewLayout(columns []types.Type, reservedBytes int) *Layout {
	l := &Layout{types: columns, columns: make([]column, len(columns)), parted: -1, reserved: reservedBytes}
	order := make([]int, len(columns))
	for i, t := range columns {
		l.columns[i].kind, l.columns[i].phys = kindOf(t), t.Phys()
		order[i] = i
		if l.columns[i].kind == kindString {
			l.strings = append(l.strings, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return min(kindBytes[l.columns[b].kind], 8) - min(kindBytes[l.columns[a].kind], 8)
	})
	off := reservedBytes
	for _, i := range order {
		l.columns[i].off = uintptr(off)
		off += kindBytes[l.columns[i].kind]
	}
	l.nulls, l.nullsLen = uintptr(off), (len(columns)+7)/8
	for i := range l.columns {
		l.columns[i].null, l.columns[i].bit = l.nulls+uintptr(i/8), uint8(i%8)
	}
	l.width = (off + l.nullsLen + 7) &^ 7
	l.width = max(l.width, 8)
	return l
}

// Types are the types of the columns. Not to be changed.
func (l *Layout) Types() []types.Type { return l.types }

// Width is the number of bytes of a row without its longer strings, a multiple of 8.
func (l *Layout) Width() int { return l.width }

// HasStrings says if a row may refer to bytes outside of its fixed part.
func (l *Layout) HasStrings() bool { return len(l.strings) > 0 }

// PageBytes is the size of the blocks of this layout where pages of wanted bytes are: rows need room.
func (l *Layout) PageBytes(wanted int) int {
	return max(memory.PageSize(max(wanted, MinPageBytes)), memory.PageSize(rowsPerPageMin*l.width+headerBytes))
}

// rowsPerPageMin is how many rows without strings a page has room for at least.
const rowsPerPageMin = 4

// mayOverflow says if a string of a row can be too long for a page of that size.
func (l *Layout) mayOverflow(pageBytes int) bool {
	sum := l.width
	for _, i := range l.strings {
		n := l.types[i].MaxBytes()
		if n > pageBytes/overflowFraction || n == 0 {
			return true
		}
		sum += n
	}
	return sum > pageBytes-headerBytes
}

// OverflowBytes is what appending and reading rows of this layout hold besides one page each: an overflow block to read
// from and one to write to, or nothing if strings are short.
func (l *Layout) OverflowBytes(pageBytes int) int64 {
	if !l.mayOverflow(pageBytes) {
		return 0
	}
	return 2 * sharedOverflowBytes
}
