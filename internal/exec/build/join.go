package build

import (
	"github.com/spillwaydb/spillway/internal/exec/join"
	"github.com/spillwaydb/spillway/internal/plan/physical"
)

// nestedLoop builds the right side in a pipeline of its own, before that of the left side.
func (b *builder) nestedLoop(n *physical.NestedLoop) (*pipe, error) {
	right, err := b.node(n.Right)
	if err != nil {
		return nil, err
	}
	left, err := b.node(n.Left)
	if err != nil {
		return nil, err
	}
	o := join.Options{
		Type: n.Type, Left: left.types, Right: right.types, Conds: n.Conds, LeftCapacity: left.capacity,
		RightCapacity: b.rowCapacity(right.types), Workers: max(left.workers, right.workers),
		PageBytes: b.sizing.PageBytes, Env: b.deps.Env,
	}
	acct, err := b.open(n, join.NestedLoopMinBytes(o))
	if err != nil {
		return nil, err
	}
	left.types, left.capacity = n.Types(), max(o.LeftCapacity, o.RightCapacity)
	left.live += b.state(n, n.Right.Common().EstRows, right.types, 0, max(left.live, right.live))
	if b.dry {
		return left, nil
	}
	o.Account = acct
	op := join.NewNestedLoop(o)
	b.run.OnClose(op.Close)
	b.end(right, n, op.Sink(), right.workers)
	b.step(left, n, op.Operator())
	return left, nil
}
