package logical

import "github.com/spillwaydb/spillway/internal/expr"

// Expand gives each row of its input once for each level of WITH ROLLUP, the most detailed first: in level i the last i
// keys are NULL. Its columns are the input's, the keys, and the number of the level.
type Expand struct {
	Input Node
	Keys  []expr.Expr
	Cols  []Column // of the keys, nullable; then of the level, a BIGINT
}

// Columns implements Node.
func (n *Expand) Columns() []Column {
	in := n.Input.Columns()
	return append(in[:len(in):len(in)], n.Cols...)
}

// Inputs implements Node.
func (n *Expand) Inputs() []*Node { return []*Node{&n.Input} }

// DefaultRow gives its input's rows, or one row if the input has none: Values for the columns of these IDs, NULL for
// others.
type DefaultRow struct {
	Input  Node
	Values map[int]expr.Expr // constants
}

// Columns implements Node.
func (n *DefaultRow) Columns() []Column { return n.Input.Columns() }

// Inputs implements Node.
func (n *DefaultRow) Inputs() []*Node { return []*Node{&n.Input} }

var (
	_ Node = (*Expand)(nil)
	_ Node = (*DefaultRow)(nil)
)
