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
	var scan *physical.Scan
	useful, all := false, true
	for i, k := range j.Keys {
		f.Types = append(f.Types, k.Type)
		columns[i] = -1
		if c, ok := k.Left.(*expr.Column); ok {
			if s, at := scanned(j.Left, c.Index); s != nil {
				scan, columns[i] = s, at
			}
		}
		all = all && columns[i] >= 0
		useful = useful || columns[i] >= 0 && k.Type.Phys() != types.PhysString
	}
	if scan == nil || !useful && !all {
		return
	}
	j.Filter = f
	scan.Filters = append(scan.Filters, physical.ScanFilter{Filter: f, Columns: columns})
}

// scanned finds the scan whose rows stream up to column c of n, and which of its columns that is; nil: there is none
// from which rows may be left out. Only one scan streams.
func scanned(n physical.Node, c int) (*physical.Scan, int) {
	for {
		switch in := n.(type) {
		case *physical.Scan:
			// Locks are taken of all rows that the conditions select.
			if in.Lock != physical.LockNone || in.WithKey {
				return nil, 0
			}
			return in, c
		case *physical.Selection:
			n = in.Input
		case *physical.Projection:
			for _, e := range in.Exprs {
				if !expr.Deterministic(e) {
					return nil, 0
				}
			}
			col, ok := in.Exprs[c].(*expr.Column)
			if !ok {
				return nil, 0
			}
			n, c = in.Input, col.Index
		case *physical.HashJoin:
			if c >= len(in.Left.Common().Columns) {
				return nil, 0
			}
			n = in.Left
		case *physical.NestedLoop:
			if c >= len(in.Left.Common().Columns) {
				return nil, 0
			}
			n = in.Left
		default:
			return nil, 0
		}
	}
}
