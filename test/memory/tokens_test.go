package memory_test

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/test/harness"
)

// pressureLine is what the log has of a statement over its quota.
var pressureLine = regexp.MustCompile(`(?m)^\[[^]]+\] \[(INFO|WARN)\] \[[^]]+\] \["(memory exceeds quota[^"]*)"\](.*)$`)

// tokenFields are those of a token that is given up.
var tokenFields = regexp.MustCompile(`^ \[consumed=(\d+)\] \[quota=(\d+)\] (.*) \[conn=\d+\]$`)

// TestFlowControl: a statement over its quota gives its tokens up, one at a time, before it spills.
func TestFlowControl(t *testing.T) {
	const quota = 16 * mib
	s := startQuota(t, quota, nil)
	db := s.DB(t, "test")
	fill(t, db, 256)
	c := harness.Conn(t, db)
	query := "SELECT COUNT(*), SUM(c) FROM (SELECT /*+ HASH_AGG() */ COUNT(*) c FROM t t1 JOIN t t2 JOIN t t3 " +
		"WHERE t3.a < 32 GROUP BY t1.a, t2.a, t3.a) d"
	pressure := func() (lines [][]string) {
		t.Helper()
		before := len(s.Log())
		query1(t, c, query, "2097152", "2097152")
		return pressureLine.FindAllStringSubmatch(s.Log()[before:], -1)
	}
	set := func(q string) {
		t.Helper()
		_, err := c.ExecContext(t.Context(), q)
		require.NoError(t, err, q)
	}

	query1(t, c, "SELECT @@tidb_distsql_scan_concurrency, @@tidb_enable_rate_limit_action", "15", "0")
	for _, l := range pressure() {
		require.NotContains(t, l[2], "token", "the rate limit is off")
	}
	set("SET tidb_enable_rate_limit_action = ON, tidb_distsql_scan_concurrency = 4")
	lines := pressure()
	require.Greater(t, len(lines), 5)
	for i, left := range []int{4, 3, 2} {
		require.Equal(t, "INFO", lines[i][1])
		require.Equal(t, "memory exceeds quota, destroy one token now.", lines[i][2])
		m := tokenFields.FindStringSubmatch(lines[i][3])
		require.NotNil(t, m, lines[i][3])
		consumed, err := strconv.ParseInt(m[1], 10, 64)
		require.NoError(t, err)
		require.Greater(t, consumed, int64(quota))
		require.Equal(t, strconv.Itoa(quota), m[2])
		require.Equal(t, fmt.Sprintf(`["total token count"=4] ["remaining token count"=%d]`, left), m[3])
	}
	require.Equal(t, "memory exceeds quota, rateLimitAction delegate to fallback action", lines[3][2])
	require.Regexp(t, `^ \["total token count"=4\] \[conn=\d+\]$`, lines[3][3])
	rest := ""
	for _, l := range lines[4:] {
		require.NotContains(t, l[2], "token")
		rest += l[2]
	}
	require.Contains(t, rest, "spill to disk now.")

	// With one token from the start there is none to give up.
	set("SET tidb_distsql_scan_concurrency = 1")
	lines = pressure()
	require.Equal(t, "memory exceeds quota, rateLimitAction delegate to fallback action", lines[0][2])
	require.Regexp(t, `\["total token count"=1\]`, lines[0][3])
}

// TestScanTokens: with one token for many workers a scan of many morsels still sees each row once.
func TestScanTokens(t *testing.T) {
	s := harness.Start(t, harness.Options{Variables: map[string]string{"tidb_executor_concurrency": "4"}})
	db := s.DB(t, "test")
	fill(t, db, 256)
	harness.Exec(t, db, "CREATE TABLE l(id INT PRIMARY KEY, s VARCHAR(300))",
		"INSERT INTO l SELECT n, REPEAT('x', 200) FROM "+numbers(1<<16))
	c := harness.Conn(t, db)
	for _, tokens := range []int{1, 3, 15} {
		_, err := c.ExecContext(t.Context(), fmt.Sprintf("SET tidb_distsql_scan_concurrency = %d", tokens))
		require.NoError(t, err)
		query1(t, c, "SELECT COUNT(*), SUM(id), SUM(LENGTH(s)) FROM l", "65536", "2147450880", "13107200")
	}
}
