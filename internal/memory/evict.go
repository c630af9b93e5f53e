package memory

import (
	"time"

	"github.com/spillwaydb/spillway/internal/invariants"
)

// Eviction. Whoever needs memory evicts: it takes a victim off its list, marks it flagWriting, lets go of the mutex,
// writes, and frees the frame if nobody pinned the block meanwhile. Evictors (evictors.go) do the same ahead of need. A
// failed statement's blocks are dropped without a write.

// retryWriteAfter is how long the server's blocks stay in memory after one of them could not be written.
const retryWriteAfter = 100 * time.Millisecond

// evictable is the bytes of s that the pool may take. s.mu is held.
func (s *Statement) evictable() int64 {
	if s.stuck {
		if s.pool.options.Clock.Now().Sub(s.stuckSince) < retryWriteAfter {
			return 0
		}
		s.stuck = false
	}
	n := s.listed
	if s.parked() {
		n += s.pinnedHere
	}
	return n
}

// evictOne evicts one unpinned block of s, or waits for one that is being evicted, and tells if there was any. s.mu is
// released meanwhile.
func (s *Statement) evictOne() bool {
	if id, d := s.victim(); id != 0 {
		s.evictBlock(id, d)
		return true
	}
	if s.writing > 0 {
		s.io.Wait()
		return true
	}
	return false
}

// evictBlock evicts an unpinned block that is in no list. s.mu is held, and released while the block is written.
func (s *Statement) evictBlock(id BlockID, d *desc) {
	n := d.size()
	if s.err != nil {
		s.accounts[d.owner].add(0, 0, -n)
		s.lose(d)
		return
	}
	if d.slot != (Slot{}) { // unchanged since it was written
		s.pool.sums.check(d.slot, Bytes(s.pool.base, d.ref, int(n)))
		s.evicted(d)
		return
	}
	slot, err := s.write(d)
	switch {
	case d.has(flagDoomed):
		if err == nil {
			s.pool.options.Store.Free(s.owner, slot)
		}
		s.releaseFrame(d)
		s.bury(id, d)
		return
	case err != nil:
		s.fail(err)
		s.pool.logger.Error("memory: a block could not be written", "statement", s.options.Name, "err", err)
		switch {
		case d.pins > 0:
		case s == s.pool.server: // transactions and locks are not lost with it: it stays
			s.list(id, d)
			s.stuck, s.stuckSince = true, s.pool.options.Clock.Now()
		default:
			s.accounts[d.owner].add(0, 0, -n)
			s.lose(d)
		}
		return
	}
	s.keep(d, slot)
	switch {
	case d.pins > 0: // it stays, with a copy on disk
	case s.err != nil:
		s.accounts[d.owner].add(0, 0, -n)
		s.lose(d)
	default:
		s.evicted(d)
	}
}

// write writes the frame of d to the store; s.mu is released meanwhile.
func (s *Statement) write(d *desc) (Slot, error) {
	p := s.pool
	n := d.size()
	data := Bytes(p.base, d.ref, int(n))
	d.set(flagWriting)
	s.writing++
	s.mu.Unlock()
	start := time.Now()
	err := p.options.Hooks.refuse(OpWrite, s.options.Name, len(data))
	var slot Slot
	if err == nil {
		slot, err = p.options.Store.Write(s.owner, data)
	}
	if err == nil {
		p.sums.note(slot, data)
	}
	took := time.Since(start)
	s.mu.Lock()
	for a := s.accounts[d.owner]; a != nil && a.stmt == s; a = a.parent {
		a.saveNanos += int64(took)
	}
	d.drop(flagWriting)
	s.writing--
	s.io.Broadcast()
	return slot, err
}

// keep counts a new copy of d on disk.
func (s *Statement) keep(d *desc, slot Slot) {
	d.slot = slot
	owner := s.accounts[d.owner]
	stored := s.pool.options.Store.DiskBytes(slot)
	owner.addDisk(stored)
	owner.addIO(d.size(), stored, 0)
}

// addIO counts bytes that were written, which took so many on disk, and bytes read, for a and the accounts above it.
func (a *Account) addIO(spilled, written, read int64) {
	for s := a.stmt; a != nil && a.stmt == s; a = a.parent {
		a.spilled += spilled
		a.written += written
		a.read += read
	}
}

// addWait counts time that was spent waiting for eviction and reading back.
func (a *Account) addWait(d time.Duration) {
	for s := a.stmt; a != nil && a.stmt == s; a = a.parent {
		a.waitNanos += int64(d)
	}
}

// evicted turns a block that lies on disk as well into one that lies on disk only.
func (s *Statement) evicted(d *desc) {
	s.accounts[d.owner].add(0, 0, -d.size())
	s.releaseFrame(d)
	d.state = stateOut
	s.pool.evictions.Add(1)
}

// pinOut brings a block back from disk, pinned. s.mu is held, and released meanwhile.
func (s *Statement) pinOut(a *Account, id BlockID, d *desc, kind Kind) (Ref, error) {
	if s.err != nil {
		return 0, s.err
	}
	d.state = stateReading
	s.reading++
	err := s.bringBack(a, d, kind)
	s.reading--
	s.io.Broadcast()
	switch {
	case d.has(flagDoomed):
		if err == nil {
			s.uncharge(d, d.size())
			s.releaseFrame(d)
		}
		s.bury(id, d)
		return 0, s.lost()
	case err != nil:
		d.state = stateOut
		return 0, err
	}
	d.state, d.pins = stateBlock, 1
	return d.ref, nil
}

// bringBack charges a for the block and reads it into a frame. On an error nothing stays charged.
func (s *Statement) bringBack(a *Account, d *desc, kind Kind) error {
	n := d.size()
	kind, err := s.reserve(a, n, kind)
	if err == errNoPage {
		kind, err = s.waitForPage(n)
	}
	if err != nil {
		return err
	}
	s.charge(a, d, n, kind)
	if err := s.fit(a, n); err != nil {
		s.uncharge(d, n)
		return err
	}
	start := time.Now()
	s.grow(n)
	a.peaked()
	s.mu.Unlock()
	ref, err := s.read(d, true)
	s.mu.Lock()
	if err != nil {
		s.uncharge(d, n)
		s.grow(-n)
		return err
	}
	d.ref = ref
	s.accounts[d.owner].addIO(0, 0, n)
	s.accounts[d.owner].addWait(time.Since(start))
	return nil
}

// read reads the copy of d into a new frame. s.mu is not held; the state, stateReading, keeps others away from d.
func (s *Statement) read(d *desc, wait bool) (Ref, error) {
	p := s.pool
	var not Ref
	if invariants.Enabled {
		not = d.ref // whoever kept the old address must not find the bytes there
	}
	ref, err := p.frame(s, &p.classes[d.class], not, wait)
	if err != nil {
		return 0, err
	}
	if err := s.fetch(d, ref); err != nil {
		p.freeFrame(d.class, ref)
		s.Fail(err)
		return 0, err
	}
	return ref, nil
}

// fetch reads the copy of d into the frame at ref.
func (s *Statement) fetch(d *desc, ref Ref) error {
	p := s.pool
	dst := Bytes(p.base, ref, int(d.size()))
	if err := p.options.Hooks.refuse(OpRead, s.options.Name, len(dst)); err != nil {
		return err
	}
	if err := p.options.Store.Read(d.slot, dst); err != nil {
		return err
	}
	p.sums.check(d.slot, dst)
	p.reloads.Add(1)
	return nil
}

// drain waits until nothing of s is on its way to or from disk.
func (s *Statement) drain() {
	for s.writing+s.reading > 0 {
		s.io.Wait()
	}
}

// roomPoll bounds a wait for a signal that got lost; roomTimeout the wait for what the invariants say must come.
const (
	roomPoll    = 10 * time.Millisecond
	roomTimeout = time.Minute
)

// makeRoom evicts one block of whoever has most surplus, so that a request of s can be tried again. If everything that
// may go is already on its way, it waits. No lock is held. Errors: the failure of s; ServerMemoryError after
// roomTimeout, which is a bug (M2) or a failed statement that does not end.
func (p *Pool) makeRoom(s *Statement, n int64, since time.Time) error {
	if err := s.Err(); err != nil {
		return err
	}
	for _, r := range p.options.Reclaimers {
		if r.Reclaim(n) > 0 {
			return nil
		}
	}
	if p.evictAny() {
		return nil
	}
	changed := p.freed.enter()
	defer p.freed.leave()
	if p.inUse.Load()+n <= p.limit.Load() || p.anyEvictable() {
		return nil
	}
	if time.Since(since) > roomTimeout {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.serverError()
	}
	timer := time.NewTimer(roomPoll)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-s.ctx.Done():
	}
	return nil
}

// evictAny evicts one block or parked page of the statement with most surplus, and tells if there was any.
func (p *Pool) evictAny() bool {
	t := p.richest()
	if t == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.listed > 0 {
		t.raiseSpill(0)
	}
	if id, d := t.victim(); id != 0 {
		t.evictBlock(id, d)
	} else if t.parked() {
		t.evictInPlace()
	}
	return true
}

func (p *Pool) anyEvictable() bool { return p.richest() != nil }

// richest is the statement that the next victim should come from: a failed one if it has anything, else the one with
// most surplus among those that have something to evict.
func (p *Pool) richest() *Statement {
	var best *Statement
	var bestBytes int64
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.statements {
		s.mu.Lock()
		n := s.evictable()
		if n > 0 {
			if s.err != nil {
				s.mu.Unlock()
				return s
			}
			n += s.leased
		}
		s.mu.Unlock()
		if n > bestBytes {
			best, bestBytes = s, n
		}
	}
	return best
}

// Prefetch reads blocks back ahead of need. It never blocks, and does nothing for blocks that are in memory, or when
// there is no surplus.
func (a *Account) Prefetch(ids ...BlockID) {
	s := a.stmt
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if d, err := s.find(id); err == nil && d.state == stateOut {
			a.pool.evictors.send(job{s: s, id: id})
		}
	}
}

// prefetch reads one block into memory that nobody needs, if there is any.
func (s *Statement) prefetch(id BlockID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || s.closed || s.parked() || id == 0 || int64(id)*descBytes >= s.pool.descsReady.Load() {
		return
	}
	d := s.pool.desc(id)
	if d.stmt != s.number || d.state != stateOut || d.has(flagLost) {
		return
	}
	n := d.size()
	// Evictors keep the headroom free: what is read into it would have them write something else.
	if q := s.options.QuotaBytes; q > 0 && s.resident+n+headroom(q) > q {
		return
	}
	d.state = stateReading
	s.reading++
	s.grow(n)
	s.mu.Unlock()
	ref, err := s.read(d, false)
	s.mu.Lock()
	s.reading--
	s.io.Broadcast()
	switch {
	case err != nil:
		s.grow(-n)
		d.state = stateOut
		if d.has(flagDoomed) {
			s.bury(id, d)
		}
	case d.has(flagDoomed):
		d.ref = ref
		s.releaseFrame(d)
		s.bury(id, d)
	default:
		d.ref, d.state, d.reuse = ref, stateBlock, ReuseSoon
		owner := s.accounts[d.owner]
		owner.addIO(0, 0, n)
		owner.add(0, 0, n)
		owner.peaked()
		s.list(id, d)
	}
}
