package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// target is what UPDATE and DELETE work on: all columns of a table, and the key.
type target struct {
	table *schema.Table
	scan  *logical.Scan
	scope *scope
	node  logical.Node
}

func (b *binder) changeTarget(refs *ast.TableRefsClause) (*target, error) {
	src := singleSource(refs)
	name := singleTable(refs)
	if name == nil {
		return nil, notSupported("a change of several tables at once")
	}
	t, err := b.targetTable(name)
	if err != nil {
		return nil, err
	}
	alias := src.AsName.O
	if alias == "" {
		alias = t.Name
	}
	scan := b.newScan(t, alias)
	scan.Lock = logical.LockUpdate
	scan.Key = b.newColumn("", types.NewVarBinary(types.MaxVarLength).WithNullable(false))
	scan.Key.Type.Collation = collation.Binary
	if err := b.indexHints(scan, name.IndexHints); err != nil {
		return nil, err
	}
	s := scopeOf(scan.Cols, t.DB, alias)
	for i := range s.cols {
		s.cols[i].secret = t.Columns[i].Hidden
		if b.ctx.Mode.Has(types.ModePadCharToFullLength) {
			s.cols[i].value = expr.PadChar(s.cols[i].col.Ref())
		}
	}
	return &target{table: t, scan: scan, scope: s, node: scan}, nil
}

// change binds what UPDATE and DELETE begin with, hints, WITH and the table, then the rest.
func (b *binder) change(
	n ast.StmtNode, hints []*ast.TableOptimizerHint, with *ast.WithClause, refs *ast.TableRefsClause,
	rest func(t *target) error,
) error {
	b.hints(hints)
	joins := b.joins
	if with != nil {
		leave, err := b.enterWith(with, n)
		if err != nil {
			return err
		}
		defer leave()
	}
	t, err := b.changeTarget(refs)
	if err != nil {
		return err
	}
	b.changed = t
	b.joinHints(joins, t.scope)
	if err := rest(t); err != nil {
		return err
	}
	b.changeInput(t)
	return nil
}

// restrict applies WHERE, ORDER BY and LIMIT.
func (b *binder) restrict(t *target, where ast.ExprNode, order *ast.OrderByClause, limit *ast.Limit) error {
	var err error
	if where != nil {
		if t.node, _, err = b.whereClause(where, t.scope, t.node); err != nil {
			return err
		}
	}
	if order != nil {
		sort := &logical.Sort{}
		x := &exprBinder{b: b, scope: t.scope, clause: "order clause", noSubquery: true}
		for _, item := range order.Items {
			if p, ok := item.Expr.(*ast.PositionExpr); ok && p.P == nil {
				return sqlerr.New(sqlerr.ErrBadField, positionText(p.N), "order clause")
			}
			e, err := x.bindFolded(item.Expr)
			if err != nil {
				return err
			}
			sort.Keys = append(sort.Keys, logical.SortKey{Expr: e, Desc: item.Desc})
		}
		sort.Input = t.node
		t.node = sort
	}
	t.node, err = b.limit(t.node, limit)
	return err
}

// update binds UPDATE of one table.
func (b *binder) update(n *ast.UpdateStmt) error {
	return b.change(n, n.TableHints, n.With, n.TableRefs, func(t *target) error {
		if err := b.restrict(t, n.Where, n.Order, n.Limit); err != nil {
			return err
		}
		u := &UpdateSpec{Table: t.table, Ignore: n.IgnoreErr}
		x := &exprBinder{b: b, scope: t.scope, clause: "field list"}
		for _, a := range n.List {
			if c := a.Column; c.Table.O != "" && !isName(c.Table.O, t.scan.Alias) {
				return sqlerr.New(sqlerr.ErrBadField, nameText(c), "field list")
			}
			as, err := b.assignment(a, t.table, x)
			if err != nil {
				return err
			}
			u.Assign = append(u.Assign, as)
		}
		// Columns ON UPDATE CURRENT_TIMESTAMP that are not set are exec's business: they change only if the row does.
		t.node = x.attach(t.node)
		b.result.Update = u
		return nil
	})
}

// delete binds DELETE of one table.
func (b *binder) delete(n *ast.DeleteStmt) error {
	if n.IsMultiTable && (n.Tables == nil || len(n.Tables.Tables) != 1) {
		return notSupported("a change of several tables at once")
	}
	return b.change(n, n.TableHints, n.With, n.TableRefs, func(t *target) error {
		if n.IsMultiTable {
			if name := n.Tables.Tables[0].Name.O; !isName(name, t.scan.Alias) {
				return sqlerr.New(sqlerr.ErrUnknownTable, name, "MULTI DELETE")
			}
		}
		if err := b.restrict(t, n.Where, n.Order, n.Limit); err != nil {
			return err
		}
		b.result.Delete = t.table
		return nil
	})
}

// changeInput is the input of UPDATE and DELETE: the table's columns and the key, nothing else.
func (b *binder) changeInput(t *target) {
	cols := t.scan.Columns()
	if have := t.node.Columns(); len(have) != len(cols) {
		p := &logical.Projection{Input: t.node}
		for i := range cols {
			p.Exprs = append(p.Exprs, expr.Expr(cols[i].Ref()))
			p.Cols = append(p.Cols, cols[i])
		}
		// What subqueries in SET compute stays visible behind them.
		for _, c := range have {
			if !hasColumn(p, c.ID) {
				p.Exprs = append(p.Exprs, c.Ref())
				p.Cols = append(p.Cols, c)
			}
		}
		t.node = p
	}
	b.result.Input, b.result.Output = t.node, t.node.Columns()
}
