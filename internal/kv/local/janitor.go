package local

import "time"

const (
	// trimLook is how often C memory is looked at.
	trimLook = 100 * time.Millisecond
	// One part in trimShare of the time goes into that: an arena of GiB takes some milliseconds.
	trimShare = 50
	// trimAbove are holes that are never worth it.
	trimAbove = 1 << 20
)

// startJanitor starts the goroutine that gives C memory back. Blocks that made way for a memtable, or for others that
// do not fit into their places, are freed, but stay with malloc as holes in its arena, and memtables are not taken from
// there. The holes are given back once they are half a memtable larger than what the last trim left: pages that are
// partly in use. A trim of 15 MiB in 1,500 holes takes some 5 to 30 ms, in which malloc waits.
func (s *store) startJanitor() {
	s.stop = make(chan struct{})
	s.background.Go(func() {
		above := max(s.options.MemtableBytes/2, trimAbove)
		var left int64
		next := time.NewTimer(trimLook)
		defer next.Stop()
		for {
			select {
			case <-s.stop:
				return
			case <-next.C:
			}
			start := time.Now()
			f := MallocBytes()
			if holes := f.Resident - f.Used; holes >= left+above {
				MallocTrim()
				f = MallocBytes()
				left = f.Resident - f.Used
				s.trims.Add(1)
			} else {
				left = min(left, holes)
			}
			next.Reset(max(trimLook, trimShare*time.Since(start)))
		}
	})
}
