package exec

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/spillwaydb/spillway/internal/memory"
)

// NodeProfile is what a plan node did in a run. Its counters are added to once a batch and may be read at any time.
type NodeProfile struct {
	rows    atomic.Int64
	nanos   atomic.Int64
	loops   atomic.Int64
	workers atomic.Int64

	mu       sync.Mutex
	accounts []*memory.Account // protected by mu
	closed   memory.AccountStats
	notes    map[string]int64 // counters of the operator's own: spill rounds, partitions, ...
	minimum  int64
}

// Rows is the number of rows that the node gave.
func (p *NodeProfile) Rows() int64 { return p.rows.Load() }

// Time is the time spent in the node itself, summed over workers.
func (p *NodeProfile) Time() time.Duration { return time.Duration(p.nanos.Load()) }

// Batches is the number of calls.
func (p *NodeProfile) Batches() int64 { return p.loops.Load() }

// Workers is the largest number of workers that ran the node.
func (p *NodeProfile) Workers() int64 { return p.workers.Load() }

// Minimum is the node's share of the statement's minimum in bytes.
func (p *NodeProfile) Minimum() int64 { return p.minimum }

// Note adds n to a counter of the operator's own.
func (p *NodeProfile) Note(name string, n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.notes == nil {
		p.notes = make(map[string]int64)
	}
	p.notes[name] += n
}

// Notes returns a copy of the operator's own counters.
func (p *NodeProfile) Notes() map[string]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[string]int64, len(p.notes))
	for k, v := range p.notes {
		out[k] = v
	}
	return out
}

// AddRows counts rows that the node gave outside of the driver's sight: those that a sink took in.
func (p *NodeProfile) AddRows(n int64) { p.rows.Add(n) }

// Attach makes the account's figures part of the node's.
func (p *NodeProfile) Attach(a *memory.Account, minimum int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accounts = append(p.accounts, a)
	p.minimum += minimum
}

// Memory is the node's memory and disk use: peaks of its accounts, summed.
func (p *NodeProfile) Memory() memory.AccountStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := p.closed
	for _, a := range p.accounts {
		addStats(&sum, a.Stats())
	}
	return sum
}

// detach keeps the figures of accounts that are about to be closed.
func (p *NodeProfile) detach() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.accounts {
		s := a.Stats()
		s.Current, s.DiskBytes, s.Leased = 0, 0, 0
		addStats(&p.closed, s)
	}
	p.accounts = nil
}

func addStats(sum *memory.AccountStats, s memory.AccountStats) {
	sum.Current += s.Current
	sum.Peak += s.Peak
	sum.Minimum += s.Minimum
	sum.Leased += s.Leased
	sum.SpilledBytes += s.SpilledBytes
	sum.DiskBytes += s.DiskBytes
	sum.DiskPeak += s.DiskPeak
	sum.WrittenBytes += s.WrittenBytes
	sum.ReadBytes += s.ReadBytes
	sum.SpillNanos += s.SpillNanos
	sum.WriteNanos += s.WriteNanos
}

// Profile is the profile of a run: one NodeProfile a plan node.
type Profile struct {
	mu    sync.Mutex
	nodes map[int]*NodeProfile // protected by mu
}

// Node returns the profile of the plan node with this id.
func (p *Profile) Node(id int) *NodeProfile {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.nodes == nil {
		p.nodes = make(map[int]*NodeProfile)
	}
	n := p.nodes[id]
	if n == nil {
		n = new(NodeProfile)
		p.nodes[id] = n
	}
	return n
}

func (p *Profile) each(f func(*NodeProfile)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.nodes {
		f(n)
	}
}
