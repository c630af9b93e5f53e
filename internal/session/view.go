package session

import (
	"context"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/format"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/plan"
	"github.com/spillwaydb/spillway/internal/plan/bind"
	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// createView is CREATE VIEW. The query is planned for its columns' names and types, and for the privileges it needs;
// what is stored is its text, which is bound again wherever the view is used.
func (s *Session) createView(
	ctx context.Context, st *parse.Statement, n *ast.CreateViewStmt, d catalog.DDL, env *expr.Env, a answer,
) error {
	name, err := s.tableName(n.ViewName)
	if err == nil {
		err = s.need(privilege.CreateView, name.DB, name.Table)
	}
	if err == nil && n.OrReplace {
		err = s.need(privilege.Drop, name.DB, name.Table)
	}
	if err != nil {
		return err
	}
	budget := s.newLedger()
	defer budget.release()
	p, err := plan.Build(s.bindContext(env, a, budget), &parse.Statement{
		Node: n.Select, Text: n.Select.Text(), Tokens: st.Tokens,
	})
	if err != nil {
		return err
	}
	if err := s.authorize(p); err != nil {
		return err
	}
	if len(n.Cols) > 0 && len(n.Cols) != len(p.Columns) {
		return sqlerr.New(sqlerr.ErrViewWrongList)
	}
	text, err := s.viewText(st, name.DB, budget)
	if err != nil {
		return err
	}
	spec := catalog.ViewSpec{DB: name.DB, Name: name.Table, OrReplace: n.OrReplace, Text: text}
	for i := range p.Columns {
		c := schema.Column{Name: p.Columns[i].Name, Type: p.Columns[i].Type}
		if len(n.Cols) > 0 {
			c.Name = n.Cols[i].O
		}
		spec.Columns = append(spec.Columns, c)
	}
	return s.done(a, s.manager.Catalog.CreateView(ctx, d, spec))
}

// viewText is the query of CREATE VIEW as it is stored: without comments, independent of the modes and of the current
// database that it was written under. Tables of the view's database stay without a database where they had none, so a
// dump can be restored into another one.
func (s *Session) viewText(st *parse.Statement, db string, budget parse.Budget) (string, error) {
	list, err := parse.Parse([]byte(st.Text), s.parseOptions(budget)) // a tree of its own: names are set in it
	if err != nil {
		return "", err
	}
	n, ok := list[0].Node.(*ast.CreateViewStmt)
	if !ok {
		return "", sqlerr.AssertionError("session: a view's statement is %T", list[0].Node)
	}
	var v viewVisitor
	if n.Select.Accept(&v); v.variable {
		return "", sqlerr.New(sqlerr.ErrViewSelectVariable)
	}
	var b strings.Builder
	ctx := format.NewRestoreCtx(storedFlags, &b)
	if db != s.db {
		ctx.DefaultDB = s.db
	}
	if err := n.Select.Restore(ctx); err != nil {
		return "", err
	}
	return b.String(), nil
}

// viewVisitor gives the expressions of select lists the names that they have by their text, which is not kept.
type viewVisitor struct{ variable bool }

// Enter implements ast.Visitor.
func (v *viewVisitor) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.VariableExpr, *parse.Param:
		v.variable = true
	case *ast.SelectField:
		if n.WildCard != nil {
			break
		}
		if _, column := n.Expr.(*ast.ColumnNameExpr); !column {
			name, _ := bind.FieldName(n)
			n.AsName = ast.NewCIStr(name)
		}
	}
	return n, false
}

// Leave implements ast.Visitor.
func (*viewVisitor) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// createViewText is what SHOW CREATE VIEW shows.
func createViewText(t *schema.Table) string {
	text := "CREATE VIEW " + quoteName(t.Name) + " ("
	first := true
	for i := range t.Columns {
		if t.Columns[i].Hidden {
			continue
		}
		if !first {
			text += ", "
		}
		text += quoteName(t.Columns[i].Name)
		first = false
	}
	return text + ") AS " + t.ViewText
}
