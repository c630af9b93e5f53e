package memory

import (
	"unsafe"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// descBytes is the size of a descriptor: one cache line. Page sizes being what they are, descriptors take between 1.6 %
// (4 KiB pages) and 0.02 % (256 KiB) of the data, in memory or not.
const descBytes = 64

// descsPerChunk descriptors lie in one page of the descriptor class. A chunk belongs to one statement until its end.
const descsPerChunk = MinPageBytes / descBytes

// desc describes a page or block. A BlockID is its place in the descriptor class, so finding one is an addition. The
// mutex of its statement protects it. It holds no Go pointers.
type desc struct {
	ref        Ref     // the frame; of a block that is out the last one
	slot       Slot    // where a copy is on disk; 0 is none
	prev, next BlockID // in a list of unpinned blocks; next alone in the list of free descriptors
	stmt       uint32  // number of the statement
	owner      uint32  // number of the account it belongs to, in its statement
	payer      uint32  // number of the account that pays for the pins
	pins       uint32
	state      state
	flags      flags
	class      uint8
	reuse      Reuse
	kind       Kind // what the pins count on
	series     Series
	shares     uint32 // how many more times it is freed before it ends
}

var _ [descBytes]byte = [unsafe.Sizeof(desc{})]byte{}

// state says where the bytes are.
type state uint8

const (
	stateFree    state = iota // describes nothing
	statePage                 // a plain page, in memory
	stateBlock                // a block in memory, pinned or not
	stateOut                  // a block on disk only
	stateReading              // a block on its way back; pins are those that wait
)

// flags are what else is known of a descriptor.
type flags uint8

const (
	flagWriting   flags = 1 << iota // the frame is being written: it must not be freed or handed out
	flagTemporary                   // the copy on disk is for the time that the statement is parked
	flagListed                      // in a list of unpinned blocks
	flagAway                        // written out in place while the statement was parked: the frame has no memory
	flagDoomed                      // freed while being written or read: whoever does that finishes the job
	flagLost                        // its bytes are gone with the statement's failure
	flagSurplus                     // unpinned, but counted as a lease because it cannot be evicted
)

func (d *desc) has(f flags) bool { return d.flags&f != 0 }
func (d *desc) set(f flags)      { d.flags |= f }
func (d *desc) drop(f flags)     { d.flags &^= f }
func (d *desc) size() int64      { return int64(classBytes(d.class)) }

// resident tells if the descriptor has a frame with memory.
func (d *desc) resident() bool {
	return (d.state == statePage || d.state == stateBlock) && !d.has(flagAway)
}

func (p *Pool) desc(id BlockID) *desc {
	return (*desc)(p.base.At(p.descs.start + Ref(id)*descBytes))
}

// find returns the descriptor of a block or page of s, or an error for a stale or foreign id.
func (s *Statement) find(id BlockID) (*desc, error) {
	if id == 0 || int64(id)*descBytes >= s.pool.descsReady.Load() {
		return nil, sqlerr.AssertionError("memory: no block %d", id)
	}
	d := s.pool.desc(id)
	if d.state == stateFree || d.stmt != s.number {
		return nil, sqlerr.AssertionError("memory: block %d is not one of statement %q", id, s.options.Name)
	}
	return d, nil
}

// newDesc takes a free descriptor. The statement's mutex is held and stays held; ok is false when a chunk is needed
// first (addChunk).
func (s *Statement) newDesc() (id BlockID, d *desc, ok bool) {
	id = s.freeDesc
	if id == 0 {
		return 0, nil, false
	}
	d = s.pool.desc(id)
	s.freeDesc = d.next
	*d = desc{stmt: s.number}
	return id, d, true
}

func (s *Statement) freeDescriptor(id BlockID, d *desc) {
	*d = desc{stmt: s.number, next: s.freeDesc}
	s.freeDesc = id
}

// addChunk adds a page of descriptors, r, to the statement's.
func (s *Statement) addChunk(r Ref) {
	b := Bytes(s.pool.base, r, MinPageBytes)
	clear(b)
	first := BlockID((r - s.pool.descs.start) / descBytes)
	s.chunks = append(s.chunks, first)
	for i := descsPerChunk - 1; i >= 0; i-- {
		id := first + BlockID(i)
		if id == 0 {
			continue
		}
		s.freeDescriptor(id, s.pool.desc(id))
	}
}

// each calls f for every descriptor in use. The statement's mutex is held; f may free the descriptor.
func (s *Statement) each(f func(id BlockID, d *desc) bool) {
	for _, first := range s.chunks {
		for i := range BlockID(descsPerChunk) {
			d := s.pool.desc(first + i)
			if d.state != stateFree && !f(first+i, d) {
				return
			}
		}
	}
}
