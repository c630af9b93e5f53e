package bind

import (
	"slices"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// insert binds INSERT and REPLACE.
func (b *binder) insert(n *ast.InsertStmt) error {
	b.hints(n.TableHints)
	t, err := b.target(n.Table)
	if err != nil {
		return err
	}
	out := &physical.Insert{Table: t, Ignore: n.IgnoreErr}
	switch {
	case n.IsReplace:
		out.Duplicates = physical.DuplicateReplace
	case len(n.OnDuplicate) > 0:
		out.Duplicates = physical.DuplicateUpdate
	case n.IgnoreErr:
		out.Duplicates = physical.DuplicateIgnore
	}
	if out.Ordinals, err = insertColumns(t, n.Columns, n); err != nil {
		return err
	}
	b.result.Insert = out
	var source *scope
	if n.Select != nil {
		q, err := b.query(n.Select, nil)
		if err != nil {
			return err
		}
		if len(q.scope.cols) != len(out.Ordinals) {
			return sqlerr.New(sqlerr.ErrWrongValueCountOnRow, 1)
		}
		b.result.Input, b.result.Output, source = q.node, q.columns(), q.scope
	} else if err := b.insertValues(n, t, out); err != nil {
		return err
	}
	return b.onDuplicate(n, t, out, source)
}

// target is the one stored table that a statement changes. Errors: 1146, 1288, 1235.
func (b *binder) target(refs *ast.TableRefsClause) (*schema.Table, error) {
	name := singleTable(refs)
	if name == nil {
		return nil, notSupported("a change of several tables at once")
	}
	return b.targetTable(name)
}

func (b *binder) targetTable(name *ast.TableName) (*schema.Table, error) {
	t, err := b.table(name.Schema.O, name.Name.O)
	if err != nil {
		return nil, err
	}
	if t.Virtual {
		return nil, sqlerr.New(sqlerr.ErrDBAccessDenied, b.ctx.Env.User, "", t.DB)
	}
	if t.ViewText != "" {
		return nil, notSupported("a change through a view")
	}
	return t, nil
}

// singleTable returns the name of the only table, nil if there are more or other things.
func singleTable(refs *ast.TableRefsClause) *ast.TableName {
	src := singleSource(refs)
	if src == nil {
		return nil
	}
	name, _ := src.Source.(*ast.TableName)
	return name
}

func singleSource(refs *ast.TableRefsClause) *ast.TableSource {
	if refs == nil || refs.TableRefs == nil || refs.TableRefs.Right != nil {
		return nil
	}
	src, _ := refs.TableRefs.Left.(*ast.TableSource)
	return src
}

// insertColumns are the target columns: those named, or all. Errors 1054, 1110.
func insertColumns(t *schema.Table, names []*ast.ColumnName, n *ast.InsertStmt) ([]int, error) {
	if names == nil {
		if n != nil && n.Select == nil && len(n.Lists) == 1 && len(n.Lists[0]) == 0 {
			return []int{}, nil // VALUES (): a row of defaults
		}
		return t.Visible(), nil
	}
	out := make([]int, 0, len(names))
	for _, c := range names {
		i := t.ColumnByName(c.Name.O)
		if i < 0 || t.Columns[i].Hidden {
			return nil, sqlerr.New(sqlerr.ErrBadField, nameText(c), "field list")
		}
		for _, o := range out {
			if o == i {
				return nil, sqlerr.New(sqlerr.ErrFieldSpecifiedTwice, c.Name.O)
			}
		}
		out = append(out, i)
	}
	return out, nil
}

// insertValues makes the rows of VALUES and SET.
func (b *binder) insertValues(n *ast.InsertStmt, t *schema.Table, out *physical.Insert) error {
	if b.st.Rows == nil && slices.ContainsFunc(n.Lists, func(row []ast.ExprNode) bool {
		return slices.ContainsFunc(row, HasSubquery)
	}) {
		return b.insertQueries(n.Lists, out)
	}
	v := &logical.Values{}
	for _, o := range out.Ordinals {
		c := &t.Columns[o]
		v.Cols = append(v.Cols, logical.Column{ID: b.newID(), Name: c.Name, Type: c.Type.WithNullable(true)})
	}
	if b.st.Rows != nil {
		// The first row tells about errors early; it comes again with the others.
		bind := func(row []ast.ExprNode, number int) ([]expr.Expr, error) {
			b.inRows = true
			defer func() { b.inRows = false }()
			return b.insertRow(row, t, out.Ordinals, number)
		}
		if len(n.Lists) == 1 {
			_, err := bind(n.Lists[0], 1)
			b.freeRows()
			if err != nil {
				return err
			}
		}
		v.Source = &textRows{rows: b.st.Rows, bind: bind, free: b.freeRows}
	} else {
		rows := &literalRows{}
		for i, list := range n.Lists {
			row, err := b.insertRow(list, t, out.Ordinals, i+1)
			if err != nil {
				return err
			}
			rows.rows = append(rows.rows, row)
		}
		v.Source = rows
	}
	b.result.Input, b.result.Output = v, v.Cols
	return nil
}

// insertQueries makes rows with subqueries: each is a query, and all of them a union. Errors 1136, 1235.
func (b *binder) insertQueries(lists [][]ast.ExprNode, out *physical.Insert) error {
	queries := &ast.SetOprSelectList{}
	for i, row := range lists {
		if len(row) != len(out.Ordinals) {
			return sqlerr.New(sqlerr.ErrWrongValueCountOnRow, i+1)
		}
		for _, e := range row {
			if _, ok := e.(*ast.DefaultExpr); ok {
				return notSupported("DEFAULT beside a subquery in VALUES")
			}
		}
		query := SelectOf(row...)
		if i > 0 {
			all := ast.UnionAll
			query.AfterSetOperator = &all
		}
		queries.Selects = append(queries.Selects, query)
	}
	var node ast.Node = queries.Selects[0]
	if len(lists) > 1 {
		node = &ast.SetOprStmt{SelectList: queries}
	}
	q, err := b.query(node, nil)
	if err != nil {
		return err
	}
	b.result.Input, b.result.Output = q.node, q.columns()
	return nil
}

// insertRow binds one row. A value may be DEFAULT, and may name columns, which have their defaults then. Error 1136.
func (b *binder) insertRow(list []ast.ExprNode, t *schema.Table, ordinals []int, number int) ([]expr.Expr, error) {
	if len(list) == 0 && len(ordinals) == len(t.Visible()) {
		// A row () among others is one of defaults.
		row := make([]expr.Expr, len(ordinals))
		for i, o := range ordinals {
			row[i] = &expr.Default{T: t.Columns[o].Type}
		}
		return row, nil
	}
	if len(list) != len(ordinals) {
		return nil, sqlerr.New(sqlerr.ErrWrongValueCountOnRow, number)
	}
	row := make([]expr.Expr, len(list))
	for i, n := range list {
		if d, ok := n.(*ast.DefaultExpr); ok && (d.Name == nil || t.ColumnByName(d.Name.Name.O) == ordinals[i]) {
			row[i] = &expr.Default{T: t.Columns[ordinals[i]].Type}
			continue
		}
		x := &exprBinder{b: b, scope: &scope{}, clause: "field list", noSubquery: true}
		// INSERT INTO t (a, b) VALUES (1, a + 1): a column is its value in this row so far, or its default.
		x.alias = func(n *ast.ColumnName) (expr.Expr, error) {
			o := t.ColumnByName(n.Name.O)
			if o < 0 || t.Columns[o].Hidden {
				return nil, nil
			}
			for k := range i {
				if ordinals[k] == o {
					if _, isDefault := row[k].(*expr.Default); !isDefault {
						return expr.NewCast(row[k], t.Columns[o].Type), nil
					}
				}
			}
			return b.defaultValue(t, o)
		}
		e, err := x.bind(n)
		if err != nil {
			return nil, err
		}
		row[i] = stored(b.fold(e), t.Columns[ordinals[i]].Type)
	}
	return row, nil
}

// stored is an expression that is assigned to a column of type t: x'41' is a number for columns of numbers.
func stored(e expr.Expr, t types.Type) expr.Expr {
	if t.IsNumeric() && t.ID != types.Bit {
		return expr.Numeric(e)
	}
	return e
}

// onDuplicate binds ON DUPLICATE KEY UPDATE over the existing row's columns, then the new row's. The expressions
// refer to them by position, unlike all others.
func (b *binder) onDuplicate(n *ast.InsertStmt, t *schema.Table, out *physical.Insert, source *scope) error {
	if len(n.OnDuplicate) == 0 {
		return nil
	}
	alias := t.Name
	if src := singleSource(n.Table); src != nil && src.AsName.O != "" {
		alias = src.AsName.O
	}
	width := len(t.Columns)
	s := &scope{}
	newRow := func(o int) expr.Expr {
		c := &t.Columns[o]
		return &expr.Column{Index: width + o, T: c.Type, Name: "values(" + c.Name + ")"}
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		s.cols = append(s.cols, scopeColumn{
			db: t.DB, table: alias, name: c.Name, secret: c.Hidden,
			col:   logical.Column{ID: -1 - i, Name: c.Name, Type: c.Type},
			value: &expr.Column{Index: i, T: c.Type, Name: t.DB + "." + alias + "." + c.Name},
		})
	}
	if b.st.RowAlias != "" {
		for k, o := range out.Ordinals {
			name := t.Columns[o].Name
			if k < len(b.st.RowColumns) {
				name = b.st.RowColumns[k]
			}
			s.cols = append(s.cols, scopeColumn{
				table: b.st.RowAlias, name: name, hidden: len(b.st.RowColumns) == 0,
				col: logical.Column{ID: -1 - width - o}, value: newRow(o),
			})
		}
	}
	x := &exprBinder{b: b, scope: s, clause: "field list", noSubquery: true}
	x.values = func(n *ast.ColumnName) (expr.Expr, error) {
		o := t.ColumnByName(n.Name.O)
		if o < 0 {
			return nil, sqlerr.New(sqlerr.ErrBadField, nameText(n), "field list")
		}
		return newRow(o), nil
	}
	// INSERT ... SELECT may name columns of the query, which are those of the new row where they were inserted as such.
	if source != nil {
		x.alias = func(n *ast.ColumnName) (expr.Expr, error) {
			for i := range source.cols {
				c := &source.cols[i]
				if isName(c.name, n.Name.O) || isName(c.col.OrgName, n.Name.O) {
					return newRow(out.Ordinals[i]), nil
				}
			}
			return nil, nil
		}
	}
	for _, a := range n.OnDuplicate {
		as, err := b.assignment(a, t, x)
		if err != nil {
			return err
		}
		out.OnDuplicate = append(out.OnDuplicate, as)
	}
	return nil
}

// assignment binds column = expression; DEFAULT is the column's default.
func (b *binder) assignment(a *ast.Assignment, t *schema.Table, x *exprBinder) (physical.Assignment, error) {
	o := t.ColumnByName(a.Column.Name.O)
	if o < 0 || t.Columns[o].Hidden {
		return physical.Assignment{}, sqlerr.New(sqlerr.ErrBadField, nameText(a.Column), "field list")
	}
	if d, ok := a.Expr.(*ast.DefaultExpr); ok && d.Name == nil {
		e, err := b.defaultValue(t, o)
		return physical.Assignment{Column: o, Expr: e}, err
	}
	e, err := x.bindFolded(a.Expr)
	if err != nil {
		return physical.Assignment{}, err
	}
	return physical.Assignment{Column: o, Expr: stored(e, t.Columns[o].Type)}, nil
}
