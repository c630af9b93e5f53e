package memory

import "time"

// AccountStats are an account's figures in bytes, its descendants included.
type AccountStats struct {
	Current      int64 // pages committed: held, leased and unpinned in memory
	Peak         int64
	Minimum      int64
	Leased       int64
	SpilledBytes int64 // uncompressed bytes written to temporary storage so far
	DiskBytes    int64 // bytes of temporary storage in use
	DiskPeak     int64
	WrittenBytes int64 // what SpilledBytes came to on disk, compressed
	ReadBytes    int64 // uncompressed bytes read back
	SpillNanos   int64 // time spent waiting for eviction and for reading back
	WriteNanos   int64 // time spent writing, by evictors as well
}

// AccountInfo is an account in a listing.
type AccountInfo struct {
	Name  string
	Stats AccountStats
}

// PoolStats are the pool's figures in bytes.
type PoolStats struct {
	Limit, Committed, Evictable, Idle int64
	Minimums, Leases                  int64
	Waiting                           int           // statements queued for admission
	LongestWait                       time.Duration // of those now waiting
	HeapReserved, HeapLimit           int64
	HeapWaiting                       int // new work that waits for heap
	Evictions, Reloads, Drift         int64
	Descriptors                       int64 // bytes of page descriptors, part of Committed
	Shrinking                         bool  // little is left: blocks are being evicted for others, or statements wait
}
