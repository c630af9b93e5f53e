package rewrite

import (
	"github.com/spillwaydb/spillway/internal/expr"
)

// factor takes what all branches of an OR have in common out of it, as a condition of its own:
//
//	(a = b AND c = 1) OR (a = b AND c = 2)   becomes   a = b, c = 1 OR c = 2
//
// so that it can be pushed down, or join two tables.
func (c *Context) factor(conds []expr.Expr) []expr.Expr {
	out := make([]expr.Expr, 0, len(conds))
	for _, e := range conds {
		out = append(out, c.factorOne(e)...)
	}
	return out
}

func (c *Context) factorOne(e expr.Expr) []expr.Expr {
	or, ok := e.(*expr.Call)
	if !ok || or.Name() != "or" || len(or.Args()) < 2 || !expr.Deterministic(e) {
		return []expr.Expr{e}
	}
	branches := make([][]expr.Expr, len(or.Args()))
	for i, a := range or.Args() {
		branches[i] = conjuncts(nil, a)
	}
	var common []expr.Expr
	for _, k := range branches[0] {
		if isIn(k, branches[1:]) {
			common = append(common, k)
		}
	}
	if len(common) == 0 {
		return []expr.Expr{e}
	}
	var rest []expr.Expr
	for _, b := range branches {
		var left []expr.Expr
		for _, k := range b {
			if !isOneOf(k, common) {
				left = append(left, k)
			}
		}
		if len(left) == 0 {
			return common // this branch is the common part alone, which makes the others superfluous
		}
		and, err := expr.NewCall("and", left, c.Env)
		if err != nil {
			return []expr.Expr{e}
		}
		if len(left) == 1 {
			and = left[0]
		}
		rest = append(rest, and)
	}
	or2, err := expr.NewCall("or", rest, c.Env)
	if err != nil {
		return []expr.Expr{e}
	}
	return append(common, or2)
}

// conjuncts lists the operands of nested ANDs.
func conjuncts(out []expr.Expr, e expr.Expr) []expr.Expr {
	if and, ok := e.(*expr.Call); ok && and.Name() == "and" {
		for _, a := range and.Args() {
			out = conjuncts(out, a)
		}
		return out
	}
	return append(out, e)
}

func isIn(e expr.Expr, branches [][]expr.Expr) bool {
	for _, b := range branches {
		if !isOneOf(e, b) {
			return false
		}
	}
	return true
}

func isOneOf(e expr.Expr, list []expr.Expr) bool {
	for _, o := range list {
		if expr.Equal(e, o) {
			return true
		}
	}
	return false
}
