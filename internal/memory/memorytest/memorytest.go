// Package memorytest makes pools for tests: small ones over a block store in the test's memory, which must be empty
// when the test ends.
package memorytest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
)

// NewPool returns a pool of limit bytes that evicts into a Store. When the test ends it is closed, and the test fails
// if a page, a block on disk or a heap reservation is left.
func NewPool(t testing.TB, limit int64) *memory.Pool {
	return NewPoolWith(t, memory.Options{LimitBytes: limit})
}

// NewPoolWith is NewPool with other options; without a Store it gets one.
func NewPoolWith(t testing.TB, o memory.Options) *memory.Pool {
	var store *Store
	if o.Store == nil {
		store = &Store{}
		o.Store = store
	}
	p, err := memory.NewPool(o)
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("the pool is not empty: %v", err)
		}
		if store != nil && store.Len() > 0 {
			t.Errorf("%d blocks are left in the store", store.Len())
		}
	})
	return p
}

// NewOperator opens a statement with minBytes and an operator that has them all. Both are closed when the test ends.
func NewOperator(t testing.TB, p *memory.Pool, minBytes int64) (*memory.Statement, *memory.Account) {
	s := p.NewStatement(p.Server(), memory.StatementOptions{Name: t.Name(), Spill: true})
	t.Cleanup(s.Close)
	require.NoError(t, s.Admit(context.Background(), minBytes))
	a, err := s.Operator("operator", minBytes)
	require.NoError(t, err)
	t.Cleanup(a.Close)
	return s, a
}

// Blocks is a memory.BlockStore on the Go heap. The zero Blocks is empty.
type Blocks struct {
	mu     sync.Mutex
	blocks map[uint64][]byte
	next   uint64
	writes int
	reads  int
}

var _ memory.BlockStore = (*Blocks)(nil)

// Write keeps a copy of data.
func (s *Blocks) Write(_ uint64, data []byte) (memory.Slot, error) {
	data = slices.Clone(data)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blocks == nil {
		s.blocks = make(map[uint64][]byte)
	}
	s.next++
	s.writes++
	s.blocks[s.next] = data
	return memory.Slot{Lo: s.next, Hi: uint64(len(data))}, nil
}

// Read copies a block to dst.
func (s *Blocks) Read(slot memory.Slot, dst []byte) error {
	s.mu.Lock()
	data, ok := s.blocks[slot.Lo]
	s.reads++
	s.mu.Unlock()
	if !ok || len(data) != len(dst) {
		return errors.New("memorytest: no such block")
	}
	copy(dst, data)
	return nil
}

// Free forgets a block.
func (s *Blocks) Free(_ uint64, slot memory.Slot) {
	s.mu.Lock()
	delete(s.blocks, slot.Lo)
	s.mu.Unlock()
}

// DiskBytes is the length of a block.
func (s *Blocks) DiskBytes(slot memory.Slot) int64 { return int64(slot.Hi) }

// Len is the number of blocks stored.
func (s *Blocks) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.blocks)
}

// Counts are the writes and reads so far, for tests that must prove that they spilled.
func (s *Blocks) Counts() (writes, reads int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes, s.reads
}

// Store is Blocks that are written and read in groups, too. The zero Store is empty.
type Store struct {
	Blocks
	groups int
}

var _ memory.GroupStore = (*Store)(nil)

// WriteGroup keeps copies of blocks, of more than one at times not of the last.
func (s *Store) WriteGroup(owner uint64, blocks [][]byte, slots []memory.Slot) error {
	s.mu.Lock()
	s.groups++
	n := len(blocks)
	if n > 1 && s.groups%4 == 0 {
		n--
		slots[n] = memory.Slot{}
	}
	s.mu.Unlock()
	for i, data := range blocks[:n] {
		var err error
		if slots[i], err = s.Write(owner, data); err != nil {
			return err
		}
	}
	return nil
}

// ReadGroup is Read for several blocks.
func (s *Store) ReadGroup(slots []memory.Slot, blocks [][]byte) error {
	for i, slot := range slots {
		if err := s.Read(slot, blocks[i]); err != nil {
			return err
		}
	}
	return nil
}

// Behind tells if next was stored right after slot.
func (s *Store) Behind(slot, next memory.Slot) bool { return next.Lo == slot.Lo+1 }
