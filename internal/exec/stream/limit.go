package stream

import (
	"context"
	"sync"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Limit skips rows and ends the pipeline after the wanted ones. Its workers share one count.
type Limit struct {
	acct     *memory.Account
	capacity int

	mu           sync.Mutex
	offset, rest uint64 // protected by mu: rows still to skip, rows still to give
}

var _ exec.Operator = (*Limit)(nil)

// NewLimit returns an operator that skips offset rows and gives the next count. Its pages are of acct, which it does
// not own.
func NewLimit(acct *memory.Account, offset, count uint64, capacity int) *Limit {
	return &Limit{acct: acct, capacity: capacity, offset: offset, rest: count}
}

// LimitBytes is a limit's minimum a worker: room for a selection.
func LimitBytes(capacity int) int64 { return int64(memory.PageSize(2 * capacity)) }

// NewLocal implements exec.Operator.
func (l *Limit) NewLocal(*exec.Worker) (exec.LocalOperator, error) {
	p, err := l.acct.Alloc(2*l.capacity, memory.Held)
	if err != nil {
		return nil, err
	}
	return &localLimit{shared: l, page: p, sel: memory.Slice[uint16](l.acct.Base(), p.Ref, l.capacity)}, nil
}

// Close implements exec.Operator.
func (l *Limit) Close() error { return nil }

// take says how many of the next n rows to skip and how many of those after them to give; done: no row after these.
func (l *Limit) take(n int) (skip, give int, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	skip = int(min(l.offset, uint64(n)))
	l.offset -= uint64(skip)
	give = int(min(l.rest, uint64(n-skip)))
	l.rest -= uint64(give)
	return skip, give, l.rest == 0
}

type localLimit struct {
	shared *Limit
	page   memory.Page
	sel    []uint16
}

func (l *localLimit) Execute(_ context.Context, in *vector.Batch) (*vector.Batch, exec.OpResult, error) {
	n := in.Rows()
	skip, give, done := l.shared.take(n)
	r := exec.NeedMore
	if done {
		r = exec.Finished
	}
	if give == n {
		return in, r, nil
	}
	if in.Sel != nil {
		in.Sel = in.Sel[skip : skip+give]
	} else {
		for i := range give {
			l.sel[i] = uint16(skip + i)
		}
		in.Sel = l.sel[:give]
	}
	return in, r, nil
}

func (l *localLimit) Flush(context.Context) (*vector.Batch, error) { return nil, nil }

func (l *localLimit) Close() error {
	l.shared.acct.Free(l.page)
	l.page = memory.Page{}
	return nil
}
