package plan

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/types"
)

// splitMatch makes a semi, anti or left outer semi join that no equality decides a chain of joins of which each has
// keys to hash by, or few rows to compare with. It returns nil if there is no such chain.
//
// The right side is computed once, into a table that all of them read, unless it is a mere scan.
func (p *planner) splitMatch(n *logical.Join) (logical.Node, error) {
	if n.Type != logical.SemiJoin && n.Type != logical.AntiJoin && n.Type != logical.LeftOuterSemi ||
		!deterministic(n.Conds) || !p.closed(n.Right) {
		return nil, nil
	}
	for _, split := range []func(m *matches) bool{(*matches).branches, (*matches).comparisons} {
		m := &matches{p: p, n: n, left: idSet(n.Left), right: idSet(n.Right)}
		if !split(m) {
			continue
		}
		return m.joins()
	}
	return nil, nil
}

// closed says if a node gives the same rows wherever in the plan it is computed.
func (p *planner) closed(n logical.Node) bool {
	switch n := n.(type) {
	case *logical.CTEScan:
		return !n.Work
	case *logical.Values:
		return p.slots == 0 // else they may depend on an outer row
	}
	if !deterministic(logical.Exprs(n)) {
		return false
	}
	for _, in := range n.Inputs() {
		if !p.closed(*in) {
			return false
		}
	}
	return true
}

// matches finds the pairs of rows of a join that match, or perhaps do, part by part.
type matches struct {
	p           *planner
	n           *logical.Join
	left, right map[int]bool
	parts       []part
	scan        *logical.Scan // the right side, if it is read anew for each part
	table       *logical.CTE
	err         error // the first one
}

// part is some of the pairs of a join: those for which conds are true. Together the parts have each pair that counts.
type part struct {
	right   logical.Node
	conds   []expr.Expr
	perhaps bool // these pairs match unless they do not: a comparison is unknown
}

func (m *matches) call(name string, args ...expr.Expr) expr.Expr {
	if m.err != nil {
		return args[0]
	}
	e, err := expr.NewCall(name, args, m.p.ctx.Env)
	if err != nil {
		m.err = err
		return args[0]
	}
	return e
}

// junction joins truth values by "and" or "or".
func (m *matches) junction(name string, list []expr.Expr) expr.Expr {
	if len(list) == 1 {
		return list[0]
	}
	return m.call(name, list...)
}

func (m *matches) isNull(list ...expr.Expr) []expr.Expr {
	out := make([]expr.Expr, len(list))
	for i, e := range list {
		out[i] = m.call("is null", e)
	}
	return out
}

// maybe is the condition that e is true or unknown.
func (m *matches) maybe(e expr.Expr) expr.Expr { return m.call("not", m.call("is false", e)) }

// onlyIf is e where cond is true, else NULL, which is equal to nothing.
func (m *matches) onlyIf(cond, e expr.Expr) expr.Expr { return m.call("if", cond, e, expr.NewNull()) }

func (m *matches) add(right logical.Node, perhaps bool, conds ...expr.Expr) {
	m.parts = append(m.parts, part{right: right, conds: conds, perhaps: perhaps})
}

// rows are the right side's rows for which all conditions are true.
func (m *matches) rows(conds ...expr.Expr) logical.Node {
	cols := m.n.Right.Columns()
	if m.scan != nil {
		scan := *m.scan
		scan.Filter = append(scan.Filter[:len(scan.Filter):len(scan.Filter)], conds...)
		return &scan
	}
	if m.table == nil {
		m.table = &logical.CTE{Name: "subquery", Cols: cols, Seed: m.n.Right}
		m.err = m.p.planTable(m.table)
	}
	scan := &logical.CTEScan{CTE: m.table, Cols: cols}
	for i := range cols {
		scan.Ordinals = append(scan.Ordinals, i)
	}
	if len(conds) == 0 {
		return scan
	}
	return &logical.Selection{Input: scan, Conds: conds}
}

// tagged are all rows of the right side for those left rows for which cond is true: the two are joined by the second
// result.
func (m *matches) tagged(cond expr.Expr) (logical.Node, expr.Expr) {
	rows, one := m.rows(), expr.NewInt(1)
	tag := logical.Column{ID: m.p.newID(), Type: one.Type()}
	cols := rows.Columns()
	out := &logical.Projection{
		Input: rows, Exprs: append(refs(cols), one), Cols: append(cols[:len(cols):len(cols)], tag),
	}
	return out, m.call("=", m.onlyIf(cond, one), tag.Ref())
}

// joins makes the chain. What an anti join drops, any of the parts may drop; what a semi join keeps, or a left outer
// semi join says, is the OR of what the parts say.
func (m *matches) joins() (logical.Node, error) {
	out := m.n.Left
	var sure, unsure []expr.Expr
	for _, x := range m.parts {
		j := &logical.Join{Type: m.n.Type, Left: out, Right: x.right, Conds: x.conds, Est: m.p.rules.Rows(m.n)}
		if m.n.Type != logical.AntiJoin {
			j.Type, j.Est, j.Conds = logical.LeftOuterSemi, 0, nil
			j.Mark = logical.Column{ID: m.p.newID(), Type: types.NewBool()}
			for _, e := range x.conds {
				if call(e, "is true") == nil {
					e = m.call("is true", e)
				}
				j.Conds = append(j.Conds, e)
			}
			if x.perhaps {
				unsure = append(unsure, j.Mark.Ref())
			} else {
				sure = append(sure, j.Mark.Ref())
			}
		}
		m.narrow(j)
		out = j
	}
	if m.err != nil || m.n.Type == logical.AntiJoin {
		return out, m.err
	}
	match := m.junction("or", sure)
	if len(unsure) > 0 {
		match = m.call("if", match, expr.NewInt(1), m.onlyIf(m.call("not", m.junction("or", unsure)), expr.NewInt(0)))
	}
	top := &logical.Projection{Cols: m.n.Columns(), Exprs: refs(m.n.Left.Columns())}
	if m.n.Type == logical.SemiJoin {
		out = &logical.Selection{Input: out, Conds: []expr.Expr{match}}
	} else {
		top.Exprs = append(top.Exprs, match)
	}
	top.Input = out
	return top, m.err
}

// narrow leaves the right side of a part those columns of the table that it needs.
func (m *matches) narrow(j *logical.Join) {
	need := map[int]bool{}
	read := func(exprs []expr.Expr) {
		for _, e := range exprs {
			for _, id := range expr.ColumnsUsed(e) {
				need[id] = true
			}
		}
	}
	read(j.Conds)
	at := &j.Right
	for {
		switch n := (*at).(type) {
		case *logical.Selection:
			read(n.Conds)
			at = &n.Input
			continue
		case *logical.Agg:
			read(n.GroupBy)
			at = &n.Input
			continue
		case *logical.Limit:
			at = &n.Input
			continue
		case *logical.Projection: // of tagged
			last := len(n.Cols) - 1
			exprs, cols := []expr.Expr{n.Exprs[last]}, []logical.Column{n.Cols[last]}
			for i, c := range n.Cols[:last] {
				if need[c.ID] {
					exprs, cols = append(exprs, n.Exprs[i]), append(cols, c)
				}
			}
			n.Exprs, n.Cols = exprs, cols
			at = &n.Input
			continue
		case *logical.Scan:
			read(n.Filter)
			n.Cols, n.Ordinals = needed(n.Cols, n.Ordinals, need)
		case *logical.CTEScan:
			cols, ordinals := n.Cols, n.Ordinals
			if n.Cols, n.Ordinals = needed(cols, ordinals, need); len(n.Cols) == 0 {
				n.Cols, n.Ordinals = cols[:1], ordinals[:1]
			}
		}
		return
	}
}

// needed are those columns of a scan that are in need.
func needed(all []logical.Column, at []int, need map[int]bool) (cols []logical.Column, ordinals []int) {
	for i, c := range all {
		if need[c.ID] {
			cols, ordinals = append(cols, c), append(ordinals, at[i])
		}
	}
	return cols, ordinals
}

// planTable plans a table that a part of the query is computed into. It has been rewritten already.
func (p *planner) planTable(n *logical.CTE) error {
	seed, err := p.node(n.Seed)
	if err != nil {
		return err
	}
	out := &physical.CTE{Name: n.Name, Seed: seed, Number: len(p.cteList)}
	out.Columns, out.EstRows = physicalColumns(n.Cols), seed.Common().EstRows
	if p.ctes == nil {
		p.ctes = map[*logical.CTE]*physical.CTE{}
	}
	p.ctes[n] = out
	p.cteList = append(p.cteList, out)
	return nil
}
