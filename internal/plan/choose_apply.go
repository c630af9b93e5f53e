package plan

import (
	"slices"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// applyJoin plans a join whose right side depends on the left row.
func (p *planner) applyJoin(n *logical.Join) (physical.Node, error) {
	left, err := p.node(n.Left)
	if err != nil {
		return nil, err
	}
	right, err := p.node(n.Right)
	if err != nil {
		return nil, err
	}
	out := &physical.Apply{
		Type: physical.JoinType(n.Type), Left: left, Right: right, Keep: !n.Volatile,
	}
	lc := n.Left.Columns()
	at := positions(lc)
	for _, a := range n.Params {
		e, err := remap(a.Expr, at)
		if err != nil {
			return nil, err
		}
		out.Params, out.Slots = append(out.Params, e), append(out.Slots, a.Slot)
	}
	switch {
	case n.Type != logical.InnerJoin && n.Type != logical.LeftJoin,
		n.Type == logical.LeftJoin && len(n.Conds) > 0:
		return nil, sqlerr.AssertionError("an apply with conditions or of type %d", n.Type)
	case len(n.Conds) == 0:
		return out, nil
	}
	// Conditions that were pushed to the join.
	out.Columns, out.EstRows = physicalColumns(n.Columns()), left.Common().EstRows
	conds, err := remapAll(n.Conds, n.Columns())
	return &physical.Selection{Input: out, Conds: conds}, err
}

// paramScan plans a scan whose conditions depend on an outer row. The index is chosen for values made up; the ranges
// are computed when the values are known; the rows are checked against conditions that these do not cover.
func (p *planner) paramScan(n *logical.Scan) (physical.Node, error) {
	sample := *n
	env := *p.ctx.Env
	env.Outer = nil
	sample.Filter = bindSamples(n.Filter, &env)
	want := p.want[n]
	a := p.rules.Choose(&sample, want.order, want.limit)
	ordered := a.Ordered && len(want.order) > 0 && !a.Empty
	if want.got != nil {
		*want.got = ordered || a.Ordered && !a.Empty
	}
	index := a.Index
	if a.Empty {
		index = n.Table.Primary
	}
	filter, err := remapAll(n.Filter, n.Cols)
	if err != nil {
		return nil, err
	}
	out := &physical.Scan{
		Table: n.Table, Alias: n.Alias, Index: index, Ordinals: n.Ordinals, Filter: filter, KeepOrder: ordered,
		Reverse: ordered && a.Reverse, WithKey: n.Key.ID != 0, Lock: physical.LockMode(n.Lock),
		Wait: physical.LockWait(n.Wait),
	}
	out.EstRows = a.OutRows
	if a.Empty || len(a.Ranges) > 0 || a.Points != nil {
		scan := *n
		rules := p.rules
		out.Bind = func(env *expr.Env) (*physical.Scan, bool) {
			bound := scan
			bound.Filter = make([]expr.Expr, len(scan.Filter))
			for i, e := range scan.Filter {
				bound.Filter[i] = expr.BindParams(e, env)
			}
			a := rules.AccessBy(&bound, index)
			s := *out
			s.Ranges, s.Points, s.Bind, s.Filter = a.Ranges, a.Points, nil, nil
			for i, e := range bound.Filter { // but for what the ranges cover
				if slices.Contains(a.Residual, e) {
					s.Filter = append(s.Filter, filter[i])
				}
			}
			return &s, a.Empty
		}
	}
	return out, nil
}

// bindSamples puts values that are not NULL, and different, for those of an outer row.
func bindSamples(filter []expr.Expr, env *expr.Env) []expr.Expr {
	out := make([]expr.Expr, len(filter))
	next := int64(0)
	for i, e := range filter {
		out[i] = expr.SampleParams(e, env, func(t types.Type) types.Datum {
			next++
			switch t.Phys() {
			case types.PhysInt64:
				return types.NewIntDatum(t, next)
			case types.PhysUint64:
				return types.NewUintDatum(t, uint64(next))
			case types.PhysFloat64:
				return types.NewFloatDatum(t, float64(next))
			case types.PhysDecimal:
				return types.NewDecDatum(t, types.DecFromInt64(next, t.Scale))
			}
			return types.NewStringDatum(t, []byte{'a', byte('a' + next%26)})
		})
	}
	return out
}

// hasParams says if a condition depends on an outer row.
func hasParams(filter []expr.Expr) bool {
	for _, e := range filter {
		if expr.HasParam(e) {
			return true
		}
	}
	return false
}
