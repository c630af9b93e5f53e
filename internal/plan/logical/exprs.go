package logical

import "github.com/spillwaydb/spillway/internal/expr"

// Exprs are the expressions of a node, not those of its inputs.
func Exprs(n Node) []expr.Expr {
	switch n := n.(type) {
	case *Scan:
		return n.Filter
	case *Selection:
		return n.Conds
	case *Projection:
		return n.Exprs
	case *Join:
		out := n.Conds[:len(n.Conds):len(n.Conds)]
		for _, p := range n.Params {
			out = append(out, p.Expr)
		}
		return out
	case *Agg:
		out := append([]expr.Expr(nil), n.GroupBy...)
		for _, a := range n.Aggs {
			out = append(out, a.Args...)
			for _, k := range a.OrderBy {
				out = append(out, k.Expr)
			}
		}
		return out
	case *Expand:
		return n.Keys
	case *Window:
		var out []expr.Expr
		_ = n.Exprs(func(e *expr.Expr) error { // which returns no error
			out = append(out, *e)
			return nil
		})
		return out
	case *Sort:
		var out []expr.Expr
		for _, k := range n.Keys {
			out = append(out, k.Expr)
		}
		return out
	}
	return nil
}
