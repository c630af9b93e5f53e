package runtimefilter

import (
	"errors"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

const (
	// growRows: a filter with more rows than this for each word of 64 bits is to grow, by growFactor.
	growRows, growFactor = 2, 4
	// foldRows: one is folded as long as it has at most this many rows a word then.
	foldRows = 4
	// mostRows: one with more rows a word says yes too often to be of use.
	mostRows = 16
	// surplusShare: a filter takes at most this part of what could be leased.
	surplusShare = 8
)

// bloom is a Bloom filter whose bits for a hash are all in one word, so that a look at it is one miss of the cache.
// The number of words is a power of two.
type bloom struct {
	page  memory.Page
	words []uint64
	rows  int64
}

// open takes a page of zeros.
func (f *bloom) open(acct *memory.Account, bytes int) error {
	p, err := acct.Alloc(bytes, memory.Leased)
	if err != nil {
		return err
	}
	*f = bloom{page: p, words: memory.Slice[uint64](acct.Base(), p.Ref, bytes/8)}
	clear(f.words)
	return nil
}

func (f *bloom) close(acct *memory.Account) {
	acct.Free(f.page)
	*f = bloom{}
}

// bits are those of a hash in its word, which other bits of the hash choose.
func bits(hash uint64) uint64 {
	return 1<<(hash>>58) | 1<<(hash>>52&63) | 1<<(hash>>46&63) | 1<<(hash>>40&63)
}

// has says if a row with that hash may be in; f has words.
func (f *bloom) has(hash uint64) bool {
	b := bits(hash)
	return f.words[hash&uint64(len(f.words)-1)]&b == b
}

func (f *bloom) add(hashes []uint64) {
	mask := uint64(len(f.words) - 1)
	for _, h := range hashes {
		f.words[h&mask] |= bits(h)
	}
	f.rows += int64(len(hashes))
}

// join adds the rows of g, which has at most as many words.
func (f *bloom) join(g *bloom) {
	if g.words == nil {
		return
	}
	mask := len(g.words) - 1
	for i := range f.words {
		f.words[i] |= g.words[i&mask]
	}
	f.rows += g.rows
}

// useless says that f has too many rows for its size.
func (f *bloom) useless() bool { return f.rows > mostRows*int64(len(f.words)) }

// resize moves f to a page of another size; false: there is none.
func (f *bloom) resize(acct *memory.Account, bytes int) (bool, error) {
	var g bloom
	err := g.open(acct, bytes)
	if errors.Is(err, sqlerr.ErrNoSurplus) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	g.join(f)
	f.close(acct)
	*f = g
	return true, nil
}

// grow makes room for more rows, if there is surplus.
func (f *bloom) grow(acct *memory.Account) (bool, error) {
	bytes := 8 * len(f.words) * growFactor
	if bytes > memory.MaxPageBytes || int64(bytes) > acct.Surplus()/surplusShare {
		return false, nil
	}
	return f.resize(acct, bytes)
}

// fold halves f as often as its rows allow.
func (f *bloom) fold(acct *memory.Account) error {
	n := len(f.words)
	for n > memory.MinPageBytes/8 && f.rows <= int64(n/2)*foldRows {
		n /= 2
		for i, w := range f.words[n : 2*n] {
			f.words[i] |= w
		}
	}
	if n == len(f.words) {
		return nil
	}
	f.words = f.words[:n]
	_, err := f.resize(acct, 8*n)
	return err
}
