package plan

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
)

// apartOrder says if an aggregate wants distinct values in the order of something else.
func apartOrder(a *expr.Aggregate) bool {
	if !a.Distinct {
		return false
	}
	for i, k := range a.OrderBy {
		if i >= len(a.Args) || !expr.Equal(a.Args[i], k.Expr) && !isTextOf(a.Args[i], k.Expr) {
			return true
		}
	}
	return false
}

// splitOrdered makes distinct values in the order of something else a grouping by the values, which have its least
// value, and above it one in that order; MySQL takes the order of any of the rows with a value.
//
//	SELECT g, GROUP_CONCAT(DISTINCT a ORDER BY b) FROM t GROUP BY g
//	SELECT g, GROUP_CONCAT(a ORDER BY m) FROM (SELECT g, a, MIN(b) AS m FROM t GROUP BY g, a) GROUP BY g
//
// All aggregates of n have the same values and the same order, which splitSets sees to.
func (p *planner) splitOrdered(n *logical.Agg) (logical.Node, error) {
	low := &logical.Agg{
		Input: n.Input, GroupBy: n.GroupBy[:len(n.GroupBy):len(n.GroupBy)],
		GroupCols: n.GroupCols[:len(n.GroupCols):len(n.GroupCols)], Stream: n.Stream, Hash: n.Hash,
	}
	first := n.Aggs[0]
	values := make([]expr.Expr, len(first.Args))
	for i, v := range first.Args {
		c := logical.Column{ID: p.newID(), Name: v.String(), Type: v.Type()}
		low.GroupBy, low.GroupCols = append(low.GroupBy, v), append(low.GroupCols, c)
		values[i] = c.Ref()
	}
	keys := make([]expr.OrderKey, len(first.OrderBy))
	for i, k := range first.OrderBy {
		least, err := expr.NewAggregateType("min", []expr.Expr{k.Expr}, false, p.ctx.Env)
		if err != nil {
			return nil, err
		}
		c := logical.Column{ID: p.newID(), Name: k.Expr.String(), Type: least.T}
		low.Aggs, low.AggCols = append(low.Aggs, least), append(low.AggCols, c)
		keys[i] = expr.OrderKey{Expr: c.Ref(), Desc: k.Desc}
	}
	high := &logical.Agg{Input: low, GroupCols: n.GroupCols, AggCols: n.AggCols, Stream: n.Stream, Hash: n.Hash}
	for i := range n.GroupCols {
		high.GroupBy = append(high.GroupBy, n.GroupCols[i].Ref())
	}
	for _, a := range n.Aggs {
		c := *a
		c.Distinct, c.Args, c.OrderBy = false, values, keys
		high.Aggs = append(high.Aggs, &c)
	}
	return high, nil
}
