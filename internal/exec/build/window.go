package build

import (
	"github.com/spillwaydb/spillway/internal/exec/window"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// window appends the operator to the pipe of its input, which from there on has one worker: partitions come one after
// the other.
func (b *builder) window(n *physical.Window) (*pipe, error) {
	p, err := b.node(n.Input)
	if err != nil {
		return nil, err
	}
	if p.workers != 1 && len(n.Partition)+len(n.Order) > 0 {
		return nil, sqlerr.AssertionError("windows over the input of several workers")
	}
	own := len(p.types)
	var exprs []expr.Expr
	add := func(e expr.Expr) int {
		for i, o := range exprs {
			if expr.Equal(o, e) {
				return i
			}
		}
		exprs = append(exprs, e)
		return len(exprs) - 1
	}
	o := window.Options{Output: own, PageBytes: b.sizing.PageBytes}
	for _, e := range n.Partition {
		o.Partition = append(o.Partition, add(e))
	}
	for _, k := range n.Order {
		o.Order = append(o.Order, add(k.Expr))
	}
	for _, f := range n.Funcs {
		o.Funcs = append(o.Funcs, windowFunction(f, add))
	}
	columns, err := b.columnsOf(p, n, exprs)
	if err != nil {
		return nil, err
	}
	o.Types = p.types
	placeColumns(&o, columns)
	if o.Account, err = b.open(n, window.MinBytes(o)); err != nil {
		return nil, err
	}
	if !b.dry {
		b.step(p, n, window.New(o))
	}
	p.types, p.capacity, p.workers, p.serial = n.Types(), window.BatchRows(o), 1, true
	return p, nil
}

// windowFunction has numbers of expressions where the options have columns.
func windowFunction(f *expr.WindowFunction, add func(expr.Expr) int) window.Function {
	out := window.Function{Name: f.Name, N: f.N, Type: f.T}
	for _, e := range f.Args {
		out.Args = append(out.Args, add(e))
	}
	if f.Agg != nil {
		if acc, ok := expr.NewAccumulator(f.Agg); ok {
			out.Agg = acc
		}
	}
	if f.Frame == nil {
		return out
	}
	out.Frame = &window.Frame{Rows: f.Frame.Rows, Desc: f.Frame.Desc}
	if f.Frame.Key != nil {
		out.Frame.Key = add(f.Frame.Key)
	}
	bound := func(b *expr.FrameBound) window.Bound {
		w := window.Bound{Kind: b.Kind, Rows: b.Rows, Limited: b.Limit != nil}
		if w.Limited {
			w.Limit = add(b.Limit)
		}
		return w
	}
	out.Frame.Start, out.Frame.End = bound(&f.Frame.Start), bound(&f.Frame.End)
	return out
}

// placeColumns puts columns in place of the numbers of expressions.
func placeColumns(o *window.Options, columns []int) {
	replace := func(at []int) {
		for i, e := range at {
			at[i] = columns[e]
		}
	}
	replace(o.Partition)
	replace(o.Order)
	for i := range o.Funcs {
		f := &o.Funcs[i]
		replace(f.Args)
		if f.Frame == nil {
			continue
		}
		limited := false
		for _, b := range []*window.Bound{&f.Frame.Start, &f.Frame.End} {
			if b.Limited {
				b.Limit, limited = columns[b.Limit], true
			}
		}
		if limited {
			f.Frame.Key = columns[f.Frame.Key]
		}
	}
}
