package physical

import (
	"strings"

	"github.com/spillwaydb/spillway/internal/expr"
)

// Window appends to each row of its input what functions give over the row's partition. The input comes partition by
// partition, each in Order.
type Window struct {
	Base
	Input     Node
	Partition []expr.Expr
	Order     []SortKey
	Funcs     []*expr.WindowFunction
}

// Children implements Node.
func (n *Window) Children() []Node { return []Node{n.Input} }

// Describe implements Node. Functions with the same frame are listed before it, as TiDB does.
func (n *Window) Describe() (name, object, info string) {
	var parts, funcs []string
	first := len(n.Columns) - len(n.Funcs)
	for i, f := range n.Funcs {
		column := expr.Column{Index: first + i}
		funcs = append(funcs, f.String()+"->"+column.String())
		if i+1 < len(n.Funcs) && frameText(f) == frameText(n.Funcs[i+1]) {
			continue
		}
		parts = append(parts, strings.Join(funcs, ", ")+" over("+n.over(f)+")")
		funcs = nil
	}
	return "Window", "", strings.Join(parts, ", ")
}

func frameText(f *expr.WindowFunction) string {
	switch {
	case f.Name == "row_number":
		return "rows between current row and current row"
	case f.Frame == nil || !f.Frame.Explicit:
		return ""
	}
	return f.Frame.String()
}

func (n *Window) over(f *expr.WindowFunction) string {
	var parts []string
	if len(n.Partition) > 0 {
		parts = append(parts, "partition by "+exprList(n.Partition))
	}
	if len(n.Order) > 0 {
		keys := make([]string, len(n.Order))
		for i, k := range n.Order {
			keys[i] = k.Expr.String()
			if k.Desc {
				keys[i] += " desc"
			}
		}
		parts = append(parts, "order by "+strings.Join(keys, ", "))
	}
	if text := frameText(f); text != "" {
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}

var _ Node = (*Window)(nil)
