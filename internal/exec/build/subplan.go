package build

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// subplan is a part of a plan that runs many times within a run: the recursive part of a common table expression, the
// right side of an apply. Its operators are made anew for each time, but for parts whose operators keep nothing; their
// accounts are opened once, by the run around it, so what the part needs is granted once.
type subplan struct {
	around   *builder // of the run around it
	walk     func(b *builder) error
	accounts []*memory.Account // in the order in which operators open them
	run      *exec.Run         // kept if it can be executed again
	sizing   Sizing
	deps     Deps
}

// subplan walks a part once, to open its operators' accounts. walk gives its pipelines an end. env is what the part's
// expressions see, if it is run for the rows of another plan; then it has one worker.
func (b *builder) subplan(env *expr.Env, walk func(b *builder) error) (*subplan, error) {
	s := &subplan{around: b, walk: walk, sizing: b.sizing, deps: b.deps}
	if env != nil {
		s.deps.Env, s.sizing.Workers = env, 1
	}
	return s, walk(&builder{sizing: s.sizing, deps: s.deps, dry: true, sub: s, run: &exec.Run{}})
}

// execute runs the part. outer is the worker that waits for it, if it has a source in work.
func (s *subplan) execute(ctx context.Context, outer *exec.Worker) error {
	if s.run != nil {
		s.run.Outer = outer
		return s.run.Execute(ctx)
	}
	b := &builder{sizing: s.sizing, deps: s.deps, sub: s, run: &exec.Run{
		Statement: s.deps.Statement, Profile: s.around.top().run.Profile, Nested: true, Outer: outer,
	}}
	err := s.walk(b)
	if err == nil && b.opened != len(s.accounts) {
		err = sqlerr.AssertionError("a part of a plan opened %d accounts of %d", b.opened, len(s.accounts))
	}
	if err == nil {
		err = b.run.Execute(ctx)
	}
	if err == nil && !b.once {
		s.run = b.run
		return nil
	}
	if cerr := b.run.Close(); err == nil {
		err = cerr
	}
	return err
}

// close ends a run that is kept. Repeatable.
func (s *subplan) close() error {
	if s.run == nil {
		return nil
	}
	run := s.run
	s.run = nil
	return run.Close()
}

// openSub is open for a builder of a part.
func (b *builder) openSub(n physical.Node, minBytes int64) (*memory.Account, error) {
	if b.dry {
		acct, err := b.sub.around.open(n, minBytes)
		b.sub.accounts = append(b.sub.accounts, acct)
		return nil, err
	}
	if b.opened == len(b.sub.accounts) {
		return nil, sqlerr.AssertionError("a part of a plan opens more accounts than before")
	}
	acct := b.sub.accounts[b.opened]
	b.opened++
	if acct.Stats().Current != 0 {
		return nil, sqlerr.AssertionError("%s holds %d bytes of the time before", acct.Name(),
			acct.Stats().Current)
	}
	return acct, nil
}

// top is the builder of the whole plan.
func (b *builder) top() *builder {
	for b.sub != nil {
		b = b.sub.around
	}
	return b
}

// keepsNothing says if the operators of a node can be executed again: what they share between workers does not change.
func keepsNothing(n physical.Node) bool {
	switch n.(type) {
	case *physical.Values, *physical.Selection, *physical.Projection, *physical.Union, *physical.CTEScan:
		return true
	}
	return false
}
