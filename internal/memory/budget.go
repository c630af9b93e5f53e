package memory

import (
	"sort"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

const mib = 1 << 20

// MinServerLimit is the smallest tidb_server_memory_limit that is accepted, in bytes.
const MinServerLimit = 192 * mib

// Budget is how a server's limit is divided: Limit = Pool + Heap + Storage + Fixed + Margin. All in bytes. The figures
// are measured ones; docs/memory.md has the table, and a test on the real server holds it to them.
type Budget struct {
	Limit   int64
	Pool    int64 // P: pages
	Heap    int64 // H: the Go heap with its stacks
	Storage int64 // S: the storage engine's malloc
	Fixed   int64 // F = Files + Buffers: what does not grow
	Margin  int64 // never granted

	Files   int64 // file mappings of the binary, all of it resident
	Buffers int64 // of temporary storage, for compression (spill.Store.FixedBytes)

	GoMemoryLimit int64 // GOMEMLIMIT: 0.75 H, as the collector overshoots
	HeapLedger    int64 // what may be reserved of the heap: live bytes at which the collector stays cheap
	CacheBytes    int64 // the storage engine's cache, from which memtables reserve
	MemtableBytes int64 // one of two
	Compactions   int   // at once
}

// BudgetFor divides limit. Error: limit under MinServerLimit.
func BudgetFor(limit int64) (Budget, error) {
	if limit < MinServerLimit {
		return Budget{}, sqlerr.Newf(sqlerr.ErrWrongValueForVar,
			"tidb_server_memory_limit of %d bytes is under the smallest possible, %d", limit, int64(MinServerLimit))
	}
	b := Budget{Limit: limit, Files: 44 * mib, Buffers: 2 * mib, Compactions: 1}
	b.Fixed = b.Files + b.Buffers
	b.Heap = clamp(limit*12/100, 48*mib, 2<<30)
	b.GoMemoryLimit = b.Heap * 3 / 4
	// Storage at work (flush, compaction, open iterators) keeps up to 11 MiB of the heap live.
	b.HeapLedger = max(b.GoMemoryLimit*6/10-11*mib, 8*mib)
	switch {
	case limit >= 1<<30:
		// 52 MiB at 1 GiB, and 4 % of what is over it, so that S stays near 6 %.
		b.CacheBytes = 52*mib + (limit-1<<30)/24
		b.MemtableBytes = clamp(8*mib+(limit-1<<30)/256, 8*mib, 64*mib)
		b.Compactions = 2
	case limit >= 256*mib:
		// From 20 MiB at 256 MiB to 52 at 1 GiB.
		b.CacheBytes = 20*mib + (limit-256*mib)*32/768
		b.MemtableBytes = 4*mib + (limit-256*mib)*4/768
	default:
		b.CacheBytes, b.MemtableBytes = 18*mib, 3*mib
	}
	// Compactions take 4 MiB each, and the one arena of malloc has holes, the more, the larger the cache.
	b.Storage = b.CacheBytes + 2*b.MemtableBytes + int64(b.Compactions)*4*mib + max(b.CacheBytes-20*mib, 0)/16
	b.Margin = max(limit*4/100, 8*mib)
	b.Pool = b.Limit - b.Heap - b.Storage - b.Fixed - b.Margin
	return b, nil
}

// LimitForHeapLedger is the smallest limit, in whole MiB, whose heap ledger has n bytes; 1 TiB if there is none.
func LimitForHeapLedger(n int64) int64 {
	const largest = 1 << 20 // MiB
	limit := sort.Search(largest, func(i int) bool {
		b, err := BudgetFor(int64(i) * mib)
		return err == nil && b.HeapLedger >= n
	})
	return int64(limit) * mib
}

func clamp(v, low, high int64) int64 { return max(low, min(v, high)) }
