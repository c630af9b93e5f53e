package plan

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// agg plans a grouping. Aggregates of fixed size are hashed; others, and those that a hint says so of, need their
// groups one after the other: a sort, unless the input comes in that order.
func (p *planner) agg(n *logical.Agg) (physical.Node, error) {
	sets, err := p.splitSets(n)
	if err != nil {
		return nil, err
	}
	if sets != nil {
		return p.node(sets)
	}
	if len(n.Aggs) > 0 && apartOrder(n.Aggs[0]) {
		split, err := p.splitOrdered(n)
		if err != nil {
			return nil, err
		}
		return p.node(split)
	}
	if distinct(n.Aggs) {
		split, err := p.splitDistinct(n)
		if err != nil {
			return nil, err
		}
		if split != nil {
			return p.node(split)
		}
	}
	if e := levelsOf(n); e != nil {
		return p.rollup(n, e)
	}
	stream := n.Stream
	for _, a := range n.Aggs {
		if _, ok := expr.NewAccumulator(a); !ok {
			stream = true
		}
	}
	if stream && n.Hash {
		p.warn("HASH_AGG")
	}
	inner, err := innerOrder(n.Aggs)
	if err != nil {
		return nil, err
	}
	in := n.Input
	var keys []logical.SortKey
	if stream {
		for _, e := range n.GroupBy {
			keys = append(keys, logical.SortKey{Expr: e})
		}
		keys = append(keys, inner...)
	}
	var input physical.Node
	if len(keys) > 0 {
		input, err = p.node(&logical.Sort{Input: in, Keys: keys})
	} else {
		input, err = p.node(in)
	}
	if err != nil {
		return nil, err
	}
	cols := in.Columns()
	out := &physical.Agg{Input: input, Stream: stream}
	if out.GroupBy, err = remapAll(n.GroupBy, cols); err != nil {
		return nil, err
	}
	at := positions(cols)
	for _, a := range n.Aggs {
		c := *a
		if c.Args, err = remapAll(a.Args, cols); err != nil {
			return nil, err
		}
		c.OrderBy = nil
		for _, k := range a.OrderBy {
			e, err := remap(k.Expr, at)
			if err != nil {
				return nil, err
			}
			c.OrderBy = append(c.OrderBy, expr.OrderKey{Expr: e, Desc: k.Desc})
		}
		out.Aggs = append(out.Aggs, &c)
	}
	return out, nil
}

func (p *planner) warn(hint string) {
	if p.ctx.Warn != nil {
		p.ctx.Warn(sqlerr.Newf(sqlerr.ErrUnknown, "Optimizer hint %s is not applicable and is ignored", hint).Warning())
	}
}

func distinct(aggs []*expr.Aggregate) bool {
	for _, a := range aggs {
		if a.Distinct {
			return true
		}
	}
	return false
}

// innerOrder is the order that aggregates need within a group: that of GROUP_CONCAT's ORDER BY, or equal values of
// DISTINCT side by side. There can be only one.
func innerOrder(aggs []*expr.Aggregate) ([]logical.SortKey, error) {
	var keys []logical.SortKey
	found := false
	for _, a := range aggs {
		var own []logical.SortKey
		switch {
		case a.Distinct:
			for _, e := range a.Args {
				k := logical.SortKey{Expr: e}
				for _, o := range a.OrderBy {
					if expr.Equal(o.Expr, e) || isTextOf(e, o.Expr) {
						k = logical.SortKey{Expr: o.Expr, Desc: o.Desc}
					}
				}
				own = append(own, k)
			}
			for i, o := range a.OrderBy {
				if i >= len(own) || !expr.Equal(own[i].Expr, o.Expr) {
					return nil, sqlerr.New(sqlerr.ErrNotSupportedYet, "DISTINCT and another ORDER BY in one aggregate")
				}
			}
		case len(a.OrderBy) > 0:
			for _, o := range a.OrderBy {
				own = append(own, logical.SortKey{Expr: o.Expr, Desc: o.Desc})
			}
		default:
			continue
		}
		if found && !sameKeys(keys, own) {
			return nil, sqlerr.New(sqlerr.ErrNotSupportedYet, "aggregates that need several orders of a group")
		}
		keys, found = own, true
	}
	return keys, nil
}

// isTextOf says if e is a number n as text, as GROUP_CONCAT has it: equal texts stand side by side in the order of n
// too.
func isTextOf(e, n expr.Expr) bool {
	c, ok := e.(*expr.Call)
	if !ok || len(c.Args()) != 1 || !expr.Equal(c.Args()[0], n) {
		return false
	}
	from, to := n.Type(), c.Type()
	return c.Name() == "cast" && from.IsInteger() && to.IsString()
}

func sameKeys(a, b []logical.SortKey) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Desc != b[i].Desc || !expr.Equal(a[i].Expr, b[i].Expr) {
			return false
		}
	}
	return true
}

// splitDistinct makes aggregates over distinct values a grouping by the values and, above it, one of those groups:
//
//	SELECT g, COUNT(DISTINCT a), SUM(DISTINCT a), MIN(b) ... GROUP BY g
//	SELECT g, COUNT(a), SUM(a), MIN(m) FROM (SELECT g, a, MIN(b) AS m ... GROUP BY g, a) GROUP BY g
//
// so that both are hashed. It returns nil if others beside them do not combine from parts, or need an order: then equal
// values are found side by side in a sorted input.
func (p *planner) splitDistinct(n *logical.Agg) (logical.Node, error) {
	var values []expr.Expr
	for _, a := range n.Aggs {
		if len(a.OrderBy) > 0 {
			return nil, nil
		}
		switch {
		case !a.Distinct:
			switch a.Name {
			case "min", "max", "any_value", "bit_and", "bit_or", "bit_xor", "sum", "count":
			default:
				return nil, nil
			}
		case values == nil:
			values = a.Args
		case !equalAll(values, a.Args):
			return nil, sqlerr.AssertionError("several sets of DISTINCT values in one grouping")
		}
	}
	low := &logical.Agg{
		Input: n.Input, GroupBy: n.GroupBy[:len(n.GroupBy):len(n.GroupBy)],
		GroupCols: n.GroupCols[:len(n.GroupCols):len(n.GroupCols)], Stream: n.Stream, Hash: n.Hash,
	}
	high := &logical.Agg{Input: low, GroupCols: n.GroupCols, Stream: n.Stream, Hash: n.Hash}
	top := &logical.Projection{Input: high, Cols: n.Columns()}
	for i := range n.GroupCols {
		high.GroupBy = append(high.GroupBy, n.GroupCols[i].Ref())
		top.Exprs = append(top.Exprs, n.GroupCols[i].Ref())
	}
	refs := make([]expr.Expr, len(values))
	for i, v := range values {
		c := logical.Column{ID: p.newID(), Name: v.String(), Type: v.Type()}
		if col, ok := v.(*expr.Column); ok {
			c.ID = col.Index
		}
		for k, g := range low.GroupBy {
			if expr.Equal(g, v) {
				c = low.GroupCols[k]
			}
		}
		if !hasID(low.GroupCols, c.ID) {
			low.GroupBy, low.GroupCols = append(low.GroupBy, v), append(low.GroupCols, c)
		}
		refs[i] = c.Ref()
	}
	for i, a := range n.Aggs {
		c := *a
		result := n.AggCols[i]
		var value expr.Expr = result.Ref()
		switch {
		case a.Distinct:
			c.Distinct, c.Args = false, refs
		case a.Name == "count":
			// A count of parts is their sum, a DECIMAL; and 0 if there are none.
			part := p.part(low, a, &n.AggCols[i])
			sum, err := expr.NewAggregateType("sum", []expr.Expr{part}, false, p.ctx.Env)
			if err != nil {
				return nil, err
			}
			c = *sum
			result = logical.Column{ID: p.newID(), Name: result.Name, Type: sum.T}
			zero, err := expr.NewCall("ifnull", []expr.Expr{expr.NewCast(result.Ref(), a.T), expr.NewInt(0)}, p.ctx.Env)
			if err != nil {
				return nil, err
			}
			value = zero
		default:
			// The others give the type of their argument, or are wide enough already.
			c.Args = []expr.Expr{p.part(low, a, &n.AggCols[i])}
		}
		high.Aggs, high.AggCols = append(high.Aggs, &c), append(high.AggCols, result)
		top.Exprs = append(top.Exprs, value)
	}
	return top, nil
}

// part adds an aggregate to the lower grouping and returns its column.
func (p *planner) part(low *logical.Agg, a *expr.Aggregate, named *logical.Column) expr.Expr {
	col := logical.Column{ID: p.newID(), Name: named.Name, Type: a.T}
	low.Aggs, low.AggCols = append(low.Aggs, a), append(low.AggCols, col)
	return col.Ref()
}

// newID gives IDs of columns that planning adds: negative ones, which binding leaves free.
func (p *planner) newID() int {
	p.lastID--
	return p.lastID
}

func hasID(cols []logical.Column, id int) bool {
	for i := range cols {
		if cols[i].ID == id {
			return true
		}
	}
	return false
}

func equalAll(a, b []expr.Expr) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !expr.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}
