package window

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
)

// Options are what the operator needs. Account, Types and Funcs are required. The input must be that of one worker, the
// rows of a partition one after the other, each partition in order.
type Options struct {
	// Account has MinBytes of minimum for this operator. It is not closed by it.
	Account   *memory.Account
	Types     []types.Type // of the input's columns
	Output    int          // so many columns of the input, the first ones, come out before the functions' results
	Partition []int        // columns of the input
	Order     []int        // columns of the input
	Funcs     []Function
	PageBytes int // of a block; 0: rows.MinPageBytes. See rows.PageBytes
}

// Function is a window function over columns of the input; see expr.WindowFunction.
type Function struct {
	Name  string
	Args  []int // the arguments of an aggregate; a value; of LAG and LEAD a value and perhaps a default
	N     int64
	Agg   expr.Accumulator // nil: not an aggregate, or MIN and MAX of strings
	Frame *Frame           // nil: the function does not look at a frame
	Type  types.Type       // of the result
}

// Frame is expr.Frame over columns of the input.
type Frame struct {
	Rows       bool
	Start, End Bound
	Key        int // column; used if a bound has a limit
	Desc       bool
}

// Bound is an end of a frame.
type Bound struct {
	Kind    expr.BoundKind
	Rows    int64 // of ROWS
	Limited bool  // RANGE with Limit
	Limit   int   // column
}
