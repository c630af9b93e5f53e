package sessiontest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTightSweep fails operations of breakers that spill because their quota is small.
func TestTightSweep(t *testing.T) {
	r := New(t, Options{})
	c := fill(t, r, 2*sweepRows)
	set(c, 1<<20, 1, 0, 0, 0)
	for _, q := range swept() {
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
				sweep(t, c, q, m, each, want, base)
			}
		})
	}
}

// minimum is the smallest quota with which a statement runs.
func (c *Client) minimum(t *testing.T, sql string) int64 {
	set(c, 1, 1, 0, 0, 0)
	_, err := c.Run(t.Context(), sql)
	require.ErrorContains(t, err, "the statement needs at least ")
	_, text, _ := strings.Cut(err.Error(), "needs at least ")
	number, _, _ := strings.Cut(text, " ")
	n, err := strconv.ParseInt(number, 10, 64)
	require.NoError(t, err)
	return n
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

// TestJoinWithoutSurplus: a hash join that has its minimum alone does not write a page for each row.
func TestJoinWithoutSurplus(t *testing.T) {
	r := New(t, Options{})
	c := fill(t, r, 2*sweepRows)
	for _, q := range []string{
		"select /*+ HASH_JOIN(t, w) */ count(*), sum(t.a), min(w.v) from t join w on t.id = w.id",
		"select /*+ HASH_JOIN(t, w) */ count(*), sum(t.a), min(w.v) from t left join w on t.b = w.v",
		"select count(*) from t where b not in (select v from w where k > 10)",
	} {
		set(c, c.minimum(t, q), 1, 0, 0, 0)
		before := r.Spill.Stats().WrittenRaw
		c.Must(q)
		written := r.Spill.Stats().WrittenRaw - before
		require.Positive(t, written, "it must spill: %s", q)
		const bytes = 2 * 2 * sweepRows * 64 // of both sides, about
		require.Less(t, written, int64(3*bytes), q)
	}
}
