package bind

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
)

// outerRefs are the columns that a plan reads but does not make. A projection of an outer column counts as making it:
// the join has it from the other side. A grouping cannot have it from there.
func outerRefs(n logical.Node) map[int]bool {
	made, read := map[int]bool{}, map[int]bool{}
	collect(n, made, read, hasGroups(n))
	for id := range made {
		delete(read, id)
	}
	return read
}

func hasGroups(n logical.Node) bool {
	if agg, ok := n.(*logical.Agg); ok && len(agg.GroupBy) > 0 {
		return true
	}
	for _, in := range n.Inputs() {
		if hasGroups(*in) {
			return true
		}
	}
	return false
}

func collect(n logical.Node, made, read map[int]bool, groups bool) {
	var passed map[int]bool
	if groups {
		passed = passedOn(n)
	}
	for _, c := range n.Columns() {
		if !passed[c.ID] {
			made[c.ID] = true
		}
	}
	for _, e := range logical.Exprs(n) {
		for _, id := range expr.ColumnsUsed(e) {
			read[id] = true
		}
	}
	for _, in := range n.Inputs() {
		collect(*in, made, read, groups)
	}
}

// passedOn are the columns that a node hands on as they are: what it selects or groups by may be the outer query's.
func passedOn(n logical.Node) map[int]bool {
	passed := map[int]bool{}
	refs := func(exprs []expr.Expr) {
		for _, e := range exprs {
			if c, ok := e.(*expr.Column); ok {
				passed[c.Index] = true
			}
		}
	}
	switch n := n.(type) {
	case *logical.Projection:
		refs(n.Exprs)
	case *logical.Agg:
		refs(n.GroupBy)
	default:
		for _, in := range n.Inputs() {
			for _, c := range (*in).Columns() {
				passed[c.ID] = true
			}
		}
	}
	return passed
}

// decorrelation pulls conditions on outer columns out of a subquery, up to the join with the outer query:
//
//	EXISTS (SELECT * FROM t WHERE t.a = o.a AND t.b > 1)
//	o semi join (SELECT * FROM t WHERE t.b > 1) ON t.a = o.a
//
//	(SELECT SUM(t.b) FROM t WHERE t.a = o.a)
//	o left join (SELECT SUM(t.b), t.a FROM t GROUP BY t.a) ON t.a = o.a
//
// The second line of each is what it becomes. What cannot be pulled past a node makes the subquery unsupported.
type decorrelation struct {
	b          *binder
	outer      map[int]bool
	needValues bool
	result     *subquery
}

func (d *decorrelation) run(s *subquery) (bool, error) {
	d.result = s
	n, conds, ok := d.pull(s.node)
	if ok && len(outerRefs(n)) == 0 {
		s.node, s.conds = n, conds
		return true, nil
	}
	if !d.needValues {
		return false, nil
	}
	s.grouped, s.empty = false, nil
	return d.perRow(s)
}

func (d *decorrelation) isOuter(e expr.Expr) bool {
	for _, id := range expr.ColumnsUsed(e) {
		if d.outer[id] {
			return true
		}
	}
	return false
}

func (d *decorrelation) anyOuter(exprs []expr.Expr) bool {
	for _, e := range exprs {
		if d.isOuter(e) {
			return true
		}
	}
	return false
}

// split parts conditions into those that stay and those that are pulled.
func (d *decorrelation) split(conds []expr.Expr) (stay, pulled []expr.Expr) {
	for _, c := range conds {
		if d.isOuter(c) {
			pulled = append(pulled, c)
		} else {
			stay = append(stay, c)
		}
	}
	return stay, pulled
}

// pull returns the node without outer columns, and the conditions that used them.
func (d *decorrelation) pull(n logical.Node) (logical.Node, []expr.Expr, bool) {
	if len(outerRefs(n)) == 0 {
		return n, nil, true
	}
	switch n := n.(type) {
	case *logical.Selection:
		in, below, ok := d.pull(n.Input)
		stay, pulled := d.split(n.Conds)
		if len(stay) == 0 {
			return in, append(below, pulled...), ok
		}
		return &logical.Selection{Input: in, Conds: stay}, append(below, pulled...), ok
	case *logical.Projection:
		return d.pullProjection(n)
	case *logical.Join:
		return d.pullJoin(n)
	case *logical.Agg:
		return d.pullAgg(n)
	case *logical.Sort:
		if n.HasLimit {
			return d.pullLimit(n.Input, n.Offset, n.Count)
		}
		return d.pull(n.Input) // an order without limit means nothing in a subquery
	case *logical.Limit:
		return d.pullLimit(n.Input, n.Offset, n.Count)
	}
	return nil, nil, false
}

// pullLimit: for EXISTS any limit but 0 is none.
func (d *decorrelation) pullLimit(in logical.Node, offset, count uint64) (logical.Node, []expr.Expr, bool) {
	if d.needValues || offset > 0 || count == 0 {
		return nil, nil, false
	}
	return d.pull(in)
}

func (d *decorrelation) pullProjection(n *logical.Projection) (logical.Node, []expr.Expr, bool) {
	if d.anyOuter(n.Exprs) {
		if d.needValues {
			return nil, nil, false
		}
		return d.pull(n.Input) // EXISTS does not look at values
	}
	in, conds, ok := d.pull(n.Input)
	if !ok {
		return nil, nil, false
	}
	out := &logical.Projection{Input: in}
	out.Exprs, out.Cols = n.Exprs[:len(n.Exprs):len(n.Exprs)], n.Cols[:len(n.Cols):len(n.Cols)]
	have := map[int]bool{}
	for i := range out.Cols {
		if c, ok := out.Exprs[i].(*expr.Column); ok && c.Index == out.Cols[i].ID {
			have[c.Index] = true
		}
	}
	for _, c := range in.Columns() {
		if !have[c.ID] && usesColumn(conds, c.ID) {
			out.Exprs = append(out.Exprs, c.Ref())
			out.Cols = append(out.Cols, c)
		}
	}
	return out, conds, true
}

func usesColumn(exprs []expr.Expr, id int) bool {
	for _, e := range exprs {
		for _, u := range expr.ColumnsUsed(e) {
			if u == id {
				return true
			}
		}
	}
	return false
}

func (d *decorrelation) pullJoin(n *logical.Join) (logical.Node, []expr.Expr, bool) {
	left, conds, ok := d.pull(n.Left)
	if !ok || len(n.Params) > 0 && (d.anyOuter(logical.Exprs(n)) || d.refersOuter(n.Right)) {
		return nil, nil, false
	}
	stay, pulled := n.Conds, []expr.Expr(nil)
	right := n.Right
	if n.Type == logical.InnerJoin {
		stay, pulled = d.split(n.Conds)
		var below []expr.Expr
		if right, below, ok = d.pull(n.Right); !ok {
			return nil, nil, false
		}
		conds = append(conds, below...)
	} else if d.anyOuter(n.Conds) || len(outerRefs(n.Right)) > 0 && d.refersOuter(n.Right) {
		return nil, nil, false
	}
	out := *n
	out.Left, out.Right, out.Conds = left, right, stay
	return &out, append(conds, pulled...), true
}

func (d *decorrelation) refersOuter(n logical.Node) bool {
	for id := range outerRefs(n) {
		if d.outer[id] {
			return true
		}
	}
	return false
}

// pullAgg groups by the inner sides of the correlation, which must be equalities.
func (d *decorrelation) pullAgg(n *logical.Agg) (logical.Node, []expr.Expr, bool) {
	if d.anyOuter(logical.Exprs(n)) || d.result.grouped {
		return nil, nil, false
	}
	in, conds, ok := d.pull(n.Input)
	if !ok {
		return nil, nil, false
	}
	out := *n
	out.Input = in
	out.GroupBy = out.GroupBy[:len(out.GroupBy):len(out.GroupBy)]
	out.GroupCols = out.GroupCols[:len(out.GroupCols):len(out.GroupCols)]
	scalar := len(n.GroupBy) == 0
	for i, c := range conds {
		outerSide, inner, ok := d.equality(c)
		if !ok {
			return nil, nil, false
		}
		at := -1
		for k, g := range out.GroupBy {
			if expr.Equal(g, inner) {
				at = k
			}
		}
		if at < 0 {
			at = len(out.GroupBy)
			out.GroupBy = append(out.GroupBy, inner)
			if col, ok := inner.(*expr.Column); ok {
				out.GroupCols = append(out.GroupCols, logical.Column{ID: col.Index, Name: col.Name, Type: col.T})
			} else {
				out.GroupCols = append(out.GroupCols, d.b.newColumn("", inner.Type()))
			}
		}
		eq, err := d.b.call("=", outerSide, out.GroupCols[at].Ref())
		if err != nil {
			return nil, nil, false
		}
		conds[i] = eq
	}
	if scalar {
		// A group that does not exist still gives a row: NULLs, and 0 for COUNT. EXISTS of it is always true.
		if !d.needValues {
			return nil, nil, false
		}
		d.result.grouped = true
		if !d.emptyValues(&out) {
			return nil, nil, false
		}
	}
	return &out, conds, true
}

// equality takes "outer expression = inner expression" apart.
func (d *decorrelation) equality(e expr.Expr) (outerSide, inner expr.Expr, ok bool) {
	c, is := e.(*expr.Call)
	if !is || c.Name() != "=" {
		return nil, nil, false
	}
	a, b := c.Args()[0], c.Args()[1]
	if d.isOuter(b) {
		a, b = b, a
	}
	if !d.isOuter(a) || d.isOuter(b) {
		return nil, nil, false
	}
	for _, id := range expr.ColumnsUsed(a) {
		if !d.outer[id] {
			return nil, nil, false
		}
	}
	return a, b, true
}

// emptyValues notes what the subquery's columns are for a group that does not exist: what stands above the aggregate,
// computed with 0 for COUNT and NULL for others.
func (d *decorrelation) emptyValues(agg *logical.Agg) bool {
	row := map[int]expr.Expr{}
	for i, a := range agg.Aggs {
		row[agg.AggCols[i].ID] = expr.NewConst(a.Empty())
	}
	d.result.empty = map[int]expr.Expr{}
	return d.empty(d.result.node, row)
}

func (d *decorrelation) empty(n logical.Node, row map[int]expr.Expr) bool {
	switch n := n.(type) {
	case *logical.Projection:
		if !d.empty(n.Input, row) {
			return false
		}
		for i, e := range n.Exprs {
			v := d.b.fold(expr.Transform(e, func(e expr.Expr) expr.Expr {
				if c, ok := e.(*expr.Column); ok && row[c.Index] != nil {
					return row[c.Index]
				}
				return e
			}))
			row[n.Cols[i].ID] = v
			if c, ok := v.(*expr.Const); !ok || !c.D.IsNull() {
				d.result.empty[n.Cols[i].ID] = v
			}
		}
		return true
	case *logical.Agg:
		for id, v := range row {
			if c, ok := v.(*expr.Const); ok && !c.D.IsNull() {
				d.result.empty[id] = v
			}
		}
		return true
	}
	return false // HAVING, LIMIT and the like above the aggregate
}
