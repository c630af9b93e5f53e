package agg

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
)

// Aggregate is an aggregate with a state of fixed size over columns of the input.
type Aggregate struct {
	Func expr.Accumulator
	Args []int      // columns of the input; none: COUNT(*)
	Type types.Type // of the result
}

// HashOptions are what a hash aggregation needs. Account, Types and Group are required; no Aggs: DISTINCT.
type HashOptions struct {
	// Account has HashMinBytes of minimum for this operator. It is not closed by it.
	Account   *memory.Account
	Statement *memory.Statement // gets EventAggMode; nil: nobody
	Types     []types.Type      // of the input's columns
	Group     []int             // columns of the input that are grouped by; at least one
	Aggs      []Aggregate
	Workers   int // of sink and source, at most; 0: 1
	PageBytes int // of a block; 0: rows.MinPageBytes. See rows.PageBytes
	// SerialRows: fewer rows than that are given by one worker, in an order that does not change from run to run.
	SerialRows int64
	Seed       uint64
	HashZero   bool // all hashes are equal: for tests
	// States: the output has the aggregates' states instead of results, StateColumns of them, for an operator that
	// combines them.
	States bool
}

// ScalarOptions are what an aggregation without groups needs. Account, Types and Aggs are required.
type ScalarOptions struct {
	// Account has ScalarMinBytes of minimum for this operator. It is not closed by it.
	Account *memory.Account
	Types   []types.Type // of the input's columns
	Aggs    []Aggregate
	Workers int // of the sink, at most; 0: 1
}

// StreamAggregate is an aggregate of any kind over columns of the input.
type StreamAggregate struct {
	// New makes the state, whose pages are of that account; it is called once.
	New      func(*memory.Account) (expr.GroupState, error)
	MinBytes int64 // what New takes (expr.GroupStateBytes)
	Args     []int // columns of the input
	Type     types.Type
}

// StreamOptions are what an aggregation of sorted input needs. Account and Types are required. The input must be that
// of one worker, equal groups side by side. No Group: one group, and one row even for empty input.
type StreamOptions struct {
	// Account has StreamMinBytes of minimum for this operator. It is not closed by it.
	Account   *memory.Account
	Types     []types.Type // of the input's columns
	Group     []int        // columns of the input
	Aggs      []StreamAggregate
	BatchRows int // of the output; 0: a default by the width of a row
}

// RollupOptions are what an aggregation of sorted input at all levels of WITH ROLLUP needs. Account, Types and Group
// are required. The input must be that of one worker, in the order of Group. Output: the group columns, NULL in totals
// of them, the level, and the aggregates.
type RollupOptions struct {
	// Account has RollupMinBytes of minimum for this operator. It is not closed by it.
	Account *memory.Account
	Types   []types.Type // of the input's columns
	Group   []int        // columns of the input
	Aggs    []Aggregate
	// States are the columns of a hash aggregation with the same Aggs that gives states; nil: the input are rows.
	States    []int
	BatchRows int // of the output; 0: a default by the width of a row
}
