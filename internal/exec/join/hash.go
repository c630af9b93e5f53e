package join

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/runtimefilter"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// HashKey is an equality of a left and a right column.
type HashKey struct {
	Left, Right int
	Type        types.Type // in which they are compared: physical type and collation
	NullSafe    bool       // <=>: NULL is equal to NULL
}

// HashOptions are what a hash join needs.
type HashOptions struct {
	// Account has HashMinBytes of minimum for this operator. It is not closed by it.
	Account     *memory.Account
	Type        physical.JoinType
	Left, Right []types.Type // of the inputs
	// The first LeftOut and RightOut columns of the inputs are joined; those behind them are computed keys.
	LeftOut, RightOut int
	Keys              []HashKey   // at least one
	Conds             []expr.Expr // further conditions, over the columns that are joined
	// NullAware is for NOT IN (anti join) and IN as a value (left outer semi join): a NULL on either side makes the
	// answer unknown. One key, no Conds.
	NullAware bool
	// Maybe are true of the pairs of which Conds are true or unknown, for left outer semi joins; nil: Conds are never
	// unknown. A row without a match and with such a pair has an unknown answer.
	Maybe []expr.Expr
	// Filter is made of the right side, for the scan of the left side; nil: the join has one to itself.
	Filter    *runtimefilter.Filter
	Workers   int // of either pipeline, at most; 0: 1
	PageBytes int // of a block; 0: rows.MinPageBytes
	Seed      uint64
	HashZero  bool // all hashes are equal: for tests
	Env       *expr.Env
}

const (
	// A first pass makes fanOut partitions, and so does each split of one that does not fit.
	partitionBits = 4
	fanOut        = 1 << partitionBits
	// heldBuild is how many pages of the right side a later round has without surplus.
	heldBuild = 2
	// arenaBytes of batches that hold references to strings, which lie where they are.
	arenaBytes = memory.MinPageBytes
)

// Hash joins by hybrid hashing: see the package comment.
type Hash struct {
	o           HashOptions
	right       *rows.Layout // keys, then other columns that are needed
	source      []int        // the right input's columns that a row of right is made of
	output      []int        // columns of right that are given, in order; nil for joins that give left columns only
	left        *rows.Layout // of left rows set aside: all columns
	leftKeys    []int
	rightKeys   []int // columns of right
	rightPage   int
	leftPage    int
	capacity    int // of output batches of pairs
	outputTypes []types.Type

	nulls atomic.Bool  // a right key is NULL
	total atomic.Int64 // right rows, those with NULL keys included

	mu sync.Mutex
	// mu protects following.
	built   []*rows.Partitions // what workers of the sink handed over
	parts   [fanOut]part
	whole   part  // rows that were not spread over parts
	mixed   bool  // there are such rows: all of parts that is not resident is joined together with them
	oldest  *view // the views in use, up to current
	current *view
	queue   queue

	partitions, rounds, shared int64 // for Figures
}

// part is what is known of one of the first partitions.
type part struct {
	build []*rows.Collection
	probe []*rows.Collection // left rows set aside
	rows  int64              // of build
}

// add moves all of q.
func (p *part) add(q *part) {
	p.build = append(p.build, q.build...)
	p.probe = append(p.probe, q.probe...)
	p.rows += q.rows
	*q = part{}
}

// NewHash takes nothing of the account yet.
func NewHash(o HashOptions) *Hash {
	h := &Hash{o: o}
	h.o.Workers = max(o.Workers, 1)
	right := rightColumnsOf(o.Keys, o.Right, o.RightOut, h.pairs())
	h.source, h.output, h.outputTypes = right.source, right.output, right.given
	for i, k := range o.Keys {
		h.rightKeys = append(h.rightKeys, i)
		h.leftKeys = append(h.leftKeys, k.Left)
	}
	h.right, h.left = rows.NewLayout(right.types, 0), rows.NewLayout(o.Left, 0)
	h.rightPage, h.leftPage = h.right.PageBytes(o.PageBytes), h.left.PageBytes(o.PageBytes)
	all := append(o.Left[:len(o.Left):len(o.Left)], h.outputTypes...)
	h.capacity = min(rows.ChunkRows, rows.BatchRows(all, rows.MinPageBytes))
	h.current = &view{}
	h.oldest = h.current
	if h.o.Filter == nil {
		h.o.Filter = runtimefilter.New()
	}
	keys := make([]runtimefilter.Key, len(o.Keys))
	for i, k := range o.Keys {
		keys[i] = runtimefilter.Key{Type: k.Type, NullSafe: k.NullSafe}
	}
	h.o.Filter.Open(runtimefilter.Options{
		Account: o.Account, Keys: keys, Seed: o.Seed, Zero: o.HashZero, Yield: h.shrink,
	})
	return h
}

// pairs says if pairs of rows are made, be it to evaluate conditions.
func (h *Hash) pairs() bool { return h.emits() || len(h.o.Conds) > 0 }

// emits says if pairs are what the join gives.
func (h *Hash) emits() bool { return h.o.Type == physical.InnerJoin || h.o.Type == physical.LeftJoin }

// Capacity is the most rows of a batch of pairs. Batches of left rows alone are as long as the left side's.
func (h *Hash) Capacity() int { return h.capacity }

func (h *Hash) keyTypes() []types.Type {
	out := make([]types.Type, len(h.o.Keys))
	for i, k := range h.o.Keys {
		out[i] = k.Type
	}
	return out
}

// HashMinBytes is the minimum of a join with these options; Account and Env may be nil. Building and probing do not
// overlap.
func HashMinBytes(o HashOptions) int64 {
	h := NewHash(o)
	leftOverflow, rightOverflow := h.left.OverflowBytes(h.leftPage), h.right.OverflowBytes(h.rightPage)
	build := int64(h.rightPage) + rightOverflow
	probe := int64(h.leftPage) + leftOverflow + rightOverflow +
		int64(memory.PageSize(int(unsafe.Sizeof(scratch{})))) +
		vector.BatchBytes(h.o.Left[:h.o.LeftOut], h.capacity, arenaBytes) +
		vector.BatchBytes(h.outputTypes, h.capacity, arenaBytes) +
		vector.BatchBytes(nil, rows.ChunkRows, 0) + expr.EvalBytes(o.Conds, h.capacity)
	if len(o.Maybe) > 0 {
		probe += expr.EvalBytes(o.Maybe, h.capacity)
	}
	if o.Type == physical.LeftOuterSemi {
		probe += int64(memory.PageSize(marksBytes))
	}
	// The later rounds, by one worker: a reader and two writers of left rows, right rows and their table. Splits have a
	// reader and two writers of either side.
	rounds := max(3*int64(h.leftPage)+heldBuild*int64(h.rightPage), 3*int64(h.rightPage)) +
		rows.ChainsBytes(rows.SmallestChainsRows) +
		leftOverflow + rightOverflow +
		vector.BatchBytes(h.keyTypes(), rows.ChunkRows, arenaBytes) +
		vector.BatchBytes(o.Left, h.capacity, arenaBytes)
	return max(int64(h.o.Workers)*build, int64(h.o.Workers)*probe) + rounds
}

// Figures gives the numbers of partitions, of those that were joined, or split, after the others, and of those that
// other workers than the leader have joined.
func (h *Hash) Figures(give func(name string, n int64)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	give("partitions", h.partitions)
	give("rounds", h.rounds)
	give("rounds of helpers", h.shared)
}

// Sink builds the right side.
func (h *Hash) Sink() exec.Sink { return hashSink{h} }

// Operator joins the left side with what the sink has built.
func (h *Hash) Operator() exec.Operator { return hashOperator{h} }

// Close gives everything back. Repeatable. No worker may be at work.
func (h *Hash) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unload()
	h.o.Filter.Close()
	for _, p := range h.built {
		p.Close()
	}
	h.built = nil
	for i := range h.parts {
		closeAll(h.parts[i].build)
		closeAll(h.parts[i].probe)
		h.parts[i] = part{}
	}
	closeAll(h.whole.build)
	closeAll(h.whole.probe)
	h.whole = part{}
	for _, t := range h.queue.tasks {
		t.close()
	}
	h.queue.tasks = nil
	return nil
}

func closeAll(list []*rows.Collection) {
	for _, c := range list {
		c.Close()
	}
}

// keeps says if a left row's matches decide what becomes of it.
func (h *Hash) keeps() bool { return h.o.Type != physical.InnerJoin }
