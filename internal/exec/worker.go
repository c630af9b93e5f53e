package exec

import (
	"context"

	"github.com/spillwaydb/spillway/internal/memory"
)

// Worker is one of the goroutines that run a pipeline. It is used by its own goroutine only.
type Worker struct {
	ID int // 0 .. workers of the pipeline - 1
	// Workers is how many workers run the operator or source that is being made for this one.
	Workers int
	run     *Run

	source LocalSource // of the chain in work; nil between chains
	tokens int         // calls of TakeToken that were not undone
	owns   bool        // there is a token for them
	turn   bool        // it has the turn for a long row
	alone  bool        // no other worker runs its pipeline
}

// Statement is the statement that the worker works for.
func (w *Worker) Statement() *memory.Statement { return w.run.Statement }

// Wait runs wait, which blocks on something else than memory: a client, a row lock, a timer. The worker's source is
// paused first, so that no iterator outlives the wait. The statement may be parked meanwhile; references stay valid.
func (w *Worker) Wait(ctx context.Context, why memory.WaitReason, wait func(context.Context) error) error {
	if err := w.Pause(); err != nil {
		return err
	}
	return w.run.Statement.Wait(ctx, why, wait)
}

// Pause gives back what the worker's source holds and must not outlive a wait, and those of the workers that wait for
// this one's run.
func (w *Worker) Pause() error {
	for at := w; at != nil; at = at.run.Outer {
		if at.source == nil {
			continue
		}
		if err := at.source.Pause(); err != nil {
			return err
		}
	}
	return nil
}

// outermost is the worker that waits for this one's run, and for no one's itself; w, if none waits for it.
func (w *Worker) outermost() *Worker {
	for w.run.Outer != nil {
		w = w.run.Outer
	}
	return w
}

// NeedsTurn says whether a row that needs a page of n bytes is so long that TakeTurn must come before the page.
func (w *Worker) NeedsTurn(acct *memory.Account, n int) bool {
	o := w.outermost()
	return acct.Long(n, o.Workers) && !o.turn && !o.alone
}

// waitTurn is shown by the process list.
const waitTurn memory.WaitReason = "waiting for memory for a long row"

// TakeTurn waits until no other worker has a long row. The driver undoes it when the worker is done with what its
// source gave. Who calls it has no row that needed the turn, and holds nothing that another worker waits for.
func (w *Worker) TakeTurn(ctx context.Context) error {
	o := w.outermost()
	if o.turn || o.alone {
		return nil
	}
	s := w.run.Statement
	if !s.TryTurn() {
		got := false
		err := w.Wait(ctx, waitTurn, func(ctx context.Context) error {
			err := s.AwaitTurn(ctx)
			got = err == nil
			return err
		})
		if err != nil {
			if got {
				s.ReturnTurn()
			}
			return err
		}
	}
	o.turn = true
	return nil
}

// ReturnTurn undoes TakeTurn, if the worker has the turn for itself.
func (w *Worker) ReturnTurn() {
	if w.turn {
		w.turn = false
		w.run.Statement.ReturnTurn()
	}
}

// waitToken is shown by the process list.
const waitToken memory.WaitReason = "waiting for a scan token"

// TakeToken waits until the worker may read a morsel of a table. ReturnToken undoes it. A worker that reads within a
// morsel, its own or one of a worker that waits for its run, needs no second token, or it could wait for itself. Nor
// does one that has the turn for a long row.
func (w *Worker) TakeToken(ctx context.Context) error {
	needs := w.tokens == 0 && !w.outermost().turn // those with tokens wait for the turn
	for at := w.run.Outer; at != nil; at = at.run.Outer {
		needs = needs && at.tokens == 0
	}
	if needs && !w.run.Statement.TryToken() {
		got := false
		err := w.Wait(ctx, waitToken, func(ctx context.Context) error {
			err := w.run.Statement.AwaitToken(ctx)
			got = err == nil
			return err
		})
		if err != nil {
			if got {
				w.run.Statement.ReturnToken()
			}
			return err
		}
	}
	w.tokens++
	w.owns = w.owns || needs
	return nil
}

// ReturnToken undoes a TakeToken.
func (w *Worker) ReturnToken() {
	if w.tokens--; w.tokens == 0 && w.owns {
		w.owns = false
		w.run.Statement.ReturnToken()
	}
}
