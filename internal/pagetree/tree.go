package pagetree

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

const (
	// DefaultPageBytes is the size of nodes, but for small trees and for long keys.
	DefaultPageBytes = 16 << 10
	// MinimumPages of PageBytes is what an operation pins at most: three nodes and the index block of a value. Values
	// of more than 4096 pages have an index block larger than a page.
	MinimumPages = 4
	// MaxKeyBytes is the longest key: four cells fit the largest node.
	MaxKeyBytes = 16_000
	// MaxValueBytes is the longest value.
	MaxValueBytes = 1<<31 - 1
	// maxHeight is never reached: three children a node would give a tree of 10^11 leaves.
	maxHeight = 24
)

// Options are how a tree uses its account.
type Options struct {
	PageBytes int         // size of nodes, a power of two from 4 to 64 KiB; 0: DefaultPageBytes
	Kind      memory.Kind // how pins are charged
}

// Tree is an ordered map of bytes. See the package comment for who may call what at the same time.
type Tree struct {
	acct *memory.Account
	kind memory.Kind
	page int // PageBytes

	root   memory.BlockID // 0: empty
	height int            // levels; a leaf alone is 1
	target int            // size of new nodes: PageBytes, or more since a long key came

	count     int64 // keys
	dataBytes int64 // of keys and values
	pageBytes int64 // of blocks
	apart     int64 // values in blocks of their own
	longest   int   // key ever seen, in bytes

	reloads atomic.Int64 // nodes read back; readers count, too

	fingers [4]finger
}

// New returns an empty tree. Its blocks belong to acct.
func New(acct *memory.Account, o Options) *Tree {
	page := o.page()
	return &Tree{acct: acct, kind: o.Kind, page: page, target: page}
}

func (o Options) page() int {
	if o.PageBytes == 0 {
		return DefaultPageBytes
	}
	return min(max(powerOfTwo(o.PageBytes), memory.MinPageBytes), largestNode)
}

// NodeBytes is the size of the largest nodes of a tree of which no key is longer than key bytes.
func (o Options) NodeBytes(key int) int { return nodeFor(o.page(), min(key, MaxKeyBytes)) }

// nodeFor enlarges a node until four cells with a key of n bytes fit.
func nodeFor(node, n int) int {
	for room(node) < cellBytes+idBytes+n {
		node *= 2
	}
	return node
}

// powerOfTwo rounds up.
func powerOfTwo(n int) int { return 1 << bits.Len(uint(n-1)) }

// Len is the number of keys.
func (t *Tree) Len() int64 { return t.count }

// DataBytes is the sum of the lengths of keys and values.
func (t *Tree) DataBytes() int64 { return t.dataBytes }

// PageBytes is the sum of the sizes of the tree's blocks, wherever they lie.
func (t *Tree) PageBytes() int64 { return t.pageBytes }

// Reloads counts the nodes that had to be read back, since New: many of them for few keys mean that what is used of the
// tree does not fit into memory.
func (t *Tree) Reloads() int64 { return t.reloads.Load() }

// pin pins a node and may have others read that are pinned next.
func (t *Tree) pin(id memory.BlockID, ahead ...memory.BlockID) (node, error) {
	ref, read, err := t.acct.PinRead(id, t.kind, ahead...)
	if err != nil {
		return nil, err
	}
	if read {
		t.reloads.Add(1)
	}
	return asNode(t.acct.Base(), ref), nil
}

// unpinNode says that inner nodes are wanted again soon.
func (t *Tree) unpinNode(id memory.BlockID, p node) {
	reuse := memory.ReuseUnknown
	if !p.leaf() {
		reuse = memory.ReuseSoon
	}
	t.acct.Unpin(id, reuse)
}

// newNode returns a pinned empty node.
func (t *Tree) newNode(size int, kind byte) (memory.BlockID, node, error) {
	id, ref, err := t.acct.NewBlock(size, t.kind)
	if err != nil {
		return 0, nil, err
	}
	t.pageBytes += int64(size)
	return id, initNode(t.acct.Base(), ref, size, kind), nil
}

// freeNode frees a block that is pinned once by the caller, or not at all.
func (t *Tree) freeNode(id memory.BlockID, size int) {
	t.pageBytes -= int64(size)
	t.acct.FreeBlock(id)
}

// leafFor pins the leaf that key belongs to. The tree is not empty.
func (t *Tree) leafFor(key []byte) (memory.BlockID, node, error) {
	id := t.root
	for {
		p, err := t.pin(id)
		if err != nil {
			return 0, nil, err
		}
		if p.leaf() {
			return id, p, nil
		}
		child := p.child(p.childFor(key))
		t.unpinNode(id, p)
		id = child
	}
}

// Get appends key's value to dst and says if there is one.
func (t *Tree) Get(key, dst []byte) ([]byte, bool, error) {
	if t.root == 0 {
		return dst, false, nil
	}
	id, p, err := t.leafFor(key)
	if err != nil {
		return dst, false, err
	}
	defer t.unpinNode(id, p)
	i, found := p.search(key)
	if !found {
		return dst, false, nil
	}
	dst, err = t.appendValue(dst, p.word(i), p.payload(i))
	return dst, err == nil, err
}

// Set maps key to value, whatever was there.
func (t *Tree) Set(key, value []byte) error { return t.SetParts(key, nil, value) }

// SetParts is Set of head followed by tail, which need not lie together.
func (t *Tree) SetParts(key, head, tail []byte) error {
	v := parts{head, tail}
	if len(key) > MaxKeyBytes || v.len() > MaxValueBytes {
		return sqlerr.Newf(sqlerr.ErrTooLongKey, "key of %d or value of %d bytes is too long", len(key), v.len())
	}
	t.noteKey(len(key))
	word := uint32(v.len())
	if !t.liesApart(len(key), v.len()) {
		return t.set(key, word, v)
	}
	// The value's first block stays pinned until it is known whether it is needed, so that undoing cannot fail.
	id, index, err := t.writeApart(v)
	if err != nil {
		return err
	}
	var number [idBytes]byte
	binary.LittleEndian.PutUint32(number[:], uint32(id))
	if err := t.set(key, word|apartBit, parts{number[:], nil}); err != nil {
		t.freePinned(id, index, v.len())
		return err
	}
	t.acct.Unpin(id, memory.ReuseLate)
	return nil
}

// noteKey sees to it that four cells with a key of n bytes fit new nodes.
func (t *Tree) noteKey(n int) {
	t.longest = max(t.longest, n)
	t.target = nodeFor(t.target, n)
}

// liesApart decides where a value goes.
func (t *Tree) liesApart(key, value int) bool { return cellBytes+key+value > room(t.target) }

// set puts a cell into its leaf. On the way down it splits inner nodes without room for a separator.
func (t *Tree) set(key []byte, word uint32, payload parts) error {
	size := cellBytes + len(key) + payload.len()
	if done, err := t.setNext(key, word, payload, size); done || err != nil {
		return err
	}
	for {
		done, err := t.trySet(key, word, payload, size)
		if done || err != nil {
			return err
		}
	}
}

// trySet is one descent. It is repeated after each node that had to be enlarged or split, at most twice a level.
func (t *Tree) trySet(key []byte, word uint32, payload parts, size int) (bool, error) {
	if t.root == 0 {
		id, p, err := t.newNode(max(memory.MinPageBytes, min(t.target, powerOfTwo(4*(size+headerBytes)))), kindLeaf)
		if err != nil {
			return false, err
		}
		t.root, t.height = id, 1
		t.unpinNode(id, p)
	}
	var above step // the parent, pinned; none at the root
	f := t.finger(key)
	f.start()
	id := t.root
	for {
		p, err := t.pin(id)
		if err != nil {
			above.release(t)
			return false, err
		}
		here := step{id: id, p: p}
		if p.leaf() {
			done, err := t.setInLeaf(above, &here, key, word, payload, size)
			here.release(t)
			above.release(t)
			return done, err
		}
		if !p.fits(cellBytes + t.longest) {
			err := t.makeRoom(above, &here, nil)
			here.release(t)
			above.release(t)
			return false, err
		}
		here.index = p.childFor(key)
		if here.index < p.count() {
			f.bound(p.key(here.index))
		}
		above.release(t)
		above = here
		id = p.child(here.index)
	}
}

// setInLeaf returns false when it made room instead.
func (t *Tree) setInLeaf(above step, leaf *step, key []byte, word uint32, payload parts, size int) (bool, error) {
	p := leaf.p
	i, found := p.search(key)
	if found {
		if p.free()+p.cellLen(i) < size {
			return false, t.makeRoom(above, leaf, nil)
		}
		if err := t.forget(p, i); err != nil {
			return false, err
		}
		t.acct.MarkDirty(leaf.id)
		p.remove(i)
	} else if !p.fits(size) {
		leaf.index = i
		return false, t.makeRoom(above, leaf, key)
	}
	t.insert(leaf.id, p, i, key, word, payload)
	t.finger(key).put(leaf.id, i)
	return true, nil
}

// insert puts a cell into a leaf that has room for it.
func (t *Tree) insert(id memory.BlockID, p node, i int, key []byte, word uint32, payload parts) {
	t.acct.MarkDirty(id)
	p.insert(i, key, word, payload)
	t.count++
	t.dataBytes += int64(len(key)) + int64(word&^apartBit)
	if word&apartBit != 0 {
		t.apart++
	}
}

// forget takes cell i out of the figures and frees its value, ahead of its removal. On an error nothing has changed.
func (t *Tree) forget(p node, i int) error {
	word := p.word(i)
	if word&apartBit != 0 {
		if err := t.freeApart(word, p.payload(i)); err != nil {
			return err
		}
		t.apart--
	}
	t.count--
	t.dataBytes -= int64(len(p.key(i))) + int64(word&^apartBit)
	return nil
}

// Clear empties the tree. Blocks that cannot be read back, so that nobody knows what hangs on them, stay with the
// account until it is closed.
func (t *Tree) Clear() {
	if t.root != 0 {
		t.clearBelow(t.root, t.height)
	}
	t.root, t.height = 0, 0
	t.lift()
	t.count, t.dataBytes, t.pageBytes, t.apart, t.longest, t.target = 0, 0, 0, 0, 0, t.page
}

// clearBelow frees a subtree. Leaves are read only if some value lies apart. A node is pinned anew for each child, so
// that the pins do not grow with the height (T2).
func (t *Tree) clearBelow(id memory.BlockID, height int) {
	children := 1
	for i := 0; i < children && (height > 1 || t.apart > 0); i++ {
		p, err := t.pin(id)
		if err != nil {
			t.acct.Lose()
			break
		}
		if p.leaf() {
			t.clearLeaf(p)
			t.acct.Unpin(id, memory.ReuseLate)
			break
		}
		children = p.count() + 1
		child := p.child(i)
		t.unpinNode(id, p)
		t.clearBelow(child, height-1)
	}
	t.acct.FreeBlock(id)
}

// clearLeaf frees the values of a leaf that lie apart.
func (t *Tree) clearLeaf(p node) {
	for i := range p.count() {
		if p.word(i)&apartBit != 0 && t.freeApart(p.word(i), p.payload(i)) != nil {
			t.acct.Lose()
		}
	}
}
