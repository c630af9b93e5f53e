package rows

import (
	"slices"

	"github.com/spillwaydb/spillway/internal/memory"
)

// listed is how many block numbers an index block has.
const (
	indexBytes = memory.MinPageBytes
	listed     = indexBytes / 4
)

// blockList is a list of blocks in order. The last ones, up to twice listed, are on the heap, the others in index
// blocks, which are evictable as all blocks are, and use the page within the minimum that is for a block. Blocks are
// freed from the front.
type blockList struct {
	acct   *memory.Account
	index  []memory.BlockID // each of listed numbers
	tail   []memory.BlockID
	freed  int // blocks before this one are gone
	pinned int // so many of the last index blocks are pinned: they list pinned blocks
}

func (l *blockList) len() int { return len(l.index)*listed + len(l.tail) }

// reserve makes room for one more block, which is to be pinned as kind after this. keep: blocks of the list that are
// pinned stay so until unpin, and index blocks with them.
func (l *blockList) reserve(kind memory.Kind, keep bool) error {
	if len(l.tail) < 2*listed {
		return nil
	}
	block, ref, err := l.acct.NewBlock(indexBytes, kind)
	if err != nil {
		return err
	}
	copy(memory.Slice[memory.BlockID](l.acct.Base(), ref, listed), l.tail)
	if keep && kind == memory.Leased {
		l.pinned++
	} else {
		l.acct.Unpin(block, memory.ReuseLate)
	}
	l.index = append(l.index, block)
	l.tail = slices.Delete(l.tail, 0, listed)
	return nil
}

// push appends a block, for which room was reserved.
func (l *blockList) push(id memory.BlockID) { l.tail = append(l.tail, id) }

// unpin lets go of index blocks.
func (l *blockList) unpin() {
	for _, block := range l.index[len(l.index)-l.pinned:] {
		l.acct.Unpin(block, memory.ReuseLate)
	}
	l.pinned = 0
}

// at returns block i, which is not freed; kind is how it is going to be pinned. Errors: reading an index block.
func (l *blockList) at(i int, kind memory.Kind) (memory.BlockID, error) {
	var ids [1]memory.BlockID
	_, err := l.from(i, ids[:], kind)
	return ids[0], err
}

// from fills ids with the blocks from i on, which are not freed, as far as there are so many in one place of the list.
// Errors: reading an index block.
func (l *blockList) from(i int, ids []memory.BlockID, kind memory.Kind) ([]memory.BlockID, error) {
	if t := i - len(l.index)*listed; t >= 0 {
		return ids[:copy(ids, l.tail[min(t, len(l.tail)):])], nil
	}
	block := l.index[i/listed]
	ref, err := l.acct.Pin(block, kind)
	if err != nil {
		return nil, err
	}
	n := copy(ids, memory.Slice[memory.BlockID](l.acct.Base(), ref, listed)[i%listed:])
	l.acct.Unpin(block, memory.ReuseSoon)
	return ids[:n], nil
}

// freeTo frees the blocks before i, which are unpinned.
func (l *blockList) freeTo(i int) error {
	for ; l.freed < i; l.freed++ {
		id, err := l.at(l.freed, memory.Held)
		if err != nil {
			return err
		}
		l.acct.FreeBlock(id)
		if l.freed%listed == listed-1 && l.freed/listed < len(l.index) {
			l.acct.FreeBlock(l.index[l.freed/listed])
			l.index[l.freed/listed] = 0
		}
	}
	return nil
}

// close frees all blocks, pinned once or not at all; first those that need no index block, as pinned ones do, for whose
// page an index block is then read. Blocks whose index block cannot be read are left to the account, whose statement
// has failed by then.
func (l *blockList) close() {
	first := len(l.index) * listed
	for i, id := range l.tail {
		if first+i >= l.freed {
			l.acct.FreeBlock(id)
		}
	}
	for l.freed < first {
		if l.freeTo(first) != nil {
			l.acct.Lose()
			l.freed = (l.freed/listed + 1) * listed
		}
	}
	for _, block := range l.index {
		l.acct.FreeBlock(block)
	}
	l.index, l.tail, l.freed, l.pinned = nil, nil, 0, 0
}
