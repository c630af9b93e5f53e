package stream

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Filter keeps the rows for which all conditions are true.
type Filter struct {
	acct     *memory.Account
	conds    []expr.Expr
	capacity int
	env      *expr.Env
}

var _ exec.Operator = (*Filter)(nil)

// NewFilter returns a filter whose pages are of acct, which it does not own.
func NewFilter(acct *memory.Account, conds []expr.Expr, capacity int, env *expr.Env) *Filter {
	return &Filter{acct: acct, conds: conds, capacity: capacity, env: env}
}

// FilterBytes is a filter's minimum a worker.
func FilterBytes(conds []expr.Expr, capacity int) int64 { return expr.EvalBytes(conds, capacity) }

// NewLocal implements exec.Operator.
func (f *Filter) NewLocal(*exec.Worker) (exec.LocalOperator, error) {
	ev, err := expr.NewEvaluator(f.acct, f.conds, f.capacity, f.env)
	if err != nil {
		return nil, err
	}
	return &localFilter{ev: ev}, nil
}

// Close implements exec.Operator.
func (f *Filter) Close() error { return nil }

type localFilter struct {
	ev    *expr.Evaluator
	parts exec.Parts
}

// Execute filters in; where surplus for string results is refused, a part of its rows at a time.
func (l *localFilter) Execute(_ context.Context, in *vector.Batch) (*vector.Batch, exec.OpResult, error) {
	more, err := l.parts.Run(in, func() error { return l.ev.Filter(in) })
	l.ev.Release() // only the selection is wanted
	if err != nil {
		return nil, exec.NeedMore, err
	}
	if more {
		return in, exec.HaveMore, nil
	}
	return in, exec.NeedMore, nil
}

func (l *localFilter) Flush(context.Context) (*vector.Batch, error) { return nil, nil }

func (l *localFilter) Close() error {
	l.ev.Close()
	return nil
}
