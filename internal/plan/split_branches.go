package plan

import (
	"slices"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
)

// orMost is how many branches an OR has that is made joins.
const orMost = 8

// branches splits by a condition A OR B: pairs for which A is true, and those for which B is.
//
//	EXISTS (SELECT * FROM r WHERE r.x = l.x OR r.y = l.y)
//	EXISTS (SELECT * FROM r WHERE r.x = l.x) OR EXISTS (SELECT * FROM r WHERE r.y = l.y)
func (m *matches) branches() bool {
	if m.n.Type == logical.LeftOuterSemi && slices.ContainsFunc(m.n.Conds, countsUnknown) {
		return false
	}
	for at, e := range m.n.Conds {
		if c := call(e, "is true"); c != nil {
			e = c.Args()[0]
		}
		or := disjuncts(nil, e)
		if len(or) < 2 || len(or) > orMost || !m.decided(or) {
			continue
		}
		if s, ok := m.n.Right.(*logical.Scan); ok && s.Lock == logical.LockNone && !s.Table.Virtual {
			m.scan = s
		}
		rest := append(append([]expr.Expr(nil), m.n.Conds[:at]...), m.n.Conds[at+1:]...)
		for _, branch := range or {
			m.branch(conjuncts(nil, branch), rest)
		}
		return true
	}
	return false
}

// decided says if each branch of an OR has a key, or is about one side only.
func (m *matches) decided(or []expr.Expr) bool {
	keys := false
	for _, branch := range or {
		if m.readsRight(branch) != m.readsLeft(branch) {
			continue
		}
		key := false
		for _, e := range conjuncts(nil, branch) {
			_, ok := joinKey(e, m.left, m.right)
			key = key || ok
		}
		if !key {
			return false
		}
		keys = true
	}
	return keys
}

func (m *matches) readsLeft(e expr.Expr) bool  { return readsAny(e, m.left) }
func (m *matches) readsRight(e expr.Expr) bool { return readsAny(e, m.right) }

func readsAny(e expr.Expr, set map[int]bool) bool {
	for _, id := range expr.ColumnsUsed(e) {
		if set[id] {
			return true
		}
	}
	return false
}

// branch adds the pairs for which and, and rest, are true.
func (m *matches) branch(and, rest []expr.Expr) {
	var filter, before, both []expr.Expr // of the right side, of the left one, of pairs
	for _, e := range and {
		switch {
		case !m.readsLeft(e):
			filter = append(filter, e)
		case !m.readsRight(e):
			before = append(before, e)
		default:
			both = append(both, e)
		}
	}
	both = append(both, rest...)
	right := m.rows(filter...)
	switch {
	case len(both) == 0:
		right = &logical.Limit{Input: right, Count: 1}
		both = before
	case len(before) == len(and):
		var tag expr.Expr
		right, tag = m.tagged(m.junction("and", before))
		both = append(both, tag)
	default:
		both = append(both, before...)
	}
	m.add(right, false, both...)
}

func disjuncts(out []expr.Expr, e expr.Expr) []expr.Expr { return operands(out, e, "or") }
func conjuncts(out []expr.Expr, e expr.Expr) []expr.Expr { return operands(out, e, "and") }

// operands takes nested calls of an associative operator apart.
func operands(out []expr.Expr, e expr.Expr, name string) []expr.Expr {
	c := call(e, name)
	if c == nil {
		return append(out, e)
	}
	for _, a := range c.Args() {
		out = operands(out, a, name)
	}
	return out
}
