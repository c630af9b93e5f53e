package build

import (
	"github.com/spillwaydb/spillway/internal/exec/join"
	"github.com/spillwaydb/spillway/internal/plan/physical"
)

// mergeJoin materializes the right side in a pipeline of its own, before that of the left side. One worker each: rows
// come in order.
func (b *builder) mergeJoin(n *physical.MergeJoin) (*pipe, error) {
	left, right, err := b.sides(n.Left, n.Right)
	if err != nil {
		return nil, err
	}
	o := join.MergeOptions{
		Type: n.Type, LeftOut: len(left.types), RightOut: len(right.types), Conds: n.Conds,
		PageBytes: b.sizing.PageBytes, Env: b.deps.Env,
	}
	if o.Keys, err = b.joinKeys(n, left, right, n.Keys); err != nil {
		return nil, err
	}
	o.Left, o.Right = left.types, right.types
	t, err := b.rent(n, join.MergeMinBytes(o), left, right)
	if err != nil {
		return nil, err
	}
	o.Account = t.acct
	m := join.NewMerge(o)
	left.types, left.capacity, left.joins = n.Types(), max(left.capacity, m.Capacity()), left.joins+1
	left.workers, left.serial = 1, true
	left.live += b.state(n, n.Right.Common().EstRows, right.types, 0, max(left.live, right.live))
	b.keep(t, m.Close)
	b.end(right, n, m.Sink(), 1)
	b.step(left, n, m.Operator())
	return left, nil
}
