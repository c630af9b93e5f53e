package plan

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/types"
)

// runtimeFilters gives scans the filters of the hash joins that their rows stream into: of those joins that drop left
// rows without a match.
func runtimeFilters(n physical.Node) {
	if j, ok := n.(*physical.HashJoin); ok && (j.Type == physical.InnerJoin || j.Type == physical.SemiJoin) {
		joinFilter(j)
	}
	for _, c := range n.Children() {
		runtimeFilters(c)
	}
}

func joinFilter(j *physical.HashJoin) {
	f := &physical.RuntimeFilter{}
	columns := make([]int, len(j.Keys))
	for i, k := range j.Keys {
		f.Types = append(f.Types, k.Type)
		columns[i] = -1
		if c, ok := k.Left.(*expr.Column); ok {
			columns[i] = c.Index
		}
	}
	filterScans(j.Left, f, columns, func() { j.Filter = f })
}

// filterScans gives f to the scans whose rows stream up to n, where columns of n are the join's keys; -1: the key is
// none. given is called for each.
func filterScans(n physical.Node, f *physical.RuntimeFilter, columns []int, given func()) {
	switch n := n.(type) {
	case *physical.Scan:
		// Locks are taken of all rows that the conditions select.
		if n.Lock == physical.LockNone && !n.WithKey && useful(f, columns) {
			n.Filters = append(n.Filters, physical.ScanFilter{Filter: f, Columns: columns})
			given()
		}
	case *physical.Selection:
		filterScans(n.Input, f, columns, given)
	case *physical.Projection:
		for _, e := range n.Exprs {
			if !expr.Deterministic(e) {
				return
			}
		}
		filterScans(n.Input, f, moved(columns, func(c int) int {
			if col, ok := n.Exprs[c].(*expr.Column); ok {
				return col.Index
			}
			return -1
		}), given)
	case *physical.HashJoin:
		filterScans(n.Left, f, within(columns, n.Left), given)
	case *physical.NestedLoop:
		filterScans(n.Left, f, within(columns, n.Left), given)
	case *physical.IndexJoin:
		filterScans(n.Outer, f, within(columns, n.Outer), given)
	case *physical.Union:
		for _, in := range n.Inputs {
			filterScans(in, f, moved(columns, func(c int) int {
				if sameValues(n.Columns[c].Type, in.Common().Columns[c].Type) {
					return c
				}
				return -1
			}), given)
		}
	}
}

// moved are the columns of another node, by to, of which -1 is none.
func moved(columns []int, to func(c int) int) []int {
	out := make([]int, len(columns))
	for i, c := range columns {
		if out[i] = -1; c >= 0 {
			out[i] = to(c)
		}
	}
	return out
}

// within leaves the columns that are of a join's first side.
func within(columns []int, first physical.Node) []int {
	return moved(columns, func(c int) int {
		if c >= len(first.Common().Columns) {
			return -1
		}
		return c
	})
}

// useful says if a filter of these columns drops rows: it has bounds of one, or hashes of all.
func useful(f *physical.RuntimeFilter, columns []int) bool {
	all := true
	for i, c := range columns {
		if c >= 0 && f.Types[i].Phys() != types.PhysString {
			return true
		}
		all = all && c >= 0
	}
	return all
}

// sameValues says if the values of two types are equal as each of them.
func sameValues(a, b types.Type) bool {
	return a.WithNullable(true) == b.WithNullable(true) || a.IsInteger() && b.IsInteger() && a.Phys() == b.Phys() ||
		a.IsString() && b.IsString() && a.Collation == b.Collation
}
