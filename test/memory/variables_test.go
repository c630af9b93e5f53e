package memory_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/test/harness"
)

func TestQuotaVariable(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	db := s.DB(t, "test")
	fill(t, db, 256)
	c := harness.Conn(t, db)
	exec := func(q string) {
		t.Helper()
		_, err := c.ExecContext(t.Context(), q)
		require.NoError(t, err, q)
	}
	exec("SET tidb_mem_quota_query = 8 << 20")
	query1(t, c, "SELECT @@tidb_mem_quota_query, @@global.tidb_mem_quota_query", "8388608", "1073741824")
	sorted := "SELECT COUNT(*), SUM(n) FROM (SELECT n FROM " + numbers(1<<20) +
		" ORDER BY n*7919%1048576 LIMIT 1048576) d"
	written := func() int64 { return s.ReadStatus(t).Spill.Written }
	query1(t, c, sorted, "1048576", "549755289600")
	first := written()
	require.Positive(t, first, "a sort over its quota spills")
	exec("SET tidb_mem_quota_query = 1 << 30")
	hinted := strings.Replace(sorted, "SELECT COUNT", "SELECT /*+ MEMORY_QUOTA(8 MB) */ COUNT", 1)
	query1(t, c, hinted, "1048576", "549755289600")
	require.Greater(t, written(), first, "the hint wins over the variable")

	exec("SET tidb_mem_quota_query = 64 << 10")
	start := time.Now()
	_, err := drain(t.Context(), c, "SELECT COUNT(*) FROM t GROUP BY a")
	requireCode(t, 1105, err)
	require.Contains(t, err.Error(), "Out Of Memory Quota![conn_id=")
	require.Contains(t, err.Error(), "needs at least")
	require.Less(t, time.Since(start), harness.Timeout)
	query1(t, c, "SELECT 1", "1")
	exec("SET tidb_mem_quota_query = 8 << 20")
	for _, action := range []string{"LOG", "CANCEL"} {
		exec("SET GLOBAL tidb_mem_oom_action = '" + action + "'")
		query1(t, c, sorted, "1048576", "549755289600")
	}
	for _, workers := range []int{1, 4, 16} {
		exec(fmt.Sprintf("SET tidb_executor_concurrency = %d", workers))
		query1(t, c, sorted, "1048576", "549755289600")
	}
}

// TestUserVariables: what they take is charged, and they leave room for statements.
func TestUserVariables(t *testing.T) {
	s := harness.Start(t, harness.Options{Limit: 208 * mib})
	db, other := s.DB(t, ""), s.DB(t, "")
	c := harness.Conn(t, db)
	_, err := c.ExecContext(t.Context(), "SET @long = REPEAT('x', 16 << 20)")
	requireCode(t, 8176, err)
	query1(t, c, "SELECT @long IS NULL", "1")
	n := 0
	for ; ; n++ {
		require.Less(t, n, 100)
		if _, err = c.ExecContext(t.Context(), fmt.Sprintf("SET @v%d = REPEAT('x', 1 << 20)", n)); err != nil {
			break
		}
	}
	requireCode(t, 8176, err)
	require.Positive(t, n)
	_, err = c.ExecContext(t.Context(), "SELECT REPEAT('x', 1 << 20) INTO @another")
	requireCode(t, 8176, err)
	query1(t, c, "SELECT LENGTH(@v0)", "1048576")
	many := false
	require.NoError(t, other.QueryRow("SELECT COUNT(*) > 100 FROM information_schema.collations").Scan(&many))
	require.True(t, many)
	_, err = c.ExecContext(t.Context(), "SET @v0 = NULL")
	require.NoError(t, err)
	_, err = c.ExecContext(t.Context(), "SELECT REPEAT('y', 1 << 20) INTO @another")
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.NoError(t, db.Close())
	require.NoError(t, other.Close())
	s.AssertRest(t)
}

// TestVariablesSurvive: SET GLOBAL outlives the server.
func TestVariablesSurvive(t *testing.T) {
	dir := t.TempDir()
	s := harness.Start(t, harness.Options{Data: dir})
	db := s.DB(t, "")
	harness.Exec(t, db, "SET GLOBAL tidb_mem_quota_query = 8 << 30", "SET GLOBAL tidb_executor_concurrency = 3")
	require.NoError(t, db.Close())
	s.Stop(t)
	s = harness.Start(t, harness.Options{Data: dir})
	query1(t, s.DB(t, ""), "SELECT @@tidb_mem_quota_query, @@tidb_executor_concurrency", "8589934592", "3")
}

func TestServerLimitVariable(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	db := s.DB(t, "")
	start := s.ReadStatus(t).Pool.Limit
	for _, refused := range []string{"'191MB'", "1", "'0%'", "'100%'", "'nonsense'", "-1"} {
		_, err := db.Exec("SET GLOBAL tidb_server_memory_limit = " + refused)
		require.Error(t, err, refused)
	}
	_, err := db.Exec("SET GLOBAL tidb_server_memory_limit = '191MB'")
	requireCode(t, 1231, err)
	require.Contains(t, err.Error(), "192 MiB")
	for value, limit := range map[string]int64{"'240MB'": 240 * mib, "251658240": 240 * mib, "'200MiB'": 200 * mib} {
		harness.Exec(t, db, "SET GLOBAL tidb_server_memory_limit = "+value)
		require.Equal(t, limit, s.ReadStatus(t).Limit, value)
		require.Less(t, s.ReadStatus(t).Pool.Limit, start)
	}
	harness.Exec(t, db, "SET GLOBAL tidb_server_memory_limit = '256MB'")
	require.Equal(t, start, s.ReadStatus(t).Pool.Limit)
}

// TestConcurrentSorts runs more sorts at once than memory holds; point queries go on meanwhile.
func TestConcurrentSorts(t *testing.T) {
	count, n := 4, 1<<20
	if testutil.Long() {
		count, n = 8, 6<<20
	}
	s := harness.Start(t, harness.Options{})
	db := s.DB(t, "test")
	fill(t, db, 256)
	harness.Exec(t, db, "CREATE TABLE p(id INT PRIMARY KEY, v INT)", "INSERT INTO p SELECT a, a*2 FROM t")
	query := fmt.Sprintf("SELECT COUNT(*), SUM(n) FROM (SELECT n, REPEAT('x', 40) s FROM %s "+
		"ORDER BY s, n*7919%%1048583 LIMIT %d) d", numbers(n), n)
	var sorts sync.WaitGroup
	errs := make(chan error, count)
	for range count {
		sorts.Go(func() {
			var rows, sum int64
			err := db.QueryRow(query).Scan(&rows, &sum)
			if err == nil && (rows != int64(n) || sum != int64(n)*int64(n-1)/2) {
				err = fmt.Errorf("%d rows, sum %d", rows, sum)
			}
			errs <- err
		})
	}
	done := make(chan struct{})
	go func() { sorts.Wait(); close(done) }()
	var slowest time.Duration
	points := 0
	for running := true; running; points++ {
		select {
		case <-done:
			running = false
		case <-time.After(20 * time.Millisecond):
		}
		start := time.Now()
		var v int
		require.NoError(t, db.QueryRow("SELECT v FROM p WHERE id = ?", points%256).Scan(&v))
		require.Equal(t, points%256*2, v)
		slowest = max(slowest, time.Since(start))
	}
	for range count {
		require.NoError(t, <-errs)
	}
	t.Logf("%d point queries, the slowest took %v; %d bytes spilled", points, slowest, s.ReadStatus(t).Spill.Written)
	require.Less(t, slowest, harness.Timeout, "the lane")
	require.Positive(t, s.ReadStatus(t).Spill.Written)
	require.NoError(t, db.Close())
}
