package agg

import (
	"context"
	"sync"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Scalar aggregates without groups: a sink and, once it has finished, a source of exactly one row.
type Scalar struct {
	options ScalarOptions
	states  *states
	once    sync.Once

	mu sync.Mutex
	// mu protects following.
	page memory.Page // the states of all workers that have ended
	err  error       // of taking it
}

// NewScalar takes nothing of the account yet.
func NewScalar(o ScalarOptions) *Scalar { return &Scalar{options: o, states: newStates(o.Aggs)} }

// ScalarMinBytes is the minimum of an aggregation without groups; Account may be nil.
func ScalarMinBytes(o ScalarOptions) int64 {
	s := newStates(o.Aggs)
	workers := int64(max(o.Workers, 1))
	return (workers+1)*int64(memory.PageSize(s.bytes)) + vector.BatchBytes(resultTypes(o.Aggs), 1, arenaBytes)
}

// Sink is the end of the pipeline below.
func (s *Scalar) Sink() exec.Sink { return scalarSink{s} }

// Source is the start of the pipeline above; it has one worker.
func (s *Scalar) Source() exec.Source { return scalarSource{s} }

// Close gives everything back, as Close of sink and source do. Repeatable.
func (s *Scalar) Close() error {
	s.options.Account.Free(s.page)
	s.page = memory.Page{}
	return nil
}

// newPage takes a page with states that nothing was added to.
func (s *Scalar) newPage() (memory.Page, error) {
	acct := s.options.Account
	p, err := acct.Alloc(s.states.bytes, memory.Held)
	if err != nil {
		return memory.Page{}, err
	}
	newWorker(s.states, acct.Base(), 0).init([]memory.Ref{p.Ref})
	return p, nil
}

// all makes sure that there is the page of all workers.
func (s *Scalar) all() error {
	s.once.Do(func() { s.page, s.err = s.newPage() })
	return s.err
}

type scalarSink struct{ *Scalar }

var _ exec.Sink = scalarSink{}

// NewLocal implements exec.Sink.
func (s scalarSink) NewLocal(*exec.Worker) (exec.LocalSink, error) {
	if err := s.all(); err != nil {
		return nil, err
	}
	p, err := s.newPage()
	if err != nil {
		return nil, err
	}
	return &scalarLocal{s.Scalar, newWorker(s.states, s.options.Account.Base(), 0), p}, nil
}

// Finish implements exec.Sink.
func (s scalarSink) Finish(context.Context) error { return s.all() }

type scalarLocal struct {
	s      *Scalar
	states *worker
	page   memory.Page
}

// Consume adds the rows to the worker's states.
func (l *scalarLocal) Consume(_ context.Context, b *vector.Batch) (exec.OpResult, error) {
	for i := range l.states.aggs {
		a := &l.states.aggs[i]
		state := l.page.Ref + l.states.offsets[i]
		if err := a.Func.UpdateOne(b.Base(), state, b.Sel, b.Len, l.states.arguments(a, b.Cols)); err != nil {
			return exec.NeedMore, err
		}
	}
	return exec.NeedMore, nil
}

// Combine adds the worker's states to those of the others.
func (l *scalarLocal) Combine(context.Context) error {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	return l.states.combine([]memory.Ref{l.s.page.Ref}, []memory.Ref{l.page.Ref})
}

// Close implements exec.LocalSink.
func (l *scalarLocal) Close() error {
	l.s.options.Account.Free(l.page)
	l.page = memory.Page{}
	return nil
}

type scalarSource struct{ *Scalar }

var _ exec.Source = scalarSource{}

// MaxWorkers implements exec.Source.
func (s scalarSource) MaxWorkers() int { return 1 }

// NewLocal implements exec.Source.
func (s scalarSource) NewLocal(*exec.Worker) (exec.LocalSource, error) {
	acct := s.options.Account
	out, err := vector.NewBatch(acct, resultTypes(s.options.Aggs), 1, arenaBytes)
	if err != nil {
		return nil, err
	}
	return &scalarRow{s: s.Scalar, out: out}, nil
}

type scalarRow struct {
	s     *Scalar
	out   *vector.Batch
	given bool
}

// Next gives the row.
func (l *scalarRow) Next(context.Context) (*vector.Batch, error) {
	l.out.Reset()
	if l.given {
		return nil, nil
	}
	l.given = true
	w := newWorker(l.s.states, l.s.options.Account.Base(), 0)
	l.out.Len = 1
	return l.out, w.results([]memory.Ref{l.s.page.Ref}, l.out, 0)
}

// Pause implements exec.LocalSource.
func (l *scalarRow) Pause() error { return nil }

// Close implements exec.LocalSource.
func (l *scalarRow) Close() error {
	l.out.Close()
	return nil
}
