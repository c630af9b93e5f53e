package rewrite

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/logical"
)

// pushWindow moves conditions on the partition's columns below: they keep or drop partitions as a whole. All others
// would change what functions see.
func (c *Context) pushWindow(n *logical.Window, conds []expr.Expr) logical.Node {
	partition := map[int]bool{}
	for _, e := range n.Partition {
		if col, ok := e.(*expr.Column); ok {
			partition[col.Index] = true
		}
	}
	var stay, down []expr.Expr
	for _, e := range conds {
		if len(expr.ColumnsUsed(e)) > 0 && within(e, partition) && wholePartitions(e) {
			down = append(down, e)
		} else {
			stay = append(stay, e)
		}
	}
	n.Input = c.push(n.Input, down)
	return selection(n, stay)
}

// comparisons are conditions that cannot tell strings apart that are equal in the collation of all of their operands.
var comparisons = map[string]bool{
	"=": true, "<=>": true, "!=": true, "<": true, "<=": true, ">": true, ">=": true, "in": true, "is null": true,
}

// wholePartitions says if a condition is true for all rows of a partition or for none. Strings that are equal, as 'a'
// and 'A' may be, need not be the same to a function of theirs.
func wholePartitions(e expr.Expr) bool {
	switch e := e.(type) {
	case *expr.Column:
		return !e.T.IsString() && !e.T.IsFloat()
	case *expr.Call:
		same := comparisons[e.Name()]
		for _, a := range e.Args() {
			same = same && a.Type().IsString() && a.Type().Collation == e.Args()[0].Type().Collation
		}
		for _, a := range e.Args() {
			if _, ok := a.(*expr.Column); (!ok || !same) && !wholePartitions(a) {
				return false
			}
		}
	}
	return true
}

// pruneWindow drops functions that nobody reads, and the node with the last of them.
func pruneWindow(n *logical.Window, need map[int]bool) logical.Node {
	var funcs []*expr.WindowFunction
	var cols []logical.Column
	for i, f := range n.Funcs {
		if need[n.FuncCols[i].ID] || !windowDeterministic(f) {
			funcs, cols = append(funcs, f), append(cols, n.FuncCols[i])
		}
	}
	if len(funcs) == 0 {
		return prune(n.Input, need)
	}
	n.Funcs, n.FuncCols = funcs, cols
	below := map[int]bool{}
	for id := range need {
		below[id] = true
	}
	_ = n.Exprs(func(e *expr.Expr) error { // which returns no error
		reads(below, *e)
		return nil
	})
	n.Input = narrow(prune(n.Input, below), below)
	return n
}

func windowDeterministic(f *expr.WindowFunction) bool {
	for _, a := range f.Args {
		if !expr.Deterministic(a) {
			return false
		}
	}
	return true
}
