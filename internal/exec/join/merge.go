package join

import (
	"unsafe"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/keep"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// MergeOptions are what a merge join needs.
type MergeOptions struct {
	// Account has MergeMinBytes of minimum for this operator. It is not closed by it.
	Account     *memory.Account
	Type        physical.JoinType
	Left, Right []types.Type // of the inputs
	// The first LeftOut and RightOut columns of the inputs are joined; those behind them are computed keys.
	LeftOut, RightOut int
	Keys              []HashKey   // at least one; both inputs come in their order, NULLs first
	Conds             []expr.Expr // further conditions, over the columns that are joined
	PageBytes         int         // of a block; 0: rows.MinPageBytes
	Env               *expr.Env
}

// Merge joins inputs that come in the order of the keys, with one worker. The right side lies in a row collection. Left
// rows with equal keys are joined together with the right rows that have these keys, their group: block by block, so
// that a group of any size is read once for all of them in a batch. Where the next batch may go on with the same keys,
// the group is read again.
type Merge struct {
	o        MergeOptions
	layout   *rows.Layout // keys, then other columns that are needed
	output   []int        // columns of the layout that are given
	given    []types.Type // of output
	keys     []types.Type
	capacity int        // of output batches of pairs
	right    *keep.Rows // one collection, in order
}

// NewMerge takes nothing of the account yet.
func NewMerge(o MergeOptions) *Merge {
	m := &Merge{o: o}
	right := rightColumnsOf(o.Keys, o.Right, o.RightOut, m.pairs())
	m.output, m.given = right.output, right.given
	m.keys = right.types[:len(o.Keys):len(o.Keys)]
	m.layout = rows.NewLayout(right.types, 0)
	m.right = keep.New(keep.Options{
		Account: o.Account, Layout: m.layout, PageBytes: m.layout.PageBytes(o.PageBytes), Reuse: memory.ReuseSoon,
		Choose: func() keep.Chooser { return right.chooser(o.Keys) },
	})
	all := append(o.Left[:len(o.Left):len(o.Left)], m.given...)
	m.capacity = min(rows.ChunkRows, rows.BatchRows(all, rows.MinPageBytes))
	return m
}

// pairs says if pairs of rows are made, be it to evaluate conditions.
func (m *Merge) pairs() bool { return m.emits() || len(m.o.Conds) > 0 }

// emits says if pairs are what the join gives.
func (m *Merge) emits() bool { return m.o.Type == physical.InnerJoin || m.o.Type == physical.LeftJoin }

// Capacity is the most rows of a batch of pairs. Batches of left rows alone are as long as the left side's.
func (m *Merge) Capacity() int { return m.capacity }

// MergeMinBytes is the minimum of a join with these options; Account and Env may be nil. Building and joining do not
// overlap.
func MergeMinBytes(o MergeOptions) int64 {
	m := NewMerge(o)
	page := m.layout.PageBytes(o.PageBytes)
	join := int64(page) + m.layout.OverflowBytes(page) + int64(memory.PageSize(int(unsafe.Sizeof(mergeScratch{})))) +
		vector.BatchBytes(m.keys, rows.ChunkRows, arenaBytes) +
		vector.BatchBytes(o.Left[:o.LeftOut], m.capacity, arenaBytes) +
		vector.BatchBytes(m.given, m.capacity, arenaBytes) +
		vector.BatchBytes(nil, m.capacity, 0) + expr.EvalBytes(o.Conds, m.capacity)
	return max(keep.SinkBytes(m.layout, page), join)
}

// Sink builds the right side.
func (m *Merge) Sink() exec.Sink { return m.right.Sink() }

// Operator joins the left side with what the sink has built.
func (m *Merge) Operator() exec.Operator { return mergeOperator{m} }

// Close gives everything back. Repeatable.
func (m *Merge) Close() error { return m.right.Close() }
