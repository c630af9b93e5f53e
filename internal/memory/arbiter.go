package memory

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// smallMinimumBytes is below which a statement may use the lane.
const smallMinimumBytes = 4 << 20

// minDescReserveBytes keeps room for descriptors in tiny pools.
const minDescReserveBytes = 64 << 10

var (
	errTimeout = errors.New("not granted in time")
	errTooMuch = errors.New("more than the pool has")
)

// arbiter divides the limit: a lane for small statements and for the server's own pages, a share for operations
// (operation.go), a reserve for descriptors, and bulk for minimums and leases. It knows promises only; frames are the
// pool's. Its mutex is taken under a statement's, never the other way round.
type arbiter struct {
	pool     *Pool
	bulk     atomic.Int64 // minimums and leases
	minimums atomic.Int64
	lane     atomic.Int64 // minimums of small statements, and the server's own pages
	descs    atomic.Int64 // bytes of descriptors

	waiting atomic.Int64 // length of queue
	claims  atomic.Pointer[claims]
	began   time.Time

	mu         sync.Mutex // protects following
	queue      []*waiter  // those that end a wait, then newcomers, each in order of arrival
	statements map[*Statement]struct{}
}

// waiter is a statement that waits for bytes.
type waiter struct {
	s       *Statement
	n       int64
	again   bool // it was admitted before: it goes ahead of newcomers
	noLane  bool // leases are among the bytes
	page    bool // a page that no minimum covers; s is the server, or has no minimum
	since   time.Time
	granted bool
	lane    bool
	ready   chan struct{} // closed when granted
}

func (a *arbiter) init(p *Pool) {
	a.pool, a.began = p, p.options.Clock.Now()
	a.statements = make(map[*Statement]struct{})
}

func (a *arbiter) enroll(s *Statement) {
	a.mu.Lock()
	a.statements[s] = struct{}{}
	a.mu.Unlock()
}

func (a *arbiter) dismiss(s *Statement) {
	a.mu.Lock()
	delete(a.statements, s)
	if a.claims.Load() != nil {
		a.shareLocked(a.now())
	}
	a.mu.Unlock()
}

// laneBytes is the size of the lane.
func (a *arbiter) laneBytes() int64 {
	return int64(float64(a.pool.limit.Load())*a.pool.options.LaneFraction) / MinPageBytes * MinPageBytes
}

// descReserve is what descriptors may take without asking.
func (a *arbiter) descReserve() int64 {
	limit := a.pool.limit.Load()
	return min(max(limit/32, minDescReserveBytes), limit/4)
}

// operationBytes is what operations outside of statements may pin together.
func (a *arbiter) operationBytes() int64 {
	limit := a.pool.limit.Load()
	return min(max(limit/operationShare, minOperationBytes), limit/8) / MinPageBytes * MinPageBytes
}

// bulkBytes is what minimums and leases may take together.
func (a *arbiter) bulkBytes() int64 {
	return a.pool.limit.Load() - a.laneBytes() - a.operationBytes() - max(a.descReserve(), a.descs.Load())
}

func raiseUnder(v *atomic.Int64, n, limit int64) bool {
	for {
		old := v.Load()
		if old+n > limit {
			return false
		}
		if v.CompareAndSwap(old, old+n) {
			return true
		}
	}
}

func (a *arbiter) takeBulk(n int64) bool { return raiseUnder(&a.bulk, n, a.bulkBytes()) }
func (a *arbiter) takeLane(n int64) bool { return raiseUnder(&a.lane, n, a.laneBytes()) }

// lease takes n bytes of surplus. While statements queue there is none.
func (a *arbiter) lease(n int64) bool { return a.waiting.Load() == 0 && a.takeBulk(n) }

// unlease gives n bytes of bulk back.
func (a *arbiter) unlease(n int64) {
	a.bulk.Add(-n)
	a.changed()
}

func (a *arbiter) leaveLane(n int64) {
	a.lane.Add(-n)
	a.changed()
}

// changed grants what may have become possible.
func (a *arbiter) changed() {
	if a.waiting.Load() > 0 {
		a.grant()
	}
}

// free is what could be leased now.
func (a *arbiter) free() int64 {
	if a.waiting.Load() > 0 {
		return 0
	}
	return a.bulkBytes() - a.bulk.Load()
}

// addDescs counts a page of descriptors, and tells if there was room. What it takes from leases is asked back; until
// they are surrendered, within a batch, M2 is broken by that page.
func (a *arbiter) addDescs() bool {
	n := a.descs.Add(MinPageBytes)
	if n <= a.descReserve() || a.bulk.Load() <= a.bulkBytes() {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leasesLocked() < a.bulk.Load()-a.bulkBytes() {
		a.descs.Add(-MinPageBytes)
		return false
	}
	a.press(nil)
	return true
}

// leasesLocked is what could be asked back.
func (a *arbiter) leasesLocked() (n int64) {
	for s := range a.statements {
		if s.spills() && s != a.pool.server {
			n += s.leases.Load()
		}
	}
	return n
}

// most is the largest minimum that can ever be granted.
func (a *arbiter) most() int64 {
	return a.pool.limit.Load() - a.laneBytes() - a.operationBytes() - a.descReserve()
}

// MaxMinimum is the largest minimum that the pool can grant. Admit refuses more at once.
func (p *Pool) MaxMinimum() int64 { return max(p.arbiter.most(), 0) }

// admit waits for n bytes. again: the statement had been admitted before, and goes ahead of newcomers, without a
// deadline. leases: some of the bytes are leases. Errors: errTimeout, errTooMuch, the cause of ctx or of the
// statement's end.
func (a *arbiter) admit(ctx context.Context, s *Statement, n int64, again, leases bool) error {
	if n == 0 {
		return nil
	}
	w := &waiter{
		s: s, n: n, again: again, noLane: leases, since: a.pool.options.Clock.Now(), ready: make(chan struct{}),
	}
	a.mu.Lock()
	if !again && n > a.most() {
		a.mu.Unlock()
		return errTooMuch
	}
	granted := a.joinLocked(w)
	a.mu.Unlock()
	if granted {
		return nil
	}
	return a.wait(ctx, w)
}

// takePage takes n bytes for a page that no minimum covers, if they are free.
func (a *arbiter) takePage(n int64) (Kind, bool) {
	switch {
	case a.takeLane(n):
		return inLane, true
	case a.takeBulk(n):
		return Leased, true
	}
	return Held, false
}

// pageTimeout bounds the wait for a page that no minimum covers: well below the time that a client's connection may
// stand still in the middle of a packet.
const pageTimeout = 10 * time.Second

// waitForPage is takePage that waits, ahead of newcomers; not if pages of the same kind are all there is to wait for,
// whose owners may be waiting as well. Errors as for admit.
func (a *arbiter) waitForPage(s *Statement, n int64) (Kind, error) {
	w := &waiter{s: s, n: n, again: true, page: true, since: a.pool.options.Clock.Now(), ready: make(chan struct{})}
	a.mu.Lock()
	if n > max(a.most()-a.pool.server.leases.Load(), a.laneBytes()) {
		a.mu.Unlock()
		return Held, errTooMuch
	}
	granted := a.joinLocked(w)
	a.mu.Unlock()
	if !granted {
		if err := a.wait(context.Background(), w); err != nil {
			return Held, err
		}
	}
	if w.lane {
		return inLane, nil
	}
	return Leased, nil
}

// joinLocked queues w and tells if it was granted at once.
func (a *arbiter) joinLocked(w *waiter) bool {
	at := len(a.queue)
	if w.again {
		if at = slices.IndexFunc(a.queue, func(o *waiter) bool { return !o.again }); at < 0 {
			at = len(a.queue)
		}
	}
	a.queue = slices.Insert(a.queue, at, w)
	a.waiting.Add(1)
	a.grantLocked()
	return w.granted
}

// wait waits until w is granted. Whoever was admitted before has no deadline.
func (a *arbiter) wait(ctx context.Context, w *waiter) error {
	var timeout chan struct{}
	if !w.again || w.page {
		timeout = make(chan struct{})
		d := a.pool.options.AdmissionTimeout
		if w.page {
			d = min(d, pageTimeout)
		}
		stop := a.pool.options.Clock.AfterFunc(d, func() { close(timeout) })
		defer stop()
	}
	var err error
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-w.s.ctx.Done():
		err = context.Cause(w.s.ctx)
	case <-timeout:
		err = errTimeout
	}
	a.withdraw(w)
	return err
}

// withdraw takes a waiter out of the queue; a grant that lost the race is given back.
func (a *arbiter) withdraw(w *waiter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case w.granted && w.page && w.lane:
		a.lane.Add(-w.n)
		a.grantLocked()
		return
	case w.granted && w.page:
		a.bulk.Add(-w.n)
		a.grantLocked()
		return
	case w.granted:
		a.giveLocked(w.s, w.n)
		return
	}
	a.queue = slices.DeleteFunc(a.queue, func(o *waiter) bool { return o == w })
	a.waiting.Add(-1)
	a.grantLocked()
}

// grant looks at the queue again.
func (a *arbiter) grant() {
	a.mu.Lock()
	a.grantLocked()
	a.mu.Unlock()
}

// grantLocked grants in order. The first waiter that must wait for bulk stops all behind it, but for small ones that
// the lane has room for.
func (a *arbiter) grantLocked() {
	var blocked *waiter
	a.queue = slices.DeleteFunc(a.queue, func(w *waiter) bool {
		switch {
		case !w.noLane && (w.n < smallMinimumBytes || w.page) && a.takeLane(w.n):
			w.lane = true
		case blocked != nil:
			return false
		case a.takeBulk(w.n):
		default:
			blocked = w
			return false
		}
		w.granted = true
		if !w.page {
			w.s.lane.Store(w.lane)
			a.minimums.Add(w.n)
		}
		a.waiting.Add(-1)
		close(w.ready)
		return true
	})
	a.press(blocked)
}

// press asks leases back for a waiter, or for descriptors, from statements with most of them; if nothing is missing, it
// stops asking. If all leases would not do, the statement that cannot be shrunk and has most surplus is ended.
func (a *arbiter) press(w *waiter) {
	missing := a.bulk.Load() - a.bulkBytes()
	if w != nil {
		missing += w.n
	}
	if missing <= 0 {
		a.stopAsking()
		if a.claims.Load() != nil {
			a.shareLocked(a.now())
		}
		return
	}
	var victim *Statement
	var leasers []*Statement
	for s := range a.statements {
		n := s.leases.Load()
		switch {
		case n == 0 || s == a.pool.server:
		case s.spills():
			leasers = append(leasers, s)
		case victim == nil || n > victim.leases.Load():
			victim = s
		}
	}
	slices.SortFunc(leasers, func(x, y *Statement) int { return int(y.leases.Load() - x.leases.Load()) })
	for _, s := range leasers {
		if missing <= 0 {
			return
		}
		s.revoked.Store(true)
		missing -= s.leases.Load()
	}
	if missing > 0 && victim != nil {
		go victim.end() // its mutex comes before ours
	}
}

// give takes back n bytes of s's minimum, or of what admit granted.
func (a *arbiter) give(s *Statement, n int64) {
	a.mu.Lock()
	a.giveLocked(s, n)
	a.mu.Unlock()
}

func (a *arbiter) giveLocked(s *Statement, n int64) {
	a.minimums.Add(-n)
	if s.lane.Load() {
		a.lane.Add(-n)
	} else {
		a.bulk.Add(-n)
	}
	a.grantLocked()
}

// force counts n bytes of s again although they were not granted: it failed while parked, and gives back what it holds
// without waiting for anything. Until then nobody gets more.
func (a *arbiter) force(s *Statement, n int64) {
	a.mu.Lock()
	s.lane.Store(false)
	a.minimums.Add(n)
	a.bulk.Add(n)
	a.mu.Unlock()
}

// leasesAmong says that n of the bytes that admit or force counted for s are leases.
func (a *arbiter) leasesAmong(n int64) {
	a.mu.Lock()
	a.minimums.Add(-n)
	a.mu.Unlock()
}

func (a *arbiter) stats(st *PoolStats) {
	a.mu.Lock()
	defer a.mu.Unlock()
	st.Minimums = a.minimums.Load()
	st.Leases = a.bulk.Load() + a.lane.Load() - st.Minimums
	st.Descriptors = a.descs.Load()
	st.Waiting = len(a.queue)
	now := a.pool.options.Clock.Now()
	for _, w := range a.queue {
		st.LongestWait = max(st.LongestWait, now.Sub(w.since))
	}
}
