package scan

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/table"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

const (
	// pageBytes is the page into which the store copies rows. A larger row comes alone in a page of its own.
	pageBytes = 64 << 10
	// pointPageBytes is that of scans of single keys, keysPageBytes that of the index entries whose rows are looked up.
	pointPageBytes = 16 << 10
	keysPageBytes  = 16 << 10
	// arenaBytes is the first page for strings that cannot be referenced where they are.
	arenaBytes = 16 << 10
	// workerBytes is what a worker holds at most, if rows are not very wide: batches shrink for it.
	workerBytes = 600 << 10
	// fewestRows is the smallest batch.
	fewestRows = 16
)

// sizes is how large a scan's pages and batches are; a pure function of the node.
type sizes struct {
	rows  int // of a batch
	page  int
	keys  int   // page of index entries; 0: none
	row   int64 // page of a row that is longer than the page
	types []types.Type
}

// sizesOf chooses the sizes. batchRows is the most rows, 0: the vector package's choice.
func sizesOf(n *physical.Scan, batchRows int) sizes {
	s := sizes{page: pageBytes, types: outputTypes(n)}
	if feeds(n) == feedIndex {
		s.keys = keysPageBytes
	}
	if n.Index.Primary || feeds(n) != feedNone {
		s.row = table.HeldRow(n.Table)
	}
	width := 0
	for _, t := range s.types {
		width += vector.RowBytes(t)
	}
	s.rows = vector.CapacityFor(width)
	if batchRows > 0 {
		s.rows = min(s.rows, batchRows)
	}
	if p := points(n); p > 0 && p <= fewestRows {
		s.rows, s.page = min(s.rows, p), pointPageBytes
	}
	for s.rows > fewestRows && s.bytes(n.Filter) > workerBytes {
		s.rows = max(s.rows/2, fewestRows)
	}
	return s
}

// bytes is what one worker holds.
func (s *sizes) bytes(filter []expr.Expr) int64 {
	total := int64(memory.PageSize(s.page)) + s.row + vector.BatchBytes(s.types, s.rows, arenaBytes)
	if s.keys > 0 {
		total += int64(memory.PageSize(s.keys))
	}
	if len(filter) > 0 {
		total += expr.EvalBytes(filter, s.rows)
	}
	return total
}

// outputTypes are those of the wanted columns and, WithKey, of the key.
func outputTypes(n *physical.Scan) []types.Type {
	out := make([]types.Type, 0, len(n.Ordinals)+1)
	for _, o := range n.Ordinals {
		out = append(out, n.Table.Columns[o].Type)
	}
	if n.WithKey {
		out = append(out, table.KeyType())
	}
	return out
}

// points is the number of single rows that the ranges name by their primary key; 0 if they are not all such.
func points(n *physical.Scan) int {
	if !n.Index.Primary {
		return 0
	}
	if n.Points != nil {
		if n.Points.Columns() == len(n.Index.Columns) {
			return n.Points.Len()
		}
		return 0
	}
	for i := range n.Ranges {
		low, high := bounds(&n.Ranges[i])
		if !table.Point(n.Index, low, high) {
			return 0
		}
	}
	return len(n.Ranges)
}

func bounds(r *physical.Range) (low, high table.Bound) {
	return table.Bound{Values: r.Low.Values, Inclusive: r.Low.Inclusive},
		table.Bound{Values: r.High.Values, Inclusive: r.High.Inclusive}
}

// A feed is where the keys of rows come from that are then read one by one; see feed.
type feedKind uint8

const (
	feedNone   feedKind = iota // rows, or entries of a covering index, are read as they lie
	feedPoints                 // the ranges are keys
	feedIndex                  // entries of an index
)

func feeds(n *physical.Scan) feedKind {
	switch {
	case points(n) > 0:
		return feedPoints
	case !n.Index.Primary && (n.Lock != physical.LockNone || !n.Table.Covers(n.Index, n.Ordinals)):
		return feedIndex
	}
	return feedNone
}

// MinBytes is what New's source holds with that many workers.
func MinBytes(n *physical.Scan, workers, batchRows int) int64 {
	s := sizesOf(n, batchRows)
	return s.bytes(n.Filter) * int64(max(workers, 1))
}
