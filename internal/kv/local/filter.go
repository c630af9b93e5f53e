package local

import (
	"encoding/binary"
	"hash/maphash"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/pagetree"
)

// A filter tells which of some trees may have a key: a Bloom filter for each of them, one beside the other, so that a
// question about all of them is one about a few words of one page.
//
//	page, by hash | word, by hash ... | word | ...    a word has a bit for each tree
//
// Its pages are evictable blocks like those of the trees. They are in use all the time, so they stay in memory as long
// as anything does; where they do not, reading a page is still less work than searching the trees.
type filter struct {
	acct  *memory.Account
	seed  maphash.Seed
	pages []memory.BlockID
	width int   // bits of a word, a power of two; as many trees have room
	used  int   // trees that have, or had, a bit
	keys  int64 // of each tree, as planned
}

const (
	filterPageBytes = pagetree.DefaultPageBytes
	// filterWords for each key of a tree, of which filterProbes are looked at, give 1 false answer in 1000.
	filterWords, filterProbes = 16, 6
	// filterTrees share a filter.
	filterTrees = 16
	// filterCrowd is by how many percent a tree may have more keys than its filter was made for.
	filterCrowd = 150
)

// newFilter returns an empty filter for up to width trees of so many keys each.
func newFilter(acct *memory.Account, width int, keys int64) (*filter, error) {
	f := &filter{acct: acct, seed: maphash.MakeSeed(), width: width, keys: keys}
	pages := 1 + keys*filterWords/f.words()
	for range pages {
		if err := f.addPage(); err != nil {
			f.free()
			return nil, err
		}
	}
	return f, nil
}

func (f *filter) addPage() error {
	defer begin(f.acct, 0).End()
	id, ref, err := f.acct.NewBlock(filterPageBytes, memory.InOperation)
	if err != nil {
		return err
	}
	clear(memory.Bytes(f.acct.Base(), ref, filterPageBytes))
	f.acct.Unpin(id, memory.ReuseSoon)
	f.pages = append(f.pages, id)
	return nil
}

// free frees the pages.
func (f *filter) free() {
	for _, id := range f.pages {
		f.acct.FreeBlock(id)
	}
	f.pages = nil
}

// takes says if there is room for another tree, of so many keys.
func (f *filter) takes(keys int64) bool {
	return f.used < f.width && keys <= f.keys*filterCrowd/100
}

// words is how many there are in a page.
func (f *filter) words() int64 { return int64(filterPageBytes * 8 / f.width) }

// place returns a key's page, its first word there, and the step to the next ones.
func (f *filter) place(key []byte) (id memory.BlockID, word, step uint32) {
	h := maphash.Bytes(f.seed, key)
	page := (h >> 32) * uint64(len(f.pages)) >> 32
	return f.pages[page], uint32(h), uint32(h>>16)<<1 | 1
}

// add notes that a tree has a key. The caller's operation covers a page.
func (f *filter) add(tree int, key []byte) error {
	id, word, step := f.place(key)
	ref, err := f.acct.Pin(id, memory.InOperation)
	if err != nil {
		return err
	}
	f.acct.MarkDirty(id)
	p := memory.Bytes(f.acct.Base(), ref, filterPageBytes)
	for range filterProbes {
		bit := (word%uint32(f.words()))*uint32(f.width) + uint32(tree)
		p[bit/8] |= 1 << (bit % 8)
		word += step
	}
	f.acct.Unpin(id, memory.ReuseSoon)
	return nil
}

// among returns a bit for each tree that may have the key. The caller's operation covers a page.
func (f *filter) among(key []byte) (uint16, error) {
	id, word, step := f.place(key)
	ref, err := f.acct.Pin(id, memory.InOperation)
	if err != nil {
		return 0, err
	}
	p := memory.Bytes(f.acct.Base(), ref, filterPageBytes)
	trees := ^uint16(0)
	for range filterProbes {
		w := word % uint32(f.words())
		if f.width == filterTrees {
			trees &= binary.LittleEndian.Uint16(p[2*w:])
		} else {
			trees &= uint16(p[w/8] >> (w % 8) & 1)
		}
		word += step
	}
	f.acct.Unpin(id, memory.ReuseSoon)
	return trees, nil
}
