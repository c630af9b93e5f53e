package stream

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// DefaultRow passes rows on, or gives a row if there are none. A pipeline with it has one worker: only that one knows.
type DefaultRow struct {
	acct  *memory.Account
	types []types.Type
	row   []expr.Expr // constants
	env   *expr.Env
}

var _ exec.Operator = (*DefaultRow)(nil)

// NewDefaultRow returns the operator for rows of types cols. Its pages are of acct, which it does not own.
func NewDefaultRow(acct *memory.Account, cols []types.Type, row []expr.Expr, env *expr.Env) *DefaultRow {
	return &DefaultRow{acct: acct, types: cols, row: row, env: env}
}

// DefaultRowBytes is the operator's minimum.
func DefaultRowBytes(cols []types.Type) int64 { return vector.BatchBytes(cols, 1, 0) }

// NewLocal implements exec.Operator.
func (d *DefaultRow) NewLocal(w *exec.Worker) (exec.LocalOperator, error) {
	if w.ID != 0 {
		return nil, sqlerr.AssertionError("several workers before a row that stands for none")
	}
	b, err := vector.NewBatch(d.acct, d.types, 1, 0)
	if err != nil {
		return nil, err
	}
	return &localDefaultRow{shared: d, batch: b}, nil
}

// Close implements exec.Operator.
func (d *DefaultRow) Close() error { return nil }

type localDefaultRow struct {
	shared *DefaultRow
	batch  *vector.Batch
	given  bool // a row was passed on or made
}

// Execute implements exec.LocalOperator.
func (l *localDefaultRow) Execute(_ context.Context, in *vector.Batch) (*vector.Batch, exec.OpResult, error) {
	l.given = l.given || in.Rows() > 0
	return in, exec.NeedMore, nil
}

// Flush implements exec.LocalOperator.
func (l *localDefaultRow) Flush(context.Context) (*vector.Batch, error) {
	if l.given {
		return nil, nil
	}
	l.given = true
	l.batch.Reset()
	for c, e := range l.shared.row {
		d, err := expr.EvalConst(e, l.shared.env)
		if err != nil {
			return nil, err
		}
		if err := l.batch.Cols[c].SetDatum(0, d, l.batch.Arena()); err != nil {
			return nil, err
		}
	}
	l.batch.Len = 1
	return l.batch, nil
}

// Close implements exec.LocalOperator.
func (l *localDefaultRow) Close() error {
	l.batch.Close()
	return nil
}
