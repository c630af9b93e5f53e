package plan

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/types"
)

// scan chooses how a table is read.
func (p *planner) scan(n *logical.Scan) (physical.Node, error) {
	if never(n.Filter) {
		return empty(), nil
	}
	if n.Table.Virtual {
		return p.virtual(n)
	}
	if hasParams(n.Filter) {
		return p.paramScan(n)
	}
	want := p.want[n]
	a := p.rules.Choose(n, want.order, want.limit)
	if want.got != nil {
		*want.got = a.Ordered
	}
	if a.Empty {
		return empty(), nil
	}
	filter, err := remapAll(a.Residual, n.Cols)
	if err != nil {
		return nil, err
	}
	ordered := a.Ordered && len(want.order) > 0
	out := &physical.Scan{
		Table: n.Table, Alias: n.Alias, Index: a.Index, Ranges: a.Ranges, Points: a.Points,
		Ordinals: n.Ordinals, Filter: filter,
		KeepOrder: ordered, Reverse: ordered && a.Reverse, WithKey: n.Key.ID != 0,
		Lock: physical.LockMode(n.Lock), Wait: physical.LockWait(n.Wait),
	}
	out.EstRows = a.OutRows
	return out, nil
}

// virtual reads a virtual table; conditions column = text are given to the provider, and checked again.
func (p *planner) virtual(n *logical.Scan) (physical.Node, error) {
	filter, err := remapAll(n.Filter, n.Cols)
	if err != nil {
		return nil, err
	}
	out := &physical.VirtualScan{Table: n.Table, Alias: n.Alias, Ordinals: n.Ordinals, Filter: filter}
	for _, e := range filter {
		c, ok := e.(*expr.Call)
		if !ok || c.Name() != "=" && c.Name() != "in" {
			continue
		}
		args := c.Args()
		if _, ok := args[0].(*expr.Column); !ok && c.Name() == "=" {
			args = []expr.Expr{args[1], args[0]}
		}
		col, ok := args[0].(*expr.Column)
		if !ok || col.Index >= len(n.Ordinals) {
			continue
		}
		var list []string
		for _, a := range args[1:] {
			k, ok := a.(*expr.Const)
			if !ok || k.D.Kind != types.PhysString {
				list = nil
				break
			}
			list = append(list, string(k.D.S))
		}
		if o := n.Ordinals[col.Index]; list != nil && out.Equals[o] == nil {
			if out.Equals == nil {
				out.Equals = map[int][]string{}
			}
			out.Equals[o] = list
		}
	}
	return out, nil
}
