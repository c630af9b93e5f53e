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
