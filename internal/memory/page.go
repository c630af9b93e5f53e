package memory

import (
	"math/bits"
	"unsafe"
)

// Page sizes in bytes. Sizes in between are rounded up to a power of two, a class.
const (
	MinPageBytes = 1 << minShift
	MaxPageBytes = 1 << maxShift
)

const (
	minShift = 12
	maxShift = 27
	// classes is the number of page sizes.
	classes = maxShift - minShift + 1
)

// Ref is the offset of a byte of a page from the pool's base. 48 bits are used; 0 is no reference.
type Ref uint64

// Base is the pool's base address. Copied by value into a local once per batch.
type Base struct{ p unsafe.Pointer }

// At returns the address of r. It must lie in a page that the caller has pinned.
func (b Base) At(r Ref) unsafe.Pointer { return unsafe.Add(b.p, uintptr(r)) }

// Slice returns n values of T at r. T must hold no Go pointers. The slice dies with the pin of its page.
func Slice[T any](b Base, r Ref, n int) []T { return unsafe.Slice((*T)(b.At(r)), n) }

// Bytes returns n bytes at r.
func Bytes(b Base, r Ref, n int) []byte { return unsafe.Slice((*byte)(b.At(r)), n) }

// Kind says on what a pinned page counts.
type Kind uint8

const (
	// Held pages count on the operator's minimum. Beyond it they are tried as surplus, and are a bug under invariants.
	Held Kind = iota
	// Leased pages are surplus: refused with sqlerr.ErrNoSurplus when there is none, asked back by Account.Revoked.
	Leased
	// InOperation pages, of accounts outside of statements, count on what Account.Begin granted; in a statement they
	// are Held.
	InOperation

	// inLane is how held pages count that no minimum covers: the server's own, and of statements without a minimum.
	inLane
)

// Page is a page that is never evicted while its statement works (see Statement.Wait). The zero Page is none. It holds
// no Go pointers.
type Page struct {
	Ref   Ref
	id    BlockID // its descriptor
	class uint8
}

// Size is the page's length in bytes, 0 for the zero Page.
func (p Page) Size() int {
	if p.Ref == 0 {
		return 0
	}
	return classBytes(p.class)
}

// BlockID names an evictable block of the pool; 0 is none.
type BlockID uint32

// Reuse tells the evictor what the owner will do with a block that it unpins.
type Reuse uint8

const (
	ReuseUnknown Reuse = iota // least recently unpinned goes first
	ReuseSoon                 // goes last
	ReuseLate                 // goes first: written in order, read back much later
)

// PageSize rounds n up to the size of a page that Alloc or NewBlock would return. Above MaxPageBytes it returns n,
// which both refuse.
func PageSize(n int) int {
	c, ok := classOf(n)
	if !ok {
		return n
	}
	return classBytes(c)
}

func classBytes(class uint8) int { return MinPageBytes << class }

// classOf returns the smallest class with room for n bytes.
func classOf(n int) (uint8, bool) {
	if n <= MinPageBytes {
		return 0, true
	}
	if n > MaxPageBytes {
		return 0, false
	}
	return uint8(bits.Len(uint(n-1)) - minShift), true
}
