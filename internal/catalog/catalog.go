package catalog

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/schema"
)

// Options are how a catalog is opened. Store and Txn.Account are required.
type Options struct {
	Store kv.Store
	Txn   kv.TxnOptions    // for the catalog's own transactions
	Now   func() time.Time // nil: time.Now
}

// Catalog is the server's catalog. Safe for concurrent use.
type Catalog struct {
	store   kv.Store
	txn     kv.TxnOptions
	now     func() time.Time
	locks   Locks
	current atomic.Pointer[Snapshot]

	mu      sync.Mutex // serializes publication; protects the following
	virtual map[schema.ID]VirtualTable
}

// Open reads the descriptors of a store; an empty store is a server without databases.
func Open(ctx context.Context, o Options) (*Catalog, error) { return nil, errStub }

// Close writes what is kept in memory: counters and row counts. The store stays open.
func (c *Catalog) Close(ctx context.Context) error { return nil }

// Snapshot returns the catalog as it is now.
func (c *Catalog) Snapshot() *Snapshot { return c.current.Load() }

// Locks are the metadata locks.
func (c *Catalog) Locks() *Locks { return &c.locks }

// Store is where tables are stored.
func (c *Catalog) Store() kv.Store { return c.store }

// publish makes s the newest snapshot; mu is held.
func (c *Catalog) publish(s *Snapshot) {
	s.Version = c.current.Load().Version + 1
	c.current.Store(s)
}
