package pagetree

import (
	"bytes"

	"github.com/spillwaydb/spillway/internal/memory"
)

// A finger remembers where the last key of a sequence went: keys that come in order are put behind it without a search
// from the root, and full leaves are split behind them, so that they stay full. Keys that differ in their first bytes,
// as the rows of a table and the entries of its indexes do, have fingers of their own, unless these collide.
type finger struct {
	leaf  memory.BlockID // 0: none
	index int            // of the key's cell
	near  bool           // the two last keys went to this leaf: the next may, too
	exact bool           // what follows is known
	last  bool           // no leaf is behind this one
	n     int            // length of high
	high  [fingerKeyBytes]byte
}

const (
	// fingerPrefixBytes of keys choose the finger.
	fingerPrefixBytes = 9
	// fingerKeyBytes bounds the keys that bound leaves with fingers.
	fingerKeyBytes = 64
)

// finger chooses the finger of a key. Short keys are one sequence.
func (t *Tree) finger(key []byte) *finger {
	sum := byte(0)
	if len(key) > fingerPrefixBytes {
		for _, b := range key[:fingerPrefixBytes] {
			sum += b
		}
	}
	return &t.fingers[sum%byte(len(t.fingers))]
}

// start begins a descent: nothing bounds the leaf that it will come to.
func (f *finger) start() { f.exact, f.last = true, true }

// bound is told the separators above the path of a descent, from the root on: the last one bounds the leaf.
func (f *finger) bound(separator []byte) {
	f.last = false
	f.exact = len(separator) <= len(f.high)
	f.n = copy(f.high[:], separator)
}

// put ends a descent, or what took its place.
func (f *finger) put(leaf memory.BlockID, index int) {
	f.near = f.leaf == leaf
	f.leaf, f.index = leaf, index
}

// precedes says if a key at that place is the next of the sequence.
func (f *finger) precedes(leaf memory.BlockID, index int) bool {
	return f.leaf == leaf && f.index+1 == index
}

// below says if key is one of the leaf's, given that it is above the leaf's first key.
func (f *finger) below(key []byte) bool {
	return f.exact && (f.last || bytes.Compare(key, f.high[:f.n]) < 0)
}

// setNext is set for a key that is the next of its finger's sequence and has room in its leaf. Else it does nothing and
// returns false.
func (t *Tree) setNext(key []byte, word uint32, payload parts, size int) (bool, error) {
	f := t.finger(key)
	if !f.near || f.leaf == 0 {
		return false, nil
	}
	p, err := t.pin(f.leaf)
	if err != nil {
		return false, err
	}
	defer t.unpinNode(f.leaf, p)
	i, n := f.index+1, p.count()
	if i > n || bytes.Compare(p.key(i-1), key) >= 0 || !p.fits(size) {
		f.near = false
		return false, nil
	}
	if i < n && bytes.Compare(key, p.key(i)) >= 0 || i == n && !f.below(key) {
		f.near = false
		return false, nil
	}
	t.insert(f.leaf, p, i, key, word, payload)
	f.index = i
	return true, nil
}

// lift forgets where keys went.
func (t *Tree) lift() {
	for i := range t.fingers {
		t.fingers[i].leaf = 0
	}
}

// moveFingers follows a node to another block.
func (t *Tree) moveFingers(from, to memory.BlockID) {
	for i := range t.fingers {
		if t.fingers[i].leaf == from {
			t.fingers[i].leaf = to
		}
	}
}

// loosenFingers makes descents necessary for a node whose end is about to move.
func (t *Tree) loosenFingers(id memory.BlockID) {
	for i := range t.fingers {
		if t.fingers[i].leaf == id {
			t.fingers[i].near = false
		}
	}
}
