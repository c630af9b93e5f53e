package catalog

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"sync"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// Values are taken from the store in batches, which grow while they are used up fast: a batch costs a synced write, and
// what is left of it at a crash is lost.
const (
	counterBatchMin = 128
	counterBatchMax = 1 << 17
)

// counterID names a counter: a column of a table.
type counterID struct{ table, column schema.ID }

// Counter gives out the values of a table's AUTO_INCREMENT column, or of its hidden row id. Safe for concurrent use.
type Counter struct {
	cat *Catalog
	id  counterID

	mu     sync.Mutex // protects the following; held while the limit is written
	loaded bool
	next   uint64 // smallest value not given out
	limit  uint64 // stored: no value from here on was given out
	batch  uint64
}

// Counter returns the counter of a column.
func (c *Catalog) Counter(ctx context.Context, t *schema.Table, column int) (*Counter, error) {
	id := counterID{t.ID, t.Columns[column].ID}
	c.mu.Lock()
	k := c.counters[id]
	if k == nil {
		k = &Counter{cat: c, id: id, batch: counterBatchMin}
		c.counters[id] = k
	}
	c.mu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	return k, k.load(ctx)
}

// load reads the counter; mu is held.
func (k *Counter) load(ctx context.Context) error {
	if k.loaded {
		return nil
	}
	r, err := k.cat.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	v, ok, err := r.Get(ctx, counterKey(k.id.table, k.id.column), nil)
	switch {
	case err != nil:
		return err
	case !ok:
		k.next = 1
	case len(v) != 8:
		return sqlerr.Newf(sqlerr.ErrAutoincReadFailed, "%s", sqlerr.ErrAutoincReadFailed.Template())
	default:
		k.next = binary.BigEndian.Uint64(v)
	}
	k.limit, k.loaded = k.next, true
	return nil
}

// Next is the smallest value that was not given out.
func (k *Counter) Next() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.next
}

// Reserve takes n values first, first+increment, ...: the smallest that are congruent to offset. Error 1467 when there
// are no more.
func (k *Counter) Reserve(ctx context.Context, n int, increment, offset uint64) (first uint64, err error) {
	increment, offset = max(increment, 1), max(offset, 1)
	if offset > increment {
		offset = 1 // MySQL ignores an offset beyond the increment
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	first = k.next
	if first < offset {
		first = offset
	} else if r := (first - offset) % increment; r != 0 {
		first += increment - r
	}
	span := uint64(max(n-1, 0)) * increment
	if first < k.next || first+span < first || first+span == math.MaxUint64 {
		return 0, sqlerr.New(sqlerr.ErrAutoincReadFailed)
	}
	if err := k.raise(ctx, first+span+1); err != nil {
		return 0, err
	}
	return first, nil
}

// Push makes later values greater than v, which was given explicitly.
func (k *Counter) Push(ctx context.Context, v uint64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if v < k.next || v == math.MaxUint64 {
		return nil
	}
	return k.raise(ctx, v+1)
}

// raise sets next and, if it passes the limit, writes a new limit first; mu is held.
func (k *Counter) raise(ctx context.Context, next uint64) error {
	if next > k.limit {
		limit := next + k.batch
		if limit < next {
			limit = math.MaxUint64
		}
		if err := k.store(ctx, limit); err != nil {
			return err
		}
		k.limit, k.batch = limit, min(2*k.batch, counterBatchMax)
	}
	k.next = next
	return nil
}

func (k *Counter) store(ctx context.Context, limit uint64) error {
	return k.cat.write(ctx, func(tx kv.Txn) error {
		return tx.Set(counterKey(k.id.table, k.id.column), binary.BigEndian.AppendUint64(nil, limit))
	})
}

// AutoIncrementNext is the next AUTO_INCREMENT value, for SHOW; 0: the table has none.
func (c *Catalog) AutoIncrementNext(ctx context.Context, t *schema.Table) (uint64, error) {
	column := t.AutoIncrement()
	if column < 0 || t.Virtual {
		return 0, nil
	}
	k, err := c.Counter(ctx, t, column)
	if err != nil {
		return 0, err
	}
	return k.Next(), nil
}

// setCounter stores the first value of a new table's column in the transaction that makes the table.
func setCounter(tx kv.Txn, t *schema.Table, column int, next uint64) error {
	return tx.Set(counterKey(t.ID, t.Columns[column].ID), binary.BigEndian.AppendUint64(nil, next))
}

// dropCounters forgets the counters of a table that is gone.
func (c *Catalog) dropCounters(t schema.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.counters {
		if id.table == t {
			delete(c.counters, id)
		}
	}
	delete(c.rows, t)
}

// saveCounters writes the exact values, so that a clean restart leaves no gaps.
func (c *Catalog) saveCounters(ctx context.Context) error {
	c.mu.Lock()
	var all []*Counter
	for _, k := range c.counters {
		all = append(all, k)
	}
	c.mu.Unlock()
	var errs []error
	for _, k := range all {
		k.mu.Lock()
		if k.loaded && k.limit != k.next {
			err := k.store(ctx, k.next)
			if err == nil {
				k.limit = k.next
			}
			errs = append(errs, err)
		}
		k.mu.Unlock()
	}
	return errors.Join(errs...)
}
