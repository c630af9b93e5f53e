package plan

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/types"
)

// levelsOf are the levels of WITH ROLLUP that a grouping is by, if its aggregates combine. nil: rows are grouped once
// for each level, as DISTINCT and aggregates of variable size need.
func levelsOf(n *logical.Agg) *logical.Expand {
	for _, a := range n.Aggs {
		if _, fixed := expr.NewAccumulator(a); !fixed || a.Distinct {
			return nil
		}
	}
	e, ok := n.Input.(*logical.Expand)
	if !ok || len(n.GroupBy) != len(e.Cols) {
		return nil
	}
	for i, c := range e.Cols {
		g, ok := n.GroupBy[i].(*expr.Column)
		if !ok || g.Index != c.ID || n.GroupCols[i].ID != c.ID {
			return nil
		}
	}
	below := positions(e.Input.Columns())
	for _, a := range n.Aggs {
		for _, id := range columnsUsed(a.Args) {
			if _, ok := below[id]; !ok {
				return nil
			}
		}
	}
	return e
}

func columnsUsed(exprs []expr.Expr) (out []int) {
	for _, e := range exprs {
		out = append(out, expr.ColumnsUsed(e)...)
	}
	return out
}

// rollup plans a grouping of all levels: rows are grouped by all keys, and the groups, in order, combined to those of
// the other levels in one pass. With STREAM_AGG the rows themselves are sorted.
func (p *planner) rollup(n *logical.Agg, e *logical.Expand) (physical.Node, error) {
	have := e.Input.Columns()
	groupBy, err := remapAll(e.Keys, have)
	if err != nil {
		return nil, err
	}
	out := &physical.Rollup{GroupBy: groupBy, States: !n.Stream}
	for _, a := range n.Aggs {
		c := *a
		if c.Args, err = remapAll(a.Args, have); err != nil {
			return nil, err
		}
		out.Aggs = append(out.Aggs, &c)
	}
	if n.Stream {
		sort := &logical.Sort{Input: e.Input}
		for _, k := range e.Keys {
			sort.Keys = append(sort.Keys, logical.SortKey{Expr: k})
		}
		out.Input, err = p.node(sort)
	} else {
		out.Input, err = p.detailed(n, e, out)
	}
	if err != nil {
		return nil, err
	}
	out.Columns, out.EstRows = physicalColumns(n.Columns()), p.rules.Rows(n)
	return out, nil
}

// detailed plans the groups of the most detailed level, in the order of their keys.
func (p *planner) detailed(n *logical.Agg, e *logical.Expand, high *physical.Rollup) (physical.Node, error) {
	in, err := p.node(e.Input)
	if err != nil {
		return nil, err
	}
	low := &physical.Agg{Input: in, GroupBy: high.GroupBy, Aggs: high.Aggs, States: true}
	sort := &physical.Sort{Input: low}
	high.GroupBy = nil
	for i, k := range low.GroupBy {
		low.Columns = append(low.Columns, physical.Column{Name: e.Cols[i].Name, Type: k.Type()})
		c := &expr.Column{Index: i, T: k.Type(), Name: e.Cols[i].Name}
		sort.Keys = append(sort.Keys, physical.SortKey{Expr: c})
		high.GroupBy = append(high.GroupBy, c)
	}
	for _, a := range n.Aggs {
		acc, _ := expr.NewAccumulator(a)
		for range acc.StateBytes() / 8 {
			low.Columns = append(low.Columns, physical.Column{Type: types.NewBigInt()})
		}
	}
	low.EstRows = p.rules.Rows(&logical.Agg{Input: e.Input, GroupBy: e.Keys})
	sort.Columns, sort.EstRows = low.Columns, low.EstRows
	return sort, nil
}

// rollupOrder is the order in which a grouping of all levels gives them: totals behind what they sum up.
func (p *planner) rollupOrder(n *logical.Agg) []logical.SortKey {
	e := levelsOf(n)
	if e == nil {
		return nil
	}
	keys := len(e.Keys)
	var out []logical.SortKey
	for i := range keys {
		total, err := expr.NewCall(">=", []expr.Expr{e.Cols[keys].Ref(), expr.NewInt(int64(keys - i))}, p.ctx.Env)
		if err != nil {
			return out
		}
		out = append(out, logical.SortKey{Expr: total}, logical.SortKey{Expr: e.Cols[i].Ref()})
	}
	return out
}

// expand plans the levels of WITH ROLLUP.
func (p *planner) expand(n *logical.Expand) (physical.Node, error) {
	in, err := p.node(n.Input)
	if err != nil {
		return nil, err
	}
	keys, err := remapAll(n.Keys, n.Input.Columns())
	return &physical.Expand{Input: in, Keys: keys}, err
}

// defaultRow plans a row that stands for none.
func (p *planner) defaultRow(n *logical.DefaultRow) (physical.Node, error) {
	in, err := p.node(n.Input)
	if err != nil {
		return nil, err
	}
	out := &physical.DefaultRow{Input: in}
	for _, c := range n.Input.Columns() {
		e := n.Values[c.ID]
		if e == nil {
			e = expr.NewConst(types.NullDatum(c.Type.WithNullable(true)))
		}
		out.Row = append(out.Row, e)
	}
	return out, nil
}
