package memory_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/test/harness"
)

// TestStalledGroups: groups that several workers give to a client that does not read: all of them wait, the process
// list says for what, and the statement's minimum is given back until the client goes on.
func TestStalledGroups(t *testing.T) {
	s := startQuota(t, 32*mib, map[string]string{"tidb_executor_concurrency": "3"})
	db := s.DB(t, "test")
	fill(t, db, 256)
	c := harness.Conn(t, db)
	rows, err := c.QueryContext(t.Context(), "SELECT /*+ HASH_AGG() */ t1.a, t2.a, t3.a, COUNT(*) "+
		"FROM t t1 JOIN t t2 JOIN t t3 WHERE t3.a < 32 GROUP BY t1.a, t2.a, t3.a")
	require.NoError(t, err)
	defer rows.Close()
	require.True(t, rows.Next())
	require.Eventually(t, func() bool {
		l := strings.Join(lines(t, db, "SELECT STATE FROM information_schema.processlist WHERE INFO LIKE '%HASH%' AND "+
			"INFO NOT LIKE '%processlist%'"), "")
		return l == "Sending to client" && s.ReadStatus(t).Pool.Minimums == 0
	}, 30*time.Second, 50*time.Millisecond)
	n, sum := 1, 0
	var a, b, d, count int
	require.NoError(t, rows.Scan(&a, &b, &d, &count))
	sum += a + b + d
	for rows.Next() {
		require.NoError(t, rows.Scan(&a, &b, &d, &count))
		n++
		sum += a + b + d
	}
	require.NoError(t, rows.Err())
	require.Equal(t, 32*256*256, n)
	require.Equal(t, n*(255+255+31)/2, sum)
}
