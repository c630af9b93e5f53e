package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/schema"
)

// Scalar binds an expression that stands outside of a query: the value of a SET, a default. Subqueries are error 1235;
// an expression that has some is a query of its own, SelectOf.
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

// SelectOf is the query of one row that has these values.
func SelectOf(values ...ast.ExprNode) *ast.SelectStmt {
	fields := &ast.FieldList{}
	for _, e := range values {
		fields.Fields = append(fields.Fields, &ast.SelectField{Expr: e})
	}
	return &ast.SelectStmt{
		Kind: ast.SelectStmtKindSelect, SelectStmtOpts: &ast.SelectStmtOpts{SQLCache: true}, Fields: fields,
	}
}

// HasSubquery says if there is a subquery in an expression.
func HasSubquery(n ast.ExprNode) bool {
	var v subqueryFinder
	n.Accept(&v)
	return v.found
}

type subqueryFinder struct{ found bool }

// Enter implements ast.Visitor.
func (v *subqueryFinder) Enter(n ast.Node) (ast.Node, bool) {
	if _, ok := n.(*ast.SubqueryExpr); ok {
		v.found = true
	}
	return n, v.found
}

// Leave implements ast.Visitor.
func (v *subqueryFinder) Leave(n ast.Node) (ast.Node, bool) { return n, true }
