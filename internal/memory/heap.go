package memory

import (
	"context"
	"sync/atomic"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// HeapLedger counts the Go heap that statements and sessions are about to use: parse trees, plans, prepared statements,
// buffers of libraries. The collector refuses nothing, so this does: new work first, which waits a while (ReserveNew),
// then statements at work (ReserveAtWork), and never a commit (ReserveCommit).
type HeapLedger struct {
	limit int64 // 0: none
	used  atomic.Int64
	over  atomic.Int64  // of the commit over the limit
	turn  chan struct{} // has an element while a commit is over the limit
	queue heapQueue
	pool  *Pool
}

// atWorkShare of the limit is how far statements at work may pass it, and what new work leaves to them.
const atWorkShare = 8

func (h *HeapLedger) init(p *Pool, limit int64) {
	h.pool, h.limit = p, limit
	h.turn = make(chan struct{}, 1)
}

// Limit is what may be reserved; 0: any amount.
func (h *HeapLedger) Limit() int64 { return h.limit }

// Reserve charges n bytes of Go heap to a before they are allocated; refusal is sqlerr.QuotaError or
// ServerMemoryError.
func (h *HeapLedger) Reserve(a *Account, n int64) error { return h.reserve(a, n, h.limit) }

// ReserveAtWork is Reserve for the small things that a statement under way cannot go on without, as iterators: they may
// pass the limit by an eighth.
func (h *HeapLedger) ReserveAtWork(a *Account, n int64) error {
	return h.reserve(a, n, h.limit+h.limit/atWorkShare)
}

func (h *HeapLedger) reserve(a *Account, n, limit int64) error {
	if !h.take(n, limit) {
		return h.refusal(a)
	}
	if err := a.chargeHeap(n); err != nil {
		h.give(n)
		return err
	}
	return nil
}

// take takes n bytes if no more than limit are in use then; 0: any number.
func (h *HeapLedger) take(n, limit int64) bool {
	for {
		used := h.used.Load()
		if limit > 0 && used+n > limit {
			return false
		}
		if h.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

func (h *HeapLedger) refusal(a *Account) error {
	return &sqlerr.ServerMemoryError{ConnID: a.stmt.options.ConnID, Report: a.stmt.report()}
}

func (a *Account) chargeHeap(n int64) error {
	s := a.stmt
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.options.CancelAtQuota && s.options.QuotaBytes > 0 && s.heap+n > s.options.QuotaBytes {
		return s.quotaError()
	}
	s.heap += n
	a.heap += n
	return nil
}

// CommitHeap is what a commit has reserved. The zero CommitHeap is nothing.
type CommitHeap struct {
	heap *HeapLedger
	acct *Account
	n    int64
	over bool // it has the turn
}

// ReserveCommit is Reserve for a commit, which is the end of work that was accepted, and holds locks: it is not refused
// for what others hold. While the ledger is full, commits take turns, each over the limit for its time. They wait for
// nothing else, so turns end. The ledger does not count the one that is over the limit, or others' new work would be
// refused for as long as it takes: what is not counted is one commit's.
func (h *HeapLedger) ReserveCommit(ctx context.Context, a *Account, n int64) (CommitHeap, error) {
	c := CommitHeap{heap: h, acct: a, n: n}
	if !h.take(n, h.limit) {
		select {
		case h.turn <- struct{}{}:
		case <-ctx.Done():
			return CommitHeap{}, context.Cause(ctx)
		}
		c.over = true
		h.over.Add(n)
	}
	if err := a.chargeHeap(n); err != nil {
		c.end()
		return CommitHeap{}, err
	}
	return c, nil
}

// Release gives the commit's heap back. Repeatable.
func (c *CommitHeap) Release() {
	if c.heap != nil {
		c.acct.dischargeHeap(c.n)
		c.end()
		*c = CommitHeap{}
	}
}

func (c *CommitHeap) end() {
	if c.over {
		c.heap.over.Add(-c.n)
		<-c.heap.turn
		return
	}
	c.heap.give(c.n)
}

func (a *Account) dischargeHeap(n int64) {
	a.stmt.mu.Lock()
	a.heap -= n
	a.stmt.heap -= n
	a.stmt.mu.Unlock()
}

// Release takes back n bytes that were reserved for a. What an account has left when it closes is released then.
func (h *HeapLedger) Release(a *Account, n int64) {
	a.dischargeHeap(n)
	h.give(n)
}
