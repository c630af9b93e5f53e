package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/kv/kvtest"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
)

// checkChunks says that the store has the chunks of its pointers, and no others. It returns how many there are.
func checkChunks(t testing.TB, s *store) int {
	t.Helper()
	v := s.newView()
	defer func() { require.NoError(t, v.unref()) }()
	it, err := v.snapshot.NewIter(&pebble.IterOptions{UpperBound: outerEnd})
	require.NoError(t, err)
	chunks, err := v.snapshot.NewIter(&pebble.IterOptions{LowerBound: outerEnd})
	require.NoError(t, err)
	n := 0
	live := chunks.First()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		require.NoError(t, err)
		f, err := formOf(value, len(value))
		require.NoError(t, err)
		length := int64(0)
		for i := 0; f.large && length < f.length; i++ {
			require.True(t, live)
			require.Equal(t, appendChunk(nil, it.Key(), i), bytes.Clone(chunks.Key()))
			chunk, err := chunks.ValueAndErr()
			require.NoError(t, err)
			if i == 0 {
				h, err := parseChunkHeader(chunk)
				require.NoError(t, err)
				require.Equal(t, f.length, h.length)
				chunk = chunk[chunkHeaderBytes:]
			}
			length += int64(len(chunk))
			n++
			live = chunks.Next()
		}
	}
	require.False(t, live, "chunks of nobody")
	require.NoError(t, errors.Join(it.Error(), chunks.Error(), it.Close(), chunks.Close()))
	return n
}

// Owners, their chunks and spans of them are in the order of keys.
func TestChunkKeys(t *testing.T) {
	keys := []string{
		"", "\x00", "\x00\x00", "\x00\x01", "\x00\xff", "\x01", "a", "a\x00", "a\x00\x01", "a\x01", "ab", "b",
		"\xfe\xff",
	}
	var last []byte
	for i, key := range keys {
		for _, index := range []int{0, 1, 255, 256, 1 << 20} {
			chunk := appendChunk(nil, []byte(key), index)
			require.Positive(t, bytes.Compare(chunk, last), "%q %d", key, index)
			last = chunk
			own := ownerSpan([]byte(key), 0)
			require.True(t, bytes.Compare(own.Start, chunk) <= 0 && bytes.Compare(chunk, own.End) < 0)
			for j, other := range keys {
				in := bytes.HasPrefix(chunk, appendOwner(nil, []byte(other)))
				require.Equal(t, i == j, in)
				span := chunkSpan(bounded(kv.Span{Start: []byte(other)}))
				require.Equal(t, j <= i, bytes.Compare(span.Start, chunk) <= 0, "%q from %q", key, other)
				require.Negative(t, bytes.Compare(chunk, span.End))
				if j > 0 {
					span = chunkSpan(bounded(kv.Span{End: []byte(other)}))
					require.Equal(t, i < j, bytes.Compare(chunk, span.End) < 0, "%q up to %q", key, other)
				}
			}
		}
	}
}

// put commits one value.
func put(ctx context.Context, s kv.Store, acct *memory.Account, key string, value []byte) error {
	return change(ctx, s, acct, func(txn kv.Txn) error { return txn.Set([]byte(key), value) })
}

func change(ctx context.Context, s kv.Store, acct *memory.Account, f func(kv.Txn) error) error {
	txn, err := s.Begin(ctx, kv.TxnOptions{Account: acct})
	if err != nil {
		return err
	}
	if _, err = txn.BeginStatement(ctx, false); err == nil {
		err = f(txn)
	}
	if err != nil {
		return errors.Join(err, txn.Rollback())
	}
	return txn.Commit(ctx)
}

// After random commits the chunks are those of what is stored, after reopening as well; with everything deleted, none.
func TestNoChunksLeft(t *testing.T) {
	r := testutil.Rand(t)
	pool := kvtest.NewPool(t)
	o := memoryOptions(t, pool)
	o.MemtableBytes, o.CacheBytes, o.largeBytes, o.chunkBytes = 64<<10, 1<<20, 200, 90
	s := openFor(t, o)
	acct := pool.Server().Child("session")
	defer acct.Close()
	key := func() []byte { return fmt.Appendf(nil, "k%02d\x00", r.IntN(40)) }
	most := 0
	for step := range 200 {
		require.NoError(t, change(t.Context(), s, acct, func(txn kv.Txn) error {
			for range 1 + r.IntN(12)*r.IntN(3) {
				var err error
				switch k := key(); r.IntN(8) {
				case 0, 1:
					err = txn.Delete(k)
				case 2:
					if r.IntN(4) == 0 {
						err = txn.DeleteSpan(kv.Span{Start: k, End: []byte(string(k[:2]) + "~")})
					}
				default:
					err = txn.Set(k, []byte(strings.Repeat("\xff", r.IntN(3000))))
				}
				if err != nil {
					return err
				}
			}
			return nil
		}))
		most = max(most, checkChunks(t, s))
		if step%50 == 49 {
			require.NoError(t, s.Close())
			s = openFor(t, o)
			require.True(t, s.chunked.Load())
		}
	}
	require.Greater(t, most, 100)
	require.NoError(t, change(t.Context(), s, acct, func(txn kv.Txn) error {
		for i := range 40 {
			if err := txn.Delete(fmt.Appendf(nil, "k%02d\x00", i)); err != nil {
				return err
			}
		}
		return nil
	}))
	require.Zero(t, checkChunks(t, s))
	require.NoError(t, s.Close())
	s = openFor(t, o)
	require.False(t, s.chunked.Load())
	require.NoError(t, s.Close())
}

// A crash leaves a value of one commit with its chunks and no others, whenever it happens.
func TestCrashWithChunks(t *testing.T) {
	r := testutil.Rand(t)
	pool := kvtest.NewPool(t)
	disk := vfs.NewCrashableMem()
	for round := range 12 {
		o := memoryOptions(t, pool)
		o.FS, o.MemtableBytes, o.CacheBytes = disk, 256<<10, 1<<20
		// Synced or not, written or not: the disk is cloned at a random one of the writes of a commit.
		var clone *vfs.MemFS
		var countdown atomic.Int64
		countdown.Store(-1)
		plain := disk
		seed := rand.New(rand.NewPCG(r.Uint64(), 0))
		o.FS = errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && countdown.Load() >= 0 && countdown.Add(-1) == -1 {
				clone = plain.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[round%3], RNG: seed})
			}
			return nil
		}))
		s := openFor(t, o)
		checkChunks(t, s)
		before := 100_000 + 1000*round
		require.NoError(t, put(t.Context(), s, pool.Server(), "v", bytes.Repeat([]byte("b"), before)))
		after := []int{0, 70_000, 900_000}[r.IntN(3)] + round
		countdown.Store(int64(r.IntN(20)))
		require.NoError(t, put(t.Context(), s, pool.Server(), "v", bytes.Repeat([]byte("a"), after)))
		countdown.Store(-1)
		checkChunks(t, s)
		require.NoError(t, s.Close())
		if clone == nil {
			clone = disk.CrashClone(vfs.CrashCloneCfg{})
		}
		disk = clone
		o.FS = disk
		s = openFor(t, o)
		checkChunks(t, s)
		view, err := s.Snapshot(t.Context())
		require.NoError(t, err)
		v, ok, err := view.Get(t.Context(), []byte("v"), nil)
		require.NoError(t, err)
		require.True(t, ok)
		want := bytes.Repeat([]byte("b"), before)
		if len(v) != before {
			want = bytes.Repeat([]byte("a"), after)
		}
		require.True(t, bytes.Equal(want, v))
		require.NoError(t, view.Close())
		require.NoError(t, s.Close())
	}
}

// Whatever fails in a commit with large values leaves the values before, and no chunks of the others; so does the end
// of its context.
func TestFailedChunks(t *testing.T) {
	pool := kvtest.NewPool(t)
	var fail atomic.Int64 // writes of tables until one fails; negative: none
	fail.Store(-1)
	failure := fmt.Errorf("disk: %w", syscall.ENOSPC)
	o := memoryOptions(t, pool)
	o.MemtableBytes, o.MinFreeDiskBytes = 256<<10, -1
	disk := o.FS
	o.FS = errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if strings.Contains(op.Path, ingestFolder) && op.Kind.ReadOrWrite() == errorfs.OpIsWrite &&
			op.Kind != errorfs.OpRemove && op.Kind != errorfs.OpFileClose && fail.Load() >= 0 && fail.Add(-1) == -1 {
			return failure
		}
		return nil
	}))
	s := openFor(t, o)
	acct := pool.Server().Child("session")
	defer acct.Close()
	large := bytes.Repeat([]byte("v"), 300_000)
	require.NoError(t, put(t.Context(), s, acct, "v", large))
	n := checkChunks(t, s)
	failures := 0
	for after := int64(0); ; after++ {
		fail.Store(after)
		err := put(t.Context(), s, acct, "w", large)
		reached := fail.Load() < 0
		fail.Store(-1)
		names, listErr := disk.List(disk.PathJoin(o.Path, ingestFolder))
		require.NoError(t, listErr)
		require.Empty(t, names)
		if !reached {
			require.NoError(t, err)
			break
		}
		if err == nil { // the engine got over it
			require.NoError(t, change(t.Context(), s, acct, func(txn kv.Txn) error { return txn.Delete([]byte("w")) }))
			continue
		}
		failures++
		require.True(t, sqlerr.Is(err, sqlerr.ErrDiskFull), "%v", err)
		require.Equal(t, n, checkChunks(t, s))
	}
	require.Greater(t, failures, 2)
	require.Equal(t, 2*n, checkChunks(t, s))
	ctx, cancel := context.WithCancel(t.Context())
	err := change(ctx, s, acct, func(txn kv.Txn) error {
		defer cancel()
		return txn.Set([]byte("x"), large)
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 2*n, checkChunks(t, s))
	require.Zero(t, acct.Stats().Current)
	require.NoError(t, s.Close())
}

// A value far larger than the heap ledger and than memory is stored, changed within its transaction and read.
func TestLargeValueInSmallMemory(t *testing.T) {
	pool := kvtest.NewPool(t)
	o := memoryOptions(t, pool)
	s := openFor(t, o)
	pool.SetLimit(6 << 20)
	acct := pool.Server().Child("session")
	defer acct.Close()
	value := bytes.Repeat([]byte("0123456789abcdef"), 2<<20)
	txn, err := s.Begin(t.Context(), kv.TxnOptions{Account: acct})
	require.NoError(t, err)
	for i := range 3 {
		_, err = txn.BeginStatement(t.Context(), false)
		require.NoError(t, err)
		value[0] = byte(i)
		require.NoError(t, txn.Set([]byte("v"), value))
	}
	require.NoError(t, txn.Commit(t.Context()))
	require.Positive(t, pool.Stats().Evictions)
	r, err := s.Snapshot(t.Context())
	require.NoError(t, err)
	it, err := r.Scan(acct, kv.Span{}, kv.ScanOptions{})
	require.NoError(t, err)
	p := &kv.Pairs{Buf: make([]byte, 100), Ends: make([]int32, 2)}
	room := make([]byte, len(value)+1)
	p.Large = func(n int) ([]byte, error) { return room[:n], nil }
	ok, err := it.NextBatch(t.Context(), p, 1)
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, bytes.Equal(value, p.Value(0)))
	require.NoError(t, it.Close())
	require.NoError(t, r.Close())
	require.NoError(t, s.Close())
}
