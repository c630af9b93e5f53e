package rows

import (
	"slices"

	"github.com/spillwaydb/spillway/internal/memory"
)

const (
	// partitionBitsMost bounds a fan-out: more ways at once cost more than a second pass.
	partitionBitsMost = 6
	// partitionTop is the bit of the hash below which partitions take their bits: higher ones are salt.
	partitionTop = saltShift
)

// PartitionBitsMost is the largest number of bits of Partitions.
const PartitionBitsMost = partitionBitsMost

// Partitions are collections by bits of the hash: those below the consumed highest ones. A partition of fewer bits
// contains those of more bits with the same first bits.
type Partitions struct {
	List     []*Collection
	Bits     int
	consumed int
	single   bool // one tail is pinned at a time
	order    []uint16
	rows     [ChunkRows]memory.Ref
}

// NewPartitions returns 1 << bits empty partitions. Of a key's hash the first consumed bits were used before; both
// together are at most 48.
func NewPartitions(acct *memory.Account, layout *Layout, pageBytes, consumed, bits int) *Partitions {
	p := &Partitions{Bits: bits, consumed: consumed, List: make([]*Collection, 1<<bits)}
	for i := range p.List {
		p.List[i] = NewCollection(acct, layout, pageBytes)
	}
	return p
}

// BitsLeft is how many bits there are for further partitions.
func BitsLeft(consumed int) int { return partitionTop - consumed }

// Keep makes all partitions keep their blocks pinned; see Collection.Keep. One block of each of the first held of them
// counts on the minimum.
func (p *Partitions) Keep(held int) {
	for i, c := range p.List {
		c.Keep(min(max(held-i, 0), 1))
	}
}

// Replace puts another collection of the same rows in place of partition i, which the caller closes. held is Keep's.
func (p *Partitions) Replace(i int, c *Collection, held int) {
	p.List[i] = c
	c.Keep(min(max(held-i, 0), 1))
}

// Lease makes the tails of all partitions but the first held leases.
func (p *Partitions) Lease(held int) {
	for _, c := range p.List[min(held, len(p.List)):] {
		c.held = 0
	}
}

// Release ends all pins.
func (p *Partitions) Release(reuse memory.Reuse) {
	for _, c := range p.List {
		c.Release(reuse)
	}
}

// ReleaseFull ends the pins of full blocks.
func (p *Partitions) ReleaseFull(reuse memory.Reuse) {
	for _, c := range p.List {
		c.ReleaseFull(reuse)
	}
}

// Pinned is how many blocks of rows are pinned.
func (p *Partitions) Pinned() (n int) {
	for _, c := range p.List {
		n += c.Pinned()
	}
	return n
}

// Rows is the number of rows of all partitions.
func (p *Partitions) Rows() (n int64) {
	for _, c := range p.List {
		n += c.rows
	}
	return n
}

// Bytes is the number of bytes of all partitions.
func (p *Partitions) Bytes() (n int64) {
	for _, c := range p.List {
		n += c.Bytes()
	}
	return n
}

// Close frees all partitions. Repeatable.
func (p *Partitions) Close() {
	if p == nil {
		return
	}
	for _, c := range p.List {
		c.Close()
	}
}

// sort lists rows by partition in order, and says where each partition ends.
func (p *Partitions) sort(hashes []uint64, chunk []uint16, order *[]uint16) (ends [1 << partitionBitsMost]int) {
	shift := uint(partitionTop - p.consumed - p.Bits)
	mask := uint64(len(p.List) - 1)
	for _, i := range chunk {
		ends[hashes[i]>>shift&mask]++
	}
	sum := 0
	for k := range ends[:len(p.List)] {
		n := ends[k]
		ends[k] = sum
		sum += n
	}
	*order = slices.Grow((*order)[:0], len(chunk))[:len(chunk)]
	for _, i := range chunk {
		k := hashes[i] >> shift & mask
		(*order)[ends[k]] = i
		ends[k]++
	}
	return ends
}

// AppendRows copies pinned rows, at most ChunkRows, to their partitions. If a lease for one of the tails is refused,
// from then on one tail at a time is pinned, within the minimum.
func (p *Partitions) AppendRows(from []memory.Ref, hashes []uint64) error {
	ends := p.sort(hashes, All(len(from)), &p.order)
	at := 0
	for k, to := range ends[:len(p.List)] {
		if to > at {
			for j, i := range p.order[at:to] {
				p.rows[j] = from[i]
			}
			if err := p.appendRows(p.List[k], p.rows[:to-at]); err != nil {
				return err
			}
		}
		at = to
	}
	return nil
}

func (p *Partitions) appendRows(c *Collection, rows []memory.Ref) error {
	n, err := c.AppendRows(rows, nil)
	if noSurplus(err) && !p.single {
		p.single = true
		p.Release(memory.ReuseUnknown)
		for _, c := range p.List {
			c.held = 1
		}
		_, err = c.AppendRows(rows[n:], nil)
	}
	if p.single {
		c.Release(memory.ReuseUnknown)
	}
	return Final(err)
}
