package plan

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/types"
)

// expand plans the levels of WITH ROLLUP.
func (p *planner) expand(n *logical.Expand) (physical.Node, error) {
	in, err := p.node(n.Input)
	if err != nil {
		return nil, err
	}
	keys, err := remapAll(n.Keys, n.Input.Columns())
	return &physical.Expand{Input: in, Keys: keys}, err
}

// defaultRow plans a row that stands for none.
func (p *planner) defaultRow(n *logical.DefaultRow) (physical.Node, error) {
	in, err := p.node(n.Input)
	if err != nil {
		return nil, err
	}
	out := &physical.DefaultRow{Input: in}
	for _, c := range n.Input.Columns() {
		e := n.Values[c.ID]
		if e == nil {
			e = expr.NewConst(types.NullDatum(c.Type.WithNullable(true)))
		}
		out.Row = append(out.Row, e)
	}
	return out, nil
}
