package table

import (
	"encoding/binary"
	"math"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Decoder turns pairs of one index into batches of wanted columns. It belongs to one worker.
type Decoder struct {
	codec   *Codec
	index   *indexCodec // nil: rows
	withKey bool

	types    []types.Type
	keyParts []wantedPart // in the order of the key, up to the last one wanted
	values   []wantedValue
	late     []wantedValue // those of values that Complete decodes
	initials []types.Datum // by output

	lo    int      // first pair of the batch
	heads []header // of the rows' values, starting at at
	at    []int32  // where the values lie in the pairs' bytes
	size  []int32
}

// wantedPart is a key part that is read or passed over. Parts of the primary key in an index entry begin with primary.
type wantedPart struct {
	part
	out     int // -1: passed over
	primary bool
}

// wantedValue is a column that comes from the value: position in the layout, output.
type wantedValue struct{ col, out int }

// NewDecoder prepares to read the columns with these ordinals from the index; it must cover them. withKey appends the
// row's key as one more column.
func NewDecoder(c *Codec, x *schema.Index, ordinals []int, withKey bool) (*Decoder, error) {
	d := &Decoder{codec: c, withKey: withKey, initials: make([]types.Datum, len(ordinals))}
	t := c.table
	if !x.Primary {
		if d.index = c.index(x); d.index == nil {
			return nil, sqlerr.AssertionError("index %s is not of table %s", x.Name, t.Name)
		}
		if !t.Covers(x, ordinals) {
			return nil, sqlerr.AssertionError("index %s does not cover the columns wanted", x.Name)
		}
	}
	parts := d.allParts()
	last := -1
	for out, o := range ordinals {
		d.types = append(d.types, t.Columns[o].Type)
		d.initials[out] = t.Columns[o].Initial()
		if i := d.restorablePart(parts, o); i >= 0 {
			if parts[i].out >= 0 {
				return nil, sqlerr.AssertionError("column %s wanted twice", t.Columns[o].Name)
			}
			parts[i].out = out
			last = max(last, i)
			continue
		}
		col := d.layout().position(o)
		if col < 0 {
			return nil, sqlerr.AssertionError("column %s is not stored", t.Columns[o].Name)
		}
		d.values = append(d.values, wantedValue{col, out})
	}
	d.keyParts = parts[:last+1]
	if withKey {
		d.types = append(d.types, KeyType())
	}
	return d, nil
}

// Defer leaves the columns that are not needed first to Complete, but for parts of keys, which are passed over anyway.
func (d *Decoder) Defer(first func(out int) bool) {
	all := append(d.values, d.late...)
	d.values, d.late = nil, nil
	for _, w := range all {
		if first(w.out) {
			d.values = append(d.values, w)
		} else {
			d.late = append(d.late, w)
		}
	}
}

// KeyType is the type of the column with rows' keys.
func KeyType() types.Type { return types.NewVarBinary(math.MaxUint16).WithNullable(false) }

// Types are the types of the batches' columns.
func (d *Decoder) Types() []types.Type { return d.types }

func (d *Decoder) layout() *layout {
	if d.index != nil {
		return d.index.rest
	}
	return d.codec.row
}

func (d *Decoder) allParts() []wantedPart {
	var out []wantedPart
	if d.index != nil {
		for _, p := range d.index.parts {
			out = append(out, wantedPart{part: p, out: -1})
		}
	}
	for _, p := range d.codec.primary {
		out = append(out, wantedPart{part: p, out: -1, primary: d.index != nil})
	}
	return out
}

func (d *Decoder) restorablePart(parts []wantedPart, ordinal int) int {
	for i := range parts {
		if parts[i].ordinal == ordinal && parts[i].restorable() {
			return i
		}
	}
	return -1
}

// Decode fills b with pairs lo to hi-1, from row 0. page is where p.Bytes() lies in the pool; strings reference it.
// ErrNoSurplus asks for fewer rows; b is undefined then. Deferred columns are undefined until Complete.
func (d *Decoder) Decode(p *kv.Pairs, page memory.Ref, lo, hi int, b *vector.Batch) error {
	n := hi - lo
	b.Reset()
	if n > b.Cap() {
		return sqlerr.AssertionError("%d rows for a batch of %d", n, b.Cap())
	}
	d.room(n)
	b.Len, d.lo = n, lo
	if err := d.decode(d.values, true, p, page, b); err != nil {
		return err
	}
	if len(d.keyParts) > 0 {
		if err := d.keys(p, page, lo, n, b); err != nil {
			return err
		}
	}
	if d.withKey {
		if err := d.rowKeys(p, page, lo, n, b); err != nil {
			return err
		}
	}
	return nil
}

// Complete decodes the deferred columns of those rows that are selected in b, which Decode has filled with pairs of p.
func (d *Decoder) Complete(p *kv.Pairs, page memory.Ref, b *vector.Batch) error {
	return d.decode(d.late, len(d.values) == 0, p, page, b)
}

// decode decodes columns of the selected rows; frames: the rows' values are still to be found.
func (d *Decoder) decode(columns []wantedValue, frames bool, p *kv.Pairs, page memory.Ref, b *vector.Batch) error {
	if len(columns) == 0 {
		return nil
	}
	sel := b.Sel
	if sel == nil {
		sel = rows.All(b.Len)
	}
	if frames {
		if err := d.frames(p, sel); err != nil {
			return err
		}
	}
	for i := range columns {
		if err := d.value(&columns[i], p, page, sel, b); err != nil {
			return err
		}
	}
	return nil
}

func (d *Decoder) room(n int) {
	if len(d.heads) < n {
		d.heads, d.at, d.size = make([]header, n), make([]int32, n), make([]int32, n)
	}
}

// frames finds and checks the values of rows.
func (d *Decoder) frames(p *kv.Pairs, sel []uint16) error {
	l := d.layout()
	for _, i := range sel {
		at := d.lo + int(i)
		v := p.Value(at)
		end := int(p.Ends[2*at+1])
		if d.index != nil {
			_, rest, ok := splitEntry(v)
			if !ok {
				return corrupt("index value", p.Key(at))
			}
			v = rest
		}
		h, ok := l.header(v)
		if !ok {
			return corrupt("row value", p.Key(at))
		}
		d.heads[i], d.at[i], d.size[i] = h, int32(end-len(v)), int32(len(v))
	}
	return nil
}

// value decodes one column from the values of rows.
func (d *Decoder) value(w *wantedValue, p *kv.Pairs, page memory.Ref, sel []uint16, b *vector.Batch) error {
	l := d.layout()
	v := b.Cols[w.out]
	if l.cols[w.col].store.width == 0 {
		return d.strings(w, v, p, page, sel, b)
	}
	d.fixed(w, v, p.Bytes(), sel, b.Len)
	for _, i := range sel {
		if !d.heads[i].has(w.col) {
			if err := v.SetDatum(int(i), d.initials[w.out], b.Arena()); err != nil {
				return err
			}
		}
	}
	return nil
}

// fixed decodes a fixed-width column of some of n rows; those without it are left NULL.
func (d *Decoder) fixed(w *wantedValue, v *vector.Vector, bytes []byte, sel []uint16, n int) {
	l := d.layout()
	s := l.cols[w.col].store
	off := l.fixedSum[w.col]
	byteOf, bit := w.col>>3, byte(1)<<(w.col&7)
	null := v.Null[:n]
	at := d.at[:n]
	nulls := uint8(0)
	for _, i := range sel {
		h := &d.heads[i]
		null[i] = 0
		if !h.has(w.col) || bytes[int(at[i])+headerBytes+byteOf]&bit != 0 {
			null[i] = 1
		}
		nulls |= null[i]
	}
	v.NoNulls = nulls == 0
	switch s.phys {
	case types.PhysInt64:
		out := v.I64[:n]
		for _, i := range sel {
			if out[i] = 0; null[i] == 0 {
				from := int(at[i]) + int(d.heads[i].fixed) + off
				out[i] = signExtend(getUint(bytes[from:from+s.width]), s.width) << s.shift
			}
		}
	case types.PhysUint64:
		out := v.U64[:n]
		for _, i := range sel {
			if out[i] = 0; null[i] == 0 {
				from := int(at[i]) + int(d.heads[i].fixed) + off
				out[i] = getUint(bytes[from : from+s.width])
			}
		}
	case types.PhysFloat64:
		out := v.F64[:n]
		for _, i := range sel {
			out[i] = 0
			if null[i] != 0 {
				continue
			}
			from := int(at[i]) + int(d.heads[i].fixed) + off
			if s.f32 {
				out[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(bytes[from:])))
			} else {
				out[i] = math.Float64frombits(binary.LittleEndian.Uint64(bytes[from:]))
			}
		}
	case types.PhysDecimal:
		out := v.Dec[:n]
		for _, i := range sel {
			if out[i] = (types.Dec{}); null[i] == 0 {
				from := int(at[i]) + int(d.heads[i].fixed) + off
				if s.width <= 8 {
					setSmallDec(&out[i], signExtend(getUint(bytes[from:from+s.width]), s.width))
				} else {
					out[i] = getDec(bytes[from : from+s.width])
				}
			}
		}
	}
}

func setSmallDec(d *types.Dec, v int64) {
	high := uint64(v >> 63)
	d[0], d[1], d[2], d[3] = uint64(v), high, high, high
}

func (d *Decoder) strings(
	w *wantedValue, v *vector.Vector, p *kv.Pairs, page memory.Ref, sel []uint16, b *vector.Batch,
) error {
	l := d.layout()
	bytes := p.Bytes()
	byteOf, bit := w.col>>3, byte(1)<<(w.col&7)
	v.NoNulls = true
	if len(sel) < b.Len {
		clear(v.Str[:b.Len]) // what is not selected refers to nothing
	}
	for _, i := range sel {
		h := &d.heads[i]
		at, size := int(d.at[i]), int(d.size[i])
		row := bytes[at : at+size]
		if !h.has(w.col) {
			if err := v.SetDatum(int(i), d.initials[w.out], b.Arena()); err != nil {
				return err
			}
			v.NoNulls = v.NoNulls && v.Null[i] == 0
			continue
		}
		if row[headerBytes+byteOf]&bit != 0 {
			v.SetNull(int(i))
			v.NoNulls = false
			continue
		}
		start, end, ok := l.variable(row, h, w.col)
		if !ok {
			return corrupt("row value", nil)
		}
		v.Null[i] = 0
		v.Str[i] = vector.MakeStr(row[start:end], page+memory.Ref(at+start))
	}
	return nil
}
