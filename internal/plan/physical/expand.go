package physical

import (
	"strconv"

	"github.com/spillwaydb/spillway/internal/expr"
)

// Expand gives each row of its input once for each level of WITH ROLLUP: the input's columns, the keys, of which the
// last i are NULL in level i, and the level.
type Expand struct {
	Base
	Input Node
	Keys  []expr.Expr
}

// Children implements Node.
func (n *Expand) Children() []Node { return []Node{n.Input} }

// Describe implements Node.
func (n *Expand) Describe() (name, object, info string) {
	return "Expand", "", "levels:" + strconv.Itoa(len(n.Keys)+1) + ", keys:" + exprList(n.Keys)
}

// DefaultRow gives its input's rows, or Row if there are none.
type DefaultRow struct {
	Base
	Input Node
	Row   []expr.Expr // constants
}

// Children implements Node.
func (n *DefaultRow) Children() []Node { return []Node{n.Input} }

// Describe implements Node.
func (n *DefaultRow) Describe() (name, object, info string) {
	return "DefaultRow", "", "if empty:" + exprList(n.Row)
}

// Rollup groups its input, which is in the order of GroupBy, at all levels of WITH ROLLUP: in level i the last i keys
// are NULL. Its columns are the keys, the level, and the aggregates, whose states have a fixed size. Totals come behind
// what they sum up; no rows give none.
type Rollup struct {
	Base
	Input   Node
	GroupBy []expr.Expr
	Aggs    []*expr.Aggregate
	// States: the input is that of an Agg with States and the same Aggs.
	States bool
}

// Children implements Node.
func (n *Rollup) Children() []Node { return []Node{n.Input} }

// Describe implements Node.
func (n *Rollup) Describe() (name, object, info string) {
	return "Rollup", "", "levels:" + strconv.Itoa(len(n.GroupBy)+1) + ", " + describeAgg(n.GroupBy, n.Aggs)
}

var (
	_ Node = (*Expand)(nil)
	_ Node = (*Rollup)(nil)
	_ Node = (*DefaultRow)(nil)
)
