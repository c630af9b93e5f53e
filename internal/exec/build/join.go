package build

import (
	"github.com/spillwaydb/spillway/internal/exec/join"
	"github.com/spillwaydb/spillway/internal/exec/stream"
	"github.com/spillwaydb/spillway/internal/plan/physical"
)

// sides walks over a join's inputs, the left one first: what it materializes is done before the right side is built.
func (b *builder) sides(left, right physical.Node) (l, r *pipe, err error) {
	if l, err = b.node(left); err != nil {
		return nil, nil, err
	}
	if b.sizing.JoinsMost > 0 && l.joins >= b.sizing.JoinsMost {
		if l, err = b.materialize(left, l); err != nil {
			return nil, nil, err
		}
	}
	r, err = b.node(right)
	return l, r, err
}

// materialize cuts a pipe behind node n.
func (b *builder) materialize(n physical.Node, p *pipe) (*pipe, error) {
	o := stream.MaterializeOptions{Types: p.types, Workers: p.workers, PageBytes: b.sizing.PageBytes}
	t, err := b.rent(n, stream.MaterializeBytes(o), p)
	if err != nil {
		return nil, err
	}
	o.Account = t.acct
	m := stream.NewMaterialize(o)
	b.keep(t, m.Close)
	b.end(p, n, m.Sink(), p.workers)
	above := b.source(n, m.Source(), p.types, m.Capacity(), p.workers, t)
	above.live = b.state(n, n.Common().EstRows, p.types, 0, p.live)
	if !b.dry {
		above.chains[0].Helper = true
		b.run.Profile.Node(n.Common().ID).Note("materialized", 1)
	}
	return above, nil
}

// nestedLoop builds the right side in a pipeline of its own, before that of the left side.
func (b *builder) nestedLoop(n *physical.NestedLoop) (*pipe, error) {
	left, right, err := b.sides(n.Left, n.Right)
	if err != nil {
		return nil, err
	}
	o := join.Options{
		Type: n.Type, Left: left.types, Right: right.types, Conds: n.Conds, LeftCapacity: left.capacity,
		RightCapacity: b.rowCapacity(right.types), Workers: max(left.workers, right.workers),
		PageBytes: b.sizing.PageBytes, Env: b.deps.Env,
	}
	t, err := b.rent(n, join.NestedLoopMinBytes(o), left, right)
	if err != nil {
		return nil, err
	}
	left.types, left.capacity, left.joins = n.Types(), max(o.LeftCapacity, o.RightCapacity), left.joins+1
	left.live += b.state(n, n.Right.Common().EstRows, right.types, 0, max(left.live, right.live))
	o.Account = t.acct
	op := join.NewNestedLoop(o)
	b.keep(t, op.Close)
	b.end(right, n, op.Sink(), right.workers)
	b.step(left, n, op.Operator())
	return left, nil
}
