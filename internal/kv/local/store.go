package local

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// store implements kv.Store. Safe for concurrent use; Close waits for nobody.
type store struct {
	options Options
	events  *events
	heap    ledger
	db      *pebble.DB
	lock    *pebble.Lock
	engine  *pebble.Options
	writer  func() sstable.WriterOptions // of tables to be ingested
	folder  string                       // where they are written
	tables  atomic.Uint64                // names in folder
	locks   *lockTable
	sealing sealing       // of write sets
	txns    atomic.Uint64 // transactions so far
	commits atomic.Uint64 // those that have written, counted before their locks are released
	scans   atomic.Int64  // open iterators of the engine
	chunked atomic.Bool   // there are chunks of large values, or were
	disk    diskCheck
	trims   atomic.Int64 // of C memory

	views struct {
		sync.Mutex
		list map[*view]struct{}
	}

	closed     atomic.Bool
	stop       chan struct{}
	background sync.WaitGroup
}

var _ kv.Store = (*store)(nil)

// usable is asked first by whatever touches the engine, which panics after Close.
func (s *store) usable() error {
	if s.closed.Load() {
		return errClosed
	}
	return nil
}

// writable is asked ahead of commits and ingestion; freeing is as in diskCheck.
func (s *store) writable(freeing bool, writes int64) error {
	if err := s.usable(); err != nil {
		return err
	}
	if f := s.events.failed.Load(); f != nil {
		return wrap(f)
	}
	if s.options.ReadOnly {
		return wrap(pebble.ErrReadOnly)
	}
	if err := s.events.refusal(); err != nil && !freeing {
		return err
	}
	return s.disk.check(s.options, freeing, writes)
}

func (s *store) Begin(ctx context.Context, o kv.TxnOptions) (kv.Txn, error) {
	if err := errors.Join(s.usable(), ctx.Err()); err != nil {
		return nil, err
	}
	if o.Account == nil {
		return nil, sqlerr.AssertionError("kv/local: a transaction without an account")
	}
	return newTxn(s, o), nil
}

func (s *store) Snapshot(ctx context.Context) (kv.Reader, error) {
	if err := errors.Join(s.usable(), ctx.Err()); err != nil {
		return nil, err
	}
	return &reader{store: s, view: s.newView()}, nil
}

func (s *store) Stats() kv.Stats {
	st := kv.Stats{Iterators: s.scans.Load()}
	st.Locks, st.Waiters = s.locks.figures()
	now := time.Now()
	s.views.Lock()
	st.Snapshots = int64(len(s.views.list))
	for v := range s.views.list {
		st.OldestSnapshot = max(st.OldestSnapshot, now.Sub(v.taken))
	}
	s.views.Unlock()
	if s.usable() != nil {
		return st
	}
	m := s.db.Metrics()
	st.CacheBytes, st.CacheCapacity = m.BlockCache.Size, s.options.CacheBytes
	st.CacheHits, st.CacheMisses = m.BlockCache.Hits, m.BlockCache.Misses
	st.MemtableBytes, st.ZombieMemtableBytes = int64(m.MemTable.Size), int64(m.MemTable.ZombieSize)
	st.DiskBytes = int64(m.DiskSpaceUsage())
	for _, l := range m.Levels {
		st.Files += l.TablesCount
	}
	st.Flushes, st.Compactions = m.Flush.Count, m.Compact.Count
	st.Trims = s.trims.Load()
	st.Text = m.String()
	return st
}

// Close ends the engine. Transactions and readers should have ended; what is left of them fails from now on.
// Repeatable.
func (s *store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	close(s.stop)
	s.background.Wait()
	s.locks.close()
	s.views.Lock()
	var err error
	for v := range s.views.list {
		err = errors.Join(err, v.snapshot.Close())
	}
	clear(s.views.list)
	s.views.Unlock()
	return errors.Join(err, s.db.Close(), s.lock.Close())
}
