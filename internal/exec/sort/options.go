package sort

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
)

// Key is one key of an order: a column of the input. Keys that are expressions are computed by a projection below.
type Key struct {
	Column int
	Desc   bool
}

// Options are what a sort needs. Account, Types and Keys are required.
type Options struct {
	// Account has MinBytes of minimum for this sort. It is not closed by it.
	Account *memory.Account
	Types   []types.Type // of the input's columns
	Keys    []Key
	// Output lists the input's columns that the source gives, in its order; nil: all.
	Output []int
	// Limit > 0: only rows Offset .. Offset+Limit of the order are given.
	Offset, Limit uint64
	Workers       int // of the sink, at most; 0: 1
	PageBytes     int // of a block; 0: rows.MinPageBytes. See rows.PageBytes
}
