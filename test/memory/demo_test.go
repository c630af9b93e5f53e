package memory_test

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/test/harness"
)

const (
	groupsQuery = "SELECT /*+ HASH_AGG() */ COUNT(*) FROM t t1 JOIN t t2 JOIN t t3 GROUP BY t1.a, t2.a, t3.a"
	sumsQuery   = "SELECT /*+ HASH_AGG() */ t1.a*65536+t2.a*256+t3.a k, SUM(t2.a^t3.a) s " +
		"FROM t t1 JOIN t t2 JOIN t t3 GROUP BY t1.a*65536+t2.a*256+t3.a"
	groups = 256 * 256 * 256
)

// TestDemo is the documentation's demonstration: 16,777,216 groups.
func TestDemo(t *testing.T) {
	type run struct {
		quota   int64
		workers int
	}
	runs := []run{{64 * mib, 2}}
	if testutil.Long() {
		runs = nil
		for _, quota := range []int64{1 << 30, 64 * mib, 16 * mib} {
			runs = append(runs, run{quota, 1}, run{quota, 2})
		}
	}
	for _, r := range runs {
		t.Run(fmt.Sprintf("%dMiB/%d", r.quota/mib, r.workers), func(t *testing.T) { demo(t, r.quota, r.workers) })
	}
}

func demo(t *testing.T, quota int64, workers int) {
	s := startQuota(t, quota, map[string]string{"tidb_executor_concurrency": strconv.Itoa(workers)})
	db := s.DB(t, "test")
	fill(t, db, 256)
	for _, q := range []string{groupsQuery, sumsQuery} {
		before, log := s.IO(t).WriteBytes, len(s.Log())
		lines := analyze(t, db, q)
		written := s.IO(t).WriteBytes - before
		for _, l := range lines {
			if strings.Contains(l.id, "HashAgg") {
				require.EqualValues(t, groups, l.actRows)
			}
			require.LessOrEqual(t, l.memory, quota+quota/10, l.id)
		}
		spilled := disk(lines)
		t.Logf("disk %d, written %d", spilled, written)
		if quota < 1<<30 {
			require.Positive(t, spilled)
			require.Less(t, spilled, written*2, "disk column against write_bytes")
			require.Greater(t, spilled*2, written, "disk column against write_bytes")
			requireLines(t, s.Log()[log:], quota)
		}
	}
	// Each group has one row; x^y over all pairs of bytes sums to 65536 * 127.5.
	query1(t, db, "SELECT COUNT(*), SUM(c), MAX(c) FROM (SELECT /*+ HASH_AGG() */ COUNT(*) c "+
		"FROM t t1 JOIN t t2 JOIN t t3 GROUP BY t1.a, t2.a, t3.a) d", "16777216", "16777216", "1")
	query1(t, db, "SELECT COUNT(*), SUM(k), SUM(s) FROM ("+sumsQuery+") d",
		"16777216", strconv.Itoa(groups/2*(groups-1)), strconv.Itoa(256*65536*255/2))
}

// quotaFields are those of the lines of a statement that spills.
var quotaFields = regexp.MustCompile(`^ \[consumed=(\d+)\] \[quota=(\d+)\] \[conn=\d+\]$`)

// requireLines looks for the log's lines of one statement: first that it spills, then that the aggregation does, each
// with more than the quota.
func requireLines(t *testing.T, log string, quota int64) {
	t.Helper()
	lines := pressureLine.FindAllStringSubmatch(log, -1)
	require.Len(t, lines, 2, log)
	require.Equal(t, "memory exceeds quota, spill to disk now.", lines[0][2])
	require.Equal(t, "memory exceeds quota, set aggregate mode to spill-mode", lines[1][2])
	for _, l := range lines {
		m := quotaFields.FindStringSubmatch(l[3])
		require.NotNil(t, m, l[0])
		consumed, err := strconv.ParseInt(m[1], 10, 64)
		require.NoError(t, err)
		require.Greater(t, consumed, quota, l[0])
		require.Equal(t, strconv.FormatInt(quota, 10), m[2])
	}
}

// TestSpillLines: what the log says is the same for every quota and number of workers.
func TestSpillLines(t *testing.T) {
	for _, quota := range []int64{64 * mib, 16 * mib} {
		s := startQuota(t, quota, nil)
		db := s.DB(t, "test")
		fill(t, db, 256)
		for workers := 1; workers <= 2; workers++ {
			c := harness.Conn(t, db)
			_, err := c.ExecContext(t.Context(), fmt.Sprintf("SET tidb_executor_concurrency = %d", workers))
			require.NoError(t, err)
			before := len(s.Log())
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				_, err := drain(ctx, c, groupsQuery)
				done <- err
			}()
			require.Eventually(t, func() bool {
				return strings.Contains(s.Log()[before:], "spill-mode")
			}, harness.Timeout, 10*time.Millisecond)
			time.Sleep(100 * time.Millisecond) // each once
			cancel()
			require.Error(t, <-done)
			require.Eventually(t, func() bool { // the next one has the server for itself
				st := s.ReadStatus(t)
				return st.Pool.Minimums+st.Pool.Leases+st.Pool.Evictable == 0
			}, harness.Timeout, 10*time.Millisecond)
			requireLines(t, s.Log()[before:], quota)
		}
	}
}

// TestNoTemporaryStorage: a statement that must not spill fails at its quota, at once, and its connection goes on.
func TestNoTemporaryStorage(t *testing.T) {
	s := startQuota(t, 64*mib, map[string]string{"tidb_enable_tmp_storage_on_oom": "OFF"})
	db := s.DB(t, "test")
	fill(t, db, 256)
	c := harness.Conn(t, db)
	var id int64
	require.NoError(t, c.QueryRowContext(t.Context(), "SELECT CONNECTION_ID()").Scan(&id))
	start := time.Now()
	_, err := drain(t.Context(), c, groupsQuery)
	requireCode(t, 1105, err)
	require.Less(t, time.Since(start), harness.Timeout)
	require.Contains(t, err.Error(), fmt.Sprintf("Out Of Memory Quota![conn_id=%d]", id))
	require.Contains(t, err.Error(), "HashAgg", "it says what each operator held")
	query1(t, c, "SELECT 1", "1")
	// With LOG it goes on, and says so.
	harness.Exec(t, db, "SET GLOBAL tidb_mem_oom_action = 'LOG'")
	before := len(s.Log())
	const q = "SELECT /*+ MEMORY_QUOTA(8 MB) HASH_AGG() */ COUNT(*) FROM t t1 JOIN t t2 JOIN t t3 WHERE t3.a < 4 " +
		"GROUP BY t1.a, t2.a, t3.a"
	n, err := drain(t.Context(), harness.Conn(t, db), q)
	require.NoError(t, err)
	require.Equal(t, 1<<18, n)
	require.Equal(t, 1, strings.Count(s.Log()[before:], `["memory exceeds quota"]`), s.Log()[before:])
	require.Zero(t, s.ReadStatus(t).Spill.Written)
}
