package plan

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
)

// What looking an outer row up costs, in rows read one after the other: a nested run, and each row that it reads.
const (
	lookupRunCost = 200.0
	lookupRowCost = 8.0
)

// indexJoin plans a join whose inner side, a table, is looked up by an index for each row of the outer side. It returns
// nil if there is no such index, or if it is dearer than reading the table once, unless a hint asks for it.
func (p *planner) indexJoin(n *logical.Join, s *joinConds) (physical.Node, error) {
	if s.nullAware || n.Type == logical.LeftOuterSemi {
		return nil, nil
	}
	for _, e := range n.Conds {
		if !expr.Deterministic(e) || expr.HasParam(e) {
			return nil, nil
		}
	}
	if p.lookedUp(n, n.Left, n.Right) {
		return p.lookup(n, n.Left, n.Right)
	}
	if n.Type == logical.InnerJoin && !n.Straight && p.lookedUp(n, n.Right, n.Left) {
		return p.lookup(n, n.Right, n.Left)
	}
	return nil, nil
}

// lookedUp says if the inner side is to be looked up.
func (p *planner) lookedUp(n *logical.Join, outer, inner logical.Node) bool {
	scan := plainScan(inner)
	if scan == nil || scan.Table.Virtual || scan.Key.ID != 0 || hasParams(scan.Filter) {
		return false
	}
	rows, _ := p.rules.LookupRows(scan, n.Conds)
	if rows == 0 {
		return false
	}
	for _, h := range p.hints {
		if h.Names(inner) && h.Method == logical.HintIndexJoin {
			return true
		}
		if h.About(n) && !h.Applied {
			return false // another way is asked for, or the other side as the inner one
		}
	}
	total := p.rules.Choose(scan, nil, 0).Rows
	return p.bound(outer)*(lookupRunCost+rows*lookupRowCost) < total
}

// bound estimates the rows of a node if conditions that no index serves drop none. How many they drop is a guess, and
// many more lookups than guessed cost more than reading a table once.
func (p *planner) bound(n logical.Node) float64 {
	switch n := n.(type) {
	case *logical.Scan:
		return p.rules.Choose(n, nil, 0).Rows
	case *logical.Selection:
		return p.bound(n.Input)
	case *logical.Projection:
		return p.bound(n.Input)
	case *logical.Sort:
		if n.HasLimit {
			return min(p.bound(n.Input), float64(n.Count))
		}
		return p.bound(n.Input)
	case *logical.Limit:
		return min(p.bound(n.Input), float64(n.Count))
	case *logical.MaxOneRow:
		return 1
	case *logical.Values:
		return float64(n.Source.RowCount())
	case *logical.Agg:
		if len(n.GroupBy) == 0 {
			return 1
		}
		return p.bound(n.Input)
	case *logical.Union:
		sum := 0.0
		for _, part := range n.Parts {
			sum += p.bound(part)
		}
		return sum
	case *logical.Join:
		l := p.bound(n.Left)
		if n.Type != logical.InnerJoin && n.Type != logical.LeftJoin {
			return l
		}
		r := p.bound(n.Right)
		rows := p.rules.JoinRows(n.Left, n.Right, l, r, n.Conds)
		if n.Type == logical.LeftJoin {
			rows = max(rows, l)
		}
		return rows
	}
	return p.rules.Rows(n)
}

// plainScan is the scan below projections that only pass columns on.
func plainScan(n logical.Node) *logical.Scan {
	switch n := n.(type) {
	case *logical.Scan:
		return n
	case *logical.Projection:
		for i, e := range n.Exprs {
			if c, ok := e.(*expr.Column); !ok || c.Index != n.Cols[i].ID {
				return nil
			}
		}
		return plainScan(n.Input)
	}
	return nil
}

// lookup makes all conditions those of the inner scan, with the columns of the outer side as parameters:
//
//	SELECT ... FROM o JOIN t ON t.a = o.a AND t.b > o.b
//	o, for each row of it: SELECT ... FROM t WHERE t.a = ?a AND t.b > ?b
//
// A semi or anti join asks if there is a first row.
func (p *planner) lookup(n *logical.Join, outer, inner logical.Node) (physical.Node, error) {
	for _, h := range p.hints {
		h.Applied = h.Applied || h.Method == logical.HintIndexJoin && h.Names(inner)
	}
	j := &logical.Join{Type: logical.InnerJoin, Left: outer, Straight: true, Lookup: true, Est: p.rules.Rows(n)}
	scan := *plainScan(inner)
	scan.Filter = append(scan.Filter[:len(scan.Filter):len(scan.Filter)], p.parameters(j, n.Conds)...)
	out := n.Columns()
	var above []expr.Expr
	switch n.Type {
	case logical.InnerJoin, logical.LeftJoin:
		j.Type = n.Type
		j.Right = &logical.Projection{Input: &scan, Cols: inner.Columns(), Exprs: refs(inner.Columns())}
	case logical.SemiJoin, logical.AntiJoin:
		mark := logical.Column{ID: p.newID(), Type: expr.NewInt(1).Type()}
		one := &logical.Projection{Input: &scan, Exprs: []expr.Expr{expr.NewInt(1)}, Cols: []logical.Column{mark}}
		j.Right = &logical.Limit{Input: one, Count: 1}
		if n.Type == logical.AntiJoin {
			j.Type = logical.LeftJoin
			mark.Type.Nullable = true
			none, err := expr.NewCall("is null", []expr.Expr{mark.Ref()}, p.ctx.Env)
			if err != nil {
				return nil, err
			}
			above = append(above, none)
		}
	}
	var node logical.Node = j
	if len(above) > 0 {
		node = &logical.Selection{Input: j, Conds: above}
	}
	return p.node(&logical.Projection{Input: node, Cols: out, Exprs: refs(out)})
}

func refs(cols []logical.Column) []expr.Expr {
	out := make([]expr.Expr, len(cols))
	for i := range cols {
		out[i] = cols[i].Ref()
	}
	return out
}

// parameters replaces the columns of j's left side by parameters of j.
func (p *planner) parameters(j *logical.Join, conds []expr.Expr) []expr.Expr {
	left, known := idSet(j.Left), map[int]expr.Expr{}
	out := make([]expr.Expr, len(conds))
	for i, e := range conds {
		out[i] = expr.Transform(e, func(e expr.Expr) expr.Expr {
			c, ok := e.(*expr.Column)
			if !ok || !left[c.Index] {
				return e
			}
			if known[c.Index] == nil {
				known[c.Index] = expr.NewParam(p.slots, c.T, c.String())
				j.Params = append(j.Params, logical.Param{Slot: p.slots, Expr: c})
				p.slots++
			}
			return known[c.Index]
		})
	}
	return out
}
