package plan

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/rewrite"
)

// How many first groups are few, and how many rows there must be for each of them.
const (
	fewGroups    = 1000
	rowsForGroup = 100
)

// firstGroups makes a grouping of which a LIMIT wants the first few a stream, if an index has its input in order: it
// ends with them. Hashing is faster a group, but makes all groups before it gives one.
//
//	SELECT b, COUNT(*) FROM t GROUP BY b LIMIT 10
func (p *planner) firstGroups(n *logical.Limit) {
	if n.Offset > fewGroups || n.Count > fewGroups {
		return
	}
	in := n.Input
	for {
		proj, ok := in.(*logical.Projection)
		if !ok {
			break
		}
		in = proj.Input
	}
	agg, ok := in.(*logical.Agg)
	if !ok || agg.Hash || len(agg.GroupBy) == 0 {
		return
	}
	for _, a := range agg.Aggs {
		if a.Distinct || len(a.OrderBy) > 0 {
			return
		}
	}
	order := make([]rewrite.Order, len(agg.GroupBy))
	for i, e := range agg.GroupBy {
		c, ok := e.(*expr.Column)
		if !ok {
			return
		}
		order[i].ID = c.Index
	}
	scan, order, ok := orderOf(agg.Input, order)
	if !ok || hasParams(scan.Filter) || scan.Lock != logical.LockNone {
		return
	}
	a := p.rules.Choose(scan, order, 0)
	// Rows that are fetched one by one would cost too much if the groups are few and large.
	if a.Ordered && a.Covering && a.OutRows > rowsForGroup*float64(n.Offset+n.Count) {
		agg.Stream = true
	}
}
