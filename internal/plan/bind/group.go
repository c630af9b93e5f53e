package bind

import (
	"strconv"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

func positionText(n int) string { return strconv.Itoa(n) }

// groupItems binds GROUP BY: positions, then columns of the tables, then names of the select list. Errors 1054, 1056.
func (s *block) groupItems() error {
	g := s.n.GroupBy
	if g == nil {
		return nil
	}
	if g.Rollup {
		s.beginRollup()
	}
	s.grouped = true
	for _, item := range g.Items {
		e, err := s.groupItem(item.Expr)
		if err != nil {
			return err
		}
		if s.rollup != nil {
			s.addKey(e)
			continue
		}
		if _, constant := e.(*expr.Const); constant {
			continue // one group, but still none for no rows
		}
		s.addGroup(e)
	}
	return nil
}

func (s *block) groupItem(n ast.ExprNode) (expr.Expr, error) {
	x := &exprBinder{b: s.b, scope: s.from, clause: "group statement"}
	defer func() { s.node = x.attach(s.node) }()
	if p, ok := n.(*ast.PositionExpr); ok && p.P == nil {
		if p.N < 1 || p.N > len(s.fields) {
			return nil, sqlerr.New(sqlerr.ErrBadField, positionText(p.N), "group statement")
		}
		return s.groupField(x, &s.fields[p.N-1])
	}
	// An alias is taken where the tables have no such column.
	x.alias = func(n *ast.ColumnName) (expr.Expr, error) {
		for i := range s.fields {
			if f := &s.fields[i]; f.alias && isName(f.name, n.Name.O) {
				return s.groupField(x, f)
			}
		}
		return nil, nil
	}
	return x.bindFolded(n)
}

// groupField is a select item as a group expression; one with an aggregate is error 1056.
func (s *block) groupField(x *exprBinder, f *field) (expr.Expr, error) {
	if f.node == nil {
		return f.column.ref(), nil
	}
	if f.bound {
		return f.expr, nil
	}
	y := *x
	y.alias, y.joins = nil, nil
	e, err := y.bindFolded(f.node)
	if err == nil && len(y.joins) > 0 {
		// The subquery is the same in the select list.
		f.expr, f.bound = e, true
		x.joins = append(x.joins, y.joins...)
	}
	if err != nil && sqlerr.CodeOf(err) == sqlerr.ErrInvalidGroupFuncUse || isWindowUse(err) {
		return nil, sqlerr.New(sqlerr.ErrWrongGroupField, f.name)
	}
	return e, err
}

// addGroup adds an expression to the grouping; a plain column keeps its ID.
func (s *block) addGroup(e expr.Expr) logical.Column {
	for i, o := range s.groupBy {
		if expr.Equal(o, e) {
			return s.groupCols[i]
		}
	}
	var col logical.Column
	if c, ok := e.(*expr.Column); ok {
		col = logical.Column{ID: c.Index, Name: c.Name, Type: c.T}
		for i := range s.from.cols {
			if s.from.cols[i].col.ID == c.Index {
				col = s.from.cols[i].col
				col.Type = c.T
			}
		}
	} else {
		col = s.b.newColumn(e.String(), e.Type())
	}
	s.groupBy = append(s.groupBy, e)
	s.groupCols = append(s.groupCols, col)
	return col
}

// group puts the grouping below the select list and rewrites what was bound over the input: group expressions become
// columns of the grouping, and other columns must depend on those (1055, 1140) or any value of the group is taken.
func (s *block) group(having []expr.Expr, keys []orderKey, binders ...*exprBinder) error {
	g := &grouping{s: s, full: s.b.ctx.Mode.Has(types.ModeOnlyFullGroupBy), own: map[int]bool{}}
	for i := range s.from.cols {
		g.own[s.from.cols[i].col.ID] = true
	}
	g.dependent()
	explicit := s.n.GroupBy != nil
	for i := range s.fields {
		e, err := g.rewrite(s.fields[i].expr, i+1, "SELECT list", explicit)
		if err != nil {
			return err
		}
		s.fields[i].expr = e
	}
	for i := range having {
		e, err := g.rewrite(having[i], i+1, "HAVING", explicit)
		if err != nil {
			return err
		}
		having[i] = e
	}
	for i := range keys {
		if keys[i].field >= 0 {
			continue
		}
		e, err := g.rewrite(keys[i].expr, i+1, "ORDER BY", explicit)
		if err != nil {
			return err
		}
		keys[i].expr = e
	}
	for _, w := range s.windows.list {
		if err := w.Exprs(func(e *expr.Expr) (err error) {
			*e, err = g.rewrite(*e, 1, "SELECT list", explicit)
			return err
		}); err != nil {
			return err
		}
	}
	for _, x := range binders {
		for _, j := range x.joins {
			for k := range j.Conds {
				e, err := g.rewrite(j.Conds[k], 1, "SELECT list", explicit)
				if err != nil {
					return err
				}
				j.Conds[k] = e
			}
			for k := range j.Params {
				e, err := g.rewrite(j.Params[k].Expr, 1, "SELECT list", explicit)
				if err != nil {
					return err
				}
				j.Params[k].Expr = e
			}
			if j.perRow == nil {
				continue
			}
			if err := j.perRow.exprs(func(e *expr.Expr) (err error) {
				*e, err = g.rewrite(*e, 1, "SELECT list", explicit)
				return err
			}); err != nil {
				return err
			}
		}
	}
	for _, j := range s.aggs.joins {
		s.node = j.attach(s.node)
	}
	s.node = &logical.Agg{
		Input: s.node, GroupBy: s.groupBy, GroupCols: s.groupCols, Aggs: s.aggs.list, AggCols: s.aggs.cols,
		Stream: s.b.stream, Hash: s.b.hash,
	}
	if s.rollup != nil {
		s.node = s.groupRollup(s.node.(*logical.Agg))
	}
	if explicit && len(s.groupBy) == 0 {
		// GROUP BY of constants: no rows give no group, unlike an aggregate without GROUP BY.
		one := expr.NewInt(1)
		agg := s.node.(*logical.Agg)
		agg.GroupBy, agg.GroupCols = []expr.Expr{one}, []logical.Column{s.b.newColumn("1", one.Type())}
	}
	return nil
}

// grouping rewrites expressions over the input of a grouping to expressions over its output.
type grouping struct {
	s      *block
	full   bool         // ONLY_FULL_GROUP_BY
	own    map[int]bool // columns of the input
	closed map[int]bool // columns that the group determines
}

// dependent finds the columns that are determined by the group columns: through keys of tables, and through equalities
// in WHERE.
func (g *grouping) dependent() {
	g.closed = map[int]bool{}
	for _, e := range g.s.groupBy {
		if c, ok := e.(*expr.Column); ok {
			g.closed[c.Index] = true
		}
	}
	for changed := true; changed; {
		changed = false
		add := func(id int) {
			if !g.closed[id] {
				g.closed[id] = true
				changed = true
			}
		}
		for _, c := range g.s.where {
			a, b, ok := equalColumns(c)
			switch {
			case !ok:
			case b == 0:
				add(a)
			case g.closed[a]:
				add(b)
			case g.closed[b]:
				add(a)
			}
		}
		g.keys(g.s.node, add)
	}
}

// equalColumns takes column = column apart, or column = constant (b is 0).
func equalColumns(e expr.Expr) (a, b int, ok bool) {
	c, is := e.(*expr.Call)
	if !is || c.Name() != "=" {
		return 0, 0, false
	}
	l, lok := c.Args()[0].(*expr.Column)
	r, rok := c.Args()[1].(*expr.Column)
	switch {
	case lok && rok:
		return l.Index, r.Index, true
	case lok && expr.IsConst(c.Args()[1]):
		return l.Index, 0, true
	case rok && expr.IsConst(c.Args()[0]):
		return r.Index, 0, true
	}
	return 0, 0, false
}

// keys adds all columns of a table whose primary or unique key is determined.
func (g *grouping) keys(n logical.Node, add func(int)) {
	switch n := n.(type) {
	case *logical.Scan:
		for _, x := range append(n.Table.Indexes[:len(n.Table.Indexes):len(n.Table.Indexes)], n.Table.Primary) {
			if !x.Unique && !x.Primary || n.Table.Nullable(x) && !x.Primary {
				continue
			}
			all := true
			for _, part := range x.Columns {
				all = all && part.Prefix == 0 && g.closed[n.Cols[part.Column].ID]
			}
			if all {
				for i := range n.Cols {
					add(n.Cols[i].ID)
				}
			}
		}
	case *logical.Join:
		if n.Type == logical.InnerJoin || n.Type == logical.LeftJoin {
			for _, c := range n.Conds {
				a, b, ok := equalColumns(c)
				if !ok || b == 0 {
					continue
				}
				// Of an outer join the left side determines the right one.
				inner := n.Type == logical.InnerJoin
				if g.closed[a] && (inner || hasColumn(n.Right, b)) {
					add(b)
				}
				if g.closed[b] && (inner || hasColumn(n.Right, a)) {
					add(a)
				}
			}
		}
	}
	for _, in := range n.Inputs() {
		g.keys(*in, add)
	}
}

func hasColumn(n logical.Node, id int) bool {
	for _, c := range n.Columns() {
		if c.ID == id {
			return true
		}
	}
	return false
}

// rewrite replaces group expressions first, from the leaves up; columns that are left over then stand outside of any.
func (g *grouping) rewrite(e expr.Expr, position int, clause string, explicit bool) (expr.Expr, error) {
	grouped := expr.Transform(e, func(e expr.Expr) expr.Expr {
		for i, o := range g.s.groupBy {
			if expr.Equal(o, e) {
				return g.s.groupCols[i].Ref()
			}
		}
		return e
	})
	var failed error
	out := expr.Transform(grouped, func(e expr.Expr) expr.Expr {
		c, ok := e.(*expr.Column)
		if !ok || !g.own[c.Index] || failed != nil || g.isGroup(c.Index) {
			return e
		}
		switch {
		case g.closed[c.Index] && g.s.rollup == nil:
			// It is the same for all rows of the group, so grouping by it too changes nothing.
			col := g.s.addGroup(c)
			return col.Ref()
		case g.full && !explicit:
			failed = sqlerr.New(sqlerr.ErrMixOfGroupFuncAndFields, position, clause, c.Name)
		case g.full && !g.closed[c.Index]:
			failed = sqlerr.New(sqlerr.ErrWrongFieldWithGroup, position, clause, c.Name)
		default:
			a, err := expr.NewAggregateType("any_value", []expr.Expr{c}, false, g.s.b.ctx.Env)
			if err != nil {
				failed = err
				return e
			}
			return g.any(a).Ref()
		}
		return e
	})
	return out, failed
}

func (g *grouping) isGroup(id int) bool {
	for i := range g.s.groupCols {
		if g.s.groupCols[i].ID == id {
			return true
		}
	}
	return false
}

// any adds the aggregate that takes any value of the group.
func (g *grouping) any(a *expr.Aggregate) *logical.Column {
	for i, o := range g.s.aggs.list {
		if sameAggregate(a, o) {
			return &g.s.aggs.cols[i]
		}
	}
	g.s.aggs.list = append(g.s.aggs.list, a)
	g.s.aggs.cols = append(g.s.aggs.cols, g.s.b.newColumn(aggregateText(a), a.T))
	return &g.s.aggs.cols[len(g.s.aggs.cols)-1]
}
