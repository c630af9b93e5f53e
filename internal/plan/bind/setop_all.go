package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/types"
)

// countRows is EXCEPT ALL and INTERSECT ALL: equal rows of both sides are counted side by side, and given as often as
// the counts say.
//
//	SELECT a FROM (SELECT a, COUNT(l) - COUNT(r) AS n FROM
//	  (SELECT a, 1 AS l, NULL AS r FROM left UNION ALL SELECT a, NULL, 1 FROM right) GROUP BY a) repeated n times
func (b *binder) countRows(l, r *query, cols []logical.Column, op ast.SetOprType) (*query, error) {
	one := types.NewBigInt()
	marks := []logical.Column{b.newColumn("left", one), b.newColumn("right", one)}
	u := &logical.Union{Cols: append(cols[:len(cols):len(cols)], marks...)}
	for side, q := range []*query{l, r} {
		in := convertTo(b, q, cols)
		p := &logical.Projection{Input: in, Exprs: refsTo(in.Columns()), Cols: in.Columns()}
		p.Cols = p.Cols[:len(p.Cols):len(p.Cols)]
		for i := range marks {
			var e expr.Expr = expr.NewConst(types.NullDatum(one))
			if i == side {
				e = expr.NewInt(1)
			}
			p.Exprs, p.Cols = append(p.Exprs, e), append(p.Cols, b.newColumn(marks[i].Name, one))
		}
		u.Parts = append(u.Parts, p)
	}
	agg := &logical.Agg{Input: u, GroupBy: refsTo(cols), GroupCols: cols}
	var counts []expr.Expr
	for _, m := range marks {
		a, err := expr.NewAggregateType("count", []expr.Expr{m.Ref()}, false, b.ctx.Env)
		if err != nil {
			return nil, err
		}
		c := b.newColumn(m.Name, a.T)
		agg.Aggs, agg.AggCols = append(agg.Aggs, a), append(agg.AggCols, c)
		counts = append(counts, c.Ref())
	}
	name := "-"
	if op == ast.IntersectAll {
		name = "least"
	}
	times, err := b.call(name, counts...)
	if err != nil {
		return nil, err
	}
	times = expr.NewCast(times, one)
	n := b.newColumn("times", times.Type())
	p := &logical.Projection{
		Input: agg, Exprs: append(refsTo(cols), times), Cols: append(cols[:len(cols):len(cols)], n),
	}
	out := &query{scope: &scope{}}
	out.node = &logical.Projection{
		Input: &logical.Repeat{Input: p, Count: n.ID}, Exprs: refsTo(cols), Cols: cols,
	}
	for _, c := range cols {
		out.scope.cols = append(out.scope.cols, scopeColumn{name: c.Name, col: c})
	}
	return out, nil
}
