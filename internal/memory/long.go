package memory

import (
	"context"
	"sync/atomic"
)

// Long rows. A row of which the surplus has room for few is in several leases at once: where it was read, in what was
// computed of it, in the copy that is kept. Where each worker had one, none might get as far as to give its leases
// back. So a worker takes the statement's turn before it reads such a row, and keeps it until it is done with it.

// longRows is the part of a Statement that knows its long rows.
type longRows struct {
	turn chan struct{} // full while a worker has it
	most atomic.Int64  // bytes of the longest row for which the turn was needed
}

func (l *longRows) init() { l.turn = make(chan struct{}, 1) }

// longShare: a row is long if surplus has no room for so many of it for each worker.
const longShare = 8

// Long says whether a row that needs a page of n bytes is a long one, of which only one of the workers may have one.
func (a *Account) Long(n, workers int) bool {
	if n <= MinPageBytes || int64(n) <= a.Surplus()/int64(longShare*max(workers, 1)) {
		return false
	}
	for most := &a.stmt.longs.most; ; {
		old := most.Load()
		if int64(n) <= old || most.CompareAndSwap(old, int64(n)) {
			return true
		}
	}
}

// LongRow is the bytes of the longest row that was too long for several workers, 0: there was none.
func (s *Statement) LongRow() int64 { return s.longs.most.Load() }

// TryTurn takes the turn, and tells if it was free. ReturnTurn gives it back.
func (s *Statement) TryTurn() bool {
	select {
	case s.longs.turn <- struct{}{}:
		return true
	default:
		return false
	}
}

// AwaitTurn waits for the turn; to be called by what Wait runs.
func (s *Statement) AwaitTurn(ctx context.Context) error {
	select {
	case s.longs.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ReturnTurn gives the turn back.
func (s *Statement) ReturnTurn() { <-s.longs.turn }
