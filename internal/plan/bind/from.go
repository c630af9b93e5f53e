package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// from binds a FROM clause; without one it is the table of one row without columns.
func (b *binder) from(refs *ast.TableRefsClause, outer *scope) (*query, error) {
	if refs == nil || refs.TableRefs == nil {
		return &query{node: &logical.Values{Source: newDual()}, scope: &scope{outer: outer}}, nil
	}
	save := b.lateral
	b.lateral = nil
	q, err := b.tableRef(refs.TableRefs, outer)
	b.lateral = save
	if err != nil {
		return nil, err
	}
	q.scope.outer = outer
	return q, nil
}

// tableRef binds a table, a derived table or a join.
func (b *binder) tableRef(n ast.ResultSetNode, outer *scope) (*query, error) {
	switch n := n.(type) {
	case *ast.Join:
		if n.Right == nil {
			return b.tableRef(n.Left, outer)
		}
		return b.join(n, outer)
	case *ast.TableSource:
		return b.tableSource(n, outer)
	case *ast.TableName:
		return b.tableName(n, "")
	}
	return nil, notSupported("this table expression")
}

func (b *binder) tableSource(n *ast.TableSource, outer *scope) (*query, error) {
	alias := n.AsName.O
	switch src := n.Source.(type) {
	case *ast.TableName:
		return b.tableName(src, alias)
	case *ast.Join:
		return b.tableRef(src, outer)
	case *ast.SelectStmt, *ast.SetOprStmt:
		if alias == "" {
			return nil, sqlerr.New(sqlerr.ErrDerivedMustHaveAlias)
		}
		sees := outer
		if n.Lateral && b.lateral != nil {
			sees = b.lateral
		}
		b.derivations++
		q, err := b.query(src, sees)
		b.derivations--
		if err != nil {
			return nil, err
		}
		return b.derived(q, "", alias, ciNames(n.ColumnNames))
	}
	return nil, notSupported("this table expression")
}

func ciNames(names []ast.CIStr) []string {
	var out []string
	for _, n := range names {
		out = append(out, n.O)
	}
	return out
}

// derived gives a query's columns the name of a table, and names of their own if there are any.
func (b *binder) derived(q *query, db, alias string, names []string) (*query, error) {
	cols := q.columns()
	if names != nil && len(names) != len(cols) {
		return nil, sqlerr.New(sqlerr.ErrViewWrongList)
	}
	exprs := make([]expr.Expr, len(cols))
	out := make([]logical.Column, len(cols))
	for i := range cols {
		exprs[i] = cols[i].Ref()
		// A column of a derived table is a column of that table to the client.
		c := logical.Column{ID: cols[i].ID, Name: cols[i].Name, Type: cols[i].Type, Table: alias, DB: db}
		if names != nil {
			c.Name = names[i]
		}
		c.OrgName = c.Name
		for j := range i {
			if isName(out[j].Name, c.Name) {
				return nil, sqlerr.New(sqlerr.ErrDupFieldName, c.Name)
			}
			// One expression selected twice would give two columns one ID.
			if out[j].ID == c.ID {
				c.ID = b.newID()
			}
		}
		out[i] = c
	}
	p := &logical.Projection{Input: q.node, Exprs: exprs, Cols: out}
	return &query{node: p, scope: scopeOf(out, db, alias)}, nil
}

func (b *binder) tableName(n *ast.TableName, alias string) (*query, error) {
	name, db := n.Name.O, n.Schema.O
	if alias == "" {
		alias = name
	}
	if db == "" {
		if q, err := b.cteReference(name, alias); q != nil || err != nil {
			return q, err
		}
		if isName(name, "dual") {
			return b.from(nil, nil)
		}
	}
	if n.AsOf != nil || n.TableSample != nil {
		return nil, notSupported("AS OF and TABLESAMPLE")
	}
	if len(n.PartitionNames) > 0 {
		return nil, sqlerr.New(sqlerr.ErrPartitionClauseOnNonpartitioned)
	}
	t, err := b.table(db, name)
	if err != nil {
		return nil, err
	}
	if t.ViewText != "" {
		return b.view(t, alias)
	}
	if b.changed != nil && b.changed.table == t && b.derivations == 0 {
		return nil, sqlerr.New(sqlerr.ErrUpdateTableUsed, b.changed.scan.Alias)
	}
	scan := b.newScan(t, alias)
	if err := b.indexHints(scan, n.IndexHints); err != nil {
		return nil, err
	}
	var node logical.Node = scan
	if b.ctx.Mode.Has(types.ModePadCharToFullLength) && !t.Virtual {
		node = b.padChars(scan)
	}
	s := scopeOf(node.Columns(), t.DB, alias)
	for i := range s.cols {
		s.cols[i].secret = t.Columns[i].Hidden
	}
	return &query{node: node, scope: s}, nil
}

// padChars is a table whose CHAR values have their full length.
func (b *binder) padChars(scan *logical.Scan) logical.Node {
	p := &logical.Projection{Input: scan}
	for _, c := range scan.Cols {
		e := expr.PadChar(c.Ref())
		if _, same := e.(*expr.Column); !same {
			c.ID = b.newID()
		}
		p.Exprs, p.Cols = append(p.Exprs, e), append(p.Cols, c)
	}
	return p
}

// indexHints are USE, IGNORE and FORCE INDEX. Error 1176.
func (b *binder) indexHints(scan *logical.Scan, hints []*ast.IndexHint) error {
	for _, h := range hints {
		if h.HintScope != ast.HintForScan && h.HintScope != ast.HintForJoin {
			continue
		}
		for _, name := range h.IndexNames {
			x := scan.Table.IndexByName(name.O)
			if x == nil || x.Primary && !scan.Table.HasPrimaryKey() {
				return sqlerr.New(sqlerr.ErrKeyDoesNotExist, name.O, scan.Table.Name)
			}
			if h.HintType == ast.HintIgnore {
				scan.Ignore = append(scan.Ignore, x)
			} else {
				scan.Use = append(scan.Use, x)
			}
		}
		if h.HintType != ast.HintIgnore {
			scan.UseSet = true
		}
	}
	return nil
}

// view binds the query of a view in the view's own database.
func (b *binder) view(t *schema.Table, alias string) (*query, error) {
	stmts, err := parse.Parse([]byte(t.ViewText), parse.Options{})
	if err != nil {
		return nil, err
	}
	save, saveCTEs := b.ctx, b.ctes
	ctx := *b.ctx
	ctx.Database = t.DB
	b.ctx, b.ctes = &ctx, nil
	b.derivations++
	q, err := b.query(stmts[0].Node, nil)
	b.derivations--
	b.ctx, b.ctes = save, saveCTEs
	if err != nil {
		if sqlerr.CodeOf(err) == sqlerr.ErrNoSuchTable || sqlerr.CodeOf(err) == sqlerr.ErrBadField {
			return nil, sqlerr.New(sqlerr.ErrViewInvalid, t.DB, t.Name)
		}
		return nil, err
	}
	names := make([]string, 0, len(t.Columns))
	for i := range t.Columns {
		if !t.Columns[i].Hidden {
			names = append(names, t.Columns[i].Name)
		}
	}
	if len(names) != len(q.scope.cols) {
		names = nil
	}
	return b.derived(q, t.DB, alias, names)
}

func (b *binder) join(n *ast.Join, outer *scope) (*query, error) {
	left, err := b.tableRef(n.Left, outer)
	if err != nil {
		return nil, err
	}
	right, err := b.besides(n.Right, left.scope, outer)
	if err != nil {
		return nil, err
	}
	if err := b.uniqueTables(left.scope, right.scope); err != nil {
		return nil, err
	}
	j := &logical.Join{Left: left.node, Right: right.node, Straight: n.StraightJoin}
	lateral, err := b.applyLateral(j, left.scope, right)
	if err != nil {
		return nil, err
	}
	if lateral && n.Tp == ast.RightJoin {
		return nil, sqlerr.New(sqlerr.ErrTfForbiddenJoinType, lateralName(n.Right))
	}
	// A right join is a left join with the sides exchanged; the columns keep their order.
	inner := right.scope
	switch n.Tp {
	case ast.LeftJoin:
		j.Type = logical.LeftJoin
	case ast.RightJoin:
		j.Type = logical.LeftJoin
		j.Left, j.Right = j.Right, j.Left
		inner = left.scope
	}
	var node logical.Node = j
	both := &scope{cols: append(append([]scopeColumn(nil), left.scope.cols...), right.scope.cols...), outer: outer}
	switch {
	case n.NaturalJoin || len(n.Using) > 0:
		names := make([]string, 0, len(n.Using))
		for _, c := range n.Using {
			names = append(names, c.Name.O)
		}
		if n.NaturalJoin {
			names = commonNames(left.scope, right.scope)
		}
		conds, s, err := b.using(names, left.scope, right.scope, n.Tp)
		if err != nil {
			return nil, err
		}
		both = s
		if node, err = b.joinOn(j, &exprBinder{b: b}, conds); err != nil {
			return nil, err
		}
	case n.On != nil:
		x := &exprBinder{b: b, scope: both, clause: "on clause"}
		conds, err := x.conditions(n.On.Expr)
		if err != nil {
			return nil, err
		}
		if node, err = b.joinOn(j, x, conds); err != nil {
			return nil, err
		}
	case j.Type == logical.LeftJoin:
		return nil, sqlerr.New(sqlerr.ErrParse, "LEFT or RIGHT JOIN without ON", "", 1)
	}
	if j.Type == logical.LeftJoin {
		ids := map[int]bool{}
		for i := range inner.cols {
			ids[inner.cols[i].col.ID] = true
		}
		for i := range both.cols {
			if ids[both.cols[i].col.ID] {
				both.cols[i].col.Type.Nullable = true
			}
		}
	}
	both.outer = outer
	return &query{node: node, scope: both}, nil
}

// uniqueTables is error 1066.
func (b *binder) uniqueTables(left, right *scope) error {
	for _, l := range left.tables() {
		for _, r := range right.tables() {
			if l == r && l[1] != "" {
				return sqlerr.New(sqlerr.ErrNonuniqTable, r[1])
			}
		}
	}
	return nil
}

// commonNames are the columns of NATURAL JOIN, in the left side's order.
func commonNames(left, right *scope) []string {
	var out []string
	for i := range left.cols {
		l := &left.cols[i]
		if l.hidden || l.secret {
			continue
		}
		for k := range right.cols {
			if r := &right.cols[k]; !r.hidden && !r.secret && isName(l.name, r.name) {
				out = append(out, l.name)
				break
			}
		}
	}
	return out
}

// using makes the conditions of USING. Common columns come first and once: the left side's, of a right join the right
// side's; the other one is still known by its table's name.
func (b *binder) using(names []string, left, right *scope, tp ast.JoinType) ([]expr.Expr, *scope, error) {
	var conds []expr.Expr
	out := &scope{}
	var seconds []scopeColumn
	leftHidden, rightHidden := map[int]bool{}, map[int]bool{}
	for _, name := range names {
		n := &ast.ColumnName{Name: ast.NewCIStr(name)}
		l, err := left.find(n, "from clause")
		if err != nil {
			return nil, nil, err
		}
		r, err := right.find(n, "from clause")
		if err != nil {
			return nil, nil, err
		}
		if l == nil || r == nil {
			return nil, nil, sqlerr.New(sqlerr.ErrBadField, name, "from clause")
		}
		eq, err := b.call("=", l.ref(), r.ref())
		if err != nil {
			return nil, nil, err
		}
		conds = append(conds, b.fold(eq))
		first, second := *l, *r
		if tp == ast.RightJoin {
			first, second = second, first
		}
		second.hidden = true
		out.cols = append(out.cols, first)
		leftHidden[l.col.ID], rightHidden[r.col.ID] = true, true
		seconds = append(seconds, second)
	}
	for _, c := range left.cols {
		if !leftHidden[c.col.ID] || c.hidden {
			out.cols = append(out.cols, c)
		}
	}
	for _, c := range right.cols {
		if !rightHidden[c.col.ID] || c.hidden {
			out.cols = append(out.cols, c)
		}
	}
	out.cols = append(out.cols, seconds...)
	return conds, out, nil
}
