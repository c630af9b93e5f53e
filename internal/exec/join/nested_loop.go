package join

import (
	"context"
	"sync"

	"github.com/spillwaydb/spillway/internal/exec"
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
	o      Options
	layout *rows.Layout
	page   int

	mu    sync.Mutex
	right []*rows.Collection // protected by mu while the right side is built, then read-only
}

// NewNestedLoop takes nothing of the account yet.
func NewNestedLoop(o Options) *NestedLoop {
	l := rows.NewLayout(o.Right, 0)
	return &NestedLoop{o: o, layout: l, page: l.PageBytes(o.PageBytes)}
}

// NestedLoopMinBytes is the minimum of a join with these options; Account and Env may be nil. Building and probing do
// not overlap.
func NestedLoopMinBytes(o Options) int64 {
	l := rows.NewLayout(o.Right, 0)
	page := int64(l.PageBytes(o.PageBytes))
	overflow := l.OverflowBytes(int(page))
	build := page + overflow + int64(memory.PageSize(placesBytes))
	return int64(max(1, o.Workers)) * max(build, page+overflow+probeBytes(&o))
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
func (n *NestedLoop) Sink() exec.Sink { return buildSink{n} }

// Operator joins the left side with what the sink has built.
func (n *NestedLoop) Operator() exec.Operator { return probe{n} }

// Close frees the right side. Repeatable.
func (n *NestedLoop) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.right {
		c.Close()
	}
	n.right = nil
	return nil
}

type buildSink struct{ n *NestedLoop }

func (s buildSink) NewLocal(*exec.Worker) (exec.LocalSink, error) {
	acct := s.n.o.Account
	p, err := acct.Alloc(placesBytes, memory.Held)
	if err != nil {
		return nil, err
	}
	return &localBuild{
		n: s.n, rows: rows.NewCollection(acct, s.n.layout, s.n.page), places: p,
		refs: memory.Slice[memory.Ref](acct.Base(), p.Ref, vector.MaxRows),
	}, nil
}

func (s buildSink) Finish(context.Context) error { return nil }
func (s buildSink) Close() error                 { return nil }

// localBuild keeps one worker's right rows.
type localBuild struct {
	n      *NestedLoop
	rows   *rows.Collection // nil once combined
	places memory.Page
	refs   []memory.Ref // where Append says rows are; not used
}

// placesBytes is room for the places of a batch's rows.
const placesBytes = 8 * vector.MaxRows

func (l *localBuild) Consume(_ context.Context, b *vector.Batch) (exec.OpResult, error) {
	sel := b.Sel
	if sel == nil {
		sel = rows.All(b.Len)
	}
	_, err := l.rows.Append(b.Cols, sel, l.refs)
	return exec.NeedMore, err
}

func (l *localBuild) Combine(context.Context) error {
	l.rows.Release(memory.ReuseUnknown)
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	l.n.right = append(l.n.right, l.rows)
	l.rows = nil
	return nil
}

func (l *localBuild) Close() error {
	l.rows.Close()
	l.n.o.Account.Free(l.places)
	l.places = memory.Page{}
	return nil
}
