package memory_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/test/harness"
)

const mib = 1 << 20

// startQuota starts a server whose limit is what a statement of that quota needs beside the server itself.
func startQuota(t testing.TB, quotaBytes int64, variables map[string]string) *harness.Server {
	v := map[string]string{"tidb_mem_quota_query": strconv.FormatInt(quotaBytes, 10)}
	for name, value := range variables {
		v[name] = value
	}
	return harness.Start(t, harness.Options{Limit: quotaBytes + 192*mib, Variables: v})
}

// fill makes table t of test with one column and the numbers under n.
func fill(t testing.TB, db *sql.DB, n int) {
	var b strings.Builder
	b.WriteString("INSERT INTO t VALUES ")
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "(%d)", i)
	}
	harness.Exec(t, db, "CREATE TABLE t(a INT)", b.String())
}

// numbers returns a query of n numbers, 0 and up, in column n; t has at least 256 rows.
func numbers(n int) string {
	return fmt.Sprintf("(SELECT x.a*65536+y.a*256+z.a n FROM t x JOIN t y JOIN t z "+
		"WHERE x.a*65536+y.a*256+z.a < %d) q", n)
}

// analyzed is a line of EXPLAIN ANALYZE.
type analyzed struct {
	id           string
	actRows      int64
	memory, disk int64 // bytes
}

// analyze runs EXPLAIN ANALYZE and checks its columns.
func analyze(t testing.TB, db *sql.DB, query string) []analyzed {
	rows, err := db.Query("EXPLAIN ANALYZE " + query)
	require.NoError(t, err)
	defer rows.Close()
	names, err := rows.Columns()
	require.NoError(t, err)
	require.Equal(t, []string{
		"id", "estRows", "actRows", "task", "access object", "execution info", "operator info", "memory", "disk",
	}, names)
	var out []analyzed
	for rows.Next() {
		var c [9]string
		require.NoError(t, rows.Scan(&c[0], &c[1], &c[2], &c[3], &c[4], &c[5], &c[6], &c[7], &c[8]))
		n, err := strconv.ParseInt(c[2], 10, 64)
		require.NoError(t, err)
		out = append(out, analyzed{id: c[0], actRows: n, memory: sizeOf(t, c[7]), disk: sizeOf(t, c[8])})
		t.Logf("%s %s rows, memory %s, disk %s, %s", c[0], c[2], c[7], c[8], c[5])
	}
	require.NoError(t, rows.Err())
	return out
}

// sizeOf reads "12.3 MB".
func sizeOf(t testing.TB, text string) int64 {
	number, unit, ok := strings.Cut(text, " ")
	require.True(t, ok, text)
	f, err := strconv.ParseFloat(number, 64)
	require.NoError(t, err, text)
	scale, ok := map[string]float64{"Bytes": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}[unit]
	require.True(t, ok, text)
	return int64(f * scale)
}

// disk sums a column.
func disk(lines []analyzed) (sum int64) {
	for _, l := range lines {
		sum += l.disk
	}
	return sum
}

// query1 reads one row of numbers.
func query1(t testing.TB, c interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}, q string, want ...string,
) {
	t.Helper()
	got := make([]string, len(want))
	to := make([]any, len(want))
	for i := range got {
		to[i] = &got[i]
	}
	require.NoError(t, c.QueryRowContext(t.Context(), q).Scan(to...), q)
	require.Equal(t, want, got, q)
}

// requireCode asserts the code of a server's error.
func requireCode(t testing.TB, code uint16, err error) {
	t.Helper()
	var e *mysql.MySQLError
	require.True(t, errors.As(err, &e), "%v", err)
	require.Equal(t, code, e.Number, e.Message)
}

// drain reads a query to its end and returns the error it ends with.
func drain(ctx context.Context, c interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}, q string,
) (n int, err error) {
	rows, err := c.QueryContext(ctx, q)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		n++
	}
	return n, rows.Err()
}
