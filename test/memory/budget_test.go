package memory_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/test/harness"
)

// TestBudget holds a server under mixed load to its sum: the process to the limit, files to F, and nothing uncounted.
func TestBudget(t *testing.T) {
	limits, bytes := []int64{208}, int64(60*mib)
	if testutil.Long() {
		limits, bytes = []int64{192, 208, 256, 1024}, 400*mib
	}
	for _, limit := range limits {
		t.Run(fmt.Sprintf("%dMiB", limit), func(t *testing.T) { budget(t, limit*mib, bytes) })
	}
}

func budget(t *testing.T, limit, bytes int64) {
	s := harness.Start(t, harness.Options{Limit: limit})
	db := s.DB(t, "test")
	fill(t, db, 256)
	var drift int64
	look := func(state string) {
		st, m := s.ReadStatus(t), s.Memory(t)
		drift = max(drift, st.Pool.Drift)
		t.Logf("%-12s HWM %5.1f RSS %5.1f files %4.1f pages %5.1f drift %.1f MiB", state, float64(m.HWM)/mib,
			float64(m.RSS)/mib, float64(m.RSSFile)/mib, float64(st.Pool.Committed)/mib, float64(st.Pool.Drift)/mib)
		require.LessOrEqual(t, m.HWM+m.Swap, limit, state)
		require.LessOrEqual(t, m.RSSFile, st.Budget.Fixed, "F, "+state)
	}
	look("idle")
	var idle []net.Conn
	for range 500 {
		c, err := net.Dial("tcp", s.Addr())
		if err != nil {
			break
		}
		idle = append(idle, c)
	}
	look("500 sockets")
	for _, c := range idle {
		require.NoError(t, c.Close())
	}
	harness.Exec(t, db, "CREATE TABLE l(id INT PRIMARY KEY, s VARCHAR(300))")
	const row = 250
	for at := int64(0); at < bytes/row; at += 1 << 16 {
		harness.Exec(t, db, fmt.Sprintf("INSERT INTO l SELECT n+%d, REPEAT(CHAR(97+n%%26), 240) FROM %s",
			at, numbers(1<<16)))
	}
	look("load")
	for _, q := range []string{
		"SELECT COUNT(*), MAX(s) FROM l", "SELECT s, COUNT(*) FROM l GROUP BY s",
		"SELECT id FROM l ORDER BY s, id LIMIT 10",
		"SELECT COUNT(*) FROM (SELECT id FROM l ORDER BY s, id LIMIT 100000000) d", groupsQuery + " LIMIT 10",
	} {
		_, err := drain(t.Context(), db, q)
		require.NoError(t, err, q)
		look("query")
	}
	require.LessOrEqual(t, drift, int64(0), "bytes that nobody counts")
	require.NoError(t, db.Close())
}
