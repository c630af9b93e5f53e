package local

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/kv/kvtest"
)

// Scans that go on slowly while others write pin no memtables: without reopening, each would keep its own two.
func TestSlowScansPinNoMemtables(t *testing.T) {
	pool := kvtest.NewPool(t)
	o := memoryOptions(t, pool)
	o.MemtableBytes, o.CacheBytes = 256<<10, 4<<20
	s := openFor(t, o)
	const rows = 2000
	require.NoError(t, write(s, pool.Server(), 1, rows, 1))
	type slow struct {
		r  kv.Reader
		it kv.Iterator
	}
	var scans []slow
	p := &kv.Pairs{Buf: make([]byte, 1<<12), Ends: make([]int32, 20)}
	flushes := s.Stats().Flushes
	for round := range 32 {
		r, err := s.Snapshot(t.Context())
		require.NoError(t, err)
		it, err := r.Scan(pool.Server(), kv.Span{}, kv.ScanOptions{Reverse: round%2 == 1})
		require.NoError(t, err)
		scans = append(scans, slow{r, it})
		for range 8 {
			require.NoError(t, write(s, pool.Server(), 2, 150, 2+round))
		}
		for _, c := range scans {
			ok, err := c.it.NextBatch(t.Context(), p, 10)
			require.NoError(t, err)
			require.True(t, ok)
		}
	}
	require.Greater(t, s.Stats().Flushes, flushes+10)
	// Two memtables, one that is being flushed, one kept for recycling.
	require.LessOrEqual(t, s.Stats().ZombieMemtableBytes, 4*o.MemtableBytes)
	require.LessOrEqual(t, s.Stats().MemtableBytes, 4*o.MemtableBytes)
	require.EqualValues(t, len(scans), s.Stats().Snapshots)
	require.Positive(t, s.Stats().OldestSnapshot)
	for _, c := range scans {
		require.NoError(t, c.it.Close())
		require.NoError(t, c.r.Close())
	}
	require.NoError(t, s.Close())
}

func TestMalloc(t *testing.T) {
	MallocTrim()
	f := MallocBytes()
	require.GreaterOrEqual(t, f.Resident, f.Used)
	require.GreaterOrEqual(t, f.Mapped, f.Resident)
	if mallocKnown {
		require.Positive(t, f.Used)
	} else {
		require.Zero(t, f)
	}
}
