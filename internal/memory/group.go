package memory

import (
	"sync"
	"time"
)

// Groups. Small blocks are written and read several at a time: a transfer of 256 KiB takes a quarter of the processor
// time per byte that one of 32 KiB does. What is written at once are the victims that are next, those of one series
// first, as these are read one after the other. Each block keeps its own state, slot and checksum.

const (
	// groupBytes bounds a group. It is never more than the headroom, so that no memory is emptied that nobody wants.
	groupBytes = 256 << 10
	// groupBlocks bounds it as well.
	groupBlocks = 32
	// groupWindow is how many of the blocks that go next are looked at.
	groupWindow = 256
)

// Series names blocks that will be read one after the other; 0 is none. It is a hint.
type Series uint32

// NewSeries returns a number that was not used for long.
func (a *Account) NewSeries() Series { return Series(a.pool.series.Add(1)) }

// group is blocks of a statement on their way to or from disk.
type group struct {
	n     int
	ids   [groupBlocks]BlockID
	descs [groupBlocks]*desc
	slots [groupBlocks]Slot
	data  [groupBlocks][]byte
	refs  [groupBlocks]Ref // of frames to read into
	found int
	next  [groupWindow]BlockID // the window
}

var groups = sync.Pool{New: func() any { return new(group) }}

func newGroup() *group {
	g := groups.Get().(*group)
	g.n, g.found = 0, 0
	return g
}

func (g *group) free() {
	clear(g.data[:g.n])
	clear(g.descs[:g.n])
	groups.Put(g)
}

func (g *group) add(id BlockID, d *desc) {
	g.ids[g.n], g.descs[g.n], g.slots[g.n] = id, d, Slot{}
	g.n++
}

// groupOf is how many blocks of n bytes a group may have.
func (s *Statement) groupOf(n int64) int {
	if s.pool.groups == nil {
		return 1
	}
	most := min(groupBytes, headroom(s.pool.limit.Load()))
	if q := s.options.QuotaBytes; q > 0 {
		most = min(most, headroom(q))
	}
	return int(min(max(most/n, 1), groupBlocks))
}

// gather takes blocks to be written with d, a victim, off its list: of the next ones those of its size that have no
// copy on disk, one series after the other. s.mu is held.
func (s *Statement) gather(g *group, id BlockID, d *desc) {
	g.add(id, d)
	most := s.groupOf(d.size())
	if most == 1 || s.options.ForceSpill {
		return
	}
	looked := 0
	for next := s.lists[d.reuse].head; next != 0 && looked < groupWindow; looked++ {
		e := s.pool.desc(next)
		if e.class == d.class && e.slot == (Slot{}) {
			g.next[g.found] = next
			g.found++
		}
		next = e.next
	}
	series := d.series
	for g.n < most {
		rest := g.next[:0]
		for _, id := range g.next[:g.found] {
			e := s.pool.desc(id)
			if g.n == most || e.series != series {
				rest = append(rest, id)
				continue
			}
			s.unlist(e)
			g.add(id, e)
		}
		if g.found = len(rest); g.found == 0 {
			return
		}
		series = s.pool.desc(rest[0]).series
	}
}

// write writes the frames of the group to the store and notes their slots; those that found no room or were not written
// have none. s.mu is released meanwhile.
func (s *Statement) write(g *group) error {
	p := s.pool
	n := int(g.descs[0].size())
	for i, d := range g.descs[:g.n] {
		d.set(flagWriting)
		g.data[i] = Bytes(p.base, d.ref, n)
	}
	s.writing += g.n
	s.mu.Unlock()
	start := time.Now()
	var err error
	for i := 0; i < g.n && err == nil; i++ {
		err = p.options.Hooks.refuse(OpWrite, s.options.Name, n)
	}
	switch {
	case err != nil:
	case g.n == 1:
		g.slots[0], err = p.options.Store.Write(s.owner, g.data[0])
	default:
		err = p.groups.WriteGroup(s.owner, g.data[:g.n], g.slots[:g.n])
	}
	for i, slot := range g.slots[:g.n] {
		if slot != (Slot{}) {
			p.sums.note(slot, g.data[i])
		}
	}
	took := int64(time.Since(start)) / int64(g.n)
	s.mu.Lock()
	for _, d := range g.descs[:g.n] {
		for a := s.accounts[d.owner]; a != nil && a.stmt == s; a = a.parent {
			a.saveNanos += took
		}
		d.drop(flagWriting)
	}
	s.writing -= g.n
	s.io.Broadcast()
	return err
}

// gatherOut marks blocks that are out as being read, as long as they follow each other on disk, behind those that the
// group has, and there is memory that nobody needs. It returns those after them. s.mu is held.
func (s *Statement) gatherOut(g *group, ids []BlockID) []BlockID {
	p := s.pool
	if s.err != nil || s.closed || s.parked() {
		return nil
	}
	var sum int64
	for _, d := range g.descs[:g.n] {
		sum += d.size()
	}
	for i, id := range ids {
		d := s.outside(id)
		switch {
		case d == nil && g.n == 0:
			continue
		case g.n == groupBlocks || d == nil:
			return ids[i:]
		case g.n > 0 && (p.groups == nil || !p.groups.Behind(g.descs[g.n-1].slot, d.slot)):
			return ids[i:]
		}
		n := d.size()
		if g.n > 0 && sum+n > groupBytes {
			return ids[i:]
		}
		if !s.roomAhead(n) {
			return nil
		}
		sum += n
		d.state = stateReading
		s.reading++
		s.grow(n)
		g.add(id, d)
	}
	return nil
}

// roomAhead tells if n bytes may be read ahead of need. Evictors keep the headroom free: what is read into it has them
// write something else, and may be evicted itself before it is used if there is much of it.
func (s *Statement) roomAhead(n int64) bool {
	q := s.options.QuotaBytes
	return q <= 0 || s.resident+n+headroom(q) <= q ||
		s.resident+n <= q && s.lists[ReuseSoon].bytes+n <= headroom(q)
}

// outside returns the descriptor of a block that can be read back, or nil.
func (s *Statement) outside(id BlockID) *desc {
	if id == 0 || int64(id)*descBytes >= s.pool.descsReady.Load() {
		return nil
	}
	d := s.pool.desc(id)
	if d.stmt != s.number || d.state != stateOut || d.slot == (Slot{}) || d.has(flagLost|flagDoomed) {
		return nil
	}
	return d
}

// fetchGroup reads the blocks of a group from the first one on into frames of memory that nobody needs, and says how
// many. Those before first have their frames. s.mu is not held.
func (s *Statement) fetchGroup(g *group, first int) (got int, err error) {
	p := s.pool
	got = first
	for i := first; i < g.n && err == nil; i++ {
		d := g.descs[i]
		var ref Ref
		if ref, err = p.frame(s, &p.classes[d.class], s.stale(d), false); err == nil {
			g.refs[i] = ref
			got++
		}
	}
	if got == 0 {
		return 0, nil
	}
	for i, d := range g.descs[:got] {
		g.data[i], g.slots[i] = Bytes(p.base, g.refs[i], int(d.size())), d.slot
	}
	err = nil
	for i := 0; i < got && err == nil; i++ {
		err = p.options.Hooks.refuse(OpRead, s.options.Name, len(g.data[i]))
	}
	switch {
	case err != nil:
	case got == 1:
		err = p.options.Store.Read(g.slots[0], g.data[0])
	default:
		err = p.groups.ReadGroup(g.slots[:got], g.data[:got])
	}
	if err != nil {
		for i, d := range g.descs[first:got] {
			p.freeFrame(d.class, g.refs[first+i])
		}
		return first, err
	}
	for i := range got {
		p.sums.check(g.slots[i], g.data[i])
	}
	p.reloads.Add(int64(got))
	return got, nil
}

// arrived makes evictable what was read of a group from the first block on; got is how many of it were. s.mu is held.
func (s *Statement) arrived(g *group, first, got int) {
	for i := first; i < g.n; i++ {
		id, d := g.ids[i], g.descs[i]
		n := d.size()
		s.reading--
		if i >= got {
			s.grow(-n)
			d.state = stateOut
			if d.has(flagDoomed) {
				s.bury(id, d)
			}
			continue
		}
		d.ref = g.refs[i]
		if d.has(flagDoomed) {
			s.releaseFrame(d)
			s.bury(id, d)
			continue
		}
		d.state, d.reuse = stateBlock, ReuseSoon
		owner := s.accounts[d.owner]
		owner.addIO(0, 0, n)
		owner.add(0, 0, n)
		owner.peaked()
		s.list(id, d)
	}
	s.io.Broadcast()
}
