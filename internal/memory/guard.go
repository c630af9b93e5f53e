package memory

import (
	"context"
	"time"
)

// GuardInterval is how often the guard looks. A sample costs some 50 us.
const GuardInterval = 100 * time.Millisecond

// Sample is what the process holds, in bytes.
type Sample struct {
	RSS          int64 // resident, as the kernel counts
	FileMappings int64 // of it, file-backed
	GoTotal      int64 // mapped by the Go runtime, less what it released
	Malloc       int64 // the C heap
}

// Guard holds the pool's figures against the kernel's. What is resident beyond the known parts is drift: memory that
// nobody counts. The guard takes it off the pool's limit until it is gone. Drift is a bug; the guard corrects, it does
// not enforce.
type Guard struct {
	Pool *Pool
	// Sample is called from the guard's goroutine. An error skips the round.
	Sample func() (Sample, error)
}

// Run samples every GuardInterval until ctx ends.
func (g *Guard) Run(ctx context.Context) {
	t := time.NewTicker(GuardInterval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			g.Look()
		}
	}
}

// Look takes one sample and returns the drift.
func (g *Guard) Look() int64 {
	// Committed first: pages that are touched between the two readings must not look like drift.
	p := g.Pool
	before := p.committed.Load()
	m, err := g.Sample()
	if err != nil {
		p.logger.Warn("memory: the process's memory could not be read", "err", err)
		return p.drift.Load()
	}
	held := max(before, p.committed.Load())
	drift := max(m.RSS-m.FileMappings-m.GoTotal-m.Malloc-held, 0)
	if old := p.drift.Swap(drift); old != drift {
		if drift > 0 && old == 0 {
			p.logger.Warn("memory: the process holds bytes that nobody counts", "bytes", drift)
		}
		p.applyLimit()
	}
	return drift
}
