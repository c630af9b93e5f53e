package plan

import (
	"slices"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/plan/rewrite"
)

// What looking outer rows up costs, as measured, in rows that are read one after the other and joined by hashing: a key
// of a batch, and each row that it has, which lies in the index or is fetched. If the inner side locks its rows: a run
// for each outer row, and each row that it reads.
const (
	lookupKeyCost    = 14.0
	lookupNearCost   = 1.5
	lookupFetchCost  = 12.0
	lookupRunCost    = 200.0
	lookupLockedCost = 8.0
)

// indexJoin plans a join whose inner side, a table, is looked up by an index for the rows of the outer side. It returns
// nil if there is no such index, or if it is dearer than reading the table once, unless a hint asks for it.
func (p *planner) indexJoin(n *logical.Join, s *joinConds) (physical.Node, error) {
	if s.nullAware || s.unsure {
		return nil, nil
	}
	for _, e := range n.Conds {
		if !expr.Deterministic(e) || expr.HasParam(e) {
			return nil, nil
		}
	}
	if by := p.lookedUp(n, n.Left, n.Right); by != nil {
		return p.lookup(n, n.Left, n.Right, by)
	}
	if n.Type == logical.InnerJoin && !n.Straight {
		if by := p.lookedUp(n, n.Right, n.Left); by != nil {
			return p.lookup(n, n.Right, n.Left, by)
		}
	}
	if out, err := p.lookupValues(n); out != nil || err != nil {
		return out, err
	}
	return p.lookupGroups(n)
}

// lookedUp says by which index the inner side is to be looked up; nil: by none.
func (p *planner) lookedUp(n *logical.Join, outer, inner logical.Node) *rewrite.Lookup {
	scan := plainScan(inner)
	if scan == nil || scan.Table.Virtual || scan.Key.ID != 0 || hasParams(scan.Filter) || never(scan.Filter) {
		return nil
	}
	if scan.Lock != logical.LockNone && n.Type == logical.LeftOuterSemi {
		return nil
	}
	by := p.rules.LookupBy(scan, n.Conds)
	if by == nil {
		return nil
	}
	for _, h := range p.hints {
		if h.Names(inner) && h.Method == logical.HintIndexJoin {
			return by
		}
		if h.About(n) && !h.Applied {
			return nil // another way is asked for, or the other side as the inner one
		}
	}
	key, row := lookupKeyCost, lookupFetchCost
	switch {
	case scan.Lock != logical.LockNone:
		key, row = lookupRunCost, lookupLockedCost
	case by.Covering:
		row = lookupNearCost
	}
	if p.bound(outer)*(key+by.Rows*row) < p.rules.Choose(scan, nil, 0).Rows {
		return by
	}
	return nil
}

// bound estimates the rows of a node if conditions that no index serves drop none. How many they drop is a guess, and
// many more lookups than guessed cost more than reading a table once.
func (p *planner) bound(n logical.Node) float64 {
	switch n := n.(type) {
	case *logical.Scan:
		return p.rules.Choose(n, nil, 0).Rows
	case *logical.Selection:
		return p.bound(n.Input)
	case *logical.Projection:
		return p.bound(n.Input)
	case *logical.Sort:
		if n.HasLimit {
			return min(p.bound(n.Input), float64(n.Count))
		}
		return p.bound(n.Input)
	case *logical.Limit:
		return min(p.bound(n.Input), float64(n.Count))
	case *logical.MaxOneRow:
		return 1
	case *logical.Values:
		return float64(n.Source.RowCount())
	case *logical.Agg:
		if len(n.GroupBy) == 0 {
			return 1
		}
		return p.bound(n.Input)
	case *logical.Union:
		sum := 0.0
		for _, part := range n.Parts {
			sum += p.bound(part)
		}
		return sum
	case *logical.Join:
		l := p.bound(n.Left)
		if n.Type != logical.InnerJoin && n.Type != logical.LeftJoin {
			return l
		}
		r := p.bound(n.Right)
		rows := p.rules.JoinRows(n.Left, n.Right, l, r, n.Conds)
		if n.Type == logical.LeftJoin {
			rows = max(rows, l)
		}
		return rows
	}
	return p.rules.Rows(n)
}

// plainScan is the scan below projections that only pass columns on.
func plainScan(n logical.Node) *logical.Scan {
	switch n := n.(type) {
	case *logical.Scan:
		return n
	case *logical.Projection:
		for i, e := range n.Exprs {
			if c, ok := e.(*expr.Column); !ok || c.Index != n.Cols[i].ID {
				return nil
			}
		}
		return plainScan(n.Input)
	}
	return nil
}

// lookup looks the rows of the inner side up by keys.
func (p *planner) lookup(n *logical.Join, outer, inner logical.Node, by *rewrite.Lookup) (physical.Node, error) {
	for _, h := range p.hints {
		h.Applied = h.Applied || h.Method == logical.HintIndexJoin && h.Names(inner)
	}
	scan := plainScan(inner)
	if scan.Lock != logical.LockNone {
		return p.lookupEach(n, outer, inner)
	}
	left, err := p.node(outer)
	if err != nil {
		return nil, err
	}
	in := &physical.Scan{
		Table: scan.Table, Alias: scan.Alias, Index: by.Index, Ordinals: scan.Ordinals, Keyed: true,
	}
	in.Columns, in.EstRows = physicalColumns(scan.Cols), by.Rows
	if in.Filter, err = remapAll(by.Filter, scan.Cols); err != nil {
		return nil, err
	}
	join := &physical.IndexJoin{
		Type: physical.JoinType(n.Type), Outer: left, Inner: in, AtMostOne: by.AtMostOne,
	}
	outerCols := outer.Columns()
	at := positions(outerCols)
	for _, k := range by.Keys {
		if k.Expr, err = remap(k.Expr, at); err != nil {
			return nil, err
		}
		join.Keys = append(join.Keys, k)
	}
	all := append(outerCols[:len(outerCols):len(outerCols)], scan.Cols...)
	if join.Conds, err = remapAll(by.Conds, all); err != nil {
		return nil, err
	}
	have, out := all, n.Columns()
	switch n.Type {
	case logical.LeftJoin:
		have = slices.Clone(all)
		for i := len(outerCols); i < len(have); i++ {
			have[i].Type = have[i].Type.WithNullable(true)
		}
	case logical.SemiJoin, logical.AntiJoin, logical.LeftOuterSemi:
		have = out
	}
	join.Columns, join.EstRows = physicalColumns(have), p.rules.Rows(n)
	return p.project(&logical.Projection{Cols: out, Exprs: refs(out)}, join, have)
}

// lookupEach makes all conditions those of the inner side, with the columns of the outer side as parameters. So rows
// are locked as they are read, and only those.
//
//	SELECT ... FROM o JOIN t ON t.a = o.a AND t.b > o.b FOR UPDATE
//	o, for each row of it: SELECT ... FROM t WHERE t.a = ?a AND t.b > ?b FOR UPDATE
//
// A semi or anti join asks if there is a first row.
func (p *planner) lookupEach(n *logical.Join, outer, inner logical.Node) (physical.Node, error) {
	j := &logical.Join{Type: logical.InnerJoin, Left: outer, Straight: true, Est: p.rules.Rows(n)}
	right := p.rules.Push(inner, p.parameters(j, n.Conds))
	out := n.Columns()
	var above []expr.Expr
	switch n.Type {
	case logical.InnerJoin, logical.LeftJoin:
		j.Type = n.Type
		j.Right = right
	case logical.SemiJoin, logical.AntiJoin:
		mark := logical.Column{ID: p.newID(), Type: expr.NewInt(1).Type()}
		one := &logical.Projection{Input: right, Exprs: []expr.Expr{expr.NewInt(1)}, Cols: []logical.Column{mark}}
		j.Right = &logical.Limit{Input: one, Count: 1}
		if n.Type == logical.AntiJoin {
			j.Type = logical.LeftJoin
			mark.Type.Nullable = true
			none, err := expr.NewCall("is null", []expr.Expr{mark.Ref()}, p.ctx.Env)
			if err != nil {
				return nil, err
			}
			above = append(above, none)
		}
	}
	var node logical.Node = j
	if len(above) > 0 {
		node = &logical.Selection{Input: j, Conds: above}
	}
	return p.node(&logical.Projection{Input: node, Cols: out, Exprs: refs(out)})
}

func refs(cols []logical.Column) []expr.Expr {
	out := make([]expr.Expr, len(cols))
	for i := range cols {
		out[i] = cols[i].Ref()
	}
	return out
}

// parameters replaces the columns of j's left side by parameters of j.
func (p *planner) parameters(j *logical.Join, conds []expr.Expr) []expr.Expr {
	left, known := idSet(j.Left), map[int]expr.Expr{}
	out := make([]expr.Expr, len(conds))
	for i, e := range conds {
		out[i] = expr.Transform(e, func(e expr.Expr) expr.Expr {
			c, ok := e.(*expr.Column)
			if !ok || !left[c.Index] {
				return e
			}
			if known[c.Index] == nil {
				known[c.Index] = expr.NewParam(p.slots, c.T, c.String())
				j.Params = append(j.Params, logical.Param{Slot: p.slots, Expr: c})
				p.slots++
			}
			return known[c.Index]
		})
	}
	return out
}
