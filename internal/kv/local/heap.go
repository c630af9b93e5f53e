package local

import (
	"context"

	"github.com/spillwaydb/spillway/internal/memory"
)

// What the engine's parts take of the Go heap, as far as it is in proportion to something (L4).
const (
	// iteratorHeapBytes: the iterator with its levels, and the readers' iterators of each.
	iteratorHeapBytes = 24 << 10
	// writerHeapBytes: blocks, filter and index of one table of 32 MiB.
	writerHeapBytes = 6 << 20
	// chunksHeapBytes: likewise, of a table of chunks beside it. Blocks and keys of chunks are few.
	chunksHeapBytes = 2 << 20
)

// ledger is a heap ledger that may be missing.
type ledger struct{ heap *memory.HeapLedger }

// reserveAtWork is for statements under way.
func (l ledger) reserveAtWork(a *memory.Account, n int64) error {
	if l.heap == nil || a == nil {
		return nil
	}
	return l.heap.ReserveAtWork(a, n)
}

// reserveCommit is for commits, which wait for it rather than fail.
func (l ledger) reserveCommit(ctx context.Context, a *memory.Account, n int64) (memory.CommitHeap, error) {
	if l.heap == nil || a == nil {
		return memory.CommitHeap{}, nil
	}
	return l.heap.ReserveCommit(ctx, a, n)
}

func (l ledger) release(a *memory.Account, n int64) {
	if l.heap != nil && a != nil {
		l.heap.Release(a, n)
	}
}
