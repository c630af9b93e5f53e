package logical

import (
	"github.com/spillwaydb/spillway/internal/expr"
)

// Window computes functions over the rows of each partition, in its order. Partition and Order have no expression
// twice; none that is constant.
type Window struct {
	Input     Node
	Partition []expr.Expr
	Order     []SortKey
	Funcs     []*expr.WindowFunction
	FuncCols  []Column
}

// Columns implements Node.
func (n *Window) Columns() []Column {
	in := n.Input.Columns()
	return append(in[:len(in):len(in)], n.FuncCols...)
}

// Inputs implements Node.
func (n *Window) Inputs() []*Node { return []*Node{&n.Input} }

// Exprs calls visit on pointers to the expressions of the node.
func (n *Window) Exprs(visit func(e *expr.Expr) error) error {
	for i := range n.Partition {
		if err := visit(&n.Partition[i]); err != nil {
			return err
		}
	}
	for i := range n.Order {
		if err := visit(&n.Order[i].Expr); err != nil {
			return err
		}
	}
	for _, f := range n.Funcs {
		if err := f.Exprs(visit); err != nil {
			return err
		}
	}
	return nil
}

// SortKeys is the order in which the node reads its input: partitions one after the other, each in its order.
func (n *Window) SortKeys() []SortKey {
	keys := make([]SortKey, 0, len(n.Partition)+len(n.Order))
	for _, e := range n.Partition {
		keys = append(keys, SortKey{Expr: e})
	}
	return append(keys, n.Order...)
}

// ReadsOrder says if rows in order of given are in an order that the node can read: the partition's expressions first,
// in any order, ascending or not.
func (n *Window) ReadsOrder(given []SortKey) bool {
	p := len(n.Partition)
	if len(given) < p+len(n.Order) {
		return false
	}
	for _, e := range n.Partition {
		found := false
		for _, g := range given[:p] {
			found = found || expr.Equal(g.Expr, e)
		}
		if !found {
			return false
		}
	}
	for i, k := range n.Order {
		if g := given[p+i]; g.Desc != k.Desc || !expr.Equal(g.Expr, k.Expr) {
			return false
		}
	}
	return true
}

var _ Node = (*Window)(nil)
