package memory

import (
	"context"
	"sync"
	"time"
)

// GuardInterval is how often the guard looks. A sample costs some 50 us.
const GuardInterval = 100 * time.Millisecond

// Sample is what the process holds, in bytes.
type Sample struct {
	RSS          int64 // resident, as the kernel counts
	FileMappings int64 // of it, file-backed
	GoTotal      int64 // mapped by the Go runtime, less what it released
	Malloc       int64 // the C heap that is resident, what is free in it included
	MallocUsed   int64 // what of it is in use
	Buffers      int64 // taken at the start by temporary storage (Budget.Buffers)
}

// Watched is what a guard has seen, in bytes.
type Watched struct {
	Last      Sample
	Peak      Sample // each part's own
	Pages     int64  // the pool's committed bytes at the last look
	PagesPeak int64
	DriftPeak int64
}

// Guard holds the pool's figures against the kernel's. What is resident beyond the known parts is drift: memory that
// nobody counts. The guard takes it off the pool's limit until it is gone. Drift is a bug; the guard corrects, it does
// not enforce.
type Guard struct {
	Pool *Pool
	// Sample is called from the guard's goroutine. An error skips the round.
	Sample func() (Sample, error)

	mu      sync.Mutex
	watched Watched // protected by mu
}

// Watched returns what was seen so far.
func (g *Guard) Watched() Watched {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.watched
}

// look takes one sample, notes it and returns its drift.
func (g *Guard) look() (int64, error) {
	// Committed first: pages that are touched between the two readings must not look like drift.
	before := g.Pool.committed.Load()
	m, err := g.Sample()
	if err != nil {
		return 0, err
	}
	held := max(before, g.Pool.committed.Load())
	g.note(m, held)
	return max(m.RSS-m.FileMappings-m.GoTotal-m.Malloc-m.Buffers-held, 0), nil
}

func (g *Guard) noteDrift(drift int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.watched.DriftPeak = max(g.watched.DriftPeak, drift)
}

func (g *Guard) note(m Sample, pages int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := &g.watched
	w.Last, w.Pages = m, pages
	w.PagesPeak = max(w.PagesPeak, pages)
	w.Peak = Sample{
		RSS: max(w.Peak.RSS, m.RSS), FileMappings: max(w.Peak.FileMappings, m.FileMappings),
		GoTotal: max(w.Peak.GoTotal, m.GoTotal), Malloc: max(w.Peak.Malloc, m.Malloc),
		MallocUsed: max(w.Peak.MallocUsed, m.MallocUsed), Buffers: max(w.Peak.Buffers, m.Buffers),
	}
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

// Look returns the drift. A sample that has one is taken again: what was given back between the readings of one sample
// looks like drift.
func (g *Guard) Look() int64 {
	p := g.Pool
	drift, err := g.look()
	if err == nil && drift > 0 {
		var again int64
		again, err = g.look()
		drift = min(drift, again)
	}
	if err != nil {
		p.logger.Warn("memory: the process's memory could not be read", "err", err)
		return p.drift.Load()
	}
	g.noteDrift(drift)
	if old := p.drift.Swap(drift); old != drift {
		if drift > 0 && old == 0 {
			p.logger.Warn("memory: the process holds bytes that nobody counts", "bytes", drift)
		}
		p.applyLimit()
	}
	return drift
}
