package build

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/apply"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/types"
)

// apply runs the right side for rows of the left one, with one worker.
func (b *builder) apply(n *physical.Apply) (*pipe, error) {
	left, err := b.node(n.Left)
	if err != nil {
		return nil, err
	}
	var env expr.Env
	if b.deps.Env != nil { // there is none in a dry walk
		env = *b.deps.Env
	}
	// The values of queries further out are set before this one runs, by an apply around it, which has the same array.
	slots := n.SlotsEnd()
	if len(env.Outer) < slots {
		env.Outer = append(make([]types.Datum, 0, slots), env.Outer...)[:slots]
	}
	var op *apply.Apply
	var innerTypes []types.Type
	innerCapacity := 0
	inner, err := b.subplan(&env, func(b *builder) error {
		p, err := b.node(n.Right)
		if err != nil {
			return err
		}
		innerTypes, innerCapacity = p.types, p.capacity
		if !b.dry {
			b.end(p, n.Right, op.Sink(), 1)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	o := apply.Options{
		Left: left.types, Right: innerTypes, Params: n.Params, Slots: n.Slots, Keep: n.Keep,
		OuterJoin: n.Type == physical.LeftJoin, LeftCapacity: left.capacity,
		RightCapacity: min(innerCapacity, b.rowCapacity(innerTypes)), PageBytes: b.sizing.PageBytes,
		Env: b.deps.Env, Inner: &env,
	}
	acct, err := b.open(n, apply.MinBytes(o))
	if err != nil {
		return nil, err
	}
	left.types, left.capacity = n.Types(), max(o.LeftCapacity, o.RightCapacity)
	left.workers, left.serial = 1, true
	if b.dry {
		return left, nil
	}
	o.Account = acct
	o.Profile = b.run.Profile.Node(n.ID)
	o.Run = func(ctx context.Context, w *exec.Worker) error { return inner.execute(ctx, w) }
	op = apply.New(o)
	b.run.OnClose(op.Close)
	b.run.OnClose(inner.close)
	b.step(left, n, op)
	return left, nil
}
