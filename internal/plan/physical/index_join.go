package physical

import (
	"strings"

	"github.com/spillwaydb/spillway/internal/expr"
)

// IndexJoin looks the rows of the outer side up by keys of an index of the inner side, many at a time. Its columns are
// the outer ones, then the inner ones; rows come in no order.
type IndexJoin struct {
	Base
	Type  JoinType
	Outer Node
	Inner *Scan // reads by the join's keys, which are no ranges of its own
	Keys  []IndexKey
	Conds []expr.Expr // further conditions, over outer columns, then inner ones
	// AtMostOne: a key has one row at most.
	AtMostOne bool
}

// IndexKey is what a leading column of the inner side's index is equal to: Expr, over outer columns, or one without
// columns.
type IndexKey struct {
	Expr     expr.Expr
	NullSafe bool // NULL is equal to NULL; else it is equal to nothing
}

// Children implements Node.
func (n *IndexJoin) Children() []Node { return []Node{n.Outer, n.Inner} }

// Labels are what EXPLAIN appends to the names of the children.
func (n *IndexJoin) Labels() []string { return []string{"(Build)", "(Probe)"} }

// Describe implements Node.
func (n *IndexJoin) Describe() (name, object, info string) {
	outer, inner := make([]string, len(n.Keys)), make([]string, len(n.Keys))
	for i, k := range n.Keys {
		outer[i] = k.Expr.String()
		inner[i] = n.Inner.Table.Columns[n.Inner.Index.Columns[i].Column].Name
	}
	info = joinNames[n.Type] + ", outer key:" + strings.Join(outer, ", ") + ", inner key:" + strings.Join(inner, ", ")
	if len(n.Conds) > 0 {
		info += ", other cond:" + exprList(n.Conds)
	}
	return "IndexJoin", "", info
}

var _ Node = (*IndexJoin)(nil)
