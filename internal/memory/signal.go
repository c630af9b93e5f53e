package memory

import (
	"sync"
	"sync/atomic"
)

// signal wakes all who wait for something to change. Raising it costs one load while nobody waits.
type signal struct {
	waiting atomic.Int64
	mu      sync.Mutex
	c       chan struct{}
}

func (s *signal) init() { s.c = make(chan struct{}) }

// enter returns a channel that is closed at the next raise. The caller looks at the condition once more after enter, so
// that nothing is missed, and calls leave when it is done.
func (s *signal) enter() <-chan struct{} {
	s.waiting.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.c
}

func (s *signal) leave() { s.waiting.Add(-1) }

func (s *signal) raise() {
	if s.waiting.Load() == 0 {
		return
	}
	s.mu.Lock()
	close(s.c)
	s.c = make(chan struct{})
	s.mu.Unlock()
}
