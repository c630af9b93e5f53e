package memory

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spillwaydb/spillway/internal/invariants"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// Pool owns all pages. Its methods may be called from any goroutine.
type Pool struct {
	options Options
	region  region
	base    Base
	classes [classes]frames
	descs   frames // pages of descriptors: a class of its own, so that an id is a place in it
	heap    HeapLedger
	logger  *slog.Logger

	limit      atomic.Int64 // P as it is now
	committed  atomic.Int64 // M1: raised under limit before a page is touched
	inUse      atomic.Int64 // committed less what is idle
	descsReady atomic.Int64 // bytes of descs that were used at least once
	drift      atomic.Int64 // what the guard took off nominal
	nominal    atomic.Int64 // P as it was set

	evictions, reloads atomic.Int64
	owners             atomic.Uint64
	series             atomic.Uint32
	groups             GroupStore // the store, if it is one

	stacks stacks
	sums   sums

	arbiter    arbiter
	operations operations
	freed      signal // something became free, or evictable

	server *Statement // not a statement: owner of the accounts outside of any

	mu         sync.Mutex // protects following
	statements map[uint32]*Statement
	numbers    []uint32 // free numbers of statements
	next       uint32
	leaks      []string

	evictors evictors
}

// NewPool reserves the pool's addresses; memory is taken as pages are. Errors: the system's refusal, an unusable limit.
func NewPool(o Options) (*Pool, error) {
	o = o.withDefaults()
	if o.LimitBytes < MinPageBytes {
		return nil, fmt.Errorf("a pool of %d bytes is too small", o.LimitBytes)
	}
	p := &Pool{options: o, logger: o.Logger, statements: make(map[uint32]*Statement)}
	if err := p.reserveAddresses(); err != nil {
		return nil, err
	}
	p.groups, _ = o.Store.(GroupStore)
	p.limit.Store(o.LimitBytes)
	p.nominal.Store(o.LimitBytes)
	p.heap.init(p, o.HeapLedgerBytes)
	p.freed.init()
	p.arbiter.init(p)
	p.operations.pool = p
	p.server = p.newStatement(StatementOptions{Name: "server", Spill: true})
	p.server.account.name = "server"
	p.evictors.start(p, o.Evictors)
	return p, nil
}

// reserveAddresses lays out guard, classes from large to small (so that each is aligned), descriptors, guard.
func (p *Pool) reserveAddresses() error {
	next := int64(MaxPageBytes)
	for c := classes - 1; c >= 0; c-- {
		size := int64(classBytes(uint8(c)))
		span := spanBytes(uint8(c), p.options)
		p.classes[c] = frames{start: Ref(next), size: size, limit: span, huge: size >= hugePageBytes}
		next += span
	}
	p.descs = frames{start: Ref(next), size: MinPageBytes, limit: descriptorSpanBytes}
	next += descriptorSpanBytes + MaxPageBytes
	var err error
	p.region, err = reserve(next)
	p.base = Base{p.region.base}
	return err
}

// hugePageBytes is where the kernel's huge pages begin to fit. Below it they would make more resident than was counted.
const hugePageBytes = 2 << 20

// Base is the pool's base address.
func (p *Pool) Base() Base { return p.base }

// Server is the account above all others.
func (p *Pool) Server() *Account { return p.server.account }

// Heap is the ledger of what the Go heap holds for statements and sessions.
func (p *Pool) Heap() *HeapLedger { return &p.heap }

// NewStatement opens a statement below parent (a session's account, or Server). The caller closes it. It can take no
// memory within a minimum before Admit.
func (p *Pool) NewStatement(parent *Account, o StatementOptions) *Statement {
	s := p.newStatement(o)
	s.account.parent = parent
	parent.adopt(s.account)
	return s
}

// SetLimit sets P, between the smallest page and the ceiling. Lowering it gives idle memory back and evicts; until that
// is done Committed may be above Limit.
func (p *Pool) SetLimit(bytes int64) {
	p.nominal.Store(min(max(bytes, MinPageBytes), p.options.CeilingBytes))
	p.applyLimit()
}

func (p *Pool) applyLimit() {
	p.limit.Store(max(p.nominal.Load()-p.drift.Load(), MinPageBytes))
	p.giveBackIdle(0)
	p.evictors.wake()
	p.arbiter.grant()
}

// commit counts n more bytes if they fit under the limit.
func (p *Pool) commit(n int64) bool {
	for {
		c := p.committed.Load()
		if c+n > p.limit.Load() {
			return false
		}
		if p.committed.CompareAndSwap(c, c+n) {
			return true
		}
	}
}

// giveBackIdle returns idle frames to the system until n more bytes fit under the limit, and tells if it returned any.
func (p *Pool) giveBackIdle(n int64) bool {
	any := false
	for c := classes; c >= 0; c-- { // large ones first: fewer calls
		f := &p.descs
		if c < classes {
			f = &p.classes[c]
		}
		for p.committed.Load()+n > p.limit.Load() {
			r := f.pop(p.base, 0)
			if r == 0 {
				break
			}
			p.giveBack(f, r)
			any = true
		}
	}
	return any
}

// giveBack decommits a frame that nobody uses.
func (p *Pool) giveBack(f *frames, r Ref) {
	if err := p.region.decommit(r, f.size); err != nil {
		// The frame still has its memory: it stays counted, and idle.
		p.logger.Error("memory: giving back a page", "err", err)
		f.push(p.base, r)
		return
	}
	f.putBare(r)
	p.committed.Add(-f.size)
}

// popIdle takes an idle frame into use.
func (p *Pool) popIdle(f *frames, not Ref) Ref {
	r := f.pop(p.base, not)
	if r != 0 {
		p.inUse.Add(f.size)
	}
	return r
}

// putIdle takes a frame out of use.
func (p *Pool) putIdle(f *frames, r Ref) {
	p.inUse.Add(-f.size)
	if p.committed.Load() > p.limit.Load() {
		p.giveBack(f, r)
	} else {
		f.push(p.base, r)
	}
	p.freed.raise()
}

// idle is the bytes of frames that are free and still committed.
func (p *Pool) idle() int64 { return p.committed.Load() - p.inUse.Load() }

// freeFrame takes a frame back into the pool.
func (p *Pool) freeFrame(class uint8, r Ref) {
	f := &p.classes[class]
	if invariants.Enabled {
		invariants.Mangle(p.region.bytes(r, f.size))
	}
	p.putIdle(f, r)
}

// Stats returns the pool's figures; they are read one after another, not at one moment.
func (p *Pool) Stats() PoolStats {
	st := PoolStats{
		Limit:        p.limit.Load(),
		Committed:    p.committed.Load(),
		Idle:         p.idle(),
		Evictions:    p.evictions.Load(),
		Reloads:      p.reloads.Load(),
		Drift:        p.drift.Load(),
		HeapReserved: p.heap.used.Load() + p.heap.over.Load(),
		HeapLimit:    p.heap.limit,
		HeapWaiting:  int(p.heap.queue.waiting.Load()),
		Shrinking:    p.tight(),
	}
	for _, s := range p.all() {
		s.mu.Lock()
		st.Evictable += s.evictable()
		s.mu.Unlock()
	}
	p.arbiter.stats(&st)
	st.Shrinking = st.Shrinking || st.Waiting > 0
	return st
}

// all returns the statements, the server's included.
func (p *Pool) all() []*Statement {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := make([]*Statement, 0, len(p.statements))
	for _, s := range p.statements {
		l = append(l, s)
	}
	return l
}

// leaked records a bug for Close.
func (p *Pool) leaked(text string) {
	p.logger.Error("memory: " + text)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.leaks) < maxLeakReports {
		p.leaks = append(p.leaks, text)
	}
}

const maxLeakReports = 100

// Close ends the pool's goroutines and gives its addresses back. The error names pages that were not given back, now or
// when an account was closed.
func (p *Pool) Close() error {
	p.evictors.stop()
	for _, s := range p.all() {
		if s != p.server {
			p.leaked(fmt.Sprintf("statement %q was not closed", s.options.Name))
			s.Close()
		}
	}
	p.server.Close()
	var errs []error
	for _, text := range p.leaks {
		errs = append(errs, errors.New(text))
	}
	if n := p.inUse.Load(); n != 0 {
		errs = append(errs, fmt.Errorf("%d bytes are still counted", n))
	}
	if n := p.heap.used.Load() + p.heap.over.Load(); n != 0 {
		errs = append(errs, fmt.Errorf("%d bytes of heap are still reserved", n))
	}
	if err := p.region.release(); err != nil {
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("memory: closing the pool: %w", errors.Join(errs...))
}

// frame finds a frame with memory for s: an idle one, one with memory from the system, one that another class gives up,
// one whose block is evicted. not is a frame that will not do, if there is another. It may write blocks; no lock is
// held.
func (p *Pool) frame(s *Statement, f *frames, not Ref, wait bool) (Ref, error) {
	var since time.Time
	for {
		if r := p.popIdle(f, not); r != 0 {
			return r, nil
		}
		if p.commit(f.size) {
			r, err := p.mapFrame(s, f)
			if err == nil {
				p.inUse.Add(f.size)
				return r, nil
			}
			p.committed.Add(-f.size)
			if !wait {
				err = sqlerr.ErrNoSurplus
			}
			return 0, err
		}
		if p.giveBackIdle(f.size) {
			continue
		}
		if !wait {
			return 0, sqlerr.ErrNoSurplus
		}
		if since.IsZero() {
			since = p.options.Clock.Now()
		}
		if err := p.makeRoom(s, f.size, since); err != nil {
			return 0, err
		}
	}
}

// mapFrame takes a frame that has no memory yet. The kernel may refuse it, with a limit on mappings or on addresses:
// surplus is then not to be had, and what is needed fails the statement. Nothing of the pool is lost.
func (p *Pool) mapFrame(s *Statement, f *frames) (Ref, error) {
	if err := p.options.Hooks.refuse(OpMap, s.options.Name, int(f.size)); err != nil {
		return 0, refusedBySystem(err, f.size)
	}
	r, err := f.take(&p.region)
	if err != nil {
		return 0, refusedBySystem(err, f.size)
	}
	return r, nil
}

// refusedBySystem gives the kernel's refusals MySQL's code; what else there is are bugs.
func refusedBySystem(err error, bytes int64) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err
	}
	return sqlerr.Wrapf(err, sqlerr.ErrOutOfResources, "Out of memory; the system refuses %d bytes: %v", bytes, errno)
}

// asSurplus makes a refusal of surplus of the kernel's, if it was surplus that was wanted.
func asSurplus(err error, wanted Kind) error {
	if wanted == Leased && sqlerr.Is(err, sqlerr.ErrOutOfResources) {
		return sqlerr.ErrNoSurplus
	}
	return err
}
