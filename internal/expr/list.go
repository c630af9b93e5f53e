package expr

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"unsafe"

	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// List is the literals of a long IN as one sorted table without Go pointers: rows of cells, each of 8 bytes, 32 for a
// DECIMAL; a string's cell says where its bytes lie. It is an argument of the function that looks values up in it, and
// has no value of its own. Immutable and shared by workers once made.
type List struct {
	types   []types.Type // of the columns, as compared; never NULL
	offsets []int        // of cells in a row
	stride  int
	n       int
	cells   []byte
	text    []byte
	used    int // of text
	source  any // what it was made from: lists are the same if this and the types are
}

var _ Expr = (*List)(nil)

// Type implements Expr.
func (l *List) Type() types.Type { return l.types[0] }

// Args implements Expr: none.
func (l *List) Args() []Expr { return nil }

// String implements Expr.
func (l *List) String() string { return fmt.Sprintf("list of %d", l.n) }

// Len is the number of rows, no two of them equal.
func (l *List) Len() int { return l.n }

// Width is the number of columns.
func (l *List) Width() int { return len(l.types) }

// ColumnType is how a column's values are compared.
func (l *List) ColumnType(col int) types.Type { return l.types[col] }

// HeapRoom is memory for a list on the Go heap.
func HeapRoom(n int) []byte {
	if n == 0 {
		return nil
	}
	words := make([]uint64, (n+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), n)
}

func cellBytes(t types.Type) int {
	if t.Phys() == types.PhysDecimal {
		return int(unsafe.Sizeof(types.Dec{}))
	}
	return 8
}

// newList lays out a list; nothing is allocated.
func newList(columns []types.Type, source any) *List {
	l := &List{types: columns, offsets: make([]int, len(columns)), source: source}
	for i, t := range columns {
		l.offsets[i] = l.stride
		l.stride += cellBytes(t)
	}
	return l
}

// bytes is what a list of n rows with that much text takes.
func (l *List) bytes(n, text int) int { return n*l.stride + text }

// place gives the list its memory, which begins at a multiple of 8.
func (l *List) place(room []byte, n int) { l.cells, l.text = room[:n*l.stride], room[n*l.stride:] }

func (l *List) cell(i, col int) unsafe.Pointer {
	return unsafe.Pointer(&l.cells[i*l.stride+l.offsets[col]])
}

// stringCell is the place of a string in text.
type stringCell struct{ off, n uint32 }

func (l *List) bytesAt(i, col int) []byte {
	c := *(*stringCell)(l.cell(i, col))
	return l.text[c.off:][:c.n:c.n]
}

// add appends a row.
func (l *List) add(row []*Const) {
	for col, c := range row {
		p := l.cell(l.n, col)
		switch d := &c.D; l.types[col].Phys() {
		case types.PhysInt64:
			*(*int64)(p) = d.I
		case types.PhysUint64:
			*(*uint64)(p) = d.U
		case types.PhysFloat64:
			*(*float64)(p) = d.F
		case types.PhysDecimal:
			*(*types.Dec)(p) = d.D
		default:
			*(*stringCell)(p) = stringCell{uint32(l.used), uint32(len(d.S))}
			l.used += copy(l.text[l.used:], d.S)
		}
	}
	l.n++
}

// compareRows orders two rows.
func (l *List) compareRows(i, k int) int {
	for col := range l.types {
		a, b := l.cell(i, col), l.cell(k, col)
		c := 0
		switch t := &l.types[col]; t.Phys() {
		case types.PhysInt64:
			c = cmp.Compare(*(*int64)(a), *(*int64)(b))
		case types.PhysUint64:
			c = cmp.Compare(*(*uint64)(a), *(*uint64)(b))
		case types.PhysFloat64:
			c = compareFloat(*(*float64)(a), *(*float64)(b))
		case types.PhysDecimal:
			c = types.DecCmp(*(*types.Dec)(a), t.Scale, *(*types.Dec)(b), t.Scale)
		default:
			c = compareText(t.Collation, l.bytesAt(i, col), l.bytesAt(k, col))
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// compareFloat has 0 and -0 equal.
func compareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func compareText(c collation.ID, a, b []byte) int {
	if c == collation.Binary {
		return bytes.Compare(a, b)
	}
	return collation.Collate(c, a, b)
}

// finish sorts the rows and drops repeated ones.
func (l *List) finish() {
	if ints := l.words(types.PhysInt64); ints != nil {
		slices.Sort(ints)
	} else {
		sort.Sort((*listOrder)(l))
	}
	n := 0
	for i := range l.n {
		if i > 0 && l.compareRows(n-1, i) == 0 {
			continue
		}
		copy(l.cells[n*l.stride:(n+1)*l.stride], l.cells[i*l.stride:])
		n++
	}
	l.n = n
}

// words is a list of single integers as a slice; nil for others.
func (l *List) words(p types.Phys) []int64 {
	if len(l.types) != 1 || l.types[0].Phys() != p || l.n == 0 {
		return nil
	}
	return unsafe.Slice((*int64)(l.cell(0, 0)), l.n)
}

// listOrder sorts the rows of a list in place.
type listOrder List

func (l *listOrder) Len() int           { return l.n }
func (l *listOrder) Less(i, k int) bool { return (*List)(l).compareRows(i, k) < 0 }
func (l *listOrder) Swap(i, k int) {
	a, b := l.cells[i*l.stride:(i+1)*l.stride], l.cells[k*l.stride:(k+1)*l.stride]
	for j := 0; j < len(a); j += 8 {
		x, y := (*uint64)(unsafe.Pointer(&a[j])), (*uint64)(unsafe.Pointer(&b[j]))
		*x, *y = *y, *x
	}
}

// KeyValue is a value as one of a table's column of type t, for a look-up in an index; false if no value of the column
// equals it. The types must compare as they are.
func (l *List) KeyValue(i, col int, t types.Type) (types.Datum, bool) {
	p := l.cell(i, col)
	d, ok := types.Datum{Type: t, Kind: t.Phys()}, true
	switch d.Kind {
	case types.PhysUint64:
		d.U = *(*uint64)(p)
		ok = l.types[col].Phys() == types.PhysUint64 || d.U <= math.MaxInt64
	case types.PhysInt64:
		d.I = *(*int64)(p)
		ok = l.types[col].Phys() == types.PhysInt64 || d.I >= 0
	case types.PhysDecimal:
		d.D, ok = (*(*types.Dec)(p)).Rescale(l.types[col].Scale, t.Scale)
	default:
		d.S = l.bytesAt(i, col)
	}
	return d, ok && d.Storable()
}

// sameList says if two lists hold the same: they were made of one text in one way.
func sameList(a, b *List) bool {
	return a.source == b.source && a.n == b.n && slices.EqualFunc(a.types, b.types, types.Type.Equal)
}
