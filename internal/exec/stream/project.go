package stream

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Project computes new columns. Column references pass through without a copy.
type Project struct {
	acct     *memory.Account
	exprs    []expr.Expr
	capacity int
	env      *expr.Env
}

var _ exec.Operator = (*Project)(nil)

// NewProject returns a projection whose pages are of acct, which it does not own.
func NewProject(acct *memory.Account, exprs []expr.Expr, capacity int, env *expr.Env) *Project {
	return &Project{acct: acct, exprs: exprs, capacity: capacity, env: env}
}

// ProjectBytes is a projection's minimum a worker.
func ProjectBytes(exprs []expr.Expr, capacity int) int64 {
	return expr.EvalBytes(exprs, capacity) + vector.BatchBytes(nil, capacity, 0)
}

// NewLocal implements exec.Operator.
func (p *Project) NewLocal(*exec.Worker) (exec.LocalOperator, error) {
	ev, err := expr.NewEvaluator(p.acct, p.exprs, p.capacity, p.env)
	if err != nil {
		return nil, err
	}
	out, err := vector.NewBatch(p.acct, []types.Type{}, p.capacity, 0)
	if err != nil {
		ev.Close()
		return nil, err
	}
	return &localProject{ev: ev, out: out}, nil
}

// Close implements exec.Operator.
func (p *Project) Close() error { return nil }

type localProject struct {
	ev    *expr.Evaluator
	out   *vector.Batch // without vectors of its own
	parts exec.Parts
}

// Execute computes the columns for in; where surplus for string results is refused, for a part of its rows at a time.
func (l *localProject) Execute(_ context.Context, in *vector.Batch) (*vector.Batch, exec.OpResult, error) {
	var cols []*vector.Vector
	more, err := l.parts.Run(in, func() (err error) {
		cols, err = l.ev.Eval(in)
		return err
	})
	if err != nil {
		return nil, exec.NeedMore, err
	}
	l.out.Cols = append(l.out.Cols[:0], cols...)
	l.out.Len, l.out.Sel = in.Len, in.Sel
	if more {
		return l.out, exec.HaveMore, nil
	}
	return l.out, exec.NeedMore, nil
}

// Release implements exec.Releaser.
func (l *localProject) Release() { l.ev.Release() }

func (l *localProject) Flush(context.Context) (*vector.Batch, error) { return nil, nil }

func (l *localProject) Close() error {
	l.out.Close()
	l.ev.Close()
	return nil
}
