package build

import (
	"github.com/spillwaydb/spillway/internal/exec/agg"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// aggInput projects the input to the columns that the aggregation reads: group columns first, then arguments.
func (b *builder) aggInput(n, input physical.Node, groupBy []expr.Expr, aggs []*expr.Aggregate) (
	p *pipe, group []int, args [][]int, err error,
) {
	if p, err = b.node(input); err != nil {
		return nil, nil, nil, err
	}
	var exprs []expr.Expr
	for _, g := range groupBy {
		group = append(group, len(exprs))
		exprs = append(exprs, g)
	}
	for _, a := range aggs {
		var columns []int
		for _, e := range a.Args {
			columns = append(columns, len(exprs))
			exprs = append(exprs, e)
		}
		args = append(args, columns)
	}
	if len(exprs) > 0 && !isIdentity(exprs, p.types) {
		err = b.project(p, n, exprs, true)
	}
	return p, group, args, err
}

// isIdentity says if exprs are just the columns of the input, in order.
func isIdentity(exprs []expr.Expr, in []types.Type) bool {
	if len(exprs) != len(in) {
		return false
	}
	for i, e := range exprs {
		if c, ok := e.(*expr.Column); !ok || c.Index != i {
			return false
		}
	}
	return true
}

// accumulatorsOf are the aggregates over columns args; fixed: their states have a fixed size.
func accumulatorsOf(aggs []*expr.Aggregate, args [][]int) (out []agg.Aggregate, fixed bool) {
	out, fixed = make([]agg.Aggregate, len(aggs)), true
	for i, a := range aggs {
		acc, ok := expr.NewAccumulator(a)
		fixed = fixed && ok
		out[i] = agg.Aggregate{Func: acc, Args: args[i], Type: a.T}
	}
	return out, fixed
}

func (b *builder) agg(n *physical.Agg) (*pipe, error) {
	p, group, args, err := b.aggInput(n, n.Input, n.GroupBy, n.Aggs)
	if err != nil {
		return nil, err
	}
	accumulators, fixed := accumulatorsOf(n.Aggs, args)
	switch {
	case fixed && len(group) == 0:
		return b.scalarAgg(n, p, accumulators)
	case n.Stream || len(group) == 0:
		return b.streamAgg(n, p, group, args)
	case fixed:
		return b.hashAgg(n, p, group, accumulators)
	}
	return nil, sqlerr.AssertionError("hash aggregation with a state of variable size")
}

// serialRows is how many rows of groups are worth more than one worker. Fewer are given in the same order each time.
const serialRows = 1 << 16

func (b *builder) hashAgg(n *physical.Agg, p *pipe, group []int, aggs []agg.Aggregate) (*pipe, error) {
	o := agg.HashOptions{
		Statement: b.deps.Statement, Types: p.types, Group: group, Aggs: aggs, Workers: p.workers,
		PageBytes: b.sizing.PageBytes, HashZero: b.deps.HashZero, SerialRows: serialRows, States: n.States,
	}
	t, err := b.rent(n, agg.HashMinBytes(o), p)
	if err != nil {
		return nil, err
	}
	o.Account = t.acct
	out := n.Types()
	if b.dry {
		s := b.dryBreaker(p, n, t, out, p.workers)
		s.live = b.state(n, n.EstRows, out, groupRowBytes, p.live)
		return s, nil
	}
	h := agg.NewHash(o)
	b.operator(t, n, h)
	s := b.breaker(p, n, t, h.Sink(), h.Source(), out, p.workers)
	s.anyOrder = true
	return s, nil
}

func (b *builder) scalarAgg(n *physical.Agg, p *pipe, aggs []agg.Aggregate) (*pipe, error) {
	o := agg.ScalarOptions{Types: p.types, Aggs: aggs, Workers: p.workers}
	t, err := b.rent(n, agg.ScalarMinBytes(o), p)
	if err != nil {
		return nil, err
	}
	o.Account = t.acct
	out := n.Types()
	if b.dry {
		return b.dryBreaker(p, n, t, out, 1), nil
	}
	s := agg.NewScalar(o)
	b.keep(t, s.Close)
	return b.breaker(p, n, t, s.Sink(), s.Source(), out, 1), nil
}

// streamAgg appends the streaming operator: the pipe's one worker brings equal groups side by side.
func (b *builder) streamAgg(n *physical.Agg, p *pipe, group []int, args [][]int) (*pipe, error) {
	if p.workers != 1 && len(group) > 0 {
		return nil, sqlerr.AssertionError("stream aggregation over the input of several workers")
	}
	out := n.Types()
	capacity := min(b.sizing.BatchRows, breakerCapacity(out))
	o := agg.StreamOptions{Types: p.types, Group: group, BatchRows: capacity}
	for i, a := range n.Aggs {
		o.Aggs = append(o.Aggs, agg.StreamAggregate{
			New: func(acct *memory.Account) (expr.GroupState, error) {
				return expr.NewGroupState(acct, a, b.deps.Env)
			},
			MinBytes: expr.GroupStateBytes(a),
			Args:     args[i],
			Type:     a.T,
		})
	}
	t, err := b.rent(n, agg.StreamMinBytes(o), p)
	if err != nil {
		return nil, err
	}
	o.Account = t.acct
	if !b.dry {
		b.step(p, n, agg.NewStream(o))
	}
	p.types, p.capacity, p.workers, p.serial = out, capacity, 1, true
	return p, nil
}
