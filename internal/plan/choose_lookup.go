package plan

import (
	"slices"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
)

// lookupValues plans a semi join whose left side is looked up by the different values of the right one; nil: it cannot
// be, or reading the left side once is cheaper.
//
//	SELECT ... FROM t WHERE a IN (SELECT b FROM o)
//	SELECT ... FROM (SELECT DISTINCT b FROM o) JOIN t ON a = b
func (p *planner) lookupValues(n *logical.Join) (physical.Node, error) {
	if n.Type != logical.SemiJoin || n.Straight {
		return nil, nil
	}
	left, columns := idSet(n.Left), n.Right.Columns()
	at := positions(columns)
	values := &logical.Agg{Input: n.Right}
	for _, e := range n.Conds {
		c := valueOf(e, left)
		if c == nil {
			return nil, nil
		}
		i, ok := at[c.Index]
		if !ok || c.T.Collation != columns[i].Type.Collation {
			return nil, nil // values that are different may be equal in another collation
		}
		if !slices.ContainsFunc(values.GroupCols, func(g logical.Column) bool { return g.ID == c.Index }) {
			values.GroupBy = append(values.GroupBy, columns[i].Ref())
			values.GroupCols = append(values.GroupCols, columns[i])
		}
	}
	join := &logical.Join{
		Type: logical.InnerJoin, Left: values, Right: n.Left, Conds: n.Conds, Est: p.rules.Rows(n),
	}
	by := p.lookedUp(join, values, n.Left)
	if by == nil {
		return nil, nil
	}
	out, err := p.lookup(join, values, n.Left, by)
	if err != nil {
		return nil, err
	}
	return p.project(&logical.Projection{Cols: n.Columns(), Exprs: refs(n.Columns())}, out, join.Columns())
}

// valueOf is the column that an equality compares with something of the left side; nil: it is no such equality.
func valueOf(e expr.Expr, left map[int]bool) *expr.Column {
	c, ok := e.(*expr.Call)
	if ok && c.Name() == "is true" {
		c, ok = c.Args()[0].(*expr.Call)
	}
	if !ok || c.Name() != "=" && c.Name() != "<=>" {
		return nil
	}
	for i, a := range c.Args() {
		if col, ok := a.(*expr.Column); ok && !left[col.Index] && readsOnly(c.Args()[1-i], left) {
			return col
		}
	}
	return nil
}

// lookupGroups plans a join with groups of a table as an apply that makes, by an index, the groups that a row of the
// other side asks for; nil: it cannot, or making all groups once is cheaper.
//
//	SELECT ..., (SELECT SUM(b) FROM t WHERE t.a = o.a) FROM o
//	o LEFT JOIN (SELECT a, SUM(b) FROM t GROUP BY a) ON t.a = o.a
//	o, for each row of it: SELECT a, SUM(b) FROM t WHERE a = ?a GROUP BY a
func (p *planner) lookupGroups(n *logical.Join) (physical.Node, error) {
	if n.Type == logical.LeftOuterSemi {
		return nil, nil
	}
	if p.groupsLookedUp(n, n.Left, n.Right) {
		return p.lookupEach(n, n.Left, n.Right)
	}
	if n.Type == logical.InnerJoin && !n.Straight && p.groupsLookedUp(n, n.Right, n.Left) {
		return p.lookupEach(n, n.Right, n.Left)
	}
	return nil, nil
}

func (p *planner) groupsLookedUp(n *logical.Join, outer, inner logical.Node) bool {
	scan := groupedScan(inner)
	if scan == nil || scan.Table.Virtual || scan.Lock != logical.LockNone || hasParams(scan.Filter) {
		return false
	}
	for _, h := range p.hints {
		if h.About(n) {
			return false
		}
	}
	by := p.rules.LookupBy(scan, n.Conds)
	if by == nil {
		return false
	}
	cost := p.bound(outer) * (lookupRunCost + by.Rows*lookupFetchCost)
	return cost < p.rules.Choose(scan, nil, 0).Rows
}

// groupedScan is the scan of a grouping that can be made for some of its groups alone, with nodes above and below it
// that work row by row; nil: n is not that.
func groupedScan(n logical.Node) *logical.Scan {
	grouped := false
	for {
		switch t := n.(type) {
		case *logical.Selection:
			if !deterministic(t.Conds) {
				return nil
			}
			n = t.Input
		case *logical.Projection:
			if !deterministic(t.Exprs) {
				return nil
			}
			n = t.Input
		case *logical.Agg:
			if grouped || len(t.GroupBy) == 0 || !deterministic(t.GroupBy) {
				return nil
			}
			for _, a := range t.Aggs {
				if !deterministic(a.Args) {
					return nil
				}
			}
			grouped, n = true, t.Input
		case *logical.Scan:
			if !grouped {
				return nil
			}
			return t
		default:
			return nil
		}
	}
}

func deterministic(exprs []expr.Expr) bool {
	for _, e := range exprs {
		if !expr.Deterministic(e) || expr.HasParam(e) {
			return false
		}
	}
	return true
}
