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
// The input is computed once for each, but for what of it would not be the same each time. It returns nil if one
// grouping is enough. Error 1235 if such a part of the input depends on an outer row.
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
	input := n.Input
	if err := p.settle(&input); err != nil {
		return nil, err
	}
	var out logical.Node
	for at := range sets {
		part := *n
		part.Input = input
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

// settle makes a node give the same rows whenever it is run in a statement: what does not is computed once, into a
// table.
func (p *planner) settle(n *logical.Node) error {
	if repeatable(*n) {
		for _, in := range (*n).Inputs() {
			if err := p.settle(in); err != nil {
				return err
			}
		}
		return nil
	}
	if !p.free(*n) {
		return sqlerr.New(sqlerr.ErrNotSupportedYet,
			"several sets of DISTINCT values of rows that depend on an outer row and on chance")
	}
	table := &logical.CTE{Name: "distinct", Cols: (*n).Columns(), Seed: *n}
	if err := p.planTable(table); err != nil {
		return err
	}
	scan := &logical.CTEScan{CTE: table, Cols: table.Cols}
	for i := range scan.Cols {
		scan.Ordinals = append(scan.Ordinals, i)
	}
	*n = scan
	return nil
}

// repeatable says if a node gives the same rows each time that its inputs do.
func repeatable(n logical.Node) bool {
	switch n := n.(type) {
	case *logical.Sort:
		if n.HasLimit {
			return false // which of equal rows it gives is left open
		}
	case *logical.Limit, *logical.Window:
		return false // the order of equal rows is left open
	}
	for _, e := range logical.Exprs(n) {
		if !expr.Deterministic(e) {
			return false
		}
	}
	return true
}

// free says if a node does not depend on an outer row.
func (p *planner) free(n logical.Node) bool {
	switch n := n.(type) {
	case *logical.CTEScan:
		return !n.Work
	case *logical.Values:
		return p.slots == 0 // else they may
	}
	if hasParams(logical.Exprs(n)) {
		return false
	}
	for _, in := range n.Inputs() {
		if !p.free(*in) {
			return false
		}
	}
	return true
}
