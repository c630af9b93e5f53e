package join

import (
	"bytes"
	"cmp"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// mergeCursor reads right rows in order, some of one block at a time: the chunk. Their keys are in vectors.
type mergeCursor struct {
	m      *Merge
	reader *rows.Reader
	keys   *vector.Batch
	refs   []memory.Ref
	first  rows.Position // of the chunk
	n      int           // rows of the chunk
	at     int           // the next one
}

// load reads the next chunk; false at the end.
func (c *mergeCursor) load() (bool, error) {
	c.keys.Reset()
	c.first, c.n, c.at = c.reader.Position(), 0, 0
	n, err := c.reader.Rows(c.refs)
	if err != nil || n == 0 {
		return false, err
	}
	k, err := c.m.layout.GatherSome(c.refs[:n], c.keys, len(c.m.keys))
	if err != nil {
		return false, err
	}
	c.reader.Back(n)
	c.first = c.reader.Position()
	c.reader.Back(-k)
	c.n, c.keys.Len = k, k
	return true, nil
}

// position is that of the next row.
func (c *mergeCursor) position() rows.Position {
	if c.n == 0 {
		return c.first
	}
	return rows.Position{Block: c.first.Block, Row: c.first.Row + c.at}
}

// rewind makes the row at p the next one, unless it is in the chunk a chunk is to be loaded.
func (c *mergeCursor) rewind(p rows.Position) {
	if c.n > 0 && p.Block == c.first.Block && p.Row >= c.first.Row && p.Row < c.first.Row+c.n {
		c.at = p.Row - c.first.Row
		return
	}
	c.keys.Reset()
	c.reader.Close()
	c.reader = c.m.right.List()[0].ReadFrom(p, memory.Held, false)
	c.first, c.n, c.at = p, 0, 0
}

// compareKeys compares row i of one side's keys with row j of the other's, in the order in which rows are sorted.
func compareKeys(b memory.Base, keys []HashKey, left []*vector.Vector, i int, right []*vector.Vector, j int) int {
	for k := range keys {
		if c := compareValue(b, keys[k].Type, left[k], left[k].Index(i), right[k], right[k].Index(j)); c != 0 {
			return c
		}
	}
	return 0
}

// compareValue compares two values of a type. NULL is the smallest, and equal to itself.
func compareValue(b memory.Base, t types.Type, x *vector.Vector, i int, y *vector.Vector, j int) int {
	if x.Null[i] != 0 || y.Null[j] != 0 {
		return int(y.Null[j]) - int(x.Null[i])
	}
	switch t.Phys() {
	case types.PhysInt64:
		return cmp.Compare(x.I64[i], y.I64[j])
	case types.PhysUint64:
		return cmp.Compare(x.U64[i], y.U64[j])
	case types.PhysFloat64:
		return cmp.Compare(x.F64[i], y.F64[j])
	case types.PhysDecimal:
		return x.Dec[i].Cmp(y.Dec[j])
	}
	p, q := x.Str[i].Bytes(b), y.Str[j].Bytes(b)
	if bytes.Equal(p, q) {
		return 0
	}
	return collation.Collate(t.Collation, p, q)
}
