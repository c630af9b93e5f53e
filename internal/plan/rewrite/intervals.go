package rewrite

import (
	"bytes"
	"slices"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// interval is a set of values of one column between two ends. A nil end is open. NULL is below all values; an interval
// that has values only begins above it.
type interval struct {
	low, high         *types.Datum
	lowOpen, highOpen bool
}

// point says if the interval is a single value.
func (v interval) point() bool {
	return v.low != nil && v.high != nil && !v.lowOpen && !v.highOpen && compare(*v.low, *v.high) == 0
}

// intervals is a set of values: ascending, disjoint. exact: a value is in it if and only if the condition is true.
type intervals struct {
	list  []interval
	exact bool
}

// maxIntervals bounds the intervals of one column; a longer IN list is a filter.
const maxIntervals = 100000

func compare(a, b types.Datum) int {
	switch {
	case a.IsNull() && b.IsNull():
		return 0
	case a.IsNull():
		return -1
	case b.IsNull():
		return 1
	}
	switch a.Kind {
	case types.PhysInt64:
		return order(a.I < b.I, a.I > b.I)
	case types.PhysUint64:
		return order(a.U < b.U, a.U > b.U)
	case types.PhysFloat64:
		return order(a.F < b.F, a.F > b.F)
	case types.PhysDecimal:
		return types.DecCmp(a.D, a.Type.Scale, b.D, b.Type.Scale)
	}
	if a.Type.Collation == collation.Binary {
		return bytes.Compare(a.S, b.S)
	}
	return collation.Collate(a.Type.Collation, a.S, b.S)
}

func order(less, greater bool) int {
	switch {
	case less:
		return -1
	case greater:
		return 1
	}
	return 0
}

// compareLow orders the low ends of two intervals.
func compareLow(a, b interval) int {
	switch {
	case a.low == nil && b.low == nil:
		return 0
	case a.low == nil:
		return -1
	case b.low == nil:
		return 1
	}
	if c := compare(*a.low, *b.low); c != 0 {
		return c
	}
	return order(!a.lowOpen && b.lowOpen, a.lowOpen && !b.lowOpen)
}

// compareHigh orders the high ends.
func compareHigh(a, b interval) int {
	switch {
	case a.high == nil && b.high == nil:
		return 0
	case a.high == nil:
		return 1
	case b.high == nil:
		return -1
	}
	if c := compare(*a.high, *b.high); c != 0 {
		return c
	}
	return order(a.highOpen && !b.highOpen, !a.highOpen && b.highOpen)
}

func (v interval) empty() bool {
	if v.low == nil || v.high == nil {
		return false
	}
	c := compare(*v.low, *v.high)
	return c > 0 || c == 0 && (v.lowOpen || v.highOpen)
}

func intersect(a, b intervals) intervals {
	out := intervals{exact: a.exact && b.exact}
	for i, k := 0, 0; i < len(a.list) && k < len(b.list); {
		x, y := a.list[i], b.list[k]
		v := x
		if compareLow(y, x) > 0 {
			v.low, v.lowOpen = y.low, y.lowOpen
		}
		if compareHigh(y, x) < 0 {
			v.high, v.highOpen = y.high, y.highOpen
		}
		if !v.empty() {
			out.list = append(out.list, v)
		}
		if compareHigh(x, y) < 0 {
			i++
		} else {
			k++
		}
	}
	return out
}

// normalize sorts intervals and joins those that touch.
func normalize(list []interval) []interval {
	list = slices.DeleteFunc(list, interval.empty)
	slices.SortFunc(list, compareLow)
	var out []interval
	for _, v := range list {
		if n := len(out); n > 0 && touches(out[n-1], v) {
			if compareHigh(v, out[n-1]) > 0 {
				out[n-1].high, out[n-1].highOpen = v.high, v.highOpen
			}
			continue
		}
		out = append(out, v)
	}
	return out
}

// touches says if b, which begins not before a, begins within a or right behind it.
func touches(a, b interval) bool {
	if a.high == nil || b.low == nil {
		return true
	}
	c := compare(*b.low, *a.high)
	return c < 0 || c == 0 && !(a.highOpen && b.lowOpen)
}

// keyColumn is a column of an index as conditions see it.
type keyColumn struct {
	id int
	t  types.Type
}

// of returns the values of the column for which a condition can be true; false if it says nothing about the column.
func (k keyColumn) of(e expr.Expr) (intervals, bool) {
	c, ok := e.(*expr.Call)
	if !ok {
		return intervals{}, false
	}
	switch c.Name() {
	case "and":
		var out intervals
		found, all := false, true
		for _, a := range c.Args() {
			s, ok := k.of(a)
			switch {
			case !ok:
				all = false
			case !found:
				out, found = s, true
			default:
				out = intersect(out, s)
			}
		}
		out.exact = out.exact && all
		return out, found
	case "or":
		out := intervals{exact: true}
		for _, a := range c.Args() {
			s, ok := k.of(a)
			if !ok {
				return intervals{}, false
			}
			out.list = append(out.list, s.list...)
			out.exact = out.exact && s.exact
		}
		out.list = normalize(out.list)
		return out, len(out.list) <= maxIntervals
	case "=", "<=>", "<", "<=", ">", ">=":
		return k.comparison(c)
	case "in":
		return k.in(c)
	case "is null":
		if !k.isColumn(c.Args()[0]) {
			return intervals{}, false
		}
		return k.null(), true
	case "like":
		return k.like(c)
	}
	return intervals{}, false
}

// null is the set with NULL alone. A key without NULLs has no encoding of it, so there the set is empty.
func (k keyColumn) null() intervals {
	out := intervals{exact: true}
	if k.t.Nullable {
		d := types.NullDatum(k.t)
		out.list = []interval{{low: &d, high: &d}}
	}
	return out
}

// isColumn says if e is the column itself, compared under its own collation.
func (k keyColumn) isColumn(e expr.Expr) bool {
	c, ok := e.(*expr.Column)
	return ok && c.Index == k.id && c.T.Collation == k.t.Collation
}

// constant makes a constant a value of the column that compares as the constant does. NULL is allowed.
func (k keyColumn) constant(e expr.Expr) (types.Datum, bool) {
	c, ok := e.(*expr.Const)
	if !ok {
		return types.Datum{}, false
	}
	if !c.D.IsNull() && !k.takes(c.D.Type) {
		return types.Datum{}, false
	}
	return c.D.In(k.t)
}

// takes says if the type of constants lets them be values of the column that compare as they do, as far as the column
// has such values.
func (k keyColumn) takes(c types.Type) bool {
	t := k.t
	switch {
	case t.ID == types.Enum || t.ID == types.Set || t.ID == types.JSON || t.ID == types.Bit || t.IsFloat():
		// Enumerations order by number but compare as text; floats of 32 bits compare as 64.
		return false
	case t.Phys() == types.PhysUint64 && c.Phys() == types.PhysInt64:
		return c.IsInteger()
	case t.Phys() == types.PhysInt64 && c.Phys() == types.PhysUint64:
		return t.IsInteger()
	case c.Phys() != t.Phys():
		return false
	case t.IsTemporal() != c.IsTemporal(), (t.ID == types.Time) != (c.ID == types.Time),
		(t.ID == types.Timestamp) != (c.ID == types.Timestamp):
		return false
	case t.ID == types.Decimal:
		return c.Scale <= t.Scale
	case t.IsString():
		return collation.Charset(c.Collation) == collation.Charset(t.Collation) || t.Collation == collation.Binary
	}
	return true
}

// pointsOf finds a condition that lists values of columns of the index from the i-th on, if those before have one value
// each.
func pointsOf(
	filter []expr.Expr, x *schema.Index, i int, column map[int]keyColumn, before []physical.Range,
) (*physical.Points, int) {
	if len(before) != 1 {
		return nil, 0
	}
	for at, e := range filter {
		values, list, ok := expr.InTable(e)
		if !ok || i+len(values) > len(x.Columns) {
			continue
		}
		p := &physical.Points{Prefix: before[0].Low.Values, List: list}
		for col, v := range values {
			part := x.Columns[i+col]
			k, ok := column[part.Column]
			if !ok || part.Desc || part.Prefix > 0 || !k.isColumn(v) || !k.takes(list.ColumnType(col)) {
				break
			}
			p.Types = append(p.Types, k.t)
		}
		if len(p.Types) == len(values) {
			return p, at
		}
	}
	return nil, 0
}

// points says if all intervals are single values.
func (s *intervals) points() bool {
	for i := range s.list {
		if !s.list[i].point() {
			return false
		}
	}
	return true
}

// opposite turns an operator around, for "constant op column".
var opposite = map[string]string{"=": "=", "<=>": "<=>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

func (k keyColumn) comparison(c *expr.Call) (intervals, bool) {
	op, l, r := c.Name(), c.Args()[0], c.Args()[1]
	if !k.isColumn(l) {
		op, l, r = opposite[op], r, l
	}
	if !k.isColumn(l) {
		return intervals{}, false
	}
	d, ok := k.constant(r)
	if !ok {
		return intervals{}, false
	}
	out := intervals{exact: true}
	if d.IsNull() {
		if op == "<=>" {
			return k.null(), true
		}
		return out, true // never true
	}
	null := types.NullDatum(k.t)
	v := interval{low: &null, lowOpen: true}
	if !k.t.Nullable {
		v = interval{}
	}
	switch op {
	case "=", "<=>":
		v = interval{low: &d, high: &d}
	case "<":
		v.high, v.highOpen = &d, true
	case "<=":
		v.high = &d
	case ">":
		v.low, v.lowOpen = &d, true
	case ">=":
		v.low, v.lowOpen = &d, false
	}
	out.list = []interval{v}
	return out, true
}

func (k keyColumn) in(c *expr.Call) (intervals, bool) {
	args := c.Args()
	if !k.isColumn(args[0]) || len(args)-1 > maxIntervals {
		return intervals{}, false
	}
	out := intervals{exact: true}
	for _, a := range args[1:] {
		d, ok := k.constant(a)
		if !ok {
			return intervals{}, false
		}
		if !d.IsNull() {
			out.list = append(out.list, interval{low: &d, high: &d})
		}
	}
	out.list = normalize(out.list)
	return out, true
}

// like is a range for a pattern with a literal start, under collations whose order follows the characters one by one.
func (k keyColumn) like(c *expr.Call) (intervals, bool) {
	args := c.Args()
	if !k.isColumn(args[0]) || !k.t.IsString() {
		return intervals{}, false
	}
	p, ok := args[1].(*expr.Const)
	if !ok || p.D.IsNull() || p.D.Kind != types.PhysString {
		return intervals{}, false
	}
	escape := '\\'
	if len(args) > 2 {
		e, ok := args[2].(*expr.Const)
		if !ok || len(e.D.S) > 1 {
			return intervals{}, false
		}
		escape = 0
		if len(e.D.S) == 1 {
			escape = rune(e.D.S[0])
		}
	}
	if !collation.IsBinary(k.t.Collation) {
		return intervals{}, false
	}
	prefix, _ := collation.NewLike(k.t.Collation, p.D.S, escape).Prefix()
	if len(prefix) == 0 {
		return intervals{}, false
	}
	// Trailing spaces of PAD SPACE collations compare as nothing, so the range must not begin behind them.
	low := types.NewStringDatum(k.t, bytes.TrimRight(prefix, " "))
	v := interval{low: &low}
	if end := successor(prefix); end != nil {
		high := types.NewStringDatum(k.t, end)
		v.high, v.highOpen = &high, true
	}
	return intervals{list: []interval{v}}, true
}

// successor is the smallest string above all that begin with prefix, nil if there is none. In UTF-8 a byte is raised
// that stays a character's; else the end is left open.
func successor(prefix []byte) []byte {
	last := prefix[len(prefix)-1]
	if last >= 0x7f {
		return nil
	}
	out := bytes.Clone(prefix)
	out[len(out)-1]++
	return out
}
