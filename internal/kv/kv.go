// Package kv is the ordered, transactional key-value interface that tables are stored through. It owns no data;
// kv/local implements it on Pebble, kv/tikv will on TiKV, and both pass kv/kvtest.
//
// Keys and values are byte strings; keys order as bytes. Data of a scan is copied into pages that the caller owns, so
// nothing read from the store lives on the Go heap in proportion to rows.
//
// Keys do not begin with 0xFF: those are the store's own. Values may be as long as 1 GiB.
//
// # Invariants
//
//	K1 no iterator of the engine outlives a wait or a flush: Iterator.Pause closes it, the next NextBatch seeks again
//	   in the same snapshot; an iterator does so by itself when a flush has happened.
//	K2 a statement reads the writes of earlier statements of its transaction, never its own.
//	K3 a commit is atomic and durable when Commit returns nil.
package kv

import (
	"context"
	"errors"
	"time"

	"github.com/spillwaydb/spillway/internal/memory"
)

// Key and Value are byte strings. Those passed in are not kept; those handed out say how long they live.
type (
	Key   = []byte
	Value = []byte
)

// Span is the keys k with Start <= k < End; an empty End is no bound.
type Span struct{ Start, End Key }

// Spans lists spans in ascending order that do not overlap; all have an end. It does not change while it is scanned.
type Spans interface {
	Len() int
	// Span gives the i-th. Its bytes live until the next call.
	Span(i int) Span
}

// ErrLater is what Pairs.Large returns to be asked again for the same pair.
var ErrLater = errors.New("kv: a pair is to be read later")

// Pairs receives the rows of a scan: bytes in one page, described by offsets. The caller owns Buf, which lies in a
// page. A batch has at most len(Ends)/2 pairs.
type Pairs struct {
	Buf  []byte  // room for keys and values; NextBatch fills it from the front
	Ends []int32 // room for two ends a pair: of the key and of the value, offsets in Buf; from memory the caller owns
	N    int     // pairs filled in
	// Of, if not nil, has room for a number a pair: of ScanSpans' spans, the one that the pair is of.
	Of []int32
	// Large, if not nil, is called for a pair that does not fit an empty Buf; it returns room for n bytes, in which the
	// pair is delivered alone (Buf is replaced for that batch), or a refusal, which NextBatch returns. After ErrLater
	// the next NextBatch asks again; every other refusal ends the scan.
	Large func(n int) ([]byte, error)
	// KeysOnly leaves the values empty.
	KeysOnly bool
	big      []byte
}

// Key returns pair i's key; it lives until the next NextBatch.
func (p *Pairs) Key(i int) []byte {
	start := int32(0)
	if i > 0 {
		start = p.Ends[2*i-1]
	}
	return p.Bytes()[start:p.Ends[2*i]]
}

// Value returns pair i's value; it lives until the next NextBatch.
func (p *Pairs) Value(i int) []byte { return p.Bytes()[p.Ends[2*i]:p.Ends[2*i+1]] }

// Bytes is where the pairs of the last NextBatch lie: Buf, or what Large gave.
func (p *Pairs) Bytes() []byte {
	if p.big != nil {
		return p.big
	}
	return p.Buf
}

// SetBig is for implementations: the batch's one pair lies in b. nil: in Buf.
func (p *Pairs) SetBig(b []byte) { p.big = b }

// ScanOptions are how a span is read.
type ScanOptions struct {
	Reverse bool
	// Once says that the data is not expected to be read again soon, so it should not wash the cache.
	Once bool
	// First is the most pairs of each of ScanSpans' spans; 0: all of them.
	First int
}

// Iterator reads a span in order. One goroutine at a time.
type Iterator interface {
	// NextBatch fills p with the next pairs, up to maxPairs, and returns false at the end of the span. An error but
	// ErrLater ends the scan, the end of ctx included: later calls repeat it.
	NextBatch(ctx context.Context, p *Pairs, maxPairs int) (bool, error)
	// Pause gives back the engine's resources and keeps the position.
	Pause() error
	Close() error // repeatable
}

// Reader reads one state of the store.
type Reader interface {
	// Get appends key's value to dst and says if there is one.
	Get(ctx context.Context, key Key, dst []byte) ([]byte, bool, error)
	// GetInto reads key's value into what room returns when it is told how long the value is, and says if there is
	// one. If room returns less than that, only as much of the value is read. An error of room's is returned. For
	// values that may be large: Get has room on the Go heap only.
	GetInto(ctx context.Context, key Key, room func(n int) ([]byte, error)) (Value, bool, error)
	// Scan opens an iterator; acct is charged for what the engine holds for it.
	Scan(acct *memory.Account, s Span, o ScanOptions) (Iterator, error)
	// ScanSpans opens an iterator over the pairs of all spans, in one pass: it seeks only what is not near. Not for
	// ScanOptions.Reverse. The list is asked until the iterator is closed.
	ScanSpans(acct *memory.Account, s Spans, o ScanOptions) (Iterator, error)
	Close() error // repeatable; iterators are closed first, and all of it before the transaction ends
}

// LockMode is how a key is locked; waits follow LockOptions.
type LockMode uint8

const (
	LockShared LockMode = iota
	LockExclusive
)

// LockOptions say how to wait for a lock.
type LockOptions struct {
	Mode       LockMode
	Timeout    time.Duration // innodb_lock_wait_timeout; 0: NOWAIT (sqlerr.ErrLockNowait)
	SkipLocked bool          // Lock answers NotLocked instead of waiting
}

// Locked is the answer of Txn.Lock.
type Locked uint8

const (
	NotLocked  Locked = iota // another transaction holds it; only with LockOptions.SkipLocked
	LockHeld                 // the transaction had it before
	LockTaken                // it is the transaction's from now on
	LockWaited               // as LockTaken, but it had to wait for it: others have ended meanwhile
)

// TxnOptions are a transaction's properties.
type TxnOptions struct {
	ReadOnly bool
	// Account pays for the write set, which lies on evictable blocks, and for locks. It outlives the transaction.
	Account *memory.Account
	// Wait wraps whatever blocks on a row lock (memory.Statement.Wait parks the statement if it lasts); nil: nothing
	// does. It may fail without calling wait.
	Wait func(ctx context.Context, wait func(context.Context) error) error
}

// Txn is a transaction at snapshot isolation with row locks. One goroutine at a time, but for readers made by Snapshot.
type Txn interface {
	// BeginStatement starts statement n+1: it reads what statements 1..n wrote (K2). current: the read view is taken
	// anew (READ COMMITTED), else it is that of the statement before; the first statement takes one. Nothing else but
	// Begin, Lock and the end of the transaction is allowed before the first statement. Once ctx has ended, Set and
	// Delete may fail with its cause until the next statement: very many writes may make one of them long.
	BeginStatement(ctx context.Context, current bool) (int, error)
	// RollbackTo undoes the writes of statements after n: failed statements, savepoints. Locks stay. The numbers of
	// later statements go on behind those undone. Readers of statements after n+1 must have been closed.
	// After an error it is repeated, or the transaction rolled back.
	RollbackTo(n int) error
	// Reader reads what the current statement may see; it may be used by several workers, each with its own iterators.
	// It stays valid, and unchanged, while later statements write.
	Reader() (Reader, error)
	// Latest reads the latest committed state and this transaction's writes, the current statement's included: for
	// duplicate checks and locking reads. Each Get and each Scan takes the state anew; a scan sees writes of its own
	// transaction that happen meanwhile behind its position, at the latest from the next batch on.
	Latest() (Reader, error)
	// Current reads the latest committed state as of this call, with the writes of earlier statements: for locking
	// reads. Unlike Latest it is one state, and has nothing of the statement that reads (K2).
	Current() (Reader, error)
	// Commits counts the store's commits. One that is not counted yet still holds its locks, so if the number is the
	// same before Current and after the locks were had on what was read there, nobody has changed that in between.
	Commits() uint64
	// Lock takes a row lock for the rest of the transaction. Errors: ErrLockWaitTimeout, ErrLockDeadlock (the
	// transaction is to be rolled back), ErrLockNowait.
	Lock(ctx context.Context, key Key, o LockOptions) (Locked, error)
	// Set and Delete write to the current statement. They take no lock and commits check nothing: whoever writes locks
	// the key first and reads Latest then, or loses updates.
	Set(key Key, value Value) error
	Delete(key Key) error
	// DeleteSpan deletes a whole span at commit, for TRUNCATE and DROP, ahead of the transaction's other writes. Its
	// own reads do not see it. End is not empty.
	DeleteSpan(s Span) error
	// Ingest adds a sorted run of keys, which may be larger than any write set: it is written to files now, and becomes
	// part of the store with Commit. The transaction's own reads do not see it; the keys lie in spans of their own, in
	// which neither the store has anything nor the transaction writes or deletes.
	Ingest(ctx context.Context, src SortedSource) error
	// Commit ends the transaction, also when it fails; nothing of it is stored then. ctx may end it until the writes
	// are handed to the engine.
	Commit(ctx context.Context) error
	Rollback() error // repeatable; nothing after Commit
	// WriteBytes is the size of the write set.
	WriteBytes() int64
}

// SortedSource gives pairs in ascending key order, for Ingest. Bytes live until the next call.
type SortedSource interface {
	Next(ctx context.Context) (Key, Value, bool, error)
}

// Stats are the engine's figures.
type Stats struct {
	CacheBytes, CacheCapacity            int64
	CacheHits, CacheMisses               int64
	MemtableBytes, ZombieMemtableBytes   int64
	DiskBytes                            int64
	Files                                int64
	Flushes, Compactions                 int64
	Trims                                int64         // free C memory given back so often
	OldestSnapshot                       time.Duration // age of the oldest read view
	Snapshots, Iterators, Locks, Waiters int64
	Text                                 string // the engine's own report
}

// Store is an ordered transactional store.
type Store interface {
	Begin(ctx context.Context, o TxnOptions) (Txn, error)
	// Snapshot is a read view of the latest committed state, for reads outside of transactions.
	Snapshot(ctx context.Context) (Reader, error)
	// Ingest adds a sorted run of keys that are not in the store's span yet, atomically and durably.
	Ingest(ctx context.Context, acct *memory.Account, src SortedSource) error
	// SplitPoints cuts s into at most n spans of about equal size, in order.
	SplitPoints(ctx context.Context, s Span, n int) ([]Span, error)
	// Size estimates the bytes of a span, written but not flushed data included as far as known.
	Size(ctx context.Context, s Span) (int64, error)
	Stats() Stats
	Close() error
}
