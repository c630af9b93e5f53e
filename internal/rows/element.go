package rows

import (
	"bytes"
	"cmp"
	"math/bits"
	"slices"
	"unsafe"

	"github.com/spillwaydb/spillway/internal/memory"
)

// element stands for a row while it is sorted.
type element struct {
	prefix
	row memory.Ref
}

const elementBytes = int(unsafe.Sizeof(element{}))

// comparer compares rows whose prefixes are equal, by the rest of their keys. An error, of reading an overflow block,
// makes rows equal and is kept in err.
type comparer struct {
	base memory.Base
	acct *memory.Account
	rest uintptr // offset of the rest's reference; 0: prefixes are the whole keys
	err  error
}

func (c *comparer) rows(a, b memory.Ref) int {
	if c.rest == 0 {
		return 0
	}
	s, t := strAt(c.base, a, c.rest), strAt(c.base, b, c.rest)
	if s.overflows() || t.overflows() {
		return c.long(a, b)
	}
	return bytes.Compare(s.bytes(c.base, a), t.bytes(c.base, b))
}

// long compares part by part, with the block of one part of each pinned for the moment, within the minimum.
func (c *comparer) long(a, b memory.Ref) int {
	x := makeParts(c.acct, a, c.rest)
	y := makeParts(c.acct, b, c.rest)
	defer x.close()
	defer y.close()
	for {
		// The ends of the parts need not be the same: a string on its page is one part.
		if err := x.fill(); err != nil {
			return c.fail(err)
		}
		if err := y.fill(); err != nil {
			return c.fail(err)
		}
		n := min(len(x.part), len(y.part))
		if n == 0 {
			return cmp.Compare(len(x.part), len(y.part))
		}
		if r := bytes.Compare(x.part[:n], y.part[:n]); r != 0 {
			return r
		}
		x.part, y.part = x.part[n:], y.part[n:]
	}
}

// fail keeps the first error.
func (c *comparer) fail(err error) int {
	if c.err == nil {
		c.err = err
	}
	return 0
}

func (c *comparer) compare(a, b *element) int {
	switch {
	case a.hi != b.hi:
		if a.hi < b.hi {
			return -1
		}
		return 1
	case a.lo != b.lo:
		if a.lo < b.lo {
			return -1
		}
		return 1
	}
	return c.rows(a.row, b.row)
}

// sort orders elements in place: nothing if they are in order, else most significant byte first (American flag sort:
// McIlroy, Bostic, McIlroy 1993), small buckets by insertion, equal prefixes by comparison.
func (c *comparer) sort(e []element) {
	if !c.ordered(e) {
		c.radix(e)
	}
}

func (c *comparer) ordered(e []element) bool {
	i := 1
	for i < len(e) && c.compare(&e[i-1], &e[i]) <= 0 {
		i++
	}
	return i >= len(e)
}

// insertionMost is up to how many elements insertion is faster than counting.
const insertionMost = 32

// radix recurses at most once a byte of the prefix: each level splits by the first byte that is not the same in all.
func (c *comparer) radix(e []element) {
	if len(e) <= insertionMost {
		c.insertion(e)
		return
	}
	var differ prefix
	first := e[0].prefix
	for i := range e {
		differ.hi |= e[i].hi ^ first.hi
		differ.lo |= e[i].lo ^ first.lo
	}
	low := differ.hi == 0
	word := differ.hi
	if low {
		word = differ.lo
	}
	if word == 0 {
		if c.rest != 0 {
			slices.SortFunc(e, func(a, b element) int { return c.rows(a.row, b.row) })
		}
		return
	}
	shift := uint(56 - bits.LeadingZeros64(word)&^7)
	var ends [257]int // ends[i+1]: the end of bucket i
	if low {
		permute(e, &ends, func(x *element) uint8 { return uint8(x.lo >> shift) })
	} else {
		permuteHigh(e, &ends, shift)
	}
	from := 0
	for _, to := range ends[1:] {
		if to-from > 1 {
			c.radix(e[from:to])
		}
		from = to
	}
}

// permuteHigh is permute for the usual case, without a call for each element.
func permuteHigh(e []element, ends *[257]int, shift uint) {
	var next [256]int
	for i := range e {
		next[uint8(e[i].hi>>shift)]++
	}
	sumUp(&next, ends)
	for b := range 256 {
		for next[b] < ends[b+1] {
			x := e[next[b]]
			for {
				d := uint8(x.hi >> shift)
				if int(d) == b {
					break
				}
				at := next[d]
				next[d]++
				x, e[at] = e[at], x
			}
			e[next[b]] = x
			next[b]++
		}
	}
}

// permute moves elements to the buckets that digit names.
func permute(e []element, ends *[257]int, digit func(*element) uint8) {
	var next [256]int
	for i := range e {
		next[digit(&e[i])]++
	}
	sumUp(&next, ends)
	for b := range 256 {
		for next[b] < ends[b+1] {
			x := e[next[b]]
			for {
				d := digit(&x)
				if int(d) == b {
					break
				}
				at := next[d]
				next[d]++
				x, e[at] = e[at], x
			}
			e[next[b]] = x
			next[b]++
		}
	}
}

// sumUp turns counts into starts, and fills in the ends.
func sumUp(next *[256]int, ends *[257]int) {
	sum := 0
	for i, n := range next {
		next[i] = sum
		sum += n
		ends[i+1] = sum
	}
}

func (c *comparer) insertion(e []element) {
	for i := 1; i < len(e); i++ {
		x := e[i]
		j := i
		for ; j > 0; j-- {
			p := &e[j-1]
			if x.hi > p.hi || x.hi == p.hi && (x.lo > p.lo || x.lo == p.lo && c.rows(x.row, p.row) >= 0) {
				break
			}
			e[j] = *p
		}
		e[j] = x
	}
}
