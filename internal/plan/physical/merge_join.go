package physical

import "github.com/spillwaydb/spillway/internal/expr"

// MergeJoin joins inputs that come in the order of its keys, NULLs first. The right side is materialized.
type MergeJoin struct {
	Base
	Type        JoinType
	Left, Right Node
	Keys        []JoinKey   // at least one
	Conds       []expr.Expr // further conditions, over left columns, then right columns
}

// Children implements Node: the right side first, as it runs first.
func (n *MergeJoin) Children() []Node { return []Node{n.Right, n.Left} }

// Labels are what EXPLAIN appends to the names of the children.
func (n *MergeJoin) Labels() []string { return []string{"(Build)", "(Probe)"} }

// Describe implements Node.
func (n *MergeJoin) Describe() (name, object, info string) {
	info = joinNames[n.Type] + ", " + keyList(n.Keys)
	if len(n.Conds) > 0 {
		info += ", other cond:" + exprList(n.Conds)
	}
	return "MergeJoin", "", info
}

var _ Node = (*MergeJoin)(nil)
