package memory

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// Account is a node of the tree: server, user, session, statement, operator. Pages and blocks belong to one. Its
// methods may be called from any goroutine, but for Close.
type Account struct {
	pool   *Pool
	stmt   *Statement // the pool's server for accounts outside of any
	parent *Account   // nil for the server
	name   string
	number uint32   // place in stmt.accounts
	min    *Account // whose minimum held pages count on: the operator's or the statement's; nil outside of statements

	// stmt.mu protects following. Figures include descendants in the same statement.
	children  []*Account // of other statements too
	minimum   int64      // what held pages count on
	held      int64
	leased    int64
	loose     int64 // unpinned blocks in memory
	awaited   int64 // of held and leased, what room is still being made for
	peak      int64
	heap      int64 // bytes of Go heap, without descendants
	spilled   int64
	disk      int64
	diskPeak  int64
	written   int64 // to disk in all, compressed
	read      int64
	waitNanos int64
	saveNanos int64 // in which blocks were written, whoever did it
	closed    bool
	lost      bool // see Lose

	// Figures of statements below an account outside of statements, in steps of publishBytes.
	below, belowPeak atomic.Int64
}

// Name is what the account was opened with.
func (a *Account) Name() string { return a.name }

// Base is the pool's base address.
func (a *Account) Base() Base { return a.pool.base }

// PoolBytes is the limit of the pool.
func (a *Account) PoolBytes() int64 { return a.pool.limit.Load() }

// Context ends when the statement is cancelled or fails. Outside of statements it never does.
func (a *Account) Context() context.Context { return a.stmt.ctx }

// Child opens an account below a: a user, a session, a part of an operator, which then shares the operator's minimum.
// The caller closes it.
func (a *Account) Child(name string) *Account {
	c := &Account{pool: a.pool, parent: a, name: name}
	s := a.stmt
	s.mu.Lock()
	c.min = a.min
	s.enroll(c)
	a.children = append(a.children, c)
	s.mu.Unlock()
	return c
}

// Fund moves n bytes between an operator's share of the minimum and what is left of the statement's: to the operator,
// or back if n < 0. So operators that are not at work at once share a minimum. The error is a bug: there is not so much
// left, or the operator still holds what it is to give back.
func (a *Account) Fund(n int64) error {
	s := a.stmt
	s.mu.Lock()
	defer s.mu.Unlock()
	if rest := s.account.minimum; s.granted > 0 && n > rest {
		return sqlerr.AssertionError("memory: operator %q needs %d bytes, %d of the statement's minimum are left",
			a.name, n, rest)
	}
	if a.held > a.minimum+n {
		return sqlerr.AssertionError("memory: operator %q holds %d bytes and is to keep a minimum of %d",
			a.name, a.held, a.minimum+n)
	}
	s.account.minimum -= n
	a.minimum += n
	return nil
}

// adopt takes the account of a statement as a child.
func (a *Account) adopt(c *Account) {
	a.stmt.mu.Lock()
	a.children = append(a.children, c)
	a.stmt.mu.Unlock()
}

// Close ends the account and those below it. What they still hold is reported with the account's name, and freed.
// Repeatable.
func (a *Account) Close() {
	s := a.stmt
	s.mu.Lock()
	children := slices.Clone(a.children)
	s.mu.Unlock()
	for _, c := range children {
		if c.stmt == s {
			c.Close()
		} else {
			c.stmt.Close()
		}
	}
	s.closeAccount(a)
}

// Lose says that some of a's blocks cannot be found any longer, as what named them could not be read: Close frees them
// as always, but does not report a leak.
func (a *Account) Lose() {
	a.stmt.mu.Lock()
	a.lost = true
	a.stmt.mu.Unlock()
}

// disown forgets the account of a closed statement.
func (a *Account) disown(c *Account) {
	a.stmt.mu.Lock()
	a.children = slices.DeleteFunc(a.children, func(o *Account) bool { return o == c })
	a.stmt.mu.Unlock()
}

// closeAccount frees what a has left and takes it out of the tree.
func (s *Statement) closeAccount(a *Account) {
	s.mu.Lock()
	if a.closed {
		s.mu.Unlock()
		return
	}
	a.closed = true
	var left int64
	var stacks string
	s.each(func(id BlockID, d *desc) bool {
		if d.owner == a.number && !d.has(flagDoomed) {
			left += d.size()
			if stacks == "" {
				stacks = s.pool.stacks.of(id)
			}
			s.discard(id, d)
		}
		return true
	})
	for s.writing+s.reading > 0 && s.hasDoomed(a) {
		s.io.Wait() // what is on its way still counts its disk space on a
	}
	if a.heap != 0 {
		s.pool.heap.give(a.heap)
		s.heap -= a.heap
		a.heap = 0
	}
	if a != s.account && a.min == a && a.parent != nil {
		s.account.minimum += a.minimum
		a.minimum = 0
	}
	if a.parent != nil && a.parent.stmt == s {
		a.parent.children = slices.DeleteFunc(a.parent.children, func(c *Account) bool { return c == a })
		s.dismiss(a)
	}
	lost := a.lost
	s.mu.Unlock()
	if left > 0 && !lost {
		s.pool.leaked(fmt.Sprintf("account %q of %q was closed with %d bytes%s", a.name, s.options.Name, left, stacks))
	}
}

// hasDoomed tells if a freed block of a is still being written or read.
func (s *Statement) hasDoomed(a *Account) bool {
	found := false
	s.each(func(_ BlockID, d *desc) bool {
		found = d.owner == a.number && d.has(flagDoomed)
		return !found
	})
	return found
}

// enroll gives an account its number in the statement.
func (s *Statement) enroll(a *Account) {
	a.stmt = s
	if n := len(s.vacant); n > 0 {
		a.number = s.vacant[n-1]
		s.vacant = s.vacant[:n-1]
		s.accounts[a.number] = a
		return
	}
	a.number = uint32(len(s.accounts))
	s.accounts = append(s.accounts, a)
}

// dismiss forgets an account's number, unless pins of a sibling's blocks are still counted on it.
func (s *Statement) dismiss(a *Account) {
	if a.held+a.leased+a.loose != 0 {
		return
	}
	s.accounts[a.number] = nil
	s.vacant = append(s.vacant, a.number)
}

// add changes the figures of a and of the accounts above it in the statement.
func (a *Account) add(held, leased, loose int64) {
	s := a.stmt
	for ; a != nil && a.stmt == s; a = a.parent {
		a.held += held
		a.leased += leased
		a.loose += loose
	}
}

// current is what the account has in memory.
func (a *Account) current() int64 { return a.held + a.leased + a.loose }

// peaked notes the figures of a and of the accounts above it if they are the highest so far. It comes after room was
// made for what add counted.
func (a *Account) peaked() {
	s := a.stmt
	for ; a != nil && a.stmt == s; a = a.parent {
		a.peak = max(a.peak, a.held+a.leased+a.loose-a.awaited)
	}
}

// await says that there is no room yet for n bytes that add counted.
func (a *Account) await(n int64) {
	for s := a.stmt; a != nil && a.stmt == s; a = a.parent {
		a.awaited += n
	}
}

// publishBytes is the step in which a statement's size is told to the accounts above it: exact figures would cost an
// atomic for each page and level.
const publishBytes = 64 << 10

// publish tells accounts above the statement about its size.
func (s *Statement) publish() {
	now := s.resident
	if s == s.pool.server || now != 0 && max(now-s.published, s.published-now) < publishBytes {
		return
	}
	delta := now - s.published
	s.published = now
	for a := s.account.parent; a != nil; a = a.parent {
		n := a.below.Add(delta)
		for {
			peak := a.belowPeak.Load()
			if n <= peak || a.belowPeak.CompareAndSwap(peak, n) {
				break
			}
		}
	}
}

// Stats returns the figures of a and everything below it.
func (a *Account) Stats() AccountStats {
	s := a.stmt
	s.mu.Lock()
	st := AccountStats{
		Current:      a.held + a.leased + a.loose,
		Peak:         a.peak,
		Minimum:      a.minimum,
		Leased:       a.leased,
		SpilledBytes: a.spilled,
		DiskBytes:    a.disk,
		DiskPeak:     a.diskPeak,
		WrittenBytes: a.written,
		ReadBytes:    a.read,
		SpillNanos:   a.waitNanos,
		WriteNanos:   a.saveNanos,
	}
	if a == s.account && s != s.pool.server {
		st.Minimum = s.granted
		st.Current = s.resident // less what was written out while parked
	}
	others := s.foreign(a, nil)
	s.mu.Unlock()
	st.Peak += a.belowPeak.Load()
	for _, c := range others {
		t := c.Stats()
		st.Current += t.Current
		st.Minimum += t.Minimum
		st.Leased += t.Leased
		st.SpilledBytes += t.SpilledBytes
		st.DiskBytes += t.DiskBytes
		st.DiskPeak += t.DiskPeak
		st.WrittenBytes += t.WrittenBytes
		st.ReadBytes += t.ReadBytes
		st.SpillNanos += t.SpillNanos
		st.WriteNanos += t.WriteNanos
	}
	st.Peak = max(st.Peak, st.Current)
	return st
}

// foreign collects the accounts of other statements below a.
func (s *Statement) foreign(a *Account, l []*Account) []*Account {
	for _, c := range a.children {
		if c.stmt != s {
			l = append(l, c)
		} else {
			l = s.foreign(c, l)
		}
	}
	return l
}

// Children lists the accounts right below a, for EXPLAIN ANALYZE, process list and error texts.
func (a *Account) Children() []AccountInfo {
	a.stmt.mu.Lock()
	children := slices.Clone(a.children)
	a.stmt.mu.Unlock()
	l := make([]AccountInfo, len(children))
	for i, c := range children {
		l[i] = AccountInfo{Name: c.name, Stats: c.Stats()}
	}
	return l
}

// Revoked: the pool wants this account's leases back. Read between batches.
func (a *Account) Revoked() bool { return a.stmt.revoked.Load() }

// Surplus is an estimate of the bytes that could be leased now under quota and pool; never a promise.
func (a *Account) Surplus() int64 {
	s := a.stmt
	free := s.pool.arbiter.freeFor(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.options.QuotaBytes; q > 0 {
		free = min(free, q-s.granted-s.leased)
	}
	return max(free, 0)
}

// Alloc returns a pinned page of at least size bytes; its bytes are undefined. PageSize rounds. The caller frees it
// with Free. Errors: sqlerr.ErrNoSurplus for Leased; QuotaError, ServerMemoryError, the statement's own error.
func (a *Account) Alloc(size int, kind Kind) (Page, error) {
	id, ref, err := a.stmt.create(a, size, kind, statePage, 0)
	if err != nil {
		return Page{}, err
	}
	class, _ := classOf(size)
	return Page{Ref: ref, id: id, class: class}, nil
}

// Free takes a page back; for the zero Page it does nothing.
func (a *Account) Free(p Page) {
	if p.Ref == 0 {
		return
	}
	a.stmt.misused(a.stmt.freePage(p))
}

func (s *Statement) freePage(p Page) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.find(p.id)
	if err != nil {
		return err
	}
	if d.state != statePage || d.ref != p.Ref {
		return sqlerr.AssertionError("memory: page %d is not the one that was taken", p.Ref)
	}
	s.discard(p.id, d)
	return nil
}

// misused reports a bug of the caller that there is nobody to return to.
func (s *Statement) misused(err error) {
	if err != nil {
		s.pool.leaked(err.Error())
	}
}
