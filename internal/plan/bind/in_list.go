package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// inList is IN with a long list of literals, which the tree does not have.
func (x *exprBinder) inList(n *ast.PatternInExpr, list *parse.List) (expr.Expr, error) {
	nodes := []ast.ExprNode{n.Expr}
	row, isRow := n.Expr.(*ast.RowExpr)
	if isRow {
		nodes = row.Values
	}
	if isRow != (list.Width() > 0) || isRow && len(nodes) != list.Width() {
		return nil, sqlerr.New(sqlerr.ErrOperandColumns, len(nodes))
	}
	values, err := x.bindAll(nodes)
	if err != nil {
		return nil, err
	}
	src := &listLiterals{b: x.b, list: list, row: make([]parse.Value, len(nodes))}
	out, err := expr.NewInList(values, src, list, listRoom{x.b.ctx}, x.b.ctx.Env)
	if err != nil || !n.Not {
		return out, err
	}
	return x.b.call("not", out)
}

// listLiterals types the elements of a list.
type listLiterals struct {
	b    *binder
	list *parse.List
	row  []parse.Value
}

// Rewind implements expr.Literals.
func (l *listLiterals) Rewind() { l.list.Rewind() }

// Next implements expr.Literals.
func (l *listLiterals) Next(dst []expr.Const) (bool, error) {
	ok, err := l.list.Next(l.row)
	if err != nil || !ok {
		return false, err
	}
	for i := range l.row {
		v := &l.row[i]
		if v.Kind() == parse.KindInt {
			dst[i] = expr.Const{D: types.IntDatum(v.Int())}
			continue
		}
		e, err := l.b.literal(v)
		if err != nil {
			return false, err
		}
		c, ok := e.(*expr.Const)
		if !ok {
			return false, sqlerr.AssertionError("bind: a literal is %s", e)
		}
		dst[i] = *c
	}
	return true, nil
}

// listRoom is where lists lie.
type listRoom struct{ ctx *Context }

// Reserve implements expr.ListRoom.
func (r listRoom) Reserve(n int64) error {
	if r.ctx.Reserve == nil {
		return nil
	}
	return r.ctx.Reserve(n)
}

// Page implements expr.ListRoom.
func (r listRoom) Page(n int) ([]byte, error) {
	if r.ctx.Page != nil {
		return r.ctx.Page(n)
	}
	if err := r.Reserve(int64(n)); err != nil {
		return nil, err
	}
	return expr.HeapRoom(n), nil
}

var _ expr.Literals = (*listLiterals)(nil)
var _ expr.ListRoom = listRoom{}
