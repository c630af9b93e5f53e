package local

import "time"

const (
	// trimEvery limits how often C memory is trimmed: it takes 6 ms and empties malloc's free lists.
	trimEvery = 10 * time.Second
	// trimAbove is the free C memory that is worth it.
	trimAbove = 4 << 20
)

// startJanitor starts the goroutine that gives C memory back after flushes: memtables and the blocks that made way for
// them are freed, but stay with malloc.
func (s *store) startJanitor() {
	s.stop = make(chan struct{})
	s.background.Go(func() {
		for {
			select {
			case <-s.stop:
				return
			case <-s.events.flushed:
			}
			if _, idle := MallocBytes(); idle >= trimAbove {
				MallocTrim()
			}
			pause := time.NewTimer(trimEvery)
			select {
			case <-s.stop:
				pause.Stop()
				return
			case <-pause.C:
			}
		}
	})
}
