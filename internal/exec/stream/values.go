package stream

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// valuesChunk is the number of literal rows whose trees are on the heap at once.
const valuesChunk = 64

// Values gives literal rows. One worker.
type Values struct {
	acct     *memory.Account
	source   physical.ValuesSource
	types    []types.Type
	capacity int
	env      *expr.Env
}

var _ exec.Source = (*Values)(nil)

// NewValues returns a source of the rows of source, evaluated to columns of types cols. Its pages are of acct, which it
// does not own.
func NewValues(
	acct *memory.Account, source physical.ValuesSource, cols []types.Type, capacity int, env *expr.Env,
) *Values {
	return &Values{acct: acct, source: source, types: cols, capacity: capacity, env: env}
}

// NoRows is a source of literal rows that has none.
type NoRows struct{}

// Next implements physical.ValuesSource.
func (NoRows) Next(dst [][]expr.Expr, _ int) ([][]expr.Expr, error) { return dst, nil }

// Rewind implements physical.ValuesSource.
func (NoRows) Rewind() error { return nil }

// RowCount implements physical.ValuesSource.
func (NoRows) RowCount() int { return 0 }

// ValuesBytes is the source's minimum.
func ValuesBytes(cols []types.Type, capacity int) int64 { return vector.BatchBytes(cols, capacity, 0) }

// MaxWorkers implements exec.Source.
func (v *Values) MaxWorkers() int { return 1 }

// Close implements exec.Source.
func (v *Values) Close() error { return nil }

// NewLocal implements exec.Source.
func (v *Values) NewLocal(*exec.Worker) (exec.LocalSource, error) {
	b, err := vector.NewBatch(v.acct, v.types, v.capacity, 0)
	if err != nil {
		return nil, err
	}
	if err := v.source.Rewind(); err != nil {
		b.Close()
		return nil, err
	}
	return &localValues{shared: v, batch: b}, nil
}

type localValues struct {
	shared *Values
	batch  *vector.Batch
	rows   [][]expr.Expr // of the chunk in work
	next   int           // row of rows that comes next
}

func (l *localValues) Next(context.Context) (*vector.Batch, error) {
	l.batch.Reset()
	for l.batch.Len < l.batch.Cap() {
		if l.next == len(l.rows) {
			var err error
			if l.rows, err = l.shared.source.Next(l.rows[:0], valuesChunk); err != nil {
				return nil, err
			}
			if l.next = 0; len(l.rows) == 0 {
				break
			}
		}
		full, err := l.row(l.rows[l.next])
		if err != nil {
			return nil, err
		}
		if full {
			break
		}
		l.next++
	}
	if l.batch.Len == 0 {
		return nil, nil
	}
	return l.batch, nil
}

// row evaluates one row into the batch; full: its strings do not fit beside those of the rows before it.
func (l *localValues) row(exprs []expr.Expr) (full bool, err error) {
	i := l.batch.Len
	for c, e := range exprs {
		d, err := expr.EvalConst(e, l.shared.env)
		if err != nil {
			return false, err
		}
		if i > 0 && d.Kind == types.PhysString && len(d.S) > vector.InlineBytes && len(d.S) > l.batch.Arena().Left() {
			return true, nil
		}
		if err := l.batch.Cols[c].SetDatum(i, d, l.batch.Arena()); err != nil {
			return false, err
		}
	}
	l.batch.Len++
	return false, nil
}

func (l *localValues) Pause() error { return nil }

func (l *localValues) Close() error {
	l.batch.Close()
	return nil
}
