package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
)

// cte is a common table expression in scope; each reference binds its query again.
type cte struct {
	name  string
	def   *ast.CommonTableExpression
	outer *cte // those that its query sees
}

// enterWith makes the expressions of WITH known until the returned function is called.
func (b *binder) enterWith(w *ast.WithClause) (leave func(), err error) {
	save := b.ctes
	for _, def := range w.CTEs {
		if w.IsRecursive && def.IsRecursive {
			b.ctes = save
			return nil, notSupported("WITH RECURSIVE")
		}
		b.ctes = &cte{name: def.Name.O, def: def, outer: b.ctes}
	}
	return func() { b.ctes = save }, nil
}

// cteReference binds a reference to a common table expression; nil if there is none of that name.
func (b *binder) cteReference(name, alias string) (*query, error) {
	for c := b.ctes; c != nil; c = c.outer {
		if !isName(c.name, name) {
			continue
		}
		save := b.ctes
		b.ctes = c.outer
		q, err := b.query(c.def.Query, nil)
		b.ctes = save
		if err != nil {
			return nil, err
		}
		return b.derived(q, "", alias, ciNames(c.def.ColNameList))
	}
	return nil, nil
}
