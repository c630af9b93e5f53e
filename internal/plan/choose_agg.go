package plan

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// agg plans a grouping. Aggregates of fixed size are hashed; others, and those that a hint says so of, need their groups
// one after the other: a sort, unless the input comes in that order.
func (p *planner) agg(n *logical.Agg) (physical.Node, error) {
	if distinct(n.Aggs) {
		split, err := splitDistinct(n)
		if err != nil {
			return nil, err
		}
		return p.agg(split)
	}
	stream := n.Stream
	for _, a := range n.Aggs {
		if _, ok := expr.NewAccumulator(a); !ok {
			stream = true
		}
	}
	if stream && n.Hash && !n.Stream {
		p.warn("HASH_AGG")
	}
	in := n.Input
	var keys []logical.SortKey
	if stream {
		for _, e := range n.GroupBy {
			keys = append(keys, logical.SortKey{Expr: e})
		}
	}
	var input physical.Node
	var err error
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

// splitDistinct makes aggregates over distinct values a grouping by the values and, above it, one of those groups:
//
//	SELECT g, COUNT(DISTINCT a), SUM(DISTINCT a), MIN(b) ... GROUP BY g
//	SELECT g, COUNT(a), SUM(a), MIN(m) FROM (SELECT g, a, MIN(b) AS m ... GROUP BY g, a) GROUP BY g
//
// Others beside them must be such that partial results combine. Several sets of values are not supported.
func splitDistinct(n *logical.Agg) (*logical.Agg, error) {
	var values []expr.Expr
	for _, a := range n.Aggs {
		if !a.Distinct {
			continue
		}
		if values == nil {
			values = a.Args
		} else if !equalAll(values, a.Args) {
			return nil, sqlerr.New(sqlerr.ErrNotSupportedYet, "aggregates over several sets of DISTINCT values")
		}
	}
	low := &logical.Agg{
		Input: n.Input, GroupBy: n.GroupBy[:len(n.GroupBy):len(n.GroupBy)],
		GroupCols: n.GroupCols[:len(n.GroupCols):len(n.GroupCols)], Stream: n.Stream, Hash: n.Hash,
	}
	high := &logical.Agg{Input: low, GroupCols: n.GroupCols, AggCols: n.AggCols, Stream: n.Stream, Hash: n.Hash}
	for i := range n.GroupCols {
		high.GroupBy = append(high.GroupBy, n.GroupCols[i].Ref())
	}
	refs := make([]expr.Expr, len(values))
	for i, v := range values {
		// IDs of these columns are only used between the two groupings: negative ones are free.
		c := logical.Column{ID: -1 - i, Name: v.String(), Type: v.Type()}
		if col, ok := v.(*expr.Column); ok {
			c.ID = col.Index
		}
		for k, g := range low.GroupBy {
			if expr.Equal(g, v) {
				c = low.GroupCols[k]
			}
		}
		if len(low.GroupBy) == 0 || !hasID(low.GroupCols, c.ID) {
			low.GroupBy, low.GroupCols = append(low.GroupBy, v), append(low.GroupCols, c)
		}
		refs[i] = c.Ref()
	}
	for i, a := range n.Aggs {
		c := *a
		if a.Distinct {
			c.Distinct, c.Args = false, refs
			if len(a.OrderBy) > 0 {
				return nil, sqlerr.New(sqlerr.ErrNotSupportedYet, "DISTINCT with ORDER BY in an aggregate")
			}
			high.Aggs = append(high.Aggs, &c)
			continue
		}
		part := logical.Column{ID: -1000 - i, Name: n.AggCols[i].Name, Type: a.T}
		low.Aggs, low.AggCols = append(low.Aggs, a), append(low.AggCols, part)
		c.Args = []expr.Expr{part.Ref()}
		switch a.Name {
		case "min", "max", "any_value", "bit_and", "bit_or", "bit_xor":
		case "sum":
			// A sum of sums has the type of the sum.
		case "count":
			c.Name = "sum"
		default:
			return nil, sqlerr.New(sqlerr.ErrNotSupportedYet, a.Name+" beside an aggregate of DISTINCT values")
		}
		high.Aggs = append(high.Aggs, &c)
	}
	return high, nil
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
