package plan

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/plan/rewrite"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// node plans a logical node. The columns of the result are those of n, in their order.
func (p *planner) node(n logical.Node) (physical.Node, error) {
	var out physical.Node
	var err error
	switch n := n.(type) {
	case *logical.Scan:
		out, err = p.scan(n)
	case *logical.Values:
		out = &physical.Values{Source: n.Source}
	case *logical.Selection:
		out, err = p.selection(n)
	case *logical.Projection:
		var in physical.Node
		if in, err = p.node(n.Input); err == nil {
			return p.project(n, in, n.Input.Columns())
		}
	case *logical.Join:
		out, err = p.join(n)
	case *logical.Agg:
		out, err = p.agg(n)
	case *logical.Window:
		out, err = p.window(n)
	case *logical.Sort:
		out, err = p.sort(n)
	case *logical.Limit:
		out, err = p.limit(n)
	case *logical.Union:
		u := &physical.Union{}
		for _, part := range n.Parts {
			in, err := p.node(part)
			if err != nil {
				return nil, err
			}
			u.Inputs = append(u.Inputs, in)
		}
		out = u
	case *logical.Repeat:
		var in physical.Node
		if in, err = p.node(n.Input); err == nil {
			out = &physical.Repeat{Input: in, Count: positions(n.Input.Columns())[n.Count]}
		}
	case *logical.Expand:
		out, err = p.expand(n)
	case *logical.DefaultRow:
		out, err = p.defaultRow(n)
	case *logical.CTEScan:
		out, err = p.cteScan(n)
	case *logical.MaxOneRow:
		in, err := p.node(n.Input)
		if err != nil {
			return nil, err
		}
		out = &physical.MaxOneRow{Input: in}
	default:
		err = sqlerr.AssertionError("no physical node for %T", n)
	}
	if err != nil {
		return nil, err
	}
	b := out.Common()
	b.Columns = physicalColumns(n.Columns())
	if b.EstRows == 0 {
		b.EstRows = p.rules.Rows(n)
	}
	return out, nil
}

// project plans a projection over in, whose columns are have; one that changes nothing is left out.
func (p *planner) project(n *logical.Projection, in physical.Node, have []logical.Column) (physical.Node, error) {
	exprs, err := remapAll(n.Exprs, have)
	if err != nil {
		return nil, err
	}
	identity := len(exprs) == len(have)
	for i, e := range exprs {
		c, ok := e.(*expr.Column)
		identity = identity && ok && c.Index == i
	}
	if identity && len(exprs) > 0 {
		return in, nil
	}
	if below, at := reordered(in); at != nil {
		for i := range exprs {
			if exprs[i], err = remap(exprs[i], at); err != nil {
				return nil, err
			}
		}
		in = below
	}
	out := &physical.Projection{Input: in, Exprs: exprs}
	out.Columns = physicalColumns(n.Cols)
	out.EstRows = in.Common().EstRows
	return out, nil
}

// reordered says of a projection that only passes columns on where they are in its input; at is nil if n is none.
func reordered(n physical.Node) (in physical.Node, at map[int]int) {
	p, ok := n.(*physical.Projection)
	if !ok {
		return n, nil
	}
	at = make(map[int]int, len(p.Exprs))
	for i, e := range p.Exprs {
		c, ok := e.(*expr.Column)
		if !ok {
			return n, nil
		}
		at[i] = c.Index
	}
	return p.Input, at
}

func (p *planner) selection(n *logical.Selection) (physical.Node, error) {
	if never(n.Conds) {
		return empty(), nil
	}
	in, err := p.node(n.Input)
	if err != nil {
		return nil, err
	}
	conds, err := remapAll(n.Conds, n.Input.Columns())
	return &physical.Selection{Input: in, Conds: conds}, err
}

// never says if a condition is false or NULL whatever the row.
func never(conds []expr.Expr) bool {
	for _, e := range conds {
		c, ok := e.(*expr.Const)
		if !ok {
			continue
		}
		switch c.D.Kind {
		case types.PhysNull:
			return true
		case types.PhysInt64:
			if c.D.I == 0 {
				return true
			}
		case types.PhysUint64:
			if c.D.U == 0 {
				return true
			}
		}
	}
	return false
}

// empty is a node without rows.
func empty() *physical.Values { return &physical.Values{Source: noRows{}} }

type noRows struct{}

func (noRows) Next(dst [][]expr.Expr, _ int) ([][]expr.Expr, error) { return dst, nil }
func (noRows) Rewind() error                                        { return nil }
func (noRows) RowCount() int                                        { return 0 }

// orderOf finds the scan that could give an order by columns, through nodes that keep the order of their input.
func orderOf(n logical.Node, order []rewrite.Order) (*logical.Scan, []rewrite.Order, bool) {
	switch n := n.(type) {
	case *logical.Scan:
		return n, order, !n.Table.Virtual
	case *logical.Selection:
		return orderOf(n.Input, order)
	case *logical.Projection:
		below := make([]rewrite.Order, len(order))
		for i, o := range order {
			found := false
			for k := range n.Cols {
				if n.Cols[k].ID != o.ID {
					continue
				}
				if c, ok := n.Exprs[k].(*expr.Column); ok {
					below[i], found = rewrite.Order{ID: c.Index, Desc: o.Desc}, true
				}
			}
			if !found {
				return nil, nil, false
			}
		}
		return orderOf(n.Input, below)
	}
	return nil, nil, false
}

// request asks the scan below n for an order. The result says if it gives it, once n is planned.
func (p *planner) request(n logical.Node, keys []logical.SortKey, limit float64) *bool {
	order := make([]rewrite.Order, len(keys))
	for i, k := range keys {
		c, ok := k.Expr.(*expr.Column)
		if !ok {
			return nil
		}
		order[i] = rewrite.Order{ID: c.Index, Desc: k.Desc}
	}
	scan, order, ok := orderOf(n, order)
	if !ok {
		return nil
	}
	got := false
	p.want[scan] = wanted{order: order, limit: limit, got: &got}
	return &got
}

func (p *planner) sort(n *logical.Sort) (physical.Node, error) {
	return p.sortLimit(n, 0, 0)
}

// sortLimit plans a sort, with count > 0 a top-N. What comes in the right order already is not sorted.
func (p *planner) sortLimit(n *logical.Sort, offset, count uint64) (physical.Node, error) {
	bound := 0.0
	if count > 0 {
		bound = float64(offset) + float64(count)
	}
	got := p.request(n.Input, n.Keys, bound)
	in, err := p.node(n.Input)
	if err != nil {
		return nil, err
	}
	if got != nil && *got || startsWith(p.givenOrder(n.Input), n.Keys) {
		if count > 0 {
			return &physical.Limit{Input: in, Offset: offset, Count: count}, nil
		}
		return in, nil
	}
	at := positions(n.Input.Columns())
	out := &physical.Sort{Input: in, Offset: offset, Limit: count}
	for _, k := range n.Keys {
		e, err := remap(k.Expr, at)
		if err != nil {
			return nil, err
		}
		out.Keys = append(out.Keys, physical.SortKey{Expr: e, Desc: k.Desc})
	}
	return out, nil
}

// maxTopN bounds the rows that a top-N keeps; beyond it a full sort with a limit above is better.
const maxTopN = 1 << 32

func (p *planner) limit(n *logical.Limit) (physical.Node, error) {
	if n.Count == 0 {
		return empty(), nil
	}
	if s, ok := n.Input.(*logical.Sort); ok && n.Offset < maxTopN && n.Count < maxTopN {
		out, err := p.sortLimit(s, n.Offset, n.Count)
		if err == nil {
			out.Common().EstRows = min(p.rules.Rows(s), float64(n.Count))
		}
		return out, err
	}
	p.firstGroups(n)
	if scan, _, ok := orderOf(n.Input, nil); ok {
		p.want[scan] = wanted{limit: float64(n.Offset) + float64(n.Count)}
	}
	in, err := p.node(n.Input)
	if err != nil {
		return nil, err
	}
	return &physical.Limit{Input: in, Offset: n.Offset, Count: n.Count}, nil
}
