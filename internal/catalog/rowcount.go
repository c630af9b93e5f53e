package catalog

import (
	"context"
	"encoding/binary"
	"sync/atomic"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
)

// rowCounter counts a table's rows as statements add to it: approximate, as rollbacks do not take back.
type rowCounter struct {
	rows  atomic.Int64
	saved atomic.Int64
}

// virtualRows is what the planner assumes of virtual tables.
const virtualRows = 1000

// rowCount estimates a table's rows.
func (c *Catalog) rowCount(t *schema.Table) float64 {
	if t.Virtual {
		return virtualRows
	}
	return float64(max(c.rowCounter(t.ID).rows.Load(), 0))
}

func (c *Catalog) rowCounter(id schema.ID) *rowCounter {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.rows[id]
	if r == nil {
		r = &rowCounter{}
		c.rows[id] = r
	}
	return r
}

// AddRows tells the row count of what a statement inserted or, negative, deleted.
func (c *Catalog) AddRows(t *schema.Table, n int64) { c.rowCounter(t.ID).rows.Add(n) }

// SetRows replaces the estimate, after ANALYZE.
func (c *Catalog) SetRows(t *schema.Table, n int64) { c.rowCounter(t.ID).rows.Store(n) }

// AverageRowBytes estimates the length of a row in the store, for SHOW TABLE STATUS and for tables never counted.
func AverageRowBytes(t *schema.Table) int64 {
	n := int64(16)
	for i := range t.Columns {
		if typ := t.Columns[i].Type; typ.Phys() == types.PhysString {
			n += int64(min(typ.MaxBytes()/2, 32))
		} else {
			n += int64(typ.Phys().Width())
		}
	}
	return n
}

// SaveRows writes the row counts that have changed much; called now and then, and by Close.
func (c *Catalog) SaveRows(ctx context.Context) error { return c.saveRows(ctx) }

func (c *Catalog) saveRows(ctx context.Context) error {
	c.mu.Lock()
	dirty := map[schema.ID]int64{}
	for id, r := range c.rows {
		if n := r.rows.Load(); n != r.saved.Load() {
			r.saved.Store(n)
			dirty[id] = max(n, 0)
		}
	}
	c.mu.Unlock()
	if len(dirty) == 0 {
		return nil
	}
	return c.write(ctx, func(tx kv.Txn) error {
		for id, n := range dirty {
			if err := tx.Set(idKey(metaRows, id), binary.BigEndian.AppendUint64(nil, uint64(n))); err != nil {
				return err
			}
		}
		return nil
	})
}

// loadRows reads the stored counts. Those of a crashed server are old, but better than nothing.
func (c *Catalog) loadRows(ctx context.Context, r kv.Reader) error {
	return c.each(ctx, r, kindSpan(metaRows), func(k, v []byte) error {
		if len(k) == 6 && len(v) == 8 {
			n := int64(binary.BigEndian.Uint64(v))
			rc := &rowCounter{}
			rc.rows.Store(n)
			rc.saved.Store(n)
			c.rows[schema.ID(binary.BigEndian.Uint32(k[2:]))] = rc
		}
		return nil
	})
}
