package rewrite

import (
	"math"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// Order is a wanted order of a scan's columns.
type Order struct {
	ID   int
	Desc bool
}

// Access is a way to read a table.
type Access struct {
	Index    *schema.Index
	Ranges   []physical.Range
	Points   *physical.Points // instead of Ranges
	Empty    bool             // no row can match
	Residual []expr.Expr      // conditions that the ranges do not cover
	Covering bool
	Rows     float64 // rows that are read
	OutRows  float64 // rows that are left
	Ordered  bool    // in the wanted order
	Reverse  bool
	fixed    int // leading columns with one value each
}

// maxRanges bounds the ranges of one scan; values of further columns become a filter.
const maxRanges = 4096

// The costs of reading a row: along an index, fetching the rest of it by its key, and locking it, which others pay for.
const (
	readCost   = 1.0
	lookupCost = 8.0
	lockCost   = 20.0
	sortCost   = 0.5 // a row and a doubling
	pointCost  = 3.0 // finding a key of a long list
)

// Choose picks the cheapest way to read a table in any order, or with the order wanted. limit: rows after which reading
// stops, 0 if all are read.
func (c *Context) Choose(n *logical.Scan, want []Order, limit float64) Access {
	total := max(c.RowCount(n.Table), 1)
	var best Access
	bestCost := math.Inf(1)
	for _, x := range candidates(n) {
		a := c.access(n, x, total)
		a.Ordered, a.Reverse = ordered(n, x, a.fixed, want)
		if a.Empty {
			a.Ordered = true
			return a
		}
		if cost := a.cost(n, want, limit); cost < bestCost {
			best, bestCost = a, cost
		}
	}
	return best
}

// AccessBy is the way to read a table by an index.
func (c *Context) AccessBy(n *logical.Scan, x *schema.Index) Access { return c.access(n, x, 1) }

func (a *Access) cost(n *logical.Scan, want []Order, limit float64) float64 {
	rows := a.Rows
	if limit > 0 && (a.Ordered || len(want) == 0) {
		// Reading stops early; the residual conditions drop rows on the way.
		share := a.OutRows / max(a.Rows, 1)
		rows = min(rows, limit/max(share, 1e-6))
	}
	width := readCost
	if a.Covering && !a.Index.Primary {
		// An index has fewer columns than the rows, but a row costs something whatever its width.
		width *= 0.6 + 0.4*float64(len(a.Index.Columns)+1)/float64(len(n.Table.Columns)+1)
	}
	cost := rows * width
	if !a.Covering {
		cost += rows * lookupCost
	}
	if n.Lock != logical.LockNone {
		cost += rows * lockCost
	}
	if len(want) > 0 && !a.Ordered {
		cost += a.OutRows * sortCost * math.Log2(max(a.OutRows, 2))
	}
	if a.Points != nil {
		cost += float64(a.Points.Len()) * pointCost
	}
	return cost + float64(len(a.Ranges))*0.1
}

// candidates are the indexes that may be used: hints say which.
func candidates(n *logical.Scan) []*schema.Index {
	allowed := func(x *schema.Index) bool {
		for _, i := range n.Ignore {
			if i == x {
				return false
			}
		}
		if !n.UseSet {
			return true
		}
		for _, i := range n.Use {
			if i == x {
				return true
			}
		}
		return false
	}
	var out []*schema.Index
	for _, x := range n.Table.Indexes {
		if allowed(x) {
			out = append(out, x)
		}
	}
	// The rows themselves can always be read; forbidden only if there is something else.
	if len(out) == 0 || allowed(n.Table.Primary) {
		out = append([]*schema.Index{n.Table.Primary}, out...)
	}
	return out
}

// access builds the ranges of an index from the scan's conditions.
func (c *Context) access(n *logical.Scan, x *schema.Index, total float64) Access {
	// Rows that are locked or changed are needed as a whole.
	covering := n.Key.ID == 0 && n.Lock == logical.LockNone && n.Table.Covers(x, n.Ordinals)
	a := Access{Index: x, Covering: covering || x.Primary}
	column := map[int]keyColumn{}
	for i, o := range n.Ordinals {
		column[o] = keyColumn{id: n.Cols[i].ID, t: n.Table.Columns[o].Type}
	}
	used := make([]bool, len(n.Filter))
	ranges := []physical.Range{{}}
	rows := total
	points := 0
	for i, part := range x.Columns {
		k, ok := column[part.Column]
		if !ok || part.Desc {
			break
		}
		set, covered, ok := k.conditions(n.Filter, part.Prefix)
		if p, at := pointsOf(n.Filter, x, i, column, ranges); p != nil && (!ok || !set.points()) {
			a.Points, ranges = p, nil
			used[at] = true
			share := math.Pow(equalShare, float64(p.Columns()))
			rows = min(rows, max(total*share, 1)*float64(p.Len()))
			if (x.Unique || x.Primary) && p.Columns() == len(x.Columns) {
				rows = min(rows, float64(p.Len()))
			}
			break
		}
		if !ok {
			break
		}
		if len(set.list) == 0 {
			a.Empty, a.Ranges, a.fixed = true, nil, i
			break
		}
		if len(ranges)*len(set.list) > maxRanges && i > 0 {
			break
		}
		for _, u := range covered {
			used[u] = true
		}
		if i == 0 && len(set.list) == 1 && set.list[0].low == nil && set.list[0].high == nil {
			break
		}
		var next []physical.Range
		allPoints := part.Prefix == 0
		for _, r := range ranges {
			for _, v := range set.list {
				next = append(next, extend(r, v))
				allPoints = allPoints && v.point()
			}
		}
		ranges = next
		if !allPoints {
			rows *= min(rangeShare*float64(len(set.list)), 1)
			break
		}
		points = i + 1
		rows = min(rows, max(total*math.Pow(equalShare, float64(points)), 1)*float64(len(ranges)))
		if len(ranges) == 1 {
			a.fixed = points
		}
	}
	if x.Unique || x.Primary {
		if points == len(x.Columns) && a.Points == nil {
			rows = min(rows, float64(len(ranges)))
		}
	}
	if len(ranges) == 1 && len(ranges[0].Low.Values) == 0 && len(ranges[0].High.Values) == 0 {
		ranges = nil
	}
	a.Ranges = ranges
	a.Rows = max(min(rows, total), 1)
	share := 1.0
	for i, e := range n.Filter {
		if !used[i] {
			a.Residual = append(a.Residual, e)
			if !ranged(e, column, x) {
				share *= Share(e)
			}
		}
	}
	a.OutRows = max(a.Rows*share, 1)
	if a.Empty {
		a.Rows, a.OutRows = 0, 0
	}
	return a
}

// ranged says if a residual condition went into the ranges anyway, inexactly, so that its share is not counted twice.
func ranged(e expr.Expr, column map[int]keyColumn, x *schema.Index) bool {
	if len(x.Columns) == 0 {
		return false
	}
	k, ok := column[x.Columns[0].Column]
	if !ok {
		return false
	}
	_, ok = k.of(e)
	return ok
}

// conditions intersects what the conditions say about the column. covered are those that need no check any more.
func (k keyColumn) conditions(filter []expr.Expr, prefix int) (out intervals, covered []int, ok bool) {
	if prefix > 0 && !collation.IsBinary(k.t.Collation) {
		return intervals{}, nil, false
	}
	for i, e := range filter {
		s, found := k.of(e)
		if !found {
			continue
		}
		if ok {
			out = intersect(out, s)
		} else {
			out, ok = s, true
		}
		if s.exact && prefix == 0 {
			covered = append(covered, i)
		}
	}
	if ok && prefix > 0 {
		for i := range out.list {
			out.list[i] = out.list[i].cut(k.t, prefix)
		}
		out.list = normalize(out.list)
	}
	return out, covered, ok
}

// cut makes the interval one of the values' first characters, which order as the values do, but less finely.
func (v interval) cut(t types.Type, n int) interval {
	end := func(d *types.Datum, open *bool) *types.Datum {
		if d == nil || d.IsNull() {
			return d
		}
		*open = false
		c := *d
		c.S = c.S[:collation.PrefixLen(t.Collation, c.S, n)]
		return &c
	}
	v.low, v.high = end(v.low, &v.lowOpen), end(v.high, &v.highOpen)
	return v
}

// extend adds a column's interval to a range whose columns so far are points.
func extend(r physical.Range, v interval) physical.Range {
	values := r.Low.Values[:len(r.Low.Values):len(r.Low.Values)]
	prefix := physical.Bound{Values: values, Inclusive: true}
	out := physical.Range{Low: prefix, High: prefix}
	if v.point() && len(values) == 0 {
		// Both ends share the value: there may be many of these.
		out.Low.Values = []types.Datum{*v.low}
		out.High.Values = out.Low.Values
		return out
	}
	if v.low != nil {
		out.Low.Values = append(values, *v.low)
		out.Low.Inclusive = !v.lowOpen
	}
	if v.high != nil {
		out.High.Values = append(values, *v.high)
		out.High.Inclusive = !v.highOpen
	}
	return out
}

// ordered says if the index gives the wanted order, perhaps read backwards. Columns fixed to one value do not matter.
func ordered(n *logical.Scan, x *schema.Index, fixed int, want []Order) (ok, reverse bool) {
	if len(want) == 0 {
		return true, false
	}
	idOf := map[int]int{}
	for i, o := range n.Ordinals {
		idOf[o] = n.Cols[i].ID
	}
	parts := x.Columns
	if !x.Primary {
		// An index entry ends with the primary key.
		parts = append(parts[:len(parts):len(parts)], n.Table.Primary.Columns...)
	}
	at := 0
	for i, w := range want {
		for {
			if at >= len(parts) {
				// A unique key in full is followed by nothing: one row a key.
				return i > 0 && (x.Unique || x.Primary || at > len(x.Columns)), reverse
			}
			p := parts[at]
			if p.Prefix > 0 {
				return false, false
			}
			if idOf[p.Column] == w.ID && idOf[p.Column] != 0 {
				break
			}
			if at < fixed {
				at++
				continue
			}
			return false, false
		}
		backwards := w.Desc != parts[at].Desc
		if i == 0 || allFixedBefore(want, i, parts, fixed, idOf) {
			reverse = backwards
		} else if backwards != reverse {
			return false, false
		}
		at++
	}
	return true, reverse
}

// allFixedBefore says if the wanted columns before i are fixed ones, whose direction does not matter.
func allFixedBefore(want []Order, i int, parts []schema.IndexColumn, fixed int, idOf map[int]int) bool {
	for _, w := range want[:i] {
		found := false
		for _, p := range parts[:fixed] {
			found = found || idOf[p.Column] == w.ID
		}
		if !found {
			return false
		}
	}
	return true
}
