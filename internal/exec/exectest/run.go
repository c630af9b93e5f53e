package exectest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// Subject is an operator to be tested, made anew for each run.
type Subject struct {
	// Pipelines puts the operator between a source and a sink.
	Pipelines func(in exec.Source, out exec.Sink, workers int) []*exec.Pipeline
	Close     func() error
}

// Breaker is a subject that is a sink and a source.
func Breaker(sink exec.Sink, source exec.Source, close func() error) *Subject {
	return &Subject{
		Pipelines: func(in exec.Source, out exec.Sink, workers int) []*exec.Pipeline {
			return []*exec.Pipeline{
				{Chains: []exec.Chain{{Source: in}}, Sink: sink, Workers: workers},
				{Chains: []exec.Chain{{Source: source}}, Sink: out, Workers: workers},
			}
		},
		Close: close,
	}
}

// Step is a subject that is a streaming operator.
func Step(op exec.Operator) *Subject {
	return &Subject{
		Pipelines: func(in exec.Source, out exec.Sink, workers int) []*exec.Pipeline {
			return []*exec.Pipeline{{
				Chains: []exec.Chain{{Source: in}}, Steps: []exec.Step{{Operator: op}}, Sink: out, Workers: workers,
			}}
		},
		Close: op.Close,
	}
}

// Test is an operator with an input and what is to come out.
type Test struct {
	Types   []types.Type // of the input
	Rows    []Row
	Ordered bool // the rows must reach the operator in order: one worker
	// MinBytes is the operator's minimum at that many workers.
	MinBytes func(workers int) int64
	New      func(acct *memory.Account, stmt *memory.Statement, workers int) (*Subject, error)
	Check    func(t testing.TB, got []Row)
	// Shapes and Limits are what Run tries; nil: standard ones.
	Shapes []Shape
	// Short leaves out runs that take long: each batch size with each quota, every step of the sweep.
	Short bool
}

// Conditions are those of one run.
type Conditions struct {
	Shape      Shape
	Workers    int
	Surplus    int64 // bytes beyond the minimums that the pool has
	QuotaBytes int64 // beyond the minimums; 0: none
	ForceSpill bool
	NoSurplus  bool // every lease is refused
	// Refuse is asked before each operation of the operator's account.
	Refuse func(op memory.Op) error
	// CancelAt cancels the run before that batch of input; 0: never.
	CancelAt int
	// Wanted ends the run after so many rows; 0: never.
	Wanted int
}

func (c Conditions) String() string {
	s := fmt.Sprintf("rows=%d,workers=%d", c.Shape.Rows, c.Workers)
	for name, on := range map[string]bool{
		"select": c.Shape.Select, "const": c.Shape.Const, "force": c.ForceSpill, "tight": c.NoSurplus,
	} {
		if on {
			s += "," + name
		}
	}
	if c.Surplus > 0 {
		s += fmt.Sprintf(",surplus=%dK", c.Surplus>>10)
	}
	if c.QuotaBytes > 0 {
		s += fmt.Sprintf(",quota=%dK", c.QuotaBytes>>10)
	}
	return s
}

// Result is what a run came to.
type Result struct {
	Rows   []Row
	Err    error
	Writes int // blocks that were evicted
	Events []memory.EventKind
	Peak   int64
}

// limitBytes is every pool's limit: what a run is not to have is another statement's minimum. plentyBytes is more
// surplus than any test uses.
const (
	limitBytes  = 256 << 20
	plentyBytes = 128 << 20
)

// account is the name of the tested operator's account.
const account = "subject"

// Do runs the test once. It fails the test if anything is left on the operator's account, or in the pool.
func (x *Test) Do(t testing.TB, c Conditions) (r Result) {
	t.Helper()
	c.Workers = max(c.Workers, 1)
	in := &input{types: x.Types, shape: c.Shape, limit: c.Workers, rows: x.Rows}
	if x.Ordered {
		in.limit = 1
	}
	minimum := x.MinBytes(c.Workers)
	if c.Surplus == 0 {
		c.Surplus = plentyBytes
	}
	store := &memorytest.Blocks{}
	hooks := &memory.Hooks{Refuse: func(op memory.Op, name string, _ int) error {
		switch {
		case name != account:
			return nil
		case op == memory.OpSurplus && c.NoSurplus:
			return sqlerr.ErrNoSurplus
		case c.Refuse != nil:
			return c.Refuse(op)
		}
		return nil
	}}
	in.fit()
	inputBytes := in.minBytes()
	granted := minimum + inputBytes
	pool, err := memory.NewPool(memory.Options{LimitBytes: limitBytes, Store: store, Hooks: hooks, LaneFraction: -1})
	require.NoError(t, err)
	o := memory.StatementOptions{Name: "test", Spill: true, ForceSpill: c.ForceSpill}
	o.OnEvent = func(e memory.Event) { r.Events = append(r.Events, e.Kind) }
	if c.QuotaBytes > 0 {
		o.QuotaBytes, o.CancelAtQuota = granted+c.QuotaBytes, true // the quota is final
	}
	stmt := pool.NewStatement(pool.Server(), o)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	require.NoError(t, stmt.Admit(ctx, granted))
	ballast := pool.NewStatement(pool.Server(), memory.StatementOptions{Name: "ballast"})
	defer ballast.Close()
	if n := pool.MaxMinimum() - granted - c.Surplus; n > 0 {
		require.NoError(t, ballast.Admit(ctx, n))
	}
	stmt.AddWorkers(1)
	acct, err := stmt.Operator(account, minimum)
	require.NoError(t, err)
	in.acct, err = stmt.Operator("input", inputBytes)
	require.NoError(t, err)
	if c.CancelAt > 0 {
		in.before = func(batch int) {
			if batch == c.CancelAt {
				cancel(errCancelled)
			}
		}
	}
	out := &output{most: c.Wanted}
	subject, err := x.New(acct, stmt, c.Workers)
	require.NoError(t, err)
	run := &exec.Run{Statement: stmt, Pipelines: subject.Pipelines(in, out, c.Workers)}
	r.Err = run.Execute(ctx)
	require.NoError(t, run.Close())
	require.NoError(t, subject.Close())
	require.NoError(t, subject.Close())
	stats := acct.Stats()
	require.Zero(t, stats.Current, "left on the account after %v: %v", c, r.Err)
	r.Rows, r.Peak = out.rows, stats.Peak
	r.Writes, _ = store.Counts()
	stmt.AddWorkers(-1)
	in.acct.Close()
	acct.Close()
	stmt.Close()
	ballast.Close()
	require.NoError(t, pool.Close())
	require.Zero(t, store.Len())
	return r
}

var (
	errCancelled = errors.New("cancelled by the test")
	errInjected  = errors.New("refused by the test")
)

// Run tests the operator under many conditions.
func (x *Test) Run(t *testing.T) {
	t.Run("shapes", x.shapes)
	t.Run("memory", x.memory)
	t.Run("cancel", x.cancel)
	t.Run("close", x.close)
	t.Run("sweep", x.sweep)
}

func (x *Test) good(t *testing.T, c Conditions) Result {
	t.Helper()
	r := x.Do(t, c)
	require.NoError(t, r.Err, "%v", c)
	x.Check(t, r.Rows)
	return r
}

var standardShapes = []Shape{
	{Rows: 1}, {Rows: 2}, {Rows: 37, Select: true}, {Rows: 333, Const: true}, {Rows: 1024}, {Rows: 2048, Select: true},
}

func (x *Test) allShapes() []Shape {
	switch {
	case x.Shapes != nil:
		return x.Shapes
	case testing.Short():
		return standardShapes[2:4]
	}
	return standardShapes
}

// shapes varies batches.
func (x *Test) shapes(t *testing.T) {
	for i, s := range x.allShapes() {
		s.Seed = uint64(i)
		for _, workers := range []int{1, 2} {
			x.good(t, Conditions{Shape: s, Workers: workers})
			x.good(t, Conditions{Shape: s, Workers: workers, NoSurplus: true})
		}
	}
}

// memory varies what there is of it.
func (x *Test) memory(t *testing.T) {
	shape := Shape{Rows: 256}
	allWorkers, step := []int{1, 2, 3}, int64(4)
	if testing.Short() {
		allWorkers, step = []int{2}, 16
	}
	for _, workers := range allWorkers {
		for _, force := range []bool{false, true} {
			x.good(t, Conditions{Shape: shape, Workers: workers, ForceSpill: force})
			x.good(t, Conditions{Shape: shape, Workers: workers, ForceSpill: force, NoSurplus: true})
			for surplus := int64(64 << 10); surplus <= 4<<20; surplus *= step {
				x.good(t, Conditions{Shape: shape, Workers: workers, ForceSpill: force, Surplus: surplus})
				x.good(t, Conditions{Shape: shape, Workers: workers, ForceSpill: force, QuotaBytes: surplus})
			}
		}
	}
}

// cancel stops runs on the way.
func (x *Test) cancel(t *testing.T) {
	shape := Shape{Rows: max(1, len(x.Rows)/20)}
	for at := 1; at < 20; at += 3 {
		r := x.Do(t, Conditions{Shape: shape, Workers: 2, CancelAt: at})
		if r.Err != nil {
			require.ErrorIs(t, r.Err, errCancelled)
		}
	}
	for _, wanted := range []int{1, 100} {
		r := x.Do(t, Conditions{Shape: shape, Workers: 2, Wanted: wanted})
		require.NoError(t, r.Err)
	}
}

// close ends operators that were not run.
func (x *Test) close(t *testing.T) {
	y := *x
	y.New = func(acct *memory.Account, stmt *memory.Statement, workers int) (*Subject, error) {
		s, err := x.New(acct, stmt, workers)
		if err == nil {
			pipelines := s.Pipelines
			s.Pipelines = func(in exec.Source, out exec.Sink, workers int) []*exec.Pipeline {
				pipelines(in, out, workers)
				return nil
			}
		}
		return s, err
	}
	y.Do(t, Conditions{Shape: Shape{Rows: 16}})
}

// sweep refuses the N-th operation of each kind, for N = 1, 2, ... until there are no more: once, and from there on.
func (x *Test) sweep(t *testing.T) {
	for _, op := range []memory.Op{memory.OpSurplus, memory.OpMinimum, memory.OpWrite, memory.OpRead} {
		for _, always := range []bool{false, true} {
			runs := 0
			for n := int64(1); ; n = x.further(n) {
				var count atomic.Int64
				c := Conditions{Shape: Shape{Rows: 512}, Workers: 1 + runs%2, Surplus: 1 << 20}
				c.ForceSpill = op == memory.OpWrite || op == memory.OpRead
				c.Refuse = func(o memory.Op) error {
					if o != op {
						return nil
					}
					if k := count.Add(1); k == n || always && k > n {
						if op == memory.OpSurplus {
							return sqlerr.ErrNoSurplus
						}
						return errInjected
					}
					return nil
				}
				r := x.Do(t, c)
				runs++
				switch {
				case op == memory.OpSurplus:
					require.NoError(t, r.Err, "surplus refused at %d", n)
					x.Check(t, r.Rows)
				case r.Err == nil:
					x.Check(t, r.Rows)
				default:
					require.ErrorIs(t, r.Err, errInjected, "operation %d refused at %d", op, n)
				}
				if count.Load() < n {
					break
				}
			}
		}
	}
}

// further is the next step of a sweep: all at first, then ever fewer.
func (x *Test) further(n int64) int64 {
	if x.Short || testing.Short() {
		return 2*n + 1
	}
	return 2*n + 10
}
