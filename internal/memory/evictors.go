package memory

import "sync"

// evictors are the goroutines that write blocks ahead of need and read blocks that were asked for by Prefetch.
type evictors struct {
	pool *Pool
	jobs chan job
	done chan struct{}
	all  sync.WaitGroup
	busy sync.RWMutex // shared by a job; who has it alone sees the pool without evictors
}

// job is something to do for a statement: read blocks back, or, without any, evict until it is well within its quota.
// Without a statement: evict until the pool has headroom again.
type job struct {
	s   *Statement
	n   int
	ids [16]BlockID
}

// jobsQueued bounds the queue; more is forgotten, as every job is only worth while when done soon.
const jobsQueued = 256

// headroomBytes is kept free by evictors, or 1/32 of the limit if that is less, so that writing overlaps with work.
const headroomBytes = 1 << 20

func headroom(limit int64) int64 { return min(limit/32, headroomBytes) }

func (e *evictors) start(p *Pool, n int) {
	e.pool = p
	e.jobs = make(chan job, jobsQueued)
	e.done = make(chan struct{})
	for range n {
		e.all.Go(e.run)
	}
}

func (e *evictors) stop() {
	close(e.done)
	e.all.Wait()
}

// send queues a job unless there are too many.
func (e *evictors) send(j job) {
	select {
	case e.jobs <- j:
	default:
	}
}

func (e *evictors) wake() { e.send(job{}) }

// noticed looks at the memory left after a block of s became evictable. s.mu is held.
func (e *evictors) noticed(s *Statement) {
	if q := s.options.QuotaBytes; q > 0 && s.resident+headroom(q) > q {
		if !s.behind {
			s.behind = true
			e.send(job{s: s})
		}
		return
	}
	if e.pool.tight() {
		e.wake()
	}
}

// tight tells if less than the headroom is left.
func (p *Pool) tight() bool {
	limit := p.limit.Load()
	return p.inUse.Load()+headroom(limit) > limit
}

func (e *evictors) run() {
	for {
		select {
		case <-e.done:
			return
		case j := <-e.jobs:
			e.busy.RLock()
			e.do(j)
			e.busy.RUnlock()
		}
	}
}

func (e *evictors) do(j job) {
	switch {
	case j.s == nil:
		for e.pool.tight() && !e.stopped() && e.pool.evictAny() {
		}
		e.pool.giveBackIdle(0)
	case j.n > 0:
		j.s.prefetch(j.ids[:j.n])
	default:
		j.s.evictBehind()
	}
}

func (e *evictors) stopped() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

// evictBehind evicts until s has headroom under its quota.
func (s *Statement) evictBehind() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behind = false
	q := s.options.QuotaBytes
	for !s.closed && s.resident+headroom(q) > q {
		if s.giveUp(headroom(q)) {
			return // one token at a time
		}
		if s.listed > 0 {
			s.raiseSpill(headroom(q))
		}
		id, d := s.victim()
		if id == 0 {
			return
		}
		s.evictBlock(id, d)
	}
}
