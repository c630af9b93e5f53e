package rewrite

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/schema"
)

// Context is what rules see of the statement.
type Context struct {
	Env      *expr.Env
	RowCount func(t *schema.Table) float64
}

// All applies the rules; keep are the IDs of the columns that the root must have.
func (c *Context) All(n logical.Node, keep []logical.Column) logical.Node {
	n = c.pushDown(n, nil)
	n = c.orderJoins(n)
	n = mergeProjections(n)
	need := map[int]bool{}
	for i := range keep {
		need[keep[i].ID] = true
	}
	return prune(n, need)
}

// ids is the set of a node's columns.
func ids(n logical.Node) map[int]bool {
	out := map[int]bool{}
	for _, c := range n.Columns() {
		out[c.ID] = true
	}
	return out
}

// within says if an expression reads columns of the set only.
func within(e expr.Expr, set map[int]bool) bool {
	for _, id := range expr.ColumnsUsed(e) {
		if !set[id] {
			return false
		}
	}
	return true
}

// substitute replaces columns by expressions.
func substitute(e expr.Expr, by map[int]expr.Expr) expr.Expr {
	return expr.Transform(e, func(e expr.Expr) expr.Expr {
		if c, ok := e.(*expr.Column); ok {
			if r := by[c.Index]; r != nil {
				return r
			}
		}
		return e
	})
}

func selection(n logical.Node, conds []expr.Expr) logical.Node {
	if len(conds) == 0 {
		return n
	}
	return &logical.Selection{Input: n, Conds: conds}
}
