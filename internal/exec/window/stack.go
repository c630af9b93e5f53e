package window

import (
	"github.com/spillwaydb/spillway/internal/memory"
)

// stack keeps entries of one size in blocks, each of which names the one below it. Only the uppermost block is pinned,
// from open to shut.
type stack struct {
	acct  *memory.Account
	entry int // bytes, a multiple of 8
	page  int // bytes of a block but the first

	top    memory.BlockID // 0: none
	ref    memory.Ref     // 0: not pinned
	n      int            // entries of the uppermost block; those below are full
	blocks int
	dirty  bool // announced since it was pinned
}

// stackHeader is the size of a block's header: the block below.
const stackHeader = 8

// smallestStack is the size of the first block: most frames are small.
const smallestStack = memory.MinPageBytes

// room is how many entries the uppermost block has room for.
func (s *stack) room() int { return (s.acct.BlockSize(s.top) - stackHeader) / s.entry }

// open pins the uppermost block.
func (s *stack) open() error {
	if s.top == 0 || s.ref != 0 {
		return nil
	}
	ref, err := s.acct.Pin(s.top, memory.Held)
	if err != nil {
		return err
	}
	s.ref, s.dirty = ref, false
	return nil
}

// shut ends the pin.
func (s *stack) shut(reuse memory.Reuse) {
	if s.ref != 0 {
		s.acct.Unpin(s.top, reuse)
		s.ref = 0
	}
}

// push adds room for an entry and returns where it is, to be written before the next call. The stack is open.
func (s *stack) push() (memory.Ref, error) {
	if s.top == 0 || s.n == s.room() {
		size := smallestStack
		if s.blocks > 0 {
			size = s.page
		}
		s.shut(memory.ReuseLate)
		id, ref, err := s.acct.NewBlock(size, memory.Held)
		if err != nil {
			return 0, err
		}
		*(*uint64)(s.acct.Base().At(ref)) = uint64(s.top)
		s.top, s.ref, s.n, s.dirty = id, ref, 0, true
		s.blocks++
	}
	if !s.dirty {
		s.acct.MarkDirty(s.top)
		s.dirty = true
	}
	s.n++
	return s.peek(), nil
}

// peek is where the uppermost entry is. The stack is open and not empty.
func (s *stack) peek() memory.Ref {
	return s.ref + stackHeader + memory.Ref((s.n-1)*s.entry)
}

// pop removes k entries; there are as many. The stack is open.
func (s *stack) pop(k int64) error {
	for k >= int64(s.n) && s.blocks > 1 {
		k -= int64(s.n)
		if err := s.drop(); err != nil {
			return err
		}
	}
	s.n -= int(k)
	return nil
}

// drop frees the uppermost block; there is one below.
func (s *stack) drop() error {
	if err := s.open(); err != nil {
		return err
	}
	below := memory.BlockID(*(*uint64)(s.acct.Base().At(s.ref)))
	s.acct.FreeBlock(s.top)
	s.top, s.ref = below, 0
	s.blocks--
	s.n = s.room()
	return s.open()
}

// clear removes all entries but keeps the first block.
func (s *stack) clear() error {
	for s.blocks > 1 {
		if err := s.drop(); err != nil {
			return err
		}
	}
	s.n = 0
	return nil
}

// close gives everything back. What lies below a block that cannot be read is left to the account, whose statement has
// failed by then.
func (s *stack) close() {
	for s.blocks > 1 {
		if s.drop() != nil {
			s.acct.Lose()
			break
		}
	}
	if s.top != 0 {
		s.acct.FreeBlock(s.top)
	}
	s.top, s.ref, s.n, s.blocks = 0, 0, 0, 0
}
