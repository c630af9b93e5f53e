package plan

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
)

func smallCatalog(t *testing.T) *fakeCatalog {
	c := &fakeCatalog{tables: map[string]*schema.Table{}, rows: map[string]float64{}}
	c.add(t, "t rows=10000\na int not null\nb int\nc varchar\nprimary a")
	return c
}

func build(t *testing.T, ctx *Context, sql string) (*physical.Plan, error) {
	t.Helper()
	stmts, err := parse.Parse([]byte(sql), parse.Options{})
	require.NoError(t, err)
	return Build(ctx, stmts[0])
}

// TestLongExpressions plans statements at the bounds that package parse sets.
func TestLongExpressions(t *testing.T) {
	c := smallCatalog(t)
	for _, sql := range []string{
		"SELECT a" + strings.Repeat("+b", 10000) + " FROM t",
		"SELECT * FROM t WHERE a = 1" + strings.Repeat(" OR b = 2", 9000),
		"SELECT * FROM t WHERE b = 1" + strings.Repeat(" AND b < 2", 9000),
		"SELECT * FROM t WHERE a IN (1" + strings.Repeat(", 2", 50000) + ")",
		"SELECT * FROM t WHERE " + strings.Repeat("(", 900) + "a = 1" + strings.Repeat(")", 900),
		"SELECT * FROM t WHERE " + strings.Repeat("NOT ", 5000) + "a = 1",
		"SELECT CONCAT(c" + strings.Repeat(", c", 20000) + ") FROM t",
		"SELECT 1" + strings.Repeat(" UNION ALL SELECT 1", 500),
	} {
		_, err := build(t, testContext(c), sql)
		require.NoError(t, err, sql[:40])
	}
	deep := "SELECT 1"
	for i := range 100 {
		deep = fmt.Sprintf("SELECT * FROM (%s) x%d", deep, i)
	}
	_, err := build(t, testContext(c), deep)
	require.True(t, sqlerr.Is(err, sqlerr.ErrTooHighLevelOfNestingForSelect), "%v", err)
}

// TestLongInList: the list becomes points of the key, and what it costs is reserved first.
func TestLongInList(t *testing.T) {
	c := smallCatalog(t)
	var b strings.Builder
	c.rows["test.t"] = 1e7
	b.WriteString("SELECT * FROM t WHERE a IN (0")
	for i := 1; i < 100000; i++ {
		fmt.Fprintf(&b, ",%d", i)
	}
	b.WriteString(")")
	stmts, err := parse.Parse([]byte(b.String()), parse.Options{})
	require.NoError(t, err)
	ctx := testContext(c)
	var asked int64
	ctx.Reserve = func(n int64) error {
		asked += n
		return nil
	}
	before := testutil.LiveHeap()
	p, err := Build(ctx, stmts[0])
	require.NoError(t, err)
	const noise = 16 << 10 // of the runtime
	require.Less(t, testutil.LiveHeap()-before, asked+noise)
	require.Equal(t, 100000, p.Root.(*physical.Scan).Points.Len())
	runtime.KeepAlive(stmts)
}

// TestLongInsert: the rows of a long INSERT are bound as they are read.
func TestLongInsert(t *testing.T) {
	c := smallCatalog(t)
	var b strings.Builder
	b.WriteString("INSERT INTO t VALUES (0, 1, 'x')")
	n := 1
	for ; b.Len() < 8<<20; n++ {
		fmt.Fprintf(&b, ",(%d, -5, 'it''s'),(DEFAULT, b + 1, NULL)", n)
	}
	rows := 2*n - 1
	sql := []byte(b.String())
	stmts, err := parse.Parse(sql, parse.Options{})
	require.NoError(t, err)
	before := testutil.LiveHeap()
	p, err := Build(testContext(c), stmts[0])
	require.NoError(t, err)
	src := p.Root.(*physical.Insert).Input.(*physical.Values).Source
	require.Equal(t, rows, src.RowCount())
	seen, high := 0, int64(0)
	var chunk [][]expr.Expr
	for i := 0; ; i++ {
		chunk, err = src.Next(chunk[:0], 64)
		require.NoError(t, err)
		if len(chunk) == 0 {
			break
		}
		for _, row := range chunk {
			if seen%2 == 0 && seen > 0 {
				require.IsType(t, &expr.Default{}, row[0])
			}
			require.Len(t, row, 3)
			seen++
		}
		if i%1000 == 0 {
			high = max(high, testutil.LiveHeap()-before)
		}
	}
	require.Equal(t, rows, seen)
	require.Less(t, high, int64(1<<20))
	runtime.KeepAlive(sql)
}

func TestParams(t *testing.T) {
	c := smallCatalog(t)
	stmts, err := parse.Parse([]byte("SELECT a, ? FROM t WHERE a = ? LIMIT ?"), parse.Options{})
	require.NoError(t, err)
	p, err := Build(testContext(c), stmts[0])
	require.NoError(t, err)
	require.Equal(t, 3, p.Params)
	require.Len(t, p.Columns, 2)
	ctx := testContext(c)
	big := types.NewBigInt()
	ctx.Params = []types.Datum{types.NewIntDatum(big, 7), types.NewIntDatum(big, 5), types.NewIntDatum(big, 1)}
	p, err = Build(ctx, stmts[0])
	require.NoError(t, err)
	rows := Explain(p, Annotations{})
	require.Contains(t, rows[len(rows)-1][4], "range:[5,5]")
}

// What is shown as the minimum is never less than the minimum.
func TestExplainRoundsUp(t *testing.T) {
	for n, want := range map[int64]string{
		1024: "1024 Bytes", 1025: "1.01 KB", 10 << 10: "10 KB", 10<<10 + 1: "10.1 KB", 3<<20 + 1: "3.01 MB",
	} {
		a := Annotations{MinimumBytes: n}
		require.Equal(t, "statement minimum: "+want, a.minimum())
		a.GrantBytes = n
		require.Equal(t, "statement minimum: "+want, a.minimum())
		a.GrantBytes = 8 << 20
		require.Equal(t, "statement minimum: "+want+", granted at start: 8 MB", a.minimum())
	}
}

func TestExplainAnalyze(t *testing.T) {
	p, err := build(t, testContext(smallCatalog(t)), "SELECT b, COUNT(*) FROM t GROUP BY b")
	require.NoError(t, err)
	rows := Explain(p, Annotations{Analyze: true, MinimumBytes: 3 << 20, Nodes: map[int]NodeStats{
		1: {ActRows: 3, Info: "time:1ms, loops:2", MemoryBytes: 1289748, DiskBytes: 0},
	}})
	require.Len(t, ExplainColumns(true), len(rows[0]))
	require.Equal(t, []string{
		"HashAgg_1", "8000.00", "3", "root", "", "time:1ms, loops:2, statement minimum: 3 MB",
		"group by:test.t.b, funcs:count(1)", "1.23 MB", "0 Bytes",
	}, rows[0])
	require.Equal(t, "└─TableFullScan_2", rows[1][0])
	require.Equal(t, []string{"N/A", "N/A"}, rows[1][7:])
}
