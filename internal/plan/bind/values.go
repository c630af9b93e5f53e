package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// literalRows are rows that are bound already.
type literalRows struct {
	rows [][]expr.Expr
	next int
}

// newDual is the table of one row without columns.
func newDual() *literalRows { return &literalRows{rows: [][]expr.Expr{{}}} }

// Next implements logical.ValuesSource.
func (r *literalRows) Next(dst [][]expr.Expr, limit int) ([][]expr.Expr, error) {
	n := min(limit, len(r.rows)-r.next)
	dst = append(dst, r.rows[r.next:r.next+n]...)
	r.next += n
	return dst, nil
}

// Rewind implements logical.ValuesSource.
func (r *literalRows) Rewind() error {
	r.next = 0
	return nil
}

// RowCount implements logical.ValuesSource.
func (r *literalRows) RowCount() int { return len(r.rows) }

// textRows binds the rows of a long INSERT as they are asked for.
type textRows struct {
	rows  *parse.Rows
	bind  func(row []ast.ExprNode, number int) ([]expr.Expr, error)
	free  func() // what the rows bound so far have
	row   int
	nodes [][]ast.ExprNode // kept for its capacity
}

// Next implements logical.ValuesSource.
func (r *textRows) Next(dst [][]expr.Expr, limit int) ([][]expr.Expr, error) {
	r.free()
	var err error
	if r.nodes, err = r.rows.Next(r.nodes[:0], limit); err != nil {
		return nil, err
	}
	for _, n := range r.nodes {
		r.row++
		row, err := r.bind(n, r.row)
		if err != nil {
			return nil, err
		}
		dst = append(dst, row)
	}
	clear(r.nodes)
	return dst, nil
}

// Rewind implements logical.ValuesSource.
func (r *textRows) Rewind() error {
	r.rows.Rewind()
	r.row = 0
	return nil
}

// RowCount implements logical.ValuesSource.
func (r *textRows) RowCount() int { return r.rows.Count() }

var (
	_ logical.ValuesSource = (*literalRows)(nil)
	_ logical.ValuesSource = (*textRows)(nil)
)

// valuesStatement is VALUES ROW(1, 2), ROW(3, 4): columns column_0, column_1, ... Error 1136.
func (b *binder) valuesStatement(n *ast.SelectStmt, outer *scope) (*query, error) {
	x := &exprBinder{b: b, scope: &scope{outer: outer}, clause: "field list", noSubquery: true}
	rows := &literalRows{}
	var cols []logical.Column
	for i, r := range n.Lists {
		row, err := x.bindAll(r.Values)
		if err != nil {
			return nil, err
		}
		if i > 0 && len(row) != len(cols) {
			return nil, sqlerr.New(sqlerr.ErrWrongValueCountOnRow, i+1)
		}
		for k := range row {
			row[k] = b.fold(row[k])
			t := row[k].Type()
			if i == 0 {
				cols = append(cols, b.newColumn("column_"+positionText(k), t))
				continue
			}
			const column = collation.CoerceImplicit
			if t, err = unionType(cols[k].Type, t, column, column); err != nil {
				return nil, err
			}
			cols[k].Type = t
		}
		rows.rows = append(rows.rows, row)
	}
	castRows(rows.rows, cols)
	q := &query{node: &logical.Values{Cols: cols, Source: rows}, scope: scopeOf(cols, "", "")}
	if n.OrderBy != nil {
		if err := b.orderUnion(q, n.OrderBy); err != nil {
			return nil, err
		}
	}
	node, err := b.limit(q.node, n.Limit)
	q.node = node
	return q, err
}

func castRows(rows [][]expr.Expr, cols []logical.Column) {
	for _, row := range rows {
		for k := range row {
			if t := row[k].Type(); t.ID != types.Null && !t.WithNullable(true).Equal(cols[k].Type.WithNullable(true)) {
				row[k] = expr.NewCast(row[k], cols[k].Type)
			}
		}
	}
}
