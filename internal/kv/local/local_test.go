package local

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/kv/kvtest"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/testutil"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// testLogger writes what is worth reading to the test's log.
type testLogger struct{ testing.TB }

func (l testLogger) Infof(string, ...any)              {}
func (l testLogger) Errorf(format string, args ...any) { l.Logf(format, args...) }

func memoryOptions(t testing.TB, pool *memory.Pool) Options {
	return Options{Path: "data", FS: vfs.NewMem(), Account: pool.Server(), Heap: pool.Heap(), Logger: testLogger{t}}
}

func TestConformance(t *testing.T) {
	t.Run("default", func(t *testing.T) {
		kvtest.Run(t, func(t testing.TB, pool *memory.Pool) kv.Store {
			s, err := Open(memoryOptions(t, pool))
			require.NoError(t, err)
			return s
		})
	})
	t.Run("sealed", func(t *testing.T) {
		kvtest.Run(t, func(t testing.TB, pool *memory.Pool) kv.Store {
			s := openFor(t, memoryOptions(t, pool))
			s.sealing = tinySealing
			return s
		})
	})
	t.Run("tiny", func(t *testing.T) {
		if testing.Short() {
			t.Skip("as default, slower")
		}
		kvtest.Run(t, func(t testing.TB, pool *memory.Pool) kv.Store {
			o := memoryOptions(t, pool)
			o.MemtableBytes, o.CacheBytes = 64<<10, 256<<10
			o.largeBytes, o.chunkBytes = 64, 48
			s, err := Open(o)
			require.NoError(t, err)
			return s
		})
	})
}

// tinySealing seals every few rows.
var tinySealing = sealing{every: 3, reloads: -1, trees: 3}

// absurd returns options that no server would run with.
func absurd(t testing.TB, r *rand.Rand, pool *memory.Pool) Options {
	o := memoryOptions(t, pool)
	o.MemtableBytes = 32 << 10 << r.IntN(4)
	o.CacheBytes = 128 << 10 << r.IntN(6)
	o.MaxConcurrentCompactions = 1 + r.IntN(3)
	o.largeBytes = []int{0, 100, 1000}[r.IntN(3)] // most values of a history are short
	o.chunkBytes = 20 + r.IntN(500)
	t.Logf("memtable %d, cache %d, compactions %d, large %d, chunks %d", o.MemtableBytes, o.CacheBytes,
		o.MaxConcurrentCompactions, o.largeBytes, o.chunkBytes)
	return o
}

func TestHistory(t *testing.T) {
	runs, steps := 4, 2000
	if testing.Short() {
		runs, steps = 1, 700
	}
	if testutil.Long() {
		runs = 100
	}
	for run := range runs {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			r := testutil.Rand(t)
			kvtest.History(t, func(t testing.TB, pool *memory.Pool) kv.Store {
				s := openFor(t, absurd(t, r, pool))
				if r.IntN(3) > 0 {
					s.sealing = sealing{every: 1 + r.Int64N(20), reloads: -1, trees: 2 + r.IntN(5)}
				}
				return s
			}, steps)
		})
	}
}
