package build

import (
	"github.com/spillwaydb/spillway/internal/exec/stream"
	"github.com/spillwaydb/spillway/internal/plan/physical"
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
