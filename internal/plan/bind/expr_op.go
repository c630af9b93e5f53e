package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// binaryNames are expr's names of the operators.
var binaryNames = map[opcode.Op]string{
	opcode.LogicAnd: "and", opcode.LogicOr: "or", opcode.LogicXor: "xor",
	opcode.EQ: "=", opcode.NE: "!=", opcode.LT: "<", opcode.LE: "<=", opcode.GT: ">", opcode.GE: ">=",
	opcode.NullEQ: "<=>", opcode.Plus: "+", opcode.Minus: "-", opcode.Mul: "*", opcode.Div: "/", opcode.IntDiv: "div",
	opcode.Mod: "%", opcode.And: "&", opcode.Or: "|", opcode.Xor: "^", opcode.LeftShift: "<<", opcode.RightShift: ">>",
}

func (x *exprBinder) binary(n *ast.BinaryOperationExpr) (expr.Expr, error) {
	if n.Op == opcode.LogicAnd || n.Op == opcode.LogicOr {
		args, err := x.bindAll(splitOp(n, n.Op))
		if err != nil {
			return nil, err
		}
		return x.b.junction(binaryNames[n.Op], args)
	}
	// The left spine of a+b+c+... is walked, not recursed into.
	var spine []*ast.BinaryOperationExpr
	var left ast.ExprNode = n
	for {
		bin, ok := left.(*ast.BinaryOperationExpr)
		if !ok || bin.Op == opcode.LogicAnd || bin.Op == opcode.LogicOr {
			break
		}
		spine = append(spine, bin)
		left = bin.L
	}
	var e expr.Expr
	var err error
	if l, ok := left.(*ast.RowExpr); ok { // its comparison is an operand of the others
		first := spine[len(spine)-1]
		e, err = x.rowCompare(binaryNames[first.Op], l, first.R)
		spine = spine[:len(spine)-1]
	} else {
		e, err = x.bind(left)
	}
	if err != nil {
		return nil, err
	}
	for i := len(spine) - 1; i >= 0; i-- {
		r, err := x.bind(spine[i].R)
		if err != nil {
			return nil, err
		}
		opName, ok := binaryNames[spine[i].Op]
		if !ok {
			return nil, notSupported("operator " + spine[i].Op.String())
		}
		if e, err = x.b.call(opName, e, r); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// junction applies AND or OR, which take any number of operands.
func (b *binder) junction(name string, args []expr.Expr) (expr.Expr, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	return b.call(name, args...)
}

// rowCompare is (a, b) op (c, d).
func (x *exprBinder) rowCompare(op string, l *ast.RowExpr, right ast.ExprNode) (expr.Expr, error) {
	for {
		p, ok := right.(*ast.ParenthesesExpr)
		if !ok {
			break
		}
		right = p.Expr
	}
	r, ok := right.(*ast.RowExpr)
	if !ok {
		if s, is := right.(*ast.SubqueryExpr); is {
			return x.rowSubquery(op, l, s)
		}
		return nil, sqlerr.New(sqlerr.ErrOperandColumns, len(l.Values))
	}
	if len(l.Values) != len(r.Values) {
		return nil, sqlerr.New(sqlerr.ErrOperandColumns, len(l.Values))
	}
	ls, err := x.bindAll(l.Values)
	if err != nil {
		return nil, err
	}
	rs, err := x.bindAll(r.Values)
	if err != nil {
		return nil, err
	}
	return x.b.compareRows(op, ls, rs)
}

// compareRows compares rows value by value: = and <=> all of them, others from the left.
func (b *binder) compareRows(op string, ls, rs []expr.Expr) (expr.Expr, error) {
	if len(ls) == 1 {
		return b.call(op, ls[0], rs[0])
	}
	switch op {
	case "=", "<=>", "!=":
		part, join := op, "and"
		if op == "!=" {
			join = "or"
		}
		var parts []expr.Expr
		for i := range ls {
			e, err := b.call(part, ls[i], rs[i])
			if err != nil {
				return nil, err
			}
			parts = append(parts, e)
		}
		return b.junction(join, parts)
	case "<", "<=", ">", ">=":
		// (a, b) < (c, d) is a < c OR (a = c AND b < d).
		first, err := b.call(op[:1], ls[0], rs[0])
		if err != nil {
			return nil, err
		}
		eq, err := b.call("=", ls[0], rs[0])
		if err != nil {
			return nil, err
		}
		rest, err := b.compareRows(op, ls[1:], rs[1:])
		if err != nil {
			return nil, err
		}
		both, err := b.call("and", eq, rest)
		if err != nil {
			return nil, err
		}
		return b.call("or", first, both)
	}
	return nil, sqlerr.New(sqlerr.ErrOperandColumns, 1)
}

func (x *exprBinder) unary(n *ast.UnaryOperationExpr) (expr.Expr, error) {
	switch n.Op {
	case opcode.Plus:
		return x.bind(n.V)
	case opcode.Minus:
		if v, ok := n.V.(*parse.Value); ok {
			if e := x.b.negative(v); e != nil {
				return e, nil
			}
		}
		return x.apply("unary -", n.V)
	case opcode.BitNeg:
		return x.apply("~", n.V)
	case opcode.Not, opcode.Not2:
		e, err := x.bind(n.V)
		if err != nil {
			return nil, err
		}
		return x.b.negate(e)
	}
	return nil, notSupported("operator " + n.Op.String())
}

// negate is NOT e, moved inwards by De Morgan's laws, so that comparisons stay usable for ranges.
func (b *binder) negate(e expr.Expr) (expr.Expr, error) {
	c, ok := e.(*expr.Call)
	if !ok || c.Name() != "and" && c.Name() != "or" {
		return expr.Negate(e, b.ctx.Env)
	}
	args := make([]expr.Expr, len(c.Args()))
	for i, a := range c.Args() {
		n, err := b.negate(a)
		if err != nil {
			return nil, err
		}
		args[i] = n
	}
	if c.Name() == "and" {
		return b.junction("or", args)
	}
	return b.junction("and", args)
}

// apply calls a function on expressions.
func (x *exprBinder) apply(name string, nodes ...ast.ExprNode) (expr.Expr, error) {
	args, err := x.bindAll(nodes)
	if err != nil {
		return nil, err
	}
	return x.b.call(name, args...)
}

// negatable is a predicate with an optional NOT.
func (x *exprBinder) negatable(name string, not bool, nodes ...ast.ExprNode) (expr.Expr, error) {
	e, err := x.apply(name, nodes...)
	if err != nil || !not {
		return e, err
	}
	return x.b.call("not", e)
}

func (x *exprBinder) between(n *ast.BetweenExpr) (expr.Expr, error) {
	name := "between"
	if n.Not {
		name = "not between"
	}
	return x.apply(name, n.Expr, n.Left, n.Right)
}

// caseWhen is the function case: condition, value, condition, value, ..., [else].
func (x *exprBinder) caseWhen(n *ast.CaseExpr) (expr.Expr, error) {
	var args []expr.Expr
	var value expr.Expr
	var err error
	if n.Value != nil {
		if value, err = x.bind(n.Value); err != nil {
			return nil, err
		}
	}
	for _, w := range n.WhenClauses {
		c, err := x.bind(w.Expr)
		if err != nil {
			return nil, err
		}
		if value != nil {
			if c, err = x.b.call("=", value, c); err != nil {
				return nil, err
			}
		}
		r, err := x.bind(w.Result)
		if err != nil {
			return nil, err
		}
		args = append(args, c, r)
	}
	if n.ElseClause != nil {
		e, err := x.bind(n.ElseClause)
		if err != nil {
			return nil, err
		}
		args = append(args, e)
	}
	return x.b.call("case", args...)
}

func (x *exprBinder) in(n *ast.PatternInExpr) (expr.Expr, error) {
	if n.Sel != nil {
		return x.inSubquery(n, false)
	}
	if len(n.List) == 1 {
		if p, ok := n.List[0].(*parse.Param); ok && p.List != nil {
			return x.inList(n, p.List)
		}
	}
	if row, ok := n.Expr.(*ast.RowExpr); ok {
		return x.inRows(n, row)
	}
	e, err := x.bind(n.Expr)
	if err != nil {
		return nil, err
	}
	args := make([]expr.Expr, 1, len(n.List)+1)
	args[0] = e
	for _, v := range n.List {
		a, err := x.bind(v)
		if err != nil {
			return nil, err
		}
		args = append(args, a)
	}
	out, err := x.b.call("in", args...)
	if err != nil || !n.Not {
		return out, err
	}
	return x.b.call("not", out)
}

// inRows is (a, b) IN ((1, 2), ...): a chain of ORs.
func (x *exprBinder) inRows(n *ast.PatternInExpr, l *ast.RowExpr) (expr.Expr, error) {
	ls, err := x.bindAll(l.Values)
	if err != nil {
		return nil, err
	}
	var parts []expr.Expr
	for _, v := range n.List {
		r, ok := v.(*ast.RowExpr)
		if !ok || len(r.Values) != len(ls) {
			return nil, sqlerr.New(sqlerr.ErrOperandColumns, len(ls))
		}
		rs, err := x.bindAll(r.Values)
		if err != nil {
			return nil, err
		}
		e, err := x.b.compareRows("=", ls, rs)
		if err != nil {
			return nil, err
		}
		parts = append(parts, e)
	}
	out, err := x.b.junction("or", parts)
	if err != nil || !n.Not {
		return out, err
	}
	return x.b.call("not", out)
}

func (x *exprBinder) like(n *ast.PatternLikeOrIlikeExpr) (expr.Expr, error) {
	args, err := x.bindAll([]ast.ExprNode{n.Expr, n.Pattern})
	if err != nil {
		return nil, err
	}
	if n.EscapeExplicit {
		text := ""
		if n.Escape != 0 {
			text = string(rune(n.Escape))
		}
		args = append(args, expr.NewString(text, x.b.collation()))
	}
	e, err := x.b.call("like", args...)
	if err != nil || !n.Not {
		return e, err
	}
	return x.b.call("not", e)
}
