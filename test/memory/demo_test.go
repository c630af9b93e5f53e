package memory_test

import (
	"fmt"
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

// requireLines looks for the log's lines of one statement.
func requireLines(t *testing.T, log string, quota int64) {
	for _, text := range []string{
		"memory exceeds quota, spill to disk now.", "memory exceeds quota, set aggregate mode to spill-mode",
	} {
		require.Equal(t, 1, strings.Count(log, text), "%s in %s", text, log)
	}
	require.Equal(t, 2, strings.Count(log, fmt.Sprintf("[quota=%d]", quota)), log)
	require.Contains(t, log, "[consumed=")
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
	require.Less(t, time.Since(start), 5*time.Second)
	require.Contains(t, err.Error(), fmt.Sprintf("Out Of Memory Quota![conn_id=%d]", id))
	require.Contains(t, err.Error(), "HashAgg", "it says what each operator held")
	query1(t, c, "SELECT 1", "1")
	require.Zero(t, s.ReadStatus(t).Spill.Written)
}
