package local

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/kv/kvtest"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
)

// rangeRig is a store whose transactions lock ranges after few keys.
type rangeRig struct {
	*testing.T
	pool  *memory.Pool
	store *store
}

const rangePrefix = 2

func newRangeRig(t *testing.T, after, anyway int64) *rangeRig {
	pool := kvtest.NewPool(t)
	o := memoryOptions(t, pool)
	o.SpaceBytes = rangePrefix
	s, err := Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	st := s.(*store)
	st.locks.ranges.after, st.locks.ranges.anyway = after, anyway
	return &rangeRig{t, pool, st}
}

func (r *rangeRig) begin() kv.Txn {
	txn, err := r.store.Begin(r.Context(), kv.TxnOptions{Account: r.store.options.Account})
	require.NoError(r, err)
	return txn
}

func rangeKey(space byte, n int) []byte {
	return binary.BigEndian.AppendUint32([]byte{'s', space}, uint32(n))
}

func (r *rangeRig) lock(txn kv.Txn, space byte, n int, o kv.LockOptions) (kv.Locked, error) {
	return txn.Lock(r.Context(), rangeKey(space, n), o)
}

var (
	nowait  = kv.LockOptions{Mode: kv.LockExclusive}
	patient = kv.LockOptions{Mode: kv.LockExclusive, Timeout: time.Minute}
	skip    = kv.LockOptions{Mode: kv.LockExclusive, Timeout: time.Minute, SkipLocked: true}
)

func (r *rangeRig) taken(txn kv.Txn, space byte, n int) {
	r.Helper()
	got, err := r.lock(txn, space, n, nowait)
	require.NoError(r, err)
	require.Equal(r, kv.LockTaken, got)
}

func (r *rangeRig) refused(txn kv.Txn, space byte, n int) {
	r.Helper()
	_, err := r.lock(txn, space, n, nowait)
	require.True(r, sqlerr.Is(err, sqlerr.ErrLockNowait), "%v", err)
	got, err := r.lock(txn, space, n, skip)
	require.NoError(r, err)
	require.Equal(r, kv.NotLocked, got)
}

func TestAscendingKeysAreARange(t *testing.T) {
	r := newRangeRig(t, 10, 1000)
	a, b := r.begin(), r.begin()
	for n := range 500 {
		r.taken(a, 'x', 2*n)
	}
	require.EqualValues(t, 10, r.store.Stats().Locks)
	got, err := r.lock(a, 'x', 100, nowait)
	require.NoError(t, err)
	require.Equal(t, kv.LockHeld, got)
	r.refused(b, 'x', 100)
	r.refused(b, 'x', 101) // a key between
	r.refused(b, 'x', 2)   // a single lock
	r.taken(b, 'x', 1)     // between single locks
	r.taken(b, 'y', 100)
	r.taken(b, 'x', 2000)
	// Others have locks now: a goes on with single ones.
	r.taken(a, 'x', 998+2)
	r.refused(a, 'x', 2000)
	require.EqualValues(t, 14, r.store.Stats().Locks)
	require.NoError(t, b.Rollback())
	r.taken(a, 'x', 2000)
	require.EqualValues(t, 11, r.store.Stats().Locks)
	require.NoError(t, a.RollbackTo(0)) // locks stay
	b = r.begin()
	r.refused(b, 'x', 100)

	// Who waits gets the lock when the range ends.
	done := make(chan kv.Locked, 1)
	go func() {
		got, err := r.lock(b, 'x', 101, patient)
		if err != nil {
			t.Error(err)
		}
		done <- got
	}()
	require.Eventually(t, func() bool { return r.store.Stats().Waiters == 1 }, testutil.Patience, time.Millisecond)
	require.NoError(t, a.Commit(t.Context()))
	require.Equal(t, kv.LockWaited, <-done)
	c := r.begin()
	r.refused(c, 'x', 101)
	r.taken(c, 'x', 100)
	require.NoError(t, b.Rollback())
	require.NoError(t, c.Rollback())
	require.Zero(t, r.store.Stats().Locks)
	require.Empty(t, r.store.locks.ranges.spaces)
}

func TestVeryManyLocksAreARange(t *testing.T) {
	r := newRangeRig(t, 10, 100)
	a, b := r.begin(), r.begin()
	for n := range 1000 {
		r.taken(a, 'x', 10_000-n)
	}
	require.EqualValues(t, 100, r.store.Stats().Locks)
	r.refused(b, 'x', 9500)
	r.taken(b, 'x', 5)
	require.NoError(t, a.Rollback())
	require.NoError(t, b.Rollback())
}

func TestDeadlockOverRanges(t *testing.T) {
	r := newRangeRig(t, 4, 1000)
	a, b := r.begin(), r.begin()
	for n := range 100 {
		r.taken(a, 'x', n)
		r.taken(b, 'y', n)
	}
	errs := make(chan error, 2)
	go func() {
		_, err := r.lock(a, 'y', 50, patient)
		if err != nil {
			err = errFirst(err, a.Rollback())
		}
		errs <- err
	}()
	_, err := r.lock(b, 'x', 50, patient)
	if err != nil {
		err = errFirst(err, b.Rollback())
	}
	errs <- err
	one, two := <-errs, <-errs
	if one == nil {
		one, two = two, one
	}
	require.True(t, sqlerr.Is(one, sqlerr.ErrLockDeadlock), "%v", one)
	require.NoError(t, two)
	require.NoError(t, a.Rollback())
	require.NoError(t, b.Rollback())
}

func errFirst(a, b error) error {
	if b != nil {
		return b
	}
	return a
}

// Random histories of transactions that lock keys, mostly in order: no key is had by two, and a key of a space that
// nobody else has locks in is granted.
func TestRangesExclude(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		r := newRangeRig(t, 1+rnd.Int64N(8), 20+rnd.Int64N(50))
		type player struct {
			txn  kv.Txn
			next [2]int
			has  map[string]bool
		}
		players := make([]*player, 3)
		for range 3000 {
			i := rnd.IntN(len(players))
			p := players[i]
			if p == nil {
				p = &player{txn: r.begin(), has: map[string]bool{}}
				p.next = [2]int{rnd.IntN(300), rnd.IntN(300)}
				players[i] = p
			}
			if rnd.IntN(100) == 0 {
				require.NoError(t, p.txn.Rollback())
				players[i] = nil
				continue
			}
			space := rnd.IntN(2)
			n := p.next[space]
			if rnd.IntN(20) == 0 {
				n = rnd.IntN(400)
			} else {
				p.next[space] += 1 + rnd.IntN(3)
			}
			key := string(rangeKey(byte(space), n))
			free, alone := true, true
			for _, other := range players {
				if other == nil || other == p {
					continue
				}
				free = free && !other.has[key]
				for k := range other.has {
					alone = alone && k[1] != key[1]
				}
			}
			got, err := p.txn.Lock(t.Context(), []byte(key), skip)
			require.NoError(t, err)
			switch {
			case got == kv.NotLocked:
				require.False(t, alone, "seed %d", seed)
				require.False(t, p.has[key], "seed %d", seed)
			default:
				require.True(t, free, "seed %d", seed)
				p.has[key] = true
			}
		}
		for _, p := range players {
			if p != nil {
				require.NoError(t, p.txn.Rollback())
			}
		}
		require.Zero(t, r.store.Stats().Locks)
		require.Empty(t, r.store.locks.ranges.spaces)
	}
}

// Where the pool is small, fewer single locks are kept, whatever the order of keys.
func TestSmallPoolsHaveFewLocks(t *testing.T) {
	r := newRangeRig(t, 10, rangeAnyway)
	const most = 2048
	r.pool.SetLimit(most * rangePoolShare)
	a, b := r.begin(), r.begin()
	for n := range 2 * most {
		_, err := r.lock(a, 'x', n*7919%10007, nowait)
		require.NoError(t, err)
	}
	locks := r.store.Stats().Locks
	require.LessOrEqual(t, locks, int64(most))
	require.Greater(t, locks, int64(most/4), "half of the keys or so are above those before")
	r.refused(b, 'x', 7919)
	require.NoError(t, a.Rollback())
	r.taken(b, 'x', 7919)
	require.NoError(t, b.Rollback())
}
