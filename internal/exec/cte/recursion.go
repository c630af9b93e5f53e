package cte

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/pagetree"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Recursion computes the table of a recursive expression:
//
//	fill Sink with the seed
//	while Sink got new rows (Rounds):
//	    these rows become the work table
//	    fill Sink with what the recursive part makes of the work table
//
// One worker adds rows.
type Recursion struct {
	o      Options
	result *Table
	work   *Table           // the rows of the last round
	next   *rows.Collection // those of the round in work; nil: none so far
	seen   *pagetree.Tree   // keys of all rows; nil: rows need not be distinct
	keys   *rows.RowKeys

	seenAccount *memory.Account // of seen
	sorted      *sortedRound    // nil: the round in work looks rows up as they come

	page memory.Page // room for the following
	refs []memory.Ref
	sel  []uint16

	skip, rest uint64 // rows that are still to be left out of the result, and then to be put in
	full       bool   // the result has all the rows that are wanted
}

// NewRecursion takes nothing of the account yet.
func NewRecursion(o Options) *Recursion {
	r := &Recursion{o: o, result: NewTable(o), work: NewTable(o)}
	r.skip, r.rest = o.Offset, o.Count
	if o.Distinct {
		// An account of its own frees the set without reading it back.
		r.seenAccount = o.Account.Child(o.Account.Name())
		r.seenAccount.Lose()
		r.seen = pagetree.New(r.seenAccount, pagetree.Options{PageBytes: seenPageBytes, Kind: memory.Held})
		r.keys = rows.NewRowKeys(o.Types)
	}
	return r
}

// Result is the table.
func (r *Recursion) Result() *Table { return r.result }

// Work is the table of the rows of the last round.
func (r *Recursion) Work() *Table { return r.work }

// Rounds runs the recursive part as long as it gives rows. Error 3636 after too many rounds.
func (r *Recursion) Rounds(ctx context.Context, round func(context.Context) error) error {
	for n := uint64(1); !r.full; n++ {
		more, err := r.turn()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if n > r.o.MaxRounds {
			return sqlerr.New(sqlerr.ErrCTEMaxRecursionDepth, n)
		}
		if err := round(ctx); err != nil {
			return err
		}
		r.sorted.close()
		r.sorted = nil
		if r.o.Profile != nil {
			r.o.Profile.Note("rounds", 1)
		}
	}
	r.endRounds()
	return nil
}

// turn makes the rows of the last round the work table; false: there are none.
func (r *Recursion) turn() (bool, error) {
	// Close of a table cannot fail: it frees blocks.
	_ = r.work.Close()
	if r.next == nil || r.next.Rows() == 0 {
		return false, nil
	}
	r.next.Release(memory.ReuseSoon)
	r.work.kept.Add(r.next)
	r.next = nil
	if r.sorts() {
		var err error
		if r.sorted, err = r.newSortedRound(); err != nil {
			return false, err
		}
	}
	return true, nil
}

// endRounds frees all but the result.
func (r *Recursion) endRounds() {
	_ = r.work.Close()
	r.next.Close()
	r.next = nil
	r.sorted.close()
	r.sorted = nil
	if r.seen != nil {
		r.seenAccount.Close()
		r.seen = nil
	}
	for _, c := range r.result.kept.List() {
		c.Release(memory.ReuseSoon)
	}
	r.o.Account.Free(r.page)
	r.page, r.refs, r.sel = memory.Page{}, nil, nil
}

// Close frees everything. Repeatable.
func (r *Recursion) Close() error {
	r.endRounds()
	return r.result.Close()
}

// Sink adds the rows of the seed, and those of each round.
func (r *Recursion) Sink() exec.Sink { return roundSink{r} }

type roundSink struct{ r *Recursion }

var _ exec.Sink = roundSink{}

// NewLocal implements exec.Sink.
func (s roundSink) NewLocal(*exec.Worker) (exec.LocalSink, error) {
	r := s.r
	if r.refs == nil {
		var err error
		if r.page, err = r.o.Account.Alloc(placesBytes+newBytes, memory.Held); err != nil {
			return nil, err
		}
		base := r.o.Account.Base()
		r.refs = memory.Slice[memory.Ref](base, r.page.Ref, vector.MaxRows)
		r.sel = memory.Slice[uint16](base, r.page.Ref+placesBytes, vector.MaxRows)
	}
	if r.result.kept.Len() == 0 {
		r.result.kept.Add(r.result.kept.NewCollection())
	}
	if r.next == nil {
		r.next = r.work.kept.NewCollection()
	}
	return localRound{r}, nil
}

// Finish implements exec.Sink.
func (s roundSink) Finish(context.Context) error { return nil }

// Close implements exec.Sink: the rows stay.
func (s roundSink) Close() error { return nil }

type localRound struct{ r *Recursion }

// Consume implements exec.LocalSink.
func (l localRound) Consume(_ context.Context, b *vector.Batch) (exec.OpResult, error) {
	r := l.r
	if r.sorted != nil {
		sel := b.Sel
		if sel == nil {
			sel = rows.All(b.Len)
		}
		return exec.NeedMore, r.sorted.builder.Append(b.Cols, sel, nil)
	}
	err := r.add(b)
	if r.full {
		return exec.Finished, err
	}
	return exec.NeedMore, err
}

// add puts the rows that count into the result and the next work table.
func (r *Recursion) add(b *vector.Batch) error {
	sel := b.Sel
	if sel == nil {
		sel = rows.All(b.Len)
	}
	if r.seen != nil {
		var err error
		if sel, err = r.unseen(b, sel); err != nil {
			return err
		}
	}
	out := sel
	if r.o.HasLimit {
		out = r.limit(out)
	}
	if _, err := r.next.Append(b.Cols, sel, r.refs); err != nil {
		return rows.Final(err)
	}
	n, err := r.result.kept.List()[0].Append(b.Cols, out, r.refs)
	r.result.gave(n)
	return rows.Final(err)
}

// unseen are the rows that were not there before.
func (r *Recursion) unseen(b *vector.Batch, sel []uint16) ([]uint16, error) {
	n := 0
	for _, row := range sel {
		before := r.seen.Len()
		key, err := r.keys.Key(b.Base(), b.Cols, row)
		if err != nil {
			return nil, err
		}
		if err := r.seen.Set(key, nil); err != nil {
			return nil, rows.Final(err)
		}
		if r.seen.Len() > before {
			r.sel[n] = row
			n++
		}
	}
	return r.sel[:n], nil
}

// limit are the rows that belong to the result.
func (r *Recursion) limit(sel []uint16) []uint16 {
	skip := min(r.skip, uint64(len(sel)))
	r.skip -= skip
	sel = sel[skip:]
	take := min(r.rest, uint64(len(sel)))
	r.rest -= take
	r.full = r.rest == 0
	return sel[:take]
}

// Combine implements exec.LocalSink.
func (l localRound) Combine(ctx context.Context) error {
	r := l.r
	if r.sorted == nil {
		return nil
	}
	return r.sorted.each(ctx, r.o.Account, &r.o, r.add)
}

// Close implements exec.LocalSink.
func (l localRound) Close() error { return nil }
