package local

import (
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/spillwaydb/spillway/internal/memory"
)

// Logger takes the engine's messages: Infof is its chatter about flushes and compactions, Errorf what somebody should
// read. Both are called from any goroutine.
type Logger interface {
	Infof(format string, args ...any)
	Errorf(format string, args ...any)
}

// Options are how a store is opened. Path and Account are required.
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
	// MinFreeDiskBytes must be free on the disk, or commits are refused: a write-ahead log that hits a full disk ends
	// the process. 0: DefaultMinFreeDiskBytes; negative: not looked at.
	MinFreeDiskBytes int64
	// SpaceBytes is the length of the prefix that the keys of a table's rows, or of an index, have in common:
	// transactions that lock many keys with the same prefix lock ranges. 0: they do not.
	SpaceBytes int
	// MaxLocks bounds the row locks of all transactions; 0: DefaultMaxLocks.
	MaxLocks int64

	// largeBytes and chunkBytes are for tests; 0: the constants of these names.
	largeBytes, chunkBytes int

	Logger Logger // nil: none
	// Fatal is told when the engine cannot go on: a write-ahead log that cannot be written or synced leaves it in
	// doubt what is durable. It must end the process; nil: write to standard error and exit.
	Fatal func(err error)
}

// Defaults of Options, for a memory limit of 256 MiB.
const (
	DefaultCacheBytes       = 20 << 20
	DefaultMemtableBytes    = 4 << 20
	DefaultMaxLocks         = 4 << 20
	DefaultMinFreeDiskBytes = 64 << 20
)

const (
	// blockBytes: 16 KiB cost 8 % on scans and save 25 % on point reads against 32 KiB.
	blockBytes = 16 << 10
	// tableBytes is the size of ingested files, and what compactions write in the lower levels. L0 files are as large
	// as memtables make them.
	tableBytes = 32 << 20
	// maxOpenFiles bounds descriptors and the readers on the Go heap (1 to 2 KiB each).
	maxOpenFiles = 500
	// bloomBitsPerKey gives 1 % of false positives.
	bloomBitsPerKey = 10
	// formatMajorVersion is Pebble's, pinned so that an upgrade of the library is a decision.
	formatMajorVersion = pebble.FormatValueSeparation
)

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = DefaultCacheBytes
	}
	if o.MemtableBytes <= 0 {
		o.MemtableBytes = DefaultMemtableBytes
	}
	if o.MaxConcurrentCompactions <= 0 {
		o.MaxConcurrentCompactions = 1
	}
	if o.MaxLocks <= 0 {
		o.MaxLocks = DefaultMaxLocks
	}
	if o.MinFreeDiskBytes == 0 {
		o.MinFreeDiskBytes = DefaultMinFreeDiskBytes
	}
	if o.largeBytes == 0 {
		o.largeBytes, o.chunkBytes = largeBytes, chunkBytes
	}
	if o.Logger == nil {
		o.Logger = noLogger{}
	}
	if o.Fatal == nil {
		o.Fatal = exit
	}
	return o
}

// engine makes Pebble's options. cache belongs to the caller.
func (o Options) engine(cache *pebble.Cache, l *pebble.EventListener, log pebble.Logger) *pebble.Options {
	p := &pebble.Options{
		FS:                          o.FS,
		ReadOnly:                    o.ReadOnly,
		Cache:                       cache,
		FormatMajorVersion:          formatMajorVersion,
		MemTableSize:                uint64(o.MemtableBytes),
		MemTableStopWritesThreshold: 2,
		MaxOpenFiles:                maxOpenFiles,
		CompactionConcurrencyRange:  func() (int, int) { return 1, o.MaxConcurrentCompactions },
		// The space of a TRUNCATE comes back soon, also when nothing else is written.
		FlushDelayDeleteRange: 10 * time.Second,
		EventListener:         l,
		Logger:                log,
	}
	p.TargetFileSizes[0] = max(2<<20, o.MemtableBytes)
	for i := range p.TargetFileSizes[1:] {
		p.TargetFileSizes[i+1] = tableBytes
	}
	p.Levels[0].BlockSize = blockBytes
	p.Levels[0].FilterPolicy = bloom.FilterPolicy(bloomBitsPerKey)
	// The engine does not read filters of the last level, where most keys are.
	p.Levels[len(p.Levels)-1].FilterPolicy = pebble.NoFilterPolicy
	p.EnsureDefaults()
	return p
}
