package build

import (
	"fmt"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
)

// tenant is an operator's account and its share of the minimum. It has the share from the first to the last of the
// pipelines that it has a part in: operators that are never at work at once share one minimum.
type tenant struct {
	acct        *memory.Account // nil in a dry walk
	minBytes    int64
	first, last int  // pipelines; last < first: none has ended yet
	open        int  // pipes that have not ended
	whole       bool // the run's whole length
	close       func() error
}

// rent takes an operator's minimum for the pipelines that the pipes become. The operator takes no page of its account
// before the first of them runs. In a dry walk there is no account. Those of a part that runs many times are open all
// the time.
func (b *builder) rent(n physical.Node, minBytes int64, pipes ...*pipe) (*tenant, error) {
	t := &tenant{minBytes: minBytes, last: -1}
	if b.sub != nil {
		var err error
		t.acct, err = b.openSub(n, minBytes)
		return t, err
	}
	b.tenants = append(b.tenants, t)
	for _, p := range pipes {
		p.add(t)
	}
	if b.dry {
		return t, nil
	}
	name, _, _ := n.Describe()
	acct, err := b.deps.Statement.Operator(fmt.Sprintf("%s_%d", name, n.Common().ID), 0)
	if err != nil {
		return nil, err
	}
	b.run.Profile.Node(n.Common().ID).Attach(acct, minBytes)
	b.run.OnClose(func() error {
		acct.Close()
		return nil
	})
	t.acct = acct
	return t, nil
}

// open takes an operator's minimum at once, for the whole run. In a dry walk it returns nil.
func (b *builder) open(n physical.Node, minBytes int64) (*memory.Account, error) {
	t, err := b.rent(n, minBytes)
	if err != nil {
		return nil, err
	}
	if b.sub != nil {
		return t.acct, nil
	}
	if t.whole = true; b.dry {
		return nil, nil
	}
	return t.acct, t.acct.Fund(minBytes)
}

// add makes the pipeline that p becomes one of t's.
func (p *pipe) add(t *tenant) {
	t.open++
	p.tenants = append(p.tenants, t)
}

// runs notes that t has a part in a pipeline.
func (t *tenant) runs(pipeline int) {
	if t.open--; t.last < t.first {
		t.first = pipeline
	}
	t.last = pipeline
}

// always says that it is not known when t is at work.
func (t *tenant) always() bool { return t.whole || t.open > 0 || t.last < t.first }

// keep closes an operator's state when the last of t's pipelines has run, or with the run.
func (b *builder) keep(t *tenant, close func() error) {
	if !b.dry {
		t.close = close
		b.run.OnClose(close)
	}
}

// minimum is the most that tenants need at once.
func (b *builder) minimum() int64 {
	var always, most int64
	at := make([]int64, b.ended)
	for _, t := range b.tenants {
		if t.always() {
			always += t.minBytes
			continue
		}
		for i := t.first; i <= t.last; i++ {
			at[i] += t.minBytes
			most = max(most, at[i])
		}
	}
	return always + most
}

// schedule gives tenants their shares, and takes them back.
func (b *builder) schedule() error {
	for _, t := range b.tenants {
		if t.whole {
			continue
		}
		if t.always() {
			if err := t.acct.Fund(t.minBytes); err != nil {
				return err
			}
			continue
		}
		first, last := b.run.Pipelines[t.first], b.run.Pipelines[t.last]
		first.Begin = append(first.Begin, func() error { return t.acct.Fund(t.minBytes) })
		if t.close != nil {
			last.Done = append(last.Done, t.close)
		}
		last.Done = append(last.Done, func() error { return t.acct.Fund(-t.minBytes) })
	}
	return nil
}
