package build

import (
	"github.com/spillwaydb/spillway/internal/exec/join"
	"github.com/spillwaydb/spillway/internal/exec/runtimefilter"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/types"
)

// hashJoin builds the right side in a pipeline of its own, before that of the left side. Keys that are no columns are
// computed behind the columns of their sides, and are not part of what is joined.
func (b *builder) hashJoin(n *physical.HashJoin) (*pipe, error) {
	filter := b.runtimeFilter(n)
	left, right, err := b.sides(n.Left, n.Right)
	if err != nil {
		return nil, err
	}
	o := join.HashOptions{
		Type: n.Type, LeftOut: len(left.types), RightOut: len(right.types), Conds: n.Conds, Maybe: n.Maybe,
		NullAware: n.NullAware,
		Workers:   max(left.workers, right.workers), PageBytes: b.sizing.PageBytes, HashZero: b.deps.HashZero,
		Env: b.deps.Env,
	}
	if o.Keys, err = b.joinKeys(n, left, right, n.Keys); err != nil {
		return nil, err
	}
	o.Left, o.Right = left.types, right.types
	t, err := b.rent(n, join.HashMinBytes(o), left, right)
	if err != nil {
		return nil, err
	}
	o.Account, o.Filter = t.acct, filter
	h := join.NewHash(o)
	left.types, left.capacity, left.joins = n.Types(), max(left.capacity, h.Capacity()), left.joins+1
	left.live += b.state(n, n.Right.Common().EstRows, right.types, buildRowBytes, max(left.live, right.live))
	b.operator(t, n, h)
	b.end(right, n, h.Sink(), right.workers)
	b.step(left, n, h.Operator())
	return left, nil
}

// runtimeFilter is what a scan on the join's left side is made with, before the join is; nil: there is none.
func (b *builder) runtimeFilter(n *physical.HashJoin) *runtimefilter.Filter {
	if n.Filter == nil || b.dry {
		return nil
	}
	if b.filters == nil {
		b.filters = map[*physical.RuntimeFilter]*runtimefilter.Filter{}
	}
	f := runtimefilter.New()
	b.filters[n.Filter] = f
	return f
}

// joinKeys makes keys columns of both sides.
func (b *builder) joinKeys(n physical.Node, left, right *pipe, keys []physical.JoinKey) ([]join.HashKey, error) {
	leftKeys, rightKeys := make([]expr.Expr, len(keys)), make([]expr.Expr, len(keys))
	for i := range keys {
		leftKeys[i], rightKeys[i] = keys[i].Left, keys[i].Right
	}
	leftAt, err := b.columnsOf(left, n, leftKeys)
	if err != nil {
		return nil, err
	}
	rightAt, err := b.columnsOf(right, n, rightKeys)
	if err != nil {
		return nil, err
	}
	out := make([]join.HashKey, len(keys))
	for i, k := range keys {
		out[i] = join.HashKey{Left: leftAt[i], Right: rightAt[i], Type: k.Type, NullSafe: k.NullSafe}
		if t := right.types[rightAt[i]]; sameButNull(t, k.Type) {
			out[i].Type = t // the column is kept once
		}
	}
	return out, nil
}

func sameButNull(a, b types.Type) bool { return a.WithNullable(true) == b.WithNullable(true) }
