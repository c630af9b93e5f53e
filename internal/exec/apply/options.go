package apply

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/pagetree"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Options are what an operator needs.
type Options struct {
	// Account has MinBytes of minimum for this operator, without that of the inner plan. It is not closed by it.
	Account       *memory.Account
	Left, Right   []types.Type
	Params        []expr.Expr // over the left columns
	Slots         []int       // where their values go: Inner.Outer
	Keep          bool        // the inner plan gives the same rows for the same parameters
	OuterJoin     bool        // a left row without inner rows is given with NULLs
	LeftCapacity  int         // rows of a left batch at most
	RightCapacity int         // of a batch of inner rows
	PageBytes     int         // of a block
	Env           *expr.Env
	Inner         *expr.Env // of the inner plan
	// Run runs the inner plan into Sink, on behalf of a worker.
	Run     func(ctx context.Context, w *exec.Worker) error
	Profile *exec.NodeProfile // may be nil
}

const (
	// mapPageBytes is the size of the nodes of the map of results.
	mapPageBytes = memory.MinPageBytes
	// placesBytes is room for the places of a batch's rows.
	placesBytes = 8 * vector.MaxRows
	// keptBytes bounds the results that are kept.
	keptBytes = 64 << 20
	// Results are kept no longer if, after triedRuns runs, fewer than one in hitShare look-ups found one.
	triedRuns = 4096
	hitShare  = 10
)

// MinBytes is what the operator holds at most; Account and what is for running may be nil.
func MinBytes(o Options) int64 {
	l := rows.NewLayout(o.Right, 0)
	page := l.PageBytes(o.PageBytes)
	n := int64(page) + l.OverflowBytes(page) // written by the inner run, then read
	n += int64(memory.PageSize(placesBytes))
	n += vector.BatchBytes(o.Right, o.capacity(), 0) + vector.BatchBytes(nil, o.capacity(), 0)
	n += expr.EvalBytes(o.Params, o.LeftCapacity)
	if o.Keep {
		n += pagetree.MinimumPages * mapPageBytes
	}
	return n
}

// capacity is the number of rows of an output batch at most.
func (o *Options) capacity() int { return max(o.LeftCapacity, o.RightCapacity) }

// keyTypes are the parameters' types with strings as bytes: a subquery may tell apart what is equal in a collation.
func (o *Options) keyTypes() []types.Type {
	out := make([]types.Type, len(o.Params))
	for i, e := range o.Params {
		out[i] = e.Type()
		if out[i].IsString() {
			out[i] = types.NewBlob(types.LongBlob)
		}
	}
	return out
}
