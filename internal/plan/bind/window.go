package bind

import (
	"math"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// windows collects the window functions of a query block, those of equal partitions and orders together.
type windows struct {
	named []*windowDef // of the WINDOW clause
	list  []*logical.Window
}

// windowDef is a window of the WINDOW clause, or behind OVER.
type windowDef struct {
	ast   *ast.WindowSpec
	name  string // for errors
	state defState

	partition []expr.Expr
	order     []logical.SortKey
	frame     *ast.FrameClause
}

// defState says how far a definition has been bound: first is defOpen, then defInWork, in which a reference to it is
// circular, then defBound.
type defState uint8

const (
	defOpen defState = iota
	defInWork
	defBound
)

// unnamedWindow is what errors call a window behind OVER.
const unnamedWindow = "<unnamed window>"

// namedWindows binds the WINDOW clause, windows that no function uses as well. Errors: 3579 to 3592, 3595.
func (s *block) namedWindows() error {
	w := s.windows
	for i := range s.n.WindowSpecs {
		spec := &s.n.WindowSpecs[i]
		if w.find(spec.Name.O) != nil {
			return sqlerr.New(sqlerr.ErrWindowDuplicateName, spec.Name.O)
		}
		w.named = append(w.named, &windowDef{ast: spec, name: spec.Name.O})
	}
	x := s.binder("window")
	x.noSubquery = true // there would be no place to join them unless the window is used
	for _, d := range w.named {
		if err := x.define(w, d); err != nil {
			return err
		}
		if _, err := x.frame(d); err != nil {
			return err
		}
	}
	return nil
}

func (w *windows) find(name string) *windowDef {
	for _, d := range w.named {
		if isName(d.name, name) {
			return d
		}
	}
	return nil
}

// define binds a definition, and the one that it builds on.
func (x *exprBinder) define(w *windows, d *windowDef) error {
	switch d.state {
	case defBound:
		return nil
	case defInWork:
		return sqlerr.New(sqlerr.ErrWindowCircularityInWindowGraph)
	}
	d.state = defInWork
	if ref := d.ast.Ref.O; ref != "" {
		parent := w.find(ref)
		if parent == nil {
			return sqlerr.New(sqlerr.ErrWindowNoSuchWindow, ref)
		}
		if err := x.define(w, parent); err != nil {
			return err
		}
		switch {
		case d.ast.PartitionBy != nil:
			return sqlerr.New(sqlerr.ErrWindowNoChildPartitioning)
		case parent.frame != nil:
			return sqlerr.New(sqlerr.ErrWindowNoInherentFrame, parent.name)
		case d.ast.OrderBy != nil && parent.order != nil:
			return sqlerr.New(sqlerr.ErrWindowNoRedefineOrderBy, d.name, parent.name)
		}
		d.partition, d.order = parent.partition, parent.order
	}
	if d.ast.PartitionBy != nil {
		for _, item := range d.ast.PartitionBy.Items {
			e, err := x.windowKey(d, item, "window partition by")
			if err != nil {
				return err
			}
			d.partition = append(d.partition, e)
		}
	}
	if d.ast.OrderBy != nil {
		d.order = []logical.SortKey{}
		for _, item := range d.ast.OrderBy.Items {
			e, err := x.windowKey(d, item, "window order by")
			if err != nil {
				return err
			}
			d.order = append(d.order, logical.SortKey{Expr: e, Desc: item.Desc})
		}
	}
	d.frame = d.ast.Frame
	d.state = defBound
	return nil
}

// windowKey binds an expression of PARTITION BY or ORDER BY. Names of the select list are not known there.
func (x *exprBinder) windowKey(d *windowDef, item *ast.ByItem, clause string) (expr.Expr, error) {
	if _, ok := item.Expr.(*ast.PositionExpr); ok {
		return nil, sqlerr.New(sqlerr.ErrWindowIllegalOrderBy, d.name)
	}
	in := x.inside(clause)
	in.inWindow = d.name
	e, err := in.bindFolded(item.Expr)
	x.joins = append(x.joins, in.joins...)
	return e, err
}

// inside is a binder for parts of a window function, in which no other one may be.
func (x *exprBinder) inside(clause string) *exprBinder {
	return &exprBinder{
		b: x.b, scope: x.scope, clause: clause, aggs: x.aggs, grouped: x.grouped, noSubquery: x.noSubquery,
	}
}

// window binds a window function as a column of a window. Errors: 3593, 3595, those of its window, 1210, 1235.
func (x *exprBinder) window(n *ast.WindowFuncExpr) (expr.Expr, error) {
	name := strings.ToLower(n.Name)
	switch {
	case x.inWindow != "":
		return nil, sqlerr.New(sqlerr.ErrWindowNestedWindowFuncUseInWindowSpec, x.inWindow)
	case x.windows == nil:
		return nil, sqlerr.New(sqlerr.ErrWindowInvalidWindowFuncUse, name)
	case n.IgnoreNull:
		return nil, notSupported("IGNORE NULLS")
	case n.FromLast:
		return nil, notSupported("FROM LAST")
	case n.Distinct && name != "min" && name != "max":
		return nil, notSupported("<window function>(DISTINCT ..)")
	}
	f, err := x.windowFunction(name, n.Args)
	if err != nil {
		return nil, err
	}
	d := &windowDef{ast: &n.Spec, name: unnamedWindow}
	if n.Spec.OnlyAlias {
		if d = x.windows.find(n.Spec.Name.O); d == nil {
			return nil, sqlerr.New(sqlerr.ErrWindowNoSuchWindow, n.Spec.Name.O)
		}
	}
	if err := x.define(x.windows, d); err != nil {
		return nil, err
	}
	frame, err := x.frame(d)
	if err != nil {
		return nil, err
	}
	if f.Framed() {
		f.Frame = frame
	}
	return x.windows.add(x.b, d, f), nil
}

// add adds a function to the window of its partition and order, unless it is there already.
func (w *windows) add(b *binder, d *windowDef, f *expr.WindowFunction) expr.Expr {
	partition, order := d.keys()
	var at *logical.Window
	for _, o := range w.list {
		same := len(o.Partition) == len(partition) && len(o.Order) == len(order)
		for i := range partition {
			same = same && expr.Equal(o.Partition[i], partition[i])
		}
		for i := range order {
			same = same && o.Order[i].Desc == order[i].Desc && expr.Equal(o.Order[i].Expr, order[i].Expr)
		}
		if same {
			at = o
		}
	}
	if at == nil {
		at = &logical.Window{Partition: partition, Order: order}
		w.list = append(w.list, at)
	}
	for i, o := range at.Funcs {
		if f.Equal(o) {
			return at.FuncCols[i].Ref()
		}
	}
	col := b.newColumn("", f.T)
	at.Funcs, at.FuncCols = append(at.Funcs, f), append(at.FuncCols, col)
	return col.Ref()
}

// keys are the partition and the order without what orders nothing: constants, and what came before.
func (d *windowDef) keys() (partition []expr.Expr, order []logical.SortKey) {
	var seen []expr.Expr
	counts := func(e expr.Expr) bool {
		if _, constant := e.(*expr.Const); constant {
			return false
		}
		for _, o := range seen {
			if expr.Equal(o, e) {
				return false
			}
		}
		seen = append(seen, e)
		return true
	}
	for _, e := range d.partition {
		if counts(e) {
			partition = append(partition, e)
		}
	}
	for _, k := range d.order {
		if counts(k.Expr) {
			order = append(order, k)
		}
	}
	return partition, order
}

// windowFunction binds a function and its arguments.
func (x *exprBinder) windowFunction(name string, nodes []ast.ExprNode) (*expr.WindowFunction, error) {
	in := x.inside(x.clause)
	n := int64(0)
	var err error
	switch name {
	case "ntile":
		n, err = in.windowNumber(name, nodes[0], 1)
		nodes = nil
	case "nth_value":
		n, err = in.windowNumber(name, nodes[1], 1)
		nodes = nodes[:1]
	case "lag", "lead":
		n = 1
		if len(nodes) > 1 {
			n, err = in.windowNumber(name, nodes[1], 0)
		}
		if len(nodes) > 2 {
			nodes = []ast.ExprNode{nodes[0], nodes[2]}
		} else {
			nodes = nodes[:1]
		}
	}
	if err != nil {
		return nil, err
	}
	args, err := in.bindAll(nodes)
	if err != nil {
		return nil, err
	}
	for i := range args {
		args[i] = x.b.fold(args[i])
	}
	x.joins = append(x.joins, in.joins...)
	if c, ok := firstConst(args); ok && name == "count" && !c.D.IsNull() {
		args = nil // COUNT(*) comes as COUNT(1)
	}
	return expr.NewWindowFunction(name, args, n, x.b.ctx.Env)
}

func firstConst(args []expr.Expr) (*expr.Const, bool) {
	if len(args) != 1 {
		return nil, false
	}
	c, ok := args[0].(*expr.Const)
	return c, ok
}

// windowNumber is an argument that is an integer of at least least. Error 1210.
func (x *exprBinder) windowNumber(name string, n ast.ExprNode, least int64) (int64, error) {
	e, err := x.bindFolded(n)
	if err != nil {
		return 0, err
	}
	if v, ok := x.b.wholeNumber(n, e); ok && v >= least {
		return v, nil
	}
	return 0, sqlerr.New(sqlerr.ErrWrongArguments, name)
}

// wholeNumber is the value e of an integer literal n. A parameter is made an integer, as clients may send text; one
// that has no value yet is 1.
func (b *binder) wholeNumber(n ast.ExprNode, e expr.Expr) (int64, bool) {
	if _, ok := n.(*parse.Param); ok {
		e = b.fold(expr.NewCast(e, types.NewBigInt()))
	}
	c, ok := e.(*expr.Const)
	if !ok {
		return 0, false
	}
	switch c.D.Kind {
	case types.PhysNull:
		return 1, b.preparing()
	case types.PhysInt64:
		return c.D.I, c.D.Type.IsInteger()
	case types.PhysUint64:
		return int64(min(c.D.U, math.MaxInt64)), c.D.Type.IsInteger()
	}
	return 0, false
}

// frame binds a window's frame; without one it is what MySQL takes: up to the rows equal to the current one, or the
// whole partition if there is no order.
func (x *exprBinder) frame(d *windowDef) (*expr.Frame, error) {
	_, order := d.keys()
	f := &expr.Frame{}
	switch c := d.frame; {
	case c == nil:
		f.End.Kind = expr.CurrentRow
	case c.Type == ast.Groups:
		return nil, notSupported("GROUPS")
	default:
		f.Rows, f.Explicit = c.Type == ast.Rows, true
		start, end := &c.Extent.Start, &c.Extent.End
		f.Start.Kind, f.End.Kind = boundKind(start), boundKind(end)
		switch {
		case f.Start.Kind == expr.UnboundedFollowing:
			return nil, sqlerr.New(sqlerr.ErrWindowFrameStartIllegal, d.name)
		case f.End.Kind == expr.UnboundedPreceding:
			return nil, sqlerr.New(sqlerr.ErrWindowFrameEndIllegal, d.name)
		case f.Start.Kind > f.End.Kind:
			return nil, sqlerr.New(sqlerr.ErrWindowFrameIllegal, d.name)
		}
		for _, b := range []struct {
			n  *ast.FrameBound
			to *expr.FrameBound
		}{{start, &f.Start}, {end, &f.End}} {
			if b.n.Expr == nil {
				continue
			}
			if err := x.frameBound(d, f, b.n, b.to); err != nil {
				return nil, err
			}
		}
		if err := x.b.sameLimits(f); err != nil {
			return nil, err
		}
	}
	if !f.Rows && len(order) == 0 {
		// All rows are equal to the current one.
		if f.Start.Kind == expr.CurrentRow {
			f.Start.Kind = expr.UnboundedPreceding
		}
		if f.End.Kind == expr.CurrentRow {
			f.End.Kind = expr.UnboundedFollowing
		}
	}
	return f, nil
}

func boundKind(b *ast.FrameBound) expr.BoundKind {
	switch {
	case b.Type == ast.CurrentRow:
		return expr.CurrentRow
	case b.Type == ast.Preceding && b.UnBounded:
		return expr.UnboundedPreceding
	case b.Type == ast.Preceding:
		return expr.Preceding
	case b.UnBounded:
		return expr.UnboundedFollowing
	}
	return expr.Following
}

// frameBound binds n PRECEDING, n FOLLOWING. Errors 3586 to 3590, 3596.
func (x *exprBinder) frameBound(d *windowDef, f *expr.Frame, n *ast.FrameBound, to *expr.FrameBound) error {
	in := &exprBinder{b: x.b, scope: x.scope, clause: "window frame", noSubquery: true, inWindow: d.name}
	e, err := in.bindFolded(n.Expr)
	if err != nil {
		return err
	}
	c, ok := e.(*expr.Const)
	if !ok {
		return sqlerr.New(sqlerr.ErrWindowRangeBoundNotConstant, d.name)
	}
	to.Text = c.String()
	if f.Rows {
		if n.Unit != ast.TimeUnitInvalid {
			return sqlerr.New(sqlerr.ErrWindowRowsIntervalUse, d.name)
		}
		if to.Rows, ok = x.b.wholeNumber(n.Expr, c); !ok || to.Rows < 0 {
			return sqlerr.New(sqlerr.ErrWindowFrameIllegal, d.name)
		}
		return nil
	}
	if len(d.order) != 1 {
		return sqlerr.New(sqlerr.ErrWindowRangeFrameOrderType, d.name)
	}
	key := d.order[0]
	t := key.Expr.Type()
	switch {
	case !t.IsNumeric() && !t.IsTemporal():
		return sqlerr.New(sqlerr.ErrWindowRangeFrameOrderType, d.name)
	case t.IsTemporal() && n.Unit == ast.TimeUnitInvalid:
		return sqlerr.New(sqlerr.ErrWindowRangeFrameTemporalType, d.name)
	case !t.IsTemporal() && n.Unit != ast.TimeUnitInvalid:
		return sqlerr.New(sqlerr.ErrWindowRangeFrameNumericType, d.name)
	}
	if c.D.IsNull() && x.b.preparing() {
		c = expr.NewInt(0)
	}
	if c.D.IsNull() || negative(c) {
		return sqlerr.New(sqlerr.ErrWindowFrameIllegal, d.name)
	}
	f.Key, f.Desc = key.Expr, key.Desc
	back := (to.Kind == expr.Preceding) != key.Desc
	if n.Unit != ast.TimeUnitInvalid {
		unit := n.Unit.String()
		to.Text = "interval " + to.Text + " " + unit
		to.Limit, err = x.b.call(pick(back, "date_sub", "date_add"), f.Key, c, expr.NewString(unit, x.b.collation()))
		return err
	}
	if f.Key.Type().IsInteger() {
		f.Key = expr.NewCast(f.Key, types.NewDecimal(20, 0)) // beyond which no integer overflows
	}
	if c.D.Kind == types.PhysString {
		return sqlerr.New(sqlerr.ErrWindowFrameIllegal, d.name)
	}
	to.Limit, err = x.b.call(pick(back, "-", "+"), f.Key, c)
	return err
}

func pick(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// negative says if a literal is less than 0; an interval may be text such as '-1:30'.
func negative(c *expr.Const) bool {
	switch c.D.Kind {
	case types.PhysInt64:
		return c.D.I < 0
	case types.PhysFloat64:
		return c.D.F < 0
	case types.PhysDecimal:
		return int64(c.D.D[3]) < 0
	case types.PhysString:
		return strings.HasPrefix(strings.TrimSpace(string(c.D.S)), "-")
	}
	return false
}

// sameLimits makes the key of a RANGE frame and its limits of one type, so that they compare as they are.
func (b *binder) sameLimits(f *expr.Frame) error {
	var exprs []expr.Expr
	for _, e := range []expr.Expr{f.Key, f.Start.Limit, f.End.Limit} {
		if e != nil {
			exprs = append(exprs, e)
		}
	}
	if len(exprs) == 0 {
		return nil
	}
	t, err := expr.CommonType(exprs, b.ctx.Env)
	if err != nil {
		return err
	}
	t = t.WithNullable(true)
	f.Key = expr.NewCast(f.Key, t)
	if f.Start.Limit != nil {
		f.Start.Limit = expr.NewCast(f.Start.Limit, t)
	}
	if f.End.Limit != nil {
		f.End.Limit = expr.NewCast(f.End.Limit, t)
	}
	return nil
}

// attach puts the windows above a node, so that as many as can share a sort: behind each window come those that can
// read its order, and windows with more keys come first.
func (w *windows) attach(n logical.Node) logical.Node {
	left := w.list
	for len(left) > 0 {
		first := 0
		for i, o := range left {
			if len(o.SortKeys()) > len(left[first].SortKeys()) {
				first = i
			}
		}
		given := left[first].SortKeys()
		order := []*logical.Window{left[first]}
		var rest []*logical.Window
		for i, o := range left {
			switch {
			case i == first:
			case o.ReadsOrder(given):
				order = append(order, o)
			default:
				rest = append(rest, o)
			}
		}
		for _, o := range order {
			o.Input = n
			n = o
		}
		left = rest
	}
	return n
}

// uses says if an expression has a column of a window in it.
func (w *windows) uses(e expr.Expr) bool {
	for _, id := range expr.ColumnsUsed(e) {
		for _, o := range w.list {
			for i := range o.FuncCols {
				if o.FuncCols[i].ID == id {
					return true
				}
			}
		}
	}
	return false
}

// isWindowUse says if an error is that of a window function where there may be none.
func isWindowUse(err error) bool {
	return err != nil && sqlerr.CodeOf(err) == sqlerr.ErrWindowInvalidWindowFuncUse
}
