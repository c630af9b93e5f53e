package memory

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// heapShare of the limit is the most that new work waits for: what is larger is refused at once, as it might keep
// others waiting for what never comes.
const heapShare = 8

// minimumShare of a statement's minimum is about what it takes of the heap once it is at work.
const minimumShare = 16

// heapQueue are those who wait for room on the heap ledger, first come, first served.
type heapQueue struct {
	waiting atomic.Int64 // length of waiters

	mu      sync.Mutex // protects following
	waiters []*heapWaiter
}

type heapWaiter struct {
	n       int64
	granted bool
	ready   chan struct{} // closed when granted
}

// ReserveNew is Reserve for work that has not begun. While statements are under way, which need more and will release
// what they have, it leaves up to an eighth of the ledger to them, and waits for room, in order of arrival and as long
// as for admission; onWait is called before. Errors as for Reserve; the cause of ctx.
func (h *HeapLedger) ReserveNew(ctx context.Context, a *Account, n int64, onWait func()) error {
	if n > h.limit/heapShare {
		return h.Reserve(a, n)
	}
	if h.queue.waiting.Load() == 0 || !h.busy() {
		err := h.reserve(a, n, h.newLimit())
		var full *sqlerr.ServerMemoryError
		if err == nil || !errors.As(err, &full) || !h.busy() {
			return err
		}
	}
	onWait()
	if err := h.await(ctx, a, n); err != nil {
		return err
	}
	if err := a.chargeHeap(n); err != nil {
		h.give(n)
		return err
	}
	return nil
}

// busy tells if statements are under way.
func (h *HeapLedger) busy() bool { return h.pool.arbiter.minimums.Load() > 0 }

// newLimit is the limit for new work.
func (h *HeapLedger) newLimit() int64 {
	return h.limit - min(h.limit/atWorkShare, h.pool.arbiter.minimums.Load()/minimumShare)
}

// await waits until n bytes are taken.
func (h *HeapLedger) await(ctx context.Context, a *Account, n int64) error {
	q, w := &h.queue, &heapWaiter{n: n, ready: make(chan struct{})}
	q.mu.Lock()
	q.waiters = append(q.waiters, w)
	q.waiting.Add(1)
	h.grantLocked()
	q.mu.Unlock()
	timeout := make(chan struct{})
	stop := h.pool.options.Clock.AfterFunc(h.pool.options.AdmissionTimeout, func() { close(timeout) })
	defer stop()
	var err error
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-timeout:
		err = h.refusal(a)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.granted {
		h.used.Add(-n)
	} else {
		q.waiters = slices.DeleteFunc(q.waiters, func(o *heapWaiter) bool { return o == w })
		q.waiting.Add(-1)
	}
	h.grantLocked() // those behind it
	return err
}

// give takes n bytes back, for those who wait first.
func (h *HeapLedger) give(n int64) {
	h.used.Add(-n)
	if h.queue.waiting.Load() > 0 {
		h.queue.mu.Lock()
		h.grantLocked()
		h.queue.mu.Unlock()
	}
}

// grantLocked grants to the first waiters what there is room for.
func (h *HeapLedger) grantLocked() {
	q := &h.queue
	for len(q.waiters) > 0 {
		w := q.waiters[0]
		if !h.take(w.n, h.newLimit()) {
			return
		}
		q.waiters = q.waiters[1:]
		q.waiting.Add(-1)
		w.granted = true
		close(w.ready)
	}
}
