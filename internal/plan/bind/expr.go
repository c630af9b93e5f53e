package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// exprBinder binds the expressions of one clause.
type exprBinder struct {
	b      *binder
	scope  *scope
	clause string // for errors: "field list", "where clause", ...
	// aggs takes aggregates; nil: they are error 1111.
	aggs    *aggregates
	grouped bool // the query groups
	rollup  *rollup
	// inAggregate: the arguments of an aggregate are bound, so another one is error 1111.
	inAggregate bool
	// windows takes window functions; nil: they are error 3593, or 3595 if inWindow.
	windows  *windows
	inWindow string // the name of the window whose partition or order is bound
	// alias finds names of the select list; aliasFirst: before the columns.
	alias      func(n *ast.ColumnName) (expr.Expr, error)
	aliasFirst bool
	// visible says if a column of scope may be named outside of aggregates; nil: all may.
	visible func(c *scopeColumn) bool
	// values binds VALUES(column) of ON DUPLICATE KEY UPDATE; nil: it is NULL.
	values func(n *ast.ColumnName) (expr.Expr, error)
	// joins are the subqueries met, to be joined with the clause's input by attach.
	joins []*subqueryJoin
	// filters are conditions that subqueries which are conjuncts came to.
	filters []expr.Expr
	// userVars are variables that stand for fields of a LOAD DATA row.
	userVars map[string]expr.Expr
	// noSubquery refuses subqueries: there is no input to join them with.
	noSubquery bool
}

// attach joins the subqueries met since the last call with a node.
func (x *exprBinder) attach(n logical.Node) logical.Node {
	for _, j := range x.joins {
		n = j.attach(n)
	}
	x.joins = nil
	return n
}

// bindFolded binds an expression and computes what is constant in it.
func (x *exprBinder) bindFolded(n ast.ExprNode) (expr.Expr, error) {
	e, err := x.bind(n)
	if err != nil {
		return nil, err
	}
	return x.b.fold(e), nil
}

func (x *exprBinder) bindAll(nodes []ast.ExprNode) ([]expr.Expr, error) {
	out := make([]expr.Expr, len(nodes))
	for i, n := range nodes {
		e, err := x.bind(n)
		if err != nil {
			return nil, err
		}
		out[i] = e
	}
	return out, nil
}

// bind types an expression.
func (x *exprBinder) bind(n ast.ExprNode) (expr.Expr, error) {
	switch n := n.(type) {
	case *parse.Value:
		return x.b.literal(n)
	case *parse.Param:
		return x.b.param(n)
	case *ast.ParenthesesExpr:
		return x.bind(n.Expr)
	case *ast.ColumnNameExpr:
		return x.column(n.Name)
	case *ast.BinaryOperationExpr:
		return x.binary(n)
	case *ast.UnaryOperationExpr:
		return x.unary(n)
	case *ast.FuncCallExpr:
		return x.function(n)
	case *ast.FuncCastExpr:
		return x.cast(n)
	case *ast.AggregateFuncExpr:
		return x.aggregate(n)
	case *ast.BetweenExpr:
		return x.between(n)
	case *ast.CaseExpr:
		return x.caseWhen(n)
	case *ast.IsNullExpr:
		return x.negatable("is null", n.Not, n.Expr)
	case *ast.IsTruthExpr:
		name := "is true"
		if n.True == 0 {
			name = "is false"
		}
		return x.negatable(name, n.Not, n.Expr)
	case *ast.PatternInExpr:
		return x.in(n)
	case *ast.PatternLikeOrIlikeExpr:
		return x.like(n)
	case *ast.PatternRegexpExpr:
		return x.negatable("regexp", n.Not, n.Expr, n.Pattern)
	case *ast.SetCollationExpr:
		e, err := x.bind(n.Expr)
		if err != nil {
			return nil, err
		}
		return expr.NewCollate(e, n.Collate, x.b.ctx.Env)
	case *ast.VariableExpr:
		return x.variable(n)
	case *ast.DefaultExpr:
		return x.defaultOf(n)
	case *ast.ValuesExpr:
		if x.values == nil {
			return expr.NewNull(), nil
		}
		return x.values(n.Column.Name)
	case *ast.ExistsSubqueryExpr:
		return x.exists(n, false)
	case *ast.CompareSubqueryExpr:
		return x.compareSubquery(n, false)
	case *ast.SubqueryExpr:
		return x.scalarSubquery(n)
	case *ast.RowExpr:
		return nil, sqlerr.New(sqlerr.ErrOperandColumns, 1)
	case *ast.WindowFuncExpr:
		return x.window(n)
	case *ast.MatchAgainst:
		return nil, notSupported("MATCH ... AGAINST")
	case *ast.PositionExpr:
		return expr.NewInt(int64(n.N)), nil
	}
	return nil, notSupported("this expression")
}

func (x *exprBinder) column(n *ast.ColumnName) (expr.Expr, error) {
	plain := n.Table.O == ""
	if x.aliasFirst && plain && x.alias != nil && !x.inAggregate {
		if e, err := x.alias(n); e != nil || err != nil {
			return e, err
		}
	}
	e, err := x.scope.resolve(n, x.clause, x.hidden())
	if err != nil && plain && !x.aliasFirst && x.alias != nil && sqlerr.CodeOf(err) == sqlerr.ErrBadField {
		if a, aliasErr := x.alias(n); a != nil || aliasErr != nil {
			return a, aliasErr
		}
	}
	return e, err
}

// hidden is what resolve is not to find in the innermost scope; nil: nothing.
func (x *exprBinder) hidden() func(c *scopeColumn) bool {
	if x.visible == nil || x.inAggregate {
		return nil
	}
	return func(c *scopeColumn) bool { return !x.visible(c) }
}

// conditions binds a condition as its conjuncts, folded. Subqueries that are conjuncts become semi joins.
func (x *exprBinder) conditions(n ast.ExprNode) ([]expr.Expr, error) {
	var out []expr.Expr
	for _, part := range splitAnd(n) {
		done, err := x.semi(part)
		if err != nil {
			return nil, err
		}
		out, x.filters = append(out, x.filters...), nil
		if done {
			continue
		}
		e, err := x.bindFolded(part)
		if err != nil {
			return nil, err
		}
		out = appendConjuncts(out, e)
	}
	return out, nil
}

// splitAnd lists the conjuncts of a condition, left to right, without recursion over its left spine.
func splitAnd(n ast.ExprNode) []ast.ExprNode { return splitOp(n, opcode.LogicAnd) }

// splitOp lists the operands of a chain of one associative operator.
func splitOp(n ast.ExprNode, op opcode.Op) []ast.ExprNode {
	var out []ast.ExprNode
	stack := []ast.ExprNode{n}
	for len(stack) > 0 {
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for {
			p, ok := top.(*ast.ParenthesesExpr)
			if !ok {
				break
			}
			top = p.Expr
		}
		if bin, ok := top.(*ast.BinaryOperationExpr); ok && bin.Op == op {
			stack = append(stack, bin.R, bin.L)
			continue
		}
		out = append(out, top)
	}
	return out
}

// appendConjuncts adds the conjuncts of e; TRUE adds nothing.
func appendConjuncts(out []expr.Expr, e expr.Expr) []expr.Expr {
	switch v := e.(type) {
	case *expr.Call:
		if v.Name() == "and" {
			for _, a := range v.Args() {
				out = appendConjuncts(out, a)
			}
			return out
		}
	case *expr.Const:
		if isTrue(v) {
			return out
		}
	}
	return append(out, e)
}

func isTrue(c *expr.Const) bool {
	switch c.D.Kind {
	case types.PhysInt64:
		return c.D.I != 0
	case types.PhysUint64:
		return c.D.U != 0
	}
	return false
}
