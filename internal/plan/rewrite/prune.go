package rewrite

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
)

// prune drops columns that are not in need. The need of a node's input is what the node itself reads, and what is read
// above and comes from there.
func prune(n logical.Node, need map[int]bool) logical.Node {
	switch n := n.(type) {
	case *logical.Scan:
		pruneScan(n, need)
		return n
	case *logical.Projection:
		return pruneProjection(n, need)
	case *logical.Agg:
		below := map[int]bool{}
		var aggs []*expr.Aggregate
		var cols []logical.Column
		for i, a := range n.Aggs {
			if !need[n.AggCols[i].ID] {
				continue
			}
			aggs, cols = append(aggs, a), append(cols, n.AggCols[i])
			reads(below, a.Args...)
			for _, k := range a.OrderBy {
				reads(below, k.Expr)
			}
		}
		if len(aggs) == 0 && len(n.GroupBy) == 0 && len(n.Aggs) > 0 {
			aggs, cols = n.Aggs[:1], n.AggCols[:1] // a grouping has columns
			reads(below, aggs[0].Args...)
			for _, k := range aggs[0].OrderBy {
				reads(below, k.Expr)
			}
		}
		n.Aggs, n.AggCols = aggs, cols
		pruneGroup(n, need)
		reads(below, n.GroupBy...)
		n.Input = prune(n.Input, below)
		return n
	case *logical.Window:
		return pruneWindow(n, need)
	case *logical.Union:
		return pruneUnion(n, need)
	case *logical.MaxOneRow:
		n.Input = prune(n.Input, need)
		have := n.Input.Columns()
		n.Cols = append([]logical.Column(nil), have...)
		for i := range n.Cols {
			n.Cols[i].Type.Nullable = true
		}
		return n
	case *logical.Values:
		return n
	case *logical.CTEScan:
		pruneCTEScan(n, need)
		return n
	}
	below := map[int]bool{}
	for id := range need {
		below[id] = true
	}
	switch n := n.(type) {
	case *logical.Selection:
		reads(below, n.Conds...)
	case *logical.Expand:
		reads(below, n.Keys...)
	case *logical.Repeat:
		below[n.Count] = true
	case *logical.Join:
		reads(below, n.Conds...)
		for _, p := range n.Params {
			reads(below, p.Expr)
		}
	case *logical.Sort:
		for _, k := range n.Keys {
			reads(below, k.Expr)
		}
	}
	_, join := n.(*logical.Join)
	_, sort := n.(*logical.Sort)
	for _, in := range n.Inputs() {
		if *in = prune(*in, below); join || sort {
			*in = narrow(*in, below)
		}
	}
	return n
}

// narrow leaves the columns of n, whose rows are kept above it, that are in need: not those that only n itself reads.
func narrow(n logical.Node, need map[int]bool) logical.Node {
	if s, ok := n.(*logical.Scan); ok && s.Key.ID != 0 {
		return n
	}
	all := n.Columns()
	out := &logical.Projection{Input: n}
	for _, c := range all {
		if need[c.ID] {
			out.Exprs, out.Cols = append(out.Exprs, c.Ref()), append(out.Cols, c)
		}
	}
	if len(out.Cols) == 0 || len(out.Cols) == len(all) {
		return n
	}
	return out
}

// pruneGroup drops group columns that change nothing of the groups.
func pruneGroup(n *logical.Agg, need map[int]bool) {
	if n.RowID == 0 {
		return
	}
	var exprs []expr.Expr
	var cols []logical.Column
	for i, c := range n.GroupCols {
		if need[c.ID] || c.ID == n.RowID {
			exprs, cols = append(exprs, n.GroupBy[i]), append(cols, c)
		}
	}
	n.GroupBy, n.GroupCols = exprs, cols
}

func reads(set map[int]bool, exprs ...expr.Expr) {
	for _, e := range exprs {
		for _, id := range expr.ColumnsUsed(e) {
			set[id] = true
		}
	}
}

// pruneScan keeps the columns that are read and those of the filter. A scan for UPDATE and DELETE keeps all.
func pruneScan(n *logical.Scan, need map[int]bool) {
	if n.Key.ID != 0 {
		return
	}
	all := map[int]bool{}
	for id := range need {
		all[id] = true
	}
	reads(all, n.Filter...)
	var cols []logical.Column
	var ordinals []int
	for i, c := range n.Cols {
		if all[c.ID] {
			cols, ordinals = append(cols, c), append(ordinals, n.Ordinals[i])
		}
	}
	n.Cols, n.Ordinals = cols, ordinals
}

// pruneProjection drops expressions that nobody reads and that have no effects; one stays, as a node has columns.
func pruneProjection(n *logical.Projection, need map[int]bool) logical.Node {
	below := map[int]bool{}
	var exprs []expr.Expr
	var cols []logical.Column
	for i, e := range n.Exprs {
		if need[n.Cols[i].ID] || !expr.Deterministic(e) {
			exprs, cols = append(exprs, e), append(cols, n.Cols[i])
		}
	}
	if len(exprs) == 0 {
		// Only the number of rows counts.
		n.Input = prune(n.Input, below)
		return n.Input
	}
	n.Exprs, n.Cols = exprs, cols
	reads(below, exprs...)
	n.Input = prune(n.Input, below)
	if reorders(n) {
		return n.Input
	}
	return n
}

// reorders says if a projection only changes the order of columns, which nobody above looks at: the root and the
// parts of a union, where it counts, get a projection of their own if they need one.
func reorders(n *logical.Projection) bool {
	if len(n.Cols) != len(n.Input.Columns()) {
		return false
	}
	for i, e := range n.Exprs {
		if c, ok := e.(*expr.Column); !ok || c.Index != n.Cols[i].ID {
			return false
		}
	}
	return true
}

// pruneUnion drops the same positions of all parts.
func pruneUnion(n *logical.Union, need map[int]bool) logical.Node {
	var keep []int
	for i := range n.Cols {
		if need[n.Cols[i].ID] {
			keep = append(keep, i)
		}
	}
	if len(keep) == 0 {
		keep = []int{0}
	}
	cols := make([]logical.Column, len(keep))
	for i, k := range keep {
		cols[i] = n.Cols[k]
	}
	for i, part := range n.Parts {
		have := part.Columns()
		p := &logical.Projection{Input: part}
		below := map[int]bool{}
		for _, k := range keep {
			p.Exprs = append(p.Exprs, have[k].Ref())
			p.Cols = append(p.Cols, have[k])
			below[have[k].ID] = true
		}
		part = prune(part, below)
		p.Input = part
		if same(part.Columns(), p.Cols) {
			n.Parts[i] = part
		} else {
			n.Parts[i] = p
		}
	}
	n.Cols = cols
	return n
}

func same(a, b []logical.Column) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].ID != b[i].ID {
			return false
		}
	}
	return true
}
