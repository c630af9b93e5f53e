package exec

import (
	"context"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Execute runs the pipelines to their ends or to the first error. It returns that error; the caller still closes the
// run. A run of operators that keep nothing may be executed again.
func (r *Run) Execute(ctx context.Context) error {
	if r.Profile == nil {
		r.Profile = new(Profile)
	}
	for _, p := range r.Pipelines {
		if r.Phase != nil {
			r.Phase(p.Node)
		}
		if err := callAll(p.Begin); err != nil {
			return err
		}
		run := r.pipeline
		if p.Loop != nil {
			run = guardedLoop
		}
		if err := run(ctx, p); err != nil {
			return err
		}
		if err := callAll(p.Done); err != nil {
			return err
		}
	}
	return nil
}

// callAll stops at the first error.
func callAll(list []func() error) error {
	for _, f := range list {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// guardedLoop runs a pipeline that executes others; see guarded.
func guardedLoop(ctx context.Context, p *Pipeline) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = sqlerr.AssertionError("panic in a loop of pipelines: %v\n%s", p, debug.Stack())
		}
	}()
	return p.Loop(ctx)
}

// pipeline runs one pipeline: the calling goroutine is worker 0.
func (r *Run) pipeline(ctx context.Context, p *Pipeline) error {
	workers := 1
	limits := make([]int, len(p.Chains)) // workers of each chain
	for i, c := range p.Chains {
		limits[i] = max(1, min(p.Workers, c.Source.MaxWorkers()))
		if r.Outer != nil || r.Statement.LongRow() > 0 {
			limits[i] = 1
		}
		workers = max(workers, limits[i])
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		finished atomic.Bool
		wg       sync.WaitGroup
		errs     = make([]error, workers)
	)
	work := func(id int) {
		d := &driver{run: r, pipeline: p, worker: &Worker{ID: id, run: r, alone: workers == 1}, finished: &finished,
			limits: limits, workers: workers}
		if errs[id] = d.guarded(ctx); errs[id] != nil {
			cancel(errs[id])
		}
	}
	// Worker 0 is counted by whoever runs the statement, for its whole life.
	for id := 1; id < workers; id++ {
		r.Statement.AddWorkers(1)
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer r.Statement.AddWorkers(-1)
			work(id)
		}()
	}
	work(0)
	if workers > 1 {
		// The others may wait for a client: worker 0 must not count as running meanwhile.
		if err := r.Statement.Wait(context.WithoutCancel(ctx), waitSiblings, func(context.Context) error {
			wg.Wait()
			return nil
		}); err != nil && errs[0] == nil {
			errs[0] = err
		}
	}
	if err := firstCause(ctx, errs); err != nil {
		return err
	}
	return p.Sink.Finish(ctx)
}

// waitSiblings is not worth showing: what the siblings wait for is.
const waitSiblings = ""

// firstCause is the error that made the others fail, if there are several.
func firstCause(ctx context.Context, errs []error) error {
	var any error
	for _, err := range errs {
		if err != nil {
			any = err
			break
		}
	}
	if any == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return any
}

// driver is the loop of one worker over one pipeline.
type driver struct {
	run      *Run
	pipeline *Pipeline
	worker   *Worker
	finished *atomic.Bool
	limits   []int // workers of each chain
	workers  int   // of the pipeline

	sink     LocalSink
	sinkProf *NodeProfile
	steps    []localStep // of the pipeline
	full     bool        // the sink wants no more rows: what steps still hold need not be flushed
	// chainDone: a step of the chain in work wants no more rows (LIMIT in a part of a UNION); other chains go on.
	chainDone bool
}

// localStep is an operator's local state with its profile.
type localStep struct {
	op     LocalOperator
	prof   *NodeProfile
	helper bool
	own    bool // of a chain, not of the pipeline
}

// gave counts the rows of a batch that the step gave.
func (s *localStep) gave(b *vector.Batch) {
	if !s.helper {
		s.prof.rows.Add(int64(b.Rows()))
	}
}

// guarded turns a panic of an operator into an error: a bug costs its statement, not the server.
func (d *driver) guarded(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = sqlerr.AssertionError("panic in a worker: %v\n%s", p, debug.Stack())
		}
	}()
	defer func() {
		if cerr := d.close(); err == nil {
			err = cerr
		}
		d.worker.ReturnTurn()
	}()
	return d.loop(ctx)
}

func (d *driver) loop(ctx context.Context) error {
	p := d.pipeline
	var err error
	d.worker.Workers = d.workers
	if d.steps, err = d.open(p.Steps); err != nil {
		return err
	}
	if d.sink, err = p.Sink.NewLocal(d.worker); err != nil {
		return err
	}
	d.sinkProf = d.run.Profile.Node(p.Node)
	for i := range p.Chains {
		if err := d.chain(ctx, &p.Chains[i], d.limits[i]); err != nil {
			return err
		}
	}
	if err := d.flush(ctx, d.steps); err != nil {
		return err
	}
	return d.sink.Combine(ctx)
}

func (d *driver) open(steps []Step) ([]localStep, error) {
	out := make([]localStep, 0, len(steps))
	for _, s := range steps {
		op, err := s.Operator.NewLocal(d.worker)
		if err != nil {
			closeSteps(out)
			return nil, err
		}
		prof := d.run.Profile.Node(s.Node)
		raise(&prof.workers, int64(d.worker.ID+1))
		out = append(out, localStep{op: op, prof: prof, helper: s.Helper})
	}
	return out, nil
}

// raise sets a to at least v.
func raise(a *atomic.Int64, v int64) {
	for {
		old := a.Load()
		if old >= v || a.CompareAndSwap(old, v) {
			return
		}
	}
}

func closeSteps(steps []localStep) error {
	var first error
	for _, s := range steps {
		if err := s.op.Close(); first == nil {
			first = err
		}
	}
	return first
}

// chain pulls one source, which has so many workers, dry, or until nobody wants more.
func (d *driver) chain(ctx context.Context, c *Chain, workers int) (err error) {
	if d.worker.ID >= workers || d.finished.Load() && len(c.Steps) == 0 {
		return nil // steps are flushed by all workers, or by none
	}
	d.worker.Workers = workers
	own, err := d.open(c.Steps)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := closeSteps(own); err == nil {
			err = cerr
		}
	}()
	src, err := c.Source.NewLocal(d.worker)
	if err != nil {
		return err
	}
	d.worker.source = src
	defer func() {
		d.worker.source = nil
		if cerr := src.Close(); err == nil {
			err = cerr
		}
	}()
	prof := d.run.Profile.Node(c.Node)
	raise(&prof.workers, int64(d.worker.ID+1))
	d.chainDone = false
	for i := range own {
		own[i].own = true
	}
	steps := make([]localStep, 0, len(own)+len(d.steps))
	steps = append(append(steps, own...), d.steps...)
	for !d.finished.Load() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		d.release(steps)
		began := time.Now()
		b, err := src.Next(ctx)
		prof.nanos.Add(int64(time.Since(began)))
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		prof.loops.Add(1)
		n := b.Rows()
		if n == 0 {
			continue
		}
		if !c.Helper {
			prof.rows.Add(int64(n))
		}
		r, err := d.push(ctx, steps, b)
		if err != nil {
			return err
		}
		if r == Finished && d.chainDone {
			break
		}
		if r == Finished {
			d.finished.Store(true)
		}
	}
	return d.flushInto(ctx, own, d.steps)
}

// Releaser is what steps and sinks implement that keep something of their input or output until the next.
type Releaser interface {
	// Release gives back what is leased for the last batch: nobody reads what was made of it any more.
	Release()
}

// release ends a batch: where rows are long, what is left of it is given back before the next is read.
func (d *driver) release(steps []localStep) {
	if d.run.Statement.LongRow() == 0 {
		return
	}
	for _, s := range steps {
		if r, ok := s.op.(Releaser); ok {
			r.Release()
		}
	}
	if r, ok := d.sink.(Releaser); ok {
		r.Release()
	}
	d.worker.ReturnTurn()
}

// push hands b to the first of steps and its output on, until b is used up.
func (d *driver) push(ctx context.Context, steps []localStep, b *vector.Batch) (OpResult, error) {
	if len(steps) == 0 {
		began := time.Now()
		r, err := d.sink.Consume(ctx, b)
		d.sinkProf.nanos.Add(int64(time.Since(began)))
		d.sinkProf.loops.Add(1)
		d.full = d.full || r == Finished
		return r, err
	}
	s := steps[0]
	for {
		began := time.Now()
		out, r, err := s.op.Execute(ctx, b)
		s.prof.nanos.Add(int64(time.Since(began)))
		s.prof.loops.Add(1)
		if err != nil {
			return r, err
		}
		if out != nil && out.Rows() > 0 {
			s.gave(out)
			down, err := d.push(ctx, steps[1:], out)
			if err != nil || down == Finished {
				return down, err
			}
		}
		if r != HaveMore {
			d.chainDone = d.chainDone || r == Finished && s.own
			return r, nil
		}
		if ctx.Err() != nil {
			return r, context.Cause(ctx)
		}
	}
}

// flush empties the steps in order, each through those behind it.
func (d *driver) flush(ctx context.Context, steps []localStep) error {
	return d.flushInto(ctx, steps, nil)
}

func (d *driver) flushInto(ctx context.Context, steps, then []localStep) error {
	for i, s := range steps {
		for !d.full {
			d.worker.ReturnTurn()
			out, err := s.op.Flush(ctx)
			if err != nil {
				return err
			}
			if out == nil {
				break
			}
			s.gave(out)
			rest := make([]localStep, 0, len(steps)+len(then))
			rest = append(append(rest, steps[i+1:]...), then...)
			if r, err := d.push(ctx, rest, out); err != nil || r == Finished {
				d.finished.Store(d.finished.Load() || r == Finished && !d.chainDone)
				if err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}

func (d *driver) close() error {
	err := closeSteps(d.steps)
	if d.sink != nil {
		if cerr := d.sink.Close(); err == nil {
			err = cerr
		}
	}
	return err
}
