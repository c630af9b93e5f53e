package dml

import (
	"context"
	"errors"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/table"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Update is the sink of UPDATE.
type Update struct {
	o        Options
	n        *physical.Update
	capacity int // rows of a batch at most
	t        *schema.Table
	conv     converter
	writer   *table.Writer
	exprs    []expr.Expr
	assigned []bool
	// stepwise: an assignment reads a column that one before it assigns, so they are evaluated row by row.
	stepwise bool
	res      Result
}

var _ exec.Sink = (*Update)(nil)

// NewUpdate returns the sink of an UPDATE, for batches of so many rows at most: not all that a join gives are equally
// long.
func NewUpdate(o Options, n *physical.Update, batchRows int) (*Update, error) {
	u := &Update{
		o: o, n: n, capacity: batchRows, t: n.Table, assigned: make([]bool, len(n.Table.Columns)),
		res: Result{Kind: KindUpdate},
	}
	u.conv = newConverter(&u.o, n.Ignore, false)
	u.conv.conv.Table = u.t.Name
	u.writer = table.NewWriter(table.WriterOptions{
		Codec: table.NewCodec(n.Table), Txn: o.Txn, Account: o.Account, HeldRow: table.HeldRow(n.Table), Lock: o.Lock,
		Location: o.Env.Location,
	})
	u.exprs = assignedExprs(n)
	u.stepwise = stepwise(n)
	for _, a := range n.Assign {
		u.assigned[a.Column] = true
	}
	return u, nil
}

// assignedExprs are the expressions to evaluate; DEFAULT has none, a NULL stands for it.
func assignedExprs(n *physical.Update) []expr.Expr {
	out := make([]expr.Expr, len(n.Assign))
	for i, a := range n.Assign {
		out[i] = a.Expr
		if d, ok := a.Expr.(*expr.Default); ok {
			out[i] = expr.NewConst(types.NullDatum(d.T))
		}
	}
	return out
}

func stepwise(n *physical.Update) bool {
	before := map[int]bool{}
	for _, a := range n.Assign {
		for _, c := range expr.ColumnsUsed(a.Expr) {
			if before[c] {
				return true
			}
		}
		before[a.Column] = true
	}
	return false
}

// UpdateMinBytes is what the sink holds for batches of that many rows.
func UpdateMinBytes(n *physical.Update, batchRows int) int64 {
	held := minBytes + table.HeldRow(n.Table)
	if stepwise(n) {
		return held
	}
	return held + expr.EvalBytes(assignedExprs(n), batchRows)
}

// Result is valid once the pipeline has ended.
func (u *Update) Result() Result { return u.res }

// NewLocal implements exec.Sink. One worker.
func (u *Update) NewLocal(*exec.Worker) (exec.LocalSink, error) {
	return &localUpdate{u: u, auto: u.t.AutoIncrement()}, nil
}

// Finish implements exec.Sink.
func (u *Update) Finish(context.Context) error { return nil }

// Close implements exec.Sink.
func (u *Update) Close() error { return u.writer.Close() }

type localUpdate struct {
	u    *Update
	ev   *expr.Evaluator // nil: not made yet, or stepwise
	auto int
	old  []types.Datum
	row  []types.Datum
}

// Consume implements exec.LocalSink.
func (l *localUpdate) Consume(ctx context.Context, b *vector.Batch) (exec.OpResult, error) {
	if l.ev == nil && !l.u.stepwise {
		var err error
		if l.ev, err = expr.NewEvaluator(l.u.o.Account, l.u.exprs, l.u.capacity, l.u.o.Env); err != nil {
			return exec.Finished, err
		}
	}
	sel := b.Sel
	if sel == nil {
		sel = rows.All(b.Len)
	}
	for len(sel) > 0 {
		n, err := l.some(ctx, b, sel)
		if err != nil {
			return exec.Finished, err
		}
		sel = sel[n:]
	}
	return exec.NeedMore, nil
}

// some updates as many rows of sel as there is memory to evaluate, and says how many.
func (l *localUpdate) some(ctx context.Context, b *vector.Batch, sel []uint16) (int, error) {
	n := len(sel)
	var vals []*vector.Vector
	for l.ev != nil {
		b.Sel = sel[:n]
		var err error
		if vals, err = l.ev.Eval(b); err == nil {
			break
		}
		if !errors.Is(err, sqlerr.ErrNoSurplus) {
			return 0, err
		}
		if n == 1 {
			return 0, errLongValue(err)
		}
		n /= 2
	}
	for _, i := range sel[:n] {
		if err := l.one(ctx, b, int(i), vals); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// one updates row i of b. vals are the assignments' values; nil: stepwise.
func (l *localUpdate) one(ctx context.Context, b *vector.Batch, i int, vals []*vector.Vector) error {
	u, base := l.u, b.Base()
	u.res.Matched++
	u.conv.conv.Row = int64(u.res.Matched)
	defer func() { u.conv.next(l.row) }()
	columns := len(u.t.Columns)
	l.old = l.old[:0]
	for c := range columns {
		l.old = append(l.old, b.Cols[c].Datum(base, i))
	}
	l.row = append(l.row[:0], l.old...)
	for k := range u.n.Assign {
		a := &u.n.Assign[k]
		col := &u.t.Columns[a.Column]
		d, err := l.value(ctx, a, k, b, i, vals, col)
		if err != nil {
			return err
		}
		l.row[a.Column] = d
	}
	if u.o.FoundRows {
		u.res.Affected++
	}
	if sameRow(l.old, l.row) {
		return nil
	}
	setOnUpdate(&u.conv, u.t, u.assigned, l.row)
	if l.auto >= 0 && u.assigned[l.auto] {
		if err := l.pushAuto(ctx); err != nil {
			return err
		}
	}
	key := b.Cols[columns].Datum(base, i).S
	dup, err := u.writer.Update(ctx, key, l.old, l.row)
	if err != nil {
		return err
	}
	if dup != nil {
		if !u.n.Ignore {
			return dup.Error()
		}
		u.conv.warn(sqlerr.From(dup.Error()).Warning())
		return nil
	}
	u.res.Changed++
	if !u.o.FoundRows {
		u.res.Affected++
	}
	return nil
}

func (l *localUpdate) value(
	ctx context.Context, a *physical.Assignment, k int, b *vector.Batch, i int, vals []*vector.Vector,
	col *schema.Column,
) (types.Datum, error) {
	u := l.u
	if _, ok := a.Expr.(*expr.Default); ok {
		return u.conv.defaultOf(ctx, a.Column, col)
	}
	if vals != nil {
		return u.conv.value(col, vals[k].Datum(b.Base(), i), false)
	}
	d, err := expr.EvalRow(a.Expr, l.row, u.o.Env)
	if err != nil {
		return d, err
	}
	return u.conv.value(col, d, false)
}

func (l *localUpdate) pushAuto(ctx context.Context) error {
	counter, err := l.u.o.Catalog.Counter(ctx, l.u.t, l.auto)
	if err != nil {
		return err
	}
	a := auto{o: &l.u.o, counter: counter}
	_, err = a.explicit(ctx, &l.row[l.auto])
	return err
}

// Combine implements exec.LocalSink.
func (l *localUpdate) Combine(context.Context) error { return nil }

// Close implements exec.LocalSink.
func (l *localUpdate) Close() error {
	if l.ev != nil {
		l.ev.Close()
		l.ev = nil
	}
	return nil
}
