package plan

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
)

// countsUnknown says of a condition of a left outer semi join if it can be unknown, which is an answer then.
func countsUnknown(e expr.Expr) bool { return e.Type().Nullable && call(e, "is true") == nil }

// comparison is an equality of both sides for which NULL counts as a match that is not known.
type comparison struct{ e, left, right expr.Expr }

// comparisons splits the comparisons of an IN by which of the values are NULL. What is left of both sides then are
// keys; where both are always NULL, nothing is.
func (m *matches) comparisons() bool {
	var keys []comparison
	var rest, unsure []expr.Expr // conditions that are true or not, and those of which unknown counts
	for _, e := range m.n.Conds {
		inner := e
		switch m.n.Type {
		case logical.SemiJoin:
			return false
		case logical.AntiJoin:
			if inner = maybeOf(e); inner == nil {
				rest = append(rest, e)
				continue
			}
		case logical.LeftOuterSemi:
			if !countsUnknown(e) {
				rest = append(rest, e)
				continue
			}
		}
		c := comparison{e: inner}
		if _, ok := joinKey(inner, m.left, m.right); !ok {
			unsure = append(unsure, inner)
			continue
		}
		args := inner.(*expr.Call).Args()
		c.left, c.right = args[0], args[1]
		if !readsOnly(c.left, m.left) {
			c.left, c.right = c.right, c.left
		}
		keys = append(keys, c)
	}
	if len(keys) == 0 {
		return false
	}
	full := append([]expr.Expr(nil), rest...)
	for _, e := range unsure {
		rest = append(rest, m.maybe(e))
		if m.n.Type == logical.AntiJoin {
			full = append(full, m.maybe(e))
		} else {
			full = append(full, e)
		}
	}
	for _, k := range keys {
		full = append(full, k.e)
	}
	m.add(m.rows(), false, full...)
	if len(unsure) > 0 && m.n.Type != logical.AntiJoin {
		all := append([]expr.Expr(nil), rest...)
		for _, k := range keys {
			all = append(all, k.e)
		}
		m.add(m.rows(), true, all...)
	}
	if len(keys) == 2 && len(rest) == 0 {
		m.eitherNull(keys[0], keys[1])
		m.eitherNull(keys[1], keys[0])
		m.bothNull(keys)
		return true
	}
	m.someNull(keys, rest)
	return true
}

// maybeOf returns x of NOT (x IS FALSE), else nil.
func maybeOf(e expr.Expr) expr.Expr {
	if not := call(e, "not"); not != nil {
		if isFalse := call(not.Args()[0], "is false"); isFalse != nil {
			return isFalse.Args()[0]
		}
	}
	return nil
}

// eitherNull adds the pairs of which a is true and b compares a NULL.
func (m *matches) eitherNull(a, b comparison) {
	if b.right.Type().Nullable {
		m.add(m.rows(m.isNull(b.right)...), true, a.e)
	}
	if b.left.Type().Nullable {
		m.add(m.rows(), true, m.call("=", m.onlyIf(m.isNull(b.left)[0], a.left), a.right))
	}
}

// bothNull adds the pairs of which each comparison compares a NULL. Of the right side it matters only which values of a
// row are NULL, of which there are few cases.
func (m *matches) bothNull(keys []comparison) {
	cases := &logical.Agg{Input: m.rows()}
	var conds []expr.Expr
	for _, k := range keys {
		null := m.isNull(k.left, k.right)
		col := logical.Column{ID: m.p.newID(), Type: null[1].Type()}
		cases.GroupBy, cases.GroupCols = append(cases.GroupBy, null[1]), append(cases.GroupCols, col)
		conds = append(conds, m.call("or", null[0], col.Ref()))
	}
	m.add(cases, true, conds...)
}

// someNull adds the pairs of which some comparison compares a NULL: the rows with NULLs of either side are compared
// with all of the other.
func (m *matches) someNull(keys []comparison, rest []expr.Expr) {
	var left, right, maybe []expr.Expr
	for _, k := range keys {
		if k.left.Type().Nullable {
			left = append(left, m.isNull(k.left)...)
		}
		if k.right.Type().Nullable {
			right = append(right, m.isNull(k.right)...)
		}
		maybe = append(maybe, m.maybe(k.e))
	}
	if len(keys) > 1 { // as one condition, which is not split again
		rest = append(rest[:len(rest):len(rest)], m.junction("and", maybe))
	}
	if len(right) > 0 {
		m.add(m.rows(m.junction("or", right)), true, rest...)
	}
	if len(left) > 0 {
		rows, tag := m.tagged(m.junction("or", left))
		m.add(rows, true, append(rest[:len(rest):len(rest)], tag)...)
	}
}
