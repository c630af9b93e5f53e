package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// setOperation binds UNION, EXCEPT and INTERSECT; a UNION DISTINCT makes all on its left distinct too, as in MySQL.
func (b *binder) setOperation(n *ast.SetOprStmt, outer *scope) (*query, error) {
	if n.With != nil {
		leave, err := b.enterWith(n.With, n)
		if err != nil {
			return nil, err
		}
		defer leave()
	}
	// INTERSECT binds tighter than the others, which go from left to right.
	var parts []*query
	var ops []ast.SetOprType // ops[i] stands before parts[i]
	for i, part := range n.SelectList.Selects {
		q, err := b.query(part, outer)
		if err != nil {
			return nil, err
		}
		op := operatorOf(part)
		if i > 0 && (op == ast.Intersect || op == ast.IntersectAll) {
			last := len(parts) - 1
			if parts[last], err = b.combine(parts[last], q, op); err != nil {
				return nil, err
			}
			continue
		}
		parts, ops = append(parts, q), append(ops, op)
	}
	left := parts[0]
	for i, q := range parts[1:] {
		var err error
		if left, err = b.combine(left, q, ops[i+1]); err != nil {
			return nil, err
		}
	}
	if n.OrderBy != nil {
		if err := b.orderUnion(left, n.OrderBy); err != nil {
			return nil, err
		}
	}
	node, err := b.limit(left.node, n.Limit)
	if err != nil {
		return nil, err
	}
	left.node = node
	return left, nil
}

// operatorOf is the operator before a part of a set operation.
func operatorOf(part ast.Node) ast.SetOprType {
	switch p := part.(type) {
	case *ast.SelectStmt:
		if p.AfterSetOperator != nil {
			return *p.AfterSetOperator
		}
	case *ast.SetOprSelectList:
		if p.AfterSetOperator != nil {
			return *p.AfterSetOperator
		}
	}
	return ast.Union
}

// matchRows is EXCEPT and INTERSECT: the distinct rows of the left query without, or with, an equal row in the right
// one.
func (b *binder) matchRows(l, r *query, cols []logical.Column, t logical.JoinType) (*query, error) {
	left, right := convertTo(b, l, cols), convertTo(b, r, cols)
	j := &logical.Join{Type: t, Left: b.distinct(left), Right: right}
	rc := right.Columns()
	out := &query{node: j, scope: &scope{}}
	for i, c := range left.Columns() {
		eq, err := b.call("<=>", c.Ref(), rc[i].Ref())
		if err != nil {
			return nil, err
		}
		j.Conds = append(j.Conds, eq)
		out.scope.cols = append(out.scope.cols, scopeColumn{name: cols[i].Name, col: c})
	}
	return out, nil
}

// combine joins two queries; the columns have the names of the first one. Error 1222.
func (b *binder) combine(l, r *query, op ast.SetOprType) (*query, error) {
	lc, rc := l.columns(), r.columns()
	if len(lc) != len(rc) {
		return nil, sqlerr.New(sqlerr.ErrWrongNumberOfColumnsInSelect)
	}
	cols := make([]logical.Column, len(lc))
	for i := range lc {
		t, err := unionType(lc[i].Type, rc[i].Type, l.coercibility(lc[i].ID), r.coercibility(rc[i].ID))
		if err != nil {
			return nil, err
		}
		cols[i] = b.newColumn(lc[i].Name, t)
	}
	switch op {
	case ast.Except:
		return b.matchRows(l, r, cols, logical.AntiJoin)
	case ast.Intersect:
		return b.matchRows(l, r, cols, logical.SemiJoin)
	case ast.ExceptAll, ast.IntersectAll:
		return b.countRows(l, r, cols, op)
	}
	u := &logical.Union{Cols: cols}
	for _, q := range []*query{l, r} {
		// UNION ALL of UNION ALL is one node.
		if in, ok := q.node.(*logical.Union); ok && q == l && sameTypes(in.Cols, cols) {
			u.Parts = append(u.Parts, in.Parts...)
			continue
		}
		u.Parts = append(u.Parts, convertTo(b, q, cols))
	}
	scopeCols := make([]scopeColumn, len(cols))
	for i := range cols {
		scopeCols[i] = scopeColumn{name: cols[i].Name, col: cols[i]}
	}
	out := &query{node: u, scope: &scope{cols: scopeCols}}
	if op == ast.Union {
		out.node = b.distinct(u)
	}
	return out, nil
}

func sameTypes(a, b []logical.Column) bool {
	for i := range a {
		if !a[i].Type.Equal(b[i].Type) {
			return false
		}
	}
	return true
}

// convertTo projects a query to the types of a union, exactly its columns.
func convertTo(b *binder, q *query, cols []logical.Column) logical.Node {
	p := &logical.Projection{Input: q.node}
	for i, c := range q.columns() {
		e := expr.Expr(c.Ref())
		if !c.Type.WithNullable(true).Equal(cols[i].Type.WithNullable(true)) {
			e = expr.NewColumnCast(e, cols[i].Type)
		}
		p.Exprs = append(p.Exprs, e)
		p.Cols = append(p.Cols, b.newColumn(c.Name, cols[i].Type))
	}
	return p
}

// coercibility says how strongly the strings of a column of the query insist on their collation.
func (q *query) coercibility(id int) collation.Coercibility {
	if p, ok := q.node.(*logical.Projection); ok {
		for i := range p.Cols {
			if p.Cols[i].ID == id {
				return expr.CoercibilityOf(p.Exprs[i])
			}
		}
	}
	return collation.CoerceImplicit
}

// unionType is the type of a column of a union: one that holds the values of both. Error 1267.
func unionType(a, b types.Type, coercA, coercB collation.Coercibility) (types.Type, error) {
	nullable := a.Nullable || b.Nullable
	t, err := mergeType(a, b, coercA, coercB)
	return t.WithNullable(nullable), err
}

func mergeType(a, b types.Type, coercA, coercB collation.Coercibility) (types.Type, error) {
	switch {
	case a.ID == types.Null:
		return b, nil
	case b.ID == types.Null:
		return a, nil
	case a.ID == types.Enum || a.ID == types.Set: // a column of names has their order, not that of their numbers
		return mergeString(a, b, coercA, coercB)
	case a.WithNullable(true).Equal(b.WithNullable(true)):
		return a, nil
	case a.IsInteger() && b.IsInteger():
		if a.Unsigned == b.Unsigned {
			id := max(a.ID, b.ID)
			return types.NewInteger(id, a.Unsigned), nil
		}
		u, s := a, b
		if b.Unsigned {
			u, s = b, a
		}
		if u.ID < types.BigInt {
			return types.NewInteger(max(u.ID+1, s.ID), false), nil
		}
		return types.NewDecimal(20, 0), nil
	case a.IsNumeric() && b.IsNumeric():
		if a.IsFloat() || b.IsFloat() {
			return types.NewDouble(), nil
		}
		return mergeDecimal(a, b), nil
	case a.IsTemporal() && b.IsTemporal():
		scale := int(max(a.Scale, b.Scale))
		switch {
		case a.ID == b.ID && a.ID == types.Time:
			return types.NewTime(scale), nil
		case a.ID == b.ID && a.ID == types.Timestamp:
			return types.NewTimestamp(scale), nil
		}
		return types.NewDateTime(scale), nil
	}
	return mergeString(a, b, coercA, coercB)
}

// mergeDecimal holds both numbers' digits before and behind the point.
func mergeDecimal(a, b types.Type) types.Type {
	digits := func(t types.Type) (whole, scale int) {
		switch {
		case t.ID == types.Decimal:
			return int(t.Precision) - int(t.Scale), int(t.Scale)
		case t.ID == types.Year:
			return 4, 0
		}
		return 20, 0
	}
	aw, as := digits(a)
	bw, bs := digits(b)
	return types.NewDecimal(max(aw, bw)+max(as, bs), max(as, bs))
}

func mergeString(a, b types.Type, coercA, coercB collation.Coercibility) (types.Type, error) {
	c := collation.Default
	switch {
	case a.Collation != 0 && b.Collation != 0:
		var err error
		if c, _, err = collation.Aggregate(a.Collation, coercA, b.Collation, coercB); err != nil {
			return types.Type{}, err
		}
	case a.Collation != 0:
		c = a.Collation
	case b.Collation != 0:
		c = b.Collation
	}
	n := max(a.DisplayLength(), b.DisplayLength())
	if a.IsBlob() || b.IsBlob() || n > types.MaxVarLength || a.ID == types.JSON || b.ID == types.JSON {
		if c == collation.Binary {
			return types.NewBlob(types.LongBlob), nil
		}
		return types.NewText(types.LongText, c), nil
	}
	if c == collation.Binary {
		return types.NewVarBinary(max(n, a.MaxBytes(), b.MaxBytes())), nil
	}
	return types.NewVarChar(n, c), nil
}

// orderUnion sorts the whole of a set operation, by its own columns only.
func (b *binder) orderUnion(q *query, by *ast.OrderByClause) error {
	sort := &logical.Sort{Input: q.node}
	x := &exprBinder{b: b, scope: q.scope, clause: "order clause"}
	for _, item := range by.Items {
		if p, ok := item.Expr.(*ast.PositionExpr); ok && p.P == nil {
			if p.N < 1 || p.N > len(q.scope.cols) {
				return sqlerr.New(sqlerr.ErrBadField, positionText(p.N), "order clause")
			}
			sort.Keys = append(sort.Keys, logical.SortKey{Expr: q.scope.cols[p.N-1].col.Ref(), Desc: item.Desc})
			continue
		}
		e, err := x.bindFolded(item.Expr)
		if err != nil {
			return err
		}
		sort.Keys = append(sort.Keys, logical.SortKey{Expr: e, Desc: item.Desc})
	}
	sort.Input = x.attach(sort.Input)
	q.node = sort
	return nil
}
