package plan

import (
	"slices"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/plan/bind"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/plan/rewrite"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// Build makes the plan of a statement: SELECT and set operations, VALUES, TABLE, INSERT, REPLACE, UPDATE, DELETE, LOAD
// DATA; of EXPLAIN it is the plan of what is explained. Error 1235 for what is not supported.
//
// The rows of a long INSERT are read from the statement's text while the plan runs: it must live as long.
func Build(ctx *Context, s *parse.Statement) (*physical.Plan, error) {
	// Bound expressions and plan nodes are paid for like the tree, by its tokens.
	if ctx.Reserve != nil {
		if err := ctx.Reserve(int64(s.Tokens) * boundBytes); err != nil {
			return nil, err
		}
	}
	r, err := bind.Bind(ctx, s)
	if err != nil {
		return nil, err
	}
	p := &planner{
		ctx:   ctx,
		rules: &rewrite.Context{Env: ctx.Env, RowCount: ctx.Catalog.RowCount},
		want:  map[*logical.Scan]wanted{},
		hints: r.JoinHints,
		slots: r.Slots,
	}
	out := &physical.Plan{Hints: r.Hints, Params: r.Params, Tables: r.Tables}
	var input physical.Node
	if r.Input != nil {
		if input, err = p.query(r.Input, r.Output); err != nil {
			return nil, err
		}
	}
	switch {
	case r.Insert != nil:
		if r.Load != nil {
			input = loadInput(r)
		}
		r.Insert.Input = input
		out.Root, out.Write = r.Insert, true
	case r.Update != nil:
		u := &physical.Update{Table: r.Update.Table, Input: input, Ignore: r.Update.Ignore}
		at := positions(r.Output)
		for _, a := range r.Update.Assign {
			e, err := remap(a.Expr, at)
			if err != nil {
				return nil, err
			}
			u.Assign = append(u.Assign, physical.Assignment{Column: a.Column, Expr: e})
		}
		out.Root, out.Write = u, true
	case r.Delete != nil:
		out.Root, out.Write = &physical.Delete{Table: r.Delete, Input: input}, true
	default:
		out.Root = input
		for i := range r.Output {
			out.Columns = append(out.Columns, physicalColumn(&r.Output[i]))
		}
	}
	for _, h := range p.hints {
		if !h.Applied {
			p.warn(h.Name)
		}
	}
	out.CTEs = p.cteList
	last := 0
	for _, n := range out.Roots() {
		last = number(n, last)
		runtimeFilters(n)
	}
	countScans(out)
	return out, nil
}

// boundBytes is what a token becomes on its way from the tree to the plan: a literal is the most, a constant with its
// datum and, in a list on a key, a range.
const boundBytes = 320

// loadInput is LOAD DATA's file, with a projection for SET and for fields that go to variables only.
func loadInput(r *bind.Result) physical.Node {
	if r.LoadExprs == nil {
		return r.Load
	}
	n := &physical.Projection{Input: r.Load, Exprs: r.LoadExprs}
	for i, e := range r.LoadExprs {
		name := r.Insert.Table.Columns[r.Insert.Ordinals[i]].Name
		n.Columns = append(n.Columns, physical.Column{Name: name, Type: e.Type()})
	}
	return n
}

// number gives nodes their IDs, parents first.
func number(n physical.Node, last int) int {
	last++
	n.Common().ID = last
	for _, c := range n.Children() {
		last = number(c, last)
	}
	return last
}

// planner chooses physical nodes.
type planner struct {
	ctx   *Context
	rules *rewrite.Context
	// want are orders that nodes above a scan could use.
	want   map[*logical.Scan]wanted
	hints  []*logical.JoinHint
	slots  int // parameters of parts that run for each row
	lastID int
	// ctes are those planned so far, or being planned; cteList those that are done.
	ctes    map[*logical.CTE]*physical.CTE
	cteList []*physical.CTE
}

type wanted struct {
	order []rewrite.Order
	limit float64
	got   *bool // set if the scan gives the order
}

// query plans a whole query, whose columns come as in output.
func (p *planner) query(n logical.Node, output []logical.Column) (physical.Node, error) {
	n = p.rules.All(n, output)
	out, err := p.node(n)
	if err != nil {
		return nil, err
	}
	have := n.Columns()
	if slices.EqualFunc(have, output, func(a, b logical.Column) bool { return a.ID == b.ID }) {
		// Names are those of the select list, whatever the node below calls its columns.
		if len(output) > 0 {
			out.Common().Columns = physicalColumns(output)
		}
		return out, nil
	}
	proj := &logical.Projection{Cols: output}
	for i := range output {
		proj.Exprs = append(proj.Exprs, output[i].Ref())
	}
	return p.project(proj, out, have)
}

func physicalColumn(c *logical.Column) physical.Column {
	return physical.Column{
		Name: c.Name, Type: c.Type, DB: c.DB, Table: c.Table, OrgTable: c.OrgTable, OrgName: c.OrgName, Flags: c.Flags,
	}
}

func physicalColumns(cols []logical.Column) []physical.Column {
	out := make([]physical.Column, len(cols))
	for i := range cols {
		out[i] = physicalColumn(&cols[i])
	}
	return out
}

// positions maps column IDs to positions.
func positions(cols []logical.Column) map[int]int {
	at := make(map[int]int, len(cols))
	for i := range cols {
		if _, ok := at[cols[i].ID]; !ok {
			at[cols[i].ID] = i
		}
	}
	return at
}

// remap replaces column IDs by positions.
func remap(e expr.Expr, at map[int]int) (expr.Expr, error) {
	missing := 0
	out := expr.Transform(e, func(e expr.Expr) expr.Expr {
		c, ok := e.(*expr.Column)
		if !ok {
			return e
		}
		i, ok := at[c.Index]
		if !ok {
			missing = c.Index
			return e
		}
		d := *c
		d.Index = i
		return &d
	})
	if missing != 0 {
		return nil, sqlerr.AssertionError("column %d of %s is not in the plan", missing, e)
	}
	return out, nil
}

func remapAll(exprs []expr.Expr, cols []logical.Column) ([]expr.Expr, error) {
	at := positions(cols)
	out := make([]expr.Expr, len(exprs))
	for i := range exprs {
		e, err := remap(exprs[i], at)
		if err != nil {
			return nil, err
		}
		out[i] = e
	}
	return out, nil
}
