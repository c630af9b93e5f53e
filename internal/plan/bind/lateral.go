package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
)

// besides binds the right side of a join; LATERAL in it sees the left side.
func (b *binder) besides(n ast.ResultSetNode, left, outer *scope) (*query, error) {
	save := b.lateral
	defer func() { b.lateral = save }()
	b.lateral = &scope{cols: left.cols, outer: save}
	if save == nil {
		b.lateral.outer = outer
	}
	return b.tableRef(n, outer)
}

// applyLateral makes a join whose right side depends on columns of the left one an apply.
func (b *binder) applyLateral(j *logical.Join, left *scope, right *query) (bool, error) {
	own := map[int]bool{}
	free := freeColumns(right.node)
	for i := range left.cols {
		if id := left.cols[i].col.ID; free[id] {
			own[id] = true
		}
	}
	if len(own) == 0 {
		return false, nil
	}
	a := b.newApplication(own)
	j.Right = a.node(right.node)
	if a.bad {
		return false, notSupported("this LATERAL derived table")
	}
	for i := range right.scope.cols {
		c := &right.scope.cols[i]
		if id := a.fresh[c.col.ID]; id != 0 {
			c.col.ID = id
		}
	}
	j.Params, j.Straight, j.Volatile = a.params, true, volatile(j.Right)
	return true, nil
}

// lateralName is the name of the derived table at fault, for error 3668.
func lateralName(n ast.ResultSetNode) string {
	if t, ok := n.(*ast.TableSource); ok {
		return t.AsName.O
	}
	return ""
}

// joinOn gives a join its conditions. Where these have subqueries, or the right side depends on the left row, those of
// an outer join are checked within the right side.
func (b *binder) joinOn(j *logical.Join, x *exprBinder, conds []expr.Expr) (logical.Node, error) {
	switch {
	case j.Type == logical.InnerJoin && len(x.joins) == 0 && len(j.Params) == 0,
		j.Type == logical.LeftJoin && len(x.joins) == 0 && len(j.Params) == 0:
		j.Conds = conds
		return j, nil
	case j.Type == logical.InnerJoin && len(conds) == 0:
		return x.attach(j), nil
	case j.Type == logical.InnerJoin:
		return &logical.Selection{Input: x.attach(j), Conds: conds}, nil
	}
	a := b.newApplication(map[int]bool{})
	for _, c := range j.Left.Columns() {
		a.outer[c.ID] = true
	}
	keep := j.Right.Columns()
	var right logical.Node = &logical.Selection{Input: x.attach(j.Right), Conds: conds}
	right = &logical.Projection{Input: right, Exprs: refsTo(keep), Cols: keep}
	j.Right = a.node(right)
	if a.bad {
		return nil, notSupported("a subquery here")
	}
	j.Params, j.Straight, j.Volatile = append(j.Params, a.params...), true, volatile(j.Right)
	if len(j.Params) == 0 { // it depends on nothing of the left side
		j.Straight = false
	}
	return j, nil
}
