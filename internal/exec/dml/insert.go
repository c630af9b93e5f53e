package dml

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/table"
	"github.com/spillwaydb/spillway/internal/vector"
)

// minBytes is what a sink asks for: its rows are on the heap, one at a time, or in leased pages. It is not nothing, as
// an account without a minimum is no operator's.
const minBytes = memory.MinPageBytes

// Insert is the sink of INSERT ... SELECT, REPLACE ... SELECT and LOAD DATA.
type Insert struct{ in *inserter }

var _ exec.Sink = (*Insert)(nil)

// NewInsert returns the sink for an insert whose input is any plan.
func NewInsert(o Options, n *physical.Insert) (*Insert, error) {
	return &Insert{in: newInserter(o, n)}, nil
}

// InsertMinBytes is what the sink, or NewInsertValues' source, holds: the row, and the one that it would duplicate.
func InsertMinBytes(n *physical.Insert) int64 { return minBytes + 2*table.HeldRow(n.Table) }

// Result is valid once the pipeline has ended.
func (i *Insert) Result() Result { return i.in.res }

// NewLocal implements exec.Sink. One worker.
func (i *Insert) NewLocal(*exec.Worker) (exec.LocalSink, error) {
	return &localInsert{i.in, false}, nil
}

// Finish implements exec.Sink.
func (i *Insert) Finish(context.Context) error {
	i.in.finish()
	return nil
}

// Close implements exec.Sink.
func (i *Insert) Close() error { return i.in.close() }

type localInsert struct {
	in     *inserter
	opened bool
}

// Consume implements exec.LocalSink.
func (l *localInsert) Consume(ctx context.Context, b *vector.Batch) (exec.OpResult, error) {
	if !l.opened {
		if err := l.in.open(ctx); err != nil {
			return exec.Finished, err
		}
		l.opened = true
	}
	base := b.Base()
	for k := range b.Rows() {
		row := k
		if b.Sel != nil {
			row = int(b.Sel[k])
		}
		err := l.in.insert(ctx, func(at int) (value, error) {
			return value{d: b.Cols[at].Datum(base, row)}, nil
		})
		if err != nil {
			return exec.Finished, err
		}
	}
	return exec.NeedMore, nil
}

// Combine implements exec.LocalSink.
func (l *localInsert) Combine(context.Context) error { return nil }

// Close implements exec.LocalSink.
func (l *localInsert) Close() error { return nil }

// InsertValues inserts literal rows, taking each value with its own type: the source of a pipeline without rows.
type InsertValues struct{ in *inserter }

var _ exec.Source = (*InsertValues)(nil)

// NewInsertValues is for an insert whose input is *physical.Values. Its Next inserts all rows and returns no batch.
func NewInsertValues(o Options, n *physical.Insert) (*InsertValues, error) {
	if _, ok := n.Input.(*physical.Values); !ok {
		return nil, sqlerr.AssertionError("input of an INSERT ... VALUES is %T", n.Input)
	}
	return &InsertValues{in: newInserter(o, n)}, nil
}

// Result is valid once the pipeline has ended.
func (i *InsertValues) Result() Result { return i.in.res }

// NewLocal implements exec.Source.
func (i *InsertValues) NewLocal(*exec.Worker) (exec.LocalSource, error) {
	return &localValues{i.in}, nil
}

// MaxWorkers implements exec.Source.
func (i *InsertValues) MaxWorkers() int { return 1 }

// Close implements exec.Source.
func (i *InsertValues) Close() error { return i.in.close() }

// valuesChunk is the number of literal rows whose trees are on the heap at once.
const valuesChunk = 64

type localValues struct{ in *inserter }

// Next implements exec.LocalSource.
func (l *localValues) Next(ctx context.Context) (*vector.Batch, error) {
	src := l.in.n.Input.(*physical.Values).Source
	if err := src.Rewind(); err != nil {
		return nil, err
	}
	if err := l.in.open(ctx); err != nil {
		return nil, err
	}
	l.in.left = src.RowCount()
	l.in.single = l.in.left == 1
	var rows [][]expr.Expr
	for {
		var err error
		if rows, err = src.Next(rows[:0], valuesChunk); err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			l.in.finish()
			return nil, nil
		}
		for _, row := range rows {
			if err := l.insert(ctx, row); err != nil {
				return nil, err
			}
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

func (l *localValues) insert(ctx context.Context, row []expr.Expr) error {
	if len(row) != len(l.in.n.Ordinals) {
		return sqlerr.New(sqlerr.ErrWrongValueCountOnRow, l.in.res.Records+1)
	}
	err := l.in.insert(ctx, func(at int) (value, error) {
		switch e := row[at].(type) {
		case *expr.Default:
			return value{isDefault: true}, nil
		case *expr.Const:
			return value{d: e.D}, nil
		default:
			d, err := expr.EvalConst(e, l.in.o.Env)
			if err == nil {
				err = l.in.conv.hold(len(d.S))
			}
			return value{d: d}, err
		}
	})
	l.in.left--
	return err
}

// Pause implements exec.LocalSource.
func (l *localValues) Pause() error { return nil }

// Close implements exec.LocalSource.
func (l *localValues) Close() error { return nil }
