package memory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spillwaydb/spillway/internal/invariants"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// Statement is the unit of admission, quota, parking and failure. Its methods may be called from any goroutine.
type Statement struct {
	pool    *Pool
	options StatementOptions
	account *Account
	number  uint32
	owner   uint64 // its number for the BlockStore; never used twice
	ctx     context.Context
	cancel  context.CancelCauseFunc

	revoked atomic.Bool
	lane    atomic.Bool  // the minimum is part of the lane
	leases  atomic.Int64 // leased, for the arbiter, which takes no statement's mutex
	looked  atomic.Int64 // when its last claim was looked at
	claimed int64        // when it last had a claim, 0: it has none; arbiter.mu protects it

	mu sync.Mutex // protects following
	io sync.Cond  // on mu: a block's write or read ended, unparking ended

	accounts []*Account // by number; nil where vacant
	vacant   []uint32

	chunks   []BlockID // first descriptors of the pages of descriptors
	freeDesc BlockID
	lists    [3]list
	listed   int64 // bytes in lists
	resident int64 // bytes of its pages in memory
	writing  int   // blocks being written
	reading  int   // blocks being read
	behind   bool  // an evictor was asked to write ahead
	granted  int64 // the minimum
	missing  int64 // the last lease that the pool refused
	refused  refusal
	leased   int64 // leases, surplus that cannot be evicted included
	heap     int64

	// Of the server.
	operating  int64 // pinned InOperation
	stuck      error // why a block could not be written, and none since; nil: the last one was written
	stuckSince time.Time
	stuckLast  time.Time // when it was last tried

	published int64 // resident, as the accounts above know it

	err      error // first failure
	admitted bool
	closed   bool
	raised   [eventKinds]bool
	followed context.Context
	undo     func() bool // stops the watch on followed
	tokens   tokens
	longs    longRows // not protected

	waits
}

func (p *Pool) newStatement(o StatementOptions) *Statement {
	s := &Statement{pool: p, options: o, owner: p.owners.Add(1)}
	s.io.L = &s.mu
	s.initTokens()
	s.longs.init()
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.account = &Account{pool: p, name: o.Name}
	if p.server != nil {
		s.account.min = s.account
	}
	s.enroll(s.account)
	p.mu.Lock()
	if n := len(p.numbers); n > 0 {
		s.number = p.numbers[n-1]
		p.numbers = p.numbers[:n-1]
	} else {
		s.number = p.next
		p.next++
	}
	p.statements[s.number] = s
	p.mu.Unlock()
	p.arbiter.enroll(s)
	if q, ok := p.options.Store.(OwnerQuotas); ok {
		q.Open(s.owner, o.TempQuotaBytes)
	}
	return s
}

// Account is the statement's node in the tree. Held pages of its own count on what Operator has left of the minimum.
func (s *Statement) Account() *Account { return s.account }

// Err is why the statement failed, or nil.
func (s *Statement) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Fail poisons the statement: the first error wins and ends its Context; its data need not be kept any longer.
func (s *Statement) Fail(err error) {
	s.mu.Lock()
	s.fail(err)
	s.mu.Unlock()
}

func (s *Statement) fail(err error) {
	if s.err != nil || err == nil || s == s.pool.server {
		return
	}
	s.err = err
	s.cancel(err)
	s.pool.freed.raise()
}

// Operator opens an operator's account with its share of the granted minimum; the share returns on Close. The error is
// a bug: the minimum that was granted does not cover the share.
func (s *Statement) Operator(name string, minBytes int64) (*Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rest := s.account.minimum; s.granted > 0 && minBytes > rest {
		return nil, sqlerr.AssertionError("memory: operator %q needs %d bytes, %d of the statement's minimum are left",
			name, minBytes, rest)
	}
	a := &Account{pool: s.pool, parent: s.account, name: name, minimum: minBytes}
	a.min = a
	s.account.minimum -= minBytes
	s.enroll(a)
	s.account.children = append(s.account.children, a)
	return a, nil
}

// Close frees what is left, closes operators' accounts and gives the minimum back. Pages that are left are reported.
// Repeatable.
func (s *Statement) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	if s.undo != nil {
		s.undo()
	}
	s.mu.Unlock()
	s.account.Close()
	s.mu.Lock()
	s.drain()
	if s.parking == parkedNow {
		s.pool.arbiter.force(s, s.granted)
	}
	granted := s.granted
	s.granted, s.account.minimum = 0, 0
	for _, first := range s.chunks {
		s.pool.putIdle(&s.pool.descs, s.pool.descs.start+Ref(first)*descBytes)
	}
	s.pool.arbiter.descs.Add(-int64(len(s.chunks)) * MinPageBytes)
	s.chunks, s.freeDesc = nil, 0
	s.resident = 0
	s.publish()
	s.cancel(context.Canceled)
	s.mu.Unlock()
	s.pool.arbiter.give(s, granted)
	s.pool.arbiter.dismiss(s)
	s.pool.freed.raise()
	if q, ok := s.pool.options.Store.(OwnerQuotas); ok {
		q.Close(s.owner)
	}
	p := s.pool
	p.mu.Lock()
	delete(p.statements, s.number)
	p.numbers = append(p.numbers, s.number)
	p.mu.Unlock()
	if parent := s.account.parent; parent != nil {
		parent.disown(s.account)
	}
}

// spills tells if unpinned blocks may be evicted.
func (s *Statement) spills() bool { return s.options.Spill && s.pool.options.Store != nil }

// lost is the error for data that went with a failure.
func (s *Statement) lost() error {
	if s.err != nil {
		return s.err
	}
	return sqlerr.AssertionError("memory: a freed block is pinned")
}

// quotaError lists what each operator holds. s.mu is held.
func (s *Statement) quotaError() error {
	return &sqlerr.QuotaError{ConnID: s.options.ConnID, Report: s.reportLocked()}
}

func (s *Statement) serverError() error {
	return &sqlerr.ServerMemoryError{ConnID: s.options.ConnID, Report: s.reportLocked()}
}

// end fails the statement because the server is short of memory.
func (s *Statement) end() {
	s.mu.Lock()
	s.fail(s.serverError())
	s.mu.Unlock()
}

// report says in one line what each account of the statement holds.
func (s *Statement) report() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reportLocked()
}

// reportLocked begins with what holds most: clients cut long error texts.
func (s *Statement) reportLocked() string {
	var accounts []*Account
	for _, a := range s.accounts {
		if a != nil && a != s.account && s != s.pool.server {
			accounts = append(accounts, a)
		}
	}
	slices.SortStableFunc(accounts, func(a, b *Account) int { return cmp.Compare(b.current(), a.current()) })
	var b strings.Builder
	for _, a := range append([]*Account{s.account}, accounts...) {
		name := a.name
		if a == s.account {
			name = "total" // the statement's name is its text, which the client knows
		} else {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s current %d peak %d minimum %d spilled %d", name, a.current(), a.peak, a.minimum, a.spilled)
	}
	return b.String()
}

// reserve decides whether a may pin n more bytes, and on what they count. The frame is another matter. s.mu is held.
func (s *Statement) reserve(a *Account, n int64, kind Kind) (Kind, error) {
	p := s.pool
	if kind != Leased {
		if err := p.options.Hooks.refuse(OpMinimum, a.name, int(n)); err != nil {
			return kind, err
		}
		m := a.min
		if m == nil && kind == InOperation && s.covers(n) {
			s.operating += n
			return InOperation, nil
		}
		if m != nil && m.held+n <= m.minimum {
			return Held, nil
		}
		if m == nil && kind == InOperation {
			invariants.Assertf(p.operations.used.Load() > 0, "memory: %q pins outside of an operation", a.name)
		}
		// The server's reserve, for accounts outside of statements and statements without a minimum.
		if s.granted > 0 {
			invariants.Assertf(false, "memory: %q holds %d bytes and takes %d more, its minimum is %d",
				a.name, m.held, n, m.minimum)
		}
		kind, ok := p.arbiter.takePage(n)
		if !ok {
			return kind, errNoPage
		}
		s.countPage(kind, n)
		return kind, nil
	}
	if err := p.options.Hooks.refuse(OpSurplus, a.name, int(n)); err != nil {
		return kind, err
	}
	if q := s.options.QuotaBytes; q > 0 && s.granted+s.leased+n > q {
		switch {
		case s.spills():
			s.tokens.refused = s.granted + s.leased + n
			s.refused = refusal{bytes: n, needed: s.granted + s.leased + n}
			return kind, sqlerr.ErrNoSurplus
		case s.options.CancelAtQuota:
			s.failAtQuota(n)
			return kind, s.err
		}
		s.passQuota(n)
	}
	if got := s.spills() && p.arbiter.leaseFor(s, n) || !s.spills() && p.arbiter.lease(n); !got {
		s.missing = n
		s.refused = refusal{bytes: n, needed: s.granted + s.leased + n, pool: true}
		return kind, sqlerr.ErrNoSurplus
	}
	s.leased += n
	s.leases.Add(n)
	return Leased, nil
}

// errNoPage: a page that no minimum covers is to be waited for, by waitForPage.
var errNoPage = errors.New("memory: no page is free outside of minimums")

// countPage counts a page that no minimum covers.
func (s *Statement) countPage(kind Kind, n int64) {
	if kind == Leased {
		s.leased += n
		s.leases.Add(n)
	}
}

// waitForPage gets n bytes, which reserve did not, for a page that no minimum covers: leases are asked back for them.
// s.mu is held, and released meanwhile. Errors: ServerMemoryError after the time that an admission may take, the
// failure of s.
func (s *Statement) waitForPage(n int64) (Kind, error) {
	s.mu.Unlock()
	kind, err := s.pool.arbiter.waitForPage(s, n)
	s.mu.Lock()
	switch {
	case errors.Is(err, errTimeout), errors.Is(err, errTooMuch):
		return kind, s.serverError()
	case err != nil:
		return kind, err
	}
	s.countPage(kind, n)
	return kind, nil
}

// unlease gives a lease back.
func (s *Statement) unlease(n int64) {
	s.leased -= n
	s.leases.Add(-n)
	s.pool.arbiter.unlease(n)
	if s.revoked.Load() {
		s.pool.arbiter.surrendered(s)
	}
}

// fit evicts blocks of the statement until n more bytes, for a, are within its quota, as far as there are any. s.mu may
// be released meanwhile.
func (s *Statement) fit(a *Account, n int64) error {
	q := s.options.QuotaBytes
	if q <= 0 || s.resident+n <= q || !s.spills() {
		return s.err
	}
	start := time.Now()
	a.await(n)
	for s.resident+n > q && (s.giveUp(n) || s.spillSome(n)) {
	}
	a.await(-n)
	a.addWait(time.Since(start))
	return s.err
}

// spillSome is evictSome that says first why: n more bytes are wanted.
func (s *Statement) spillSome(n int64) bool {
	s.raiseSpill(n)
	return s.evictSome()
}

// Follow makes the statement fail when ctx ends, and no longer when before does, which it followed until now: Admit's
// context at first. False if it was not admitted or has failed, or is about to.
func (s *Statement) Follow(ctx context.Context) (before context.Context, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || s.undo == nil || !s.undo() {
		return nil, false
	}
	before = s.followed
	s.follow(ctx)
	return before, true
}

func (s *Statement) follow(ctx context.Context) {
	s.followed = ctx
	s.undo = context.AfterFunc(ctx, func() { s.Fail(context.Cause(ctx)) })
}

// Admit waits in the queue until minBytes are granted. Once per statement. The end of ctx fails the statement, then and
// later. Errors: QuotaError if minBytes > quota, AdmissionTimeoutError, ctx's error.
func (s *Statement) Admit(ctx context.Context, minBytes int64) error {
	over := s.options.QuotaBytes > 0 && minBytes > s.options.QuotaBytes
	if over && s.options.CancelAtQuota {
		return &sqlerr.QuotaError{ConnID: s.options.ConnID, Report: fmt.Sprintf(
			"the statement needs at least %d bytes to run, its quota is %d", minBytes, s.options.QuotaBytes)}
	}
	if err := s.pool.options.Hooks.refuse(OpAdmit, s.options.Name, int(minBytes)); err != nil {
		return err
	}
	s.mu.Lock()
	if s.admitted {
		s.mu.Unlock()
		return sqlerr.AssertionError("memory: statement %q is admitted twice", s.options.Name)
	}
	s.admitted = true
	if over {
		s.passQuota(minBytes)
	}
	s.follow(ctx)
	s.mu.Unlock()
	start := s.pool.options.Clock.Now()
	if err := s.pool.arbiter.admit(ctx, s, minBytes, false, false); err != nil {
		if errors.Is(err, errTimeout) || errors.Is(err, errTooMuch) {
			return &sqlerr.AdmissionTimeoutError{
				ConnID: s.options.ConnID, MinimumBytes: minBytes, Waited: s.pool.options.Clock.Now().Sub(start),
			}
		}
		return err
	}
	s.mu.Lock()
	s.granted = minBytes
	s.account.minimum += minBytes
	s.mu.Unlock()
	return nil
}
