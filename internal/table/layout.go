package table

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// Bytes of row values.
const (
	rowVersion  = 1
	versionMask = 0x0F
	wideEnds    = 0x10 // end offsets have four bytes
	headerBytes = 3
)

// layout is where the stored columns of a table or index value lie. Immutable.
type layout struct {
	cols []stored
	// fixedSum and varSum have one element more than cols: bytes of fixed columns, and number of variable ones,
	// before the column.
	fixedSum []int
	varSum   []int
}

// stored is a column of a value.
type stored struct {
	ordinal int
	typ     types.Type
	store   storage
	initial types.Datum // of rows without the column
}

// rowLayout is the layout of a table's row values.
func rowLayout(t *schema.Table) *layout {
	var ordinals []int
	for i := range t.Columns {
		if !storedInKey(t, i) {
			ordinals = append(ordinals, i)
		}
	}
	slices.SortFunc(ordinals, func(a, b int) int { return cmp.Compare(t.Columns[a].ID, t.Columns[b].ID) })
	return newLayout(t, ordinals)
}

// indexLayout is the layout of what index values have of columns that keys do not give back.
func indexLayout(t *schema.Table, x *schema.Index) *layout {
	var ordinals []int
	add := func(of *schema.Index) {
		for _, c := range of.Columns {
			whole := c.Prefix == 0
			if whole && !restorable(t.Columns[c.Column].Type, 0) && !slices.Contains(ordinals, c.Column) {
				ordinals = append(ordinals, c.Column)
			}
		}
	}
	add(x)
	add(t.Primary)
	slices.Sort(ordinals)
	return newLayout(t, ordinals)
}

func newLayout(t *schema.Table, ordinals []int) *layout {
	l := &layout{fixedSum: []int{0}, varSum: []int{0}}
	fixed, vars := 0, 0
	for _, o := range ordinals {
		c := &t.Columns[o]
		s := stored{ordinal: o, typ: c.Type, store: storageOf(c.Type), initial: c.Initial()}
		l.cols = append(l.cols, s)
		fixed += s.store.width
		if s.store.width == 0 {
			vars++
		}
		l.fixedSum, l.varSum = append(l.fixedSum, fixed), append(l.varSum, vars)
	}
	return l
}

// position returns the position of a column, or -1.
func (l *layout) position(ordinal int) int {
	return slices.IndexFunc(l.cols, func(s stored) bool { return s.ordinal == ordinal })
}

// size is the length of the value of a row, and of its end offsets.
func (l *layout) size(row []types.Datum) (total, endBytes int, err error) {
	n := len(l.cols)
	bytes := 0
	for i := range l.cols {
		c := &l.cols[i]
		d := &row[c.ordinal]
		switch {
		case d.IsNull():
		case c.store.width == 0:
			bytes += len(d.S)
		case !c.store.fits(d):
			return 0, 0, sqlerr.AssertionError("value of column %d does not fit its type %s", c.ordinal, c.typ)
		}
	}
	if bytes > math.MaxInt32/2 {
		return 0, 0, sqlerr.New(sqlerr.ErrTooBigRowsize, math.MaxInt32/2)
	}
	endBytes = 2
	if bytes > math.MaxUint16 {
		endBytes = 4
	}
	return headerBytes + (n+7)/8 + l.fixedSum[n] + endBytes*l.varSum[n] + bytes, endBytes, nil
}

// put writes the value of a row to dst, whose length is what size said.
func (l *layout) put(dst []byte, row []types.Datum, endBytes int) {
	n := len(l.cols)
	dst[0] = rowVersion
	if endBytes == 4 {
		dst[0] |= wideEnds
	}
	binary.LittleEndian.PutUint16(dst[1:], uint16(n))
	nulls := dst[headerBytes : headerBytes+(n+7)/8]
	clear(nulls)
	fixed := dst[headerBytes+len(nulls):]
	ends := fixed[l.fixedSum[n]:]
	bytes := ends[endBytes*l.varSum[n]:]
	used := 0
	for i := range l.cols {
		c := &l.cols[i]
		d := &row[c.ordinal]
		null := d.IsNull()
		if null {
			nulls[i>>3] |= 1 << (i & 7)
		}
		if w := c.store.width; w > 0 {
			f := fixed[l.fixedSum[i] : l.fixedSum[i]+w]
			if null {
				clear(f)
			} else {
				c.store.putFixed(f, d)
			}
			continue
		}
		if !null {
			used += copy(bytes[used:], d.S)
		}
		if endBytes == 2 {
			binary.LittleEndian.PutUint16(ends[2*l.varSum[i]:], uint16(used))
		} else {
			binary.LittleEndian.PutUint32(ends[4*l.varSum[i]:], uint32(used))
		}
	}
}

// header is what precedes the bytes of one value: offsets in it. Small, as decoders keep one a row.
type header struct {
	ends     int32  // of the end offsets
	bytes    int32  // of the bytes
	fixed    uint16 // of the fixed columns
	count    uint16 // of the columns
	endBytes uint8
}

// has says if the value has column i.
func (h *header) has(i int) bool { return i < int(h.count) }

// header checks the value's frame.
func (l *layout) header(v []byte) (header, bool) {
	if len(v) < headerBytes || v[0]&versionMask != rowVersion || v[0]&^(versionMask|wideEnds) != 0 {
		return header{}, false
	}
	n := int(binary.LittleEndian.Uint16(v[1:]))
	if n > len(l.cols) {
		return header{}, false
	}
	width := 2
	if v[0]&wideEnds != 0 {
		width = 4
	}
	fixed := headerBytes + (n+7)/8
	ends := fixed + l.fixedSum[n]
	bytes := ends + width*l.varSum[n]
	h := header{ends: int32(ends), bytes: int32(bytes), fixed: uint16(fixed), count: uint16(n), endBytes: uint8(width)}
	return h, bytes <= len(v)
}

// variable returns where column i, a variable one, lies in v.
func (l *layout) variable(v []byte, h *header, i int) (start, end int, ok bool) {
	ends := v[h.ends:h.bytes]
	k := l.varSum[i]
	if h.endBytes == 2 {
		if k > 0 {
			start = int(binary.LittleEndian.Uint16(ends[2*k-2:]))
		}
		end = int(binary.LittleEndian.Uint16(ends[2*k:]))
	} else {
		if k > 0 {
			start = int(binary.LittleEndian.Uint32(ends[4*k-4:]))
		}
		end = int(binary.LittleEndian.Uint32(ends[4*k:]))
	}
	start, end = start+int(h.bytes), end+int(h.bytes)
	return start, end, start <= end && end <= len(v)
}

// datum reads column i of a value; strings alias v.
func (l *layout) datum(v []byte, h *header, i int, d *types.Datum) bool {
	c := &l.cols[i]
	switch {
	case !h.has(i):
		*d = c.initial
		d.Type = c.typ
		return true
	case v[headerBytes+i>>3]&(1<<(i&7)) != 0:
		*d = types.Datum{Type: c.typ}
		return true
	}
	*d = types.Datum{Type: c.typ}
	if c.store.width > 0 {
		at := int(h.fixed) + l.fixedSum[i]
		c.store.getFixed(v[at:at+c.store.width], d)
		return true
	}
	start, end, ok := l.variable(v, h, i)
	if ok {
		d.Kind, d.S = types.PhysString, v[start:end:end]
	}
	return ok
}
