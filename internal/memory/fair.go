package memory

import (
	"slices"
	"time"
)

// Fair shares of surplus. Whoever comes first may lease all there is. A statement that the pool refuses a lease while
// it has less than its fair share has a claim: leases are asked back from those that have more than theirs, with most
// first, and until the claim ends nobody gets leases beyond its share, so that what comes back is there for who has the
// claim. A claim ends when it was not repeated for claimFor, as that of a statement that wants no more, or has ended.
// Then whoever wants surplus gets it again. So a statement gets its share within a batch of those that have it, and a
// share that nobody wants lies idle for claimFor.
//
// The share is the surplus, which is bulk less minimums, divided among those that have leases or a claim. What one of
// them leaves of its share is divided among the others.

const (
	// claimFor is longer than an operator that was refused a lease takes to ask again, having sorted or written what it
	// has.
	claimFor = time.Second
	// claimEvery is how often a statement's claims are looked at.
	claimEvery = 5 * time.Millisecond
	// claimSlack, a part of the share, may be missing before leases are asked back, which costs as much for little as
	// for much.
	claimSlack = 8
)

// claims is the part of the arbiter that knows who claims surplus.
type claims struct {
	until int64 // nanoseconds on the arbiter's clock when the last claim ends; 0: there is none
	share int64 // what a statement may lease meanwhile
}

func (a *arbiter) now() int64 { return int64(a.pool.options.Clock.Now().Sub(a.began)) + 1 }

// leaseFor is lease for a statement that can do with less: while there are claims it gets no more than its share.
func (a *arbiter) leaseFor(s *Statement, n int64) bool {
	if c := a.claims.Load(); c != nil && s.leases.Load()+n > c.share {
		if a.now() < c.until {
			return false
		}
		a.mu.Lock()
		a.shareLocked(a.now())
		a.mu.Unlock()
	}
	if a.waiting.Load() > 0 {
		return false
	}
	if a.takeBulk(n) {
		return true
	}
	a.claim(s, n)
	return false
}

// freeFor is what s could lease now.
func (a *arbiter) freeFor(s *Statement) int64 {
	free := a.free()
	if c := a.claims.Load(); c != nil && s.spills() && a.now() < c.until {
		free = min(free, c.share-s.leases.Load())
	}
	return free
}

// claim notes that s was refused n bytes.
func (a *arbiter) claim(s *Statement, n int64) {
	now := a.now()
	if last := s.looked.Load(); last != 0 && now-last < int64(claimEvery) {
		return
	}
	s.looked.Store(now)
	a.mu.Lock()
	defer a.mu.Unlock()
	before := s.claimed
	s.claimed = now
	a.shareLocked(now)
	if c := a.claims.Load(); c == nil || s.leases.Load()+n > c.share { // it has its share, or there is nothing to share
		if s.claimed = before; before == 0 || now-before >= int64(claimFor) {
			a.shareLocked(now)
		}
	}
}

// shareLocked computes shares, and asks leases back for those that have claims.
func (a *arbiter) shareLocked(now int64) {
	var all []*Statement
	var last, want int64
	surplus := a.bulkBytes() - a.bulk.Load()
	for s := range a.statements {
		if s == a.pool.server || !s.spills() {
			continue
		}
		claims := s.claimed != 0 && now-s.claimed < int64(claimFor)
		if !claims {
			s.claimed = 0
		}
		if n := s.leases.Load(); n > 0 || claims {
			surplus += n
			last = max(last, s.claimed)
			all = append(all, s)
		}
	}
	if last == 0 {
		if a.claims.Swap(nil) != nil && a.waiting.Load() == 0 {
			a.stopAsking()
		}
		return
	}
	slices.SortFunc(all, func(x, y *Statement) int { return int(x.leases.Load() - y.leases.Load()) })
	left, heads := surplus, int64(len(all))
	for _, s := range all {
		n := s.leases.Load()
		if s.claimed != 0 {
			continue
		}
		if n > left/heads {
			break
		}
		left -= n // it wants no more than it has
		heads--
	}
	c := &claims{until: last + int64(claimFor), share: max(left/max(heads, 1), 0)}
	a.claims.Store(c)
	for _, s := range all {
		if s.claimed != 0 {
			want += max(c.share-s.leases.Load(), 0)
		}
	}
	want -= a.bulkBytes() - a.bulk.Load()
	if want <= c.share/claimSlack {
		return
	}
	for _, s := range slices.Backward(all) {
		n := s.leases.Load()
		if want <= 0 || n <= c.share {
			break
		}
		s.revoked.Store(true)
		want -= n - c.share
	}
}

// stopAsking ends what shareLocked or press asked for.
func (a *arbiter) stopAsking() {
	for s := range a.statements {
		s.revoked.Store(false)
	}
}

// surrendered looks at a statement that was asked for leases and gave some back.
func (a *arbiter) surrendered(s *Statement) {
	c := a.claims.Load()
	if c != nil && s.leases.Load() <= c.share && a.waiting.Load() == 0 && a.bulk.Load() <= a.bulkBytes() {
		s.revoked.Store(false)
	}
}
