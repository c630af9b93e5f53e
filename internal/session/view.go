package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/plan"
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
	if name.DB != s.db {
		// The text names tables without their database.
		return sqlerr.New(sqlerr.ErrNotSupportedYet, "CREATE VIEW in another database than the current one")
	}
	budget := s.newLedger()
	defer budget.release()
	text := n.Select.Text()
	p, err := plan.Build(s.bindContext(env, a, budget), &parse.Statement{Node: n.Select, Text: text, Tokens: st.Tokens})
	if err != nil {
		return err
	}
	if err := s.authorize(p); err != nil {
		return err
	}
	if len(n.Cols) > 0 && len(n.Cols) != len(p.Columns) {
		return sqlerr.New(sqlerr.ErrViewWrongList)
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
