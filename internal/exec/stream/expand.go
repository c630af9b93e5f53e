package stream

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Expand gives each batch once for each level: its columns, then the keys, of which the last i are NULL in level i,
// then the level. Nothing is copied.
type Expand struct {
	acct     *memory.Account
	keys     []expr.Expr
	capacity int
	env      *expr.Env
}

var _ exec.Operator = (*Expand)(nil)

// NewExpand returns an operator whose pages are of acct, which it does not own.
func NewExpand(acct *memory.Account, keys []expr.Expr, capacity int, env *expr.Env) *Expand {
	return &Expand{acct: acct, keys: keys, capacity: capacity, env: env}
}

// ExpandBytes is the operator's minimum a worker.
func ExpandBytes(keys []expr.Expr, capacity int) int64 {
	return expr.EvalBytes(keys, capacity) + vector.BatchBytes(nil, capacity, 0) +
		vector.BatchBytes(keyTypes(keys), len(keys)+1, memory.MinPageBytes)
}

// keyTypes are those of the keys and the level.
func keyTypes(keys []expr.Expr) []types.Type {
	out := make([]types.Type, len(keys), len(keys)+1)
	for i, e := range keys {
		out[i] = e.Type()
	}
	return append(out, types.NewBigInt())
}

// NewLocal implements exec.Operator.
func (e *Expand) NewLocal(*exec.Worker) (exec.LocalOperator, error) {
	l := &localExpand{levels: len(e.keys) + 1}
	var err error
	if l.ev, err = expr.NewEvaluator(e.acct, e.keys, e.capacity, e.env); err != nil {
		return nil, err
	}
	if l.out, err = vector.NewBatch(e.acct, nil, e.capacity, 0); err != nil {
		l.ev.Close()
		return nil, err
	}
	if l.fixed, err = vector.NewBatch(e.acct, keyTypes(e.keys), l.levels, memory.MinPageBytes); err != nil {
		l.ev.Close()
		l.out.Close()
		return nil, err
	}
	l.nulls = make([]vector.Vector, len(e.keys))
	for i := range e.keys {
		l.nulls[i] = vector.NullRow(l.fixed.Own(i))
	}
	level := l.fixed.Own(len(e.keys))
	for i := range l.levels {
		level.I64[i], level.Null[i] = int64(i), 0
	}
	return l, nil
}

// Close implements exec.Operator.
func (e *Expand) Close() error { return nil }

type localExpand struct {
	ev     *expr.Evaluator
	out    *vector.Batch // without vectors of its own
	fixed  *vector.Batch // a NULL for each key, and the levels
	nulls  []vector.Vector
	levels int

	parts exec.Parts
	level int // the next one of the part in work
	more  bool
	keys  []*vector.Vector
	at    vector.Vector // the level
}

// Execute gives one level of in, or of a part of its rows if surplus for keys that are strings is refused.
func (l *localExpand) Execute(_ context.Context, in *vector.Batch) (*vector.Batch, exec.OpResult, error) {
	if l.level == 0 {
		var err error
		l.more, err = l.parts.Run(in, func() (err error) {
			l.keys, err = l.ev.Eval(in)
			return err
		})
		if err != nil {
			return nil, exec.NeedMore, err
		}
	}
	l.out.Cols = append(l.out.Cols[:0], in.Cols...)
	for i, v := range l.keys {
		if i >= len(l.keys)-l.level {
			v = &l.nulls[i]
		}
		l.out.Cols = append(l.out.Cols, v)
	}
	l.at = l.fixed.Own(len(l.keys)).Row(l.level)
	l.out.Cols = append(l.out.Cols, &l.at)
	l.out.Len, l.out.Sel = in.Len, in.Sel
	if l.level++; l.level < l.levels {
		return l.out, exec.HaveMore, nil
	}
	if l.level = 0; l.more {
		return l.out, exec.HaveMore, nil
	}
	return l.out, exec.NeedMore, nil
}

// Release implements exec.Releaser.
func (l *localExpand) Release() { l.ev.Release() }

// Flush implements exec.LocalOperator.
func (l *localExpand) Flush(context.Context) (*vector.Batch, error) { return nil, nil }

// Close implements exec.LocalOperator.
func (l *localExpand) Close() error {
	l.fixed.Close()
	l.out.Close()
	l.ev.Close()
	return nil
}
