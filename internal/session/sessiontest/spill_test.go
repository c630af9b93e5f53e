package sessiontest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTightSweep fails operations of breakers that spill because their quota is small.
func TestTightSweep(t *testing.T) {
	r := New(t, Options{})
	c := fill(t, r, 2*sweepRows)
	set(c, 1<<20, 1, 0, 0, 0)
	for i := range queries {
		q := &queries[i]
		switch q.name {
		case "sort wide", "cursor":
		default:
			continue
		}
		t.Run(q.name, func(t *testing.T) {
			written := r.Spill.Stats().Writes
			want, err := q.run(t.Context(), t, c, nil)
			require.NoError(t, err)
			require.Greater(t, r.Spill.Stats().Writes, written, "it must spill")
			base := r.baseline()
			for _, m := range diskModes {
				sweep(t, c, q, m, want, base)
			}
		})
	}
}

// TestLimitOfOneBranch: a branch of UNION ALL that has enough rows does not end the others.
func TestLimitOfOneBranch(t *testing.T) {
	r := New(t, Options{})
	c := fill(t, r, 100)
	for workers := 1; workers <= 3; workers++ {
		c.Must(fmt.Sprintf("set tidb_executor_concurrency = %d", workers))
		require.Len(t, c.Must("(select id from t limit 5) union all select id from u"), 65)
		require.Len(t, c.Must("select id from u union all (select id from t limit 5) union all select id from u"), 125)
		require.Len(t, c.Must("(select id from t limit 5) union all (select id from u limit 3) limit 7"), 7)
	}
}
