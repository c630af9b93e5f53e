package memory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/invariants"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
)

func newPool(t *testing.T) *memory.Pool {
	p, err := memory.NewPool(memory.Options{LimitBytes: 16 << 20, HeapLedgerBytes: 1 << 20})
	require.NoError(t, err)
	return p
}

func TestLeaksAreReportedAndFreed(t *testing.T) {
	p := newPool(t)
	s := p.NewStatement(p.Server(), memory.StatementOptions{Name: "SELECT 1"})
	require.NoError(t, s.Admit(t.Context(), 1<<20))
	a, err := s.Operator("hash join", 1<<20)
	require.NoError(t, err)
	_, err = a.Alloc(page, memory.Held)
	require.NoError(t, err)
	_, _, err = a.NewBlock(page, memory.Held)
	require.NoError(t, err)
	a.Close()
	a.Close()
	s.Close()
	s.Close()
	require.Zero(t, p.Stats().Minimums)
	err = p.Close()
	require.ErrorContains(t, err, `account "hash join" of "SELECT 1" was closed with 131072 bytes`)
	require.NotContains(t, err.Error(), "still counted")
	if invariants.Enabled {
		require.ErrorContains(t, err, "TestLeaksAreReportedAndFreed")
	}
}

func TestShareOfAnOperatorReturns(t *testing.T) {
	p := newPool(t)
	s := p.NewStatement(p.Server(), memory.StatementOptions{})
	require.NoError(t, s.Admit(t.Context(), 1<<20))
	for range 3 {
		a, err := s.Operator("sort", 1<<20)
		require.NoError(t, err)
		if invariants.Enabled {
			require.Panics(t, func() { _, _ = s.Operator("join", 1) })
		} else {
			_, err = s.Operator("join", 1)
			require.ErrorContains(t, err, "assertion failed")
		}
		a.Close()
	}
	s.Close()
	require.NoError(t, p.Close())
}

func TestTree(t *testing.T) {
	p := newPool(t)
	user := p.Server().Child("user")
	session := user.Child("session")
	s := p.NewStatement(session, memory.StatementOptions{Name: "q"})
	require.NoError(t, s.Admit(t.Context(), 2<<20))
	a, err := s.Operator("sort", 1<<20)
	require.NoError(t, err)
	part := a.Child("run")
	g, err := part.Alloc(1<<19, memory.Held)
	require.NoError(t, err)
	for _, x := range []*memory.Account{part, a, s.Account(), session, user, p.Server()} {
		require.EqualValues(t, 1<<19, x.Stats().Current, x.Name())
		require.EqualValues(t, 1<<19, x.Stats().Peak, x.Name())
	}
	require.EqualValues(t, 2<<20, s.Account().Stats().Minimum)
	require.EqualValues(t, 1<<20, a.Stats().Minimum)
	require.EqualValues(t, 2<<20, user.Stats().Minimum)
	require.Equal(t, "sort", s.Account().Children()[0].Name)
	part.Free(g)
	part.Close()
	a.Close()
	s.Close()
	require.Zero(t, user.Stats().Current)
	require.EqualValues(t, 1<<19, user.Stats().Peak)
	user.Close()
	require.Empty(t, p.Server().Children())
	require.NoError(t, p.Close())
}

func TestHeapLedger(t *testing.T) {
	p := newPool(t)
	s := p.NewStatement(p.Server(), memory.StatementOptions{QuotaBytes: 1 << 19, CancelAtQuota: true})
	h := p.Heap()
	require.NoError(t, h.Reserve(s.Account(), 1<<18))
	var quota *sqlerr.QuotaError
	require.ErrorAs(t, h.Reserve(s.Account(), 1<<19), &quota)
	session := p.Server().Child("session")
	require.NoError(t, h.Reserve(session, 1<<19))
	var short *sqlerr.ServerMemoryError
	require.ErrorAs(t, h.Reserve(session, 1<<19), &short)
	require.EqualValues(t, 1<<19+1<<18, p.Stats().HeapReserved)
	testHeapOverdraft(t, p, session)
	h.Release(s.Account(), 1<<18)
	s.Close()
	session.Close() // releases what is left
	require.Zero(t, p.Stats().HeapReserved)
	require.NoError(t, p.Close())
}

// TestHeapQueue: statements that are to begin wait for heap in order of arrival, while others are under way.
func TestHeapQueue(t *testing.T) {
	p, err := memory.NewPool(memory.Options{LimitBytes: 16 << 20, HeapLedgerBytes: 1 << 20, Clock: &handClock{}})
	require.NoError(t, err)
	h, session := p.Heap(), p.Server().Child("session")
	const part = 1 << 17 // an eighth of the ledger
	require.NoError(t, h.Reserve(session, 8*part))
	waits := make(chan int, 3)
	reserve := func(ctx context.Context, n int64, number int) error {
		return h.ReserveNew(ctx, session, n, func() { waits <- number })
	}
	var full *sqlerr.ServerMemoryError
	require.ErrorAs(t, reserve(t.Context(), 1, 0), &full, "nobody is under way")
	s := p.NewStatement(p.Server(), memory.StatementOptions{})
	require.NoError(t, s.Admit(t.Context(), 4<<20))
	require.ErrorAs(t, reserve(t.Context(), part+1, 0), &full, "so much may never be free")
	require.Empty(t, waits)

	done := make(chan int, 3)
	start := func(ctx context.Context, number int) {
		go func() {
			if reserve(ctx, part, number) == nil {
				done <- number
			} else {
				done <- -number
			}
		}()
		require.Equal(t, number, <-waits)
		queued := func() bool { return p.Stats().HeapWaiting == number }
		require.Eventually(t, queued, testutil.Patience, time.Millisecond)
	}
	start(t.Context(), 1)
	ctx, cancel := context.WithCancel(t.Context())
	start(ctx, 2)
	start(t.Context(), 3)
	h.Release(session, 2*part-1) // one part is left to those under way
	require.Equal(t, 3, p.Stats().HeapWaiting, "the first has no room, and the others come after it")
	cancel()
	require.Equal(t, -2, <-done)
	h.Release(session, 1)
	require.Equal(t, 1, <-done)
	h.Release(session, part)
	require.Equal(t, 3, <-done)
	s.Close()
	session.Close()
	require.Zero(t, p.Stats().HeapReserved)
	require.NoError(t, p.Close())
}

// TestShareBlock: a block with two owners ends when both have freed it; other accounts cannot share it.
func TestShareBlock(t *testing.T) {
	p := newPool(t)
	s := p.NewStatement(p.Server(), memory.StatementOptions{})
	require.NoError(t, s.Admit(t.Context(), 1<<20))
	a, err := s.Operator("a", 1<<19)
	require.NoError(t, err)
	b, err := s.Operator("b", 1<<19)
	require.NoError(t, err)
	id, _, err := a.NewBlock(page, memory.Held)
	require.NoError(t, err)
	require.False(t, b.ShareBlock(id))
	require.True(t, a.ShareBlock(id))
	a.Unpin(id, memory.ReuseLate)
	a.FreeBlock(id)
	_, err = a.Pin(id, memory.Held)
	require.NoError(t, err)
	require.EqualValues(t, page, a.Stats().Current)
	a.Unpin(id, memory.ReuseLate)
	a.FreeBlock(id)
	require.Zero(t, a.Stats().Current)
	s.Close()
	require.NoError(t, p.Close())
}

func TestMisuse(t *testing.T) {
	p := newPool(t)
	s := p.NewStatement(p.Server(), memory.StatementOptions{})
	a := s.Account()
	g, err := a.Alloc(page, memory.Held)
	require.NoError(t, err)
	id, _, err := a.NewBlock(page, memory.Held)
	require.NoError(t, err)
	other := p.NewStatement(p.Server(), memory.StatementOptions{})
	bug := func(f func()) {
		if invariants.Enabled {
			require.Panics(t, f)
		} else {
			require.NotPanics(t, f)
		}
	}
	bug(func() { _, _ = other.Account().Pin(id, memory.Held) })
	bug(func() { _, _ = a.Pin(12345, memory.Held) })
	bug(func() { _, _ = a.Alloc(memory.MaxPageBytes+1, memory.Held) })
	require.Equal(t, page, a.BlockSize(id))
	a.Free(memory.Page{})
	a.FreeBlock(0)
	a.Free(g)
	bug(func() { a.Free(g) })
	a.FreeBlock(id)
	bug(func() { a.Unpin(id, memory.ReuseUnknown) })
	bug(func() { a.FreeBlock(id) })
	other.Close()
	s.Close()
	if !invariants.Enabled {
		require.Error(t, p.Close())
		return
	}
	require.NoError(t, p.Close())
}

func TestSizes(t *testing.T) {
	require.Equal(t, 4096, memory.PageSize(1))
	require.Equal(t, 4096, memory.PageSize(4096))
	require.Equal(t, 8192, memory.PageSize(4097))
	require.Equal(t, memory.MaxPageBytes, memory.PageSize(memory.MaxPageBytes))
	require.Equal(t, memory.MaxPageBytes+1, memory.PageSize(memory.MaxPageBytes+1))
}

// testHeapOverdraft: a ledger of 1 MiB has 256 KiB left.
func testHeapOverdraft(t *testing.T, p *memory.Pool, session *memory.Account) {
	h, used := p.Heap(), p.Stats().HeapReserved
	var short *sqlerr.ServerMemoryError
	require.NoError(t, h.ReserveAtWork(session, 3<<17))
	require.ErrorAs(t, h.ReserveAtWork(session, 1), &short)
	h.Release(session, 3<<17)
	fits, err := h.ReserveCommit(t.Context(), session, 1<<18)
	require.NoError(t, err)
	first, err := h.ReserveCommit(t.Context(), session, 6<<20)
	require.NoError(t, err)
	killed := errors.New("killed")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(killed)
	_, err = h.ReserveCommit(ctx, session, 1)
	require.ErrorIs(t, err, killed)
	second := make(chan error, 1)
	go func() {
		c, err := h.ReserveCommit(context.Background(), session, 6<<20)
		c.Release()
		second <- err
	}()
	require.EqualValues(t, used+1<<18+6<<20, p.Stats().HeapReserved)
	fits.Release()
	require.NoError(t, h.Reserve(session, 1<<17), "new work is not refused for a commit over the limit")
	h.Release(session, 1<<17)
	first.Release()
	first.Release()
	require.NoError(t, <-second)
	fits.Release()
	require.Equal(t, used, p.Stats().HeapReserved)
}
