package rewrite

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
)

// mergeProjections computes two projections at once where the inner one only moves columns, or the outer one only
// picks: no expression is computed more often than before.
func mergeProjections(n logical.Node) logical.Node {
	for _, in := range n.Inputs() {
		*in = mergeProjections(*in)
	}
	outer, ok := n.(*logical.Projection)
	if !ok {
		return n
	}
	inner, ok := outer.Input.(*logical.Projection)
	if !ok || !plain(inner.Exprs) && !(plain(outer.Exprs) && once(outer.Exprs)) {
		return n
	}
	by := map[int]expr.Expr{}
	for i, c := range inner.Cols {
		by[c.ID] = inner.Exprs[i]
	}
	if !plain(inner.Exprs) {
		// An inner expression with effects that the outer projection drops must stay.
		used := map[int]bool{}
		for _, e := range outer.Exprs {
			for _, id := range expr.ColumnsUsed(e) {
				used[id] = true
			}
		}
		for i, e := range inner.Exprs {
			if !used[inner.Cols[i].ID] && !expr.Deterministic(e) {
				return n
			}
		}
	}
	out := &logical.Projection{Input: inner.Input, Cols: outer.Cols}
	for _, e := range outer.Exprs {
		out.Exprs = append(out.Exprs, substitute(e, by))
	}
	return out
}

// plain says if all expressions are columns or literals.
func plain(exprs []expr.Expr) bool {
	for _, e := range exprs {
		switch e.(type) {
		case *expr.Column, *expr.Const:
		default:
			return false
		}
	}
	return true
}

// once says if no column comes twice.
func once(exprs []expr.Expr) bool {
	seen := map[int]bool{}
	for _, e := range exprs {
		if c, ok := e.(*expr.Column); ok {
			if seen[c.Index] {
				return false
			}
			seen[c.Index] = true
		}
	}
	return true
}
