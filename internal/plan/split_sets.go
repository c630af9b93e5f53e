package plan

import (
	"slices"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// splitSets makes a grouping whose aggregates need its rows in several ways (DISTINCT of different values, ORDER BY of
// different keys) a join of groupings of which each needs one:
//
//	SELECT g, COUNT(DISTINCT a), COUNT(DISTINCT b) FROM t GROUP BY g
//	(SELECT g, COUNT(DISTINCT a) FROM t GROUP BY g) JOIN (SELECT g, COUNT(DISTINCT b) FROM t GROUP BY g) ON g <=> g
//
// The input is computed once for each. It returns nil if one grouping is enough. Error 1235 if the input is not the
// same each time it is computed.
func (p *planner) splitSets(n *logical.Agg) (logical.Node, error) {
	type set struct {
		keys  []logical.SortKey
		apart bool
	}
	sets, setOf := []set{}, make([]int, len(n.Aggs))
	apart := slices.ContainsFunc(n.Aggs, apartOrder)
	for i, a := range n.Aggs {
		own := set{apart: apartOrder(a)}
		if own.apart {
			for _, e := range a.Args {
				own.keys = append(own.keys, logical.SortKey{Expr: e})
			}
			for _, k := range a.OrderBy {
				own.keys = append(own.keys, logical.SortKey{Expr: k.Expr, Desc: k.Desc})
			}
		} else {
			var err error
			if own.keys, err = innerOrder([]*expr.Aggregate{a}); err != nil {
				return nil, err
			}
			if len(own.keys) == 0 && !apart {
				continue // any grouping does: the first
			}
		}
		at := 0
		for at < len(sets) && (sets[at].apart != own.apart || !sameKeys(sets[at].keys, own.keys)) {
			at++
		}
		if at == len(sets) {
			sets = append(sets, own)
		}
		setOf[i] = at
	}
	if len(sets) < 2 {
		return nil, nil
	}
	if !repeatable(n.Input) {
		return nil, sqlerr.New(sqlerr.ErrNotSupportedYet, "several sets of DISTINCT values of random rows")
	}
	var out logical.Node
	for at := range sets {
		part := *n
		part.Aggs, part.AggCols = nil, nil
		for i := range n.Aggs {
			if setOf[i] == at {
				part.Aggs, part.AggCols = append(part.Aggs, n.Aggs[i]), append(part.AggCols, n.AggCols[i])
			}
		}
		if out == nil {
			out = &part
			continue
		}
		right, conds, err := p.rename(&part)
		if err != nil {
			return nil, err
		}
		out = &logical.Join{Type: logical.InnerJoin, Left: out, Right: right, Conds: conds}
	}
	top := &logical.Projection{Input: out, Cols: n.Columns()}
	for i := range top.Cols {
		top.Exprs = append(top.Exprs, top.Cols[i].Ref())
	}
	return top, nil
}

// rename gives the group columns new IDs, and conditions that they equal the old ones.
func (p *planner) rename(n *logical.Agg) (out *logical.Projection, conds []expr.Expr, err error) {
	out = &logical.Projection{Input: n, Cols: append([]logical.Column(nil), n.Columns()...)}
	for i := range out.Cols {
		out.Exprs = append(out.Exprs, out.Cols[i].Ref())
		if i >= len(n.GroupCols) {
			continue
		}
		out.Cols[i].ID = p.newID()
		e, err := expr.NewCall("<=>", []expr.Expr{n.GroupCols[i].Ref(), out.Cols[i].Ref()}, p.ctx.Env)
		if err != nil {
			return nil, nil, err
		}
		conds = append(conds, e)
	}
	return out, conds, nil
}

// repeatable says if a node gives the same rows whenever it is run in a statement.
func repeatable(n logical.Node) bool {
	var exprs []expr.Expr
	switch n := n.(type) {
	case *logical.Scan:
		exprs = n.Filter
	case *logical.Selection:
		exprs = n.Conds
	case *logical.Projection:
		exprs = n.Exprs
	case *logical.Expand:
		exprs = n.Keys
	case *logical.Join:
		exprs = n.Conds
	case *logical.Agg:
		exprs = n.GroupBy
		for _, a := range n.Aggs {
			exprs = append(exprs[:len(exprs):len(exprs)], a.Args...)
		}
	case *logical.Sort:
		for _, k := range n.Keys {
			exprs = append(exprs, k.Expr)
		}
		if n.HasLimit {
			return false // which of equal rows it gives is left open
		}
	case *logical.Limit, *logical.Window:
		return false // the order of equal rows is left open
	}
	for _, e := range exprs {
		if !expr.Deterministic(e) {
			return false
		}
	}
	for _, in := range n.Inputs() {
		if !repeatable(*in) {
			return false
		}
	}
	return true
}
