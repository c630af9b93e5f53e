package agg

import (
	"context"
	"slices"
	"sync"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Hash is a pipeline breaker: a sink and, once it has finished, a source. Its output has the group columns, then the
// results of the aggregates.
//
// Phase 1, the sink, is each worker's own: a pointer table of fixed size over rows in radix partitions. When it is
// full, or memory is, the table is cleared and the rows stay where they are, evictable; so a group may have several
// rows. Phase 2, the source, takes the rows of one partition after the other, from all workers: it combines rows of the
// same group and gives them. A partition whose groups do not fit is split by further bits of the hash; one that cannot
// be split is sorted, and combined as it is read.
type Hash struct {
	options HashOptions
	states  *states
	layout  *rows.Layout // of the rows: states, then group columns
	page    int
	workers int

	mu sync.Mutex
	// mu protects following.
	parts   []*rows.Partitions // what workers of the sink handed over
	unique  bool               // the one worker's rows are of different groups
	tasks   []*task            // a stack
	sorting bool               // one of them sorts: there is memory for one

	partitions, splits, sorts int64 // for Figures
}

// NewHash takes nothing of the account yet.
func NewHash(o HashOptions) *Hash {
	h := &Hash{options: o, states: newStates(o.Aggs), workers: max(o.Workers, 1)}
	h.layout = rows.NewLayout(o.keys(), h.states.bytes)
	h.page = h.layout.PageBytes(o.PageBytes)
	return h
}

func (o *HashOptions) keys() []types.Type { return columnTypes(o.Types, o.Group) }

func (o *HashOptions) output() []types.Type {
	if o.States {
		return append(o.keys(), slices.Repeat([]types.Type{types.NewBigInt()}, StateColumns(o.Aggs))...)
	}
	return append(o.keys(), resultTypes(o.Aggs)...)
}

const (
	// heldParts is how many partitions a worker has without surplus.
	heldParts = 2
	// heldResult is how many pages of groups a combining worker has without surplus.
	heldResult = 2
	// arenaBytes of the batches that hold references to strings, which lie where they are.
	arenaBytes = memory.MinPageBytes
)

// batchRows is the capacity of the output's batches.
func (h *Hash) batchRows() int {
	return min(rows.ChunkRows, rows.BatchRows(h.options.output(), h.options.PageBytes))
}

// HashMinBytes is the minimum of a hash aggregation with these options; Account may be nil.
func HashMinBytes(o HashOptions) int64 {
	h := NewHash(o)
	page, overflow := int64(h.page), h.layout.OverflowBytes(h.page)
	keys := vector.BatchBytes(o.keys(), rows.ChunkRows, arenaBytes)
	// Two tails, or two blocks of groups and one that is read to be compacted.
	sink := (max(heldParts, heldResult)+1)*page + rows.SmallestTableBytes + 2*overflow + keys
	// The block that is read, groups or tails of a split, one tail at a time; strings of the keys being looked up and
	// of the rows they are compared with, and a row being copied.
	source := (1+max(heldResult, heldParts)+1)*page + rows.SmallestTableBytes + 2*overflow + keys +
		vector.BatchBytes(o.output(), h.batchRows(), arenaBytes)
	return int64(h.workers)*max(sink, source) + h.sortBytes()
}

// Figures gives the numbers of partitions, of those that did not fit and were split, and of those that were sorted.
func (h *Hash) Figures(give func(name string, n int64)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	give("partitions", h.partitions)
	give("rounds", h.splits)
	give("sorted", h.sorts)
}

// Sink is the end of the pipeline below.
func (h *Hash) Sink() exec.Sink { return hashSink{h} }

// Source is the start of the pipeline above; its workers share the partitions.
func (h *Hash) Source() exec.Source { return hashSource{h} }

// Close gives everything back, as Close of sink and source do. Repeatable.
func (h *Hash) Close() error {
	for _, p := range h.parts {
		p.Close()
	}
	h.parts = nil
	for _, t := range h.tasks {
		t.close()
	}
	h.tasks = nil
	return nil
}

// pressed tells that groups do not fit.
func (h *Hash) pressed() {
	if h.options.Statement != nil {
		h.options.Statement.Event(memory.EventAggMode)
	}
}

// spilled notes that rows have gone to disk: then groups did not fit either, even if no lease was ever refused.
func (h *Hash) spilled() {
	if h.options.Statement != nil && h.options.Account.Stats().SpilledBytes > 0 {
		h.pressed()
	}
}

func (h *Hash) newGroups() *rows.Groups {
	return rows.NewGroups(h.options.Account, h.layout, len(h.options.Group))
}

func (h *Hash) hasher() rows.Hasher {
	return rows.Hasher{Seed: h.options.Seed, Zero: h.options.HashZero}
}

// partitionBits is the fan-out that surplus allows: every partition's tail is pinned, with room for the rows of others.
func (h *Hash) partitionBits() int {
	pages := h.options.Account.Surplus() / int64(h.workers) / int64(h.page)
	bits := 1
	for bits < rows.PartitionBitsMost && int64(tailShare)<<(bits+1) <= pages {
		bits++
	}
	return bits
}

// tailShare: at most 1/tailShare of the pages are tails of partitions.
const tailShare = 8

type hashSink struct{ *Hash }

var _ exec.Sink = hashSink{}

// Finish makes tasks of the partitions. Those of different fan-out are put together by the bits that all have.
func (s hashSink) Finish(context.Context) error {
	h := s.Hash
	bits := rows.PartitionBitsMost
	for _, p := range h.parts {
		bits = min(bits, p.Bits)
	}
	tasks := make([]*task, 1<<bits)
	for _, p := range h.parts {
		for i, c := range p.List {
			at := i >> (p.Bits - bits)
			if c.Rows() == 0 {
				continue
			}
			if tasks[at] == nil {
				tasks[at] = &task{consumed: bits, unique: h.unique && len(h.parts) == 1}
			}
			tasks[at].add(c)
		}
	}
	for _, t := range tasks {
		if t != nil {
			h.tasks = append(h.tasks, t)
		}
	}
	h.parts = nil
	h.partitions = int64(len(h.tasks))
	return nil
}

// task is a partition to be combined and given.
type task struct {
	rows     []*rows.Collection
	count    int64
	consumed int  // bits of the hash that all rows have in common
	depth    int  // how often they were split
	unique   bool // the rows are of different groups
	terminal bool // splitting does not help
}

func (t *task) add(c *rows.Collection) {
	t.rows = append(t.rows, c)
	t.count += c.Rows()
}

func (t *task) close() {
	for _, c := range t.rows {
		c.Close()
	}
	t.rows = nil
}

type hashSource struct{ *Hash }

var _ exec.Source = hashSource{}

// MaxWorkers implements exec.Source.
func (s hashSource) MaxWorkers() int {
	total := int64(0)
	for _, t := range s.tasks {
		total += t.count
	}
	if total < s.options.SerialRows {
		return 1
	}
	return max(1, min(s.workers, len(s.tasks)))
}

// pop returns the next task; nil if there is none for another worker: what is left is to be sorted, by the worker that
// sorts already.
func (h *Hash) pop() *task {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.tasks) - 1; i >= 0; i-- {
		t := h.tasks[i]
		if t.terminal && h.sorting {
			continue
		}
		if t.terminal {
			h.sorting = true
			h.sorts++
		}
		h.tasks = append(h.tasks[:i], h.tasks[i+1:]...)
		return t
	}
	return nil
}

// push adds tasks that came from splitting one.
func (h *Hash) push(tasks []*task) {
	h.mu.Lock()
	h.tasks = append(h.tasks, tasks...)
	h.partitions += int64(len(tasks))
	h.splits++
	h.mu.Unlock()
}

// sorted ends the use of the memory for sorting.
func (h *Hash) sorted() {
	h.mu.Lock()
	h.sorting = false
	h.mu.Unlock()
}
