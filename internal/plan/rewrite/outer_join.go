package rewrite

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/types"
)

// rejectsNulls says if one of the conditions cannot be true for a row whose columns of inner are all NULL: then the
// rows that an outer join adds are dropped anyway, and it is an inner join.
func (c *Context) rejectsNulls(conds []expr.Expr, inner map[int]bool) bool {
	for _, e := range conds {
		reads := false
		nulls := expr.Transform(e, func(e expr.Expr) expr.Expr {
			if col, ok := e.(*expr.Column); ok && inner[col.Index] {
				reads = true
				return expr.NewConst(types.NullDatum(col.T.WithNullable(true)))
			}
			return e
		})
		if !reads {
			continue
		}
		if k, ok := expr.Fold(nulls, c.Env).(*expr.Const); ok && (k.D.IsNull() || isFalse(k)) {
			return true
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
