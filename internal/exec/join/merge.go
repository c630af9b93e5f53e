package join

import (
	"context"
	"unsafe"

	"github.com/spillwaydb/spillway/internal/exec"
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
	source   []int        // the right input's columns that a row is made of
	output   []int        // columns of the layout that are given
	given    []types.Type // of output
	keys     []types.Type
	page     int
	capacity int              // of output batches of pairs
	right    *rows.Collection // nil before the sink has ended
}

// NewMerge takes nothing of the account yet.
func NewMerge(o MergeOptions) *Merge {
	m := &Merge{o: o}
	right := rightColumnsOf(o.Keys, o.Right, o.RightOut, m.pairs())
	m.source, m.output, m.given = right.source, right.output, right.given
	m.keys = right.types[:len(o.Keys):len(o.Keys)]
	m.layout = rows.NewLayout(right.types, 0)
	m.page = m.layout.PageBytes(o.PageBytes)
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
	overflow := m.layout.OverflowBytes(m.page)
	build := int64(m.page) + overflow + int64(memory.PageSize(placesBytes))
	join := int64(m.page) + overflow + int64(memory.PageSize(int(unsafe.Sizeof(mergeScratch{})))) +
		vector.BatchBytes(m.keys, rows.ChunkRows, arenaBytes) +
		vector.BatchBytes(o.Left[:o.LeftOut], m.capacity, arenaBytes) +
		vector.BatchBytes(m.given, m.capacity, arenaBytes) +
		vector.BatchBytes(nil, m.capacity, 0) + expr.EvalBytes(o.Conds, m.capacity)
	return max(build, join)
}

// Sink builds the right side.
func (m *Merge) Sink() exec.Sink { return mergeSink{m} }

// Operator joins the left side with what the sink has built.
func (m *Merge) Operator() exec.Operator { return mergeOperator{m} }

// Close gives everything back. Repeatable.
func (m *Merge) Close() error {
	m.right.Close()
	m.right = nil
	return nil
}

type mergeSink struct{ *Merge }

var _ exec.Sink = mergeSink{}

func (s mergeSink) NewLocal(*exec.Worker) (exec.LocalSink, error) {
	acct := s.o.Account
	p, err := acct.Alloc(placesBytes, memory.Held)
	if err != nil {
		return nil, err
	}
	return &mergeBuild{
		m: s.Merge, page: p, refs: memory.Slice[memory.Ref](acct.Base(), p.Ref, vector.MaxRows),
		rows: rows.NewCollection(acct, s.layout, s.page), cols: make([]*vector.Vector, len(s.source)),
		keys: make([]vector.Vector, len(s.o.Keys)),
	}, nil
}

func (s mergeSink) Finish(context.Context) error { return nil }
func (s mergeSink) Close() error                 { return nil }

// mergeBuild keeps the right rows in their order.
type mergeBuild struct {
	m    *Merge
	rows *rows.Collection // nil once combined
	page memory.Page
	refs []memory.Ref // where Append says rows are; not used
	cols []*vector.Vector
	keys []vector.Vector // the key columns, as they are compared
	sel  [vector.MaxRows]uint16
}

// Consume adds rows. Those with a NULL key match nothing.
func (l *mergeBuild) Consume(_ context.Context, b *vector.Batch) (exec.OpResult, error) {
	for i, c := range l.m.source {
		l.cols[i] = b.Cols[c]
	}
	sel := b.Sel
	if sel == nil {
		sel = rows.All(b.Len)
	}
	sel = l.sel[:copy(l.sel[:], sel)]
	for i, k := range l.m.o.Keys {
		l.keys[i] = *l.cols[i]
		l.keys[i].Type = k.Type
		l.cols[i] = &l.keys[i]
		if !k.NullSafe {
			sel = l.cols[i].NotNull(sel)
		}
	}
	_, err := l.rows.Append(l.cols, sel, l.refs)
	return exec.NeedMore, rows.Final(err)
}

func (l *mergeBuild) Combine(context.Context) error {
	l.rows.Release(memory.ReuseSoon)
	l.m.right, l.rows = l.rows, nil
	return nil
}

func (l *mergeBuild) Close() error {
	l.rows.Close()
	l.m.o.Account.Free(l.page)
	l.page = memory.Page{}
	return nil
}
