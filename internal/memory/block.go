package memory

import (
	"errors"
	"time"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// NewBlock returns a new block, pinned once, and where it lies; its bytes are undefined. It belongs to the account
// until FreeBlock. Any goroutine may pin it. Errors as for Alloc.
func (a *Account) NewBlock(size int, kind Kind) (BlockID, Ref, error) {
	return a.stmt.create(a, size, kind, stateBlock, 0)
}

// NewBlockIn is NewBlock for a block of a series.
func (a *Account) NewBlockIn(series Series, size int, kind Kind) (BlockID, Ref, error) {
	return a.stmt.create(a, size, kind, stateBlock, series)
}

// Pin brings a block into memory and keeps it there until Unpin. Nested pins count and cost nothing; the first pinner
// pays until the last pin is undone. The Ref may differ from the last pin's. A block that is modified after its first
// Unpin must be announced by MarkDirty, after Pin and before the change. Blocks that will be pinned next are read ahead
// as by Prefetch, at once if they lie behind this one and it must be read. Errors: as for Alloc; the failure of a read
// is the statement's.
func (a *Account) Pin(id BlockID, kind Kind, ahead ...BlockID) (Ref, error) {
	ref, _, err := a.PinRead(id, kind, ahead...)
	return ref, err
}

// PinRead is Pin, and says whether the block had to be read back.
func (a *Account) PinRead(id BlockID, kind Kind, ahead ...BlockID) (Ref, bool, error) {
	s := a.stmt
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.find(id)
	if err != nil {
		return 0, false, err
	}
	out := d.state == stateOut
	ref, err := s.pinHere(a, d, kind)
	if err == errNotHere {
		ref, err = s.pin(a, id, kind, ahead)
	}
	if len(ahead) > 0 && err == nil {
		s.ask(ahead)
	}
	return ref, out, err
}

// errNotHere: a pin has to wait for something, or fails.
var errNotHere = errors.New("memory: the block is not in memory")

// pinHere pins a block that is in memory, if nothing has to be waited for. s.mu is held.
func (s *Statement) pinHere(a *Account, d *desc, kind Kind) (Ref, error) {
	if d.state != stateBlock || d.has(flagLost|flagAway|flagDoomed) {
		return 0, errNotHere
	}
	if d.pins > 0 {
		d.pins++
		return d.ref, nil
	}
	var none page
	ref, err := s.pinLoose(a, d, kind, &none)
	if err == errNoPage {
		return 0, errNotHere
	}
	return ref, err
}

// pin is Pin, with s.mu held.
func (s *Statement) pin(a *Account, id BlockID, kind Kind, ahead []BlockID) (Ref, error) {
	var waited page
	defer func() {
		if waited.n > 0 {
			s.uncount(waited.kind, waited.n)
		}
	}()
	for {
		d, err := s.find(id)
		if err != nil {
			return 0, err
		}
		switch {
		case d.has(flagLost | flagAway | flagDoomed):
			return 0, s.lost()
		case d.state == stateBlock && d.pins > 0:
			d.pins++
			return d.ref, nil
		case d.state == stateBlock:
			ref, err := s.pinLoose(a, d, kind, &waited)
			if err != errNoPage {
				return ref, err
			}
			// Meanwhile the block may be pinned or evicted.
			n := d.size()
			if waited.kind, err = s.waitForPage(n); err != nil {
				return 0, err
			}
			waited.n = n
		case d.state == stateReading:
			s.io.Wait()
		case d.state == stateOut:
			return s.pinOut(a, id, d, kind, ahead)
		default:
			return 0, sqlerr.AssertionError("memory: a page is pinned as a block")
		}
	}
}

// page is one that waitForPage got; n is 0 if there is none.
type page struct {
	kind Kind
	n    int64
}

// pinLoose pins a block that is in memory and unpinned. It uses waited, if there is one. errNoPage: wait for a page.
func (s *Statement) pinLoose(a *Account, d *desc, kind Kind, waited *page) (Ref, error) {
	n := d.size()
	surplus := d.has(flagSurplus)
	switch {
	case waited.n > 0:
		kind, waited.n = waited.kind, 0
	case surplus && kind == Leased: // the lease that the block counts on serves the pin
		surplus = false
	default:
		var err error
		if kind, err = s.reserve(a, n, kind); err != nil {
			return 0, err
		}
	}
	if surplus {
		s.unlease(n)
	}
	d.drop(flagSurplus)
	s.unlist(d)
	d.payer, d.kind = a.number, kind
	s.shift(a, d, n, -n)
	d.pins = 1
	return d.ref, nil
}

// charge counts the pins of d on a.
func (s *Statement) charge(a *Account, d *desc, n int64, kind Kind) {
	d.payer, d.kind = a.number, kind
	if kind == Held || kind == InOperation {
		a.add(n, 0, 0)
	} else {
		a.add(0, n, 0)
	}
}

// shift counts n bytes of pins of d on payer, and loose bytes on its owner.
func (s *Statement) shift(payer *Account, d *desc, n, loose int64) {
	held, leased := n, int64(0)
	if d.kind != Held && d.kind != InOperation {
		held, leased = 0, n
	}
	if d.payer == d.owner {
		payer.add(held, leased, loose)
		return
	}
	payer.add(held, leased, 0)
	if loose != 0 {
		s.accounts[d.owner].add(0, 0, loose)
	}
}

// uncharge takes back charge and reserve.
func (s *Statement) uncharge(d *desc, n int64) {
	payer := s.accounts[d.payer]
	if d.kind == Held || d.kind == InOperation {
		payer.add(-n, 0, 0)
	} else {
		payer.add(0, -n, 0)
	}
	s.uncount(d.kind, n)
}

// uncount takes back reserve.
func (s *Statement) uncount(kind Kind, n int64) {
	switch kind {
	case InOperation:
		s.operating -= n
	case inLane:
		s.pool.arbiter.leaveLane(n)
	case Leased:
		s.unlease(n)
	}
}

// create makes a page or block.
func (s *Statement) create(a *Account, size int, kind Kind, state state, series Series) (BlockID, Ref, error) {
	class, ok := classOf(size)
	if !ok {
		return 0, 0, sqlerr.AssertionError("memory: a page of %d bytes is asked for", size)
	}
	f := &s.pool.classes[class]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, 0, s.err
	}
	wanted := kind
	kind, err := s.reserve(a, f.size, kind)
	if err == errNoPage {
		kind, err = s.waitForPage(f.size)
	}
	if err != nil {
		return 0, 0, err
	}
	var tmp desc
	s.charge(a, &tmp, f.size, kind)
	if err := s.fit(a, f.size); err != nil {
		s.uncharge(&tmp, f.size)
		return 0, 0, err
	}
	s.grow(f.size)
	a.peaked()
	id, d, ok := s.newDesc()
	for !ok {
		if err := s.moreDescs(); err != nil {
			s.uncharge(&tmp, f.size)
			s.grow(-f.size)
			return 0, 0, err
		}
		id, d, ok = s.newDesc()
	}
	d.class, d.owner, d.payer, d.kind, d.pins, d.series = class, a.number, a.number, kind, 1, series
	ref := s.pool.popIdle(f, 0)
	if ref == 0 {
		start := time.Now()
		s.mu.Unlock()
		ref, err = s.pool.frame(s, f, 0, true)
		err = asSurplus(err, wanted)
		s.mu.Lock()
		a.addWait(time.Since(start))
	}
	if err != nil {
		s.uncharge(d, f.size)
		s.grow(-f.size)
		s.freeDescriptor(id, d)
		return 0, 0, err
	}
	d.ref, d.state = ref, state
	s.pool.stacks.record(id)
	return id, ref, nil
}

// moreDescs adds a chunk of descriptors; s.mu is released meanwhile.
func (s *Statement) moreDescs() error {
	p := s.pool
	if !p.arbiter.addDescs() {
		return s.serverError()
	}
	s.mu.Unlock()
	r, err := p.frame(s, &p.descs, 0, true)
	s.mu.Lock()
	if err != nil {
		p.arbiter.descs.Add(-MinPageBytes)
		return err
	}
	ready := int64(r-p.descs.start) + MinPageBytes
	for {
		old := p.descsReady.Load()
		if old >= ready || p.descsReady.CompareAndSwap(old, ready) {
			break
		}
	}
	s.addChunk(r)
	return nil
}

// grow changes the statement's bytes in memory.
func (s *Statement) grow(n int64) {
	s.resident += n
	if n < 0 {
		s.relax()
	}
	s.publish()
}

// Unpin undoes a pin. The last one makes the block evictable.
func (a *Account) Unpin(id BlockID, reuse Reuse) { a.stmt.misused(a.stmt.unpinID(id, reuse)) }

func (s *Statement) unpinID(id BlockID, reuse Reuse) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.find(id)
	if err != nil {
		return err
	}
	if d.state != stateBlock || d.pins == 0 {
		return sqlerr.AssertionError("memory: block %d is not pinned", id)
	}
	s.unpin(id, d, reuse)
	return nil
}

func (s *Statement) unpin(id BlockID, d *desc, reuse Reuse) {
	if d.pins--; d.pins > 0 {
		return
	}
	d.reuse = reuse
	n := d.size()
	if d.has(flagAway) || s.err != nil && !d.has(flagWriting) {
		// Nobody will read it again: the statement failed.
		s.uncharge(d, n)
		s.lose(d)
		return
	}
	s.shift(s.accounts[d.payer], d, -n, n)
	s.uncount(d.kind, n)
	if !s.spills() {
		s.keepLoose(d)
		return
	}
	if d.has(flagWriting) {
		return // who writes it decides
	}
	if s.options.ForceSpill {
		s.evictBlock(id, d)
		return
	}
	s.list(id, d)
	s.pool.freed.raise()
	s.pool.evictors.noticed(s)
}

// keepLoose counts an unpinned block that cannot be evicted as a lease; if there is none, the statement fails.
func (s *Statement) keepLoose(d *desc) {
	n := d.size()
	over := s.options.QuotaBytes > 0 && s.granted+s.leased+n > s.options.QuotaBytes
	if over && s.options.CancelAtQuota {
		s.failAtQuota(n)
		return
	}
	if over {
		s.passQuota(n)
	}
	if !s.pool.arbiter.lease(n) {
		s.fail(s.serverError())
		return
	}
	s.leased += n
	s.leases.Add(n)
	d.set(flagSurplus)
}

// ShareBlock gives a block that is not modified any more a further owner within the account, so that FreeBlock must be
// called once more. False: the block is another account's, and can only be copied.
func (a *Account) ShareBlock(id BlockID) bool {
	s := a.stmt
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.find(id)
	if err != nil || d.owner != a.number || d.state == statePage || d.has(flagDoomed) {
		return false
	}
	d.shares++
	return true
}

// FreeBlock ends a block that is pinned once, by the caller, or not at all. One that is shared must not be pinned by
// the caller; it ends with the last call.
func (a *Account) FreeBlock(id BlockID) {
	if id != 0 {
		a.stmt.misused(a.stmt.freeBlock(id))
	}
}

func (s *Statement) freeBlock(id BlockID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.find(id)
	if err != nil {
		return err
	}
	if d.shares > 0 && d.state != statePage {
		d.shares--
		return nil
	}
	if d.state == statePage || d.pins > 1 {
		return sqlerr.AssertionError("memory: block %d is freed while pinned %d times", id, d.pins)
	}
	s.discard(id, d)
	return nil
}

// BlockSize is the block's length in bytes, 0 for an unknown one.
func (a *Account) BlockSize(id BlockID) int {
	s := a.stmt
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.find(id)
	if err != nil {
		return 0
	}
	return int(d.size())
}

// MarkDirty announces that a pinned block is about to be modified after it had been unpinned: a copy on disk is
// dropped, and the block is written again when it is evicted. It waits for a write of the block that is under way.
func (a *Account) MarkDirty(id BlockID) {
	s := a.stmt
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		d, err := s.find(id)
		if err != nil {
			return
		}
		if !d.has(flagWriting) {
			s.dropCopy(d)
			return
		}
		s.io.Wait()
	}
}

// dropCopy frees the block's copy on disk.
func (s *Statement) dropCopy(d *desc) {
	if d.slot == (Slot{}) {
		return
	}
	s.pool.sums.forget(d.slot)
	s.accounts[d.owner].addDisk(-s.pool.options.Store.DiskBytes(d.slot))
	s.pool.options.Store.Free(s.owner, d.slot)
	d.slot = Slot{}
}

// addDisk changes the temporary storage of a and of the accounts above it.
func (a *Account) addDisk(n int64) {
	for s := a.stmt; a != nil && a.stmt == s; a = a.parent {
		a.disk += n
		a.diskPeak = max(a.diskPeak, a.disk)
	}
}

// lose drops the bytes of an unpinned block of a failed statement. It is not counted as loose (any longer).
func (s *Statement) lose(d *desc) {
	s.releaseFrame(d)
	s.dropCopy(d)
	d.state = stateOut
	d.set(flagLost)
	d.drop(flagAway)
}

// releaseFrame gives the frame of d back, with or without its memory.
func (s *Statement) releaseFrame(d *desc) {
	if d.has(flagAway) {
		s.pool.classes[d.class].putBare(d.ref)
		return
	}
	s.pool.freeFrame(d.class, d.ref)
	s.grow(-d.size())
}

// discard frees a page or block in whatever state it is; what is on its way to or from disk is freed when it arrives.
func (s *Statement) discard(id BlockID, d *desc) {
	n := d.size()
	if d.has(flagDoomed) {
		return
	}
	switch d.state {
	case statePage, stateBlock:
		if d.pins > 0 {
			s.uncharge(d, n)
			d.pins = 0
		} else {
			s.unlist(d)
			s.accounts[d.owner].add(0, 0, -n)
			if d.has(flagSurplus) {
				s.unlease(n)
			}
		}
		if d.has(flagWriting) {
			d.set(flagDoomed)
			return
		}
		s.releaseFrame(d)
	case stateReading:
		d.set(flagDoomed)
		return
	}
	s.bury(id, d)
}

// bury ends a descriptor without a frame.
func (s *Statement) bury(id BlockID, d *desc) {
	s.dropCopy(d)
	s.pool.stacks.forget(id)
	s.freeDescriptor(id, d)
}
