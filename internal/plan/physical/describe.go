package physical

import (
	"sort"
	"strconv"
	"strings"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/schema"
)

func exprList(exprs []expr.Expr) string {
	parts := make([]string, len(exprs))
	for i, e := range exprs {
		parts[i] = e.String()
	}
	return strings.Join(parts, ", ")
}

func tableObject(t *schema.Table, alias string) string {
	if alias == "" || alias == t.Name {
		return "table:" + t.Name
	}
	return "table:" + alias
}

func indexObject(t *schema.Table, x *schema.Index) string {
	cols := make([]string, len(x.Columns))
	for i, c := range x.Columns {
		cols[i] = t.Columns[c.Column].Name
	}
	return x.Name + "(" + strings.Join(cols, ", ") + ")"
}

// Describe implements Node.
func (n *Scan) Describe() (name, object, info string) {
	object = tableObject(n.Table, n.Alias)
	if !n.Index.Primary {
		object += ", index:" + indexObject(n.Table, n.Index)
	}
	var parts []string
	points := n.pointRanges()
	switch covering := n.Index.Primary || !n.WithKey && n.Lock == LockNone && n.Table.Covers(n.Index, n.Ordinals); {
	case points && n.Points == nil && len(n.Ranges) == 1:
		name = "Point_Get"
	case points:
		name = "Batch_Point_Get"
	case !covering:
		name = "IndexLookUp"
	case n.Index.Primary && !n.ranged():
		name = "TableFullScan"
	case n.Index.Primary:
		name = "TableRangeScan"
	case !n.ranged():
		name = "IndexFullScan"
	default:
		name = "IndexRangeScan"
	}
	if len(n.Ranges) > 0 {
		parts = append(parts, "range:"+rangeList(n.Ranges))
	}
	if n.Points != nil {
		parts = append(parts, "range:"+n.Points.String())
	}
	if n.Bind != nil {
		parts = append(parts, "range: decided by outer row")
	}
	if n.Keyed {
		parts = append(parts, "range: decided by outer keys")
	}
	parts = append(parts, "keep order:"+strconv.FormatBool(n.KeepOrder))
	if n.Reverse {
		parts = append(parts, "desc")
	}
	switch n.Lock {
	case LockShare:
		parts = append(parts, "lock:share")
	case LockUpdate:
		parts = append(parts, "lock:update")
	}
	if len(n.Filter) > 0 {
		parts = append(parts, "filter:"+exprList(n.Filter))
	}
	for i := range n.Filters {
		parts = append(parts, n.Filters[i].describe(n.Columns))
	}
	return name, object, strings.Join(parts, ", ")
}

func (n *Scan) ranged() bool { return len(n.Ranges) > 0 || n.Points != nil || n.Bind != nil || n.Keyed }

// pointRanges says if each range is at most one row.
func (n *Scan) pointRanges() bool {
	if !n.Index.Primary && !n.Index.Unique || !n.ranged() {
		return false
	}
	if n.Bind != nil || n.Keyed {
		return false
	}
	if n.Points != nil {
		return n.Points.Columns() == len(n.Index.Columns)
	}
	for _, r := range n.Ranges {
		if !r.Low.Inclusive || !r.High.Inclusive || len(r.Low.Values) != len(n.Index.Columns) ||
			len(r.High.Values) != len(r.Low.Values) {
			return false
		}
		for i, v := range r.Low.Values {
			if v.IsNull() || v.Compare(r.High.Values[i]) != 0 {
				return false
			}
		}
	}
	return true
}

// rangesShown bounds the ranges that EXPLAIN prints.
const rangesShown = 16

func rangeList(ranges []Range) string {
	var parts []string
	for i, r := range ranges {
		if i == rangesShown {
			parts = append(parts, "...("+strconv.Itoa(len(ranges))+" in all)")
			break
		}
		parts = append(parts, r.String())
	}
	return strings.Join(parts, ", ")
}

// String is TiDB's form: [1 2,1 +inf].
func (r Range) String() string {
	open, closing := "[", "]"
	if !r.Low.Inclusive && len(r.Low.Values) > 0 {
		open = "("
	}
	if !r.High.Inclusive && len(r.High.Values) > 0 {
		closing = ")"
	}
	width := max(len(r.Low.Values), len(r.High.Values), 1)
	return open + boundText(r.Low, width, "-inf") + "," + boundText(r.High, width, "+inf") + closing
}

func boundText(b Bound, width int, missing string) string {
	var parts []string
	for i := range width {
		if i >= len(b.Values) {
			parts = append(parts, missing)
			break
		}
		parts = append(parts, expr.NewConst(b.Values[i]).String())
	}
	return strings.Join(parts, " ")
}

// Describe implements Node.
func (n *VirtualScan) Describe() (name, object, info string) {
	var parts []string
	ordinals := make([]int, 0, len(n.Equals))
	for o := range n.Equals {
		ordinals = append(ordinals, o)
	}
	sort.Ints(ordinals)
	for _, o := range ordinals {
		parts = append(parts, n.Table.Columns[o].Name+":"+strings.Join(n.Equals[o], "|"))
	}
	if len(n.Filter) > 0 {
		parts = append(parts, "filter:"+exprList(n.Filter))
	}
	return "MemTableScan", tableObject(n.Table, n.Alias), strings.Join(parts, ", ")
}

// Describe implements Node.
func (n *Values) Describe() (name, object, info string) {
	if len(n.Columns) == 0 || n.Source.RowCount() == 0 {
		return "TableDual", "", "rows:" + strconv.Itoa(n.Source.RowCount())
	}
	return "Values", "", "rows:" + strconv.Itoa(n.Source.RowCount())
}

// Describe implements Node.
func (n *Load) Describe() (name, object, info string) {
	return "LoadData", "", "file:" + n.FileName
}

// Describe implements Node.
func (n *Selection) Describe() (name, object, info string) { return "Selection", "", exprList(n.Conds) }

// Describe implements Node.
func (n *Projection) Describe() (name, object, info string) {
	parts := make([]string, len(n.Exprs))
	for i, e := range n.Exprs {
		parts[i] = e.String()
	}
	return "Projection", "", strings.Join(parts, ", ")
}

// Describe implements Node.
func (n *Limit) Describe() (name, object, info string) {
	return "Limit", "", "offset:" + strconv.FormatUint(n.Offset, 10) + ", count:" + strconv.FormatUint(n.Count, 10)
}

// Describe implements Node.
func (n *Sort) Describe() (name, object, info string) {
	parts := make([]string, len(n.Keys))
	for i, k := range n.Keys {
		parts[i] = k.Expr.String()
		if k.Desc {
			parts[i] += ":desc"
		}
	}
	info = strings.Join(parts, ", ")
	if n.Limit == 0 {
		return "Sort", "", info
	}
	bounds := ", offset:" + strconv.FormatUint(n.Offset, 10) + ", count:" + strconv.FormatUint(n.Limit, 10)
	return "TopN", "", info + bounds
}

// Describe implements Node.
func (n *Agg) Describe() (name, object, info string) {
	name = "HashAgg"
	if n.Stream {
		name = "StreamAgg"
	}
	info = describeAgg(n.GroupBy, n.Aggs)
	if n.States {
		info += ", partial"
	}
	return name, "", info
}

func describeAgg(groupBy []expr.Expr, aggs []*expr.Aggregate) string {
	var parts []string
	if len(groupBy) > 0 {
		parts = append(parts, "group by:"+exprList(groupBy))
	}
	var funcs []string
	for _, a := range aggs {
		args := exprList(a.Args)
		if len(a.Args) == 0 {
			args = "1"
		}
		if a.Distinct {
			args = "distinct " + args
		}
		for i, k := range a.OrderBy {
			if i == 0 {
				args += " order by "
			} else {
				args += ", "
			}
			args += k.Expr.String()
			if k.Desc {
				args += " desc"
			}
		}
		funcs = append(funcs, a.Name+"("+args+")")
	}
	if len(funcs) > 0 {
		parts = append(parts, "funcs:"+strings.Join(funcs, ", "))
	}
	return strings.Join(parts, ", ")
}

var joinNames = [...]string{
	InnerJoin: "inner join", LeftJoin: "left outer join", SemiJoin: "semi join", AntiJoin: "anti semi join",
	LeftOuterSemi: "left outer semi join",
}

// Describe implements Node.
func (n *NestedLoop) Describe() (name, object, info string) {
	info = joinNames[n.Type]
	if len(n.Conds) > 0 {
		return "NestedLoopJoin", "", info + ", conds:" + exprList(n.Conds)
	}
	return "NestedLoopJoin", "", "CARTESIAN " + info
}

// Describe implements Node.
func (n *Union) Describe() (name, object, info string) { return "Union", "", "" }

// Describe implements Node.
func (n *Insert) Describe() (name, object, info string) {
	name = "Insert"
	if n.Duplicates == DuplicateReplace {
		name = "Replace"
	}
	return name, "table:" + n.Table.Name, ""
}

// Describe implements Node.
func (n *Update) Describe() (name, object, info string) { return "Update", "table:" + n.Table.Name, "" }

// Describe implements Node.
func (n *Delete) Describe() (name, object, info string) { return "Delete", "table:" + n.Table.Name, "" }

var (
	_ Node = (*Scan)(nil)
	_ Node = (*VirtualScan)(nil)
	_ Node = (*Values)(nil)
	_ Node = (*Load)(nil)
	_ Node = (*Selection)(nil)
	_ Node = (*Projection)(nil)
	_ Node = (*Limit)(nil)
	_ Node = (*Sort)(nil)
	_ Node = (*Agg)(nil)
	_ Node = (*NestedLoop)(nil)
	_ Node = (*Union)(nil)
	_ Node = (*Insert)(nil)
	_ Node = (*Update)(nil)
	_ Node = (*Delete)(nil)
)
