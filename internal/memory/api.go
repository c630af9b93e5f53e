package memory

import (
	"context"
	"time"
	"unsafe"
)

// Page sizes in bytes.
const (
	MinPageBytes = 4 << 10
	MaxPageBytes = 128 << 20
)

// Ref is the offset of a byte of a page from the pool's base. 48 bits are used; 0 is no reference.
type Ref uint64

// Base is the pool's base address. Copied by value into a local once per batch.
type Base struct{ p unsafe.Pointer }

// At returns the address of r. It must lie in a page that the caller has pinned.
func (b Base) At(r Ref) unsafe.Pointer { return unsafe.Add(b.p, uintptr(r)) }

// Slice returns n values of T at r. T must hold no Go pointers. The slice dies with the pin of its page.
func Slice[T any](b Base, r Ref, n int) []T { return unsafe.Slice((*T)(b.At(r)), n) }

// Bytes returns n bytes at r.
func Bytes(b Base, r Ref, n int) []byte { return unsafe.Slice((*byte)(b.At(r)), n) }

// Kind says on what a pinned page counts.
type Kind uint8

const (
	// Held pages count on the operator's minimum. Beyond it they are tried as surplus, and are a bug under invariants.
	Held Kind = iota
	// Leased pages are surplus: refused with sqlerr.ErrNoSurplus when there is none, asked back by Account.Revoked.
	Leased
)

// Page is a page that is never evicted (but see Statement.Park). The zero Page is none. It holds no Go pointers.
type Page struct {
	Ref   Ref
	class uint8
	kind  Kind
}

// BlockID names an evictable block of the pool; 0 is none.
type BlockID uint32

// Reuse tells the evictor what the owner will do with a block that it unpins.
type Reuse uint8

const (
	ReuseUnknown Reuse = iota // least recently unpinned goes first
	ReuseSoon                 // goes last
	ReuseLate                 // goes first: written in order, read back much later
)

// AccountStats are an account's figures in bytes, its descendants included.
type AccountStats struct {
	Current      int64 // pages committed: held, leased and unpinned in memory
	Peak         int64
	Minimum      int64
	Leased       int64
	SpilledBytes int64 // uncompressed bytes written to temporary storage so far
	DiskBytes    int64 // bytes of temporary storage in use
	DiskPeak     int64
	ReadBytes    int64 // uncompressed bytes read back
	SpillNanos   int64 // time spent waiting for eviction and for reading back
}

// StatementOptions are the limits of one statement.
type StatementOptions struct {
	ConnID     uint64
	Name       string // what the process list shows; may be empty
	QuotaBytes int64  // tidb_mem_quota_query; <= 0: only the pool's limit
	// CancelAtQuota: tidb_mem_oom_action = CANCEL. Else LOG: over the quota it spills first, then goes on in the
	// pool's limit.
	CancelAtQuota bool
	// Spill: tidb_enable_tmp_storage_on_oom. Without it nothing of this statement is evicted: it fails at its quota
	// with sqlerr.QuotaError.
	Spill bool
	// ForceSpill evicts each block as soon as it is unpinned, for tests.
	ForceSpill bool
	// TempQuotaBytes limits the statement's temporary storage; 0: none of its own.
	TempQuotaBytes int64
	// OnEvent is called at most once for each kind of event, from any goroutine.
	OnEvent func(Event)
}

// EventKind is a step taken under pressure, in TiDB's terms.
type EventKind uint8

const (
	EventSpill   EventKind = iota // "memory exceeds quota, spill to disk now."
	EventAggMode                  // "memory exceeds quota, set aggregate mode to spill-mode" (raised by the operator)
	EventQuota                    // over the quota, action LOG
)

// Event is what happened to a statement under pressure; bytes.
type Event struct {
	Kind     EventKind
	Consumed int64
	Quota    int64
}

// WaitReason is why a worker waits; shown in the process list.
type WaitReason string

// MemoryAPI is what the rest of the server uses of this package, written out once; *Pool, *Account, *Statement and
// *HeapLedger have these methods.
type (
	poolAPI interface {
		Base() Base
		Server() *Account
		NewStatement(parent *Account, o StatementOptions) *Statement
		Heap() *HeapLedger
		Stats() PoolStats
		SetLimit(bytes int64) // lower or raise P at run time (SET GLOBAL, the guard)
		Close() error         // bytes left are reported
	}
	accountAPI interface {
		Child(name string) *Account // a user, a session
		Name() string
		Stats() AccountStats
		Close() // M5

		// Alloc returns a pinned page of at least size bytes; its bytes are undefined. PageSize rounds.
		Alloc(size int, kind Kind) (Page, error)
		Free(p Page) // zero Page: nothing

		// NewBlock returns a new pinned block; blocks belong to the account until freed. Any goroutine may pin.
		NewBlock(size int, kind Kind) (BlockID, Ref, error)
		Pin(id BlockID, kind Kind) (Ref, error) // nested pins count; the Ref may differ from the last pin's
		Unpin(id BlockID, reuse Reuse)
		FreeBlock(id BlockID) // pinned once by the caller, or unpinned
		BlockSize(id BlockID) int
		Prefetch(ids ...BlockID) // best effort, never blocks, only into surplus

		// Revoked: the pool wants this account's leases back. Read between batches.
		Revoked() bool
		// Surplus is an estimate of the bytes that could be leased now under quota and pool; never a promise.
		Surplus() int64
		Context() context.Context
		Base() Base
		Children() []AccountInfo // for EXPLAIN ANALYZE, process list, error texts
	}
	statementAPI interface {
		// Admit waits in the queue until minBytes are granted. Once per statement. Errors: QuotaError if
		// minBytes > quota, AdmissionTimeoutError, ctx's error.
		Admit(ctx context.Context, minBytes int64) error
		Account() *Account
		// Operator opens an operator's account with its share of the granted minimum; the share returns on Close.
		Operator(name string, minBytes int64) (*Account, error)
		// Wait runs wait, which blocks on something else than memory, on behalf of one of the workers. If it lasts
		// more than 10 ms while all workers of the statement wait, the statement is parked until one goes on.
		Wait(ctx context.Context, why WaitReason, wait func(context.Context) error) error
		AddWorkers(n int) // workers running for the statement; negative when they end
		Waiting() WaitReason
		Fail(err error) // poison: first error wins, cancels Context
		Err() error
		Event(k EventKind)
		Close() // frees what is left, closes operators' accounts
	}
	heapAPI interface {
		// Reserve charges n bytes of Go heap to a before they are allocated; refusal is sqlerr.QuotaError or
		// ServerMemoryError.
		Reserve(a *Account, n int64) error
		Release(a *Account, n int64)
	}
)

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
	Evictions, Reloads, Drift         int64
}

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

// Reclaimer is a cache that gives memory back when asked.
type Reclaimer interface {
	// Reclaim frees up to n bytes and says how many.
	Reclaim(n int64) int64
}
