package scan

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/kv"
	kvlocal "github.com/spillwaydb/spillway/internal/kv/local"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/table"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

func TestMain(m *testing.M) { testutil.Main(m) }

var ctx = context.Background()

// testRows is the number of rows of the table.
const testRows = 5000

// env is a store with one table: id, a number that repeats, a text, and one that may be long.
type env struct {
	t     testing.TB
	pool  *memory.Pool
	store kv.Store
	acct  *memory.Account
	table *schema.Table
	expr  *expr.Env
}

func newEnv(t testing.TB) *env {
	e := &env{t: t, pool: memorytest.NewPool(t, 64<<20), expr: &expr.Env{Ctx: ctx}}
	path := t.TempDir()
	var err error
	e.store, err = kvlocal.Open(kvlocal.Options{Path: path, Account: e.pool.Server(), Heap: e.pool.Heap()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.store.Close()) })
	_, e.acct = memorytest.NewOperator(t, e.pool, 1<<20)
	text := types.NewVarChar(100, collation.Default)
	e.table = &schema.Table{ID: 3, DB: "d", Name: "t", Columns: []schema.Column{
		{ID: 1, Name: "id", Type: types.NewInt().WithNullable(false)},
		{ID: 2, Name: "n", Type: types.NewInt()},
		{ID: 3, Name: "s", Type: text},
		{ID: 4, Name: "l", Type: types.NewText(types.LongText, collation.Default)},
	}}
	e.table.Primary = &schema.Index{ID: 1, Name: "PRIMARY", Primary: true, Unique: true,
		Columns: []schema.IndexColumn{{Column: 0}}}
	e.table.Indexes = []*schema.Index{
		{ID: 2, Name: "n", Columns: []schema.IndexColumn{{Column: 1}}},
		{ID: 3, Name: "s", Unique: true, Columns: []schema.IndexColumn{{Column: 2, Desc: true}}},
	}
	e.write(func(w *table.Writer) {
		for i := range testRows {
			dup, err := w.Insert(ctx, e.row(i))
			require.NoError(t, err)
			require.Nil(t, dup)
		}
	})
	return e
}

// row is row i: id = i, n = i mod 100 or NULL, s = "row <i>", l short, but for every thousandth.
func (e *env) row(i int) []types.Datum {
	n := types.NewIntDatum(e.table.Columns[1].Type, int64(i%100))
	if i%100 == 99 {
		n = types.NullDatum(n.Type)
	}
	l := "x"
	if i%1000 == 500 {
		l = strings.Repeat("long", 50_000)
	}
	return []types.Datum{
		types.NewIntDatum(e.table.Columns[0].Type, int64(i)), n,
		types.NewStringDatum(e.table.Columns[2].Type, fmt.Appendf(nil, "row number %d", i)),
		types.NewStringDatum(e.table.Columns[3].Type, []byte(l)),
	}
}

func (e *env) begin() kv.Txn {
	tx, err := e.store.Begin(ctx, kv.TxnOptions{Account: e.acct})
	require.NoError(e.t, err)
	_, err = tx.BeginStatement(ctx, true)
	require.NoError(e.t, err)
	return tx
}

func (e *env) write(f func(w *table.Writer)) {
	tx := e.begin()
	w := table.NewWriter(table.WriterOptions{Codec: table.NewCodec(e.table), Txn: tx, Account: e.acct})
	f(w)
	require.NoError(e.t, w.Close())
	require.NoError(e.t, tx.Commit(ctx))
}

func (e *env) node(x *schema.Index, ordinals ...int) *physical.Scan {
	return &physical.Scan{Table: e.table, Index: x, Ordinals: ordinals}
}

// run reads with that many workers, within the minimum, and gives the rows as texts.
func (e *env) run(n *physical.Scan, workers, batchRows int) []string {
	tx := e.begin()
	out, err := e.runIn(tx, n, workers, batchRows)
	require.NoError(e.t, err)
	require.NoError(e.t, tx.Rollback())
	return out
}

func (e *env) runIn(tx kv.Txn, n *physical.Scan, workers, batchRows int) (out []string, err error) {
	min := MinBytes(n, workers, batchRows)
	st := e.pool.NewStatement(e.pool.Server(), memory.StatementOptions{Spill: true})
	defer st.Close()
	require.NoError(e.t, st.Admit(ctx, min))
	acct, err := st.Operator("scan", min)
	require.NoError(e.t, err)
	defer acct.Close()
	src, err := New(Options{Account: acct, Node: n, Txn: tx, Store: e.store, Env: e.expr, Workers: workers,
		BatchRows: batchRows, Lock: kv.LockOptions{Timeout: 50 * time.Millisecond}})
	require.NoError(e.t, err)
	defer func() { require.NoError(e.t, src.Close()) }()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range src.MaxWorkers() {
		wg.Go(func() {
			l, lerr := src.NewLocal(nil)
			if lerr == nil {
				defer l.Close()
			}
			for lerr == nil {
				var b *vector.Batch
				if b, lerr = l.Next(ctx); b == nil {
					break
				}
				if n.KeepOrder {
					lerr = l.Pause() // the batch stays
				}
				rows := texts(b, len(n.Ordinals))
				mu.Lock()
				out = append(out, rows...)
				mu.Unlock()
			}
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				err = lerr
			}
		})
	}
	wg.Wait()
	return out, err
}

func texts(b *vector.Batch, columns int) (out []string) {
	for k := range b.Rows() {
		i := k
		if b.Sel != nil {
			i = int(b.Sel[k])
		}
		var row []string
		for c := range columns {
			d := b.Cols[c].Datum(b.Base(), i)
			switch {
			case d.IsNull():
				row = append(row, "NULL")
			case d.Kind == types.PhysString:
				row = append(row, string(d.S))
			default:
				row = append(row, fmt.Sprint(d.I))
			}
		}
		out = append(out, strings.Join(row, "|"))
	}
	return out
}

// want gives the texts of the rows for which keep is true.
func (e *env) want(ordinals []int, keep func(i int) bool) (out []string) {
	for i := range testRows {
		if !keep(i) {
			continue
		}
		var row []string
		for _, o := range ordinals {
			d := e.row(i)[o]
			switch {
			case d.IsNull():
				row = append(row, "NULL")
			case d.Kind == types.PhysString:
				row = append(row, string(d.S))
			default:
				row = append(row, fmt.Sprint(d.I))
			}
		}
		out = append(out, strings.Join(row, "|"))
	}
	return out
}

func (e *env) between(o, low, high int) []physical.Range {
	t := e.table.Columns[o].Type
	return []physical.Range{{
		Low:  physical.Bound{Values: []types.Datum{types.NewIntDatum(t, int64(low))}, Inclusive: true},
		High: physical.Bound{Values: []types.Datum{types.NewIntDatum(t, int64(high))}},
	}}
}

func every(int) bool { return true }

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

func TestFullScan(t *testing.T) {
	e := newEnv(t)
	for _, ordinals := range [][]int{{0, 1, 2, 3}, {2}, {1, 0}, {}} {
		for _, workers := range []int{1, 3} {
			for _, batch := range []int{0, 1, 7, 300} {
				if batch == 1 && workers == 3 {
					continue
				}
				n := e.node(e.table.Primary, ordinals...)
				got := e.run(n, workers, batch)
				require.Equal(t, sorted(e.want(ordinals, every)), sorted(got), "%v %d %d", ordinals, workers, batch)
			}
		}
	}
	n := e.node(e.table.Primary, 0)
	n.KeepOrder = true
	want := e.want([]int{0}, every)
	require.Equal(t, want, e.run(n, 3, 0))
	n.Reverse = true
	slices.Reverse(want)
	require.Equal(t, want, e.run(n, 3, 0))
}

func TestRanges(t *testing.T) {
	e := newEnv(t)
	n := e.node(e.table.Primary, 0, 3)
	n.Ranges = append(e.between(0, 490, 510), e.between(0, 4990, 9999)...)
	n.KeepOrder = true
	in := func(i int) bool { return i >= 490 && i < 510 || i >= 4990 }
	require.Equal(t, e.want([]int{0, 3}, in), e.run(n, 1, 0))
	n.Reverse = true
	want := e.want([]int{0, 3}, in)
	slices.Reverse(want)
	require.Equal(t, want, e.run(n, 1, 0))
}

func TestIndexes(t *testing.T) {
	e := newEnv(t)
	in := func(i int) bool { return i%100 >= 10 && i%100 < 12 }
	for _, ordinals := range [][]int{{1}, {0, 1}, {0, 1, 2}, {3, 2, 1, 0}} {
		for _, workers := range []int{1, 3} {
			n := e.node(e.table.Indexes[0], ordinals...)
			n.Ranges = e.between(1, 10, 12)
			require.Equal(t, sorted(e.want(ordinals, in)), sorted(e.run(n, workers, 0)))
		}
	}
	n := e.node(e.table.Indexes[0], 1, 2) // NULLs come first
	n.KeepOrder = true
	got := e.run(n, 1, 0)
	require.Len(t, got, testRows)
	require.Equal(t, "NULL|row number 99", got[0])
	require.Equal(t, "98|row number 4998", got[testRows-1])
	n = e.node(e.table.Indexes[1], 2) // a covering index of descending texts
	n.KeepOrder = true
	got = e.run(n, 1, 0)
	want := sorted(e.want([]int{2}, every))
	slices.Reverse(want)
	require.Equal(t, want[0], got[0])
	require.Equal(t, sorted(want), sorted(got))
}

func TestPoints(t *testing.T) {
	e := newEnv(t)
	n := e.node(e.table.Primary, 0, 3)
	for _, id := range []int{7, 500, 1500, 2500, 77777} {
		b := physical.Bound{Values: []types.Datum{types.NewIntDatum(e.table.Columns[0].Type, int64(id))},
			Inclusive: true}
		n.Ranges = append(n.Ranges, physical.Range{Low: b, High: b})
	}
	is := func(i int) bool { return i == 7 || i == 500 || i == 1500 || i == 2500 }
	require.Equal(t, e.want([]int{0, 3}, is), e.run(n, 2, 0))
	require.Less(t, MinBytes(n, 1, 0)-table.HeldRow(e.table), int64(128<<10))
	n.Ranges = n.Ranges[:1]
	require.Equal(t, []string{"7|x"}, e.run(n, 1, 0))
}

func TestFilter(t *testing.T) {
	e := newEnv(t)
	n := e.node(e.table.Primary, 1, 0)
	c, err := expr.NewCall("=", []expr.Expr{&expr.Column{Index: 0, T: e.table.Columns[1].Type}, expr.NewInt(42)},
		e.expr)
	require.NoError(t, err)
	n.Filter = []expr.Expr{c}
	for _, batch := range []int{0, 13} {
		got := e.run(n, 2, batch)
		require.Equal(t, sorted(e.want([]int{1, 0}, func(i int) bool { return i%100 == 42 })), sorted(got))
	}
	n.Filter = []expr.Expr{expr.NewInt(0)}
	require.Empty(t, e.run(n, 1, 0))
}

func TestLocks(t *testing.T) {
	e := newEnv(t)
	a, b := e.begin(), e.begin()
	node := func(x *schema.Index, low, high int) *physical.Scan {
		n := e.node(x, 0, 1)
		n.Lock, n.KeepOrder = physical.LockUpdate, true
		n.Ranges = e.between(x.Columns[0].Column, low, high)
		return n
	}
	got, err := e.runIn(a, node(e.table.Primary, 10, 13), 1, 0)
	require.NoError(t, err)
	require.Equal(t, []string{"10|10", "11|11", "12|12"}, got)
	_, err = e.runIn(b, node(e.table.Primary, 12, 14), 1, 0)
	require.True(t, sqlerr.Is(err, sqlerr.ErrLockWaitTimeout), "%v", err)
	require.NoError(t, b.Rollback())

	// Row 15 leaves the range before it is read; row 16 is new in it, and seen, though the read view is older.
	b = e.begin()
	_, err = e.runIn(b, node(e.table.Primary, 4000, 4001), 1, 0)
	require.NoError(t, err)
	e.write(func(w *table.Writer) {
		codec := table.NewCodec(e.table)
		for i, n := range map[int]int64{15: 77, 16: 15} {
			row := slices.Clone(e.row(i))
			row[1] = types.NewIntDatum(row[1].Type, n)
			dup, err := w.Update(ctx, codec.AppendKey(nil, e.row(i)), e.row(i), row)
			require.NoError(t, err)
			require.Nil(t, dup)
		}
	})
	got, err = e.runIn(b, node(e.table.Indexes[0], 15, 16), 1, 0)
	require.NoError(t, err)
	require.NotContains(t, got, "15|15")
	require.Contains(t, got, "16|15")
	require.Len(t, got, testRows/100)
	require.NoError(t, b.Rollback())
	require.NoError(t, a.Rollback())
}

func TestSizes(t *testing.T) {
	e := newEnv(t)
	n := e.node(e.table.Primary, 0, 1, 2, 3)
	require.LessOrEqual(t, MinBytes(n, 1, 0), int64(workerBytes))
	require.Equal(t, 3*MinBytes(n, 1, 0), MinBytes(n, 3, 0))
	require.Less(t, MinBytes(n, 1, 16)-table.HeldRow(e.table), int64(160<<10))
	wide := &schema.Table{ID: 4, Name: "w", Primary: e.table.Primary}
	for i := range 200 {
		wide.Columns = append(wide.Columns, schema.Column{ID: schema.ID(i + 1), Type: types.NewDecimal(30, 2)})
		n.Ordinals = append(n.Ordinals, i)
	}
	n = &physical.Scan{Table: wide, Index: wide.Primary, Ordinals: n.Ordinals[4:]}
	require.LessOrEqual(t, MinBytes(n, 1, 0), int64(1<<20))
}

// A refusal of surplus gives smaller batches, or for a single row the statement's error.
func TestRefusals(t *testing.T) {
	e := newEnv(t)
	refuse := func(op memory.Op, _ string, _ int) error {
		if op == memory.OpSurplus {
			return sqlerr.ErrNoSurplus
		}
		return nil
	}
	e.pool = memorytest.NewPoolWith(t, memory.Options{LimitBytes: 64 << 20, Hooks: &memory.Hooks{Refuse: refuse}})
	n := e.node(e.table.Primary, 0, 2)
	n.Ranges = e.between(0, 501, 1400)
	require.Len(t, e.run(n, 1, 0), 899)
	n = e.node(e.table.Indexes[1], 2)
	n.WithKey = true // descending texts and keys go to the arena
	require.Len(t, e.run(n, 1, 0), testRows)
	n = e.node(e.table.Primary, 0, 2)
	tx := e.begin()
	_, err := e.runIn(tx, n, 1, 0)
	require.EqualValues(t, sqlerr.ErrOutOfResources, sqlerr.CodeOf(err))
	require.NoError(t, tx.Rollback())
}

// provider is a virtual table of numbers.
type provider struct {
	rows int
	t    *schema.Table
}

func (p provider) Schema() *schema.Table { return p.t }

func (p provider) Rows(_ context.Context, req catalog.VirtualRequest, emit func([]types.Datum) error) error {
	for i := range p.rows {
		row := []types.Datum{types.NewIntDatum(p.t.Columns[0].Type, int64(i)),
			types.NewStringDatum(p.t.Columns[1].Type, fmt.Appendf(nil, "%s %d", req.Session, i))}
		if err := emit(row); err != nil {
			return err
		}
	}
	return nil
}

func TestVirtual(t *testing.T) {
	pool := memorytest.NewPool(t, 16<<20)
	v := provider{rows: 1000, t: &schema.Table{Name: "v", Columns: []schema.Column{
		{Name: "a", Type: types.NewInt()}, {Name: "b", Type: types.NewVarChar(50, collation.Default)}}}}
	n := &physical.VirtualScan{Table: v.t, Ordinals: []int{1, 0}}
	_, acct := memorytest.NewOperator(t, pool, MinBytesVirtual(n, 0))
	for _, stop := range []bool{false, true} {
		src, err := NewVirtual(VirtualOptions{Account: acct, Node: n, Provider: v, Session: "session",
			Env: &expr.Env{}})
		require.NoError(t, err)
		l, err := src.NewLocal(nil)
		require.NoError(t, err)
		var got []string
		for {
			b, err := l.Next(ctx)
			require.NoError(t, err)
			if b == nil {
				break
			}
			if got = append(got, texts(b, 2)...); stop {
				break
			}
		}
		require.Equal(t, "session 0|0", got[0])
		require.Equal(t, !stop, len(got) == 1000)
		require.NoError(t, l.Close())
		require.NoError(t, l.Close())
		require.NoError(t, src.Close())
	}
}
