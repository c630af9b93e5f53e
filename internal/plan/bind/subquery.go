package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// subquery is a bound subquery whose correlation has been pulled out of it: conds are over the outer query's columns
// and those of node.
type subquery struct {
	node  logical.Node
	cols  []logical.Column
	conds []expr.Expr
	// grouped: a scalar aggregate that was grouped by its correlation; a group that does not exist gives empty[i] for
	// column i (0 for COUNT), nil for NULL.
	grouped bool
	empty   map[int]expr.Expr
	// perRow: an aggregate that is grouped behind the join. cols are made there.
	perRow *perRow
	// apply: it runs for each row of the outer query; then there is nothing of the above. Before that, query is what it
	// would be of, if the correlation cannot be pulled out for what is made of it.
	apply *application
	query logical.Node
}

// toApply makes s a subquery that runs for each row.
func (x *exprBinder) toApply(s *subquery) (*subquery, error) {
	if s.query == nil || s.apply != nil {
		return s, nil
	}
	return x.b.applied(s.query, s.cols)
}

// subquery binds a query in an expression. needValues: its columns count, not only if it has rows.
func (x *exprBinder) subquery(n ast.Node, needValues bool) (*subquery, error) {
	if x.noSubquery {
		return nil, notSupported("a subquery here")
	}
	for {
		s, ok := n.(*ast.SubqueryExpr)
		if !ok {
			break
		}
		n = s.Query
	}
	q, err := x.b.query(n, &scope{cols: x.scope.cols, outer: x.scope.outer})
	if err != nil {
		return nil, err
	}
	out := &subquery{node: q.node, cols: q.columns()}
	refs, free := outerRefs(q.node), freeColumns(q.node)
	if len(free) == 0 || len(refs) == 0 && !needValues {
		return out, nil
	}
	own := map[int]bool{}
	for i := range x.scope.cols {
		own[x.scope.cols[i].col.ID] = true
	}
	for id := range free {
		if !own[id] {
			return x.b.applied(q.node, out.cols) // it refers to a query further out than its own
		}
	}
	for _, c := range out.cols {
		if needValues && free[c.ID] {
			return x.b.applied(q.node, out.cols) // its values are the outer query's
		}
	}
	out.query = q.node
	d := &decorrelation{b: x.b, outer: refs, needValues: needValues}
	ok, err := d.run(out)
	if err == nil && !ok {
		return x.b.applied(q.node, q.columns())
	}
	return out, err
}

// semi binds a conjunct that is EXISTS, IN, ANY or ALL as a semi or anti join; false if it is something else.
func (x *exprBinder) semi(n ast.ExprNode) (bool, error) {
	not := false
	for {
		switch e := n.(type) {
		case *ast.ParenthesesExpr:
			n = e.Expr
			continue
		case *ast.UnaryOperationExpr:
			if e.Op == opcode.Not || e.Op == opcode.Not2 {
				not = !not
				n = e.V
				continue
			}
		}
		break
	}
	var err error
	switch e := n.(type) {
	case *ast.ExistsSubqueryExpr:
		_, err = x.exists(e, true, not)
	case *ast.PatternInExpr:
		if e.Sel == nil {
			return false, nil
		}
		_, err = x.inSubquery(e, true, not)
	case *ast.CompareSubqueryExpr:
		_, err = x.compareSubquery(e, true, not)
	default:
		return false, nil
	}
	return err == nil, err
}

func flip(not []bool) bool { return len(not) > 0 && not[0] }

// exists is EXISTS (query), as a join that filters or as a value.
func (x *exprBinder) exists(n *ast.ExistsSubqueryExpr, filter bool, negate ...bool) (expr.Expr, error) {
	s, err := x.subquery(n.Sel, false)
	if err != nil {
		return nil, err
	}
	not := n.Not != flip(negate)
	if s.apply != nil {
		return x.applyFilter(filter)(x.applyExists(s, nil, not))
	}
	if len(s.conds) == 0 {
		s.node = &logical.Limit{Input: valueless(s.node), Count: 1}
	}
	if filter {
		x.filter(s.node, s.conds, not)
		return nil, nil
	}
	conds, err := x.b.areTrue(s.conds)
	if err != nil {
		return nil, err
	}
	mark := x.mark(s.node, conds)
	e, err := x.b.call("is true", mark)
	if err != nil || !not {
		return e, err
	}
	return x.b.call("not", e)
}

// valueless leaves out what does not change if there is a row: values, which may be the outer query's, and their order.
func valueless(n logical.Node) logical.Node {
	switch n := n.(type) {
	case *logical.Projection:
		return valueless(n.Input)
	case *logical.Sort:
		if !n.HasLimit {
			return valueless(n.Input)
		}
	case *logical.Limit:
		if n.Offset == 0 && n.Count > 0 {
			return valueless(n.Input)
		}
	}
	return n
}

// areTrue makes unknown a plain no.
func (b *binder) areTrue(conds []expr.Expr) ([]expr.Expr, error) {
	var out []expr.Expr
	for _, c := range conds {
		e, err := b.call("is true", c)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// applyFilter keeps a condition for conditions, if it is to filter.
func (x *exprBinder) applyFilter(filter bool) func(expr.Expr, error) (expr.Expr, error) {
	return func(e expr.Expr, err error) (expr.Expr, error) {
		if err != nil || !filter {
			return e, err
		}
		x.filters = append(x.filters, e)
		return nil, nil
	}
}

func (x *exprBinder) join(j *logical.Join) { x.joins = append(x.joins, &subqueryJoin{Join: j}) }

// filter adds a semi or an anti join.
func (x *exprBinder) filter(right logical.Node, conds []expr.Expr, not bool) {
	t := logical.SemiJoin
	if not {
		t = logical.AntiJoin
	}
	x.join(&logical.Join{Type: t, Right: right, Conds: conds})
}

// mark adds a join that says for each row if there is a match.
func (x *exprBinder) mark(right logical.Node, conds []expr.Expr) expr.Expr {
	col := x.b.newColumn("", types.NewBool())
	x.join(&logical.Join{Type: logical.LeftOuterSemi, Right: right, Conds: conds, Mark: col})
	return col.Ref()
}

// left binds the left side of IN, ANY and ALL as the values of a row.
func (x *exprBinder) left(n ast.ExprNode, width int) ([]expr.Expr, error) {
	nodes := []ast.ExprNode{n}
	if r, ok := n.(*ast.RowExpr); ok {
		nodes = r.Values
	}
	if len(nodes) != width {
		return nil, sqlerr.New(sqlerr.ErrOperandColumns, len(nodes))
	}
	return x.bindAll(nodes)
}

func (x *exprBinder) inSubquery(n *ast.PatternInExpr, filter bool, negate ...bool) (expr.Expr, error) {
	return x.quantified("=", n.Expr, n.Sel, false, n.Not != flip(negate), filter)
}

func (x *exprBinder) compareSubquery(n *ast.CompareSubqueryExpr, filter bool, negate ...bool) (expr.Expr, error) {
	op, ok := binaryNames[n.Op]
	if !ok {
		return nil, notSupported("operator " + n.Op.String())
	}
	return x.quantified(op, n.L, n.R, n.All, flip(negate), filter)
}

// quantified is l op ANY (query) or l op ALL (query), negated or not. ALL is NOT ANY of the opposite.
func (x *exprBinder) quantified(op string, l ast.ExprNode, sub ast.Node, all, not, filter bool) (expr.Expr, error) {
	s, err := x.subquery(sub, true)
	if err != nil {
		return nil, err
	}
	if s.grouped || s.perRow != nil {
		if s, err = x.toApply(s); err != nil {
			return nil, err
		}
	}
	ls, err := x.left(l, len(s.cols))
	if err != nil {
		return nil, err
	}
	rs := make([]expr.Expr, len(s.cols))
	nullable := false
	for i := range s.cols {
		rs[i] = s.cols[i].Ref()
		nullable = nullable || s.cols[i].Type.Nullable || ls[i].Type().Nullable
	}
	match, err := x.b.compareRows(op, ls, rs)
	if err != nil {
		return nil, err
	}
	if all {
		if match, err = x.b.call("not", match); err != nil {
			return nil, err
		}
	}
	if s.apply != nil {
		return x.applyFilter(filter)(x.applyQuantified(s, x.b.fold(match), all != not, filter))
	}
	// The row is kept by a filter if "some match is true" (exists) or if "no match is true or unknown" (none).
	none := all != not
	if filter {
		conds := append([]expr.Expr(nil), s.conds...)
		if !none {
			x.filter(s.node, appendConjuncts(conds, x.b.fold(match)), false)
			return nil, nil
		}
		for _, e := range appendConjuncts(nil, x.b.fold(match)) {
			if nullable && e.Type().Nullable {
				// Unknown counts as a match here: it must not let the row through.
				if e, err = x.b.call("is false", e); err != nil {
					return nil, err
				}
				if e, err = x.b.call("not", e); err != nil {
					return nil, err
				}
			}
			conds = append(conds, x.b.fold(e))
		}
		x.filter(s.node, conds, true)
		return nil, nil
	}
	// What was pulled out of the subquery's WHERE filters: unknown is not a match there, unlike in the comparison.
	conds, err := x.b.areTrue(s.conds)
	if err != nil {
		return nil, err
	}
	mark := x.mark(s.node, appendConjuncts(conds, x.b.fold(match)))
	if none {
		return x.b.call("not", mark)
	}
	return mark, nil
}

// scalarSubquery is a query as a value: one column, at most one row. Errors: 1241, at run time 1242.
func (x *exprBinder) scalarSubquery(n *ast.SubqueryExpr) (expr.Expr, error) {
	s, err := x.subquery(n, true)
	if err != nil {
		return nil, err
	}
	if len(s.cols) != 1 {
		return nil, sqlerr.New(sqlerr.ErrOperandColumns, 1)
	}
	vals, err := x.oneRow(s)
	if err != nil {
		return nil, err
	}
	return vals[0], nil
}

// rowSubquery is (a, b) = (SELECT ...).
func (x *exprBinder) rowSubquery(op string, l *ast.RowExpr, n *ast.SubqueryExpr) (expr.Expr, error) {
	s, err := x.subquery(n, true)
	if err != nil {
		return nil, err
	}
	if len(s.cols) != len(l.Values) {
		return nil, sqlerr.New(sqlerr.ErrOperandColumns, len(l.Values))
	}
	ls, err := x.bindAll(l.Values)
	if err != nil {
		return nil, err
	}
	vals, err := x.oneRow(s)
	if err != nil {
		return nil, err
	}
	return x.b.compareRows(op, ls, vals)
}

// oneRow joins a query of at most one row and returns its columns.
func (x *exprBinder) oneRow(s *subquery) ([]expr.Expr, error) {
	if len(s.conds) > 0 && s.perRow == nil && !s.grouped && !uniqueBy(s.node, s.conds) {
		var err error
		if s, err = x.toApply(s); err != nil {
			return nil, err
		}
	}
	out := make([]expr.Expr, len(s.cols))
	for i := range s.cols {
		s.cols[i].Type.Nullable = true
		out[i] = s.cols[i].Ref()
	}
	switch {
	case s.apply != nil:
		x.applyJoin(logical.InnerJoin, s, maxOneRow(s.node))
	case s.perRow != nil:
		join := &logical.Join{Type: logical.LeftJoin, Right: s.node, Conds: s.conds}
		x.joins = append(x.joins, &subqueryJoin{Join: join, perRow: s.perRow})
	case s.grouped:
		x.join(&logical.Join{Type: logical.LeftJoin, Right: s.node, Conds: s.conds})
		for i := range out {
			if e := s.empty[s.cols[i].ID]; e != nil {
				c, err := x.b.call("ifnull", out[i], e)
				if err != nil {
					return nil, err
				}
				out[i] = c
			}
		}
	case len(s.conds) > 0:
		x.join(&logical.Join{Type: logical.LeftJoin, Right: s.node, Conds: s.conds})
	default:
		x.join(&logical.Join{Type: logical.InnerJoin, Right: maxOneRow(s.node)})
	}
	return out, nil
}

func maxOneRow(n logical.Node) *logical.MaxOneRow {
	one := &logical.MaxOneRow{Input: n, Cols: append([]logical.Column(nil), n.Columns()...)}
	for i := range one.Cols {
		one.Cols[i].Type.Nullable = true
	}
	return one
}
