package build

import (
	"github.com/spillwaydb/spillway/internal/exec/agg"
	"github.com/spillwaydb/spillway/internal/exec/stream"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

func (b *builder) expand(n *physical.Expand) (*pipe, error) {
	p, err := b.node(n.Input)
	if err != nil {
		return nil, err
	}
	t, err := b.rent(n, stream.ExpandBytes(n.Keys, p.capacity)*int64(p.workers), p)
	if err != nil {
		return nil, err
	}
	b.step(p, n, stream.NewExpand(t.acct, n.Keys, p.capacity, b.deps.Env))
	p.types = n.Types()
	return p, nil
}

func (b *builder) defaultRow(n *physical.DefaultRow) (*pipe, error) {
	p, err := b.node(n.Input)
	if err != nil {
		return nil, err
	}
	out := n.Types()
	t, err := b.rent(n, stream.DefaultRowBytes(out), p)
	if err != nil {
		return nil, err
	}
	b.step(p, n, stream.NewDefaultRow(t.acct, out, n.Row, b.deps.Env))
	p.workers, p.serial = 1, true
	return p, nil
}

// rollup appends the operator of all levels: the pipe's one worker brings equal groups side by side.
func (b *builder) rollup(n *physical.Rollup) (*pipe, error) {
	p, group, args, err := b.rollupInput(n)
	if err != nil {
		return nil, err
	}
	if p.workers != 1 {
		return nil, sqlerr.AssertionError("levels over the input of several workers")
	}
	o := agg.RollupOptions{Types: p.types, Group: group}
	var fixed bool
	if o.Aggs, fixed = accumulatorsOf(n.Aggs, args); !fixed {
		return nil, sqlerr.AssertionError("levels of states of variable size")
	}
	if n.States {
		o.States = []int{}
		for i := range agg.StateColumns(o.Aggs) {
			o.States = append(o.States, len(group)+i)
		}
	}
	out := n.Types()
	o.BatchRows = min(b.sizing.BatchRows, breakerCapacity(out))
	t, err := b.rent(n, agg.RollupMinBytes(o), p)
	if err != nil {
		return nil, err
	}
	o.Account = t.acct
	if !b.dry {
		b.step(p, n, agg.NewRollup(o))
	}
	p.types, p.capacity, p.workers, p.serial = out, o.BatchRows, 1, true
	return p, nil
}

// rollupInput projects the input to what the operator reads. That of states has it in place.
func (b *builder) rollupInput(n *physical.Rollup) (p *pipe, group []int, args [][]int, err error) {
	if !n.States {
		return b.aggInput(n, n.Input, n.GroupBy, n.Aggs)
	}
	for i := range n.GroupBy {
		group = append(group, i)
	}
	p, err = b.node(n.Input)
	return p, group, make([][]int, len(n.Aggs)), err
}
