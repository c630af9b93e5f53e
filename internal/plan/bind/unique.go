package bind

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
)

// uniqueBy says if conditions that equate columns of n with something outside of it leave at most one row of n: they
// fix a primary or unique key of the one table that n reads.
func uniqueBy(n logical.Node, conds []expr.Expr) bool {
	fixed := map[int]bool{}
	for {
		switch t := n.(type) {
		case *logical.Projection:
			n = t.Input // columns that are passed on keep their IDs
			continue
		case *logical.Selection:
			conds = append(conds[:len(conds):len(conds)], t.Conds...)
			n = t.Input
			continue
		case *logical.Scan:
			own := map[int]bool{}
			for i := range t.Cols {
				own[t.Cols[i].ID] = true
			}
			for _, c := range conds {
				fixes(c, own, fixed)
			}
			return hasKey(t, fixed)
		}
		return false
	}
}

// fixes adds the column of own that a condition equates with something that does not read own.
func fixes(e expr.Expr, own, fixed map[int]bool) {
	c, ok := e.(*expr.Call)
	if !ok || c.Name() != "=" {
		return
	}
	for i, a := range c.Args() {
		col, ok := a.(*expr.Column)
		if !ok || !own[col.Index] {
			continue
		}
		outside := true
		for _, id := range expr.ColumnsUsed(c.Args()[1-i]) {
			outside = outside && !own[id]
		}
		if outside {
			fixed[col.Index] = true
		}
	}
}

func hasKey(n *logical.Scan, fixed map[int]bool) bool {
	for _, x := range append(n.Table.Indexes[:len(n.Table.Indexes):len(n.Table.Indexes)], n.Table.Primary) {
		if !x.Unique && !x.Primary {
			continue
		}
		all := true
		for _, p := range x.Columns {
			all = all && p.Prefix == 0 && fixed[n.Cols[p.Column].ID]
		}
		if all {
			return true
		}
	}
	return false
}
