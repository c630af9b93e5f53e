package catalog

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
)

func newLocks() *Locks { return &Locks{objs: map[Name]*lockObject{}} }

// start locks in the background and waits until the request is settled or queued.
func start(t *testing.T, l *Locks, o *Owner, n Name, m LockMode) chan error {
	done := make(chan error, 1)
	go func() { done <- o.Lock(context.Background(), n, m, 10*time.Second) }()
	require.Eventually(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		have, held := o.held[n]
		return o.waiting != nil || held && have >= m || len(done) > 0
	}, testutil.Patience, time.Millisecond)
	return done
}

func TestLockModes(t *testing.T) {
	l, n, ctx := newLocks(), Name{"d", "t"}, context.Background()
	for a := SharedRead; a <= Exclusive; a++ {
		for b := SharedRead; b <= Exclusive; b++ {
			x, y := l.NewOwner(1, nil), l.NewOwner(2, nil)
			require.NoError(t, x.Lock(ctx, n, a, 0))
			err := y.Lock(ctx, n, b, 0)
			require.Equal(t, compatible[a][b], err == nil, "%s %s", a, b)
			if err != nil {
				require.True(t, sqlerr.Is(err, sqlerr.ErrLockWaitTimeout))
			}
			x.ReleaseAll()
			y.ReleaseAll()
			require.Empty(t, l.objs)
		}
	}
}

func TestLockUpgradeAndFairness(t *testing.T) {
	l, n, ctx := newLocks(), Name{"d", "t"}, context.Background()
	ddl, writer, reader := l.NewOwner(1, nil), l.NewOwner(2, nil), l.NewOwner(3, nil)
	require.NoError(t, reader.Lock(ctx, n, SharedRead, 0))
	require.NoError(t, ddl.Lock(ctx, n, SharedNoWrite, 0))
	up := start(t, l, ddl, n, Exclusive) // waits for the reader
	late := start(t, l, writer, n, SharedWrite)
	require.Len(t, l.List(), 4)
	require.NoError(t, reader.Lock(ctx, n, SharedRead, 0), "what one has needs no wait")
	reader.ReleaseAll()
	require.NoError(t, <-up)
	m, ok := ddl.Holds(n)
	require.True(t, ok && m == Exclusive)
	ddl.ReleaseAll()
	require.NoError(t, <-late)
	writer.ReleaseAll()
	require.Empty(t, l.objs)
}

func TestLockDeadlock(t *testing.T) {
	l, ctx := newLocks(), context.Background()
	a, b := l.NewOwner(1, nil), l.NewOwner(2, nil)
	x, y := Name{"d", "x"}, Name{"d", "y"}
	require.NoError(t, a.Lock(ctx, x, SharedWrite, 0))
	require.NoError(t, b.Lock(ctx, y, SharedWrite, 0))
	wait := start(t, l, a, y, Exclusive)
	require.True(t, sqlerr.Is(b.Lock(ctx, x, Exclusive, time.Minute), sqlerr.ErrLockDeadlock))
	b.ReleaseAll()
	require.NoError(t, <-wait)
	a.ReleaseAll()
}

func TestLockCancel(t *testing.T) {
	l, n := newLocks(), Name{"d", "t"}
	a, b := l.NewOwner(1, nil), l.NewOwner(2, nil)
	require.NoError(t, a.Lock(context.Background(), n, Exclusive, 0))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, b.Lock(ctx, n, SharedRead, time.Minute), context.Canceled)
	a.ReleaseAll()
	require.Empty(t, l.objs)
}
