package plan

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/types"
)

// join plans a join: by hashing if a condition is an equality of the two sides, else by nested loops.
func (p *planner) join(n *logical.Join) (physical.Node, error) {
	if len(n.Params) > 0 {
		return p.applyJoin(n)
	}
	left, err := p.node(n.Left)
	if err != nil {
		return nil, err
	}
	right, err := p.node(n.Right)
	if err != nil {
		return nil, err
	}
	lc, rc := n.Left.Columns(), n.Right.Columns()
	both := append(lc[:len(lc):len(lc)], rc...)
	s := splitJoin(n)
	if s == nil {
		conds, err := remapAll(n.Conds, both)
		return &physical.NestedLoop{Type: physical.JoinType(n.Type), Left: left, Right: right, Conds: conds}, err
	}
	out := &physical.HashJoin{
		Type: physical.JoinType(n.Type), Left: left, Right: right, Keys: s.keys, NullAware: s.nullAware,
	}
	p.apply(n, logical.HintHashJoin)
	lat, rat := positions(lc), positions(rc)
	for i := range out.Keys {
		k := &out.Keys[i]
		if k.Left, err = remap(k.Left, lat); err != nil {
			return nil, err
		}
		if k.Right, err = remap(k.Right, rat); err != nil {
			return nil, err
		}
	}
	out.Conds, err = remapAll(s.rest, both)
	return out, err
}

// apply marks the hints of a method that are about this join as followed.
func (p *planner) apply(n *logical.Join, methods ...logical.JoinMethod) {
	for _, h := range p.hints {
		for _, m := range methods {
			if h.Method == m && h.About(n) {
				h.Applied = true
			}
		}
	}
}

// joinConds are a join's conditions, over columns by ID: those that rows are looked up by, and the others.
type joinConds struct {
	keys      []physical.JoinKey
	rest      []expr.Expr
	nullAware bool
}

// splitJoin finds the keys of a join; nil: it has none that would do.
func splitJoin(n *logical.Join) *joinConds {
	left, right := idSet(n.Left), idSet(n.Right)
	s := &joinConds{}
	var nullable []physical.JoinKey // equalities for which NULL is an answer of its own
	for _, e := range n.Conds {
		truth := false
		inner := e
		if c := call(e, "is true"); c != nil && n.Type == logical.LeftOuterSemi {
			inner, truth = c.Args()[0], true
		}
		k, ok := joinKey(inner, left, right)
		switch {
		case ok && n.Type == logical.LeftOuterSemi && !truth && inner.Type().Nullable:
			nullable = append(nullable, k)
		case ok:
			s.keys = append(s.keys, k)
		case n.Type == logical.LeftOuterSemi && e.Type().Nullable:
			return nil
		default:
			s.rest = append(s.rest, e)
		}
	}
	if n.Type == logical.AntiJoin && len(s.keys) == 0 && len(s.rest) == 1 {
		// NOT IN: an unknown comparison counts as a match.
		if not := call(s.rest[0], "not"); not != nil {
			if isFalse := call(not.Args()[0], "is false"); isFalse != nil {
				if k, ok := joinKey(isFalse.Args()[0], left, right); ok {
					s.rest, nullable = nil, append(nullable, k)
				}
			}
		}
	}
	switch {
	case len(nullable) == 1 && len(s.keys) == 0 && len(s.rest) == 0:
		s.keys, s.nullAware = nullable, true
	case len(nullable) > 0:
		return nil
	}
	if len(s.keys) == 0 {
		return nil
	}
	return s
}

func idSet(n logical.Node) map[int]bool {
	out := map[int]bool{}
	for _, c := range n.Columns() {
		out[c.ID] = true
	}
	return out
}

// call returns e if it is a call of that function.
func call(e expr.Expr, name string) *expr.Call {
	if c, ok := e.(*expr.Call); ok && c.Name() == name {
		return c
	}
	return nil
}

// joinKey takes an equality of something of the left side and something of the right side apart, whichever way around
// it is written. Both sides are brought to one physical type in which exactly the same values are equal; it is no key
// if there is none.
func joinKey(e expr.Expr, left, right map[int]bool) (k physical.JoinKey, ok bool) {
	c, ok := e.(*expr.Call)
	if !ok || c.Name() != "=" && c.Name() != "<=>" || !expr.Deterministic(c) {
		return k, false
	}
	a, b := c.Args()[0], c.Args()[1]
	switch {
	case readsOnly(a, left) && readsOnly(b, right):
	case readsOnly(b, left) && readsOnly(a, right):
		a, b = b, a
	default:
		return k, false
	}
	k = physical.JoinKey{Left: a, Right: b, NullSafe: c.Name() == "<=>"}
	return k, unify(&k)
}

// readsOnly says if e reads columns, and only those of the set.
func readsOnly(e expr.Expr, set map[int]bool) bool {
	used := expr.ColumnsUsed(e)
	for _, id := range used {
		if !set[id] {
			return false
		}
	}
	return len(used) > 0
}

// unify casts the sides of a key to one physical type. Comparisons have cast them already, but for integers of
// different signs and decimals of different scales.
func unify(k *physical.JoinKey) bool {
	a, b := k.Left.Type(), k.Right.Type()
	switch pa, pb := a.Phys(), b.Phys(); {
	case pa == types.PhysString && pb == types.PhysString:
		// JSON values are equal in more than one form.
		if a.ID == types.JSON || b.ID == types.JSON || a.Collation != b.Collation {
			return false
		}
	case pa == types.PhysDecimal && pb == types.PhysDecimal:
		if a.Scale == b.Scale {
			break
		}
		scale := max(a.Scale, b.Scale)
		digits := int(max(a.Precision-a.Scale, b.Precision-b.Scale)) + int(scale)
		if digits > types.MaxPrecision {
			return false
		}
		t := types.NewDecimal(digits, int(scale))
		k.Left, k.Right = expr.NewCast(k.Left, t), expr.NewCast(k.Right, t)
	case pa == types.PhysFloat64 && pb == types.PhysFloat64:
		if a.ID != b.ID {
			k.Type = types.NewDouble()
			return true
		}
	case isInt(pa) && isInt(pb) && pa != pb:
		t := types.NewBigInt()
		if wide(a) || wide(b) {
			t = types.NewDecimal(bigIntDigits, 0)
		}
		k.Left, k.Right = expr.NewCast(k.Left, t), expr.NewCast(k.Right, t)
	case pa != pb:
		return false
	}
	k.Type = k.Right.Type()
	return true
}

// bigIntDigits are the digits of the largest BIGINT UNSIGNED.
const bigIntDigits = 20

func isInt(p types.Phys) bool { return p == types.PhysInt64 || p == types.PhysUint64 }

// wide says if values of the type may not fit BIGINT.
func wide(t types.Type) bool {
	switch {
	case t.Phys() == types.PhysInt64:
		return false
	case t.ID == types.Bit:
		return t.Length > 63
	case t.ID == types.Set:
		return t.Members.Len() > 63
	}
	return t.ID == types.BigInt
}
