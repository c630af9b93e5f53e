package table

import (
	"encoding/binary"

	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
)

// Codec encodes and decodes the rows and index entries of one version of a table. Immutable: shared by workers.
type Codec struct {
	table   *schema.Table
	row     *layout
	primary []part
	rowKey  []byte // prefix
	indexes []indexCodec
}

type indexCodec struct {
	index  *schema.Index
	parts  []part
	prefix []byte
	rest   *layout // columns that the keys do not give back
}

// NewCodec compiles the formats of a table.
func NewCodec(t *schema.Table) *Codec {
	c := &Codec{table: t, row: rowLayout(t), primary: partsOf(t, t.Primary)}
	c.rowKey = AppendPrefix(nil, t.ID, t.Primary.ID)
	for _, x := range t.Indexes {
		c.indexes = append(c.indexes, indexCodec{
			index: x, parts: partsOf(t, x), prefix: AppendPrefix(nil, t.ID, x.ID), rest: indexLayout(t, x),
		})
	}
	return c
}

// Table is the table.
func (c *Codec) Table() *schema.Table { return c.table }

// AppendKey appends the key of a row, which has a value for each column of the table.
func (c *Codec) AppendKey(dst []byte, row []types.Datum) []byte {
	return c.appendPrimary(append(dst, c.rowKey...), row)
}

func (c *Codec) appendPrimary(dst []byte, row []types.Datum) []byte {
	for i := range c.primary {
		dst = appendPart(dst, &c.primary[i], &row[c.primary[i].ordinal])
	}
	return dst
}

// index finds the codec of a secondary index, or nil.
func (c *Codec) index(x *schema.Index) *indexCodec {
	for i := range c.indexes {
		if c.indexes[i].index.ID == x.ID {
			return &c.indexes[i]
		}
	}
	return nil
}

// entryKey appends the key of a row's index entry and says if the key alone must be unique.
func (c *Codec) entryKey(dst []byte, x *indexCodec, row []types.Datum) (key []byte, unique bool) {
	dst = append(dst, x.prefix...)
	unique = x.index.Unique
	for i := range x.parts {
		d := &row[x.parts[i].ordinal]
		unique = unique && !d.IsNull()
		dst = appendPart(dst, &x.parts[i], d)
	}
	if !unique {
		dst = c.appendPrimary(dst, row)
	}
	return dst, unique
}

// entryValue appends the value of a row's index entry.
func (c *Codec) entryValue(dst []byte, x *indexCodec, row []types.Datum, unique bool) ([]byte, error) {
	rest := len(x.rest.cols) > 0
	if !unique && !rest {
		return dst, nil
	}
	if unique {
		var room [64]byte
		primary := c.appendPrimary(room[:0], row)
		dst = binary.AppendUvarint(dst, uint64(len(primary)))
		dst = append(dst, primary...)
	} else {
		dst = append(dst, 0)
	}
	if !rest {
		return dst, nil
	}
	size, ends, err := x.rest.size(row)
	if err != nil {
		return dst, err
	}
	start := len(dst)
	for range size {
		dst = append(dst, 0)
	}
	x.rest.put(dst[start:], row, ends)
	return dst, nil
}

// splitEntry cuts an index value into the row's primary key, nil if it is in the entry's key, and the rest.
func splitEntry(v []byte) (primary, rest []byte, ok bool) {
	if len(v) == 0 {
		return nil, nil, true
	}
	n, w := binary.Uvarint(v)
	if w <= 0 || n > uint64(len(v)-w) {
		return nil, nil, false
	}
	return v[w : w+int(n)], v[w+int(n):], true
}

// PrimaryOf returns the row's key, without prefix, that an index entry names. It aliases the entry.
func (c *Codec) PrimaryOf(x *schema.Index, key, value []byte) ([]byte, error) {
	ix := c.index(x)
	if ix == nil || len(key) < PrefixBytes {
		return nil, corrupt("index entry", key)
	}
	primary, _, ok := splitEntry(value)
	if !ok {
		return nil, corrupt("index value", key)
	}
	if len(primary) > 0 {
		return primary, nil
	}
	off := PrefixBytes
	for i := range ix.parts {
		if _, off, _, ok = ix.parts[i].skip(key, off); !ok {
			return nil, corrupt("index key", key)
		}
	}
	return key[off:], nil
}

// RowPrefix is what the keys of all rows begin with; PrimaryOf's result follows it.
func (c *Codec) RowPrefix() []byte { return c.rowKey }

// DecodeRow reads a whole row into row, which has a value for each column. Strings alias key and value, but for those
// that had to be unescaped, which lie in buf.
func (c *Codec) DecodeRow(key, value []byte, row []types.Datum, buf []byte) ([]byte, error) {
	h, ok := c.row.header(value)
	if !ok || len(key) < PrefixBytes {
		return buf, corrupt("row value", key)
	}
	for i := range c.row.cols {
		if !c.row.datum(value, &h, i, &row[c.row.cols[i].ordinal]) {
			return buf, corrupt("row value", key)
		}
	}
	off := PrefixBytes
	for i := range c.primary {
		p := &c.primary[i]
		start, end, _, ok := p.skip(key, off)
		if !ok {
			return buf, corrupt("row key", key)
		}
		if p.restorable() {
			d := &row[p.ordinal]
			*d = types.Datum{Type: p.typ}
			buf = p.datum(key, start, end, d, buf)
		}
		off = end
	}
	if off != len(key) {
		return buf, corrupt("row key", key)
	}
	return buf, nil
}
