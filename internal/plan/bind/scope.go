package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// scopeColumn is a column that names can refer to.
type scopeColumn struct {
	db, table, name string
	col             logical.Column
	hidden          bool // not in *, and found only with its table's name: the second column of USING
	secret          bool // not found at all but by its name: the row id
	// value stands for the column if it is not a plain one: COALESCE of both sides of a full USING.
	value expr.Expr
}

func (c *scopeColumn) ref() expr.Expr {
	if c.value != nil {
		return c.value
	}
	return c.col.Ref()
}

// scope is what names refer to at a place of a query.
type scope struct {
	cols  []scopeColumn
	outer *scope // of the enclosing query
}

// matches tells if a name, whose database and table may be left out, means the column.
func (c *scopeColumn) matches(n *ast.ColumnName) bool {
	if !isName(c.name, n.Name.O) {
		return false
	}
	if n.Table.O == "" {
		return !c.hidden
	}
	return isName(c.table, n.Table.O) && (n.Schema.O == "" || n.Schema.O == c.db)
}

// find returns the column of a name; nil if there is none. Error 1052.
func (s *scope) find(n *ast.ColumnName, clause string) (*scopeColumn, error) {
	var found *scopeColumn
	for i := range s.cols {
		c := &s.cols[i]
		if !c.matches(n) {
			continue
		}
		if found != nil && found.col.ID != c.col.ID {
			return nil, sqlerr.New(sqlerr.ErrNonUniq, nameText(n), clause)
		}
		found = c
	}
	return found, nil
}

// resolve finds a name here or in the enclosing queries; what is hidden here is not found. Errors 1054, 1052.
func (s *scope) resolve(n *ast.ColumnName, clause string, hidden func(c *scopeColumn) bool) (expr.Expr, error) {
	for at := s; at != nil; at = at.outer {
		c, err := at.find(n, clause)
		if err != nil {
			return nil, err
		}
		if c == nil || at == s && hidden != nil && hidden(c) {
			continue
		}
		return c.ref(), nil
	}
	return nil, sqlerr.New(sqlerr.ErrBadField, nameText(n), clause)
}

// nameText is the name as it was written.
func nameText(n *ast.ColumnName) string {
	out := n.Name.O
	if n.Table.O != "" {
		out = n.Table.O + "." + out
	}
	if n.Schema.O != "" {
		out = n.Schema.O + "." + out
	}
	return out
}

// scopeOf makes the columns of a node known under a table's name.
func scopeOf(cols []logical.Column, db, table string) *scope {
	s := &scope{cols: make([]scopeColumn, len(cols))}
	for i, c := range cols {
		s.cols[i] = scopeColumn{db: db, table: table, name: c.Name, col: c}
	}
	return s
}

// tables lists database and name of the tables in scope, in order.
func (s *scope) tables() [][2]string {
	var out [][2]string
	for i := range s.cols {
		t := [2]string{s.cols[i].db, s.cols[i].table}
		if len(out) == 0 || out[len(out)-1] != t {
			out = append(out, t)
		}
	}
	return out
}
