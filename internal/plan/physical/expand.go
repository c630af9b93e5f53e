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

var (
	_ Node = (*Expand)(nil)
	_ Node = (*DefaultRow)(nil)
)
