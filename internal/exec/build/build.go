package build

import (
	"context"
	"fmt"
	"io"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/dml"
	"github.com/spillwaydb/spillway/internal/exec/runtimefilter"
	"github.com/spillwaydb/spillway/internal/exec/stream"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
)

// Deps is what the operators work on.
type Deps struct {
	Statement *memory.Statement // admitted with the sizing's minimum
	Txn       kv.Txn            // a statement has begun in it
	Lock      kv.LockOptions    // how row locks wait
	Catalog   *catalog.Catalog
	Env       *expr.Env
	Session   any             // for virtual tables
	Consumer  stream.Consumer // gets the rows
	// OpenFile opens a LOAD DATA file; the run closes it.
	OpenFile func(ctx context.Context, n *physical.Load) (io.ReadCloser, error)
	// Default evaluates DEFAULT (expr) of a column.
	Default           func(ctx context.Context, c *schema.Column) (types.Datum, error)
	FoundRows         bool
	Increment, Offset uint64 // of AUTO_INCREMENT
	InsertID          uint64
	HashZero          bool // for tests
}

// Build makes the run of a plan. The caller closes it, also after an error of Execute; on an error of Build nothing is
// kept. result gives what a data change did, once the run has ended; nil: the plan gives rows.
func Build(p *physical.Plan, s Sizing, d Deps) (run *exec.Run, result func() dml.Result, err error) {
	b := &builder{sizing: s, deps: d, run: &exec.Run{Statement: d.Statement, Profile: new(exec.Profile)}}
	err = b.root(p.Root)
	if err == nil {
		err = b.schedule()
	}
	if err != nil {
		if cerr := b.run.Close(); cerr != nil {
			return nil, nil, fmt.Errorf("%w (and closing: %w)", err, cerr)
		}
		return nil, nil, err
	}
	return b.run, b.result, nil
}

type builder struct {
	sizing  Sizing
	deps    Deps
	dry     bool // only minimum is computed
	run     *exec.Run
	tenants []*tenant
	ended   int // pipelines so far
	result  func() dml.Result
	ctes    map[*physical.CTE]*builtCTE // of the whole plan

	// sub is the part that is built; nil: the whole plan. In a dry walk its accounts are opened, else they are used.
	sub    *subplan
	opened int                       // accounts of sub
	once   bool                      // some operator cannot be executed again
	limits map[*physical.Scan]uint64 // of locking scans: rows that the plan takes at most
	first  map[*physical.Scan]uint64 // see firstRows

	filters map[*physical.RuntimeFilter]*runtimefilter.Filter // of joins whose left sides are being built

	spills  map[int]bool // see ExpectedSpills; nil: not asked for
	surplus float64      // bytes, for spills
}

// pipe gives the rows of a node: a pipeline that lacks its end. In a dry walk it has no chains and steps.
type pipe struct {
	chains   []exec.Chain
	steps    []exec.Step
	types    []types.Type
	capacity int     // rows of a batch at most
	workers  int     // that the sources offer, at most
	serial   bool    // a step must see all rows: one worker, whatever the sources offer
	anyOrder bool    // the order of the rows means nothing: several workers may bring them to the client
	live     float64 // bytes of rows that are kept while it runs, as estimated
	tenants  []*tenant
	begin    []func() error // before its pipeline runs
	joins    int            // steps that keep the rows of a side
}

// step appends an operator to the pipe.
func (b *builder) step(p *pipe, n physical.Node, op exec.Operator) {
	if !b.dry {
		p.steps = append(p.steps, exec.Step{Node: n.Common().ID, Operator: op})
	}
}

// source starts a pipe.
func (b *builder) source(
	n physical.Node, s exec.Source, t []types.Type, capacity, workers int, tenants ...*tenant,
) *pipe {
	p := &pipe{types: t, capacity: capacity, workers: workers}
	for _, t := range tenants {
		p.add(t)
	}
	if !b.dry {
		p.chains = []exec.Chain{{Node: n.Common().ID, Source: s}}
	}
	return p
}

// operator has op closed after the last pipeline of t, and its figures noted for n before.
func (b *builder) operator(t *tenant, n physical.Node, op interface {
	Close() error
	Figures(give func(name string, n int64))
},
) {
	noted := false
	b.keep(t, func() error {
		if !noted {
			noted = true
			op.Figures(b.run.Profile.Node(n.Common().ID).Note)
		}
		return op.Close()
	})
}

// breaker ends a pipe with a sink of t's operator, and starts one with its source.
func (b *builder) breaker(
	p *pipe, n physical.Node, t *tenant, sink exec.Sink, src exec.Source, out []types.Type, workers int,
) *pipe {
	b.end(p, n, sink, p.workers)
	return b.source(n, src, out, breakerCapacity(out), workers, t)
}

// dryBreaker is breaker in a dry walk.
func (b *builder) dryBreaker(p *pipe, n physical.Node, t *tenant, out []types.Type, workers int) *pipe {
	return b.breaker(p, n, t, nil, nil, out, workers)
}

// end closes a pipe with a sink: a pipeline of the run. It is called in dry walks too.
func (b *builder) end(p *pipe, n physical.Node, s exec.Sink, workers int) {
	for _, t := range p.tenants {
		t.runs(b.ended)
	}
	b.ended++
	if !b.dry {
		b.run.Pipelines = append(b.run.Pipelines, &exec.Pipeline{
			Chains: p.chains, Steps: p.steps, Node: n.Common().ID, Sink: s, Workers: workers, Begin: p.begin,
		})
	}
}

// root builds the pipelines of a whole plan.
func (b *builder) root(n physical.Node) error {
	switch n := n.(type) {
	case *physical.Insert:
		return b.insert(n)
	case *physical.Update:
		return b.update(n)
	case *physical.Delete:
		return b.delete(n)
	}
	p, err := b.node(n)
	if err != nil {
		return err
	}
	// One worker: rows come in the order in which the source has them, as MySQL's do. Groups are in no such order.
	workers := 1
	if p.anyOrder {
		workers = p.workers
	}
	b.end(p, n, stream.NewResult(b.deps.Consumer), workers)
	return nil
}
