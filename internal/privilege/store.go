package privilege

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Entry is a key of a Store with its value.
type Entry struct {
	Key   string
	Value []byte // nil in Apply: delete
}

// Store keeps small values by key. Safe for concurrent use.
type Store interface {
	// Apply writes and deletes entries, all or none; it returns when they are durable.
	Apply(ctx context.Context, changes ...Entry) error
	// List returns the entries whose keys begin with prefix, in order.
	List(ctx context.Context, prefix string) ([]Entry, error)
	// Reserve charges n bytes of heap that accounts are to take, or refuses them; Release gives them back.
	Reserve(n int64) error
	Release(n int64)
}

// MemStore is a Store that forgets everything with the process. The zero MemStore is empty.
type MemStore struct {
	mu sync.Mutex
	m  map[string][]byte
}

var _ Store = (*MemStore)(nil)

// Reserve grants everything.
func (*MemStore) Reserve(int64) error { return nil }

// Release does nothing.
func (*MemStore) Release(int64) {}

// Apply keeps copies.
func (s *MemStore) Apply(_ context.Context, changes ...Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = map[string][]byte{}
	}
	for _, c := range changes {
		if c.Value == nil {
			delete(s.m, c.Key)
			continue
		}
		s.m[c.Key] = slices.Clone(c.Value)
	}
	return nil
}

// List returns the values themselves: they are never changed.
func (s *MemStore) List(_ context.Context, prefix string) ([]Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Entry
	for _, k := range slices.Sorted(maps.Keys(s.m)) {
		if strings.HasPrefix(k, prefix) {
			list = append(list, Entry{k, s.m[k]})
		}
	}
	return list, nil
}
