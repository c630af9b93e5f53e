package pagetree

import (
	"bytes"
	"encoding/binary"
	"sync"

	"github.com/spillwaydb/spillway/internal/invariants"
	"github.com/spillwaydb/spillway/internal/memory"
)

// Offsets in a node's header.
const (
	atSize       = 0  // u32, bytes of the node
	atCount      = 4  // u16, cells
	atKind       = 6  // u8, kindLeaf or kindInner
	atHeap       = 8  // u32, lowest byte used by cells
	atGarbage    = 12 // u32, bytes of removed cells above atHeap
	atFirstChild = 16 // u32, inner nodes only
	headerBytes  = 20
)

const (
	slotBytes = 2
	cellBytes = 6 // a cell without key and value
	apartBit  = 1 << 31
	idBytes   = 4 // a block's number in a page
)

const (
	kindLeaf  = 1
	kindInner = 2
)

// largestNode is what a u16 slot can address.
const largestNode = 64 << 10

// A node is the bytes of a pinned block. It dies with the pin.
type node []byte

func asNode(base memory.Base, ref memory.Ref) node {
	size := binary.LittleEndian.Uint32(memory.Bytes(base, ref, headerBytes))
	return memory.Bytes(base, ref, int(size))
}

// initNode makes an empty node of a block whose bytes are undefined.
func initNode(base memory.Base, ref memory.Ref, size int, kind byte) node {
	p := node(memory.Bytes(base, ref, size))
	clear(p[:headerBytes])
	binary.LittleEndian.PutUint32(p[atSize:], uint32(size))
	binary.LittleEndian.PutUint32(p[atHeap:], uint32(size))
	p[atKind] = kind
	return p
}

func (p node) count() int             { return int(binary.LittleEndian.Uint16(p[atCount:])) }
func (p node) leaf() bool             { return p[atKind] == kindLeaf }
func (p node) heap() int              { return int(binary.LittleEndian.Uint32(p[atHeap:])) }
func (p node) garbage() int           { return int(binary.LittleEndian.Uint32(p[atGarbage:])) }
func (p node) setCount(n int)         { binary.LittleEndian.PutUint16(p[atCount:], uint16(n)) }
func (p node) setHeap(n int)          { binary.LittleEndian.PutUint32(p[atHeap:], uint32(n)) }
func (p node) setGarbage(n int)       { binary.LittleEndian.PutUint32(p[atGarbage:], uint32(n)) }
func (p node) slot(i int) int         { return int(binary.LittleEndian.Uint16(p[headerBytes+slotBytes*i:])) }
func (p node) contiguous() int        { return p.heap() - headerBytes - slotBytes*p.count() }
func (p node) free() int              { return p.contiguous() + p.garbage() }
func (p node) fits(cell int) bool     { return p.free() >= cell+slotBytes }
func (p node) used() int              { return len(p) - headerBytes - p.free() }
func (p node) firstChild() uint32     { return binary.LittleEndian.Uint32(p[atFirstChild:]) }
func (p node) setFirstChild(b uint32) { binary.LittleEndian.PutUint32(p[atFirstChild:], b) }

// room is what four cells, with their slots, may take of a node of size bytes.
func room(size int) int { return (size-headerBytes)/4 - slotBytes }

// word is the second field of cell i: the value's length in leaves, the child in inner nodes.
func (p node) word(i int) uint32 { return binary.LittleEndian.Uint32(p[p.slot(i)+2:]) }

func (p node) key(i int) []byte {
	c := p[p.slot(i):]
	n := int(binary.LittleEndian.Uint16(c))
	return c[cellBytes : cellBytes+n : cellBytes+n]
}

// payload is what follows the key of a leaf's cell: the value, or the number of the block it lies in.
func (p node) payload(i int) []byte {
	c := p[p.slot(i):]
	from := cellBytes + int(binary.LittleEndian.Uint16(c))
	return c[from : from+payloadLen(binary.LittleEndian.Uint32(c[2:]))]
}

func payloadLen(word uint32) int {
	if word&apartBit != 0 {
		return idBytes
	}
	return int(word)
}

func (p node) cellLen(i int) int {
	n := cellBytes + int(binary.LittleEndian.Uint16(p[p.slot(i):]))
	if p.leaf() {
		n += payloadLen(p.word(i))
	}
	return n
}

// child is the i-th child of an inner node, 0 <= i <= count.
func (p node) child(i int) memory.BlockID {
	if i == 0 {
		return memory.BlockID(p.firstChild())
	}
	return memory.BlockID(p.word(i - 1))
}

func (p node) setChild(i int, id memory.BlockID) {
	if i == 0 {
		p.setFirstChild(uint32(id))
		return
	}
	binary.LittleEndian.PutUint32(p[p.slot(i-1)+2:], uint32(id))
}

// search returns the first cell whose key is not below key, and whether it is key.
func (p node) search(key []byte) (int, bool) {
	low, high := 0, p.count()
	for low < high {
		middle := int(uint(low+high) / 2)
		switch c := bytes.Compare(p.key(middle), key); {
		case c < 0:
			low = middle + 1
		case c > 0:
			high = middle
		default:
			return middle, true
		}
	}
	return low, false
}

// childFor returns the index of the child that key belongs to.
func (p node) childFor(key []byte) int {
	i, found := p.search(key)
	if found {
		i++
	}
	return i
}

// parts are bytes in two pieces.
type parts struct{ head, tail []byte }

func (v parts) len() int { return len(v.head) + len(v.tail) }

// copyAt fills dst with the bytes from offset on.
func (v parts) copyAt(dst []byte, offset int) {
	n := 0
	if offset < len(v.head) {
		n = copy(dst, v.head[offset:])
	}
	if n < len(dst) {
		copy(dst[n:], v.tail[offset+n-len(v.head):])
	}
}

// insert adds a cell before cell i; the caller has checked fits. payload is empty for inner nodes.
func (p node) insert(i int, key []byte, word uint32, payload parts) {
	size := cellBytes + len(key) + payload.len()
	if p.contiguous() < size+slotBytes {
		p.compact()
	}
	at := p.heap() - size
	c := p[at:]
	binary.LittleEndian.PutUint16(c, uint16(len(key)))
	binary.LittleEndian.PutUint32(c[2:], word)
	copy(c[cellBytes:], key)
	payload.copyAt(c[cellBytes+len(key):size], 0)
	n := p.count()
	slots := p[headerBytes : headerBytes+slotBytes*(n+1)]
	copy(slots[slotBytes*(i+1):], slots[slotBytes*i:slotBytes*n])
	binary.LittleEndian.PutUint16(slots[slotBytes*i:], uint16(at))
	p.setHeap(at)
	p.setCount(n + 1)
	if invariants.Sometimes(5) {
		p.check()
	}
}

func (p node) remove(i int) {
	n := p.count()
	p.setGarbage(p.garbage() + p.cellLen(i))
	slots := p[headerBytes : headerBytes+slotBytes*n]
	copy(slots[slotBytes*i:], slots[slotBytes*(i+1):])
	p.setCount(n - 1)
	if n == 1 {
		p.setHeap(len(p))
		p.setGarbage(0)
	}
}

// moveTail moves the cells from i on to the end of q, which has room.
func (p node) moveTail(i int, q node) {
	n, moved := p.count(), 0
	for j := i; j < n; j++ {
		size := p.cellLen(j)
		c := p[p.slot(j) : p.slot(j)+size]
		at := q.heap() - size
		copy(q[at:], c)
		binary.LittleEndian.PutUint16(q[headerBytes+slotBytes*q.count():], uint16(at))
		q.setHeap(at)
		q.setCount(q.count() + 1)
		moved += size
	}
	p.setCount(i)
	p.setGarbage(p.garbage() + moved)
}

// scratchPages holds buffers for compact.
var scratchPages = sync.Pool{New: func() any { return new([largestNode]byte) }}

// compact moves the cells together.
func (p node) compact() {
	scratch := scratchPages.Get().(*[largestNode]byte)
	copied := node(scratch[:len(p)])
	copy(copied, p)
	p.setHeap(len(p))
	p.setGarbage(0)
	p.setCount(0)
	copied.moveTail(0, p)
	scratchPages.Put(scratch)
}

// check holds the header against the cells.
func (p node) check() {
	used := 0
	for i := range p.count() {
		used += p.cellLen(i)
		invariants.Assertf(p.slot(i) >= p.heap(), "pagetree: cell %d lies below the heap", i)
		inOrder := i == 0 || bytes.Compare(p.key(i-1), p.key(i)) < 0
		invariants.Assertf(inOrder, "pagetree: cell %d is out of order", i)
	}
	invariants.Assertf(used+p.garbage() == len(p)-p.heap(), "pagetree: %d bytes of cells and %d of garbage in %d",
		used, p.garbage(), len(p)-p.heap())
}
