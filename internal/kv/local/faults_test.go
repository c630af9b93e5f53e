package local

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/kv/kvtest"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

func openFor(t testing.TB, o Options) *store {
	s, err := Open(o)
	require.NoError(t, err)
	return s.(*store)
}

func TestFormat(t *testing.T) {
	pool := kvtest.NewPool(t)
	o := memoryOptions(t, pool)
	s := openFor(t, o)
	require.NoError(t, write(s, pool.Server(), 1, 10, 7))
	_, err := Open(o)
	var inUse *InUseError
	require.ErrorAs(t, err, &inUse)
	require.NoError(t, s.Close())

	o.ReadOnly = true
	s = openFor(t, o)
	require.Equal(t, 7, version(t, s, pool.Server(), 1, 10))
	require.True(t, sqlerr.Is(write(s, pool.Server(), 1, 10, 8), sqlerr.ErrOptionPreventsStatement))
	require.NoError(t, s.Close())

	f, err := o.FS.Create(o.FS.PathJoin(o.Path, formatFile), vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	_, err = f.Write([]byte("spillway 99\n"))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	_, err = Open(o)
	var format *FormatError
	require.ErrorAs(t, err, &format)
	require.Equal(t, "spillway 99", format.Found)

	require.NoError(t, o.FS.Remove(o.FS.PathJoin(o.Path, formatFile)))
	o.ReadOnly = false
	_, err = Open(o)
	require.ErrorAs(t, err, &format)
	require.Empty(t, format.Found)

	o.Path, o.ReadOnly = "nothing", true
	_, err = Open(o)
	require.Error(t, err)
}

func TestSecondServerOnDisk(t *testing.T) {
	pool := kvtest.NewPool(t)
	o := memoryOptions(t, pool)
	o.Path, o.FS = t.TempDir(), nil
	s := openFor(t, o)
	require.NoError(t, write(s, pool.Server(), 1, 20_000, 1))
	_, err := Open(o)
	var inUse *InUseError
	require.ErrorAs(t, err, &inUse)
	require.NoError(t, s.Close())
	s = openFor(t, o)
	require.Equal(t, 1, version(t, s, pool.Server(), 1, 20_000))
	require.NoError(t, s.Close())
}

// What fails on the way to a large commit leaves the store as it was, and no table behind.
func TestFailedTables(t *testing.T) {
	pool := kvtest.NewPool(t)
	var fail atomic.Int64 // operations on tables until one fails; negative: none
	fail.Store(-1)
	failure := fmt.Errorf("disk: %w", syscall.ENOSPC)
	o := memoryOptions(t, pool)
	disk := o.FS
	o.MinFreeDiskBytes = -1
	o.FS = errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if strings.Contains(op.Path, ingestFolder) && op.Kind.ReadOrWrite() == errorfs.OpIsWrite &&
			op.Kind != errorfs.OpRemove && op.Kind != errorfs.OpFileClose && fail.Load() >= 0 && fail.Add(-1) == -1 {
			return failure
		}
		return nil
	}))
	s := openFor(t, o)
	const rows = 6_000
	require.NoError(t, write(s, pool.Server(), 1, rows, 1))
	failures := 0
	for n := int64(0); ; n++ {
		fail.Store(n)
		err := write(s, pool.Server(), 1, rows, 2)
		reached := fail.Load() < 0
		fail.Store(-1)
		names, listErr := disk.List(disk.PathJoin(o.Path, ingestFolder))
		require.NoError(t, listErr)
		require.Empty(t, names)
		if !reached {
			require.NoError(t, err)
			break
		}
		failures++
		if err == nil { // one that the engine got over, by copying instead of linking
			require.Equal(t, 2, version(t, s, pool.Server(), 1, rows))
			require.NoError(t, write(s, pool.Server(), 1, rows, 1))
			continue
		}
		require.True(t, sqlerr.Is(err, sqlerr.ErrDiskFull), "%v", err)
		require.Equal(t, 1, version(t, s, pool.Server(), 1, rows))
	}
	require.Greater(t, failures, 3)
	require.Equal(t, 2, version(t, s, pool.Server(), 1, rows))
	require.NoError(t, s.Close())
}

// A read error ends the scan with it; the store goes on.
func TestReadError(t *testing.T) {
	pool := kvtest.NewPool(t)
	var failing atomic.Bool
	failure := errors.New("bad sector")
	o := memoryOptions(t, pool)
	o.CacheBytes, o.MemtableBytes = 128<<10, 64<<10
	o.FS = errorfs.Wrap(o.FS, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if failing.Load() && op.Kind == errorfs.OpFileReadAt && strings.HasSuffix(op.Path, ".sst") {
			return failure
		}
		return nil
	}))
	s := openFor(t, o)
	const rows = 6_000
	require.NoError(t, write(s, pool.Server(), 1, rows, 1))
	failing.Store(true)
	r, err := s.Snapshot(t.Context())
	require.NoError(t, err)
	it, err := r.Scan(pool.Server(), kv.Span{}, kv.ScanOptions{})
	require.NoError(t, err)
	p := &kv.Pairs{Buf: make([]byte, 1<<16), Ends: make([]int32, 2000)}
	for err == nil {
		var ok bool
		ok, err = it.NextBatch(t.Context(), p, 1000)
		require.True(t, ok || err != nil, "the error was lost")
	}
	require.ErrorIs(t, err, failure)
	require.NoError(t, it.Close())
	require.NoError(t, r.Close())
	failing.Store(false)
	require.Equal(t, 1, version(t, s, pool.Server(), 1, rows))
	require.NoError(t, s.Close())
}

// smallDisk says how much is free.
type smallDisk struct {
	vfs.FS
	free atomic.Uint64
}

func (d *smallDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.free.Load(), TotalBytes: 1 << 40}, nil
}

// Commits are refused before the disk is full, and accepted as soon as it is not.
func TestDiskFull(t *testing.T) {
	pool := kvtest.NewPool(t)
	o := memoryOptions(t, pool)
	disk := &smallDisk{FS: o.FS}
	o.FS = disk
	s := openFor(t, o)
	disk.free.Store(1 << 20)
	require.True(t, sqlerr.Is(write(s, pool.Server(), 1, 1, 1), sqlerr.ErrDiskFull))
	require.Zero(t, version(t, s, pool.Server(), 1, 1))
	disk.free.Store(1 << 30)
	require.NoError(t, write(s, pool.Server(), 1, 1, 2))
	require.NoError(t, s.Close())
}

// A disk that is full in a flush or compaction: the engine tries again for ever; commits are refused meanwhile, those
// under way wait, reads go on. With room again all is as before.
func TestNoRoomForFlush(t *testing.T) {
	pool := kvtest.NewPool(t)
	o := memoryOptions(t, pool)
	o.CacheBytes, o.MemtableBytes = 128<<10, 64<<10
	var failing atomic.Bool
	o.FS = errorfs.Wrap(o.FS, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if failing.Load() && strings.HasSuffix(op.Path, ".sst") && op.Kind.ReadOrWrite() == errorfs.OpIsWrite &&
			op.Kind != errorfs.OpRemove {
			return fmt.Errorf("write: %w", syscall.EDQUOT)
		}
		return nil
	}))
	s := openFor(t, o)
	const rows = 50
	require.NoError(t, write(s, pool.Server(), 1, rows, 1))
	failing.Store(true)
	written := make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			if err := write(s, pool.Server(), 2+i%100, rows, i); err != nil {
				written <- err
				return
			}
		}
	}()
	require.Eventually(t, func() bool { return s.events.refusal() != nil }, time.Minute, time.Millisecond)
	err := write(s, pool.Server(), 1, rows, 2)
	require.True(t, sqlerr.Is(err, sqlerr.ErrDiskFull), "%v", err)
	require.Equal(t, 1, version(t, s, pool.Server(), 1, rows))
	failing.Store(false)
	err = <-written
	require.True(t, sqlerr.Is(err, sqlerr.ErrDiskFull), "%v", err)
	require.Eventually(t, func() bool { return s.events.refusal() == nil }, time.Minute, time.Millisecond)
	require.NoError(t, write(s, pool.Server(), 1, rows, 3))
	require.Equal(t, 3, version(t, s, pool.Server(), 1, rows))
	require.NoError(t, s.Close())
}

// A write-ahead log that fails ends the server; commits report it until it has.
func TestFatal(t *testing.T) {
	pool := kvtest.NewPool(t)
	var failing atomic.Bool
	o := memoryOptions(t, pool)
	o.FS = errorfs.Wrap(o.FS, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if failing.Load() && strings.HasSuffix(op.Path, ".log") && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return fs.ErrPermission
		}
		return nil
	}))
	var told atomic.Int64
	o.Fatal = func(error) { told.Add(1) }
	s := openFor(t, o)
	require.NoError(t, write(s, pool.Server(), 1, 1, 1))
	failing.Store(true)
	err := write(s, pool.Server(), 1, 1, 2)
	require.ErrorIs(t, err, fs.ErrPermission)
	require.ErrorIs(t, write(s, pool.Server(), 1, 1, 3), fs.ErrPermission)
	require.EqualValues(t, 1, told.Load())
	failing.Store(false)
	_ = s.Close()
}

// No iterator of the engine outlives a flush (K1): one that does keeps its memtables.
func TestFlushEpoch(t *testing.T) {
	pool := kvtest.NewPool(t)
	o := memoryOptions(t, pool)
	s := openFor(t, o)
	require.NoError(t, write(s, pool.Server(), 1, 2000, 1))
	r, err := s.Snapshot(t.Context())
	require.NoError(t, err)
	for _, reverse := range []bool{false, true} {
		it, err := r.Scan(pool.Server(), kv.Span{}, kv.ScanOptions{Reverse: reverse})
		require.NoError(t, err)
		p := &kv.Pairs{Buf: make([]byte, 1<<16), Ends: make([]int32, 200)}
		rows := 0
		for i := 0; ; i++ {
			ok, err := it.NextBatch(t.Context(), p, 100)
			require.NoError(t, err)
			if !ok {
				break
			}
			rows += p.N
			require.NoError(t, write(s, pool.Server(), 1, 3, 2+i))
			require.NoError(t, s.db.Flush())
			if c := it.(*scan); c.it != nil {
				require.NotEqual(t, c.epoch, s.events.flushes.Load())
			}
		}
		require.Equal(t, 2000, rows)
		require.NoError(t, it.Close())
	}
	require.NoError(t, r.Close())
	require.NoError(t, s.Close())
}

// Batches, writers and iterators are charged, and given back.
func TestHeapLedger(t *testing.T) {
	pool, err := memory.NewPool(memory.Options{LimitBytes: 64 << 20, HeapLedgerBytes: 1 << 20})
	require.NoError(t, err)
	defer func() { require.NoError(t, pool.Close()) }()
	o := memoryOptions(t, pool)
	s := openFor(t, o)
	require.NoError(t, write(s, pool.Server(), 1, 100, 1))
	// Commits larger than the ledger, with a writer of 6 MiB each: one at a time.
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() {
			if err := write(s, pool.Server(), i, 20_000, 2); err != nil {
				t.Errorf("commit %d: %v", i, err)
			}
		})
	}
	all.Wait()
	require.Zero(t, pool.Stats().HeapReserved)
	var refusal *sqlerr.ServerMemoryError
	r, err := s.Snapshot(t.Context())
	require.NoError(t, err)
	var its []kv.Iterator
	for {
		it, err := r.Scan(pool.Server(), kv.Span{}, kv.ScanOptions{})
		if err != nil {
			require.ErrorAs(t, err, &refusal)
			break
		}
		its = append(its, it)
	}
	require.NoError(t, its[0].Pause())
	require.LessOrEqual(t, pool.Stats().HeapReserved, int64(9<<17))
	for _, it := range its {
		require.NoError(t, it.Close())
	}
	require.NoError(t, r.Close())
	require.Zero(t, pool.Stats().HeapReserved)
	require.NoError(t, s.Close())
}

// A write set far larger than the pool is spilled, read over the store, and committed.
func TestWriteSetLargerThanMemory(t *testing.T) {
	pool := kvtest.NewPool(t)
	pool.SetLimit(6 << 20)
	o := memoryOptions(t, pool)
	s := openFor(t, o)
	acct := pool.Server().Child("session")
	defer acct.Close()
	txn, err := s.Begin(t.Context(), kv.TxnOptions{Account: acct})
	require.NoError(t, err)
	value := []byte(strings.Repeat("v", 900))
	const rows, half = 30_000, 15_000
	for i := range rows {
		if i%half == 0 {
			_, err = txn.BeginStatement(t.Context(), false)
			require.NoError(t, err)
		}
		key := fmt.Appendf(nil, "%08d", i*7919%rows)
		ok, err := txn.Lock(t.Context(), key, kv.LockOptions{Mode: kv.LockExclusive})
		require.NoError(t, err)
		require.Equal(t, kv.LockTaken, ok)
		require.NoError(t, txn.Set(key, value))
	}
	require.Greater(t, txn.WriteBytes(), int64(4*6<<20))
	require.EqualValues(t, rows, s.Stats().Locks)
	require.NoError(t, txn.Commit(t.Context()))
	require.Positive(t, pool.Stats().Evictions)
	require.Zero(t, s.Stats().Locks)
	r, err := s.Snapshot(t.Context())
	require.NoError(t, err)
	it, err := r.Scan(acct, kv.Span{}, kv.ScanOptions{})
	require.NoError(t, err)
	p := &kv.Pairs{Buf: make([]byte, 1<<20), Ends: make([]int32, 2000)}
	n := 0
	for {
		ok, err := it.NextBatch(t.Context(), p, 1000)
		require.NoError(t, err)
		if !ok {
			break
		}
		n += p.N
	}
	require.Equal(t, rows, n)
	require.NoError(t, it.Close())
	require.NoError(t, r.Close())
	require.NoError(t, s.Close())
}

// The lock table has a bound, and what it refuses can be had once others end.
func TestMaxLocks(t *testing.T) {
	pool := kvtest.NewPool(t)
	o := memoryOptions(t, pool)
	o.MaxLocks = 10
	s := openFor(t, o)
	txn, err := s.Begin(t.Context(), kv.TxnOptions{Account: pool.Server()})
	require.NoError(t, err)
	for i := range 11 {
		_, err = txn.Lock(t.Context(), fmt.Append(nil, i), kv.LockOptions{Mode: kv.LockExclusive})
		require.Equal(t, i == 10, sqlerr.Is(err, sqlerr.ErrLockTableFull))
	}
	require.NoError(t, txn.Rollback())
	require.Zero(t, s.Stats().Locks)
	require.NoError(t, s.Close())
}
