//go:build invariants || race

package memory

import (
	"hash/crc32"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/spillwaydb/spillway/internal/invariants"
)

// stacks remembers where each page in use was taken, for reports of leaks.
type stacks struct {
	mu sync.Mutex
	by map[BlockID][stackDepth]uintptr
}

const stackDepth = 16

func (s *stacks) record(id BlockID) {
	var pcs [stackDepth]uintptr
	runtime.Callers(4, pcs[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = make(map[BlockID][stackDepth]uintptr)
	}
	s.by[id] = pcs
}

func (s *stacks) forget(id BlockID) {
	s.mu.Lock()
	delete(s.by, id)
	s.mu.Unlock()
}

// of is where the page was taken, several lines beginning with a line break.
func (s *stacks) of(id BlockID) string {
	s.mu.Lock()
	pcs, ok := s.by[id]
	s.mu.Unlock()
	if !ok {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n  taken at")
	frames := runtime.CallersFrames(pcs[:])
	for {
		f, more := frames.Next()
		if f.Function == "" {
			break
		}
		b.WriteString("\n    " + f.Function + " " + f.File + ":" + strconv.Itoa(f.Line))
		if !more {
			break
		}
	}
	return b.String()
}

// sums finds blocks that were modified without MarkDirty while a copy of them was on disk.
type sums struct {
	mu sync.Mutex
	by map[Slot]uint32
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (s *sums) note(slot Slot, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = make(map[Slot]uint32)
	}
	s.by[slot] = crc32.Checksum(data, castagnoli)
}

func (s *sums) check(slot Slot, data []byte) {
	s.mu.Lock()
	want, ok := s.by[slot]
	s.mu.Unlock()
	invariants.Assertf(!ok || want == crc32.Checksum(data, castagnoli),
		"memory: a block was modified without MarkDirty")
}

func (s *sums) forget(slot Slot) {
	s.mu.Lock()
	delete(s.by, slot)
	s.mu.Unlock()
}
