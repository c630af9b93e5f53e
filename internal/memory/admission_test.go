package memory_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
)

func eventually(t *testing.T, what string, f func() bool) {
	require.Eventually(t, f, testutil.Patience, time.Millisecond, what)
}

// admitLater admits a statement in a goroutine of its own.
func admitLater(t *testing.T, ctx context.Context, p *memory.Pool, minBytes int64) (*memory.Statement, <-chan error) {
	s := p.NewStatement(p.Server(), memory.StatementOptions{Spill: true})
	t.Cleanup(s.Close)
	done := make(chan error, 1)
	before := p.Stats().Waiting
	go func() { done <- s.Admit(ctx, minBytes) }()
	eventually(t, "in the queue", func() bool { return p.Stats().Waiting > before || len(done) > 0 })
	return s, done
}

func TestAdmissionIsFIFO(t *testing.T) {
	p := memorytest.NewPool(t, 64<<20)
	first, _ := open(t, p, memory.StatementOptions{Spill: true}, 40<<20)
	_, second := admitLater(t, t.Context(), p, 30<<20)
	_, third := admitLater(t, t.Context(), p, 8<<20) // would fit, but does not overtake
	require.Equal(t, 2, p.Stats().Waiting)
	require.Empty(t, third)
	small, a := open(t, p, memory.StatementOptions{Spill: true}, 1<<20) // has a lane of its own
	require.NotNil(t, a)
	small.Close()
	require.Empty(t, second)
	first.Close()
	require.NoError(t, <-second)
	require.NoError(t, <-third)
	require.Zero(t, p.Stats().Waiting)
}

func TestAdmissionTimeout(t *testing.T) {
	p := memorytest.NewPoolWith(t, memory.Options{LimitBytes: 64 << 20, AdmissionTimeout: 20 * time.Millisecond})
	open(t, p, memory.StatementOptions{}, 40<<20)
	s := p.NewStatement(p.Server(), memory.StatementOptions{ConnID: 3})
	t.Cleanup(s.Close)
	var late *sqlerr.AdmissionTimeoutError
	require.ErrorAs(t, s.Admit(t.Context(), 30<<20), &late)
	require.EqualValues(t, 3, late.ConnID)
	require.EqualValues(t, 30<<20, late.MinimumBytes)
	require.GreaterOrEqual(t, late.Waited, 20*time.Millisecond)
	large := p.NewStatement(p.Server(), memory.StatementOptions{})
	t.Cleanup(large.Close)
	require.ErrorAs(t, large.Admit(t.Context(), 65<<20), &late)
	require.Zero(t, p.Stats().Waiting)
}

func TestAdmissionOverQuota(t *testing.T) {
	p := memorytest.NewPool(t, 16<<20)
	s := p.NewStatement(p.Server(), memory.StatementOptions{QuotaBytes: 1 << 20, CancelAtQuota: true})
	t.Cleanup(s.Close)
	var quota *sqlerr.QuotaError
	require.ErrorAs(t, s.Admit(t.Context(), 2<<20), &quota)
}

func TestAdmissionEndsWithItsContext(t *testing.T) {
	p := memorytest.NewPool(t, 64<<20)
	open(t, p, memory.StatementOptions{}, 40<<20)
	killed := errors.New("killed")
	ctx, cancel := context.WithCancelCause(t.Context())
	s, done := admitLater(t, ctx, p, 30<<20)
	cancel(killed)
	require.ErrorIs(t, <-done, killed)
	eventually(t, "failed", func() bool { return errors.Is(s.Err(), killed) })
	require.Zero(t, p.Stats().Waiting)
}

// TestGrantRacesWithCancel gives back grants that lose the race with a cancellation.
func TestGrantRacesWithCancel(t *testing.T) {
	p := memorytest.NewPool(t, 64<<20)
	for range 200 {
		first, _ := open(t, p, memory.StatementOptions{}, 40<<20)
		ctx, cancel := context.WithCancel(t.Context())
		s := p.NewStatement(p.Server(), memory.StatementOptions{})
		var all sync.WaitGroup
		all.Go(func() { _ = s.Admit(ctx, 30<<20) })
		all.Go(cancel)
		all.Go(first.Close)
		all.Wait()
		s.Close()
		require.Zero(t, p.Stats().Minimums)
	}
}

func TestLeasesAreRevokedForAdmission(t *testing.T) {
	p := memorytest.NewPool(t, 64<<20)
	_, a := open(t, p, memory.StatementOptions{Spill: true}, 1<<20)
	var leases []memory.Page
	for {
		g, err := a.Alloc(1<<20, memory.Leased)
		if err != nil {
			require.ErrorIs(t, err, sqlerr.ErrNoSurplus)
			break
		}
		leases = append(leases, g)
	}
	require.Greater(t, len(leases), 50)
	require.Less(t, a.Surplus(), int64(1<<20))
	require.False(t, a.Revoked())
	_, done := admitLater(t, t.Context(), p, 20<<20)
	require.True(t, a.Revoked())
	_, err := a.Alloc(4096, memory.Leased)
	require.ErrorIs(t, err, sqlerr.ErrNoSurplus)
	for _, g := range leases {
		a.Free(g)
	}
	require.NoError(t, <-done)
	require.False(t, a.Revoked())
}

func TestVictimThatCannotSpill(t *testing.T) {
	p := memorytest.NewPool(t, 64<<20)
	s, a := open(t, p, memory.StatementOptions{}, 1<<20)
	var ids []memory.BlockID
	for range 50 {
		id, _, err := a.NewBlock(1<<20, memory.Held)
		require.NoError(t, err)
		a.Unpin(id, memory.ReuseUnknown)
		ids = append(ids, id)
	}
	_, done := admitLater(t, t.Context(), p, 20<<20)
	<-a.Context().Done()
	var short *sqlerr.ServerMemoryError
	require.ErrorAs(t, s.Err(), &short)
	for _, id := range ids {
		a.FreeBlock(id)
	}
	require.NoError(t, <-done)
}

func TestServerReserve(t *testing.T) {
	p := memorytest.NewPool(t, 64<<20)
	_, a := open(t, p, memory.StatementOptions{Spill: true}, 1<<20)
	for { // all surplus is gone
		g, err := a.Alloc(1<<20, memory.Leased)
		if err != nil {
			break
		}
		defer a.Free(g)
	}
	session := p.Server().Child("session")
	g, err := session.Alloc(16<<10, memory.Held)
	require.NoError(t, err)
	s := p.NewStatement(session, memory.StatementOptions{Name: "SET"})
	require.NoError(t, s.Admit(t.Context(), 0))
	h, err := s.Account().Alloc(16<<10, memory.Held)
	require.NoError(t, err)
	require.EqualValues(t, 32<<10, session.Stats().Current)
	require.Greater(t, p.Server().Stats().Current, int64(50<<20))
	s.Account().Free(h)
	s.Close()
	session.Free(g)
	session.Close()
	require.NotEmpty(t, p.Server().Children())
}

func TestSetLimit(t *testing.T) {
	p := memorytest.NewPoolWith(t, memory.Options{LimitBytes: 8 << 20, CeilingBytes: 32 << 20})
	_, a := open(t, p, memory.StatementOptions{Spill: true}, 1<<20)
	ids := fill(t, a, 100, memory.ReuseUnknown)
	p.SetLimit(3 << 20)
	eventually(t, "shrunk", func() bool { return p.Stats().Committed <= 3<<20 })
	p.SetLimit(1 << 40)
	require.EqualValues(t, 32<<20, p.Stats().Limit)
	for i, id := range ids {
		check(t, a, id, i)
		a.FreeBlock(id)
	}
}
