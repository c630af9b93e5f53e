package catalog

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// Options are how a catalog is opened. All but Now are required.
type Options struct {
	Store kv.Store
	Pool  *memory.Pool     // descriptors are charged to its heap ledger
	Txn   kv.TxnOptions    // for the catalog's own transactions
	Now   func() time.Time // nil: time.Now
}

// Catalog is the server's catalog. Safe for concurrent use.
type Catalog struct {
	store   kv.Store
	txn     kv.TxnOptions
	now     func() time.Time
	locks   Locks
	heap    descriptorHeap
	current atomic.Pointer[Snapshot]
	nextID  atomic.Uint32 // of databases and tables

	// commitMu puts commits of descriptors and publications in one order. Taken before mu.
	commitMu sync.Mutex

	mu       sync.Mutex // protects the following
	virtual  map[schema.ID]VirtualTable
	counters map[counterID]*Counter
	rows     map[schema.ID]*rowCounter
}

// Open reads the descriptors of a store; an empty store is a server without databases. Error: TooLargeError.
func Open(ctx context.Context, o Options) (*Catalog, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Catalog{
		store: o.Store, txn: o.Txn, now: o.Now, locks: Locks{objs: map[Name]*lockObject{}},
		virtual: map[schema.ID]VirtualTable{}, counters: map[counterID]*Counter{}, rows: map[schema.ID]*rowCounter{},
	}
	c.heap.ledger, c.heap.acct = o.Pool.Heap(), o.Pool.Server().Child("catalog")
	s := &Snapshot{Version: 1, cat: c, epoch: &epoch{}}
	c.heap.epochs = []*epoch{s.epoch}
	c.current.Store(s)
	if err := c.load(ctx, s); err != nil {
		c.heap.acct.Close()
		return nil, err
	}
	return c, nil
}

// load fills s, which nobody sees yet.
func (c *Catalog) load(ctx context.Context, s *Snapshot) error {
	r, err := c.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	fits := true
	err = c.each(ctx, r, kindSpan(metaDatabase), func(_, v []byte) error {
		d, err := decodeDatabase(v)
		if err != nil {
			return err
		}
		if fits = c.heap.load(databaseBytes(d)) && fits; fits {
			s.dbs = s.dbs.with(d.Name, &database{desc: d})
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = c.each(ctx, r, kindSpan(metaTable), func(_, v []byte) error {
		t, err := decodeTable(v)
		if err != nil {
			return err
		}
		if fits = c.heap.load(tableBytes(t)) && fits; !fits {
			return nil // the others are counted
		}
		d := s.dbs.get(t.DB)
		if d == nil {
			return sqlerr.Newf(sqlerr.ErrUnknown, "corrupt catalog: table %s is in no database", t.Name)
		}
		d.tables = d.tables.with(t.Name, t)
		return nil
	})
	if err != nil {
		return err
	}
	if !fits {
		n, _ := c.HeapBytes()
		return &TooLargeError{Bytes: n, Share: c.heap.share(), Ledger: n * heapShare}
	}
	v, ok, err := r.Get(ctx, nextIDKey(), nil)
	switch {
	case err != nil:
		return err
	case !ok:
		c.nextID.Store(1)
	case len(v) != 4:
		return sqlerr.Newf(sqlerr.ErrUnknown, "corrupt catalog: next id")
	default:
		c.nextID.Store(binary.BigEndian.Uint32(v))
	}
	return c.loadRows(ctx, r)
}

// eachPairs is the most descriptors read at a time.
const eachPairs = 256

// each calls f for the pairs of a span of the catalog, which is small. Key and value live until f returns.
func (c *Catalog) each(ctx context.Context, r kv.Reader, span kv.Span, f func(key, value []byte) error) error {
	it, err := r.Scan(c.txn.Account, span, kv.ScanOptions{})
	if err != nil {
		return err
	}
	defer it.Close()
	// Descriptors are code-sized: their place is the heap.
	p := &kv.Pairs{
		Buf: make([]byte, 64<<10), Ends: make([]int32, 2*eachPairs),
		Large: func(n int) ([]byte, error) { return make([]byte, n), nil },
	}
	for {
		ok, err := it.NextBatch(ctx, p, eachPairs)
		if err != nil || !ok {
			return err
		}
		for i := range p.N {
			if err := f(p.Key(i), p.Value(i)); err != nil {
				return err
			}
		}
	}
}

// Close writes what is kept in memory: counters and row counts. The store stays open; all statements have ended.
func (c *Catalog) Close(ctx context.Context) error {
	defer c.heap.acct.Close()
	return errors.Join(c.saveCounters(ctx), c.saveRows(ctx))
}

// Snapshot returns the catalog as it is now.
func (c *Catalog) Snapshot() *Snapshot { return c.current.Load() }

// Locks are the metadata locks.
func (c *Catalog) Locks() *Locks { return &c.locks }

// Store is where tables are stored.
func (c *Catalog) Store() kv.Store { return c.store }

// publish makes s, which has what r reserved, the newest snapshot; commitMu is held.
func (c *Catalog) publish(s *Snapshot, r *reservation) {
	s.Version = c.current.Load().Version + 1
	c.heap.publish(s, r, c.current.Store)
}

// newID takes an id of a database or table; it is stored with the next commit.
func (c *Catalog) newID() schema.ID { return schema.ID(c.nextID.Add(1) - 1) }

// begin starts a transaction of a definition statement, or of the catalog itself.
func (c *Catalog) begin(ctx context.Context, o kv.TxnOptions) (kv.Txn, error) {
	if o.Account == nil {
		o = c.txn
	}
	tx, err := c.store.Begin(ctx, o)
	if err != nil {
		return nil, err
	}
	if _, err := tx.BeginStatement(ctx, true); err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return tx, nil
}

// commit commits tx together with the next id, and publishes what g, for which r was reserved, makes of the snapshot
// then current.
func (c *Catalog) commit(ctx context.Context, tx kv.Txn, g *change, r *reservation) error {
	c.commitMu.Lock()
	defer c.commitMu.Unlock()
	if err := tx.Set(nextIDKey(), binary.BigEndian.AppendUint32(nil, c.nextID.Load())); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	if g != nil {
		c.publish(g.apply(c.current.Load()), r)
	}
	return nil
}

// define makes a change of descriptors, which f stores. Error 8176: they do not fit; f was not called.
func (c *Catalog) define(ctx context.Context, d DDL, g *change, f func(tx kv.Txn) error) error {
	r, err := c.heap.reserve(g, d.Owner.ConnID)
	if err != nil {
		return err
	}
	if err := c.run(ctx, d.Txn, f, g, r); err != nil {
		r.cancel()
		return err
	}
	return nil
}

// write runs f, which changes no descriptor, in a transaction and commits it.
func (c *Catalog) write(ctx context.Context, f func(tx kv.Txn) error) error {
	return c.run(ctx, kv.TxnOptions{}, f, nil, nil)
}

func (c *Catalog) run(
	ctx context.Context, o kv.TxnOptions, f func(tx kv.Txn) error, g *change, r *reservation,
) error {
	tx, err := c.begin(ctx, o)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := c.commit(ctx, tx, g, r); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return nil
}
