package memory

import (
	"sync"
	"sync/atomic"
)

// Operations. Write sets, undo and lists of locks outlive statements, so no statement's minimum covers their pins, and
// a minimum for each open transaction would let idle ones keep others from starting. What needs memory is not the
// transaction but the single operation on its maps: a few pages, for microseconds, or for the time of a read from disk.
// So each operation has a minimum of its own, granted whole before it pins anything, out of a share of the limit that
// nothing else takes: neither statements nor leases can fill it. Whoever holds a grant waits for nothing but disk, so
// every wait for one ends; between operations a transaction has only unpinned blocks.
//
// That is a wait for memory besides admission's. M3 holds because an operation begins before any lock of the structure
// is taken, and never within another one.

// operationShare and the bounds below give the share of the limit: room for a dozen operations at once in the smallest
// server.
const (
	operationShare    = 64
	minOperationBytes = 1 << 20
)

// operations hands out the share, in order of arrival.
type operations struct {
	pool    *Pool
	used    atomic.Int64 // bytes granted
	waiting atomic.Int64 // length of queue

	mu    sync.Mutex // protects following
	queue []*operationWaiter
}

type operationWaiter struct {
	n     int64
	ready chan struct{} // closed when granted
}

// Operation is the grant of one operation. The zero Operation is none.
type Operation struct {
	pool *Pool
	n    int64
}

// Begin waits until an operation on blocks of accounts outside of statements may pin up to n bytes of kind InOperation.
// End gives them back; everything has been unpinned then. The caller holds no lock that an operation under way needs,
// and no other grant.
func (a *Account) Begin(n int64) Operation {
	o := &a.pool.operations
	n = min(n, a.pool.arbiter.operationBytes())
	if o.waiting.Load() > 0 || !o.take(n) {
		o.wait(n)
	}
	return Operation{a.pool, n}
}

// End ends the operation.
func (op Operation) End() {
	if op.n == 0 {
		return
	}
	o := &op.pool.operations
	o.used.Add(-op.n)
	if o.waiting.Load() > 0 {
		o.mu.Lock()
		o.grantLocked()
		o.mu.Unlock()
	}
}

// take counts n bytes if they are free. A limit that was lowered leaves at least one operation at work.
func (o *operations) take(n int64) bool {
	return raiseUnder(&o.used, n, max(n, o.pool.arbiter.operationBytes()))
}

func (o *operations) wait(n int64) {
	w := &operationWaiter{n: n, ready: make(chan struct{})}
	o.mu.Lock()
	o.queue = append(o.queue, w)
	o.waiting.Add(1)
	o.grantLocked() // what ended before it was seen waiting
	o.mu.Unlock()
	<-w.ready
}

func (o *operations) grantLocked() {
	for len(o.queue) > 0 && o.take(o.queue[0].n) {
		close(o.queue[0].ready)
		o.queue = o.queue[1:]
		o.waiting.Add(-1)
	}
}

// covers tells if the grants under way have room for n more bytes pinned. s is the server, its mutex is held.
func (s *Statement) covers(n int64) bool {
	return s.operating+n <= s.pool.operations.used.Load()
}
