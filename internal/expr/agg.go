package expr

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Accumulator is the vectorized form of an aggregate whose state has a fixed size and lies in a row: COUNT, SUM, AVG,
// MIN and MAX of fixed-width values, and the like. Immutable: shared by workers. A state is named by its pool
// reference, aligned to 8.
type Accumulator interface {
	StateBytes() int // multiple of 8
	Init(b memory.Base, states []memory.Ref)
	// Update adds row rows[i] of args to states[i]; nil rows: row i. Several i may name one state. Errors: 1690.
	Update(b memory.Base, states []memory.Ref, rows []uint16, args []*vector.Vector) error
	// UpdateOne adds all rows (rows, or 0..n-1 if nil) to one state.
	UpdateOne(b memory.Base, state memory.Ref, rows []uint16, n int, args []*vector.Vector) error
	// Combine adds src[i] to dst[i].
	Combine(b memory.Base, dst, src []memory.Ref) error
	// Result writes the results of states to rows 0..len(states)-1 of out.
	Result(b memory.Base, states []memory.Ref, out *vector.Vector) error
}

// GroupState is the streaming form of any aggregate, that of one group at a time, for sorted inputs and for aggregates
// of variable size (MIN of strings, GROUP_CONCAT). It owns pages of the account it was made with.
type GroupState interface {
	Reset() error // a new group begins
	// Update adds rows of args: rows, or lo..hi-1 if rows is nil.
	Update(rows []uint16, lo, hi int, args []*vector.Vector) error
	// Result writes the group's result to row i of out; string bytes go to arena.
	Result(out *vector.Vector, i int, arena *vector.Arena) error
	Close()
}

// Lender is what group states implement that have their result as it is.
type Lender interface {
	// Lend is Result for a long string, which stays where it is: it lives until the next Reset. False: there is none.
	Lend(out *vector.Vector, i int) bool
}
