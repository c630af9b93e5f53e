package plan

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
	"github.com/spillwaydb/spillway/internal/plan/physical"
)

// window plans window functions: a sort by the partition and then by the order, unless the input has an order that will
// do, such as that of another window.
func (p *planner) window(n *logical.Window) (physical.Node, error) {
	var input physical.Node
	var err error
	if keys := n.SortKeys(); len(keys) == 0 || n.ReadsOrder(p.givenOrder(n.Input)) {
		input, err = p.node(n.Input)
	} else {
		input, err = p.node(&logical.Sort{Input: n.Input, Keys: keys})
	}
	if err != nil {
		return nil, err
	}
	cols := n.Input.Columns()
	at := positions(cols)
	out := &physical.Window{Input: input}
	if out.Partition, err = remapAll(n.Partition, cols); err != nil {
		return nil, err
	}
	for _, k := range n.Order {
		e, err := remap(k.Expr, at)
		if err != nil {
			return nil, err
		}
		out.Order = append(out.Order, physical.SortKey{Expr: e, Desc: k.Desc})
	}
	for _, f := range n.Funcs {
		c := f.Clone()
		if err := c.Exprs(func(e *expr.Expr) (err error) {
			*e, err = remap(*e, at)
			return err
		}); err != nil {
			return nil, err
		}
		out.Funcs = append(out.Funcs, c)
	}
	return out, nil
}

// givenOrder is the order in which the plan of a node gives its rows, as far as windows and WITH ROLLUP see to it.
func (p *planner) givenOrder(n logical.Node) []logical.SortKey {
	switch n := n.(type) {
	case *logical.Window:
		if given := p.givenOrder(n.Input); n.ReadsOrder(given) {
			return given
		}
		return n.SortKeys()
	case *logical.Selection:
		return p.givenOrder(n.Input)
	case *logical.Limit:
		return p.givenOrder(n.Input)
	case *logical.DefaultRow:
		return p.givenOrder(n.Input)
	case *logical.Agg:
		return p.rollupOrder(n)
	case *logical.Projection:
		return projectOrder(n, p.givenOrder(n.Input))
	}
	return nil
}

// projectOrder is the part of an order that can be told from the columns of a projection.
func projectOrder(n *logical.Projection, given []logical.SortKey) []logical.SortKey {
	var out []logical.SortKey
	for _, k := range given {
		at := -1
		for i, e := range n.Exprs {
			if expr.Equal(e, k.Expr) {
				at = i
				break
			}
		}
		if at < 0 {
			break
		}
		out = append(out, logical.SortKey{Expr: n.Cols[at].Ref(), Desc: k.Desc})
	}
	return out
}

// startsWith says if rows in an order are in order of keys too.
func startsWith(given, keys []logical.SortKey) bool {
	return len(given) >= len(keys) && sameKeys(given[:len(keys)], keys)
}
