package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/types"
)

// cte is a common table expression in scope. One that is referred to once is bound where it is; others are bound once
// and computed once.
type cte struct {
	name      string
	def       *ast.CommonTableExpression
	outer     *cte // those that its query sees
	recursive bool // it refers to itself
	often     bool // there is more than one reference

	bound *logical.CTE // nil: not met so far, or bound where it is
	// work: its recursive part is being bound, in which a reference means the rows of the round before.
	work bool
}

// enterWith makes the expressions of WITH, which belongs to statement n, known until the returned function is called.
func (b *binder) enterWith(w *ast.WithClause, n ast.Node) (leave func(), err error) {
	save := b.ctes
	for _, def := range w.CTEs {
		c := &cte{name: def.Name.O, def: def, outer: b.ctes}
		c.recursive = w.IsRecursive && countReferences(def.Query, c.name) > 0
		c.often = countReferences(n, c.name) > 1
		b.ctes = c
	}
	return func() { b.ctes = save }, nil
}

// countReferences counts the tables of that name in a statement. Some of them may be other tables; then the expression
// is computed apart without need.
func countReferences(n ast.Node, name string) int {
	f := referenceFinder{name: name}
	n.Accept(&f)
	return f.found
}

// referenceFinder counts unqualified references to a table.
type referenceFinder struct {
	name  string
	found int
}

// Enter implements ast.Visitor.
func (f *referenceFinder) Enter(n ast.Node) (ast.Node, bool) {
	if t, ok := n.(*ast.TableName); ok && t.Schema.O == "" && isName(t.Name.O, f.name) {
		f.found++
	}
	return n, false
}

// Leave implements ast.Visitor.
func (f *referenceFinder) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// cteReference binds a reference to a common table expression; nil if there is none of that name.
func (b *binder) cteReference(name, alias string) (*query, error) {
	for c := b.ctes; c != nil; c = c.outer {
		if !isName(c.name, name) {
			continue
		}
		switch {
		case c.work:
			return b.cteScan(c, alias), nil
		case c.bound == nil && (c.recursive || c.often):
			if err := b.bindCTE(c); err != nil {
				return nil, err
			}
		}
		if c.bound != nil {
			return b.cteScan(c, alias), nil
		}
		q, err := b.cteQuery(c, c.outer, c.def.Query)
		if err != nil {
			return nil, err
		}
		return b.derived(q, "", alias, ciNames(c.def.ColNameList))
	}
	return nil, nil
}

// cteQuery binds a query of a common table expression, which sees those in scope.
func (b *binder) cteQuery(c, scope *cte, n ast.Node) (*query, error) {
	save := b.ctes
	b.ctes = scope
	b.derivations++
	q, err := b.query(n, nil)
	b.derivations--
	b.ctes = save
	return q, err
}

// bindCTE binds an expression that is computed once.
func (b *binder) bindCTE(c *cte) error {
	if c.recursive {
		return b.bindRecursive(c)
	}
	q, err := b.cteQuery(c, c.outer, c.def.Query)
	if err != nil {
		return err
	}
	if q, err = b.derived(q, "", c.name, ciNames(c.def.ColNameList)); err != nil {
		return err
	}
	c.bound = &logical.CTE{Name: c.name, Seed: q.node, Cols: q.columns()}
	return nil
}

// cteScan reads a common table expression that is computed once. Each scan has columns of its own.
func (b *binder) cteScan(c *cte, alias string) *query {
	n := &logical.CTEScan{CTE: c.bound, Alias: alias, Work: c.work}
	for i, col := range c.bound.Cols {
		n.Cols = append(n.Cols, logical.Column{
			ID: b.newID(), Name: col.Name, Type: col.Type, Table: alias, OrgName: col.Name,
		})
		n.Ordinals = append(n.Ordinals, i)
	}
	return &query{node: n, scope: scopeOf(n.Cols, "", alias)}
}

// storable is the type that a column of a recursive expression has: that of its first part, which may be NULL.
func storable(t types.Type) types.Type {
	if t.ID == types.Null {
		return types.NewVarBinary(0)
	}
	return t.WithNullable(true)
}
