package memory

// Slot is where a block lies in the BlockStore. Opaque to this package; 0 is none.
type Slot struct{ Lo, Hi uint64 }

// BlockStore is where evicted blocks go. All methods may be called in parallel.
type BlockStore interface {
	// Write stores data, a page of the pool. owner is a number of the statement, for quotas. On an error nothing stays.
	Write(owner uint64, data []byte) (Slot, error)
	// Read brings a block back into dst, whose length is that of the data written.
	Read(s Slot, dst []byte) error
	Free(owner uint64, s Slot)
	DiskBytes(s Slot) int64
}

// OwnerQuotas is implemented by a BlockStore that limits the space of single statements.
type OwnerQuotas interface {
	// Open announces an owner before its first write; bytes <= 0 means no limit of its own.
	Open(owner uint64, bytes int64)
	// Close forgets an owner. Its slots have all been freed.
	Close(owner uint64)
}

// Reclaimer is a cache that gives memory back when asked.
type Reclaimer interface {
	// Reclaim frees up to n bytes and says how many.
	Reclaim(n int64) int64
}
