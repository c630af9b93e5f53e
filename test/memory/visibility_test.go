package memory_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/test/harness"
)

// lines reads all rows of a query, each as its columns between tabs.
func lines(t testing.TB, db *sql.DB, query string) (out []string) {
	t.Helper()
	rows, err := db.Query(query)
	require.NoError(t, err, query)
	defer rows.Close()
	names, err := rows.Columns()
	require.NoError(t, err)
	values, to := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range values {
		to[i] = &values[i]
	}
	for rows.Next() {
		require.NoError(t, rows.Scan(to...))
		var line []string
		for _, v := range values {
			line = append(line, v.String)
		}
		out = append(out, strings.Join(line, "\t"))
	}
	require.NoError(t, rows.Err())
	return out
}

// find is the first line of a plan that has the operator.
func find(t testing.TB, plan []string, operator string) string {
	t.Helper()
	for _, l := range plan {
		if strings.Contains(l, operator) {
			return l
		}
	}
	require.Fail(t, "no "+operator, strings.Join(plan, "\n"))
	return ""
}

// TestExplainSaysWhatSpills: before and after, per operator.
func TestExplainSaysWhatSpills(t *testing.T) {
	s := startQuota(t, 16*mib, nil)
	db := s.DB(t, "test")
	fill(t, db, 256)
	query := "SELECT /*+ HASH_AGG() */ COUNT(*) FROM t t1 JOIN t t2 JOIN t t3 WHERE t3.a < 16 GROUP BY t1.a, t2.a, t3.a"
	plan := lines(t, db, "EXPLAIN "+query)
	require.Contains(t, plan[0], "statement minimum: ")
	require.Contains(t, find(t, plan, "HashAgg"), "spill:expected")
	require.NotContains(t, find(t, plan, "TableFullScan"), "spill")
	sorted := "SELECT * FROM t t1 JOIN t t2 JOIN t t3 ORDER BY t2.a"
	require.Contains(t, find(t, lines(t, db, "EXPLAIN "+sorted), "Sort"), "spill:expected")
	topN := find(t, lines(t, db, "EXPLAIN "+sorted+" LIMIT 10"), "TopN")
	require.NotContains(t, topN, "spill")
	small := lines(t, db, "EXPLAIN SELECT COUNT(*) FROM t GROUP BY a")
	require.NotContains(t, find(t, small, "HashAgg"), "spill")

	agg := find(t, lines(t, db, "EXPLAIN ANALYZE "+query), "HashAgg")
	require.Regexp(t, `time:\S+, loops:\d+, workers:\d+, minimum:[\d.]+ [KM]B, partitions:\d+, (rounds:\d+, )?`+
		`spill:\{raw:[\d.]+ MB, written:[\d.]+ [KM]B, read:[\d.]+ MB, write time:\S+s, wait:\S+s\}`, agg)
	require.Contains(t, agg, "spill:expected")
	sort := find(t, lines(t, db, "EXPLAIN ANALYZE SELECT * FROM t t1 JOIN t t2 JOIN t t3 WHERE t3.a < 16 "+
		"ORDER BY t2.a"), "Sort")
	require.Regexp(t, `runs:\d+, spill:\{raw:`, sort)
}

// TestMemoryUsage: the server's figures, and what it has done about its memory.
func TestMemoryUsage(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	db := s.DB(t, "test")
	fill(t, db, 256)
	usage := func(columns string) []string {
		t.Helper()
		l := lines(t, db, "SELECT "+columns+" FROM information_schema.memory_usage")
		require.Len(t, l, 1)
		return strings.Split(l[0], "\t")
	}
	query1(t, db, "SELECT MEMORY_LIMIT, MEMORY_TOTAL >= MEMORY_LIMIT OR 1, MEMORY_CURRENT > 10000000, "+
		"MEMORY_MAX_USED >= MEMORY_CURRENT, SESSION_KILL_TOTAL, GC_TOTAL >= 0, DISK_USAGE, QUERY_FORCE_DISK "+
		"FROM information_schema.memory_usage", "268435456", "1", "1", "1", "0", "1", "0", "0")
	require.Equal(t, []string{"", ""}, usage("CURRENT_OPS, SESSION_KILL_LAST"))
	require.Empty(t, lines(t, db, "SELECT * FROM information_schema.memory_usage_ops_history"))

	// One statement that spills, and one that must not and is ended.
	c := harness.Conn(t, db)
	_, err := drain(t.Context(), c, "SELECT /*+ MEMORY_QUOTA(8 MB) */ * FROM t t1 JOIN t t2 JOIN t t3 WHERE t3.a < 16 "+
		"ORDER BY t2.a")
	require.NoError(t, err)
	harness.Exec(t, db, "SET GLOBAL tidb_enable_tmp_storage_on_oom = OFF")
	_, err = drain(t.Context(), c, groupsQuery)
	requireCode(t, 8176, err)
	query1(t, c, "SELECT 1", "1")
	u := usage("SESSION_KILL_LAST, SESSION_KILL_TOTAL, GC_LAST, GC_TOTAL, QUERY_FORCE_DISK")
	require.Equal(t, []string{"1", "1"}, []string{u[1], u[4]})
	for _, at := range []string{u[0], u[2]} {
		when, err := time.Parse(time.DateTime, strings.Replace(at, "T", " ", 1)[:len(time.DateTime)])
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), when, 24*time.Hour)
	}
	history := lines(t, db, "SELECT OPS, MEMORY_LIMIT, MEMORY_CURRENT > 0, PROCESSID > 0, MEM > 10000000, DISK, DB, "+
		"USER, LENGTH(SQL_DIGEST), SQL_TEXT FROM information_schema.memory_usage_ops_history")
	require.Equal(t, []string{
		"SessionKill\t268435456\t1\t1\t1\t0\ttest\troot\t64\t" + groupsQuery,
	}, history)
}
