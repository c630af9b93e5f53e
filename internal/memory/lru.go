package memory

// lists of unpinned blocks, one for each Reuse. The head was unpinned first.
type list struct {
	head, tail BlockID
	bytes      int64
}

// evictionOrder is the order in which the lists are emptied.
var evictionOrder = [...]Reuse{ReuseLate, ReuseUnknown, ReuseSoon}

// list makes an unpinned block evictable.
func (s *Statement) list(id BlockID, d *desc) {
	l := &s.lists[d.reuse]
	d.prev, d.next = l.tail, 0
	if l.tail != 0 {
		s.pool.desc(l.tail).next = id
	} else {
		l.head = id
	}
	l.tail = id
	d.set(flagListed)
	l.bytes += d.size()
	s.listed += d.size()
}

// listFirst is list for a block that was taken off its list and is the next victim again.
func (s *Statement) listFirst(id BlockID, d *desc) {
	l := &s.lists[d.reuse]
	d.prev, d.next = 0, l.head
	if l.head != 0 {
		s.pool.desc(l.head).prev = id
	} else {
		l.tail = id
	}
	l.head = id
	d.set(flagListed)
	l.bytes += d.size()
	s.listed += d.size()
}

// unlist takes a block off its list, if it is in one.
func (s *Statement) unlist(d *desc) {
	if !d.has(flagListed) {
		return
	}
	l := &s.lists[d.reuse]
	if d.prev != 0 {
		s.pool.desc(d.prev).next = d.next
	} else {
		l.head = d.next
	}
	if d.next != 0 {
		s.pool.desc(d.next).prev = d.prev
	} else {
		l.tail = d.prev
	}
	d.prev, d.next = 0, 0
	d.drop(flagListed)
	l.bytes -= d.size()
	s.listed -= d.size()
}

// victim takes the block that should go first off its list.
func (s *Statement) victim() (BlockID, *desc) {
	for _, reuse := range evictionOrder {
		if id := s.lists[reuse].head; id != 0 {
			d := s.pool.desc(id)
			s.unlist(d)
			return id, d
		}
	}
	return 0, nil
}
