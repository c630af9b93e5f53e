package rows

import (
	"math/bits"

	"github.com/spillwaydb/spillway/internal/memory"
)

// Chains is a pointer table for rows of which many may have the same key: a chain of nodes for each value of the
// lowest bits of the hash. It is made for a known number of rows and never grows. Nodes are numbered from 1 on; 0
// ends a chain. Once filled it may be read by several goroutines.
type Chains struct {
	headPage memory.Page
	heads    []uint32 // first node of each chain
	mask     uint64
	pages    []memory.Page // of segments
	segments [][]chainNode
	used     int
	most     int
}

// chainNode is a row of a chain.
type chainNode struct {
	row  memory.Ref
	next uint32
	hash uint32 // the upper half: the lower bits chose the chain
}

const (
	chainNodeBytes = 16
	segmentShift   = 17 // nodes of a segment: 2 MiB
	segmentNodes   = 1 << segmentShift
)

// SmallestChainsRows is how many rows a table has room for that every operator with one holds.
const SmallestChainsRows = 1024

// ChainsMostRows is the most rows of a table.
const ChainsMostRows = memory.MaxPageBytes / 8

// headsFor is the number of chains of a table for n rows.
func headsFor(n int) int { return 1 << max(10, bits.Len(uint(max(n, 1)-1))) }

// ChainsBytes is what a table for n rows takes.
func ChainsBytes(n int) int64 {
	sum := int64(memory.PageSize(4 * headsFor(n)))
	sum += int64(n/segmentNodes) * segmentNodes * chainNodeBytes
	if rest := n % segmentNodes; rest > 0 {
		sum += int64(memory.PageSize(rest * chainNodeBytes))
	}
	return sum
}

// Open takes the pages of an empty table for n rows, at most ChainsMostRows. On an error nothing is kept.
func (t *Chains) Open(acct *memory.Account, n int, kind memory.Kind) error {
	*t = Chains{most: n}
	var err error
	if t.headPage, err = acct.Alloc(4*headsFor(n), kind); err != nil {
		return err
	}
	t.heads = memory.Slice[uint32](acct.Base(), t.headPage.Ref, headsFor(n))
	clear(t.heads)
	t.mask = uint64(len(t.heads) - 1)
	for left := n; left > 0; left -= segmentNodes {
		size := min(left, segmentNodes)
		p, err := acct.Alloc(size*chainNodeBytes, kind)
		if err != nil {
			t.Close(acct)
			return err
		}
		t.pages = append(t.pages, p)
		t.segments = append(t.segments, memory.Slice[chainNode](acct.Base(), p.Ref, size))
	}
	return nil
}

// Room is how many rows can be added.
func (t *Chains) Room() int { return t.most - t.used }

// Add adds rows with their hashes; there must be room.
func (t *Chains) Add(rows []memory.Ref, hashes []uint64) {
	for i, r := range rows {
		h := hashes[i]
		head := &t.heads[h&t.mask]
		n := &t.segments[t.used>>segmentShift][t.used&(segmentNodes-1)]
		*n = chainNode{row: r, next: *head, hash: uint32(h >> 32)}
		t.used++
		*head = uint32(t.used)
	}
}

// First is the first node of the chain of a hash.
func (t *Chains) First(hash uint64) uint32 {
	if len(t.heads) == 0 {
		return 0
	}
	return t.heads[hash&t.mask]
}

// Walk returns the next row, from node on, that has that hash, and the node to go on from; 0: there is none.
func (t *Chains) Walk(node uint32, hash uint64) (row memory.Ref, next uint32) {
	for node != 0 {
		n := &t.segments[(node-1)>>segmentShift][(node-1)&(segmentNodes-1)]
		node = n.next
		if n.hash == uint32(hash>>32) {
			return n.row, node
		}
	}
	return 0, 0
}

// Close gives the pages back. Repeatable.
func (t *Chains) Close(acct *memory.Account) {
	acct.Free(t.headPage)
	for _, p := range t.pages {
		acct.Free(p)
	}
	*t = Chains{}
}

// Used is how many rows there are.
func (t *Chains) Used() int { return t.used }
