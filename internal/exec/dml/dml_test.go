package dml

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/scan"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/kv/local"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

func TestMain(m *testing.M) { testutil.Main(m) }

var ctx = context.Background()

// env is a server's lower half: a store, a catalog with the database d, and one transaction at a time.
type env struct {
	t        testing.TB
	pool     *memory.Pool
	store    kv.Store
	cat      *catalog.Catalog
	acct     *memory.Account // for what is not measured
	expr     *expr.Env
	warnings []string
}

func newEnv(t testing.TB) *env {
	e := &env{t: t, pool: memorytest.NewPool(t, 128<<20)}
	path := t.TempDir()
	var err error
	e.store, err = local.Open(local.Options{Path: path, Account: e.pool.Server(), Heap: e.pool.Heap()})
	require.NoError(t, err)
	_, e.acct = memorytest.NewOperator(t, e.pool, 4<<20)
	e.cat, err = catalog.Open(ctx, catalog.Options{Store: e.store, Pool: e.pool, Txn: kv.TxnOptions{Account: e.acct}})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, e.cat.Close(ctx))
		require.NoError(t, e.store.Close())
	})
	d := e.ddl()
	require.NoError(t, e.cat.CreateDatabase(ctx, d, "d", 0, false))
	d.Owner.ReleaseAll()
	e.expr = &expr.Env{
		Ctx: ctx, Strict: true, SQLMode: types.ModeDefault, Location: time.UTC, Now: time.Unix(1_700_000_000, 0),
		Collation: collation.Default, MaxPacket: 64 << 20,
		Warn: func(w sqlerr.Warning) { e.warnings = append(e.warnings, fmt.Sprintf("%d %s", w.Code, w.Message)) },
	}
	return e
}

func (e *env) ddl() catalog.DDL {
	return catalog.DDL{Owner: e.cat.Locks().NewOwner(1, nil), Timeout: time.Second}
}

func column(name string, t types.Type) catalog.ColumnSpec {
	return catalog.ColumnSpec{Name: name, Type: t}
}

func notNull(name string, t types.Type) catalog.ColumnSpec {
	return column(name, t.WithNullable(false))
}

func (e *env) create(spec catalog.TableSpec) *schema.Table {
	spec.DB = "d"
	d := e.ddl()
	defer d.Owner.ReleaseAll()
	require.NoError(e.t, e.cat.CreateTable(ctx, d, spec))
	t, err := e.cat.Snapshot().Table("d", spec.Name)
	require.NoError(e.t, err)
	return t
}

// people is a table with AUTO_INCREMENT, a unique and a plain index.
func (e *env) people() *schema.Table {
	return e.create(catalog.TableSpec{Name: "people", Columns: []catalog.ColumnSpec{
		{Name: "id", Type: types.NewInt(), DefaultKind: schema.DefaultAutoIncr, PrimaryKey: true},
		notNull("name", types.NewVarChar(20, collation.Default)),
		column("age", types.NewTinyInt()),
		{Name: "at", Type: types.NewDateTime(0), DefaultKind: schema.DefaultNow, OnUpdateNow: true},
	}, Keys: []catalog.KeySpec{
		{Name: "name", Kind: catalog.KeyUnique, Parts: []catalog.KeyPart{{Column: "name"}}},
		{Name: "age", Parts: []catalog.KeyPart{{Column: "age"}}},
	}})
}

// txn runs f in a transaction with one statement, which is committed if f returns nil.
func (e *env) txn(f func(tx kv.Txn) error) error {
	tx, err := e.store.Begin(ctx, kv.TxnOptions{Account: e.acct})
	require.NoError(e.t, err)
	_, err = tx.BeginStatement(ctx, true)
	require.NoError(e.t, err)
	if err := f(tx); err != nil {
		require.NoError(e.t, tx.Rollback())
		return err
	}
	require.NoError(e.t, tx.Commit(ctx))
	return nil
}

// operator opens an account with a minimum, for the figures to be checked.
func (e *env) operator(min int64) (*memory.Account, func()) {
	s := e.pool.NewStatement(e.pool.Server(), memory.StatementOptions{Spill: true})
	require.NoError(e.t, s.Admit(ctx, max(min, 1)))
	a, err := s.Operator("operator", max(min, 1))
	require.NoError(e.t, err)
	return a, func() {
		a.Close()
		s.Close()
	}
}

// literals are the rows of a VALUES list.
type literals struct {
	rows [][]expr.Expr
	at   int
}

func (l *literals) Next(dst [][]expr.Expr, max int) ([][]expr.Expr, error) {
	n := min(max, len(l.rows)-l.at)
	l.at += n
	return append(dst, l.rows[l.at-n:l.at]...), nil
}
func (l *literals) Rewind() error { l.at = 0; return nil }
func (l *literals) RowCount() int { return len(l.rows) }

// lit makes a literal: nil, numbers, texts, or an expression.
func lit(v any) expr.Expr {
	switch v := v.(type) {
	case int:
		return expr.NewInt(int64(v))
	case string:
		return expr.NewString(v, collation.Default)
	case expr.Expr:
		return v
	}
	return expr.NewNull()
}

func rowsOf(rows ...[]any) *literals {
	l := &literals{}
	for _, r := range rows {
		var row []expr.Expr
		for _, v := range r {
			row = append(row, lit(v))
		}
		l.rows = append(l.rows, row)
	}
	return l
}

// insert runs an INSERT ... VALUES; change, if not nil, adjusts its node.
func (e *env) insert(t *schema.Table, columns []int, change func(n *physical.Insert), rows ...[]any) (Result, error) {
	n := &physical.Insert{Table: t, Ordinals: columns, Input: &physical.Values{Source: rowsOf(rows...)}}
	if change != nil {
		change(n)
	}
	var res Result
	err := e.txn(func(tx kv.Txn) error {
		acct, done := e.operator(InsertMinBytes(n))
		defer done()
		src, err := NewInsertValues(e.options(acct, tx), n)
		require.NoError(e.t, err)
		defer src.Close()
		l, err := src.NewLocal(nil)
		require.NoError(e.t, err)
		defer l.Close()
		b, err := l.Next(ctx)
		require.Nil(e.t, b)
		res = src.Result()
		return err
	})
	return res, err
}

func (e *env) options(acct *memory.Account, tx kv.Txn) Options {
	return Options{Account: acct, Txn: tx, Catalog: e.cat, Env: e.expr, Lock: kv.LockOptions{Timeout: time.Second}}
}

// drive pumps a source into a sink, nil: a function.
func (e *env) drive(src exec.Source, sink exec.Sink, each func(b *vector.Batch)) error {
	defer src.Close()
	l, err := src.NewLocal(nil)
	require.NoError(e.t, err)
	defer l.Close()
	var s exec.LocalSink
	if sink != nil {
		defer sink.Close()
		s, err = sink.NewLocal(nil)
		require.NoError(e.t, err)
		defer s.Close()
	}
	for {
		b, err := l.Next(ctx)
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		if each != nil {
			each(b)
			continue
		}
		if _, err := s.Consume(ctx, b); err != nil {
			return err
		}
		require.NoError(e.t, l.Pause())
	}
	if sink != nil {
		require.NoError(e.t, s.Combine(ctx))
		return sink.Finish(ctx)
	}
	return nil
}

func ordinals(t *schema.Table) []int { return t.Visible() }

func all(t *schema.Table) []int {
	out := make([]int, len(t.Columns))
	for i := range out {
		out[i] = i
	}
	return out
}

// scanNode reads the columns through the index.
func scanNode(t *schema.Table, x *schema.Index, columns []int) *physical.Scan {
	n := &physical.Scan{Table: t, Index: x, Ordinals: columns}
	for _, o := range columns {
		n.Columns = append(n.Columns, physical.Column{Name: t.Columns[o].Name, Type: t.Columns[o].Type})
	}
	return n
}

// read runs a scan and gives its rows as texts.
func (e *env) read(n *physical.Scan) (out []string) {
	err := e.txn(func(tx kv.Txn) error {
		acct, done := e.operator(scan.MinBytes(n, 1, 0))
		defer done()
		src, err := scan.New(scan.Options{Account: acct, Node: n, Txn: tx, Store: e.store, Env: e.expr,
			Lock: kv.LockOptions{Timeout: time.Second}})
		require.NoError(e.t, err)
		return e.drive(src, nil, func(b *vector.Batch) { out = append(out, texts(b, len(n.Ordinals))...) })
	})
	require.NoError(e.t, err)
	return out
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
			if d.IsNull() {
				row = append(row, "NULL")
			} else {
				row = append(row, string(d.AppendText(nil, time.UTC)))
			}
		}
		out = append(out, strings.Join(row, "|"))
	}
	return out
}

func (e *env) rows(t *schema.Table) []string { return e.read(scanNode(t, t.Primary, ordinals(t))) }

// change runs UPDATE or DELETE over the rows that n finds.
func (e *env) change(n *physical.Scan, min int64, sink func(o Options) exec.Sink) error {
	n.WithKey, n.Lock = true, physical.LockUpdate
	return e.txn(func(tx kv.Txn) error {
		acct, done := e.operator(scan.MinBytes(n, 1, 0))
		defer done()
		own, doneOwn := e.operator(min)
		defer doneOwn()
		src, err := scan.New(scan.Options{Account: acct, Node: n, Txn: tx, Env: e.expr,
			Lock: kv.LockOptions{Timeout: time.Second}})
		require.NoError(e.t, err)
		return e.drive(src, sink(e.options(own, tx)), nil)
	})
}

func (e *env) update(n *physical.Scan, ignore bool, assign ...physical.Assignment) (Result, error) {
	up := &physical.Update{Table: n.Table, Input: n, Assign: assign, Ignore: ignore}
	var u *Update
	err := e.change(n, UpdateMinBytes(up, vector.MaxRows), func(o Options) exec.Sink {
		var err error
		u, err = NewUpdate(o, up, vector.MaxRows)
		require.NoError(e.t, err)
		return u
	})
	return u.Result(), err
}

func (e *env) delete(n *physical.Scan) Result {
	del := &physical.Delete{Table: n.Table, Input: n}
	var d *Delete
	require.NoError(e.t, e.change(n, DeleteMinBytes(del), func(o Options) exec.Sink {
		var err error
		d, err = NewDelete(o, del)
		require.NoError(e.t, err)
		return d
	}))
	return d.Result()
}

func point(t *schema.Table, x *schema.Index, v types.Datum) []physical.Range {
	b := physical.Bound{Values: []types.Datum{v}, Inclusive: true}
	return []physical.Range{{Low: b, High: b}}
}

func TestInsert(t *testing.T) {
	e := newEnv(t)
	p := e.people()
	nameAge := []int{1, 2}
	r, err := e.insert(p, nameAge, nil, []any{"ann", 30}, []any{"bob", nil}, []any{"cid", "41"})
	require.NoError(t, err)
	require.Equal(t, Result{Affected: 3, LastInsertID: 1, InsertID: 1, Records: 3}, r)
	require.Equal(t, "Records: 3  Duplicates: 0  Warnings: 0", r.Info(0))
	const at = "|2023-11-14 22:13:20"
	require.Equal(t, []string{"1|ann|30" + at, "2|bob|NULL" + at, "3|cid|41" + at}, e.rows(p))

	for _, c := range []struct {
		code    int
		text    string
		columns []int
		row     []any
	}{
		{1062, "Duplicate entry 'ANN' for key 'people.name'", nameAge, []any{"ANN", 1}},
		{1062, "Duplicate entry '2' for key 'people.PRIMARY'", []int{0, 1}, []any{2, "x"}},
		{1048, "Column 'name' cannot be null", nameAge, []any{nil, 1}},
		{1364, "Field 'name' doesn't have a default value", []int{2}, []any{1}},
		{1264, "Out of range value for column 'age' at row 1", nameAge, []any{"x", 1000}},
		{1406, "Data too long for column 'name' at row 1", nameAge, []any{strings.Repeat("x", 21), 1}},
		{1366, "Incorrect integer value: 'old' for column 'age' at row 1", nameAge, []any{"x", "old"}},
	} {
		_, err := e.insert(p, c.columns, nil, c.row)
		require.EqualValues(t, c.code, sqlerr.CodeOf(err))
		require.Equal(t, c.text, err.Error())
	}
	require.Len(t, e.rows(p), 3)
	require.EqualValues(t, 3, e.cat.Snapshot().RowCount(p))

	// Explicit values push the counter; DEFAULT and 0 ask for the next one.
	r, err = e.insert(p, []int{0, 1}, nil, []any{100, "dan"}, []any{0, "eve"}, []any{&expr.Default{}, "fay"})
	require.NoError(t, err)
	require.EqualValues(t, 101, r.LastInsertID)
	r, err = e.insert(p, []int{0, 1}, nil, []any{50, "gus"})
	require.NoError(t, err)
	require.Equal(t, Result{Affected: 1, InsertID: 50, Records: 1}, r)
	require.Equal(t, "", r.Info(0))
	require.Len(t, e.rows(p), 7)

	// Not strict: values are made to fit.
	e.expr.Strict, e.warnings = false, nil
	_, err = e.insert(p, nameAge, nil, []any{"hal", 1000}, []any{nil, 1})
	require.NoError(t, err)
	require.Equal(t, []string{"1264 Out of range value for column 'age' at row 1",
		"1048 Column 'name' cannot be null"}, e.warnings)
	_, err = e.insert(p, nameAge, nil, []any{nil, 1})
	require.EqualValues(t, 1048, sqlerr.CodeOf(err))
}

func TestInsertDuplicates(t *testing.T) {
	e := newEnv(t)
	p := e.people()
	idNameAge := []int{0, 1, 2}
	_, err := e.insert(p, idNameAge, nil, []any{1, "ann", 30}, []any{2, "bob", 31})
	require.NoError(t, err)
	r, err := e.insert(p, idNameAge, func(n *physical.Insert) {
		n.Ignore, n.Duplicates = true,
			physical.DuplicateIgnore
	},
		[]any{1, "x", 1}, []any{3, "Bob", 1}, []any{4, "cid", 1})
	require.NoError(t, err)
	require.EqualValues(t, 1, r.Affected)
	require.Equal(t, "Records: 3  Duplicates: 2  Warnings: 2", r.Info(2))
	require.Equal(t, []string{"1062 Duplicate entry '1' for key 'people.PRIMARY'",
		"1062 Duplicate entry 'Bob' for key 'people.name'"}, e.warnings)

	// REPLACE takes the place of both rows in the way.
	r, err = e.insert(p, idNameAge, func(n *physical.Insert) { n.Duplicates = physical.DuplicateReplace }, []any{1,
		"bob", 7})
	require.NoError(t, err)
	require.EqualValues(t, 3, r.Affected)
	byAge := scanNode(p, p.Indexes[1], []int{2, 0, 1})
	byAge.KeepOrder = true
	require.Equal(t, []string{"1|4|cid", "7|1|bob"}, e.read(byAge))

	old := func(c int) expr.Expr { return &expr.Column{Index: c, T: p.Columns[c].Type} }
	values := func(c int) expr.Expr { return &expr.Column{Index: len(p.Columns) + c, T: p.Columns[c].Type} }
	sum, err := expr.NewCall("+", []expr.Expr{old(2), values(2)}, e.expr)
	require.NoError(t, err)
	upsert := func(n *physical.Insert) {
		n.Duplicates = physical.DuplicateUpdate
		n.OnDuplicate = []physical.Assignment{{Column: 2, Expr: sum}}
	}
	r, err = e.insert(p, []int{1, 2}, upsert, []any{"bob", 3}, []any{"dan", 5}, []any{"cid", 0})
	require.NoError(t, err)
	require.EqualValues(t, 3, r.Affected) // 2 updated, 1 inserted, 1 as it was
	require.Equal(t, "Records: 3  Duplicates: 2  Warnings: 2", r.Info(2))
	require.Len(t, e.read(scanNode(p, p.Indexes[1], []int{2, 1})), 3)
	require.Contains(t, e.read(scanNode(p, p.Indexes[1], []int{2, 1})), "10|bob")
}

func TestHiddenRowID(t *testing.T) {
	e := newEnv(t)
	h := e.create(catalog.TableSpec{Name: "h", Columns: []catalog.ColumnSpec{column("a", types.NewInt())}})
	var rows [][]any
	for i := range 3000 {
		rows = append(rows, []any{i % 3})
	}
	r, err := e.insert(h, []int{0}, nil, rows...)
	require.NoError(t, err)
	require.EqualValues(t, 3000, r.Affected)
	require.Zero(t, r.LastInsertID)
	require.Len(t, e.rows(h), 3000)
	require.EqualValues(t, 3000, e.delete(scanNode(h, h.Primary, all(h))).Affected)
	require.Empty(t, e.rows(h))
}

func TestUpdateDelete(t *testing.T) {
	e := newEnv(t)
	p := e.people()
	var rows [][]any
	for i := range 100 {
		rows = append(rows, []any{fmt.Sprintf("name %d", i), i})
	}
	_, err := e.insert(p, []int{1, 2}, nil, rows...)
	require.NoError(t, err)
	col := func(c int) expr.Expr { return &expr.Column{Index: c, T: p.Columns[c].Type} }
	plus := func(a, b expr.Expr) expr.Expr {
		x, err := expr.NewCall("+", []expr.Expr{a, b}, e.expr)
		require.NoError(t, err)
		return x
	}
	node := func() *physical.Scan { return scanNode(p, p.Primary, all(p)) }

	n := node()
	less, err := expr.NewCall("<", []expr.Expr{col(2), expr.NewInt(10)}, e.expr)
	require.NoError(t, err)
	n.Filter = []expr.Expr{less}
	r, err := e.update(n, false, physical.Assignment{Column: 2, Expr: expr.NewInt(5)})
	require.NoError(t, err)
	require.Equal(t, Result{Kind: KindUpdate, Affected: 9, Matched: 10, Changed: 9}, r)
	require.Equal(t, "Rows matched: 10  Changed: 9  Warnings: 0", r.Info(0))

	// The scanned index changes under the scan: each row once all the same.
	n = scanNode(p, p.Indexes[1], all(p))
	n.Ranges = []physical.Range{{Low: physical.Bound{Values: []types.Datum{types.NewIntDatum(p.Columns[2].Type, 10)},
		Inclusive: true}}}
	r, err = e.update(n, false, physical.Assignment{Column: 2, Expr: plus(col(2), expr.NewInt(20))})
	require.NoError(t, err)
	require.EqualValues(t, 90, r.Changed)

	// The primary key moves; later assignments see earlier ones.
	n = node()
	n.Ranges = point(p, p.Primary, types.NewIntDatum(p.Columns[0].Type, 100))
	r, err = e.update(n, false, physical.Assignment{Column: 0, Expr: expr.NewInt(7000)},
		physical.Assignment{Column: 1, Expr: expr.NewString("last", collation.Default)},
		physical.Assignment{Column: 2, Expr: plus(col(0), expr.NewInt(-6950))})
	require.NoError(t, err)
	require.EqualValues(t, 1, r.Changed)
	got := e.rows(p)
	require.Equal(t, "7000|last|50|2023-11-14 22:13:20", got[99])

	_, err = e.update(node(), false, physical.Assignment{Column: 1, Expr: expr.NewString("same", collation.Default)})
	require.EqualValues(t, 1062, sqlerr.CodeOf(err))
	require.Equal(t, got, e.rows(p))
	r, err = e.update(node(), true, physical.Assignment{Column: 1, Expr: expr.NewString("same", collation.Default)})
	require.NoError(t, err)
	require.EqualValues(t, 1, r.Changed)
	require.Len(t, e.warnings, 99)
	_, err = e.update(node(), false, physical.Assignment{Column: 1, Expr: expr.NewNull()})
	require.EqualValues(t, 1048, sqlerr.CodeOf(err))

	n = scanNode(p, p.Indexes[1], all(p))
	n.Ranges = point(p, p.Indexes[1], types.NewIntDatum(p.Columns[2].Type, 5))
	require.EqualValues(t, 10, e.delete(n).Affected)
	require.Len(t, e.rows(p), 90)
	require.Len(t, e.read(scanNode(p, p.Indexes[0], []int{1})), 90)
	require.Len(t, e.read(scanNode(p, p.Indexes[1], []int{2})), 90)
}

// load parses a text, and gives the rows with fields in brackets.
func (e *env) load(n *physical.Load, file io.Reader, batchRows int) (out []string, err error) {
	acct, done := e.operator(LoadMinBytes(n, batchRows))
	defer done()
	src, err := NewLoad(LoadOptions{Account: acct, Node: n, File: file, Env: e.expr, BatchRows: batchRows})
	if err != nil {
		return nil, err
	}
	err = e.drive(src, nil, func(b *vector.Batch) {
		for i := range b.Len {
			var row []string
			for c := range b.Cols {
				if d := b.Cols[c].Datum(b.Base(), i); d.IsNull() {
					row = append(row, "NULL")
				} else {
					row = append(row, "["+string(d.S)+"]")
				}
			}
			out = append(out, strings.Join(row, ""))
		}
	})
	return out, err
}

func loadNode(columns int, f physical.LoadFormat) *physical.Load {
	n := &physical.Load{Charset: "utf8mb4", Fields: f}
	for range columns {
		n.Columns = append(n.Columns, physical.Column{Type: types.NewVarChar(100, collation.Default)})
	}
	return n
}

func TestInsertFromLoad(t *testing.T) {
	e := newEnv(t)
	p := e.people()
	const rows = 20_000
	var file strings.Builder
	for i := range rows {
		fmt.Fprintf(&file, "%d\tname %d\t%d\n", i+1, i, i%100)
	}
	ln := loadNode(3, defaultFormat)
	n := &physical.Insert{Table: p, Ordinals: []int{0, 1, 2}, Load: true, Input: ln}
	var res Result
	require.NoError(t, e.txn(func(tx kv.Txn) error {
		acct, done := e.operator(LoadMinBytes(ln, 0))
		defer done()
		own, doneOwn := e.operator(InsertMinBytes(n))
		defer doneOwn()
		src, err := NewLoad(LoadOptions{Account: acct, Node: ln, File: strings.NewReader(file.String()), Env: e.expr})
		require.NoError(t, err)
		sink, err := NewInsert(e.options(own, tx), n)
		require.NoError(t, err)
		err = e.drive(src, sink, nil)
		res = sink.Result()
		return err
	}))
	require.Equal(t, "Records: 20000  Deleted: 0  Skipped: 0  Warnings: 0", res.Info(0))
	require.Len(t, e.rows(p), rows)
	n2 := scanNode(p, p.Indexes[0], []int{0, 1, 2}) // looks rows up
	n2.Ranges = point(p, p.Indexes[0], types.NewStringDatum(p.Columns[1].Type, []byte("NAME 777")))
	require.Equal(t, []string{"778|name 777|77"}, e.read(n2))
}
