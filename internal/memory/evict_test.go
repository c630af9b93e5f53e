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

func TestMain(m *testing.M) { testutil.Main(m) }

const page = 64 << 10

// open admits a statement whose minimum belongs to one operator.
func open(
	t *testing.T, p *memory.Pool, o memory.StatementOptions, minBytes int64,
) (*memory.Statement, *memory.Account) {
	s := p.NewStatement(p.Server(), o)
	t.Cleanup(s.Close)
	require.NoError(t, s.Admit(context.Background(), minBytes))
	a, err := s.Operator("op", minBytes)
	require.NoError(t, err)
	return s, a
}

// fill makes n unpinned blocks, each full of its number.
func fill(t *testing.T, a *memory.Account, n int, reuse memory.Reuse) []memory.BlockID {
	ids := make([]memory.BlockID, n)
	for i := range ids {
		id, ref, err := a.NewBlock(page, memory.Held)
		require.NoError(t, err)
		b := memory.Slice[uint32](a.Base(), ref, page/4)
		for j := range b {
			b[j] = uint32(i)
		}
		a.Unpin(id, reuse)
		ids[i] = id
	}
	return ids
}

func check(t *testing.T, a *memory.Account, id memory.BlockID, want int) {
	ref, err := a.Pin(id, memory.Held)
	require.NoError(t, err)
	for _, v := range memory.Slice[uint32](a.Base(), ref, page/4) {
		if v != uint32(want) {
			t.Fatalf("block %d: %d, want %d", id, v, want)
		}
	}
	a.Unpin(id, memory.ReuseUnknown)
}

func TestEvictionUnderPoolLimit(t *testing.T) {
	store := &memorytest.Store{}
	p := memorytest.NewPoolWith(t, memory.Options{LimitBytes: 2 << 20, Store: store})
	_, a := open(t, p, memory.StatementOptions{Spill: true}, 4*page)
	ids := fill(t, a, 200, memory.ReuseUnknown)
	require.LessOrEqual(t, p.Stats().Committed, int64(2<<20))
	for i, id := range ids {
		check(t, a, id, i)
	}
	writes, reads := store.Counts()
	require.Greater(t, writes, 100)
	require.Greater(t, reads, 100)
	require.Eventually(t, func() bool { // an evictor may be about to count what the store has
		writes, reads = store.Counts()
		st := a.Stats()
		return st.SpilledBytes == int64(writes*page) && st.ReadBytes == int64(reads*page)
	}, testutil.Patience, time.Millisecond)
	require.Positive(t, a.Stats().DiskBytes)
	for _, id := range ids {
		a.FreeBlock(id)
	}
	require.Zero(t, a.Stats().DiskBytes)
	a.Close()
}

func TestEvictionUnderQuota(t *testing.T) {
	var events []memory.EventKind
	var mu sync.Mutex
	o := memory.StatementOptions{Spill: true, CancelAtQuota: true, QuotaBytes: 8 * page, OnEvent: func(e memory.Event) {
		mu.Lock()
		events = append(events, e.Kind)
		mu.Unlock()
	}}
	p := memorytest.NewPool(t, 16<<20)
	_, a := open(t, p, o, 4*page)
	ids := fill(t, a, 50, memory.ReuseUnknown)
	require.LessOrEqual(t, a.Stats().Peak, int64(8*page))
	var leases []memory.Page
	for range 4 {
		g, err := a.Alloc(page, memory.Leased)
		require.NoError(t, err)
		leases = append(leases, g)
	}
	_, err := a.Alloc(page, memory.Leased)
	require.ErrorIs(t, err, sqlerr.ErrNoSurplus)
	for i, id := range ids {
		check(t, a, id, i)
		a.FreeBlock(id)
	}
	for _, g := range leases {
		a.Free(g)
	}
	mu.Lock()
	require.Equal(t, []memory.EventKind{memory.EventSpill}, events)
	mu.Unlock()
	a.Close()
}

// TestQuotaHoldsUnderBothActions: what can be spilled stays within the quota, whatever tidb_mem_oom_action says.
func TestQuotaHoldsUnderBothActions(t *testing.T) {
	for _, cancel := range []bool{true, false} {
		p := memorytest.NewPool(t, 16<<20)
		o := memory.StatementOptions{Spill: true, QuotaBytes: 8 * page, CancelAtQuota: cancel}
		_, a := open(t, p, o, 4*page)
		ids := fill(t, a, 20, memory.ReuseUnknown)
		require.Positive(t, a.Stats().SpilledBytes)
		var leases []memory.Page
		for range 4 {
			g, err := a.Alloc(page, memory.Leased)
			require.NoError(t, err)
			leases = append(leases, g)
		}
		_, err := a.Alloc(page, memory.Leased)
		require.ErrorIs(t, err, sqlerr.ErrNoSurplus)
		require.LessOrEqual(t, a.Stats().Peak, int64(8*page))
		for _, g := range leases {
			a.Free(g)
		}
		for _, id := range ids {
			a.FreeBlock(id)
		}
		a.Close()
	}
}

// TestLogAction: what cannot be shrunk goes on over its quota, says so once, and ends at the pool's limit.
func TestLogAction(t *testing.T) {
	p := memorytest.NewPool(t, 64*page)
	events := make(chan memory.Event, 10)
	o := memory.StatementOptions{QuotaBytes: 8 * page, OnEvent: func(e memory.Event) { events <- e }}
	s, a := open(t, p, o, 16*page)
	e := <-events
	require.Equal(t, memory.Event{Kind: memory.EventQuota, Consumed: 16 * page, Quota: 8 * page}, e)
	var ids []memory.BlockID
	for s.Err() == nil {
		id, _, err := a.NewBlock(page, memory.Held)
		if err != nil {
			break
		}
		a.Unpin(id, memory.ReuseUnknown)
		ids = append(ids, id)
	}
	var full *sqlerr.ServerMemoryError
	require.ErrorAs(t, s.Err(), &full)
	require.Greater(t, len(ids), 24)
	require.Empty(t, events)
	for _, id := range ids {
		a.FreeBlock(id)
	}
	a.Close()
}

// TestSpillIsSaidWithWhatIsWanted: the event comes before the first block is written and has more than the quota, and
// an operator's own comes after it.
func TestSpillIsSaidWithWhatIsWanted(t *testing.T) {
	for _, lease := range []bool{false, true} {
		p := memorytest.NewPool(t, 16<<20)
		var events []memory.Event
		var mu sync.Mutex
		var a *memory.Account
		o := memory.StatementOptions{Spill: true, CancelAtQuota: true, QuotaBytes: 8 * page}
		o.OnEvent = func(e memory.Event) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, e)
			if len(events) == 1 && a.Stats().SpilledBytes > 0 {
				t.Error("written before it was said")
			}
		}
		var s *memory.Statement
		s, a = open(t, p, o, 4*page)
		ids := fill(t, a, 3, memory.ReuseUnknown)
		if lease {
			_, err := a.Alloc(8*page, memory.Leased)
			require.ErrorIs(t, err, sqlerr.ErrNoSurplus)
			s.Event(memory.EventAggMode)
		}
		ids = append(ids, fill(t, a, 20, memory.ReuseUnknown)...)
		s.Event(memory.EventAggMode)
		for _, id := range ids {
			a.FreeBlock(id)
		}
		a.Close()
		s.Close()
		mu.Lock()
		require.Len(t, events, 2)
		for i, k := range []memory.EventKind{memory.EventSpill, memory.EventAggMode} {
			require.Equal(t, k, events[i].Kind)
			require.EqualValues(t, 8*page, events[i].Quota)
		}
		require.Greater(t, events[0].Consumed, int64(8*page))
		mu.Unlock()
	}
}

func TestNoSpillFailsAtQuota(t *testing.T) {
	p := memorytest.NewPool(t, 16<<20)
	s, a := open(t, p, memory.StatementOptions{ConnID: 7, QuotaBytes: 8 * page, CancelAtQuota: true}, 4*page)
	ids := fill(t, a, 4, memory.ReuseUnknown)
	var err error
	for range 10 {
		var id memory.BlockID
		if id, _, err = a.NewBlock(page, memory.Held); err != nil {
			break
		}
		a.Unpin(id, memory.ReuseUnknown)
		ids = append(ids, id)
	}
	var quota *sqlerr.QuotaError
	require.ErrorAs(t, err, &quota)
	require.EqualValues(t, 7, quota.ConnID)
	require.Contains(t, quota.Report, "op current")
	require.ErrorIs(t, s.Err(), err)
	require.ErrorIs(t, context.Cause(a.Context()), err)
	for _, id := range ids {
		a.FreeBlock(id)
	}
}

func TestWriteErrorBelongsToOwner(t *testing.T) {
	broken := errors.New("broken disk")
	hooks := &memory.Hooks{Refuse: func(op memory.Op, account string, _ int) error {
		if op == memory.OpWrite && account == "bad" {
			return broken
		}
		return nil
	}}
	p := memorytest.NewPoolWith(t, memory.Options{LimitBytes: 2 << 20, Hooks: hooks})
	bad, a := open(t, p, memory.StatementOptions{Spill: true, Name: "bad"}, 2*page)
	good, b := open(t, p, memory.StatementOptions{Spill: true, Name: "good"}, 2*page)
	badIDs := fill(t, a, 20, memory.ReuseUnknown)
	ids := fill(t, b, 100, memory.ReuseUnknown)
	for i, id := range ids {
		check(t, b, id, i)
	}
	require.ErrorIs(t, bad.Err(), broken)
	require.NoError(t, good.Err())
	for _, id := range badIDs {
		a.FreeBlock(id)
	}
	for _, id := range ids {
		b.FreeBlock(id)
	}
}

func TestManyWorkers(t *testing.T) {
	rounds := 5
	if testing.Short() {
		rounds = 2
	}
	p := memorytest.NewPool(t, 4<<20)
	var all sync.WaitGroup
	for range 3 {
		_, a := open(t, p, memory.StatementOptions{Spill: true, QuotaBytes: 2 << 20, CancelAtQuota: true}, 8*page)
		for range 3 {
			all.Go(func() {
				for range rounds {
					ids := fill(t, a, 30, memory.ReuseUnknown)
					a.Prefetch(ids[:8]...)
					for i, id := range ids {
						check(t, a, id, i)
						a.FreeBlock(id)
					}
				}
			})
		}
	}
	all.Wait()
}

func TestMarkDirty(t *testing.T) {
	p := memorytest.NewPool(t, 4<<20)
	_, a := open(t, p, memory.StatementOptions{Spill: true, ForceSpill: true}, 8*page)
	id := fill(t, a, 1, memory.ReuseUnknown)[0]
	ref, err := a.Pin(id, memory.Held)
	require.NoError(t, err)
	a.MarkDirty(id)
	clear(memory.Bytes(a.Base(), ref, page))
	a.Unpin(id, memory.ReuseUnknown)
	check(t, a, id, 0)
	a.FreeBlock(id)
}
