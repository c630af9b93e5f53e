package catalog

import (
	"context"
	"strings"

	"github.com/spillwaydb/spillway/internal/kv"
)

// Pair is an entry of Meta, the small store that other packages keep their state in: names like "variable/x".
type Pair struct {
	Key   string
	Value []byte // nil in MetaApply: delete
}

// MetaGet reads an entry.
func (c *Catalog) MetaGet(ctx context.Context, key string) ([]byte, bool, error) {
	r, err := c.store.Snapshot(ctx)
	if err != nil {
		return nil, false, err
	}
	defer r.Close()
	return r.Get(ctx, entryKey(key), nil)
}

// MetaApply writes and deletes entries, all or none, durably.
func (c *Catalog) MetaApply(ctx context.Context, changes ...Pair) error {
	return c.write(ctx, func(tx kv.Txn) error {
		for _, p := range changes {
			var err error
			if p.Value == nil {
				err = tx.Delete(entryKey(p.Key))
			} else {
				err = tx.Set(entryKey(p.Key), p.Value)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// ReserveMeta charges n bytes of heap that is made of entries, accounts above all, to the catalog. Error 8176.
func (c *Catalog) ReserveMeta(n int64) error {
	h := &c.heap
	if err := h.ledger.Reserve(h.acct, n); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.grow(n, 0); err != nil {
		h.ledger.Release(h.acct, n)
		return err
	}
	return nil
}

// ReleaseMeta gives n bytes back.
func (c *Catalog) ReleaseMeta(n int64) {
	c.heap.mu.Lock()
	defer c.heap.mu.Unlock()
	c.heap.newest -= n
	c.heap.ledger.Release(c.heap.acct, n)
}

// MetaList lists the entries whose keys begin with prefix, in order.
func (c *Catalog) MetaList(ctx context.Context, prefix string) ([]Pair, error) {
	r, err := c.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var out []Pair
	span := kindSpan(metaEntry)
	span.Start = entryKey(prefix)
	err = c.each(ctx, r, span, func(k, v []byte) error {
		if name := string(k[2:]); strings.HasPrefix(name, prefix) {
			out = append(out, Pair{name, append([]byte{}, v...)})
		}
		return nil
	})
	return out, err
}
