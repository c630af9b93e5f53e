package memory_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
)

// handClock is moved by hand. Its timers never end.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) AfterFunc(time.Duration, func()) func() bool { return func() bool { return true } }

func (c *handClock) move(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
}

// sharer is a statement that takes leases, and gives all of them back when asked.
type sharer struct {
	t      *testing.T
	s      *memory.Statement
	a      *memory.Account
	leases []memory.Page
}

const leasePage = 64 << 10

func newSharer(t *testing.T, p *memory.Pool) *sharer {
	s, a := open(t, p, memory.StatementOptions{Spill: true}, 256<<10)
	l := &sharer{t: t, s: s, a: a}
	t.Cleanup(func() { l.keep(0); a.Close() })
	return l
}

func (l *sharer) bytes() int64 { return int64(len(l.leases)) * leasePage }

// one takes a lease if there is any.
func (l *sharer) one() bool {
	g, err := l.a.Alloc(leasePage, memory.Leased)
	if err != nil {
		require.ErrorIs(l.t, err, sqlerr.ErrNoSurplus)
		return false
	}
	l.leases = append(l.leases, g)
	return true
}

// most takes leases up to n bytes, as far as there are any.
func (l *sharer) most(n int64) {
	for l.bytes()+leasePage <= n && l.one() {
	}
}

func (l *sharer) keep(n int) {
	for len(l.leases) > n {
		l.a.Free(l.leases[len(l.leases)-1])
		l.leases = l.leases[:len(l.leases)-1]
	}
}

// batch does what an operator does at the start of a batch.
func (l *sharer) batch() {
	if l.a.Revoked() {
		l.keep(0)
	}
}

func fairPool(t *testing.T) (*memory.Pool, *handClock) {
	clock := &handClock{now: time.Unix(1, 0)}
	return memorytest.NewPoolWith(t, memory.Options{LimitBytes: 16 << 20, Evictors: -1, Clock: clock}), clock
}

// surplus is what one statement of two can lease.
func surplus(t *testing.T, p *memory.Pool) int64 {
	x := newSharer(t, p)
	y := newSharer(t, p)
	x.most(1 << 40)
	n := x.bytes()
	x.keep(0)
	x.a.Close()
	x.s.Close()
	y.a.Close()
	y.s.Close()
	return n
}

const everything = 1 << 40

func TestSecondStatementGetsItsShare(t *testing.T) {
	p, clock := fairPool(t)
	all := surplus(t, p)
	x, y := newSharer(t, p), newSharer(t, p)
	x.most(everything)
	require.Equal(t, all, x.bytes())
	require.False(t, x.a.Revoked(), "nobody else wants any")
	clock.move(time.Minute)
	require.False(t, y.one())
	require.True(t, x.a.Revoked())
	x.batch()
	require.False(t, x.a.Revoked(), "it has given enough")
	x.most(everything)
	require.InDelta(t, all/2, x.bytes(), leasePage)
	require.Less(t, x.a.Surplus(), int64(leasePage))
	y.most(everything)
	require.InDelta(t, all/2, y.bytes(), leasePage)
	clock.move(10 * time.Millisecond)
	require.False(t, x.one())
	require.False(t, y.one())
	require.False(t, x.a.Revoked() || y.a.Revoked(), "both have their shares")
	y.keep(0)
	y.a.Close()
	y.s.Close()
	x.most(everything)
	require.InDelta(t, all, x.bytes(), 1<<20)
	require.NoError(t, p.Check())
}

func TestClaimEnds(t *testing.T) {
	p, clock := fairPool(t)
	all := surplus(t, p)
	x, y := newSharer(t, p), newSharer(t, p)
	x.most(everything)
	require.False(t, y.one())
	x.batch()
	y.most(leasePage) // it wants no more than this
	x.most(everything)
	require.InDelta(t, all/2, x.bytes(), leasePage)
	clock.move(2 * time.Second)
	x.most(everything)
	require.Equal(t, all, x.bytes()+y.bytes())
	require.False(t, x.a.Revoked())
	clock.move(time.Second)
	require.False(t, y.one())
	require.True(t, x.a.Revoked())
	clock.move(2 * time.Second) // it was asked, but has not noticed; the claim has ended
	require.False(t, x.one())
	require.False(t, x.a.Revoked())
	require.NoError(t, p.Check())
}

// Statements that want little leave their shares to the others, and are not asked for what they have.
func TestSmallHoldersKeepWhatTheyHave(t *testing.T) {
	p, clock := fairPool(t)
	x := newSharer(t, p)
	var few []*sharer
	for range 10 {
		l := newSharer(t, p)
		l.most(leasePage)
		few = append(few, l)
	}
	y := newSharer(t, p)
	x.most(everything)
	most := x.bytes()
	clock.move(time.Minute)
	require.False(t, y.one())
	require.True(t, x.a.Revoked())
	x.batch()
	for _, l := range few {
		require.False(t, l.a.Revoked())
	}
	x.most(everything)
	y.most(everything)
	require.InDelta(t, most/2, x.bytes(), 1<<20)
	require.InDelta(t, most/2, y.bytes(), 1<<20)
	require.NoError(t, p.Check())
}

// An admission comes before shares, and shares are restored after it.
func TestAdmissionComesBeforeShares(t *testing.T) {
	p, clock := fairPool(t)
	x, y := newSharer(t, p), newSharer(t, p)
	x.most(everything)
	require.False(t, y.one())
	third, done := admitLater(t, t.Context(), p, 4<<20)
	require.True(t, x.a.Revoked())
	x.batch()
	require.NoError(t, <-done)
	y.most(everything)
	x.most(everything)
	require.InDelta(t, x.bytes(), y.bytes(), leasePage)
	third.Close()
	clock.move(10 * time.Millisecond)
	y.most(everything)
	x.most(everything)
	require.NoError(t, p.Check())
}

// Random statements that take what they get: within a few batches of all, each that asks for its share has had it.
func TestFairness(t *testing.T) {
	r := testutil.Rand(t)
	rounds := 5
	switch {
	case testutil.Long():
		rounds = 1000
	case testing.Short():
		rounds = 2
	}
	for round := range rounds {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			p, clock := fairPool(t)
			var sharers []*sharer
			for range 2 + r.IntN(5) {
				sharers = append(sharers, newSharer(t, p))
			}
			sharers[0].most(everything)
			all := sharers[0].bytes()
			had := make([]int64, len(sharers))
			for range 400 {
				i := r.IntN(len(sharers))
				clock.move(time.Duration(r.IntN(20)) * time.Millisecond)
				l := sharers[i]
				l.batch()
				l.most(l.bytes() + int64(r.IntN(64))*leasePage)
				if r.IntN(20) == 0 {
					l.keep(0) // it has written a run
				}
				had[i] = max(had[i], l.bytes())
				require.NoError(t, p.Check())
			}
			share := all / int64(len(sharers))
			for i, n := range had {
				require.Greater(t, n, share*3/4, "%d of %d", i, len(sharers))
			}
		})
	}
}
