package stream

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// MaxOneRow passes its input's row on, or makes a row of NULLs if the input has none; a second row is error 1242. A
// pipeline with it has one worker: only that one knows that there was no row.
type MaxOneRow struct {
	acct  *memory.Account
	types []types.Type
}

var _ exec.Operator = (*MaxOneRow)(nil)

// NewMaxOneRow returns the operator for rows of types cols. Its pages are of acct, which it does not own.
func NewMaxOneRow(acct *memory.Account, cols []types.Type) *MaxOneRow {
	return &MaxOneRow{acct: acct, types: cols}
}

// MaxOneRowBytes is the operator's minimum: the row of NULLs.
func MaxOneRowBytes(cols []types.Type) int64 { return vector.BatchBytes(cols, 1, 0) }

// NewLocal implements exec.Operator.
func (m *MaxOneRow) NewLocal(w *exec.Worker) (exec.LocalOperator, error) {
	if w.ID != 0 {
		return nil, sqlerr.AssertionError("several workers before a query as a value")
	}
	b, err := vector.NewBatch(m.acct, m.types, 1, 0)
	if err != nil {
		return nil, err
	}
	return &localMaxOneRow{nulls: b}, nil
}

// Close implements exec.Operator.
func (m *MaxOneRow) Close() error { return nil }

type localMaxOneRow struct {
	nulls *vector.Batch
	given bool // a row was passed on or made
}

func (l *localMaxOneRow) Execute(_ context.Context, in *vector.Batch) (*vector.Batch, exec.OpResult, error) {
	n := in.Rows()
	if n == 0 {
		return nil, exec.NeedMore, nil
	}
	if n > 1 || l.given {
		return nil, exec.Finished, sqlerr.New(sqlerr.ErrSubqueryNo1Row)
	}
	l.given = true
	return in, exec.NeedMore, nil
}

func (l *localMaxOneRow) Flush(context.Context) (*vector.Batch, error) {
	if l.given {
		return nil, nil
	}
	l.given = true
	l.nulls.Reset()
	for i := range l.nulls.Cols {
		l.nulls.Cols[i].SetNull(0)
	}
	l.nulls.Len = 1
	return l.nulls, nil
}

func (l *localMaxOneRow) Close() error {
	l.nulls.Close()
	return nil
}
