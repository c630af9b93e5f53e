package bind

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/types"
)

// application makes a query that depends on rows of another one a query of parameters: its references to columns that
// it does not have itself become parameters, to be joined by Join.Params.
type application struct {
	b      *binder
	outer  map[int]bool
	slots  map[int]expr.Expr // the parameter for a column
	params []logical.Param
	// fresh are new IDs of columns that the query hands on from the outer one; they may not have the same there.
	fresh map[int]int
	bad   bool // there is a node whose expressions are not known
}

// freeColumns are the columns that a query reads and that no node of it makes; one that hands on an outer column does
// not make it.
func freeColumns(n logical.Node) map[int]bool {
	made, read := map[int]bool{}, map[int]bool{}
	collect(n, made, read, true)
	for id := range made {
		delete(read, id)
	}
	return read
}

func (b *binder) newApplication(outer map[int]bool) *application {
	return &application{b: b, outer: outer, slots: map[int]expr.Expr{}, fresh: map[int]int{}}
}

// expr replaces outer columns.
func (a *application) expr(e expr.Expr) expr.Expr {
	return expr.Transform(e, func(e expr.Expr) expr.Expr {
		c, ok := e.(*expr.Column)
		if !ok || !a.outer[c.Index] {
			return e
		}
		if p := a.slots[c.Index]; p != nil {
			return p
		}
		a.b.lastSlot++
		p := expr.NewParam(a.b.lastSlot-1, c.T, c.String())
		a.slots[c.Index] = p
		a.params = append(a.params, logical.Param{Slot: a.b.lastSlot - 1, Expr: c})
		return p
	})
}

func (a *application) exprs(list []expr.Expr) []expr.Expr {
	out := make([]expr.Expr, len(list))
	for i := range list {
		out[i] = a.expr(list[i])
	}
	return out
}

// columns gives those that have the ID of an outer column another one.
func (a *application) columns(cols []logical.Column) []logical.Column {
	out := make([]logical.Column, len(cols))
	for i, c := range cols {
		if a.outer[c.ID] {
			if a.fresh[c.ID] == 0 {
				a.fresh[c.ID] = a.b.newID()
			}
			c.ID = a.fresh[c.ID]
			c.Type.Nullable = true
		}
		out[i] = c
	}
	return out
}

// node returns a copy of n and what is below it.
func (a *application) node(n logical.Node) logical.Node {
	switch n := n.(type) {
	case *logical.Scan:
		out := *n
		out.Filter = a.exprs(n.Filter)
		return &out
	case *logical.Values, *logical.CTEScan:
		return n
	case *logical.Selection:
		return &logical.Selection{Input: a.node(n.Input), Conds: a.exprs(n.Conds)}
	case *logical.Projection:
		return &logical.Projection{Input: a.node(n.Input), Exprs: a.exprs(n.Exprs), Cols: a.columns(n.Cols)}
	case *logical.Join:
		out := *n
		out.Left, out.Right, out.Conds = a.node(n.Left), a.node(n.Right), a.exprs(n.Conds)
		out.Params = make([]logical.Param, len(n.Params))
		for i, p := range n.Params {
			out.Params[i] = logical.Param{Slot: p.Slot, Expr: a.expr(p.Expr)}
		}
		return &out
	case *logical.Agg:
		return a.agg(n)
	case *logical.Sort:
		out := *n
		out.Input, out.Keys = a.node(n.Input), nil
		for _, k := range n.Keys {
			out.Keys = append(out.Keys, logical.SortKey{Expr: a.expr(k.Expr), Desc: k.Desc})
		}
		return &out
	case *logical.Repeat:
		return &logical.Repeat{Input: a.node(n.Input), Count: n.Count}
	case *logical.Expand:
		return &logical.Expand{Input: a.node(n.Input), Keys: a.exprs(n.Keys), Cols: n.Cols}
	case *logical.DefaultRow:
		return &logical.DefaultRow{Input: a.node(n.Input), Values: n.Values}
	case *logical.Window:
		n.Input = a.node(n.Input)
		// Nobody needs the window as it was.
		if n.Exprs(func(e *expr.Expr) error { *e = a.expr(*e); return nil }) != nil {
			a.bad = true
		}
		return n
	case *logical.Limit:
		return &logical.Limit{Input: a.node(n.Input), Offset: n.Offset, Count: n.Count}
	case *logical.MaxOneRow:
		return &logical.MaxOneRow{Input: a.node(n.Input), Cols: a.columns(n.Cols)}
	case *logical.Union:
		out := &logical.Union{Cols: n.Cols}
		for _, p := range n.Parts {
			out.Parts = append(out.Parts, a.node(p))
		}
		return out
	}
	a.bad = true
	return n
}

func (a *application) agg(n *logical.Agg) logical.Node {
	out := *n
	out.Input, out.GroupBy, out.GroupCols = a.node(n.Input), a.exprs(n.GroupBy), a.columns(n.GroupCols)
	out.Aggs = nil
	for _, f := range n.Aggs {
		c := *f
		c.Args, c.OrderBy = a.exprs(f.Args), nil
		for _, k := range f.OrderBy {
			c.OrderBy = append(c.OrderBy, expr.OrderKey{Expr: a.expr(k.Expr), Desc: k.Desc})
		}
		out.Aggs = append(out.Aggs, &c)
	}
	return &out
}

// volatile says if a query gives other rows each time it runs.
func volatile(n logical.Node) bool {
	for _, e := range logical.Exprs(n) {
		if !expr.Deterministic(e) {
			return true
		}
	}
	for _, in := range n.Inputs() {
		if volatile(*in) {
			return true
		}
	}
	return false
}

// applied is a subquery that runs for each row of the outer query.
func (b *binder) applied(n logical.Node, cols []logical.Column) (*subquery, error) {
	a := b.newApplication(freeColumns(n))
	out := &subquery{node: a.node(n), cols: a.columns(cols), apply: a}
	if a.bad {
		return nil, notSupported("this correlated subquery")
	}
	return out, nil
}

// applyJoin joins what runs for each row.
func (x *exprBinder) applyJoin(t logical.JoinType, s *subquery, right logical.Node) {
	x.join(&logical.Join{
		Type: t, Right: right, Params: s.apply.params, Straight: true, Volatile: volatile(right),
	})
}

// applyExists says if a subquery, restricted to rows for which a condition is true, has a row.
func (x *exprBinder) applyExists(s *subquery, cond expr.Expr, not bool) (expr.Expr, error) {
	n := s.node
	if cond != nil {
		n = &logical.Selection{Input: n, Conds: []expr.Expr{s.inside(cond)}}
	}
	marker := x.b.newColumn("", types.NewInt())
	p := &logical.Projection{Input: n, Exprs: []expr.Expr{expr.NewInt(1)}, Cols: []logical.Column{marker}}
	x.applyJoin(logical.LeftJoin, s, &logical.Limit{Input: p, Count: 1})
	marker.Type.Nullable = true
	e, err := x.b.call("is null", marker.Ref())
	if err != nil || not {
		return e, err
	}
	return x.b.call("not", e)
}

// inside makes an expression over the outer query's columns and those of the subquery one of the subquery.
func (s *subquery) inside(e expr.Expr) expr.Expr {
	own := map[int]bool{}
	for _, c := range s.node.Columns() {
		own[c.ID] = true
	}
	for _, id := range expr.ColumnsUsed(e) {
		if !own[id] {
			s.apply.outer[id] = true
		}
	}
	return s.apply.expr(e)
}

// applyQuantified is a comparison with the rows of a subquery: as a filter, if some row matches (or, none: if no row
// matches or may match), else with its three values.
func (x *exprBinder) applyQuantified(s *subquery, match expr.Expr, none, filter bool) (expr.Expr, error) {
	b := x.b
	if filter {
		if none {
			no, err := b.call("is false", match)
			if err != nil {
				return nil, err
			}
			if match, err = b.call("not", no); err != nil {
				return nil, err
			}
		}
		return x.applyExists(s, match, none)
	}
	// The largest of 2 for a match, 1 for one that may be.
	unknown, err := b.call("is null", match)
	if err != nil {
		return nil, err
	}
	maybe, err := b.call("if", unknown, expr.NewInt(1), expr.NewInt(0))
	if err != nil {
		return nil, err
	}
	degree, err := b.call("if", match, expr.NewInt(2), maybe)
	if err != nil {
		return nil, err
	}
	most, err := expr.NewAggregateType("max", []expr.Expr{s.inside(degree)}, false, b.ctx.Env)
	if err != nil {
		return nil, err
	}
	col := b.newColumn("", most.T)
	x.applyJoin(logical.InnerJoin, s, &logical.Agg{
		Input: s.node, Aggs: []*expr.Aggregate{most}, AggCols: []logical.Column{col},
	})
	is := func(n int64) (expr.Expr, error) { return b.call("<=>", col.Ref(), expr.NewInt(n)) }
	yes, err := is(2)
	if err != nil {
		return nil, err
	}
	open, err := is(1)
	if err != nil {
		return nil, err
	}
	e, err := b.call("if", open, expr.NewConst(types.NullDatum(types.NewBigInt())), expr.NewInt(0))
	if err != nil {
		return nil, err
	}
	if e, err = b.call("if", yes, expr.NewInt(1), e); err != nil || !none {
		return e, err
	}
	return b.call("not", e)
}
