package bind

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// maxQueryDepth bounds subqueries, derived tables, views and common table expressions within each other.
const maxQueryDepth = 64

// Result is a bound statement. Exactly one of Insert, Update, Delete is set for a change, none for a query.
type Result struct {
	Input  logical.Node // nil for an Insert of Load
	Output []logical.Column
	Hints  physical.Hints
	// JoinHints are those of all query blocks.
	JoinHints []*logical.JoinHint
	// Slots is the number of parameters of all subqueries that run for each row.
	Slots  int
	Tables []*schema.Table
	Params int

	Insert *physical.Insert // without Input and ID
	Load   *physical.Load   // input of Insert, under LoadSet
	// LoadExprs are the values of Insert.Ordinals over the columns of Load; nil: the columns themselves.
	LoadExprs []expr.Expr
	Update    *UpdateSpec
	Delete    *schema.Table
}

// UpdateSpec is an UPDATE; the expressions refer to columns of Result.Input by ID.
type UpdateSpec struct {
	Table  *schema.Table
	Assign []physical.Assignment
	Ignore bool
}

// Bind binds a statement. The statement must be one that Build of package plan takes.
func Bind(ctx *Context, s *parse.Statement) (*Result, error) {
	b := &binder{ctx: ctx, st: s, result: &Result{Params: s.Params}}
	if s.Node == nil {
		return nil, notSupported("this statement")
	}
	for _, w := range s.Warnings {
		text := w.Error()
		if i := strings.Index(text, "]"); strings.HasPrefix(text, "[") && i > 0 {
			text = text[i+1:] // the library's own code
		}
		b.warn(sqlerr.Newf(sqlerr.ErrParse, "%s", text).Warning())
	}
	if err := b.statement(s.Node); err != nil {
		return nil, err
	}
	b.result.Slots = b.lastSlot
	return b.result, nil
}

// binder is the state of binding one statement.
type binder struct {
	ctx    *Context
	st     *parse.Statement
	result *Result
	lastID int
	// lastSlot counts the parameters of subqueries that run for each row.
	lastSlot int
	// lateral has the tables on the left of the one that is bound in FROM; nil: none.
	lateral *scope
	depth   int // of queries
	// changed is what UPDATE or DELETE works on, once it is bound: subqueries must not read it, except within derived
	// tables, whose number is derivations.
	changed     *target
	derivations int
	ctes        *cte
	// stream, hash and joins are hints of the query block in work.
	stream, hash bool
	joins        []*ast.TableOptimizerHint
	longs        map[*parse.Long][]byte // values read so far
	inRows       bool                   // rows of a long INSERT are bound
}

func (b *binder) statement(n ast.StmtNode) error {
	switch n := n.(type) {
	case *ast.ExplainStmt:
		return b.statement(n.Stmt)
	case *ast.SelectStmt, *ast.SetOprStmt:
		return b.queryStatement(n)
	case *ast.InsertStmt:
		return b.insert(n)
	case *ast.UpdateStmt:
		return b.update(n)
	case *ast.DeleteStmt:
		return b.delete(n)
	case *ast.LoadDataStmt:
		return b.load(n)
	}
	return notSupported("this statement")
}

func (b *binder) queryStatement(n ast.StmtNode) error {
	q, err := b.query(n, nil)
	if err != nil {
		return err
	}
	if len(b.st.IntoVars) > 0 && len(b.st.IntoVars) != len(q.scope.cols) {
		return sqlerr.New(sqlerr.ErrWrongNumberOfColumnsInSelect)
	}
	// sql_select_limit bounds what the outermost query gives, unless it has a LIMIT of its own.
	if limit := b.ctx.SelectLimit; limit > 0 && !hasLimit(n) {
		q.node = &logical.Limit{Input: q.node, Count: limit}
	}
	b.result.Input = q.node
	b.result.Output = q.columns()
	return nil
}

func hasLimit(n ast.StmtNode) bool {
	switch n := n.(type) {
	case *ast.SelectStmt:
		return n.Limit != nil
	case *ast.SetOprStmt:
		return n.Limit != nil
	}
	return false
}

// query is a bound query: its plan, and its columns in order as a scope.
type query struct {
	node  logical.Node
	scope *scope
}

func (q *query) columns() []logical.Column {
	out := make([]logical.Column, len(q.scope.cols))
	for i := range q.scope.cols {
		out[i] = q.scope.cols[i].col
	}
	return out
}

func (b *binder) newID() int {
	b.lastID++
	return b.lastID
}

// newColumn is a computed column.
func (b *binder) newColumn(name string, t types.Type) logical.Column {
	return logical.Column{ID: b.newID(), Name: name, Type: t}
}

func (b *binder) call(name string, args ...expr.Expr) (expr.Expr, error) {
	return expr.NewCall(name, args, b.ctx.Env)
}

func (b *binder) fold(e expr.Expr) expr.Expr { return expr.Fold(e, b.ctx.Env) }

func (b *binder) warn(w sqlerr.Warning) {
	if b.ctx.Warn != nil {
		b.ctx.Warn(w)
	}
}

// enterQuery counts nested queries.
func (b *binder) enterQuery() error {
	if b.depth++; b.depth > maxQueryDepth {
		return sqlerr.New(sqlerr.ErrTooHighLevelOfNestingForSelect)
	}
	return nil
}

func notSupported(what string) error { return sqlerr.New(sqlerr.ErrNotSupportedYet, what) }

// table finds a table by name and notes it in the plan. Errors 1046, 1049, 1146.
func (b *binder) table(db, name string) (*schema.Table, error) {
	if db == "" {
		if db = b.ctx.Database; db == "" {
			return nil, sqlerr.New(sqlerr.ErrNoDB)
		}
	}
	t, err := b.ctx.Catalog.Table(db, name)
	if err != nil {
		return nil, err
	}
	for _, o := range b.result.Tables {
		if o == t {
			return t, nil
		}
	}
	b.result.Tables = append(b.result.Tables, t)
	return t, nil
}

// newScan is a scan of all columns.
func (b *binder) newScan(t *schema.Table, alias string) *logical.Scan {
	n := &logical.Scan{Table: t, Alias: alias}
	for i := range t.Columns {
		n.Cols = append(n.Cols, b.tableColumn(t, i, alias))
		n.Ordinals = append(n.Ordinals, i)
	}
	return n
}

func (b *binder) tableColumn(t *schema.Table, i int, alias string) logical.Column {
	c := &t.Columns[i]
	return logical.Column{
		ID: b.newID(), Name: c.Name, Type: c.Type, DB: t.DB, Table: alias, OrgTable: t.Name, OrgName: c.Name,
		Flags: keyFlags(t, i),
	}
}

// keyFlags are the protocol's flags of a column that come from the table's keys and defaults.
func keyFlags(t *schema.Table, ordinal int) uint16 {
	var f uint16
	if t.HasPrimaryKey() && t.Primary.Part(ordinal) >= 0 {
		f |= types.FlagPriKey | types.FlagPartKey
	}
	for _, x := range t.Indexes {
		if x.Part(ordinal) >= 0 {
			f |= types.FlagPartKey
		}
		switch {
		case x.Part(ordinal) != 0:
		case x.Unique && len(x.Columns) == 1:
			f |= types.FlagUniqueKey
		default:
			f |= types.FlagMultipleKey
		}
	}
	c := &t.Columns[ordinal]
	switch {
	case c.DefaultKind == schema.DefaultAutoIncr:
		f |= types.FlagAutoIncrement
	case c.DefaultKind == schema.DefaultNone && !c.Type.Nullable:
		f |= types.FlagNoDefault
	}
	if c.OnUpdateNow {
		f |= types.FlagOnUpdateNow
	}
	if c.Type.ID == types.Timestamp && (c.OnUpdateNow || c.DefaultKind == schema.DefaultNow) {
		f |= types.FlagTimestamp
	}
	return f
}

func isName(a, b string) bool { return strings.EqualFold(a, b) }
