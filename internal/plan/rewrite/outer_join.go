package rewrite

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/types"
)

// rejectsNulls says if one of the conditions cannot be true for a row whose columns of inner are all NULL: then the
// rows that an outer join adds are dropped anyway, and it is an inner join.
func (c *Context) rejectsNulls(conds []expr.Expr, inner map[int]bool) bool {
	for _, e := range conds {
		if rejects(e, inner) {
			return true
		}
	}
	return false
}

// rejects says if e is false or NULL when the columns are NULL.
func rejects(e expr.Expr, inner map[int]bool) bool {
	if k, ok := e.(*expr.Const); ok {
		return k.D.IsNull() || isFalse(k)
	}
	c, ok := e.(*expr.Call)
	if !ok {
		return becomesNull(e, inner)
	}
	switch c.Name() {
	case "and":
		for _, a := range c.Args() {
			if rejects(a, inner) {
				return true
			}
		}
		return false
	case "or":
		for _, a := range c.Args() {
			if !rejects(a, inner) {
				return false
			}
		}
		return true
	case "not":
		// NOT x IS NULL is the way IS NOT NULL is said.
		if in, ok := c.Args()[0].(*expr.Call); ok && in.Name() == "is null" {
			return becomesNull(in.Args()[0], inner)
		}
	case "is not null", "is true":
		return becomesNull(c.Args()[0], inner)
	}
	return becomesNull(e, inner)
}

// strict are functions that are NULL if any argument is.
var strict = map[string]bool{
	"=": true, "!=": true, "<": true, "<=": true, ">": true, ">=": true, "like": true, "regexp_like": true, "not": true,
	"+": true, "-": true, "*": true, "/": true, "div": true, "%": true, "unary -": true, "cast": true, "collate": true,
	"lower": true, "upper": true, "substring": true, "concat": true, "length": true, "abs": true,
}

// becomesNull says if e is NULL when the columns are; false if it is not known.
func becomesNull(e expr.Expr, inner map[int]bool) bool {
	switch e := e.(type) {
	case *expr.Column:
		return inner[e.Index]
	case *expr.Const:
		return e.D.IsNull()
	case *expr.Call:
		if e.Name() == "in" {
			return becomesNull(e.Args()[0], inner)
		}
		if !strict[e.Name()] {
			return false
		}
		for _, a := range e.Args() {
			if becomesNull(a, inner) {
				return true
			}
		}
	}
	return false
}

func isFalse(k *expr.Const) bool {
	switch k.D.Kind {
	case types.PhysInt64:
		return k.D.I == 0
	case types.PhysUint64:
		return k.D.U == 0
	}
	return false
}
