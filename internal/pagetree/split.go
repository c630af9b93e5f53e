package pagetree

import "github.com/spillwaydb/spillway/internal/memory"

// A step is one pinned node on the way down and the child, or cell, taken there. The zero step is none.
type step struct {
	id    memory.BlockID
	p     node
	index int
}

// release unpins; a step whose node has been freed has id 0.
func (s *step) release(t *Tree) {
	if s.id != 0 {
		t.unpinNode(s.id, s.p)
		s.id = 0
	}
}

// makeRoom enlarges or splits node s; above is its parent, which has room for a separator, or none. key is what is to
// be inserted at s.index of a leaf, nil if that does not matter. All blocks are at hand before anything changes (T1).
func (t *Tree) makeRoom(above step, s *step, key []byte) error {
	if len(s.p) < t.target {
		return t.enlarge(above, s)
	}
	return t.split(above, s, key)
}

// enlarge moves a node to a block of twice the size.
func (t *Tree) enlarge(above step, s *step) error {
	id, q, err := t.newNode(2*len(s.p), s.p[atKind])
	if err != nil {
		return err
	}
	size := len(s.p)
	q.setFirstChild(s.p.firstChild())
	s.p.moveTail(0, q)
	t.replaceChild(above, id)
	t.moveFingers(s.id, id)
	t.freeNode(s.id, size)
	s.id, s.p = id, q
	return nil
}

// replaceChild hangs id where the search went down from above.
func (t *Tree) replaceChild(above step, id memory.BlockID) {
	if above.id == 0 {
		t.root = id
		return
	}
	t.acct.MarkDirty(above.id)
	above.p.setChild(above.index, id)
}

func (t *Tree) split(above step, s *step, key []byte) error {
	rightID, right, err := t.newNode(t.target, s.p[atKind])
	if err != nil {
		return err
	}
	if above.id == 0 {
		if above, err = t.newRoot(s.id); err != nil {
			t.freeNode(rightID, t.target)
			return err
		}
		defer above.release(t)
	}
	t.acct.MarkDirty(above.id)
	t.acct.MarkDirty(s.id)
	at := t.splitPoint(s, key)
	t.loosenFingers(s.id)
	if s.p.leaf() {
		above.p.insert(above.index, border(s, at, key), uint32(rightID), parts{})
		s.p.moveTail(at, right)
	} else {
		// Cell at goes up; its child is the first of the right node.
		above.p.insert(above.index, s.p.key(at), uint32(rightID), parts{})
		right.setFirstChild(uint32(s.p.child(at + 1)))
		s.p.moveTail(at+1, right)
		s.p.remove(at)
	}
	t.unpinNode(rightID, right)
	return nil
}

// newRoot returns a pinned root above the old one.
func (t *Tree) newRoot(old memory.BlockID) (step, error) {
	id, p, err := t.newNode(t.target, kindInner)
	if err != nil {
		return step{}, err
	}
	p.setFirstChild(uint32(old))
	t.root = id
	t.height++
	return step{id: id, p: p}, nil
}

// splitPoint is the first cell that moves to the right node, at least 1; it is the count for leaves if only key goes
// there. Half of the bytes move, but if keys come in order, only those behind the new key, so that nodes get full.
func (t *Tree) splitPoint(s *step, key []byte) int {
	p, n := s.p, s.p.count()
	if key != nil && s.index > 0 && t.finger(key).precedes(s.id, s.index) {
		return s.index
	}
	half, used := p.used()/2, 0
	for i := range n - 1 {
		used += p.cellLen(i) + slotBytes
		if used >= half {
			return i + 1
		}
	}
	return n - 1
}

// border separates a leaf that is split at cell at. A new key that falls on the border stays on the left, where the
// next of its sequence will find room, unless nothing moves but the key.
func border(s *step, at int, key []byte) []byte {
	left := s.p.key(at - 1)
	switch {
	case at == s.p.count():
		return separator(left, key)
	case key != nil && at == s.index:
		left = key
	}
	return separator(left, s.p.key(at))
}

// separator is the shortest key above left that is not above right.
func separator(left, right []byte) []byte {
	for i := range left {
		if left[i] != right[i] {
			return right[:i+1]
		}
	}
	return right[:len(left)+1]
}
