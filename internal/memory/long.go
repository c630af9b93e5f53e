package memory

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/spillwaydb/spillway/internal/sqlerr"
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

// refusal is the last lease that was refused. Statement.mu protects it.
type refusal struct {
	bytes  int64
	needed int64 // what the statement would have had with it
	pool   bool  // by the server, not by the quota
}

// noRoom is how errors about a value begin.
const noRoom = "Out of memory; a "

// Explain adds to the error of a value for which there was no memory how much it was, and which limit would do. It
// gives every other error back.
func (s *Statement) Explain(err error) error {
	var e *sqlerr.Error
	if !errors.Is(err, sqlerr.ErrNoSurplus) && !errors.As(err, &e) ||
		sqlerr.CodeOf(err) != sqlerr.ErrOutOfResources || !strings.HasPrefix(sqlerr.From(err).Message, noRoom) {
		return err
	}
	s.mu.Lock()
	r, quota := s.refused, s.options.QuotaBytes
	s.mu.Unlock()
	if r.bytes == 0 {
		return err
	}
	const mib = 1 << 20
	limit, has := "the quota tidb_mem_quota_query is", quota
	if r.pool || quota <= 0 {
		limit, has = "the server's memory for statements is", s.pool.arbiter.bulkBytes()
	}
	return sqlerr.Wrapf(err, sqlerr.ErrOutOfResources,
		"%s: with the %.1f MiB for it the statement needs about %d MiB; %s %d MiB",
		sqlerr.From(err).Message, float64(r.bytes)/mib, (r.needed+mib-1)/mib, limit, has/mib)
}

// ReturnTurn gives the turn back.
func (s *Statement) ReturnTurn() { <-s.longs.turn }
