package local

import (
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/spillwaydb/spillway/internal/memory"
)

// Logger takes the engine's messages: Infof is its chatter about flushes and compactions, Errorf what somebody should
// read. Both are called from any goroutine.
type Logger interface {
	Infof(format string, args ...any)
	Errorf(format string, args ...any)
}

// Options are how a store is opened. Path, Account are required.
type Options struct {
	// Path is the data directory; it is made if need be.
	Path string
	// FS is where Path lies; nil: the operating system's.
	FS vfs.FS
	// ReadOnly opens without writing anything, for inspection.
	ReadOnly bool

	// CacheBytes is the block cache's size, from which memtables reserve; 0: DefaultCacheBytes.
	CacheBytes int64
	// MemtableBytes is the size of one of the two memtables; 0: DefaultMemtableBytes.
	MemtableBytes int64
	// MaxConcurrentCompactions; 0: 1.
	MaxConcurrentCompactions int

	// Account is the parent of the store's own accounts (the lock table); the server's.
	Account *memory.Account
	// Heap is charged for batches, table writers and iterators; nil: nothing is.
	Heap *memory.HeapLedger
	// MaxLocks bounds the row locks of all transactions; 0: DefaultMaxLocks.
	MaxLocks int64

	Logger Logger // nil: none
	// Fatal is told when the engine cannot go on: a write-ahead log that cannot be written or synced leaves it in
	// doubt what is durable. It must end the process; nil: write to standard error and exit.
	Fatal func(err error)
}

// Defaults of Options, for a memory limit of 256 MiB.
const (
	DefaultCacheBytes    = 20 << 20
	DefaultMemtableBytes = 4 << 20
	DefaultMaxLocks      = 4 << 20
)
