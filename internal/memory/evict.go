package memory

import (
	"time"

	"github.com/spillwaydb/spillway/internal/invariants"
)

// Eviction. Whoever needs memory evicts: it takes victims off their list (group.go), marks them flagWriting, lets go of
// the mutex, writes, and frees the frames of those that nobody pinned meanwhile. Evictors (evictors.go) do the same
// ahead of need. A failed statement's blocks are dropped without a write.

const (
	// retryWriteAfter is how long the server's blocks stay in memory after one of them could not be written.
	retryWriteAfter = 100 * time.Millisecond
	// stuckPatience is how long they are tried before requests for memory that wait for them fail.
	stuckPatience = time.Second
)

// evictable is the bytes of s that the pool may take. s.mu is held.
func (s *Statement) evictable() int64 {
	if s.stuck != nil && s.pool.options.Clock.Now().Sub(s.stuckLast) < retryWriteAfter {
		return 0
	}
	n := s.listed
	if s.parked() {
		n += s.pinnedHere
	}
	return n
}

// evictSome evicts an unpinned block of s, perhaps with others, or waits for one that is being evicted, and tells if
// there was any. s.mu is released meanwhile.
func (s *Statement) evictSome() bool {
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

// evictBlock evicts an unpinned block that is in no list, and others with it if it must be written. s.mu is held, and
// released while they are written.
func (s *Statement) evictBlock(id BlockID, d *desc) {
	if s.err != nil {
		s.accounts[d.owner].add(0, 0, -d.size())
		s.lose(d)
		return
	}
	if d.slot != (Slot{}) { // unchanged since it was written
		s.pool.sums.check(d.slot, Bytes(s.pool.base, d.ref, int(d.size())))
		s.evicted(d)
		return
	}
	g := newGroup()
	defer g.free()
	s.gather(g, id, d)
	err := s.write(g)
	if err != nil && s.err == nil && s.stuck == nil { // once for each failure
		s.pool.logger.Error("memory: a block could not be written", "statement", s.options.Name, "err", err)
	}
	if s == s.pool.server {
		s.noteWrite(err)
	}
	s.fail(err)
	for i := g.n - 1; i >= 0; i-- { // from the last to the first: what is listed again is as it was
		s.wrote(g.ids[i], g.descs[i], g.slots[i])
	}
}

// noteWrite notes how a write of the server's blocks, which do not go with a failure, has ended.
func (s *Statement) noteWrite(err error) {
	now := s.pool.options.Clock.Now()
	if s.stuck == nil {
		s.stuckSince = now
	}
	s.stuck, s.stuckLast = err, now
}

// unwritable is why the server's blocks cannot be written, if that has been so for a while and was seen since the
// request for memory, else nil.
func (p *Pool) unwritable(since time.Time) error {
	s := p.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stuck == nil || s.listed == 0 || s.stuckLast.Sub(s.stuckSince) < stuckPatience || s.stuckLast.Before(since) {
		return nil
	}
	return s.stuck
}

// wrote decides what becomes of a block that was to be written. slot is 0 if it was not.
func (s *Statement) wrote(id BlockID, d *desc, slot Slot) {
	switch {
	case d.has(flagDoomed):
		if slot != (Slot{}) {
			s.pool.sums.forget(slot)
			s.pool.options.Store.Free(s.owner, slot)
		}
		s.releaseFrame(d)
		s.bury(id, d)
		return
	case slot != (Slot{}):
		s.keep(d, slot)
	}
	switch {
	case d.pins > 0: // it stays, perhaps with a copy on disk
	case s.err != nil:
		s.accounts[d.owner].add(0, 0, -d.size())
		s.lose(d)
	case slot == (Slot{}): // its turn comes again; transactions and locks are not lost with a full disk
		s.listFirst(id, d)
	default:
		s.evicted(d)
	}
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

// pinOut brings a block back from disk, pinned, and with it those of ahead that lie behind it. s.mu is held, and
// released meanwhile.
func (s *Statement) pinOut(a *Account, id BlockID, d *desc, kind Kind, ahead []BlockID) (Ref, error) {
	if s.err != nil {
		return 0, s.err
	}
	d.state = stateReading
	s.reading++
	err := s.bringBack(a, id, d, kind, ahead)
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
func (s *Statement) bringBack(a *Account, id BlockID, d *desc, kind Kind, ahead []BlockID) error {
	n, wanted := d.size(), kind
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
	ref, err := s.pool.frame(s, &s.pool.classes[d.class], s.stale(d), true)
	if err == nil {
		if len(ahead) == 0 || !s.readWith(id, d, ref, ahead) {
			err = s.fetch(d, ref)
		}
		if err != nil {
			s.pool.freeFrame(d.class, ref)
			s.Fail(err)
		}
	}
	s.mu.Lock()
	if err != nil {
		s.uncharge(d, n)
		s.grow(-n)
		return asSurplus(err, wanted)
	}
	d.ref = ref
	s.accounts[d.owner].addIO(0, 0, n)
	s.accounts[d.owner].addWait(time.Since(start))
	return nil
}

// stale is the frame that a block must not be read into.
func (s *Statement) stale(d *desc) Ref {
	if invariants.Enabled {
		return d.ref // whoever kept the old address must not find the bytes there
	}
	return 0
}

// readWith reads the copy of d into the frame at ref, with blocks behind it if there are any, and tells if it did.
// s.mu is not held; the state, stateReading, keeps others away from d.
func (s *Statement) readWith(id BlockID, d *desc, ref Ref, ahead []BlockID) bool {
	g := newGroup()
	defer g.free()
	g.add(id, d)
	g.refs[0] = ref
	s.mu.Lock()
	s.gatherOut(g, ahead)
	s.mu.Unlock()
	if g.n == 1 {
		return false
	}
	got, err := s.fetchGroup(g, 1)
	s.mu.Lock()
	s.arrived(g, 1, got)
	s.mu.Unlock()
	return err == nil // else it may be another block's
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

// makeRoom evicts blocks of whoever has most surplus, so that a request of s can be tried again. If everything that
// may go is already on its way, it waits. No lock is held. Errors: the failure of s; that of temporary storage, if what
// is left are the server's blocks, which could not be written; ServerMemoryError after roomTimeout, which is a bug (M2)
// or a failed statement that does not end.
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
	if err := p.unwritable(since); err != nil {
		return err
	}
	if p.options.Clock.Now().Sub(since) > roomTimeout {
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

// evictAny evicts blocks, at least one, or a parked page of the statement with most surplus, and tells if there was
// any.
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
	s.ask(ids)
	s.mu.Unlock()
}

// ask tells evictors to read what is out, if it is half of the blocks: fewer are worth no transfer yet. s.mu is held.
func (s *Statement) ask(ids []BlockID) {
	j := job{s: s}
	for _, id := range ids {
		if j.n < len(j.ids) && s.outside(id) != nil {
			j.ids[j.n] = id
			j.n++
		}
	}
	if j.n > 0 && 2*j.n >= len(ids) {
		s.pool.evictors.send(j)
	}
}

// prefetch reads blocks into memory that nobody needs, as far as there is any.
func (s *Statement) prefetch(ids []BlockID) {
	g := newGroup()
	defer g.free()
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(ids) > 0 {
		g.n = 0
		if ids = s.gatherOut(g, ids); g.n == 0 {
			return
		}
		s.mu.Unlock()
		got, err := s.fetchGroup(g, 0) // whoever pins a block that cannot be read learns why
		s.mu.Lock()
		s.arrived(g, 0, got)
		if err != nil || got < g.n {
			return
		}
	}
}
