package memory

// lists of unpinned blocks, one for each Reuse. The head was unpinned first.
type list struct {
	head, tail BlockID
	bytes      int64
}

// evictionOrder is the order in which the lists are emptied.
var evictionOrder = [...]Reuse{ReuseLate, ReuseUnknown, ReuseSoon}

// list makes an unpinned block evictable.
func (s *Statement) list(id BlockID, d *desc) { s.link(id, d, s.lists[d.reuse].tail, 0) }

// listFirst is list for a block that was taken off its list and is the next victim again.
func (s *Statement) listFirst(id BlockID, d *desc) { s.link(id, d, 0, s.lists[d.reuse].head) }

// link puts a block between two others of its list; 0: its ends.
func (s *Statement) link(id BlockID, d *desc, prev, next BlockID) {
	l := &s.lists[d.reuse]
	d.prev, d.next = prev, next
	*s.after(l, prev), *s.before(l, next) = id, id
	d.set(flagListed)
	l.bytes += d.size()
	s.listed += d.size()
}

// after is where the block behind another one is noted; 0: the head.
func (s *Statement) after(l *list, id BlockID) *BlockID {
	if id == 0 {
		return &l.head
	}
	return &s.pool.desc(id).next
}

// before is where the block in front of another one is noted; 0: the tail.
func (s *Statement) before(l *list, id BlockID) *BlockID {
	if id == 0 {
		return &l.tail
	}
	return &s.pool.desc(id).prev
}

// unlist takes a block off its list, if it is in one.
func (s *Statement) unlist(d *desc) {
	if !d.has(flagListed) {
		return
	}
	l := &s.lists[d.reuse]
	*s.after(l, d.prev), *s.before(l, d.next) = d.next, d.prev
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
