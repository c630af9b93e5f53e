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
	"github.com/spillwaydb/spillway/internal/testutil"
)

// eventLog keeps events in their order.
type eventLog struct {
	mu     sync.Mutex
	events []memory.Event
}

func (l *eventLog) add(e memory.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

func (l *eventLog) kinds() (kinds []memory.EventKind, left []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		kinds = append(kinds, e.Kind)
		if e.Kind == memory.EventToken {
			left = append(left, e.TokensLeft)
		}
	}
	return kinds, left
}

func TestTokensGoBeforeSpilling(t *testing.T) {
	var log eventLog
	o := memory.StatementOptions{
		Spill: true, QuotaBytes: 8 * page, ScanTokens: 4, RateLimit: true, OnEvent: log.add,
	}
	// Nobody writes ahead: that would end the pressure.
	p := memorytest.NewPoolWith(t, memory.Options{LimitBytes: 16 << 20, Evictors: -1})
	s, a := open(t, p, o, 4*page)
	s.OpenScan()
	require.True(t, s.TryToken())
	ids := fill(t, a, 50, memory.ReuseUnknown)
	kinds, left := log.kinds()
	require.Equal(t, []memory.EventKind{
		memory.EventToken, memory.EventToken, memory.EventToken, memory.EventTokensSpent, memory.EventSpill,
	}, kinds)
	require.Equal(t, []int{4, 3, 2}, left)
	for _, e := range log.events[:3] {
		require.Equal(t, 4, e.Tokens)
		require.EqualValues(t, 8*page, e.Quota)
		require.Greater(t, e.Consumed, e.Quota)
	}
	require.False(t, s.TryToken(), "one is left, and it is in use")

	// The tokens come back with the end of the pressure; the next time nothing is raised again.
	for _, id := range ids {
		a.FreeBlock(id)
	}
	for range 3 {
		require.True(t, s.TryToken())
	}
	require.False(t, s.TryToken())
	for range 4 {
		s.ReturnToken()
	}
	for _, id := range fill(t, a, 50, memory.ReuseUnknown) {
		a.FreeBlock(id)
	}
	kinds, _ = log.kinds()
	require.Len(t, kinds, 5)
	s.CloseScan()
	a.Close()
}

func TestTokensStay(t *testing.T) {
	for _, c := range []struct {
		name             string
		rateLimit, scans bool
	}{{"without rate limit", false, true}, {"without a scan", true, false}} {
		t.Run(c.name, func(t *testing.T) {
			var log eventLog
			o := memory.StatementOptions{
				Spill: true, QuotaBytes: 8 * page, ScanTokens: 4, RateLimit: c.rateLimit, OnEvent: log.add,
			}
			s, a := open(t, memorytest.NewPool(t, 16<<20), o, 4*page)
			if c.scans {
				s.OpenScan()
				defer s.CloseScan()
			}
			for _, id := range fill(t, a, 50, memory.ReuseUnknown) {
				a.FreeBlock(id)
			}
			kinds, _ := log.kinds()
			require.Equal(t, []memory.EventKind{memory.EventSpill}, kinds)
			a.Close()
		})
	}
}

// TestTokensOfAFailure: a statement that must not spill gives its tokens up, too, before it fails at its quota.
func TestTokensOfAFailure(t *testing.T) {
	var log eventLog
	o := memory.StatementOptions{
		QuotaBytes: 8 * page, CancelAtQuota: true, ScanTokens: 3, RateLimit: true, OnEvent: log.add,
	}
	s, a := open(t, memorytest.NewPool(t, 16<<20), o, 4*page)
	s.OpenScan()
	_, err := a.Alloc(8*page, memory.Leased)
	require.ErrorContains(t, err, "Out Of Memory Quota")
	require.Eventually(t, func() bool {
		_, left := log.kinds()
		return len(left) == 2
	}, testutil.Patience, time.Millisecond)
	s.CloseScan()
	a.Close()
}

func TestAwaitToken(t *testing.T) {
	o := memory.StatementOptions{Spill: true, QuotaBytes: 8 * page, ScanTokens: 2}
	s, a := open(t, memorytest.NewPool(t, 16<<20), o, 4*page)
	require.True(t, s.TryToken())
	require.True(t, s.TryToken())
	got := make(chan error)
	go func() { got <- s.AwaitToken(context.Background()) }()
	select {
	case <-got:
		t.Fatal("there are two tokens")
	case <-time.After(5 * time.Millisecond):
	}
	s.ReturnToken()
	require.NoError(t, <-got)
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() { got <- s.AwaitToken(ctx) }()
	cancel(stop)
	require.ErrorIs(t, <-got, stop)
	a.Close()
}
