package matrix

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/test/harness"
)

const (
	mib = 1 << 20
	// serverBytes is what the limit is above the quota.
	serverBytes = 192 * mib
	// minimumBytes is more than any statement of the matrix needs at least: the limit of servers for minimums is
	// computed from it.
	minimumBytes = 8 * mib
	// patience is how long a statement of five million rows may take at worst, before it counts as stuck.
	patience = 10 * time.Minute
	// valueTooLong is ER_OUT_OF_RESOURCES.
	valueTooLong = 1041
	// dataVariable names the environment variable with a data directory to keep.
	dataVariable = "SPILLWAY_MATRIX_DATA"
)

// quota is a row of the matrix; 0 bytes: the minimum.
type quota struct {
	name  string
	bytes int64
}

func (q quota) limit() int64 { return max(q.bytes, minimumBytes) + serverBytes }

// sizes are those of short and long runs.
type sizes struct {
	rows, texts int
	fewSkew     int // rows of u where 30 % of them meet 30 % of t's
	fewEqual    int // where all meet all
	quotas      []quota
	forceSpill  bool
}

func chooseSizes() sizes {
	if testutil.Long() {
		return sizes{
			rows: 5_000_000, texts: 65_536, fewSkew: 400, fewEqual: 20,
			quotas: []quota{{"1GiB", 1 << 30}, {"64MiB", 64 * mib}, {"16MiB", 16 * mib}, {"minimum", 0}},
		}
	}
	return sizes{rows: 4_000, texts: 64, fewSkew: 100, fewEqual: 10, quotas: []quota{{"minimum", 0}}, forceSpill: true}
}

func (z sizes) shapes() []*shape {
	return []*shape{
		{name: "uniform", t: "t", u: "u", key: "ku", rows: z.rows},
		{name: "skew", t: "t", u: "u", key: "ks", rows: z.rows, fewRows: z.fewSkew},
		{name: "equal", t: "t", u: "u", key: "ke", rows: z.rows, fewRows: z.fewEqual},
		{name: "null", t: "t", u: "u", key: "kn", rows: z.rows},
		{name: "strings", t: "x", u: "y", key: "k", rows: z.texts, strings: true},
	}
}

var workers = []int{1, 2, 4}

func TestMatrix(t *testing.T) {
	z := chooseSizes()
	data := load(t, z)
	m := &matrix{sizes: z, references: map[string]string{}}
	for i, s := range z.shapes() {
		t.Run(s.name, func(t *testing.T) {
			for j, q := range z.quotas {
				t.Run(q.name, func(t *testing.T) {
					server := harness.Start(t, harness.Options{Data: data, Limit: q.limit()})
					db := server.DB(t, "matrix")
					for k := range operators {
						o := &operators[k]
						if o.only != nil && !slices.Contains(o.only, s.name) {
							continue
						}
						t.Run(o.name, func(t *testing.T) {
							c := &cell{matrix: m, server: server, shape: s, quota: q, operator: o}
							c.workers = workers[(i+j+k)%len(workers)]
							c.run(t, db)
						})
					}
					require.NoError(t, db.Close())
					server.Stop(t)
				})
			}
		})
	}
}

// load makes the data directory that all servers of the matrix read, one after the other.
func load(t *testing.T, z sizes) string {
	dir := os.Getenv(dataVariable)
	if dir == "" {
		dir = t.TempDir()
	}
	dir = filepath.Join(dir, fmt.Sprintf("%d-%d", z.rows, z.texts))
	start := time.Now()
	server := harness.Start(t, harness.Options{Data: dir, Limit: 1<<30 + serverBytes})
	db := server.DB(t, "matrix")
	var done int
	err := db.QueryRow("SELECT COUNT(*) FROM done").Scan(&done)
	if err != nil {
		createTables(t, db, z.rows, z.texts)
	}
	require.NoError(t, db.Close())
	server.Stop(t)
	t.Logf("loaded in %.1f s", time.Since(start).Seconds())
	return dir
}

// matrix is what the cells share.
type matrix struct {
	sizes      sizes
	references map[string]string // by shape and operator
}

// cell is one operator on one shape at one quota.
type cell struct {
	matrix   *matrix
	server   *harness.Server
	shape    *shape
	quota    quota
	operator *operator
	workers  int
}

func (c *cell) run(t *testing.T, db *sql.DB) {
	c.shape.fill()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := db.Conn(ctx)
	require.NoError(t, err)
	defer conn.Close()
	exec := func(sql string) {
		t.Helper()
		_, err := conn.ExecContext(ctx, c.shape.names(sql))
		require.NoError(t, err, sql)
	}
	exec(fmt.Sprintf("SET tidb_executor_concurrency = %d", c.workers))
	exec("SET tidb_mem_quota_query = " + strconv.Itoa(1<<30))
	if c.matrix.sizes.forceSpill {
		exec("SET spillway_force_spill = 1")
	}
	for _, q := range c.operator.before {
		exec(q)
	}
	defer func() {
		for _, q := range c.operator.after {
			exec(q)
		}
	}()
	query := c.shape.names(c.operator.query(c.shape))
	measured := query
	if c.operator.change != "" {
		measured = c.shape.names(c.operator.change)
	}
	quota := c.setQuota(ctx, t, conn, measured)
	written := c.server.ReadStatus(t).Spill.Written
	start := time.Now()
	if c.operator.change != "" {
		exec(c.operator.change)
	} else {
		err = c.check(ctx, t, conn, query)
	}
	took := time.Since(start)
	written = c.server.ReadStatus(t).Spill.Written - written
	peak := c.server.Memory(t)
	t.Logf("%-8s %-8s %-22s %d workers %7.2f s, %6.1f MiB written, quota %.1f MiB, peak so far %.1f MiB",
		c.shape.name, c.quota.name, c.operator.name, c.workers, took.Seconds(), float64(written)/mib,
		float64(quota)/mib, float64(peak.HWM)/mib)
	require.LessOrEqual(t, peak.HWM+peak.Swap, c.server.Limit)
	var refusal *mysql.MySQLError
	if c.operator.refused != nil && c.operator.refused(c.shape, quota) && errors.As(err, &refusal) {
		require.EqualValues(t, valueTooLong, refusal.Number, "%v", err)
		t.Logf("refused: %v", err)
		return
	}
	require.NoError(t, err, query)
	if c.operator.change != "" {
		exec("SET tidb_mem_quota_query = " + strconv.Itoa(1<<30))
		require.NoError(t, c.check(ctx, t, conn, query))
	}
	if c.operator.state == nil {
		return
	}
	state, bound := c.operator.state(c.shape), quota
	switch {
	case c.operator.change != "" && !strings.HasPrefix(c.operator.change, "CREATE INDEX"):
		bound = c.server.Limit
	case c.matrix.sizes.forceSpill:
		bound = 0
	}
	if state > bound {
		require.Positive(t, written, "a state of %d bytes did not spill", state)
	}
}

// setQuota gives the session the cell's quota for a statement, and returns it.
func (c *cell) setQuota(ctx context.Context, t *testing.T, conn *sql.Conn, query string) int64 {
	bytes := c.quota.bytes
	if bytes == 0 {
		_, err := conn.ExecContext(ctx, "SET tidb_mem_quota_query = 1")
		require.NoError(t, err)
		bytes = minimum(ctx, t, conn, query)
	}
	_, err := conn.ExecContext(ctx, fmt.Sprintf("SET tidb_mem_quota_query = %d", bytes))
	require.NoError(t, err)
	return bytes
}

// minimum is what EXPLAIN says that a statement needs at least.
func minimum(ctx context.Context, t *testing.T, conn *sql.Conn, query string) int64 {
	rows, err := conn.QueryContext(ctx, "EXPLAIN "+query)
	require.NoError(t, err, query)
	defer rows.Close()
	for rows.Next() {
		var id, estimate, task, object, info string
		require.NoError(t, rows.Scan(&id, &estimate, &task, &object, &info))
		_, text, ok := strings.Cut(info, "statement minimum: ")
		if !ok {
			continue
		}
		number, unit, ok := strings.Cut(text, " ")
		require.True(t, ok, info)
		f, err := strconv.ParseFloat(number, 64)
		require.NoError(t, err, info)
		scale, ok := map[string]float64{"Bytes": 1, "KB": 1 << 10, "MB": 1 << 20}[unit]
		require.True(t, ok, info)
		bytes := int64(f * scale)
		require.LessOrEqual(t, bytes, int64(minimumBytes), info)
		return bytes
	}
	require.NoError(t, rows.Err())
	require.Fail(t, "EXPLAIN says no minimum", query)
	return 0
}

// check runs a query and compares its rows with the reference. The error is the query's.
func (c *cell) check(ctx context.Context, t *testing.T, conn *sql.Conn, query string) error {
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	if c.operator.ordered != nil {
		return c.checkOrder(t, rows)
	}
	names, err := rows.Columns()
	require.NoError(t, err)
	var got []string
	for rows.Next() {
		fields := make([]string, len(names))
		to := make([]any, len(names))
		for i := range fields {
			to[i] = &fields[i]
		}
		require.NoError(t, rows.Scan(to...))
		got = append(got, strings.Join(fields, "|"))
	}
	if err := rows.Err(); err != nil {
		return err
	}
	key := c.shape.name + "/" + c.operator.name
	want, ok := c.matrix.references[key]
	if !ok {
		want = c.operator.want(c.shape)
		c.matrix.references[key] = want
	}
	require.Equal(t, []string{want}, got, query)
	return nil
}

// checkOrder compares each row's id and v with the reference.
func (c *cell) checkOrder(t *testing.T, rows *sql.Rows) error {
	want := c.operator.ordered(c.shape)
	n := 0
	for ; rows.Next(); n++ {
		var id, v int64
		require.NoError(t, rows.Scan(&id, &v))
		if n == len(want) || id != int64(want[n]) || v != c.shape.vt[id] {
			require.Fail(t, "wrong order", "row %d is %d, %d", n, id, v)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	require.Equal(t, len(want), n)
	return nil
}
