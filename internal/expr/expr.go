package expr

import (
	"github.com/spillwaydb/spillway/internal/types"
)

// Expr is a typed expression tree. Trees are immutable once built and may be shared by workers and statements.
type Expr interface {
	Type() types.Type
	Args() []Expr
	// String is EXPLAIN's form.
	String() string
}

// Column reads a column of the input batch.
type Column struct {
	Index int
	T     types.Type
	Name  string // for EXPLAIN and error texts: db.table.column as far as known
}

// Const is a literal, or the value of a prepared statement's parameter at this execution.
type Const struct {
	D types.Datum // Type set; Kind null is NULL
}

// Call applies a function. Built only by NewCall and NewCast, which choose the implementation by the arguments' types.
type Call struct {
	fn   *function
	args []Expr
	t    types.Type
	// Text overrides EXPLAIN's form; empty: name(args).
	text string
}

// Default stands in a Values row for the word DEFAULT; only Insert's evaluation of its input knows it.
type Default struct{ T types.Type }
