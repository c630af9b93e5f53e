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

// GroupStore is implemented by a BlockStore to which several small blocks at once are less work than one by one.
type GroupStore interface {
	BlockStore
	// WriteGroup stores blocks side by side, as far as there is room, and fills in their slots; the slot of a block
	// that was not stored is 0. It fails if none found room, and for any other reason also if some are stored.
	WriteGroup(owner uint64, blocks [][]byte, slots []Slot) error
	// ReadGroup brings blocks back. After an error none is of use.
	ReadGroup(slots []Slot, blocks [][]byte) error
	// Behind tells if next lies right behind slot, so that both are read at once.
	Behind(slot, next Slot) bool
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
