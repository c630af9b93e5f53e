package exectest

import (
	"sync"

	"github.com/spillwaydb/spillway/internal/memory"
)

// Store keeps evicted blocks on the Go heap.
type Store struct {
	mu sync.Mutex
	// mu protects following.
	next   uint64
	blocks map[uint64][]byte
	writes int
}

var _ memory.BlockStore = (*Store)(nil)

// NewStore returns an empty store.
func NewStore() *Store { return &Store{blocks: map[uint64][]byte{}} }

// Write implements memory.BlockStore.
func (s *Store) Write(_ uint64, data []byte) (memory.Slot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	s.writes++
	s.blocks[s.next] = append([]byte(nil), data...)
	return memory.Slot{Lo: s.next}, nil
}

// Read implements memory.BlockStore.
func (s *Store) Read(slot memory.Slot, dst []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	copy(dst, s.blocks[slot.Lo])
	return nil
}

// Free implements memory.BlockStore.
func (s *Store) Free(_ uint64, slot memory.Slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.blocks, slot.Lo)
}

// DiskBytes implements memory.BlockStore.
func (s *Store) DiskBytes(slot memory.Slot) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(len(s.blocks[slot.Lo]))
}

// Len is the number of blocks that are stored.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.blocks)
}

// Writes is how many blocks were ever written.
func (s *Store) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}
