package build

import (
	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/scan"
	"github.com/spillwaydb/spillway/internal/exec/sort"
	"github.com/spillwaydb/spillway/internal/exec/stream"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// node returns the pipe of a node that gives rows.
func (b *builder) node(n physical.Node) (*pipe, error) {
	b.once = b.once || !keepsNothing(n)
	switch n := n.(type) {
	case *physical.CTEScan:
		return b.cteScan(n)
	case *physical.Scan:
		return b.scan(n)
	case *physical.VirtualScan:
		return b.virtualScan(n)
	case *physical.Values:
		return b.values(n)
	case *physical.Selection:
		return b.selection(n)
	case *physical.Projection:
		return b.projection(n)
	case *physical.Limit:
		return b.limit(n)
	case *physical.MaxOneRow:
		return b.maxOneRow(n)
	case *physical.Repeat:
		return b.repeat(n)
	case *physical.Expand:
		return b.expand(n)
	case *physical.Rollup:
		return b.rollup(n)
	case *physical.DefaultRow:
		return b.defaultRow(n)
	case *physical.Window:
		return b.window(n)
	case *physical.Sort:
		return b.sort(n)
	case *physical.Agg:
		return b.agg(n)
	case *physical.Apply:
		return b.apply(n)
	case *physical.NestedLoop:
		return b.nestedLoop(n)
	case *physical.HashJoin:
		return b.hashJoin(n)
	case *physical.IndexJoin:
		return b.indexJoin(n)
	case *physical.MergeJoin:
		return b.mergeJoin(n)
	case *physical.Union:
		return b.union(n)
	case *physical.Load:
		return b.load(n)
	}
	return nil, sqlerr.AssertionError("no operator for plan node %T", n)
}

// rowCapacity is the batch size for rows of these types.
func (b *builder) rowCapacity(t []types.Type) int {
	width := 0
	for i := range t {
		width += vector.RowBytes(t[i])
	}
	return min(b.sizing.BatchRows, vector.CapacityFor(width))
}

func (b *builder) scan(n *physical.Scan) (*pipe, error) {
	node := n
	if n.Bind != nil && !b.dry {
		bound, empty := n.Bind(b.deps.Env)
		if empty {
			return b.noRows(n)
		}
		n = bound
	}
	workers, batch := b.sizing.Workers, b.scanRows(node, n)
	if n.KeepOrder || n.Lock != physical.LockNone {
		workers = 1
	}
	t, err := b.rent(n, scan.MinBytes(n, workers, batch))
	if err != nil {
		return nil, err
	}
	if b.dry {
		return b.source(n, nil, n.Types(), batch, workers, t), nil
	}
	var store kv.Store
	if workers > 1 {
		store = b.deps.Catalog.Store()
	}
	src, err := scan.New(scan.Options{
		Account: t.acct, Node: n, Txn: b.deps.Txn, Lock: b.deps.Lock, Store: store, Env: b.deps.Env,
		Workers: workers, BatchRows: batch, Limit: b.limits[node], Filters: b.scanFilters(node),
		Profile: b.run.Profile.Node(n.Common().ID),
	})
	if err != nil {
		return nil, err
	}
	p := b.source(n, src, n.Types(), batch, workers, t)
	if len(node.Filters) > 0 {
		p.begin = append(p.begin, src.Narrow)
	}
	return p, nil
}

// scanFilters are those of the joins above a scan.
func (b *builder) scanFilters(n *physical.Scan) []scan.Filter {
	var out []scan.Filter
	for _, f := range n.Filters {
		if made := b.filters[f.Filter]; made != nil {
			out = append(out, scan.Filter{Filter: made, Columns: f.Columns})
		}
	}
	return out
}

// noRows stands for a scan that can find nothing, whose account it takes.
func (b *builder) noRows(n *physical.Scan) (*pipe, error) {
	acct, err := b.open(n, 0)
	if err != nil {
		return nil, err
	}
	t := n.Types()
	src := stream.NewValues(acct, stream.NoRows{}, t, 1, b.deps.Env)
	return b.source(n, src, t, b.sizing.BatchRows, 1), nil
}

func (b *builder) virtualScan(n *physical.VirtualScan) (*pipe, error) {
	t, err := b.rent(n, scan.MinBytesVirtual(n, b.sizing.BatchRows))
	if err != nil {
		return nil, err
	}
	if b.dry {
		return b.source(n, nil, n.Types(), b.sizing.BatchRows, 1, t), nil
	}
	src, err := scan.NewVirtual(scan.VirtualOptions{
		Account: t.acct, Node: n, Provider: b.deps.Catalog.Virtual(n.Table), Session: b.deps.Session,
		Env: b.deps.Env, BatchRows: b.sizing.BatchRows,
	})
	if err != nil {
		return nil, err
	}
	return b.source(n, src, n.Types(), b.sizing.BatchRows, 1, t), nil
}

func (b *builder) values(n *physical.Values) (*pipe, error) {
	t := n.Types()
	capacity := b.rowCapacity(t)
	owner, err := b.rent(n, stream.ValuesBytes(t, capacity))
	if err != nil {
		return nil, err
	}
	return b.source(n, stream.NewValues(owner.acct, n.Source, t, capacity, b.deps.Env), t, capacity, 1, owner), nil
}

func (b *builder) selection(n *physical.Selection) (*pipe, error) {
	p, err := b.node(n.Input)
	if err != nil {
		return nil, err
	}
	t, err := b.rent(n, stream.FilterBytes(n.Conds, p.capacity)*int64(p.workers), p)
	if err != nil {
		return nil, err
	}
	b.step(p, n, stream.NewFilter(t.acct, n.Conds, p.capacity, b.deps.Env))
	return p, nil
}

func (b *builder) projection(n *physical.Projection) (*pipe, error) {
	p, err := b.node(n.Input)
	if err != nil {
		return nil, err
	}
	return p, b.project(p, n, n.Exprs, false)
}

// project appends a projection to p, on behalf of n. helper: it is not n itself, but prepares its input.
func (b *builder) project(p *pipe, n physical.Node, exprs []expr.Expr, helper bool) error {
	t, err := b.rent(n, stream.ProjectBytes(exprs, p.capacity)*int64(p.workers), p)
	if err != nil {
		return err
	}
	if !b.dry {
		op := stream.NewProject(t.acct, exprs, p.capacity, b.deps.Env)
		p.steps = append(p.steps, exec.Step{Node: n.Common().ID, Operator: op, Helper: helper})
	}
	p.types = make([]types.Type, len(exprs))
	for i, e := range exprs {
		p.types[i] = e.Type()
	}
	return nil
}

// limitLocks tells a locking scan right below a LIMIT how many rows are wanted, so that it does not lock others.
func (b *builder) limitLocks(n *physical.Limit) {
	in := n.Input
	for {
		p, ok := in.(*physical.Projection)
		if !ok {
			break
		}
		in = p.Input
	}
	if s, ok := in.(*physical.Scan); ok && s.Lock != physical.LockNone && n.Count < 1<<62 && n.Offset < 1<<62 {
		if b.limits == nil {
			b.limits = map[*physical.Scan]uint64{}
		}
		b.limits[s] = n.Offset + n.Count
	}
}

func (b *builder) limit(n *physical.Limit) (*pipe, error) {
	b.limitLocks(n)
	if n.Count < 1<<62 && n.Offset < 1<<62 {
		b.firstRows(n.Input, n.Offset+n.Count)
	}
	p, err := b.node(n.Input)
	if err != nil {
		return nil, err
	}
	t, err := b.rent(n, stream.LimitBytes(p.capacity)*int64(p.workers), p)
	if err != nil {
		return nil, err
	}
	b.step(p, n, stream.NewLimit(t.acct, n.Offset, n.Count, p.capacity))
	return p, nil
}

func (b *builder) maxOneRow(n *physical.MaxOneRow) (*pipe, error) {
	p, err := b.node(n.Input)
	if err != nil {
		return nil, err
	}
	out := n.Types()
	t, err := b.rent(n, stream.MaxOneRowBytes(out), p)
	if err != nil {
		return nil, err
	}
	b.step(p, n, stream.NewMaxOneRow(t.acct, out))
	p.types, p.workers, p.serial = out, 1, true
	return p, nil
}

// columnsOf makes sure that exprs are columns of p: those that are not are computed by a projection, which keeps all of
// p's own columns in front.
func (b *builder) columnsOf(p *pipe, n physical.Node, exprs []expr.Expr) ([]int, error) {
	out := make([]int, len(exprs))
	all := make([]expr.Expr, len(p.types), len(p.types)+len(exprs))
	for i, t := range p.types {
		all[i] = &expr.Column{Index: i, T: t}
	}
	own := len(all)
	for i, e := range exprs {
		if c, ok := e.(*expr.Column); ok {
			out[i] = c.Index
			continue
		}
		out[i] = len(all)
		all = append(all, e)
	}
	if len(all) == own {
		return out, nil
	}
	return out, b.project(p, n, all, true)
}

func (b *builder) sort(n *physical.Sort) (*pipe, error) {
	p, err := b.node(n.Input)
	if err != nil {
		return nil, err
	}
	own := len(p.types)
	exprs := make([]expr.Expr, len(n.Keys))
	for i := range n.Keys {
		exprs[i] = n.Keys[i].Expr
	}
	columns, err := b.columnsOf(p, n, exprs)
	if err != nil {
		return nil, err
	}
	o := sort.Options{
		Types: p.types, Offset: n.Offset, Limit: n.Limit, Workers: p.workers, PageBytes: b.sizing.PageBytes,
		Output: make([]int, own),
	}
	for i := range o.Output {
		o.Output[i] = i
	}
	for i, c := range columns {
		o.Keys = append(o.Keys, sort.Key{Column: c, Desc: n.Keys[i].Desc})
	}
	t, err := b.rent(n, sort.MinBytes(o), p)
	if err != nil {
		return nil, err
	}
	o.Account = t.acct
	out := p.types[:own]
	if b.dry {
		s := b.dryBreaker(p, n, t, out, 1)
		s.live = b.state(n, sortRows(n), out, sortRowBytes, p.live)
		return s, nil
	}
	s, err := sort.New(o)
	if err != nil {
		return nil, err
	}
	b.operator(t, n, s)
	return b.breaker(p, n, t, s.Sink(), s.Source(), out, 1), nil
}

// breakerCapacity is the batch size of the sources of breakers, which choose it by the width of their rows.
func breakerCapacity(t []types.Type) int {
	width := 0
	for i := range t {
		width += vector.RowBytes(t[i])
	}
	return vector.CapacityFor(width)
}

func (b *builder) union(n *physical.Union) (*pipe, error) {
	out := &pipe{types: n.Types()}
	for _, in := range n.Inputs {
		p, err := b.node(in)
		if err != nil {
			return nil, err
		}
		out.capacity = max(out.capacity, p.capacity)
		out.workers = max(out.workers, p.workers)
		out.serial = out.serial || p.serial
		out.live += p.live
		out.joins += p.joins
		out.tenants = append(out.tenants, p.tenants...)
		out.begin = append(out.begin, p.begin...)
		for _, c := range p.chains {
			c.Steps = append(c.Steps[:len(c.Steps):len(c.Steps)], p.steps...)
			out.chains = append(out.chains, c)
		}
	}
	if out.serial {
		out.workers = 1
	}
	return out, nil
}
