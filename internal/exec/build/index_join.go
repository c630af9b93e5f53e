package build

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/join"
	"github.com/spillwaydb/spillway/internal/exec/scan"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/vector"
)

// indexJoin is a step of the outer side's pipeline, which reads the inner side itself.
func (b *builder) indexJoin(n *physical.IndexJoin) (*pipe, error) {
	outer, err := b.node(n.Outer)
	if err != nil {
		return nil, err
	}
	o := join.IndexOptions{
		Type: n.Type, OuterOut: len(outer.types), InnerRows: n.Inner.Types(), Conds: n.Conds, AtMostOne: n.AtMostOne,
		Filtered: len(n.Inner.Filter) > 0, PageBytes: b.sizing.PageBytes, Env: b.deps.Env,
	}
	if o.Keys, err = b.indexKeys(outer, n); err != nil {
		return nil, err
	}
	o.Outer = outer.types
	batch := b.sizing.BatchRows
	inner, err := b.rent(n.Inner, scan.MinBytes(n.Inner, outer.workers, batch), outer)
	if err != nil {
		return nil, err
	}
	t, err := b.rent(n, join.IndexMinBytes(o, outer.workers), outer)
	if err != nil {
		return nil, err
	}
	if !b.dry {
		s, err := scan.NewLookup(scan.Options{
			Account: inner.acct, Node: n.Inner, Txn: b.deps.Txn, Env: b.deps.Env, BatchRows: batch,
		})
		if err != nil {
			return nil, err
		}
		o.Inner = lookup{s, b.run.Profile.Node(n.Inner.ID)}
	}
	o.Account = t.acct
	x := join.NewIndex(o)
	outer.types, outer.capacity = n.Types(), x.Capacity()
	b.operator(t, n, x)
	b.step(outer, n, x.Operator())
	return outer, nil
}

// indexKeys makes keys columns of the outer side.
func (b *builder) indexKeys(outer *pipe, n *physical.IndexJoin) ([]join.IndexKey, error) {
	var exprs []expr.Expr
	out := make([]join.IndexKey, len(n.Keys))
	for i, k := range n.Keys {
		out[i].NullSafe = k.NullSafe
		if c, ok := k.Expr.(*expr.Const); ok {
			out[i].Column, out[i].Value = -1, c.D
			continue
		}
		exprs = append(exprs, k.Expr)
	}
	columns, err := b.columnsOf(outer, n, exprs)
	if err != nil {
		return nil, err
	}
	for i := range out {
		if out[i].Column >= 0 {
			out[i].Column, columns = columns[0], columns[1:]
		}
	}
	return out, nil
}

// lookup is a table as the inner side of an index join.
type lookup struct {
	*scan.Lookup
	profile *exec.NodeProfile
}

var _ join.Inner = lookup{}

// NewLocal implements join.Inner.
func (k lookup) NewLocal(w *exec.Worker) (join.LocalInner, error) {
	l, err := k.Lookup.NewLocal(w)
	if err != nil {
		return nil, err
	}
	return localLookup{l, k.profile}, nil
}

type localLookup struct {
	*scan.LocalLookup
	profile *exec.NodeProfile
}

// Start implements join.LocalInner.
func (l localLookup) Start(keys join.Keys, first int) { l.LocalLookup.Start(keys, first) }

// Next implements join.LocalInner.
func (l localLookup) Next(ctx context.Context) (*vector.Batch, []int32, error) {
	b, of, err := l.LocalLookup.Next(ctx)
	if b != nil {
		l.profile.AddRows(int64(b.Rows()))
	}
	return b, of, err
}
