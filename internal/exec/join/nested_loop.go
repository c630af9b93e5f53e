package join

import (
	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/keep"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Options are what a block nested loop join needs.
type Options struct {
	// Account has NestedLoopMinBytes of minimum for this operator. It is not closed by it.
	Account       *memory.Account
	Type          physical.JoinType
	Left, Right   []types.Type
	Conds         []expr.Expr // over left columns, then right ones
	LeftCapacity  int         // rows of a left batch at most
	RightCapacity int         // of a right batch
	Workers       int         // of either pipeline, at most
	PageBytes     int         // of a block
	Env           *expr.Env
}

// NestedLoop joins by block nested loop: the right side lies in a row collection, which is read once for each batch of
// the left side. Any predicate, any join type, a fixed number of pages a worker. One side of each output batch is a
// constant row, so that no value is copied.
type NestedLoop struct {
	o     Options
	right *keep.Rows
}

// NewNestedLoop takes nothing of the account yet.
func NewNestedLoop(o Options) *NestedLoop {
	l := rows.NewLayout(o.Right, 0)
	return &NestedLoop{o: o, right: keep.New(keep.Options{
		Account: o.Account, Layout: l, PageBytes: l.PageBytes(o.PageBytes), Reuse: memory.ReuseUnknown,
	})}
}

// NestedLoopMinBytes is the minimum of a join with these options; Account and Env may be nil. Building and probing do
// not overlap.
func NestedLoopMinBytes(o Options) int64 {
	l := rows.NewLayout(o.Right, 0)
	page := l.PageBytes(o.PageBytes)
	probe := int64(page) + l.OverflowBytes(page) + probeBytes(&o)
	return int64(max(1, o.Workers)) * max(keep.SinkBytes(l, page), probe)
}

// probeBytes is what a probing worker holds besides a block of the right side.
func probeBytes(o *Options) int64 {
	n := vector.BatchBytes(o.Right, o.RightCapacity, 0) // the right batch
	n += vector.BatchBytes(nil, o.capacity(), 0)        // the output's selection
	n += int64(memory.PageSize(o.notesBytes()))
	return n + expr.EvalBytes(o.Conds, o.capacity())
}

// capacity is the number of rows of an output batch at most.
func (o *Options) capacity() int { return max(o.LeftCapacity, o.RightCapacity) }

// notesBytes is room for references to a right batch's rows, a selection of left rows, and what is known of each left
// row, with the vector of LeftOuterSemi.
func (o *Options) notesBytes() int { return 8*o.RightCapacity + (2+1+8+1)*o.LeftCapacity }

// Sink builds the right side.
func (n *NestedLoop) Sink() exec.Sink { return n.right.Sink() }

// Operator joins the left side with what the sink has built.
func (n *NestedLoop) Operator() exec.Operator { return probe{n} }

// Close frees the right side. Repeatable.
func (n *NestedLoop) Close() error { return n.right.Close() }
