package spill

import "math/bits"

// unit is what all lengths and offsets on disk are multiples of.
const unit = 4 << 10

// slotBytes is the size of the slot for n bytes: n rounded up to a sixteenth of the power of two above it, at least 4
// KiB. So a slot wastes at most an eighth, and there are at most 8 sizes between two page sizes.
func slotBytes(n int) int64 {
	step := max(unit, 1<<bits.Len(uint(n-1))/16)
	return int64((n + step - 1) / step * step)
}

// slotFile is a file of slots of one size. The Store's mutex protects it but for what never changes.
type slotFile struct {
	number uint32
	file   File
	slot   int64 // bytes; never changes
	limit  int   // slots

	used  []uint64 // one bit a slot
	holes []uint64 // slots whose space was given back
	count int      // used slots
	top   int      // slots that were used at least once
	hint  int      // no word below has a free bit
}

// take finds a slot; ok is false when the file is full. grown tells if the slot has no space yet.
func (f *slotFile) take() (i int, grown, ok bool) {
	if f.count == f.limit {
		return 0, false, false
	}
	if f.count == f.top {
		i = f.top
		if i/64 == len(f.used) {
			f.used, f.holes = append(f.used, 0), append(f.holes, 0)
		}
		f.top++
		grown = true
	} else {
		for f.used[f.hint] == ^uint64(0) {
			f.hint++
		}
		i = f.hint*64 + bits.TrailingZeros64(^f.used[f.hint])
		grown = f.holes[i/64]&(1<<(i%64)) != 0
		f.holes[i/64] &^= 1 << (i % 64)
	}
	f.used[i/64] |= 1 << (i % 64)
	f.count++
	return i, grown, true
}

// searchWords bounds the search for free slots side by side.
const searchWords = 256

// takeRun finds up to n slots side by side: the first place with room for all of them, else the best of those it looked
// at; got is 0 when the file is full. grown is how many of them have no space yet.
func (f *slotFile) takeRun(n int) (first, got, grown int) {
	if n == 1 || f.count == f.limit {
		i, fresh, ok := f.take()
		if !ok {
			return 0, 0, 0
		}
		if fresh {
			grown = 1
		}
		return i, 1, grown
	}
	if f.count == f.top {
		first, got = f.top, min(n, f.limit-f.top)
		f.top += got
		for len(f.used)*64 < f.top {
			f.used, f.holes = append(f.used, 0), append(f.holes, 0)
		}
		grown = got
	} else {
		first, got = f.freeRun(min(n, 64))
		for i := first; i < first+got; i++ {
			grown += int(f.holes[i/64] >> (i % 64) & 1)
			f.holes[i/64] &^= 1 << (i % 64)
		}
	}
	for i := first; i < first+got; i++ {
		f.used[i/64] |= 1 << (i % 64)
	}
	f.count += got
	return first, got, grown
}

// freeRun looks for n free slots side by side, at most 64, below top, where there is one. It does not look across
// words.
func (f *slotFile) freeRun(n int) (first, got int) {
	for f.used[f.hint] == ^uint64(0) {
		f.hint++
	}
	for w := f.hint; w < min(len(f.used), f.hint+searchWords); w++ {
		free := ^f.used[w]
		if beyond := (w+1)*64 - f.top; beyond > 0 {
			free &= ^uint64(0) >> beyond
		}
		// Bit i of run says that as many slots from i on are free as there were rounds.
		length := 0
		for run := free; run != 0 && length < n; run &= run >> 1 {
			length++
			if length > got {
				first, got = w*64+bits.TrailingZeros64(run), length
			}
		}
		if got == n {
			break
		}
	}
	return first, got
}

// put frees a slot.
func (f *slotFile) put(i int) {
	f.used[i/64] &^= 1 << (i % 64)
	f.hint = min(f.hint, i/64)
	f.count--
}

// idle are the slots of word w that are free and have space.
func (f *slotFile) idle(w int) uint64 {
	word := ^(f.used[w] | f.holes[w])
	if beyond := (w+1)*64 - f.top; beyond > 0 {
		word &= ^uint64(0) >> beyond
	}
	return word
}

// idleRun finds the longest run of idle slots, or the first of enough slots, which may have more than that by less
// than 64.
func (f *slotFile) idleRun(enough int) (first, n int) {
	start, length := 0, 0 // of the run that ends before the present slot
	for w := range f.used {
		word := f.idle(w)
		switch {
		case word == ^uint64(0):
			if length == 0 {
				start = w * 64
			}
			length += 64
		case word == 0:
			length = 0
		default:
			for bit := range 64 {
				if word&(1<<bit) == 0 {
					length = 0
					continue
				}
				if length == 0 {
					start = w*64 + bit
				}
				length++
				if length > n {
					first, n = start, length
				}
			}
		}
		if length > n {
			first, n = start, length
		}
		if n >= enough {
			break
		}
	}
	return first, n
}

// hold takes idle slots out of use for a while.
func (f *slotFile) hold(first, n int) {
	for i := first; i < first+n; i++ {
		f.used[i/64] |= 1 << (i % 64)
	}
	f.count += n
}

// unhold ends hold; holes tells if the slots have no space any more.
func (f *slotFile) unhold(first, n int, holes bool) {
	for i := first; i < first+n; i++ {
		if holes {
			f.holes[i/64] |= 1 << (i % 64)
		}
		f.put(i)
	}
}

// has tells if slot i is used.
func (f *slotFile) has(i int) bool { return i < f.top && f.used[i/64]&(1<<(i%64)) != 0 }

// allocated is the bytes of disk that the file takes.
func (f *slotFile) allocated() int64 {
	n := int64(f.top)
	for _, w := range f.holes {
		n -= int64(bits.OnesCount64(w))
	}
	return n * f.slot
}
