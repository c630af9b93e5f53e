package build

import (
	"github.com/spillwaydb/spillway/internal/exec/stream"
	"github.com/spillwaydb/spillway/internal/plan/physical"
)

func (b *builder) repeat(n *physical.Repeat) (*pipe, error) {
	p, err := b.node(n.Input)
	if err != nil {
		return nil, err
	}
	t, err := b.rent(n, stream.RepeatBytes(p.capacity)*int64(p.workers), p)
	if err != nil {
		return nil, err
	}
	b.step(p, n, stream.NewRepeat(t.acct, n.Count, p.capacity))
	return p, nil
}
