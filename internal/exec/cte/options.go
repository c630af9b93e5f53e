package cte

import (
	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/keep"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/pagetree"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Options are what a table needs.
type Options struct {
	// Account has MinBytes of minimum for the table and its scans. It is not closed by it.
	Account   *memory.Account
	Profile   *exec.NodeProfile // gets the number of rows; may be nil
	Types     []types.Type
	PageBytes int // of a block
	BatchRows int // of scans
	Writers   int // workers that add rows, at most
	Readers   int // workers of all scans that run at once, at most

	// Recursive: rows are added in rounds; what follows is for such a table only.
	Recursive     bool
	WorkReaders   int // workers of all scans of the work table, at most
	Distinct      bool
	MaxRounds     uint64
	HasLimit      bool
	Offset, Count uint64
}

// MinBytes is what the table and its scans hold at once; Account and Profile may be nil.
func MinBytes(o Options) int64 {
	l := rows.NewLayout(o.Types, 0)
	page := l.PageBytes(o.PageBytes)
	block := int64(page) + l.OverflowBytes(page)
	write := int64(max(1, o.Writers)) * keep.SinkBytes(l, page)
	reader := block + readerBytes(&o)
	if o.Recursive {
		write = 2*block + int64(memory.PageSize(placesBytes+newBytes)) + int64(o.WorkReaders)*reader
		if o.Distinct {
			write += pagetree.MinimumPages*seenPageBytes + o.sortedBytes()
		}
	}
	return max(write, int64(o.Readers)*reader)
}

// readerBytes is what one worker of a scan holds besides a block.
func readerBytes(o *Options) int64 {
	return vector.BatchBytes(o.Types, o.BatchRows, 0) + int64(memory.PageSize(8*o.BatchRows))
}

const (
	// placesBytes is room for the places of a batch's rows, newBytes for a selection of those that are new.
	placesBytes = 8 * vector.MaxRows
	newBytes    = 2 * vector.MaxRows
	// seenPageBytes is the size of the nodes of the set of seen rows.
	seenPageBytes = pagetree.DefaultPageBytes
)
