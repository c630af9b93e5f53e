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
// blocks, which are evictable as all blocks are. Blocks are freed from the front.
type blockList struct {
	acct  *memory.Account
	index []memory.BlockID // each of listed numbers
	tail  []memory.BlockID
	freed int // blocks before this one are gone
}

func (l *blockList) len() int { return len(l.index)*listed + len(l.tail) }

// push appends a block. On an error, which is that of an index block, the block is not listed.
func (l *blockList) push(id memory.BlockID) error {
	if len(l.tail) == 2*listed {
		block, ref, err := l.acct.NewBlock(indexBytes, memory.Held)
		if err != nil {
			return err
		}
		copy(memory.Slice[memory.BlockID](l.acct.Base(), ref, listed), l.tail)
		l.acct.Unpin(block, memory.ReuseLate)
		l.index = append(l.index, block)
		l.tail = slices.Delete(l.tail, 0, listed)
	}
	l.tail = append(l.tail, id)
	return nil
}

// at returns block i, which is not freed. Errors: reading an index block.
func (l *blockList) at(i int) (memory.BlockID, error) {
	var ids [1]memory.BlockID
	_, err := l.from(i, ids[:])
	return ids[0], err
}

// from fills ids with the blocks from i on, which are not freed, as far as there are so many in one place of the list.
// Errors: reading an index block.
func (l *blockList) from(i int, ids []memory.BlockID) ([]memory.BlockID, error) {
	if t := i - len(l.index)*listed; t >= 0 {
		return ids[:copy(ids, l.tail[min(t, len(l.tail)):])], nil
	}
	block := l.index[i/listed]
	ref, err := l.acct.Pin(block, memory.Held)
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
		id, err := l.at(l.freed)
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

// close frees all blocks, pinned once or not at all. Blocks whose index block cannot be read are left to the account,
// whose statement has failed by then.
func (l *blockList) close() {
	for l.freed < l.len() {
		if l.freeTo(l.len()) != nil {
			l.freed = (l.freed/listed + 1) * listed
		}
	}
	for _, block := range l.index {
		l.acct.FreeBlock(block)
	}
	l.index, l.tail, l.freed = nil, nil, 0
}
