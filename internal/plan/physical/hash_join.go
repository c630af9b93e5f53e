package physical

import (
	"strings"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/types"
)

// JoinKey is an equality that a join looks rows up by. Both expressions have one physical type; strings have one
// collation.
type JoinKey struct {
	Left     expr.Expr  // over the left side's columns
	Right    expr.Expr  // over the right side's columns
	Type     types.Type // in which they are compared: it has room for the values of Right
	NullSafe bool       // <=>: NULL is equal to NULL
}

// HashJoin joins by hashing: the right side is the build side, the left side is the probe side.
type HashJoin struct {
	Base
	Type        JoinType
	Left, Right Node
	Keys        []JoinKey   // at least one
	Conds       []expr.Expr // further conditions, over left columns, then right columns
	// NullAware: a NULL on either side makes the answer of an anti join or a left outer semi join unknown (NOT IN, IN).
	NullAware bool
	// Maybe, of a left outer semi join, are true of pairs of which Conds are true or unknown; nil: these are never
	// unknown.
	Maybe []expr.Expr
	// Filter is made of the right side for a scan on the left side; nil: none.
	Filter *RuntimeFilter
}

// Children implements Node: the build side first, as it runs first.
func (n *HashJoin) Children() []Node { return []Node{n.Right, n.Left} }

// Labels are what EXPLAIN appends to the names of the children.
func (n *HashJoin) Labels() []string { return []string{"(Build)", "(Probe)"} }

// Describe implements Node.
func (n *HashJoin) Describe() (name, object, info string) {
	info = joinNames[n.Type]
	if n.NullAware {
		info = "null-aware " + info
	}
	info += ", " + keyList(n.Keys)
	if len(n.Conds) > 0 {
		info += ", other cond:" + exprList(n.Conds)
	}
	return "HashJoin", "", info
}

// keyList is TiDB's form: equal:[eq(test.t.a, test.s.a) nulleq(test.t.b, test.s.b)].
func keyList(keys []JoinKey) string {
	parts := make([]string, len(keys))
	for i, k := range keys {
		name := "eq"
		if k.NullSafe {
			name = "nulleq"
		}
		parts[i] = name + "(" + k.Left.String() + ", " + k.Right.String() + ")"
	}
	return "equal:[" + strings.Join(parts, " ") + "]"
}

var _ Node = (*HashJoin)(nil)
