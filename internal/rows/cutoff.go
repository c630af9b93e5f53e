package rows

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// cutoff finds, while runs are made, a prefix that rows of the wanted top cannot be above: a histogram of the runs so
// far (Chronis et al., SIGMOD 2020). Safe for concurrent use.
type cutoff struct {
	limit uint64 // rows that are wanted

	mu sync.Mutex
	// mu protects following.
	buckets []bucket // ascending

	bound atomic.Pointer[prefix] // rows above it are not wanted; nil: not known
}

// bucket says that rows rows of a run are at or below last, and above the run's bucket before.
type bucket struct {
	last prefix
	rows uint64
}

const (
	bucketsPerRun  = 32
	bucketsAtMost  = 1024
	rowsBeforeTrim = 8192 // a top-N worker sorts and cuts when it has this many rows, and 4 times the limit
	trimFactor     = 4
)

// wanted filters the rows of a step: it keeps the prefixes, and the rows of sel, that are not above the bound.
func (c *cutoff) wanted(p []prefix, sel []uint16) int {
	bound := c.bound.Load()
	if bound == nil {
		return len(sel)
	}
	n := 0
	for i := range sel {
		if bound.less(p[i]) {
			continue
		}
		p[n], sel[n] = p[i], sel[i]
		n++
	}
	return n
}

// add counts the buckets of a run.
func (c *cutoff) add(run []bucket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buckets = append(c.buckets, run...)
	slices.SortFunc(c.buckets, func(a, b bucket) int {
		return cmp.Or(cmp.Compare(a.last.hi, b.last.hi), cmp.Compare(a.last.lo, b.last.lo))
	})
	var sum uint64
	for i := range c.buckets {
		if sum += c.buckets[i].rows; sum >= c.limit {
			c.bound.Store(&c.buckets[i].last)
			c.buckets = slices.Clip(slices.Clone(c.buckets[:i+1])) // those above it will not count any more
			break
		}
	}
	for len(c.buckets) > bucketsAtMost {
		half := c.buckets[:0]
		for i := 1; i < len(c.buckets); i += 2 {
			half = append(half, bucket{c.buckets[i].last, c.buckets[i-1].rows + c.buckets[i].rows})
		}
		c.buckets = half
	}
}

// sampler makes the buckets of one run while it is written.
type sampler struct {
	every   uint64
	rows    uint64
	buckets []bucket
}

func newSampler(rows uint64) *sampler { return &sampler{every: max(1, rows/bucketsPerRun)} }

func (s *sampler) row(p prefix) {
	if s.rows++; s.rows == s.every {
		s.buckets = append(s.buckets, bucket{p, s.rows})
		s.rows = 0
	}
}
