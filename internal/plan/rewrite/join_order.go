package rewrite

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
)

// orderJoins puts chains of inner joins in order, greedily: it begins with the smallest input and always joins the one
// that gives the fewest rows, so that inputs without a common condition come last. The smaller side of each join is the
// right one, which is materialized. Conditions go to the lowest join that has their columns.
func (c *Context) orderJoins(n logical.Node) logical.Node {
	j, ok := n.(*logical.Join)
	if !ok || j.Type != logical.InnerJoin || j.Straight {
		for _, in := range n.Inputs() {
			*in = c.orderJoins(*in)
		}
		return n
	}
	var leaves []logical.Node
	var conds []expr.Expr
	flatten(j, &leaves, &conds)
	for i := range leaves {
		leaves[i] = c.orderJoins(leaves[i])
	}
	return c.greedy(leaves, conds)
}

// flatten lists the inputs and conditions of a chain of inner joins.
func flatten(n logical.Node, leaves *[]logical.Node, conds *[]expr.Expr) {
	j, ok := n.(*logical.Join)
	if !ok || j.Type != logical.InnerJoin || j.Straight {
		*leaves = append(*leaves, n)
		return
	}
	flatten(j.Left, leaves, conds)
	flatten(j.Right, leaves, conds)
	*conds = append(*conds, j.Conds...)
}

func (c *Context) greedy(leaves []logical.Node, conds []expr.Expr) logical.Node {
	rows := make([]float64, len(leaves))
	first := 0
	for i, l := range leaves {
		rows[i] = c.Rows(l)
		if rows[i] < rows[first] {
			first = i
		}
	}
	node, size, have := leaves[first], rows[first], ids(leaves[first])
	done := make([]bool, len(leaves))
	done[first] = true
	for range len(leaves) - 1 {
		best, bestSize, bestJoined := -1, 0.0, false
		var bestConds []expr.Expr
		for i, l := range leaves {
			if done[i] {
				continue
			}
			on := c.applicable(conds, have, l)
			s := c.JoinRows(node, l, size, rows[i], on)
			joined := connects(on)
			switch {
			case best >= 0 && bestJoined && !joined:
			case best < 0, joined && !bestJoined, s < bestSize, s == bestSize && rows[i] < rows[best]:
				best, bestSize, bestConds, bestJoined = i, s, on, joined
			}
		}
		done[best] = true
		conds = without(conds, bestConds)
		j := &logical.Join{Type: logical.InnerJoin, Left: node, Right: leaves[best], Conds: bestConds}
		if rows[best] > size {
			j.Left, j.Right = j.Right, j.Left
		}
		node, size = j, bestSize
		for id := range ids(leaves[best]) {
			have[id] = true
		}
	}
	return selection(node, conds)
}

// connects says if a condition joins by equality. A product with a small table may look cheap, but it only multiplies
// what comes next.
func connects(conds []expr.Expr) bool {
	for _, e := range conds {
		if isEquiJoin(e) {
			return true
		}
	}
	return false
}

// applicable are the conditions that can be checked once l is joined to the columns in have.
func (c *Context) applicable(conds []expr.Expr, have map[int]bool, l logical.Node) []expr.Expr {
	right := ids(l)
	var out []expr.Expr
next:
	for _, e := range conds {
		for _, id := range expr.ColumnsUsed(e) {
			if !have[id] && !right[id] {
				continue next
			}
		}
		out = append(out, e)
	}
	return out
}

func without(list, drop []expr.Expr) []expr.Expr {
	var out []expr.Expr
	for _, e := range list {
		found := false
		for _, d := range drop {
			found = found || d == e
		}
		if !found {
			out = append(out, e)
		}
	}
	return out
}
