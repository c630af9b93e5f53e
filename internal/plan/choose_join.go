package plan

import (
	"slices"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/types"
)

// join plans a join. A hint says how; else a few rows look up an index of the other side; else it is by hashing if a
// condition is an equality of the two sides, or if it can be split into such joins, else by nested loops.
func (p *planner) join(n *logical.Join) (physical.Node, error) {
	if len(n.Params) > 0 {
		return p.applyJoin(n)
	}
	s := splitJoin(n)
	switch {
	case s == nil:
		if split, err := p.splitMatch(n); err != nil {
			return nil, err
		} else if split != nil {
			return p.node(split)
		}
		return p.nestedLoop(n)
	case p.hinted(n, logical.HintMergeJoin) && s.mergeable():
		p.apply(n, logical.HintMergeJoin)
		return p.mergeJoin(n, s)
	}
	if out, err := p.indexJoin(n, s); out != nil || err != nil {
		return out, err
	}
	p.apply(n, logical.HintHashJoin)
	return p.hashJoin(n, s)
}

// inputs plans the sides of a join.
func (p *planner) inputs(l, r logical.Node) (left, right physical.Node, err error) {
	if left, err = p.node(l); err != nil {
		return nil, nil, err
	}
	right, err = p.node(r)
	return left, right, err
}

// both are the columns of a join's sides.
func both(n *logical.Join) []logical.Column {
	lc := n.Left.Columns()
	return append(lc[:len(lc):len(lc)], n.Right.Columns()...)
}

func (p *planner) nestedLoop(n *logical.Join) (physical.Node, error) {
	left, right, err := p.inputs(n.Left, n.Right)
	if err != nil {
		return nil, err
	}
	conds, err := remapAll(n.Conds, both(n))
	return &physical.NestedLoop{Type: physical.JoinType(n.Type), Left: left, Right: right, Conds: conds}, err
}

func (p *planner) hashJoin(n *logical.Join, s *joinConds) (physical.Node, error) {
	left, right, err := p.inputs(n.Left, n.Right)
	if err != nil {
		return nil, err
	}
	out := &physical.HashJoin{Type: physical.JoinType(n.Type), Left: left, Right: right, NullAware: s.nullAware}
	if out.Keys, err = s.remapKeys(n); err != nil {
		return nil, err
	}
	if out.Conds, err = remapAll(s.rest, both(n)); err != nil || !s.unsure {
		return out, err
	}
	for _, e := range out.Conds {
		for _, name := range []string{"is false", "not"} {
			if e, err = expr.NewCall(name, []expr.Expr{e}, p.ctx.Env); err != nil {
				return nil, err
			}
		}
		out.Maybe = append(out.Maybe, e)
	}
	return out, nil
}

// mergeJoin sorts the sides by the keys, if they do not come in that order.
func (p *planner) mergeJoin(n *logical.Join, s *joinConds) (physical.Node, error) {
	var leftKeys, rightKeys []logical.SortKey
	for _, k := range s.keys {
		leftKeys = append(leftKeys, logical.SortKey{Expr: k.Left})
		rightKeys = append(rightKeys, logical.SortKey{Expr: k.Right})
	}
	left, right, err := p.inputs(
		&logical.Sort{Input: n.Left, Keys: leftKeys}, &logical.Sort{Input: n.Right, Keys: rightKeys})
	if err != nil {
		return nil, err
	}
	out := &physical.MergeJoin{Type: physical.JoinType(n.Type), Left: left, Right: right}
	if out.Keys, err = s.remapKeys(n); err != nil {
		return nil, err
	}
	out.Conds, err = remapAll(s.rest, both(n))
	return out, err
}

// mergeable says if sorting brings equal keys side by side in the order in which they are compared: strings must be of
// the collation of the comparison.
func (s *joinConds) mergeable() bool {
	if s.nullAware || s.unsure {
		return false
	}
	for _, k := range s.keys {
		for _, e := range []expr.Expr{k.Left, k.Right} {
			if c, ok := e.(*expr.Column); ok && s.columns[c.Index].Collation != k.Type.Collation {
				return false
			}
		}
	}
	return true
}

// remapKeys makes the keys' columns those of the sides.
func (s *joinConds) remapKeys(n *logical.Join) ([]physical.JoinKey, error) {
	left, right := positions(n.Left.Columns()), positions(n.Right.Columns())
	out := make([]physical.JoinKey, len(s.keys))
	for i, k := range s.keys {
		out[i] = k
		var err error
		if out[i].Left, err = remap(k.Left, left); err != nil {
			return nil, err
		}
		if out[i].Right, err = remap(k.Right, right); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// hinted says if a hint asks for a method for this join.
func (p *planner) hinted(n *logical.Join, m logical.JoinMethod) bool {
	for _, h := range p.hints {
		if h.Method == m && h.About(n) {
			return true
		}
	}
	return false
}

// apply marks the hints of a method that are about this join as followed.
func (p *planner) apply(n *logical.Join, m logical.JoinMethod) {
	for _, h := range p.hints {
		h.Applied = h.Applied || h.Method == m && h.About(n)
	}
}

// joinConds are a join's conditions, over columns by ID: those that rows are looked up by, and the others.
type joinConds struct {
	keys      []physical.JoinKey
	rest      []expr.Expr
	nullAware bool
	unsure    bool               // of a left outer semi join: rest may be unknown, which counts
	columns   map[int]types.Type // of both sides
}

// splitJoin finds the keys of a join; nil: it has none that would do.
func splitJoin(n *logical.Join) *joinConds {
	left, right := idSet(n.Left), idSet(n.Right)
	s := &joinConds{columns: map[int]types.Type{}}
	for _, c := range both(n) {
		s.columns[c.ID] = c.Type
	}
	var nullable []physical.JoinKey // equalities for which NULL is an answer of its own
	var unsure []expr.Expr          // those, and other such conditions
	for _, e := range n.Conds {
		truth := false
		inner := e
		if c := call(e, "is true"); c != nil && n.Type == logical.LeftOuterSemi {
			inner, truth = c.Args()[0], true
		}
		k, ok := joinKey(inner, left, right)
		switch {
		case ok && n.Type == logical.LeftOuterSemi && !truth && inner.Type().Nullable:
			nullable, unsure = append(nullable, k), append(unsure, e)
		case ok:
			s.keys = append(s.keys, k)
		case n.Type == logical.LeftOuterSemi && e.Type().Nullable:
			unsure = append(unsure, e)
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
	case len(nullable) == 1 && len(s.keys) == 0 && len(s.rest) == 0 && len(unsure) <= 1:
		s.keys, s.nullAware = nullable, true
	case len(unsure) > 0 && !slices.ContainsFunc(unsure, func(e expr.Expr) bool { return !expr.Deterministic(e) }):
		s.rest, s.unsure = append(s.rest, unsure...), true
	case len(unsure) > 0:
		return nil // they are evaluated twice
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
