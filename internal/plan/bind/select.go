package bind

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// query binds SELECT, VALUES, TABLE and set operations; outer is the scope of an enclosing query.
func (b *binder) query(n ast.Node, outer *scope) (*query, error) {
	if err := b.enterQuery(); err != nil {
		return nil, err
	}
	defer func() { b.depth-- }()
	switch n := n.(type) {
	case *ast.SelectStmt:
		return b.selectStatement(n, outer)
	case *ast.SetOprStmt:
		return b.setOperation(n, outer)
	case *ast.SetOprSelectList:
		return b.setOperation(&ast.SetOprStmt{SelectList: n, OrderBy: n.OrderBy, Limit: n.Limit, With: n.With}, outer)
	case *ast.SubqueryExpr:
		return b.query(n.Query, outer)
	}
	return nil, notSupported("this query")
}

// block is a SELECT in the making.
type block struct {
	b       *binder
	n       *ast.SelectStmt
	node    logical.Node
	from    *scope
	fields  []field
	aggs    *aggregates
	windows *windows
	// group by
	groupBy   []expr.Expr
	groupCols []logical.Column
	grouped   bool
	rollup    *rollup // nil: without
	where     []expr.Expr
}

// field is an item of the select list after wildcards were expanded.
type field struct {
	name   string
	alias  bool // name was given with AS
	expr   expr.Expr
	col    logical.Column
	node   ast.ExprNode // nil of a wildcard
	column *scopeColumn // of a wildcard
	bound  bool         // expr was bound with GROUP BY already
}

func (b *binder) selectStatement(n *ast.SelectStmt, outer *scope) (*query, error) {
	if n.With != nil {
		leave, err := b.enterWith(n.With, n)
		if err != nil {
			return nil, err
		}
		defer leave()
	}
	switch n.Kind {
	case ast.SelectStmtKindValues:
		return b.valuesStatement(n, outer)
	}
	if n.SelectIntoOpt != nil {
		return nil, notSupported("SELECT ... INTO OUTFILE")
	}
	saveStream, saveHash, saveJoins := b.stream, b.hash, b.joins
	b.stream, b.hash, b.joins = false, false, nil
	defer func() { b.stream, b.hash, b.joins = saveStream, saveHash, saveJoins }()
	b.hints(n.TableHints)
	joins := b.joins

	s := &block{b: b, n: n, aggs: &aggregates{}, windows: &windows{}}
	q, err := b.from(n.From, outer)
	if err != nil {
		return nil, err
	}
	s.node, s.from = q.node, q.scope
	b.joinHints(joins, q.scope)
	if n.LockInfo != nil {
		lock(q.node, n.LockInfo)
	}
	if n.Where != nil {
		if s.node, s.where, err = b.whereClause(n.Where, s.from, s.node); err != nil {
			return nil, err
		}
	}
	return s.finish()
}

// whereClause filters a node.
func (b *binder) whereClause(n ast.ExprNode, s *scope, in logical.Node) (logical.Node, []expr.Expr, error) {
	x := &exprBinder{b: b, scope: s, clause: "where clause"}
	conds, err := x.conditions(n)
	if err != nil {
		return nil, nil, err
	}
	in = x.attach(in)
	if len(conds) > 0 {
		in = &logical.Selection{Input: in, Conds: conds}
	}
	return in, conds, nil
}

// lockWait is NOWAIT and SKIP LOCKED.
func lockWait(t ast.SelectLockType) logical.LockWait {
	switch t {
	case ast.SelectLockForUpdateNoWait, ast.SelectLockForShareNoWait:
		return logical.NoWait
	case ast.SelectLockForUpdateSkipLocked, ast.SelectLockForShareSkipLocked:
		return logical.SkipLocked
	}
	return logical.WaitTimeout
}

// lock marks the scans of FOR UPDATE and FOR SHARE, those of the tables named by OF only.
func lock(n logical.Node, info *ast.SelectLockInfo) {
	mode := logical.LockNone
	switch info.LockType {
	case ast.SelectLockForUpdate, ast.SelectLockForUpdateNoWait, ast.SelectLockForUpdateWaitN,
		ast.SelectLockForUpdateSkipLocked:
		mode = logical.LockUpdate
	case ast.SelectLockForShare, ast.SelectLockForShareNoWait, ast.SelectLockForShareSkipLocked:
		mode = logical.LockShare
	}
	if scan, ok := n.(*logical.Scan); ok && !scan.Table.Virtual {
		named := len(info.Tables) == 0
		for _, t := range info.Tables {
			named = named || isName(t.Name.O, scan.Alias)
		}
		if named {
			scan.Lock, scan.Wait = mode, lockWait(info.LockType)
		}
	}
	for _, in := range n.Inputs() {
		lock(*in, info)
	}
}

// finish binds what comes after WHERE, in the order in which it takes effect: grouping, HAVING, the select list,
// DISTINCT, ORDER BY, LIMIT.
func (s *block) finish() (*query, error) {
	if err := s.expand(); err != nil {
		return nil, err
	}
	if err := s.groupItems(); err != nil {
		return nil, err
	}
	if err := s.namedWindows(); err != nil {
		return nil, err
	}
	list := s.binder("field list")
	list.windows = s.windows
	for i := range s.fields {
		f := &s.fields[i]
		if f.node == nil {
			f.expr = f.column.ref()
			continue
		}
		if f.bound {
			continue
		}
		e, err := list.bindFolded(f.node)
		if err != nil {
			return nil, err
		}
		f.expr = e
	}
	having, havingJoins, err := s.having()
	if err != nil {
		return nil, err
	}
	keys, orderJoins, err := s.orderKeys()
	if err != nil {
		return nil, err
	}
	if s.grouped || len(s.aggs.list) > 0 {
		if err := s.group(having, keys, list, havingJoins, orderJoins); err != nil {
			return nil, err
		}
	} else if s.n.Having != nil {
		// HAVING without aggregates is a second WHERE over the select list.
		s.grouped = false
	}
	s.node = havingJoins.attach(list.attach(s.node))
	if len(having) > 0 {
		s.node = &logical.Selection{Input: s.node, Conds: having}
	}
	if s.rollup != nil && s.n.OrderBy == nil && !s.n.Distinct {
		if err := s.orderRollup(); err != nil {
			return nil, err
		}
	}
	s.node = s.windows.attach(orderJoins.attach(s.node))
	return s.project(keys)
}

// binder binds expressions that may have aggregates.
func (s *block) binder(clause string) *exprBinder {
	return &exprBinder{
		b: s.b, scope: s.from, clause: clause, aggs: s.aggs, grouped: s.groups(), rollup: s.rollup,
	}
}

// groups says if the block has GROUP BY or an aggregate, before anything of it is bound.
func (s *block) groups() bool {
	if s.n.GroupBy != nil {
		return true
	}
	var f aggregateFinder
	s.n.Fields.Accept(&f)
	if s.n.Having != nil {
		s.n.Having.Accept(&f)
	}
	return f.found
}

// aggregateFinder looks for aggregates outside of subqueries.
type aggregateFinder struct{ found bool }

// Enter implements ast.Visitor.
func (f *aggregateFinder) Enter(n ast.Node) (ast.Node, bool) {
	switch n.(type) {
	case *ast.AggregateFuncExpr:
		f.found = true
	case *ast.SubqueryExpr:
		return n, true
	}
	return n, f.found
}

// Leave implements ast.Visitor.
func (f *aggregateFinder) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// expand makes the list of fields, with wildcards replaced by columns. Errors 1051, 1096.
func (s *block) expand() error {
	for _, f := range s.n.Fields.Fields {
		if f.WildCard == nil {
			name, alias := FieldName(f)
			s.fields = append(s.fields, field{name: name, alias: alias, node: f.Expr})
			continue
		}
		w := f.WildCard
		if s.n.From == nil {
			return sqlerr.New(sqlerr.ErrNoTablesUsed)
		}
		found := false
		for i := range s.from.cols {
			c := &s.from.cols[i]
			if c.secret {
				continue
			}
			if w.Table.O != "" {
				if !isName(c.table, w.Table.O) || w.Schema.O != "" && c.db != w.Schema.O {
					continue
				}
			} else if c.hidden {
				continue
			}
			found = true
			s.fields = append(s.fields, field{name: c.name, column: c})
		}
		if !found && w.Table.O != "" {
			return sqlerr.New(sqlerr.ErrBadTable, w.Table.O)
		}
		if !found {
			return sqlerr.New(sqlerr.ErrNoTablesUsed)
		}
	}
	return nil
}

// FieldName is the name of a result column: the alias, the column's name as written, a string literal's text, or else
// the text of the expression.
func FieldName(f *ast.SelectField) (name string, alias bool) {
	if f.AsName.O != "" {
		return f.AsName.O, true
	}
	e := f.Expr
	for {
		p, ok := e.(*ast.ParenthesesExpr)
		if !ok {
			break
		}
		e = p.Expr
	}
	switch e := e.(type) {
	case *ast.ColumnNameExpr:
		return e.Name.Name.O, false
	case *parse.Value:
		switch {
		case e.Kind() == parse.KindString && e.ColumnName() != "":
			return strings.TrimLeft(e.ColumnName(), " \t\r\n"), false
		case e.Kind() == parse.KindNull:
			return "NULL", false
		}
	}
	return strings.TrimSpace(f.OriginalText()), false
}

// aliasOf finds a name in the select list; nil if there is none. Error 1052 if it means several.
func (s *block) aliasOf(clause string, aliasOnly bool) func(n *ast.ColumnName) (expr.Expr, error) {
	return func(n *ast.ColumnName) (expr.Expr, error) {
		var found expr.Expr
		for i := range s.fields {
			f := &s.fields[i]
			if !isName(f.name, n.Name.O) || f.expr == nil || aliasOnly && !f.alias {
				continue
			}
			if _, isColumn := f.expr.(*expr.Column); !f.alias && !isColumn {
				continue
			}
			if found != nil && !expr.Equal(found, f.expr) {
				return nil, sqlerr.New(sqlerr.ErrNonUniq, n.Name.O, clause)
			}
			found = f.expr
		}
		return found, nil
	}
}

// isGroupName says if a name is that of a table's column in GROUP BY.
func (s *block) isGroupName(n *ast.ColumnName) bool {
	c, err := s.from.find(n, "having clause")
	if err != nil || c == nil {
		return false
	}
	for _, e := range s.groupBy {
		if g, ok := e.(*expr.Column); ok && g.Index == c.col.ID {
			return true
		}
	}
	return false
}

// having binds HAVING: names mean columns of GROUP BY first, then the select list, then the tables.
func (s *block) having() ([]expr.Expr, *exprBinder, error) {
	x := s.binder("having clause")
	if s.n.Having == nil {
		return nil, x, nil
	}
	alias := s.aliasOf("having clause", false)
	x.aliasFirst = true
	x.alias = func(n *ast.ColumnName) (expr.Expr, error) {
		if s.isGroupName(n) {
			return nil, nil
		}
		e, err := alias(n)
		if e != nil && s.windows.uses(e) {
			return nil, sqlerr.New(sqlerr.ErrWindowInvalidWindowFuncAliasUse, n.Name.O)
		}
		return e, err
	}
	x.visible = s.inHaving
	conds, err := x.conditions(s.n.Having.Expr)
	return conds, x, err
}

// inHaving says if HAVING sees a column of the tables: it does if it is selected or grouped by.
func (s *block) inHaving(c *scopeColumn) bool {
	e := c.ref()
	for i := range s.fields {
		if s.fields[i].expr != nil && expr.Equal(s.fields[i].expr, e) {
			return true
		}
	}
	return slices.ContainsFunc(s.groupBy, func(g expr.Expr) bool { return expr.Equal(g, e) })
}

// orderKey is a key of ORDER BY: a field of the list, or an expression that is computed besides.
type orderKey struct {
	field int // -1: expr
	expr  expr.Expr
	desc  bool
}

// orderKeys binds ORDER BY: positions, then names of the select list, then those of the tables.
func (s *block) orderKeys() ([]orderKey, *exprBinder, error) {
	x := s.binder("order clause")
	x.windows = s.windows
	if s.n.OrderBy == nil {
		return nil, x, nil
	}
	x.alias, x.aliasFirst = s.aliasOf("order clause", true), true
	var keys []orderKey
	for _, item := range s.n.OrderBy.Items {
		k := orderKey{field: -1, desc: item.Desc}
		if p, ok := item.Expr.(*ast.PositionExpr); ok && p.P == nil {
			if p.N < 1 || p.N > len(s.fields) {
				return nil, nil, sqlerr.New(sqlerr.ErrBadField, positionText(p.N), "order clause")
			}
			k.field = p.N - 1
			keys = append(keys, k)
			continue
		}
		e, err := x.bindFolded(item.Expr)
		if err != nil {
			return nil, nil, err
		}
		if _, constant := e.(*expr.Const); constant {
			continue // orders nothing
		}
		k.expr = e
		for i := range s.fields {
			if expr.Equal(s.fields[i].expr, e) {
				k.field = i
				break
			}
		}
		keys = append(keys, k)
	}
	return keys, x, nil
}

// project computes the select list, then DISTINCT, ORDER BY and LIMIT.
func (s *block) project(keys []orderKey) (*query, error) {
	p := &logical.Projection{Input: s.node}
	used := map[int]bool{}
	scopeCols := make([]scopeColumn, len(s.fields))
	for i := range s.fields {
		f := &s.fields[i]
		f.col = s.fieldColumn(f, used)
		p.Exprs = append(p.Exprs, f.expr)
		p.Cols = append(p.Cols, f.col)
		scopeCols[i] = scopeColumn{name: f.name, col: f.col}
	}
	visible := len(p.Cols)
	sort := &logical.Sort{}
	for _, k := range keys {
		if k.field < 0 {
			col := s.b.newColumn("", k.expr.Type())
			if c, ok := k.expr.(*expr.Column); ok && !used[c.Index] {
				col = logical.Column{ID: c.Index, Name: c.Name, Type: c.T}
				used[c.Index] = true
			}
			if s.n.Distinct {
				return nil, sqlerr.New(sqlerr.ErrFieldInOrderNotSelect, len(sort.Keys)+1, "ORDER BY clause",
					k.expr.String(), "DISTINCT")
			}
			p.Exprs = append(p.Exprs, k.expr)
			p.Cols = append(p.Cols, col)
			sort.Keys = append(sort.Keys, logical.SortKey{Expr: col.Ref(), Desc: k.desc})
			continue
		}
		sort.Keys = append(sort.Keys, logical.SortKey{Expr: s.fields[k.field].col.Ref(), Desc: k.desc})
	}
	var node logical.Node = p
	if s.n.Distinct {
		node = s.b.distinct(node)
	}
	if len(sort.Keys) > 0 {
		sort.Input = node
		node = sort
	}
	node, err := s.b.limit(node, s.n.Limit)
	if err != nil {
		return nil, err
	}
	if len(p.Cols) > visible {
		trim := &logical.Projection{Input: node}
		for _, c := range p.Cols[:visible] {
			trim.Exprs = append(trim.Exprs, c.Ref())
			trim.Cols = append(trim.Cols, c)
		}
		node = trim
	}
	return &query{node: node, scope: &scope{cols: scopeCols}}, nil
}

// fieldColumn is the column of a select item: a plain column keeps its ID and origin.
func (s *block) fieldColumn(f *field, used map[int]bool) logical.Column {
	c, ok := f.expr.(*expr.Column)
	if !ok {
		return s.b.newColumn(f.name, f.expr.Type())
	}
	col := logical.Column{ID: c.Index, Name: f.name, Type: c.T}
	for at := s.from; at != nil; at = at.outer {
		for i := range at.cols {
			if at.cols[i].col.ID == c.Index {
				col = at.cols[i].col
				col.Name, col.Type = f.name, c.T
			}
		}
	}
	if used[c.Index] {
		col.ID = s.b.newID()
	}
	used[c.Index] = true
	return col
}

// distinct groups by all columns.
func (b *binder) distinct(n logical.Node) logical.Node {
	a := &logical.Agg{Input: n, GroupCols: n.Columns(), Stream: b.stream, Hash: b.hash}
	for i := range a.GroupCols {
		a.GroupBy = append(a.GroupBy, a.GroupCols[i].Ref())
	}
	return a
}

// limit bounds a node; with a sort below it becomes a top-N.
func (b *binder) limit(n logical.Node, l *ast.Limit) (logical.Node, error) {
	if l == nil {
		return n, nil
	}
	count, err := b.limitValue(l.Count, 1<<63)
	if err != nil {
		return nil, err
	}
	offset, err := b.limitValue(l.Offset, 0)
	if err != nil {
		return nil, err
	}
	return &logical.Limit{Input: n, Offset: offset, Count: count}, nil
}

// limitValue is a number or a parameter. Error 1210.
func (b *binder) limitValue(n ast.ExprNode, missing uint64) (uint64, error) {
	if n == nil {
		return missing, nil
	}
	x := &exprBinder{b: b, scope: &scope{}, clause: "limit clause", noSubquery: true}
	e, err := x.bindFolded(n)
	if err != nil {
		return 0, err
	}
	c, ok := e.(*expr.Const)
	if ok && c.D.IsNull() && b.preparing() {
		return missing, nil
	}
	if ok {
		switch c.D.Kind {
		case types.PhysInt64:
			if c.D.I >= 0 {
				return uint64(c.D.I), nil
			}
		case types.PhysUint64:
			return c.D.U, nil
		}
	}
	return 0, sqlerr.New(sqlerr.ErrWrongArguments, "LIMIT")
}
