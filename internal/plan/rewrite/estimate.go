package rewrite

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
)

// The share of rows that a condition keeps, for want of statistics; TiDB's figures for pseudo statistics.
const (
	equalShare = 0.001
	rangeShare = 1.0 / 3
	otherShare = 0.8
)

// Share estimates what a condition keeps.
func Share(e expr.Expr) float64 {
	c, ok := e.(*expr.Call)
	if !ok {
		return otherShare
	}
	switch c.Name() {
	case "=", "<=>", "is null":
		return equalShare
	case "in":
		if _, list, ok := expr.InTable(c); ok {
			return min(equalShare*float64(list.Len()), otherShare)
		}
		return min(equalShare*float64(len(c.Args())-1), otherShare)
	case "<", "<=", ">", ">=", "like":
		return rangeShare
	case "and":
		s := 1.0
		for _, a := range c.Args() {
			s *= Share(a)
		}
		return s
	case "or":
		s := 0.0
		for _, a := range c.Args() {
			s += Share(a)
		}
		return min(s, 1)
	}
	return otherShare
}

func shares(conds []expr.Expr) float64 {
	s := 1.0
	for _, e := range conds {
		s *= Share(e)
	}
	return s
}

// Rows estimates the rows of a node.
func (c *Context) Rows(n logical.Node) float64 {
	switch n := n.(type) {
	case *logical.Scan:
		if _, unique := c.LookupRows(n, n.Filter); unique {
			return 1
		}
		return max(c.RowCount(n.Table)*shares(n.Filter), 1)
	case *logical.Values:
		return float64(n.Source.RowCount())
	case *logical.Selection:
		return max(c.Rows(n.Input)*shares(n.Conds), 1)
	case *logical.Join:
		if n.Est > 0 {
			return n.Est
		}
		l, r := c.Rows(n.Left), c.Rows(n.Right)
		switch n.Type {
		case logical.InnerJoin:
			return c.JoinRows(n.Left, n.Right, l, r, n.Conds)
		case logical.LeftJoin:
			return max(c.JoinRows(n.Left, n.Right, l, r, n.Conds), l)
		case logical.LeftOuterSemi:
			return l
		}
		return max(l*otherShare, 1)
	case *logical.Agg:
		if len(n.GroupBy) == 0 {
			return 1
		}
		return max(c.Rows(n.Input)*otherShare, 1)
	case *logical.Limit:
		return min(c.Rows(n.Input), float64(n.Count))
	case *logical.Sort:
		if n.HasLimit {
			return min(c.Rows(n.Input), float64(n.Count))
		}
	case *logical.MaxOneRow:
		return 1
	case *logical.Expand:
		return c.Rows(n.Input) * float64(len(n.Keys)+1)
	case *logical.CTEScan:
		return c.cteRows(n)
	case *logical.Union:
		sum := 0.0
		for _, p := range n.Parts {
			sum += c.Rows(p)
		}
		return sum
	}
	for _, in := range n.Inputs() {
		return c.Rows(*in)
	}
	return 1
}

// equalRows estimates an inner join: an equality of columns matches each row of the larger side once.
func equalRows(l, r float64, conds []expr.Expr) float64 {
	rows := l * r
	for _, e := range conds {
		if isEquiJoin(e) {
			rows = min(rows, max(l, r))
		} else {
			rows *= otherShare
		}
	}
	return max(rows, 1)
}

func isEquiJoin(e expr.Expr) bool {
	c, ok := e.(*expr.Call)
	return ok && (c.Name() == "=" || c.Name() == "<=>") && len(expr.ColumnsUsed(e)) > 1
}
