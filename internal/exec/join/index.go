package join

import (
	"context"
	"sync/atomic"
	"unsafe"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Inner is the inner side of an index join: a table that is read by keys of one of its indexes.
type Inner interface {
	NewLocal(w *exec.Worker) (LocalInner, error)
	Close() error // repeatable
}

// LocalInner is one worker's share of an inner side.
type LocalInner interface {
	// AppendKey appends the i-th column of a key to those before it; false: no row has that value. Equal values are
	// equal bytes, and keys are of the order of their bytes.
	AppendKey(dst []byte, i int, d types.Datum) ([]byte, bool)
	// Start begins with different keys in ascending order, which stay until the last batch. first: the most rows wanted
	// of each; 0: all.
	Start(keys Keys, first int)
	// Next returns the next rows in any order, nil at the end, and the number of the key of each row of the batch. They
	// live until the next call.
	Next(ctx context.Context) (*vector.Batch, []int32, error)
	// Skip says that no further rows are wanted of keys before the i-th.
	Skip(i int) error
	// Pause gives back what must not outlive a wait; the batch stays.
	Pause() error
	Close() error // repeatable
}

// Keys is a list of keys. They live until the list changes.
type Keys interface {
	Len() int
	Key(i int) []byte
}

// IndexKey is a column of the keys: one of the outer side, or a value.
type IndexKey struct {
	Column   int // of the outer side; negative: Value
	Value    types.Datum
	NullSafe bool // NULL is equal to NULL; else it is equal to nothing
}

// IndexOptions are what an index join needs.
type IndexOptions struct {
	// Account has IndexMinBytes of minimum for this operator, for all its workers, without those of Inner. It is not
	// closed by it.
	Account *memory.Account
	Type    physical.JoinType
	Outer   []types.Type // of the input
	// OuterOut are how many of its first columns are joined; those behind them are computed keys.
	OuterOut  int
	InnerRows []types.Type // of the inner side's rows
	Inner     Inner
	Keys      []IndexKey  // of the index's leading columns
	Conds     []expr.Expr // further conditions, over the outer columns that are joined and the inner ones
	// AtMostOne: each key has at most one row.
	AtMostOne bool
	// Filtered: the inner side leaves out some of the rows of a key.
	Filtered  bool
	PageBytes int // of a block; 0: rows.MinPageBytes
	Env       *expr.Env
}

const (
	// fewestOuter is how many outer rows there is always room for in a batch, if they are not wide.
	fewestOuter = 1024
	// firstOuter is the first batch, so that a LIMIT above does not wait for many look-ups. Each further one is
	// growOuter times as large, up to mostOuter: beyond, look-ups hardly get nearer to each other.
	firstOuter = 64
	growOuter  = 4
	mostOuter  = 24 << 10
	// outerBytes is the most bytes of rows and keys of a batch, but for the last row.
	outerBytes = 4 << 20
	// keyArenaBytes is the room for keys within the minimum.
	keyArenaBytes = 16 << 10
	// indexHeld is how many blocks of outer rows are within the minimum.
	indexHeld = 2
	// indexPageBytes is the most bytes of a block of outer rows: leases for them are small.
	indexPageBytes = 64 << 10
)

// Index joins by looking rows up. A worker takes a batch of outer rows, sorts their keys, has the inner side read the
// rows of all of them in one pass, and joins these to the outer rows as they come, so that any number of them may have
// one key. Rows are given in no order.
type Index struct {
	o        IndexOptions
	layout   *rows.Layout // of outer rows
	page     int
	capacity int // of output batches

	batches, keys, outer atomic.Int64
}

// NewIndex takes nothing of the account yet.
func NewIndex(o IndexOptions) *Index {
	x := &Index{o: o, layout: rows.NewLayout(o.Outer[:o.OuterOut], 0)}
	x.page = x.layout.PageBytes(min(max(o.PageBytes, rows.MinPageBytes), indexPageBytes))
	all := append(o.Outer[:o.OuterOut:o.OuterOut], o.InnerRows...)
	x.capacity = min(rows.ChunkRows, rows.BatchRows(all, rows.MinPageBytes))
	return x
}

// pairs says if pairs of rows are made, be it to evaluate conditions.
func (x *Index) pairs() bool { return x.emits() || len(x.o.Conds) > 0 }

// emits says if pairs are what the join gives.
func (x *Index) emits() bool { return x.o.Type == physical.InnerJoin || x.o.Type == physical.LeftJoin }

// keepsAll says if outer rows without a match are given too.
func (x *Index) keepsAll() bool {
	return x.o.Type != physical.InnerJoin && x.o.Type != physical.SemiJoin
}

// extra are the types of the columns behind the outer ones.
func (x *Index) extra() []types.Type {
	switch {
	case x.emits():
		return x.o.InnerRows
	case x.o.Type == physical.LeftOuterSemi:
		return []types.Type{types.NewBigInt()}
	}
	return nil
}

// pairTypes are those of a pair's inner columns.
func (x *Index) pairTypes() []types.Type {
	if x.pairs() {
		return x.o.InnerRows
	}
	return nil
}

// Capacity is the most rows of a batch of the output.
func (x *Index) Capacity() int { return x.capacity }

// IndexMinBytes is the minimum of a join with these options; Account, Env and Inner may be nil.
func IndexMinBytes(o IndexOptions, workers int) int64 {
	x := NewIndex(o)
	n := int64(indexHeld*x.page) + x.layout.OverflowBytes(x.page) +
		int64(memory.PageSize(int(unsafe.Sizeof(indexScratch{})))) + int64(memory.PageSize(keyArenaBytes)) +
		vector.BatchBytes(o.Outer[:o.OuterOut], x.capacity, arenaBytes) +
		vector.BatchBytes(x.pairTypes(), x.capacity, arenaBytes) +
		vector.BatchBytes(nil, x.capacity, 0) + expr.EvalBytes(o.Conds, x.capacity)
	return n * int64(max(workers, 1))
}

// Operator is the step of the outer side's pipeline.
func (x *Index) Operator() exec.Operator { return indexOperator{x} }

// Figures are for EXPLAIN ANALYZE.
func (x *Index) Figures(give func(name string, n int64)) {
	give("batches", x.batches.Load())
	give("outer rows", x.outer.Load())
	give("keys", x.keys.Load())
}

// Close gives everything back. Repeatable. No worker may be at work.
func (x *Index) Close() error {
	if x.o.Inner == nil {
		return nil
	}
	return x.o.Inner.Close()
}

type indexOperator struct{ *Index }

var _ exec.Operator = indexOperator{}

// Close implements exec.Operator: what is shared is closed by Index.Close.
func (o indexOperator) Close() error { return nil }
