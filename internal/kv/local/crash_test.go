package local

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/kv/kvtest"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/testutil"
)

// write commits rows of one version to a writer's own keys, and says if it did.
func write(s kv.Store, acct *memory.Account, writer, rows, version int) error {
	ctx := context.Background()
	txn, err := s.Begin(ctx, kv.TxnOptions{Account: acct})
	if err != nil {
		return err
	}
	defer func() { _ = txn.Rollback() }()
	if _, err := txn.BeginStatement(ctx, false); err != nil {
		return err
	}
	for i := range rows {
		value := fmt.Sprintf("%06d%s", version, strings.Repeat("v", i%100))
		if err := txn.Set(fmt.Appendf(nil, "%d-%06d", writer, i), []byte(value)); err != nil {
			return err
		}
	}
	return txn.Commit(ctx)
}

// version returns the version of a writer's rows, which must all be of one; 0: no rows.
func version(t testing.TB, s kv.Store, acct *memory.Account, writer, rows int) int {
	r, err := s.Snapshot(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	span := kv.Span{Start: fmt.Appendf(nil, "%d-", writer), End: fmt.Appendf(nil, "%d.", writer)}
	it, err := r.Scan(acct, span, kv.ScanOptions{})
	require.NoError(t, err)
	defer func() { require.NoError(t, it.Close()) }()
	p := &kv.Pairs{Buf: make([]byte, 1<<16), Ends: make([]int32, 2000)}
	found, n := 0, 0
	for {
		ok, err := it.NextBatch(t.Context(), p, 1000)
		require.NoError(t, err)
		if !ok {
			break
		}
		for i := range p.N {
			v := 0
			_, err := fmt.Sscanf(string(p.Value(i)[:6]), "%06d", &v)
			require.NoError(t, err)
			if n > 0 {
				require.Equal(t, found, v, "half a commit")
			}
			found = v
			n++
		}
	}
	require.True(t, n == 0 || n == rows, "%d of %d rows", n, rows)
	return found
}

// After a crash at any moment, what was acknowledged is there and no commit is there by half: small ones, which are
// batches, and large ones, which are ingested.
func TestCrash(t *testing.T) {
	r := testutil.Rand(t)
	rounds := 6
	if testutil.Long() {
		rounds = 100
	}
	pool := kvtest.NewPool(t)
	sizes := []int{3, 40, 900} // rows of the writers' commits; the last one's is ingested
	var acknowledged [3]int
	disk := vfs.NewCrashableMem()
	for round := range rounds {
		o := memoryOptions(t, pool)
		o.FS, o.MemtableBytes, o.CacheBytes = disk, 64<<10, 1<<20
		s, err := Open(o)
		require.NoError(t, err)
		var found [3]int
		for w, rows := range sizes {
			found[w] = version(t, s, pool.Server(), w, rows)
			require.GreaterOrEqual(t, found[w], acknowledged[w], "writer %d, round %d", w, round)
		}
		var mu sync.Mutex
		done := found // acknowledged so far
		stop := make(chan struct{})
		var group sync.WaitGroup
		for w, rows := range sizes {
			group.Go(func() {
				for v := found[w] + 1; ; v++ {
					select {
					case <-stop:
						return
					default:
					}
					if err := write(s, pool.Server(), w, rows, v); err != nil {
						t.Errorf("writer %d: %v", w, err)
						return
					}
					mu.Lock()
					done[w] = v
					mu.Unlock()
				}
			})
		}
		target := found[0] + 20 + r.IntN(200)
		for enough := false; !enough && !t.Failed(); time.Sleep(time.Millisecond) {
			mu.Lock()
			enough = done[0] >= target && done[1] > found[1] && done[2] > found[2]
			mu.Unlock()
		}
		mu.Lock()
		acknowledged = done
		mu.Unlock()
		crashed := disk.CrashClone(vfs.CrashCloneCfg{
			UnsyncedDataPercent: []int{0, 50, 100}[round%3], RNG: rand.New(rand.NewPCG(r.Uint64(), 0)),
		})
		close(stop)
		group.Wait()
		require.NoError(t, s.Close())
		disk = crashed
	}
	for w := range sizes {
		require.Greater(t, acknowledged[w], 0)
	}
}
