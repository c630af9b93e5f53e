package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/schema"
)

// Scalar binds an expression that stands outside of a query: the value of a SET, a default. Subqueries are error 1235.
func Scalar(ctx *Context, n ast.ExprNode) (expr.Expr, error) {
	x := &exprBinder{b: newScalarBinder(ctx), scope: &scope{}, clause: "field list", noSubquery: true}
	return x.bind(n)
}

// DefaultExpression binds DEFAULT (expression) of a column.
func DefaultExpression(ctx *Context, c *schema.Column) (expr.Expr, error) {
	return newScalarBinder(ctx).defaultExpression(c)
}

func newScalarBinder(ctx *Context) *binder {
	return &binder{ctx: ctx, st: &parse.Statement{}, result: &Result{}}
}
