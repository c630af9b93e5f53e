package memory

import (
	"math/bits"
	"sync"

	"github.com/spillwaydb/spillway/internal/invariants"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// openStep is how much of a class's addresses is made accessible at a time.
const openStep = 1 << 20

// frames are the page-sized places of one class. A frame is in use, idle (free, its memory kept: the cheapest to hand
// out), bare (free, its memory given back) or above the high-water mark, never used.
type frames struct {
	mu    sync.Mutex
	start Ref
	size  int64 // of a frame
	limit int64 // bytes of addresses
	used  int64 // high-water mark: bytes of addresses handed out at least once
	ready int64 // bytes of addresses made accessible
	huge  bool

	idle Ref    // first idle frame; each one's first 8 bytes name the next, 0 is the end
	bare bitmap // by number of frame
}

// pop takes an idle frame other than not, or 0.
func (f *frames) pop(b Base, not Ref) Ref {
	f.mu.Lock()
	r := f.idle
	if r == 0 {
		f.mu.Unlock()
		return 0
	}
	next := nextIdle(b, r)
	if r == not && next != 0 { // take the second
		*nextIdle0(b, r) = *nextIdle0(b, next)
		r = next
	} else {
		f.idle = next
	}
	f.mu.Unlock()
	return r
}

// push makes a frame idle.
func (f *frames) push(b Base, r Ref) {
	f.mu.Lock()
	*nextIdle0(b, r) = f.idle
	f.idle = r
	f.mu.Unlock()
}

func nextIdle0(b Base, r Ref) *Ref   { return (*Ref)(b.At(r)) }
func nextIdle(b Base, r Ref) (n Ref) { return *nextIdle0(b, r) }

// take returns a frame without memory: a bare one, else a new one. The caller has counted its bytes as committed.
func (f *frames) take(g *region) (Ref, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i, ok := f.bare.take(); ok {
		return f.start + Ref(int64(i)*f.size), nil
	}
	if f.used+f.size > f.limit {
		return 0, sqlerr.AssertionError("memory: no addresses left for pages of %d bytes", f.size)
	}
	if f.used+f.size > f.ready {
		step := min(max(openStep, f.size), f.limit-f.ready)
		if err := g.open(f.start+Ref(f.ready), step, f.huge); err != nil {
			return 0, err
		}
		f.ready += step
	}
	r := f.start + Ref(f.used)
	f.used += f.size
	return r, nil
}

// putBare makes a frame whose memory was given back available again.
func (f *frames) putBare(r Ref) {
	f.mu.Lock()
	f.bare.put(int(int64(r-f.start) / f.size))
	f.mu.Unlock()
}

// bitmap is a set of numbers that grows with the largest one: one bit a frame.
type bitmap struct {
	words []uint64
	count int
	hint  int // no word below it has a bit
}

func (m *bitmap) put(i int) {
	w := i / 64
	for len(m.words) <= w {
		m.words = append(m.words, 0)
	}
	if invariants.Enabled {
		invariants.Assertf(m.words[w]&(1<<(i%64)) == 0, "memory: frame %d is given back twice", i)
	}
	m.words[w] |= 1 << (i % 64)
	m.count++
	m.hint = min(m.hint, w)
}

func (m *bitmap) take() (int, bool) {
	if m.count == 0 {
		return 0, false
	}
	for m.words[m.hint] == 0 {
		m.hint++
	}
	bit := bits.TrailingZeros64(m.words[m.hint])
	m.words[m.hint] &^= 1 << bit
	m.count--
	return m.hint*64 + bit, true
}

func roundUp(n, to int64) int64 { return (n + to - 1) / to * to }
