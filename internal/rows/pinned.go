package rows

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Block is a pinned block: N rows from First on, Layout.Width apart.
type Block struct {
	First memory.Ref
	N     int
	id    memory.BlockID
}

// PinBlock pins block i of a collection that is not appended to any more. The caller undoes it by UnpinBlock.
func (c *Collection) PinBlock(i int, kind memory.Kind) (Block, error) {
	id, err := c.blocks.at(i, kind)
	if err != nil {
		return Block{}, err
	}
	ref, err := c.acct.Pin(id, kind)
	if err != nil {
		return Block{}, err
	}
	return Block{First: ref + headerBytes, N: int(headerAt(c.acct.Base(), ref).rows), id: id}, nil
}

// UnpinBlock ends the pin of a block.
func (c *Collection) UnpinBlock(b Block, reuse memory.Reuse) { c.acct.Unpin(b.id, reuse) }

// UnpinBlocks ends the pins of blocks from, ..., to-1. They are looked up by an index block within the minimum; what
// cannot be read any longer, as the statement has failed, is freed with the collection or its account.
func (c *Collection) UnpinBlocks(from, to int, reuse memory.Reuse) {
	for i := from; i < to; i++ {
		if id, err := c.blocks.at(i, memory.Held); err == nil {
			c.acct.Unpin(id, reuse)
		}
	}
}

// Append copies rows sel of cols, at most ChunkRows, to their partitions: hashes has that of each. If a lease for one
// of the tails is refused, from then on one tail at a time is pinned, within the minimum.
func (p *Partitions) Append(cols []*vector.Vector, sel []uint16, hashes []uint64) error {
	ends := p.sort(hashes, All(len(sel)), &p.order)
	at := 0
	for k, to := range ends[:len(p.List)] {
		if to > at {
			part := p.order[at:to]
			for j, i := range part {
				part[j] = sel[i]
			}
			if err := p.appendTo(p.List[k], cols, part); err != nil {
				return err
			}
		}
		at = to
	}
	return nil
}

func (p *Partitions) appendTo(c *Collection, cols []*vector.Vector, sel []uint16) error {
	n, err := c.Append(cols, sel, p.rows[:])
	if noSurplus(err) && !p.single {
		p.Squeeze()
		_, err = c.Append(cols, sel[n:], p.rows[:])
	}
	if p.single {
		c.Release(memory.ReuseUnknown)
	}
	return Final(err)
}

// Squeeze gives all leases back: from now on one tail at a time is pinned.
func (p *Partitions) Squeeze() {
	p.single = true
	p.Release(memory.ReuseUnknown)
	for _, c := range p.List {
		c.held = 1
	}
}

// Squeezed says if one tail at a time is pinned.
func (p *Partitions) Squeezed() bool { return p.single }

// PartitionOf is the number of the partition of a key with that hash; see NewPartitions.
func PartitionOf(hash uint64, consumed, bits int) int {
	return int(hash >> uint(partitionTop-consumed-bits) & (1<<bits - 1))
}

// BlockBytes is the number of bytes of the blocks of rows: Bytes without long strings.
func (c *Collection) BlockBytes() int64 { return c.bytes }
