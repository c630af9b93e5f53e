package local

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/pagetree"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// A lockTable holds the row locks of all transactions.
//
// A lock is known by the hash of its key: 64 bits with a seed of the process, so that two keys share a lock once in
// 10^13 pairs, which costs an unneeded wait. Holders are in ordered maps on evictable blocks, as many as rows that are
// locked; queues are on the Go heap, as many as transactions that wait.
//
//	entry: hash → mode u8, transaction u64...
//
// A lock is granted at once if nobody holds it in a way that conflicts and nobody waits for it; else the transaction
// joins the end of its queue. One that holds the lock as shared and wants it exclusive goes to the front, since those
// in the queue wait for it anyway. A release grants the queue from its front, as far as modes allow.
//
// Transactions that have ended hold nothing, whatever entries say: should an entry not be readable when its transaction
// ends, it is garbage, not a lock.
//
// Lock order: ranges, shards by index, then active.
type lockTable struct {
	seed   maphash.Seed
	acct   *memory.Account
	limit  int64
	ranges lockSpaces
	held   atomic.Int64 // entries
	queued atomic.Int64 // waiters
	shards [lockShards]lockShard

	activeMu sync.Mutex
	active   map[uint64]*lockOwner
}

// lockShards bounds contention; a shard's mutex is held for a search in a map, in memory as a rule.
const lockShards = 16

type lockShard struct {
	mu sync.Mutex
	// mu protects following.
	entries *pagetree.Tree
	queues  map[uint64]*lockQueue
	buffer  []byte
}

// A lockOwner is a transaction as the lock table sees it.
type lockOwner struct {
	id    uint64
	held  *pagetree.Tree // number → hash: what to release, in order of locking
	waits *waiter        // the one lock it waits for; all shards' mutexes protect it, any one suffices to read its own
	// shares are what it has in spaces, lastShare the one asked for last. Its own goroutine reads and writes them.
	shares    []*lockShare
	lastShare *lockShare
	// weight is how much is lost if the transaction is rolled back: locks and rows written.
	weight atomic.Int64
}

type lockQueue struct{ waiters []*waiter }

// A waiter is a transaction in a queue. answer gets one value: nil when the lock is granted, or why it is not.
type waiter struct {
	owner  *lockOwner
	hash   uint64
	mode   kv.LockMode
	answer chan error
}

// lockTreeOptions: small nodes, as 16 maps are never empty for long.
var lockTreeOptions = pagetree.Options{PageBytes: memory.MinPageBytes, Kind: memory.InOperation}

// operation begins an operation on a shard and on the list of a transaction.
func (l *lockTable) operation() memory.Operation { return begin(l.acct, 0) }

// newLockTable returns an empty table. prefix is Options.SpaceBytes.
func newLockTable(acct *memory.Account, limit int64, prefix int) *lockTable {
	l := &lockTable{seed: maphash.MakeSeed(), acct: acct, limit: limit, active: map[uint64]*lockOwner{}}
	l.ranges = lockSpaces{
		table: l, prefix: prefix, after: rangeAfter, anyway: rangeAnyway, spaces: map[string]*lockSpace{},
	}
	for i := range l.shards {
		l.shards[i].entries = pagetree.New(acct, lockTreeOptions)
		l.shards[i].queues = map[uint64]*lockQueue{}
	}
	return l
}

// close frees the table's memory; nobody uses it any longer.
func (l *lockTable) close() {
	op := l.operation()
	defer func() {
		op.End()
		l.acct.Close()
	}()
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		s.entries.Clear()
		s.mu.Unlock()
	}
}

// figures counts locks and waiters.
func (l *lockTable) figures() (locks, waiters int64) { return l.held.Load(), l.queued.Load() }

// enter registers a transaction; what it locks is listed in a map charged to acct.
func (l *lockTable) enter(id uint64, acct *memory.Account) *lockOwner {
	o := &lockOwner{id: id, held: pagetree.New(acct, treeOptions)}
	l.activeMu.Lock()
	l.active[id] = o
	l.activeMu.Unlock()
	return o
}

func (l *lockTable) shard(hash uint64) *lockShard { return &l.shards[hash%lockShards] }

// lock takes key's lock for o. wait wraps what blocks.
func (l *lockTable) lock(ctx context.Context, o *lockOwner, key []byte, lo kv.LockOptions,
	wait func(context.Context, func(context.Context) error) error) (kv.Locked, error) {
	granted, done, share, err := l.ranges.take(o, key, lo)
	if done {
		return granted, err
	}
	granted, err = l.lockOne(ctx, o, key, lo, wait)
	if granted == kv.NotLocked || granted == kv.LockHeld {
		l.ranges.drop(share)
	}
	return granted, err
}

// lockOne takes the lock of a key that is in no range.
func (l *lockTable) lockOne(ctx context.Context, o *lockOwner, key []byte, lo kv.LockOptions,
	wait func(context.Context, func(context.Context) error) error) (kv.Locked, error) {
	granted, w, err := l.grantOrJoin(o, maphash.Bytes(l.seed, key), lo)
	if w == nil {
		return granted, err
	}
	l.breakDeadlocks(w)
	deadline := time.NewTimer(lo.Timeout)
	defer deadline.Stop()
	block := func(ctx context.Context) error { return l.await(ctx, w, deadline.C) }
	if wait == nil {
		err = block(ctx)
	} else {
		err = wait(ctx, block)
	}
	if err != nil {
		l.abandon(w)
		return kv.NotLocked, err
	}
	return kv.LockWaited, nil
}

// grantOrJoin gives o the lock or, unless lo says not to wait, a place in its queue.
func (l *lockTable) grantOrJoin(o *lockOwner, hash uint64, lo kv.LockOptions) (kv.Locked, *waiter, error) {
	defer l.operation().End()
	s := l.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	granted, conflict, err := l.grant(s, o, hash, lo.Mode)
	switch {
	case err != nil || granted != kv.NotLocked || lo.SkipLocked:
		return granted, nil, err
	case lo.Timeout <= 0:
		return kv.NotLocked, nil, sqlerr.New(sqlerr.ErrLockNowait)
	}
	w := &waiter{owner: o, hash: hash, mode: lo.Mode, answer: make(chan error, 1)}
	o.waits = w
	s.join(w, conflict == ownShared)
	l.queued.Add(1)
	return kv.NotLocked, w, nil
}

// abandon takes w out of its queue, if it still is in it: what wraps a wait may fail without waiting.
func (l *lockTable) abandon(w *waiter) {
	defer l.operation().End()
	s := l.shard(w.hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.owner.waits == w {
		l.leave(s, w)
		l.wake(s, w.hash)
	}
}

// await blocks until w is answered, cancelled or too late.
func (l *lockTable) await(ctx context.Context, w *waiter, deadline <-chan time.Time) error {
	select {
	case err := <-w.answer:
		return err
	case <-ctx.Done():
		return l.giveUp(w, context.Cause(ctx))
	case <-deadline:
		return l.giveUp(w, sqlerr.New(sqlerr.ErrLockWaitTimeout))
	}
}

// giveUp takes w out of its queue and returns err, unless the answer came first.
func (l *lockTable) giveUp(w *waiter, err error) error {
	defer l.operation().End()
	s := l.shard(w.hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.owner.waits != w {
		return <-w.answer
	}
	l.leave(s, w)
	l.wake(s, w.hash) // those behind w may be compatible with the holders
	return err
}

// leave takes w out of its queue.
func (l *lockTable) leave(s *lockShard, w *waiter) {
	q := s.queues[w.hash]
	for i := range q.waiters {
		if q.waiters[i] == w {
			q.waiters = append(q.waiters[:i], q.waiters[i+1:]...)
			break
		}
	}
	if len(q.waiters) == 0 {
		delete(s.queues, w.hash)
	}
	w.owner.waits = nil
	l.queued.Add(-1)
}

func (s *lockShard) join(w *waiter, front bool) {
	q := s.queues[w.hash]
	if q == nil {
		q = &lockQueue{}
		s.queues[w.hash] = q
	}
	q.waiters = append(q.waiters, w)
	if front {
		copy(q.waiters[1:], q.waiters)
		q.waiters[0] = w
	}
}

// relation is how a transaction stands to a lock that it cannot have now.
type relation uint8

const (
	stranger  relation = iota // it does not hold it
	ownShared                 // it holds it as shared, with others
)

// grant gives o the lock if it can be had now.
func (l *lockTable) grant(s *lockShard, o *lockOwner, hash uint64, mode kv.LockMode) (kv.Locked, relation, error) {
	e, err := s.read(l, hash)
	if err != nil {
		return kv.NotLocked, stranger, err
	}
	mine := e.holds(o.id)
	switch {
	case mine && (mode == kv.LockShared || e.mode == kv.LockExclusive):
		return kv.LockHeld, stranger, nil
	case mine && len(e.holders) == 1:
		e.mode = kv.LockExclusive
		return kv.LockTaken, stranger, s.write(hash, e)
	case mine:
		return kv.NotLocked, ownShared, nil
	case len(e.holders) > 0 && (mode == kv.LockExclusive || e.mode == kv.LockExclusive) || s.queues[hash] != nil:
		return kv.NotLocked, stranger, nil
	}
	if err := l.add(s, o, hash, mode, e); err != nil {
		return kv.NotLocked, stranger, err
	}
	return kv.LockTaken, stranger, nil
}

// add makes o a holder of the lock.
func (l *lockTable) add(s *lockShard, o *lockOwner, hash uint64, mode kv.LockMode, e entry) error {
	if l.held.Load() >= l.limit {
		return sqlerr.New(sqlerr.ErrLockTableFull)
	}
	var h, number [8]byte
	binary.BigEndian.PutUint64(h[:], hash)
	binary.BigEndian.PutUint64(number[:], uint64(o.held.Len()))
	// The list comes first: what it names without an entry is released without effect.
	if err := o.held.Set(number[:], h[:]); err != nil {
		return err
	}
	l.held.Add(1)
	e.mode = mode
	e.holders = append(e.holders, o.id)
	if err := s.write(hash, e); err != nil {
		return err
	}
	o.weight.Add(1)
	return nil
}

// exit releases all locks of o.
func (l *lockTable) exit(o *lockOwner) {
	l.activeMu.Lock()
	delete(l.active, o.id)
	l.activeMu.Unlock()
	var err error
	for from, n := uint64(0), uint64(o.held.Len()); err == nil && from < n; from += operationRows {
		err = l.releaseSome(o, from)
	}
	if err != nil { // the rest of the list cannot be read: whoever waits for one of o's locks is somewhere
		l.wakeAll()
	}
	for _, hash := range l.ranges.exit(o) {
		l.release(hash)
	}
	l.held.Add(-o.held.Len())
	defer l.operation().End()
	o.held.Clear()
}

// releaseSome releases operationRows locks of o, from a number on. o is not active any longer.
func (l *lockTable) releaseSome(o *lockOwner, from uint64) error {
	defer l.operation().End()
	var number [8]byte
	binary.BigEndian.PutUint64(number[:], from)
	c := o.held.Cursor()
	defer c.Close()
	err := c.SeekGE(number[:])
	for i := 0; i < operationRows && err == nil && c.Valid(); i++ {
		b, ok := c.Inline()
		if !ok {
			return sqlerr.AssertionError("kv/local: a list of locks with large values")
		}
		l.releaseOne(binary.BigEndian.Uint64(b))
		err = c.Next()
	}
	return err
}

// release is releaseOne as an operation of its own.
func (l *lockTable) release(hash uint64) {
	defer l.operation().End()
	l.releaseOne(hash)
}

// releaseOne takes transactions that have ended out of a lock's entry and wakes who waits for it.
func (l *lockTable) releaseOne(hash uint64) {
	s := l.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	// Whether or not the entry can be read, who has ended does not count in it any longer.
	if e, err := s.read(l, hash); err == nil {
		_ = s.write(hash, e)
	}
	l.wake(s, hash)
}

func (l *lockTable) wakeAll() {
	defer l.operation().End()
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		for hash := range s.queues {
			l.wake(s, hash)
		}
		s.mu.Unlock()
	}
}

// wake grants the lock to those at the front of its queue who can have it now.
func (l *lockTable) wake(s *lockShard, hash uint64) {
	for {
		q := s.queues[hash]
		if q == nil {
			return
		}
		w := q.waiters[0]
		delete(s.queues, hash) // grant must not see those behind
		granted, _, err := l.grant(s, w.owner, hash, w.mode)
		s.queues[hash] = q
		if granted == kv.NotLocked && err == nil {
			return
		}
		l.leave(s, w)
		w.answer <- err
	}
}

// An entry says who holds a lock. No holders: nobody.
type entry struct {
	mode    kv.LockMode
	holders []uint64
}

func (e entry) holds(id uint64) bool {
	for _, h := range e.holders {
		if h == id {
			return true
		}
	}
	return false
}

// read returns a lock's entry without transactions that have ended.
func (s *lockShard) read(l *lockTable, hash uint64) (entry, error) {
	var e entry
	var h [8]byte
	binary.BigEndian.PutUint64(h[:], hash)
	b, found, err := s.entries.Get(h[:], s.buffer[:0])
	s.buffer = b[:0]
	if err != nil || !found {
		return e, err
	}
	if len(b)%8 != 1 {
		return e, sqlerr.AssertionError("kv/local: a lock's entry has %d bytes", len(b))
	}
	e.mode = kv.LockMode(b[0])
	l.activeMu.Lock()
	defer l.activeMu.Unlock()
	for b = b[1:]; len(b) > 0; b = b[8:] {
		if id := binary.LittleEndian.Uint64(b); l.active[id] != nil {
			e.holders = append(e.holders, id)
		}
	}
	return e, nil
}

func (s *lockShard) write(hash uint64, e entry) error {
	var h [8]byte
	binary.BigEndian.PutUint64(h[:], hash)
	if len(e.holders) == 0 {
		_, err := s.entries.Delete(h[:])
		return err
	}
	b := append(s.buffer[:0], byte(e.mode))
	for _, id := range e.holders {
		b = binary.LittleEndian.AppendUint64(b, id)
	}
	s.buffer = b[:0]
	return s.entries.Set(h[:], b)
}
