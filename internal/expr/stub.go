package expr

import (
	"errors"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

var errStub = errors.New("not implemented")

type function struct{ name string }

// NewCall applies the function or operator of that MySQL name in lower case ("+", "<=>", "is null", "unary -", "concat",
// ...) to args. It inserts implicit casts and derives the result's type and collation. Errors: 1305, 1582, 1267 and those
// of constants that cannot be right.
func NewCall(name string, args []Expr, env *Env) (Expr, error) { return nil, errStub }

// NewCast converts e to t as an implicit conversion does; e itself if there is nothing to do.
func NewCast(e Expr, t types.Type) Expr { return e }

// NewExplicitCast is CAST(e AS t): CHAR(n) cuts, BINARY(n) pads, DECIMAL clamps.
func NewExplicitCast(e Expr, t types.Type, env *Env) (Expr, error) { return e, nil }

// NewCollate is e COLLATE c. Error: 1253.
func NewCollate(e Expr, collationName string, env *Env) (Expr, error) { return e, nil }

// Fold replaces what is constant within a statement by its value. What fails is left, to fail at run time if it counts.
func Fold(e Expr, env *Env) Expr { return e }

// IsConst says if e has the same value for all rows of one execution: no columns, nothing random.
func IsConst(e Expr) bool { return false }

// EvalConst evaluates a single value without pool pages.
func EvalConst(e Expr, env *Env) (types.Datum, error) { return types.Datum{}, errStub }

// EvalRow is EvalConst with values for the columns.
func EvalRow(e Expr, row []types.Datum, env *Env) (types.Datum, error) { return types.Datum{}, errStub }

// Walk calls f for e and what lies below, parents first; f says whether to go below.
func Walk(e Expr, f func(Expr) bool) {}

// Transform rebuilds e bottom-up: f gets each node with its new arguments and returns what replaces it, of the same type.
func Transform(e Expr, f func(Expr) Expr) Expr { return e }

// ColumnsUsed lists the indexes of columns in e, ascending, each once.
func ColumnsUsed(e Expr) []int { return nil }

// Shift adds delta to all column indexes.
func Shift(e Expr, delta int) Expr { return e }

// Equal says if two trees are the same.
func Equal(a, b Expr) bool { return false }

// Deterministic says if equal inputs give equal values and nothing is changed by evaluation.
func Deterministic(e Expr) bool { return true }

// EvalBytes is the minimum that NewEvaluator takes from its account.
func EvalBytes(exprs []Expr, capacity int) int64 { return 0 }

// Evaluator computes expressions over batches of one worker.
type Evaluator struct{}

// NewEvaluator takes EvalBytes(exprs, capacity) of acct's minimum.
func NewEvaluator(acct *memory.Account, exprs []Expr, capacity int, env *Env) (*Evaluator, error) {
	return nil, errStub
}

// Eval computes the expressions for the rows of b that count: one vector each, at the rows' own positions. A column's
// vector is the batch's own, a constant's is Const. They live until the next Eval or Filter and as long as b's values.
func (e *Evaluator) Eval(b *vector.Batch) ([]*vector.Vector, error) { return nil, errStub }

// Filter keeps in b.Sel the rows for which all expressions are true; the selection is the evaluator's and lives until
// the next Filter.
func (e *Evaluator) Filter(b *vector.Batch) error { return errStub }

// Close gives the pages back. Repeatable.
func (e *Evaluator) Close() {}

// NewAggregateType types the aggregate of that name: implicit casts of the arguments, result type.
func NewAggregateType(name string, args []Expr, distinct bool, env *Env) (*Aggregate, error) {
	return nil, errStub
}

// NewAccumulator returns the form with states of fixed size; false if there is none: variable size or DISTINCT.
func NewAccumulator(a *Aggregate) (Accumulator, bool) { return nil, false }

// GroupStateBytes is the minimum that NewGroupState takes from its account.
func GroupStateBytes(a *Aggregate) int64 { return 0 }

// NewGroupState returns the streaming form.
func NewGroupState(acct *memory.Account, a *Aggregate, env *Env) (GroupState, error) { return nil, errStub }
