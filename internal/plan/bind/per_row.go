package bind

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/types"
)

// subqueryJoin is a subquery to be joined with a clause's input, which becomes Left.
type subqueryJoin struct {
	*logical.Join
	perRow *perRow // nil: the join is all
}

// perRow is an aggregate whose correlation is no equality, so that it cannot be grouped before the join. It is grouped
// behind it, by the rows of the outer query, which get numbers:
//
//	SELECT o.a, (SELECT COUNT(*) FROM t WHERE t.b < o.b) FROM o
//
//	SELECT o.a, COUNT(m) FROM (SELECT a, b, UUID_SHORT() AS id FROM o) o
//	LEFT JOIN (SELECT b, 1 AS m FROM t) t ON t.b < o.b GROUP BY o.id, o.a, o.b
//
// A row without a match is a group of one row, in which m is NULL: aggregates ignore that, as they get NULL there.
type perRow struct {
	id      logical.Column // the rows' number
	number  expr.Expr      // that makes it
	aggs    []*expr.Aggregate
	aggCols []logical.Column
	above   []*logical.Projection // over the aggregates, from the lowest on
}

// exprs calls f on pointers to the expressions that read columns of the outer query.
func (p *perRow) exprs(f func(e *expr.Expr) error) error {
	for _, a := range p.aggs {
		for i := range a.Args {
			if err := f(&a.Args[i]); err != nil {
				return err
			}
		}
		for i := range a.OrderBy {
			if err := f(&a.OrderBy[i].Expr); err != nil {
				return err
			}
		}
	}
	for _, n := range p.above {
		for i := range n.Exprs {
			if err := f(&n.Exprs[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// attach puts numbers below the join, and the grouping above it.
func (j *subqueryJoin) attach(n logical.Node) logical.Node {
	j.Left = n
	p := j.perRow
	if p == nil {
		return j.Join
	}
	have := n.Columns()
	numbered := &logical.Projection{Input: n, Cols: append(have[:len(have):len(have)], p.id)}
	numbered.Exprs = append(refsTo(have), p.number)
	j.Left = numbered
	agg := &logical.Agg{
		Input: j.Join, GroupBy: refsTo(numbered.Cols), GroupCols: numbered.Cols, Aggs: p.aggs, AggCols: p.aggCols,
		RowID: p.id.ID,
	}
	var out logical.Node = agg
	for _, above := range p.above {
		out = &logical.Projection{
			Input: out, Exprs: append(refsTo(have), above.Exprs...),
			Cols: append(have[:len(have):len(have)], above.Cols...),
		}
	}
	return out
}

func refsTo(cols []logical.Column) []expr.Expr {
	out := make([]expr.Expr, len(cols))
	for i := range cols {
		out[i] = cols[i].Ref()
	}
	return out
}

// perRow makes s an aggregate that is grouped behind the join; false if it has another shape.
func (d *decorrelation) perRow(s *subquery) (bool, error) {
	out := &perRow{}
	n := s.node
	for {
		p, ok := n.(*logical.Projection)
		if !ok {
			break
		}
		copied := &logical.Projection{Exprs: p.Exprs[:len(p.Exprs):len(p.Exprs)], Cols: p.Cols}
		out.above = append([]*logical.Projection{copied}, out.above...)
		n = p.Input
	}
	agg, ok := n.(*logical.Agg)
	if !ok || len(agg.GroupBy) > 0 {
		return false, nil
	}
	in, conds, ok := d.pull(agg.Input)
	if !ok {
		return false, nil
	}
	marker := d.b.newColumn("", types.NewInt())
	have := in.Columns()
	right := &logical.Projection{Input: in, Cols: append(have[:len(have):len(have)], marker)}
	right.Exprs = append(refsTo(have), expr.NewInt(1))
	marker.Type.Nullable = true
	inner := map[int]bool{}
	for _, c := range have {
		inner[c.ID] = true
	}
	for i, a := range agg.Aggs {
		if a.Name == "json_arrayagg" || a.Name == "json_objectagg" {
			return false, nil // these do not ignore NULL
		}
		if a.Distinct && len(a.OrderBy) > 0 {
			return false, nil // an order of what the arguments are made of
		}
		c, err := d.ofMatches(a, marker, inner)
		if err != nil {
			return false, err
		}
		out.aggs, out.aggCols = append(out.aggs, c), append(out.aggCols, agg.AggCols[i])
	}
	var err error
	if out.number, err = d.b.call("uuid_short"); err != nil {
		return false, err
	}
	out.id = d.b.newColumn("", out.number.Type())
	s.node, s.conds, s.perRow = right, conds, out
	return true, nil
}

// ofMatches makes the arguments of an aggregate NULL where the marker is.
func (d *decorrelation) ofMatches(
	a *expr.Aggregate, marker logical.Column, inner map[int]bool,
) (*expr.Aggregate, error) {
	nullable := func(e expr.Expr) expr.Expr {
		return expr.Transform(e, func(e expr.Expr) expr.Expr {
			c, ok := e.(*expr.Column)
			if !ok || !inner[c.Index] {
				return e
			}
			out := *c
			out.T.Nullable = true
			return &out
		})
	}
	var args []expr.Expr
	for _, e := range a.Args {
		e = nullable(e)
		if c, ok := e.(*expr.Column); !ok || !inner[c.Index] {
			var err error
			if e, err = d.b.call("if", marker.Ref(), e, expr.NewConst(types.NullDatum(e.Type()))); err != nil {
				return nil, err
			}
		}
		args = append(args, e)
	}
	if a.Name == "count" && len(args) == 0 {
		args = []expr.Expr{marker.Ref()}
	}
	out, err := expr.NewAggregateType(a.Name, args, a.Distinct, d.b.ctx.Env)
	if err != nil {
		return nil, err
	}
	out.Separator = a.Separator
	for _, k := range a.OrderBy {
		out.OrderBy = append(out.OrderBy, expr.OrderKey{Expr: nullable(k.Expr), Desc: k.Desc})
	}
	return out, nil
}
