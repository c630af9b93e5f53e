package memory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
)

// wait runs Wait in a goroutine until the returned function is called, which returns Wait's error.
func wait(s *memory.Statement, ctx context.Context) (end func() error) {
	c, result := make(chan struct{}), make(chan error)
	go func() {
		result <- s.Wait(ctx, "test", func(ctx context.Context) error {
			select {
			case <-c:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	}()
	return func() error {
		close(c)
		return <-result
	}
}

func pages(t *testing.T, a *memory.Account, n int, kind memory.Kind) (l []memory.Page) {
	for i := range n {
		g, err := a.Alloc(page, kind)
		require.NoError(t, err)
		s := memory.Slice[uint32](a.Base(), g.Ref, page/4)
		for j := range s {
			s[j] = uint32(1000 + i)
		}
		l = append(l, g)
	}
	return l
}

func checkPages(t *testing.T, a *memory.Account, l []memory.Page) {
	for i, g := range l {
		for _, v := range memory.Slice[uint32](a.Base(), g.Ref, page/4) {
			if v != uint32(1000+i) {
				t.Fatalf("page %d holds %d", i, v)
			}
		}
	}
}

func free(a *memory.Account, l []memory.Page) {
	for _, g := range l {
		a.Free(g)
	}
}

// TestParking: a statement that waits makes room for others in all that it has pinned, and finds it again.
func TestParking(t *testing.T) {
	p := memorytest.NewPool(t, 8<<20)
	s, a := open(t, p, memory.StatementOptions{Spill: true}, 5<<20)
	s.AddWorkers(1)
	held := pages(t, a, 70, memory.Held)
	leased := pages(t, a, 20, memory.Leased)
	blocks := fill(t, a, 10, memory.ReuseUnknown)
	ref, err := a.Pin(blocks[0], memory.Held)
	require.NoError(t, err)
	end := wait(s, t.Context())
	eventually(t, "parked", func() bool { return p.Stats().Minimums == 0 })
	require.Zero(t, p.Stats().Leases)
	require.Equal(t, memory.WaitReason("test"), s.Waiting())

	other, b := open(t, p, memory.StatementOptions{Spill: true}, 6<<20)
	all := pages(t, b, 96, memory.Held)
	checkPages(t, b, all)
	require.Less(t, a.Stats().Current, int64(100*page))
	require.LessOrEqual(t, p.Stats().Committed, int64(8<<20))
	free(b, all)
	other.Close()

	require.NoError(t, end())
	require.Empty(t, s.Waiting())
	checkPages(t, a, held)
	checkPages(t, a, leased)
	require.EqualValues(t, 0, memory.Slice[uint32](a.Base(), ref, 1)[0])
	require.EqualValues(t, 20*page, p.Stats().Leases)
	a.Unpin(blocks[0], memory.ReuseUnknown)
	for i, id := range blocks {
		check(t, a, id, i)
		a.FreeBlock(id)
	}
	free(a, held)
	free(a, leased)
}

func TestParkingNeedsAllWorkers(t *testing.T) {
	p := memorytest.NewPoolWith(t, memory.Options{LimitBytes: 8 << 20, ParkAfter: time.Millisecond})
	s, _ := open(t, p, memory.StatementOptions{Spill: true}, 5<<20)
	s.AddWorkers(2)
	end := wait(s, t.Context())
	time.Sleep(20 * time.Millisecond)
	require.EqualValues(t, 5<<20, p.Stats().Minimums)
	require.Empty(t, s.Waiting())
	s.AddWorkers(-1) // the last that worked ends
	eventually(t, "parked", func() bool { return p.Stats().Minimums == 0 })
	require.NoError(t, end())
	require.EqualValues(t, 5<<20, p.Stats().Minimums)
	s.AddWorkers(1)

	end = wait(s, t.Context())
	end2 := wait(s, t.Context())
	eventually(t, "parked", func() bool { return p.Stats().Minimums == 0 })
	require.NoError(t, end())
	require.EqualValues(t, 5<<20, p.Stats().Minimums)
	require.NoError(t, end2())
}

// TestUnparkIsAheadOfNewcomers: whoever comes back is served before those that wait for the first time.
func TestUnparkIsAheadOfNewcomers(t *testing.T) {
	p := memorytest.NewPoolWith(t, memory.Options{LimitBytes: 64 << 20, ParkAfter: time.Millisecond})
	s, _ := open(t, p, memory.StatementOptions{Spill: true}, 30<<20)
	end := wait(s, t.Context())
	eventually(t, "parked", func() bool { return p.Stats().Minimums == 0 })
	other, _ := open(t, p, memory.StatementOptions{Spill: true}, 50<<20)
	_, newcomer := admitLater(t, t.Context(), p, 40<<20)
	back := make(chan error)
	go func() { back <- end() }()
	eventually(t, "both wait", func() bool { return p.Stats().Waiting == 2 })
	other.Close()
	require.NoError(t, <-back)
	require.Empty(t, newcomer)
	s.Close()
	require.NoError(t, <-newcomer)
}

// TestCancelWhileParked: a statement that ends while parked gives back what it has without waiting for anything.
func TestCancelWhileParked(t *testing.T) {
	killed := errors.New("killed")
	for _, byContext := range []bool{true, false} {
		p := memorytest.NewPoolWith(t, memory.Options{LimitBytes: 8 << 20, ParkAfter: time.Millisecond})
		s, a := open(t, p, memory.StatementOptions{Spill: true}, 5<<20)
		held := pages(t, a, 70, memory.Held)
		blocks := fill(t, a, 10, memory.ReuseUnknown)
		_, err := a.Pin(blocks[3], memory.Held)
		require.NoError(t, err)
		ctx, cancel := context.WithCancelCause(t.Context())
		end := wait(s, ctx)
		eventually(t, "parked", func() bool { return p.Stats().Minimums == 0 })
		other, b := open(t, p, memory.StatementOptions{Spill: true}, 6<<20)
		all := pages(t, b, 96, memory.Held)
		if byContext {
			cancel(killed)
		} else {
			s.Fail(killed)
		}
		require.ErrorIs(t, end(), killed)
		require.ErrorIs(t, s.Err(), killed)
		free(a, held)
		a.Unpin(blocks[3], memory.ReuseUnknown)
		for _, id := range blocks {
			a.FreeBlock(id)
		}
		s.Close()
		checkPages(t, b, all)
		free(b, all)
		other.Close()
		cancel(nil)
		require.NoError(t, p.Check())
	}
}

// TestWaitWithoutParking: short waits and statements that must not spill keep what they have.
func TestWaitWithoutParking(t *testing.T) {
	p := memorytest.NewPoolWith(t, memory.Options{LimitBytes: 8 << 20, ParkAfter: time.Millisecond})
	s, _ := open(t, p, memory.StatementOptions{}, 1<<20)
	end := wait(s, t.Context())
	time.Sleep(10 * time.Millisecond)
	require.EqualValues(t, 1<<20, p.Stats().Minimums)
	require.NoError(t, end())
	refused := errors.New("refused")
	require.ErrorIs(t, s.Wait(t.Context(), "x", func(context.Context) error { return refused }), refused)
}
