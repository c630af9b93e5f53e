package plan

import (
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
)

// cteScan plans a scan of a CTE, and the CTE itself when it is met for the first time.
func (p *planner) cteScan(n *logical.CTEScan) (physical.Node, error) {
	c := p.ctes[n.CTE]
	if c == nil {
		var err error
		if c, err = p.cte(n.CTE); err != nil {
			return nil, err
		}
	}
	return &physical.CTEScan{CTE: c, Alias: n.Alias, Ordinals: n.Ordinals, Work: n.Work}, nil
}

// cte plans a CTE. Those that it reads come before it in the list.
func (p *planner) cte(n *logical.CTE) (*physical.CTE, error) {
	out := &physical.CTE{
		Name: n.Name, Distinct: n.Distinct, MaxRounds: n.MaxRounds, HasLimit: n.HasLimit, Offset: n.Offset,
		Count: n.Count,
	}
	out.Columns = physicalColumns(n.Cols)
	out.EstRows = p.rules.Rows(&logical.CTEScan{CTE: n})
	if p.ctes == nil {
		p.ctes = map[*logical.CTE]*physical.CTE{}
	}
	p.ctes[n] = out
	var err error
	if out.Seed, err = p.query(n.Seed, n.Seed.Columns()); err != nil {
		return nil, err
	}
	if n.Recursive != nil {
		if out.Recursive, err = p.query(n.Recursive, n.Recursive.Columns()); err != nil {
			return nil, err
		}
	}
	out.Number = len(p.cteList)
	p.cteList = append(p.cteList, out)
	return out, nil
}

// countScans tells the CTEs how many readers they have.
func countScans(p *physical.Plan) {
	var walk func(n physical.Node)
	walk = func(n physical.Node) {
		if s, ok := n.(*physical.CTEScan); ok && s.Work {
			s.CTE.WorkScans++
		} else if ok {
			s.CTE.Scans++
		}
		for _, c := range n.Children() {
			walk(c)
		}
	}
	for _, n := range p.Roots() {
		walk(n)
	}
}
