package physical

import "github.com/spillwaydb/spillway/internal/expr"

// Apply runs the right side for the rows of the left one, on whose columns it depends: a correlated subquery, or
// LATERAL. Type is InnerJoin or LeftJoin.
type Apply struct {
	Base
	Type        JoinType
	Left, Right Node
	// Params are computed from a left row; Slots are where the right side finds them (expr.Env.Outer).
	Params []expr.Expr
	Slots  []int
	Keep   bool // the right side gives the same rows for the same values
}

// SlotsEnd is one more than the last slot.
func (n *Apply) SlotsEnd() int {
	end := 0
	for _, s := range n.Slots {
		end = max(end, s+1)
	}
	return end
}

// Children implements Node.
func (n *Apply) Children() []Node { return []Node{n.Left, n.Right} }

// Labels are what EXPLAIN appends to the names of the children.
func (n *Apply) Labels() []string { return []string{"(Build)", "(Probe)"} }

// Describe implements Node.
func (n *Apply) Describe() (name, object, info string) {
	return "Apply", "", joinNames[n.Type] + ", for each:" + exprList(n.Params)
}

var _ Node = (*Apply)(nil)
