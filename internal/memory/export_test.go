package memory

import (
	"context"
	"fmt"
)

// ParkNow parks s as if all its workers had waited, and tells if it is parked.
func (s *Statement) ParkNow() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.long++
	s.parkIfIdle()
	s.long--
	return s.parked()
}

// Unpark ends ParkNow.
func (s *Statement) Unpark(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unpark(ctx)
}

// EvictSome evicts one block or parked page of any statement.
func (p *Pool) EvictSome() bool { return p.evictAny() }

// Check holds the pool's figures against each other. Nothing but evictors may use the pool meanwhile.
func (p *Pool) Check() error {
	p.evictors.busy.Lock()
	defer p.evictors.busy.Unlock()
	c := &checker{pool: p}
	for _, s := range p.all() {
		c.statement(s)
	}
	a := &p.arbiter
	c.equal("in use", p.inUse.Load(), c.resident+c.descs)
	c.equal("descriptors", a.descs.Load(), c.descs)
	c.equal("bulk", a.bulk.Load(), c.bulk)
	c.equal("lane", a.lane.Load(), c.lane)
	c.equal("operations", p.server.operating, c.operating)
	c.atMost("operations", c.operating, p.operations.used.Load())
	c.equal("minimums", a.minimums.Load(), c.minimums)
	c.atMost("M1", p.committed.Load(), p.limit.Load())
	if !c.failed {
		c.atMost("M2", c.resident-c.evictable, c.bulk+c.lane+p.operations.used.Load())
		c.atMost("M2 and the limit", a.bulk.Load(), a.bulkBytes())
	}
	c.idle()
	return c.err
}

type checker struct {
	pool *Pool
	err  error

	resident, evictable, descs, bulk, lane, minimums, operating int64

	failed bool
}

func (c *checker) equal(what string, got, want int64) {
	if got != want && c.err == nil {
		c.err = fmt.Errorf("%s: %d, counted %d", what, got, want)
	}
}

func (c *checker) atMost(what string, got, limit int64) {
	if got > limit && c.err == nil {
		c.err = fmt.Errorf("%s: %d is more than %d", what, got, limit)
	}
}

func (c *checker) statement(s *Statement) {
	s.mu.Lock() // a cancelled context may fail the statement at any moment
	defer s.mu.Unlock()
	var resident, listed, leased, held, loose, laneHeld int64
	byAccount := map[uint32]int64{}
	s.each(func(id BlockID, d *desc) bool {
		n := d.size()
		if d.resident() {
			resident += n
		}
		if d.has(flagListed) {
			listed += n
		}
		pinned := d.state == statePage || d.state == stateBlock && d.pins > 0
		switch {
		case pinned && d.kind == Held:
			held += n
			byAccount[d.payer] += n
		case pinned && d.kind == InOperation:
			held += n
			c.operating += n
			byAccount[d.payer] += n
		case pinned && d.kind == Leased:
			leased += n
			byAccount[d.payer] += n
		case pinned:
			laneHeld += n
			byAccount[d.payer] += n
		case d.state == stateBlock:
			loose += n
			byAccount[d.owner] += n
			if d.has(flagSurplus) {
				leased += n
			}
		}
		return true
	})
	name := s.options.Name + " "
	c.equal(name+"resident", s.resident, resident)
	c.equal(name+"listed", s.listed, listed)
	c.equal(name+"leased", s.leased, leased)
	c.equal(name+"account held", s.account.held, held)
	c.equal(name+"account loose", s.account.loose, loose)
	for _, a := range s.accounts {
		if a != nil && a != s.account && len(a.children) == 0 {
			c.equal(name+a.name, a.held+a.leased+a.loose, byAccount[a.number])
		}
	}
	c.resident += resident
	c.descs += int64(len(s.chunks)) * MinPageBytes
	c.evictable += s.evictable()
	c.lane += laneHeld
	c.failed = c.failed || s.err != nil
	if s.parking == working {
		c.bulk += leased
		c.minimums += s.granted
		if s.lane.Load() {
			c.lane += s.granted
		} else {
			c.bulk += s.granted
		}
		c.equal(name+"leases", s.leases.Load(), leased)
	}
	if q := s.options.QuotaBytes; q > 0 && s.options.CancelAtQuota && s.err == nil {
		c.atMost(name+"quota", resident, q)
	}
}

// idle walks the lists of idle frames.
func (c *checker) idle() {
	var n int64
	p := c.pool
	for i := range p.classes {
		n += chain(p.base, &p.classes[i])
	}
	n += chain(p.base, &p.descs)
	c.equal("idle", p.idle(), n)
}

func chain(b Base, f *frames) (n int64) {
	for r := f.idle; r != 0; r = nextIdle(b, r) {
		n += f.size
	}
	return n
}

// Need is what the end of a statement's parking asks for.
func (p *Pool) Need(s *Statement) int64 { return s.owed }

// Operations is the number of operations that wait for their turn.
func (p *Pool) Operations() int64 { return p.operations.waiting.Load() }
