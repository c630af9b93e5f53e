package session

import (
	"context"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/privilege"
)

// NewAccountStore keeps accounts in the catalog.
func NewAccountStore(c *catalog.Catalog) privilege.Store { return accountStore{c} }

type accountStore struct{ c *catalog.Catalog }

// Apply implements privilege.Store.
func (s accountStore) Apply(ctx context.Context, changes ...privilege.Entry) error {
	pairs := make([]catalog.Pair, len(changes))
	for i, c := range changes {
		pairs[i] = catalog.Pair{Key: c.Key, Value: c.Value}
	}
	return s.c.MetaApply(ctx, pairs...)
}

// Reserve implements privilege.Store.
func (s accountStore) Reserve(n int64) error { return s.c.ReserveMeta(n) }

// Release implements privilege.Store.
func (s accountStore) Release(n int64) { s.c.ReleaseMeta(n) }

// List implements privilege.Store.
func (s accountStore) List(ctx context.Context, prefix string) ([]privilege.Entry, error) {
	pairs, err := s.c.MetaList(ctx, prefix)
	if err != nil {
		return nil, err
	}
	out := make([]privilege.Entry, len(pairs))
	for i, p := range pairs {
		out[i] = privilege.Entry{Key: p.Key, Value: p.Value}
	}
	return out, nil
}
