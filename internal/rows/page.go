package rows

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Bounds of the page size of blocks.
const (
	MinPageBytes = 16 << 10
	// MaxPageBytes is where transfers to disk reach most of its bandwidth.
	MaxPageBytes = 256 << 10
	// pagesPerWorker is how many pages of its quota each worker can have: a 16-way partitioner for a few operators.
	pagesPerWorker = 256
)

// PageBytes is the page size of a statement's blocks: clamp(quota / (workers * 256), 16 KiB, 256 KiB), rounded down to
// a page's size. quotaBytes <= 0: no quota.
func PageBytes(quotaBytes int64, workers int) int {
	if quotaBytes <= 0 {
		return MaxPageBytes
	}
	n := int(min(max(quotaBytes/int64(max(workers, 1)*pagesPerWorker), MinPageBytes), MaxPageBytes))
	if p := memory.PageSize(n); p > n {
		return p / 2
	}
	return n
}

// BatchRows is the number of rows of a batch whose vectors take some four pages, at most vector.CapacityFor: what reads
// the batch has room for as many.
func BatchRows(columns []types.Type, pageBytes int) int {
	width := 0
	for _, t := range columns {
		width += vector.RowBytes(t)
	}
	return max(batchRowsLeast, min(vector.CapacityFor(width), batchPages*max(pageBytes, MinPageBytes)/max(1, width)))
}

const (
	batchPages     = 4
	batchRowsLeast = 16
)
