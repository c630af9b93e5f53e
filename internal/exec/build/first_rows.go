package build

import "github.com/spillwaydb/spillway/internal/plan/physical"

// filteredRows is the batch of a scan of which only the first rows are wanted, where some do not pass a filter.
const filteredRows = 64

// firstRows notes that so many rows of a node are wanted: a scan below does not read far beyond them. A part of a plan
// that runs for each row of another one would else spend its time there.
func (b *builder) firstRows(n physical.Node, rows uint64) {
	for {
		switch in := n.(type) {
		case *physical.Projection:
			n = in.Input
			continue
		case *physical.Selection:
			n, rows = in.Input, max(rows, filteredRows)
			continue
		case *physical.Scan:
			if b.first == nil {
				b.first = map[*physical.Scan]uint64{}
			}
			b.first[in] = rows
		}
		return
	}
}

// scanRows is the batch of a scan, which is the plan's node s, or made of it.
func (b *builder) scanRows(s, n *physical.Scan) int {
	rows, ok := b.first[s]
	if !ok {
		return b.sizing.BatchRows
	}
	if len(n.Filter) > 0 {
		rows = max(rows, filteredRows)
	}
	return int(min(max(rows, 1), uint64(b.sizing.BatchRows)))
}
