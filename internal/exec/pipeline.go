package exec

import (
	"context"

	"github.com/spillwaydb/spillway/internal/memory"
)

// Step is an operator of a pipeline and the plan node it belongs to.
type Step struct {
	Node     int
	Operator Operator
	// Helper: the operator prepares the node's input (it computes keys, say); its rows are not the node's.
	Helper bool
}

// Chain is a source and the operators that only its rows pass.
type Chain struct {
	Node   int // of the source
	Source Source
	Helper bool // the source gives rows that the node has given before
	Steps  []Step
}

// Pipeline runs its chains one after the other (more than one: UNION ALL) through Steps into Sink.
type Pipeline struct {
	Chains  []Chain
	Steps   []Step
	Node    int // of the sink
	Sink    Sink
	Workers int // the most workers; the sources may offer fewer
	// Loop, if not nil, is all that the pipeline does, and what is above is not set: it executes nested runs, as the
	// rounds of a recursive query are. It looks at its context before each.
	Loop func(ctx context.Context) error
	// Begin is called before the pipeline runs, Done once it has run without an error: operators get and return their
	// shares of the statement's minimum there, and what no later pipeline needs is closed.
	Begin, Done []func() error
}

// Run is one execution of a plan: its statement, profile, and the pipelines in the order in which they run. Whoever
// makes it calls Close, whatever happened.
type Run struct {
	Statement *memory.Statement
	Profile   *Profile // nil: Execute makes one
	Pipelines []*Pipeline
	// Phase, if not nil, is told the node of each pipeline that begins; 0: none.
	Phase func(node int)
	// Nested: it is a run within another one, which owns the accounts of its operators, and the profile.
	Nested bool
	// Outer is the worker of the other run that waits for this one, if that worker has a source in work; this run has
	// one worker then.
	Outer *Worker

	closers []func() error
}

// OnClose has f called by Close, in the reverse order of the calls.
func (r *Run) OnClose(f func() error) { r.closers = append(r.closers, f) }

// Close gives back everything that the run's operators hold. Repeatable. Figures stay in Profile.
func (r *Run) Close() error {
	var first error
	keep := func(err error) {
		if first == nil {
			first = err
		}
	}
	for _, p := range r.Pipelines {
		for _, s := range p.Steps {
			keep(s.Operator.Close())
		}
		for _, c := range p.Chains {
			for _, s := range c.Steps {
				keep(s.Operator.Close())
			}
			keep(c.Source.Close())
		}
		if p.Sink != nil {
			keep(p.Sink.Close())
		}
	}
	for i := len(r.closers) - 1; i >= 0; i-- {
		keep(r.closers[i]())
	}
	r.Pipelines, r.closers = nil, nil
	if !r.Nested && r.Profile != nil {
		r.Profile.each((*NodeProfile).detach)
	}
	return first
}
