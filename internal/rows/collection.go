package rows

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// header stands at the start of a block of rows.
type header struct {
	rows     uint32
	low      uint32 // offset of the lowest string
	overflow uint32 // the first overflow block that rows of this block may refer to, by its place in the list
	_        uint32
}

const headerBytes = 16

func headerAt(b memory.Base, block memory.Ref) *header { return (*header)(b.At(block)) }

// Collection is a list of rows of one layout in blocks of one account. Appending goes to the last block, the tail,
// which stays pinned between calls: within the minimum, or leased if the collection keeps others.
//
// A collection belongs to one goroutine at a time. Close gives everything back.
type Collection struct {
	layout    *Layout
	acct      *memory.Account
	pageBytes int
	long      int // strings of more bytes overflow

	blocks   blockList
	overflow overflow
	series   memory.Series // of the blocks; 0 before the first
	rows     int64
	bytes    int64 // of all blocks, freed ones included

	tail   tail
	keep   bool  // full blocks stay pinned until Release
	held   int   // so many of them within the minimum, the others as leases
	pinned int   // the first block that is pinned; blocks before it are not
	spare  int64 // surplus that further leases leave to others
	// stream gives the rest of the key of a row of cols, part by part; see streamed.
	stream func(row uint16, write func(part []byte) error) error
}

// tail is the last block.
type tail struct {
	id     memory.BlockID // 0: none
	ref    memory.Ref     // 0: not pinned
	size   int
	header // a copy; the block's own is brought up to date by each call
}

// NewCollection returns an empty collection that takes nothing yet. pageBytes is the size of its blocks, at least
// layout.PageBytes; the first ones are smaller.
func NewCollection(acct *memory.Account, layout *Layout, pageBytes int) *Collection {
	return &Collection{
		layout:    layout,
		acct:      acct,
		pageBytes: pageBytes,
		long:      pageBytes / overflowFraction,
		held:      1,
		blocks:    blockList{acct: acct},
		overflow:  overflow{acct: acct, list: blockList{acct: acct}},
	}
}

// Keep makes the collection keep all further blocks pinned, so that references stay valid: held of them within the
// minimum, others as leases. An append that gets none ends early with sqlerr.ErrNoSurplus. Release ends all pins.
func (c *Collection) Keep(held int) { c.keep, c.held = true, held }

// Layout is the rows' layout.
func (c *Collection) Layout() *Layout { return c.layout }

// Rows is the number of rows appended.
func (c *Collection) Rows() int64 { return c.rows }

// Bytes is the number of bytes of all blocks that were made.
func (c *Collection) Bytes() int64 { return c.bytes + c.overflow.bytes }

// Blocks is the number of blocks of rows.
func (c *Collection) Blocks() int { return c.blocks.len() }

// Pinned is how many blocks of rows are pinned.
func (c *Collection) Pinned() int {
	switch {
	case c.tail.ref == 0:
		return 0
	case !c.keep:
		return 1
	}
	return c.blocks.len() - c.pinned
}

// smallestBlock is the size of a collection's first block; each further one is growBlocks times as large.
const (
	smallestBlock = memory.MinPageBytes
	growBlocks    = 4
)

// nextSize is the size of the next block, which must have room for a row of need bytes.
func (c *Collection) nextSize(need int) int {
	size := smallestBlock
	for n := c.blocks.len(); n > 0 && size < c.pageBytes; n-- {
		size *= growBlocks
	}
	return min(max(size, memory.PageSize(need+headerBytes)), c.pageBytes)
}

// room makes the tail one with room for a row of need bytes.
func (c *Collection) room(need int) error {
	if c.tail.id != 0 {
		if c.left() >= need {
			return c.pinTail()
		}
		c.flushHeader()
		if c.tail.ref != 0 && !c.keep {
			c.acct.Unpin(c.tail.id, memory.ReuseLate)
			c.tail.ref = 0
		}
	}
	kept := c.keep && c.tail.ref != 0
	size := c.nextSize(need)
	if c.series == 0 {
		c.series = c.acct.NewSeries()
	}
	kind := c.nextKind()
	if kind == memory.Leased && !spares(c.acct, int64(size), c.spare) {
		return sqlerr.ErrNoSurplus
	}
	if err := c.blocks.reserve(kind, c.keep); err != nil {
		return err
	}
	id, ref, err := c.acct.NewBlockIn(c.series, size, kind)
	if err != nil {
		return err
	}
	c.blocks.push(id)
	if !kept {
		c.pinned = c.blocks.len() - 1
	}
	c.bytes += int64(size)
	c.tail = tail{id: id, ref: ref, size: size, header: header{low: uint32(size), overflow: c.overflow.first()}}
	c.flushHeader()
	return nil
}

// nextKind is on what the next pin counts.
func (c *Collection) nextKind() memory.Kind {
	if (c.keep || c.held == 0) && c.Pinned() >= c.held {
		return memory.Leased
	}
	return memory.Held
}

// left is the number of free bytes of the tail.
func (c *Collection) left() int {
	return int(c.tail.low) - headerBytes - int(c.tail.rows)*c.layout.width
}

func (c *Collection) pinTail() error {
	if c.tail.ref != 0 {
		return nil
	}
	ref, err := c.acct.Pin(c.tail.id, c.nextKind())
	if err != nil {
		return err
	}
	c.acct.MarkDirty(c.tail.id)
	c.tail.ref, c.pinned = ref, c.blocks.len()-1
	return nil
}

// flushHeader brings the tail's header up to date.
func (c *Collection) flushHeader() {
	if c.tail.ref != 0 {
		*headerAt(c.acct.Base(), c.tail.ref) = c.tail.header
	}
}

// Release ends all pins: references are dead, and every block may be evicted. Appending may go on.
func (c *Collection) Release(reuse memory.Reuse) {
	if c.tail.ref == 0 {
		return
	}
	c.flushHeader()
	c.ReleaseFull(reuse)
	c.acct.Unpin(c.tail.id, reuse)
	c.tail.ref, c.pinned = 0, c.blocks.len()
}

// ReleaseFull ends the pins of all blocks but the tail: those of a collection that keeps its blocks.
func (c *Collection) ReleaseFull(reuse memory.Reuse) {
	for ; c.pinned < c.blocks.len()-1; c.pinned++ {
		if id, err := c.blocks.at(c.pinned, memory.Held); err == nil { // the index block is pinned, or there is none
			c.acct.Unpin(id, reuse)
		}
	}
	c.blocks.unpin()
}

// Close frees all blocks. Repeatable.
func (c *Collection) Close() {
	if c == nil {
		return
	}
	c.overflow.close()
	c.blocks.close()
	c.tail, c.pinned, c.rows, c.bytes = tail{}, 0, 0, 0
}
