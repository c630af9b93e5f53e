package pagetree

import "github.com/spillwaydb/spillway/internal/memory"

// A rung is a node on the way down that is not pinned any longer.
type rung struct {
	id    memory.BlockID
	index int // child taken
}

// Delete removes key and says if it was there.
func (t *Tree) Delete(key []byte) (bool, error) {
	if t.root == 0 {
		return false, nil
	}
	var ladder [maxHeight]rung
	id, depth := t.root, 0
	for {
		p, err := t.pin(id)
		if err != nil {
			return false, err
		}
		if !p.leaf() {
			i := p.childFor(key)
			ladder[depth] = rung{id: id, index: i}
			depth++
			child := p.child(i)
			t.unpinNode(id, p)
			id = child
			continue
		}
		i, found := p.search(key)
		if found {
			if err := t.forget(p, i); err != nil {
				t.unpinNode(id, p)
				return false, err
			}
			t.acct.MarkDirty(id)
			p.remove(i)
		}
		empty, size := p.count() == 0, len(p)
		t.lift()
		t.unpinNode(id, p)
		if found && empty {
			t.prune(ladder[:depth], id, size)
		}
		return found, nil
	}
}

// prune takes an empty leaf out of its parent, and parents that this leaves without children out of theirs. A parent
// that cannot be read keeps its empty child, which does no harm.
func (t *Tree) prune(ladder []rung, empty memory.BlockID, size int) {
	for len(ladder) > 0 {
		up := ladder[len(ladder)-1]
		ladder = ladder[:len(ladder)-1]
		p, err := t.pin(up.id)
		if err != nil {
			return
		}
		t.freeNode(empty, size)
		if p.count() > 0 {
			t.acct.MarkDirty(up.id)
			if up.index == 0 {
				p.setFirstChild(uint32(p.child(1)))
				p.remove(0)
			} else {
				p.remove(up.index - 1)
			}
			only := p.count() == 0
			child, size := p.child(0), len(p)
			t.unpinNode(up.id, p)
			if only && up.id == t.root {
				t.root = child
				t.height--
				t.freeNode(up.id, size)
			}
			return
		}
		empty, size = up.id, len(p)
		t.unpinNode(up.id, p)
	}
	t.freeNode(empty, size)
	t.root, t.height = 0, 0
}
