package rewrite

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
)

// pushDown moves conditions as far down as they can be checked; conds come from above n. A condition that is not
// deterministic (RAND(), @x := 1) stays where it is.
func (c *Context) pushDown(n logical.Node, conds []expr.Expr) logical.Node {
	stay, conds := volatile(conds)
	return selection(c.push(n, conds), stay)
}

// Push moves conditions from above n, which are deterministic, as far down as they can be checked. n is changed.
func (c *Context) Push(n logical.Node, conds []expr.Expr) logical.Node { return c.push(n, conds) }

func volatile(conds []expr.Expr) (yes, no []expr.Expr) {
	for _, e := range conds {
		if expr.Deterministic(e) {
			no = append(no, e)
		} else {
			yes = append(yes, e)
		}
	}
	return yes, no
}

func (c *Context) push(n logical.Node, conds []expr.Expr) logical.Node {
	switch n := n.(type) {
	case *logical.Selection:
		stay, own := volatile(c.factor(n.Conds))
		if len(stay) > 0 {
			// What comes from above must not be checked before them: rows they would drop count for their effects.
			n.Input = c.push(n.Input, own)
			return selection(n.Input, append(stay, conds...))
		}
		return c.push(n.Input, append(own, conds...))
	case *logical.Projection:
		return c.pushProjection(n, conds)
	case *logical.Join:
		return c.pushJoin(n, conds)
	case *logical.Agg:
		return c.pushAgg(n, conds)
	case *logical.Window:
		return c.pushWindow(n, conds)
	case *logical.Sort:
		if n.HasLimit {
			n.Input = c.push(n.Input, nil)
			return selection(n, conds)
		}
		n.Input = c.push(n.Input, conds)
		return n
	case *logical.Union:
		for i := range n.Parts {
			by := map[int]expr.Expr{}
			for k, col := range n.Parts[i].Columns() {
				by[n.Cols[k].ID] = col.Ref()
			}
			part := make([]expr.Expr, len(conds))
			for k := range conds {
				part[k] = substitute(conds[k], by)
			}
			n.Parts[i] = c.push(n.Parts[i], part)
		}
		return n
	case *logical.Repeat:
		var stay, down []expr.Expr
		for _, e := range conds {
			if within(e, map[int]bool{n.Count: true}) {
				stay = append(stay, e)
			} else {
				down = append(down, e)
			}
		}
		n.Input = c.push(n.Input, down)
		return selection(n, stay)
	case *logical.Scan:
		n.Filter = append(n.Filter, conds...)
		return n
	}
	for _, in := range n.Inputs() {
		*in = c.push(*in, nil)
	}
	return selection(n, conds)
}

func (c *Context) pushProjection(n *logical.Projection, conds []expr.Expr) logical.Node {
	by, fixed := map[int]expr.Expr{}, map[int]bool{}
	for i, e := range n.Exprs {
		if expr.Deterministic(e) {
			by[n.Cols[i].ID] = e
		} else {
			fixed[n.Cols[i].ID] = true
		}
	}
	var stay, down []expr.Expr
	for _, e := range conds {
		movable := true
		for _, id := range expr.ColumnsUsed(e) {
			movable = movable && !fixed[id]
		}
		if movable {
			down = append(down, expr.Fold(substitute(e, by), c.Env))
		} else {
			stay = append(stay, e)
		}
	}
	n.Input = c.push(n.Input, down)
	return selection(n, stay)
}

// pushAgg moves conditions on group columns below the grouping. Without GROUP BY there is a row whatever is below.
func (c *Context) pushAgg(n *logical.Agg, conds []expr.Expr) logical.Node {
	group, by := map[int]bool{}, map[int]expr.Expr{}
	for i, e := range n.GroupBy {
		if expr.Deterministic(e) {
			group[n.GroupCols[i].ID] = true
			by[n.GroupCols[i].ID] = e
		}
	}
	var stay, down []expr.Expr
	for _, e := range conds {
		if len(n.GroupBy) > 0 && len(expr.ColumnsUsed(e)) > 0 && within(e, group) {
			down = append(down, substitute(e, by))
		} else {
			stay = append(stay, e)
		}
	}
	n.Input = c.push(n.Input, down)
	return selection(n, stay)
}

// pushJoin sorts conditions from above and those of the join to the left input, the right input, and the join itself.
func (c *Context) pushJoin(n *logical.Join, conds []expr.Expr) logical.Node {
	left, right := ids(n.Left), ids(n.Right)
	if n.Type == logical.LeftJoin && c.rejectsNulls(conds, right) {
		n.Type = logical.InnerJoin
	}
	var toLeft, toRight, join, stay []expr.Expr
	for _, e := range conds {
		switch {
		case within(e, left):
			toLeft = append(toLeft, e)
		case n.Type == logical.InnerJoin && within(e, right):
			toRight = append(toRight, e)
		case n.Type == logical.InnerJoin:
			join = append(join, e)
		default:
			stay = append(stay, e)
		}
	}
	for _, e := range c.factor(n.Conds) {
		onLeft, onRight := within(e, left), within(e, right)
		switch {
		case !expr.Deterministic(e):
			join = append(join, e)
		case onLeft && (n.Type == logical.InnerJoin || n.Type == logical.SemiJoin):
			toLeft = append(toLeft, e)
		case onRight && !onLeft && n.Type != logical.LeftOuterSemi:
			toRight = append(toRight, e)
		default:
			join = append(join, e)
		}
	}
	n.Conds = join
	n.Left = c.push(n.Left, toLeft)
	n.Right = c.push(n.Right, toRight)
	return selection(n, stay)
}
