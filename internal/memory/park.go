package memory

import (
	"context"
	"time"
)

// Parking. A statement all of whose workers wait gives its minimum and leases back, and its pinned pages become
// evictable in place: the pool may write them out and give their memory back to the system, but keeps their addresses
// for them. The end of the first wait is an admission ahead of newcomers; then what was written out is read back to
// where it was, so no reference changes and no operator notices.

// WaitReason is why a worker waits; shown in the process list.
type WaitReason string

// parking says where a statement is between work and waiting.
type parking uint8

const (
	working   parking = iota // followed by parkedNow
	parkedNow                // minimum given back, pinned pages evictable; followed by unparking
	unparking                // waits for its minimum, then reads back; followed by working
)

// waits is the part of a Statement that knows who works and who waits. Statement.mu protects it.
type waits struct {
	workers    int
	waiting    int // workers in Wait
	long       int // those of them that waited for ParkAfter
	why        WaitReason
	parking    parking
	owed       int64 // minimum and leases that were given back
	owedLeases int64 // of these, leases
	pinnedHere int64 // while parked: bytes of pinned pages still in memory
	cursor     int   // while parked: chunks below were looked at
}

// parked tells if pinned pages of s may be written out in place. s.mu is held.
func (s *Statement) parked() bool { return s.parking == parkedNow }

// AddWorkers tells how many workers more run for the statement; negative when they end.
func (s *Statement) AddWorkers(n int) {
	s.mu.Lock()
	s.workers += n
	s.parkIfIdle()
	s.mu.Unlock()
}

// Waiting is why the statement waits, "" while a worker works.
func (s *Statement) Waiting() WaitReason {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting > 0 && s.waiting >= s.workers {
		return s.why
	}
	return ""
}

// Wait runs wait, which blocks on something else than memory, on behalf of one of the workers; wait must not touch
// pages of the statement. If it lasts more than 10 ms while all workers of the statement wait, the statement is parked
// until one goes on. Returns wait's error, else that of going on: the cause of ctx or of the statement's failure. After
// such an error pages that were written out are lost: their bytes read as zero, and freeing them is all that is of use.
func (s *Statement) Wait(ctx context.Context, why WaitReason, wait func(context.Context) error) error {
	var long, done bool // s.mu protects them
	s.mu.Lock()
	s.waiting++
	if why != "" { // else what another worker waits for is worth more
		s.why = why
	}
	s.mu.Unlock()
	stop := s.pool.options.Clock.AfterFunc(s.pool.options.ParkAfter, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !done {
			long = true
			s.long++
			s.parkIfIdle()
		}
	})
	err := wait(ctx)
	stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	done = true
	var again error
	for s.parking != working {
		if s.parking == parkedNow {
			again = s.unpark(ctx)
		} else {
			s.io.Wait()
		}
	}
	s.waiting--
	if long {
		s.long--
	}
	if err == nil {
		err = again
	}
	if err == nil {
		err = s.err
	}
	return err
}

// parkIfIdle parks the statement if all workers have waited long enough. One that must not write to disk stays; so does
// one without a minimum, which holds next to nothing.
func (s *Statement) parkIfIdle() {
	if s.parking != working || s.long == 0 || s.long < s.workers || s.err != nil || s.granted == 0 || !s.spills() {
		return
	}
	s.parking = parkedNow
	s.cursor = 0
	s.owedLeases = s.leased
	s.owed = s.granted + s.leased
	s.pinnedHere = s.resident - s.account.loose
	a := &s.pool.arbiter
	s.leases.Store(0)
	s.revoked.Store(false)
	if s.leased > 0 {
		a.unlease(s.leased)
	}
	a.give(s, s.granted)
	s.pool.freed.raise()
	s.pool.evictors.noticed(s)
}

// unpark gets back what park gave, and brings pages back. s.mu is held, and released meanwhile. On an error the
// statement has failed; it holds what it held, for its operators to free.
func (s *Statement) unpark(ctx context.Context) error {
	s.parking = unparking
	a := &s.pool.arbiter
	err := s.err
	if err == nil {
		s.mu.Unlock()
		err = a.admit(ctx, s, s.owed, true, s.owedLeases > 0)
		s.mu.Lock()
	}
	for s.writing > 0 {
		s.io.Wait()
	}
	if err != nil {
		a.force(s, s.owed)
		s.fail(err)
	}
	a.leasesAmong(s.owedLeases)
	s.leases.Store(s.owedLeases)
	s.owed, s.owedLeases, s.pinnedHere = 0, 0, 0
	if err == nil {
		err = s.comeBack()
	}
	s.parking = working
	s.io.Broadcast()
	return err
}

// evictInPlace writes one pinned page of a parked statement out and gives its memory back. s.mu is held, and released
// while it is written.
func (s *Statement) evictInPlace() {
	id, d := s.nextPinned()
	if id == 0 {
		s.pinnedHere = 0
		return
	}
	n := d.size()
	s.pinnedHere -= n
	if s.err == nil && d.slot == (Slot{}) {
		g := newGroup()
		defer g.free()
		g.add(id, d)
		err := s.write(g)
		if err != nil {
			s.fail(err)
			if d.has(flagDoomed) {
				s.releaseFrame(d)
				s.bury(id, d)
			}
			return
		}
		s.keep(d, g.slots[0])
		d.set(flagTemporary)
		if d.has(flagDoomed) {
			s.releaseFrame(d)
			s.bury(id, d)
			return
		}
		if s.parking != parkedNow { // it goes on: the page stays
			d.drop(flagTemporary)
			s.dropCopy(d)
			return
		}
	}
	p := s.pool
	if err := p.region.decommit(d.ref, n); err != nil {
		p.logger.Error("memory: giving back a page of a parked statement", "err", err)
		return // nextPinned does not come here again; unpark drops the copy
	}
	d.set(flagAway)
	s.grow(-n)
	p.inUse.Add(-n)
	p.committed.Add(-n)
	p.evictions.Add(1)
	p.freed.raise()
}

// nextPinned finds a pinned page in memory, beginning where it stopped.
func (s *Statement) nextPinned() (BlockID, *desc) {
	for ; s.cursor < len(s.chunks); s.cursor++ {
		for i := range BlockID(descsPerChunk) {
			id := s.chunks[s.cursor] + i
			d := s.pool.desc(id)
			pinned := d.state == statePage || d.state == stateBlock && d.pins > 0
			if pinned && !d.has(flagAway|flagWriting|flagTemporary) {
				return id, d
			}
		}
	}
	return 0, nil
}

// comeBack reads the pages that were written out back to where they were. s.mu is held, and released meanwhile; all
// workers are in Wait, so nothing else changes. On an error the statement has failed.
func (s *Statement) comeBack() error {
	for _, first := range s.chunks {
		for i := range BlockID(descsPerChunk) {
			d := s.pool.desc(first + i)
			if d.has(flagAway) {
				s.grow(d.size())
				s.mu.Unlock()
				err := s.restore(d)
				s.mu.Lock()
				if err != nil {
					s.grow(-d.size())
					s.fail(err)
					return err
				}
				d.drop(flagAway)
				s.accounts[d.owner].addIO(0, 0, d.size())
			}
			if d.has(flagTemporary) {
				d.drop(flagTemporary)
				s.dropCopy(d)
			}
		}
	}
	return nil
}

// restore gives the frame of d memory again and reads it. No lock is held.
func (s *Statement) restore(d *desc) error {
	p := s.pool
	n := d.size()
	since := time.Now()
	for !p.commit(n) {
		if p.giveBackIdle(n) {
			continue
		}
		if err := p.makeRoom(s, n, since); err != nil {
			return err
		}
	}
	p.inUse.Add(n)
	if err := s.fetch(d, d.ref); err != nil {
		// The page is still away; its frame has memory that nobody counts, unless it is given back.
		if again := p.region.decommit(d.ref, n); again != nil {
			p.logger.Error("memory: giving back a page of a parked statement", "err", again)
		}
		p.inUse.Add(-n)
		p.committed.Add(-n)
		return err
	}
	return nil
}
