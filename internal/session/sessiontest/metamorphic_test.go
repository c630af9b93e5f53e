package sessiontest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/testutil"
)

// single are the queries of one operator above a scan; each must do with 1 MiB.
const single = "|scan|index|strings|project|sort|sort wide|top|group|groups|scalar|stream|select distinct|values|limit|"

// TestMetamorphic runs the same queries with much and little memory, one and several workers, small batches and
// colliding hashes. The rows are always the same.
func TestMetamorphic(t *testing.T) {
	r := New(t, Options{})
	c := fill(t, r, sweepRows/2)
	quotas := []int64{256 << 10, 512 << 10, 1 << 20, 2 << 20, 4 << 20, 16 << 20}
	for _, q := range all() {
		t.Run(q.name, func(t *testing.T) {
			set(c, 1<<30, 1, 0, 0, 0)
			want, err := q.run(t.Context(), t, c, nil)
			require.NoError(t, err)
			base := r.baseline()
			try := func(quota int64, workers, force, zero, batch int) bool {
				what := fmt.Sprintf("%s: quota %d, workers %d, force %d, zero %d, batch %d",
					q.name, quota, workers, force, zero, batch)
				set(c, quota, workers, force, zero, batch)
				got, err := q.run(t.Context(), t, c, nil)
				if err != nil {
					requireClear(t, err, what)
					require.Contains(t, err.Error(), "Out Of Memory Quota", what)
				} else {
					requireRows(t, want, got, q.ordered, what)
				}
				clean(t, c, base, what)
				return err == nil
			}
			fits := false
			for _, quota := range quotas {
				ok := try(quota, 1, 0, 0, 0)
				require.False(t, fits && !ok, "%s: %d bytes do not suffice, but less did", q.name, quota)
				fits = fits || ok
				if quota == 1<<20 && strings.Contains(single, "|"+q.name+"|") {
					require.True(t, ok, "%s: more than 1 MiB", q.name)
				}
			}
			require.True(t, fits, "%s: more than 16 MiB", q.name)
			for workers := 1; workers <= 4; workers++ {
				for force := range 2 {
					require.True(t, try(1<<30, workers, force, 0, 0), q.name)
				}
			}
			require.True(t, try(1<<30, 2, 0, 1, 0), q.name)
			require.True(t, try(1<<30, 2, 1, 1, 7), q.name)
			for _, batch := range []int{1, 2, 33} {
				if batch > 1 || testutil.Long() {
					require.True(t, try(1<<30, 1, 0, 0, batch), q.name)
					require.True(t, try(1<<30, 3, 1, 0, batch), q.name)
				}
			}
		})
	}
}

func set(c *Client, quota int64, workers, force, zero, batch int) {
	c.Must(fmt.Sprintf("set tidb_mem_quota_query = %d, tidb_executor_concurrency = %d, spillway_force_spill = %d, "+
		"spillway_hash_zero = %d, spillway_batch_rows = %d", quota, workers, force, zero, batch))
}
