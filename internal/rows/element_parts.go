package rows

import (
	"math/bits"
	"sort"
)

// sortParts sorts elements that lie in several arrays as if these were one: the smallest come first in the first. No
// part is empty. What parts share is moved between them by the first bytes that differ; what then lies in one part is
// sorted as an array.
func (c *comparer) sortParts(parts [][]element) {
	if len(parts) == 1 {
		c.sort(parts[0])
		return
	}
	ordered := true
	for i, p := range parts {
		ordered = ordered && c.ordered(p) && (i == 0 || c.compare(&parts[i-1][len(parts[i-1])-1], &p[0]) <= 0)
	}
	if !ordered {
		c.radixParts(parts)
	}
}

// spot is a place in parts.
type spot struct{ part, at int }

func (s *spot) next(parts [][]element) {
	if s.at++; s.at == len(parts[s.part]) {
		s.part, s.at = s.part+1, 0
	}
}

// skip goes n elements on.
func (s *spot) skip(parts [][]element, n int) {
	for n > 0 {
		step := min(n, len(parts[s.part])-s.at)
		n -= step
		if s.at += step; s.at == len(parts[s.part]) {
			s.part, s.at = s.part+1, 0
		}
	}
}

// radixParts is radix for more than one part.
func (c *comparer) radixParts(parts [][]element) {
	total := 0
	var differ prefix
	first := parts[0][0].prefix
	for _, p := range parts {
		total += len(p)
		for i := range p {
			differ.hi |= p[i].hi ^ first.hi
			differ.lo |= p[i].lo ^ first.lo
		}
	}
	if total <= insertionMost {
		c.insertionParts(parts)
		return
	}
	word, low := differ.hi, differ.hi == 0
	if low {
		word = differ.lo
	}
	if word == 0 {
		if c.rest != 0 {
			sort.Sort(newScattered(c, parts))
		}
		return
	}
	shift := uint(56 - bits.LeadingZeros64(word)&^7)
	counts := countParts(parts, shift, low)
	permuteParts(parts, counts, shift, low)
	var at spot
	for _, n := range counts {
		from := at
		at.skip(parts, n)
		switch {
		case n < 2:
		case at.part == from.part:
			c.radix(parts[from.part][from.at:at.at])
		case at.part == from.part+1 && at.at == 0:
			c.radix(parts[from.part][from.at:])
		default:
			c.radixParts(stretch(parts, from, at))
		}
	}
}

// stretch is the parts from one spot to another in a later part.
func stretch(parts [][]element, from, to spot) [][]element {
	out := [][]element{parts[from.part][from.at:]}
	out = append(out, parts[from.part+1:to.part]...)
	if to.at > 0 {
		out = append(out, parts[to.part][:to.at])
	}
	return out
}

func countParts(parts [][]element, shift uint, low bool) *[256]int {
	var counts [256]int
	for _, p := range parts {
		if low {
			for i := range p {
				counts[uint8(p[i].lo>>shift)]++
			}
			continue
		}
		for i := range p {
			counts[uint8(p[i].hi>>shift)]++
		}
	}
	return &counts
}

// permuteParts moves elements to the buckets that a byte names.
func permuteParts(parts [][]element, counts *[256]int, shift uint, low bool) {
	var heads [256]spot
	var at spot
	for b, n := range counts {
		heads[b] = at
		at.skip(parts, n)
	}
	left := *counts
	for b := range 256 {
		head := &heads[b]
		for left[b] > 0 {
			home := &parts[head.part][head.at]
			x := *home
			for {
				word := x.hi
				if low {
					word = x.lo
				}
				d := uint8(word >> shift)
				if int(d) == b {
					break
				}
				to := &heads[d]
				there := &parts[to.part][to.at]
				x, *there = *there, x
				to.next(parts)
				left[d]--
			}
			*home = x
			head.next(parts)
			left[b]--
		}
	}
}

// insertionParts sorts few elements in an array of their own.
func (c *comparer) insertionParts(parts [][]element) {
	var room [insertionMost]element
	n := 0
	for _, p := range parts {
		n += copy(room[n:], p)
	}
	c.insertion(room[:n])
	n = 0
	for _, p := range parts {
		n += copy(p, room[n:])
	}
}

// scattered is elements in parts, whose prefixes are equal, for package sort.
type scattered struct {
	c      *comparer
	parts  [][]element
	starts []int // of the parts; then, the end
}

func newScattered(c *comparer, parts [][]element) *scattered {
	s := &scattered{c: c, parts: parts, starts: []int{0}}
	for i, p := range parts {
		s.starts = append(s.starts, s.starts[i]+len(p))
	}
	return s
}

func (s *scattered) at(i int) *element {
	p := sort.SearchInts(s.starts, i+1) - 1
	return &s.parts[p][i-s.starts[p]]
}

func (s *scattered) Len() int           { return s.starts[len(s.parts)] }
func (s *scattered) Less(i, j int) bool { return s.c.rows(s.at(i).row, s.at(j).row) < 0 }
func (s *scattered) Swap(i, j int)      { a, b := s.at(i), s.at(j); *a, *b = *b, *a }
