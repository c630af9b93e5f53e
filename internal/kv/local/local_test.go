package local

import (
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
	t.Run("tiny", func(t *testing.T) {
		kvtest.Run(t, func(t testing.TB, pool *memory.Pool) kv.Store {
			o := memoryOptions(t, pool)
			o.MemtableBytes, o.CacheBytes = 64<<10, 256<<10
			s, err := Open(o)
			require.NoError(t, err)
			return s
		})
	})
}
