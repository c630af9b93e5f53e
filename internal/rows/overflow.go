package rows

import (
	"github.com/spillwaydb/spillway/internal/memory"
)

const (
	// overflowFraction: strings longer than this part of a page overflow, so that a page that is not full for want of
	// room for a string is at least 7/8 full.
	overflowFraction = 8
	// sharedOverflowBytes is the longest overflow block that is pinned within the minimum; strings longer than that
	// have blocks of their own, which are leased while they are used.
	sharedOverflowBytes = 64 << 10
	// smallestOverflow is the size of the first overflow block.
	smallestOverflow = 8 << 10
)

// overflow is the overflow blocks of a collection. Rows refer to them in ascending order of the list, so those behind a
// reader can be freed. Between calls none is pinned.
type overflow struct {
	acct  *memory.Account
	list  blockList
	bytes int64

	// The open block: the last of the list.
	id   memory.BlockID // 0: none is open
	ref  memory.Ref     // 0: not pinned
	size int
	used int
}

// first is the first block that a row appended from now on may refer to.
func (o *overflow) first() uint32 {
	if o.id != 0 {
		return uint32(o.list.len() - 1)
	}
	return uint32(o.list.len())
}

// together has the shared strings of one row, n bytes in all, lie in one block if that can be held: who reads the row
// pins no other then.
func (o *overflow) together(n int) error {
	if n == 0 || n > sharedOverflowBytes {
		return nil
	}
	return o.reserve(n)
}

// reserve makes room for n bytes in one block.
func (o *overflow) reserve(n int) error {
	if o.id != 0 && o.size-o.used >= n {
		if o.ref != 0 {
			return nil
		}
		ref, err := o.acct.Pin(o.id, memory.Held)
		if err != nil {
			return err
		}
		o.acct.MarkDirty(o.id)
		o.ref = ref
		return nil
	}
	o.shut()
	size := smallestOverflow << min(3, o.list.len())
	size = max(size, memory.PageSize(n))
	id, ref, err := o.add(size)
	if err != nil {
		return err
	}
	o.id, o.ref, o.size, o.used = id, ref, size, 0
	return nil
}

// add makes a block.
func (o *overflow) add(size int) (memory.BlockID, memory.Ref, error) {
	if err := o.list.reserve(memory.Held, false); err != nil {
		return 0, 0, err
	}
	id, ref, err := o.acct.NewBlock(size, overflowKind(size))
	if err != nil {
		return 0, 0, err
	}
	o.list.push(id)
	o.bytes += int64(size)
	return id, ref, nil
}

func overflowKind(size int) memory.Kind {
	if size > sharedOverflowBytes {
		return memory.Leased
	}
	return memory.Held
}

// put copies v into the room that was reserved.
func (o *overflow) put(v []byte) uint64 {
	copy(memory.Bytes(o.acct.Base(), o.ref+memory.Ref(o.used), len(v)), v)
	ref := overflowRef(o.id, o.used)
	o.used += len(v)
	return ref
}

// putAlone copies v into a block of its own.
func (o *overflow) putAlone(v []byte) (uint64, error) {
	o.shut() // references ascend
	size := memory.PageSize(len(v))
	if size > memory.MaxPageBytes {
		return 0, errRowTooLong(len(v))
	}
	id, ref, err := o.add(size)
	if err != nil {
		return 0, err
	}
	copy(memory.Bytes(o.acct.Base(), ref, len(v)), v)
	o.acct.Unpin(id, memory.ReuseLate)
	return overflowRef(id, 0), nil
}

// share takes over the block of a string that has one of its own; false if it must be copied.
func (o *overflow) share(s *str) (bool, error) {
	o.shut() // references ascend
	if err := o.list.reserve(memory.Held, false); err != nil {
		return false, err
	}
	id := s.block()
	if !o.acct.ShareBlock(id) {
		return false, nil
	}
	o.list.push(id)
	o.bytes += int64(o.acct.BlockSize(id))
	return true, nil
}

// shut ends the open block.
func (o *overflow) shut() {
	o.unpin()
	o.id = 0
}

// unpin ends the pin of the open block; it stays open.
func (o *overflow) unpin() {
	if o.ref != 0 {
		o.acct.Unpin(o.id, memory.ReuseLate)
		o.ref = 0
	}
}

func (o *overflow) close() {
	o.shut()
	o.list.close()
}

// Pins are overflow blocks that strings in use lie in: at most one within the minimum, others leased. The zero value
// with an account is empty. It is the reader's part of R4.
type Pins struct {
	acct   *memory.Account
	blocks []memory.BlockID
	held   bool  // one of them counts on the minimum
	leased int64 // bytes of the others
}

// MakePins returns no pins.
func MakePins(acct *memory.Account) Pins { return Pins{acct: acct} }

// resolve pins the block of an overflow reference and returns where the string lies.
func (p *Pins) resolve(s *str) (memory.Ref, error) {
	id := s.block()
	if n := len(p.blocks); n > 0 && p.blocks[n-1] == id {
		// Pins nest, so that the address need not be kept.
		ref, err := p.acct.Pin(id, memory.Leased)
		if err == nil {
			p.acct.Unpin(id, memory.ReuseSoon)
		}
		return ref + s.offset(), err
	}
	kind := memory.Leased
	if !p.held && p.acct.BlockSize(id) <= sharedOverflowBytes {
		kind = memory.Held
	}
	ref, err := p.acct.Pin(id, kind)
	if err != nil {
		return 0, err
	}
	if kind == memory.Held {
		p.held = true
	} else {
		p.leased += int64(p.acct.BlockSize(id))
	}
	p.blocks = append(p.blocks, id)
	return ref + s.offset(), nil
}

// Release ends the pins.
func (p *Pins) Release() {
	for _, id := range p.blocks {
		p.acct.Unpin(id, memory.ReuseUnknown)
	}
	p.blocks, p.held, p.leased = p.blocks[:0], false, 0
}
