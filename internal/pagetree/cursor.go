package pagetree

import "github.com/spillwaydb/spillway/internal/memory"

// A Cursor walks a tree in order. It keeps one leaf pinned while it is at a key; Close unpins it. After an error it is
// at no key. The zero Cursor of Tree.Cursor is at no key.
type Cursor struct {
	t      *Tree
	ladder [maxHeight]rung // the way to the leaf; nodes are not pinned
	depth  int             // rungs
	leaf   memory.BlockID  // 0: at no key
	p      node
	i      int
	ahead  bool
}

// aheadLeaves is how many leaves are read ahead: with what is read of them in one piece, some 128 KiB.
const aheadLeaves = 8

// ReadAhead says that the cursor will go forwards through many leaves: those that come next are read from disk, if they
// are there, while it is at one.
func (c *Cursor) ReadAhead() { c.ahead = true }

// Cursor returns a cursor at no key.
func (t *Tree) Cursor() Cursor { return Cursor{t: t} }

// Close unpins what is pinned; the cursor can be sought again.
func (c *Cursor) Close() {
	if c.leaf != 0 {
		c.t.acct.Unpin(c.leaf, memory.ReuseUnknown)
		c.leaf, c.p = 0, nil
	}
}

// Valid says if the cursor is at a key.
func (c *Cursor) Valid() bool { return c.leaf != 0 }

// Key lives until the cursor moves.
func (c *Cursor) Key() []byte { return c.p.key(c.i) }

// ValueLen is the length of the value.
func (c *Cursor) ValueLen() int { return int(c.p.word(c.i) &^ apartBit) }

// Inline returns the value if it lies in the leaf; it lives until the cursor moves.
func (c *Cursor) Inline() ([]byte, bool) {
	return c.p.payload(c.i), c.p.word(c.i)&apartBit == 0
}

// ReadValue fills dst with the value's bytes from offset on; there must be as many.
func (c *Cursor) ReadValue(dst []byte, offset int) error {
	if v, ok := c.Inline(); ok {
		copy(dst, v[offset:])
		return nil
	}
	return c.t.readApart(dst, c.p.payload(c.i), c.ValueLen(), offset)
}

// AppendValue appends the value to dst.
func (c *Cursor) AppendValue(dst []byte) ([]byte, error) {
	return c.t.appendValue(dst, c.p.word(c.i), c.p.payload(c.i))
}

// SeekGE goes to the first key that is not below key.
func (c *Cursor) SeekGE(key []byte) error {
	if err := c.descend(func(p node) int { return p.childFor(key) }); err != nil || !c.Valid() {
		return err
	}
	c.i, _ = c.p.search(key)
	return c.settleForward()
}

// SeekLT goes to the last key below key.
func (c *Cursor) SeekLT(key []byte) error {
	// The child that key belongs to may start with key; settleBackward then takes the one before it.
	if err := c.descend(func(p node) int { return p.childFor(key) }); err != nil || !c.Valid() {
		return err
	}
	c.i, _ = c.p.search(key)
	c.i--
	return c.settleBackward()
}

// First goes to the first key.
func (c *Cursor) First() error {
	if err := c.descend(func(node) int { return 0 }); err != nil || !c.Valid() {
		return err
	}
	c.i = 0
	return c.settleForward()
}

// Last goes to the last key.
func (c *Cursor) Last() error {
	if err := c.descend(node.count); err != nil || !c.Valid() {
		return err
	}
	c.i = c.p.count() - 1
	return c.settleBackward()
}

// Next goes to the next key. The cursor must be valid.
func (c *Cursor) Next() error {
	c.i++
	return c.settleForward()
}

// Prev goes to the key before. The cursor must be valid.
func (c *Cursor) Prev() error {
	c.i--
	return c.settleBackward()
}

// descend pins a leaf; choose picks the child at each inner node.
func (c *Cursor) descend(choose func(p node) int) error {
	c.Close()
	c.depth = 0
	if c.t.root == 0 {
		return nil
	}
	return c.descendFrom(c.t.root, choose)
}

func (c *Cursor) descendFrom(id memory.BlockID, choose func(p node) int) error {
	for {
		p, err := c.t.pin(id)
		if err != nil {
			return err
		}
		if p.leaf() {
			c.leaf, c.p = id, p
			return nil
		}
		i := choose(p)
		c.ladder[c.depth] = rung{id: id, index: i}
		c.depth++
		child := p.child(i)
		c.t.unpinNode(id, p)
		id = child
	}
}

// settleForward goes on to the next leaf while there is no cell at i.
func (c *Cursor) settleForward() error {
	for c.i >= c.p.count() {
		ok, err := c.sideways(+1)
		if !ok || err != nil {
			return err
		}
		c.i = 0
	}
	return nil
}

// settleBackward goes on to the leaf before while i is below the first cell.
func (c *Cursor) settleBackward() error {
	for c.i < 0 {
		ok, err := c.sideways(-1)
		if !ok || err != nil {
			return err
		}
		c.i = c.p.count() - 1
	}
	return nil
}

// sideways unpins the leaf and pins its neighbour, found through the nodes above. False: there is none.
func (c *Cursor) sideways(by int) (bool, error) {
	c.Close()
	for c.depth > 0 {
		up := &c.ladder[c.depth-1]
		p, err := c.t.pin(up.id)
		if err != nil {
			return false, err
		}
		i := up.index + by
		if i < 0 || i > p.count() {
			c.t.unpinNode(up.id, p)
			c.depth--
			continue
		}
		up.index = i
		child := p.child(i)
		if by > 0 && c.ahead && c.depth == c.t.height-1 {
			return true, c.pinAhead(up.id, p, i)
		}
		c.t.unpinNode(up.id, p)
		edge := func(node) int { return 0 }
		if by < 0 {
			edge = node.count
		}
		return true, c.descendFrom(child, edge)
	}
	return false, nil
}

// pinAhead pins the leaf that is child i of an inner node, which it unpins, and has those behind it read.
func (c *Cursor) pinAhead(up memory.BlockID, p node, i int) error {
	leaf := p.child(i)
	var ahead [aheadLeaves]memory.BlockID
	n := 0
	for i++; i <= p.count() && n < len(ahead); i++ {
		ahead[n] = p.child(i)
		n++
	}
	c.t.unpinNode(up, p)
	q, err := c.t.pin(leaf, ahead[:n]...)
	if err != nil {
		return err
	}
	c.leaf, c.p = leaf, q
	return nil
}
