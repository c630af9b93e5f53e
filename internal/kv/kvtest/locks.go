package kvtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
)

var (
	shared    = kv.LockOptions{Mode: kv.LockShared, Timeout: forever}
	exclusive = kv.LockOptions{Mode: kv.LockExclusive, Timeout: forever}
)

// now is o without waiting.
func now(o kv.LockOptions) kv.LockOptions {
	o.Timeout = 0
	return o
}

func (s *suite) lock(txn kv.Txn, key string, o kv.LockOptions) {
	s.Helper()
	got, err := txn.Lock(s.ctx, []byte(key), o)
	require.NoError(s, err)
	require.NotEqual(s, kv.NotLocked, got)
}

func (s *suite) refused(txn kv.Txn, key string, o kv.LockOptions) {
	s.Helper()
	_, err := txn.Lock(s.ctx, []byte(key), now(o))
	require.True(s, sqlerr.Is(err, sqlerr.ErrLockNowait), "%v", err)
	o.SkipLocked = true
	got, err := txn.Lock(s.ctx, []byte(key), o)
	require.NoError(s, err)
	require.Equal(s, kv.NotLocked, got)
}

// async locks in a goroutine.
func (s *suite) async(txn kv.Txn, key string, o kv.LockOptions) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := txn.Lock(s.ctx, []byte(key), o)
		done <- err
	}()
	return done
}

func (s *suite) rollback(txns ...kv.Txn) {
	s.Helper()
	for _, txn := range txns {
		require.NoError(s, txn.Rollback())
	}
}

func testLockModes(s *suite) {
	a, b, c := s.begin(), s.begin(), s.begin()
	s.lock(a, "k", shared)
	s.lock(a, "k", shared)
	s.lock(b, "k", shared)
	s.refused(c, "k", exclusive)
	s.refused(a, "k", exclusive)
	s.lock(c, "other", exclusive)
	s.lock(c, "other", exclusive)
	s.lock(c, "other", shared)
	s.refused(a, "other", shared)
	require.NoError(s, a.RollbackTo(0)) // locks stay
	s.refused(c, "k", exclusive)
	s.rollback(a)
	s.lock(b, "k", exclusive) // alone now
	s.refused(c, "k", shared)
	s.commit(b)
	s.lock(c, "k", exclusive)
	require.EqualValues(s, 2, s.store.Stats().Locks)
	s.rollback(c)
}

func testLockAnswers(s *suite) {
	a, b := s.begin(), s.begin()
	answer := func(txn kv.Txn, o kv.LockOptions) kv.Locked {
		got, err := txn.Lock(s.ctx, []byte("k"), o)
		require.NoError(s, err)
		return got
	}
	require.Equal(s, kv.LockTaken, answer(a, shared))
	require.Equal(s, kv.LockHeld, answer(a, shared))
	require.Equal(s, kv.LockTaken, answer(a, exclusive))
	require.Equal(s, kv.LockHeld, answer(a, shared))
	require.Equal(s, kv.LockHeld, answer(a, exclusive))
	require.Equal(s, kv.NotLocked, answer(b, kv.LockOptions{Mode: kv.LockShared, SkipLocked: true}))
	done := make(chan kv.Locked, 1)
	go func() {
		got, err := b.Lock(s.ctx, []byte("k"), exclusive)
		if err != nil {
			s.Errorf("lock: %v", err)
		}
		done <- got
	}()
	s.waiters(1)
	s.rollback(a)
	require.Equal(s, kv.LockWaited, <-done)
	require.Equal(s, kv.LockHeld, answer(b, exclusive))
	s.rollback(b)
}

// Locks are granted in the order in which they are asked for, shared ones together.
func testLockQueue(s *suite) {
	holder := s.begin()
	s.lock(holder, "k", exclusive)
	type request struct {
		txn  kv.Txn
		done <-chan error
	}
	var queue []request
	for i, o := range []kv.LockOptions{shared, shared, exclusive, shared} {
		txn := s.begin()
		queue = append(queue, request{txn, s.async(txn, "k", o)})
		s.waiters(int64(i + 1))
	}
	s.commit(holder)
	require.NoError(s, <-queue[0].done)
	require.NoError(s, <-queue[1].done)
	s.waiters(2)
	late := s.begin()
	s.refused(late, "k", shared) // behind the exclusive one, although compatible with the holders
	s.rollback(queue[0].txn)
	s.waiters(2)
	s.rollback(queue[1].txn)
	require.NoError(s, <-queue[2].done)
	s.waiters(1)
	s.rollback(queue[2].txn)
	require.NoError(s, <-queue[3].done)
	s.lock(late, "k", shared)
	s.rollback(queue[3].txn, late)
}

// Who holds a shared lock and wants it exclusive goes first.
func testLockUpgrade(s *suite) {
	a, b, c := s.begin(), s.begin(), s.begin()
	s.lock(a, "k", shared)
	s.lock(b, "k", shared)
	waiting := s.async(c, "k", exclusive)
	s.waiters(1)
	upgrade := s.async(a, "k", exclusive)
	s.waiters(2)
	s.rollback(b)
	require.NoError(s, <-upgrade)
	s.waiters(1)
	s.rollback(a)
	require.NoError(s, <-waiting)
	s.rollback(c)
}

func testLockTimeout(s *suite) {
	a, b, c := s.begin(), s.begin(), s.begin()
	s.lock(a, "k", shared)
	waits := s.async(b, "k", kv.LockOptions{Mode: kv.LockExclusive, Timeout: 50 * time.Millisecond})
	s.waiters(1)
	behind := s.async(c, "k", shared)
	require.True(s, sqlerr.Is(<-waits, sqlerr.ErrLockWaitTimeout))
	require.NoError(s, <-behind) // nobody is in front any longer
	s.set(b, "k", "the transaction goes on")
	s.rollback(a, b, c)
}

func testLockCancelled(s *suite) {
	a, b := s.begin(), s.begin()
	s.lock(a, "k", exclusive)
	ctx, cancel := contextWithCancel(s)
	done := make(chan error, 1)
	go func() {
		_, err := b.Lock(ctx, []byte("k"), exclusive)
		done <- err
	}()
	s.waiters(1)
	cancel()
	require.ErrorIs(s, <-done, context.Canceled)
	s.waiters(0)
	s.rollback(a, b)
}

// Waits go through the hook; one that fails without waiting leaves nobody in the queue.
func testLockWaitHook(s *suite) {
	var waits atomic.Int64
	failure := errors.New("not now")
	fail := true
	txn, err := s.store.Begin(s.ctx, kv.TxnOptions{
		Account: s.acct,
		Wait: func(ctx context.Context, wait func(context.Context) error) error {
			waits.Add(1)
			if fail {
				return failure
			}
			return wait(ctx)
		},
	})
	require.NoError(s, err)
	s.statement(txn)
	s.lock(txn, "free", exclusive)
	require.Zero(s, waits.Load())
	holder := s.begin()
	s.lock(holder, "k", exclusive)
	_, err = txn.Lock(s.ctx, []byte("k"), exclusive)
	require.ErrorIs(s, err, failure)
	s.waiters(0)
	fail = false
	done := s.async(txn, "k", exclusive)
	s.waiters(1)
	s.rollback(holder)
	require.NoError(s, <-done)
	require.EqualValues(s, 2, waits.Load())
	s.rollback(txn)
}

func testDeadlockTwo(s *suite) {
	a, b, c := s.begin(), s.begin(), s.begin()
	s.lock(a, "1", exclusive)
	s.lock(b, "2", exclusive)
	s.lock(c, "3", exclusive)
	for i := range 10 { // a and c have more to lose
		s.set(a, key(i), "x")
		s.set(c, key(i), "x")
	}
	waitA := s.async(a, "2", exclusive)
	s.waiters(1)
	waitB := s.async(b, "3", exclusive)
	s.waiters(2)
	waitC := s.async(c, "1", shared)
	require.True(s, sqlerr.Is(<-waitB, sqlerr.ErrLockDeadlock))
	s.rollback(b)
	require.NoError(s, <-waitA)
	s.rollback(a)
	require.NoError(s, <-waitC)
	s.rollback(c)
}

func testDeadlockUpgrades(s *suite) {
	a, b := s.begin(), s.begin()
	s.lock(a, "k", shared)
	s.lock(b, "k", shared)
	waitA := s.async(a, "k", exclusive)
	s.waiters(1)
	_, err := b.Lock(s.ctx, []byte("k"), exclusive)
	if err == nil { // a was the victim
		require.True(s, sqlerr.Is(<-waitA, sqlerr.ErrLockDeadlock))
		s.rollback(a, b)
		return
	}
	require.True(s, sqlerr.Is(err, sqlerr.ErrLockDeadlock), "%v", err)
	s.rollback(b)
	require.NoError(s, <-waitA)
	s.rollback(a)
}

// Locking first and reading the latest state then loses no update.
func testNoLostUpdates(s *suite) {
	s.put("counter", "0")
	const workers, rounds = 4, 25
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for range rounds {
				if err := s.increment(); err != nil {
					s.Errorf("increment: %v", err)
					return
				}
			}
		})
	}
	group.Wait()
	s.expect(s.snapshot(), "counter", strconv.Itoa(workers*rounds))
}

func (s *suite) increment() error {
	txn, err := s.store.Begin(s.ctx, kv.TxnOptions{Account: s.acct})
	if err != nil {
		return err
	}
	defer func() { _ = txn.Rollback() }()
	if _, err := txn.BeginStatement(s.ctx, false); err != nil {
		return err
	}
	if _, err := txn.Lock(s.ctx, []byte("counter"), exclusive); err != nil {
		return err
	}
	r, err := txn.Latest()
	if err != nil {
		return err
	}
	defer r.Close()
	v, _, err := r.Get(s.ctx, []byte("counter"), nil)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(v))
	if err != nil {
		return err
	}
	if err := txn.Set([]byte("counter"), strconv.AppendInt(nil, int64(n+1), 10)); err != nil {
		return err
	}
	return txn.Commit(s.ctx)
}

// Random transactions over few keys, with every kind of request: nobody holds what conflicts, and everybody ends.
func testLockLoad(s *suite) {
	seed := testutil.Seed(s)
	const workers, keys = 8, 6
	var holders [keys]struct{ readers, writers atomic.Int64 }
	var group sync.WaitGroup
	var deadlocks, timeouts atomic.Int64
	for w := range workers {
		group.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(w)))
			for range 150 {
				txn, err := s.store.Begin(s.ctx, kv.TxnOptions{Account: s.acct})
				if err != nil {
					s.Errorf("begin: %v", err)
					return
				}
				var mine [keys]kv.LockMode
				var has [keys]bool
				for range 1 + r.IntN(4) {
					k := r.IntN(keys)
					o := kv.LockOptions{Mode: kv.LockMode(r.IntN(2)), SkipLocked: r.IntN(10) == 0}
					if r.IntN(10) > 0 {
						o.Timeout = forever
						if r.IntN(5) == 0 {
							o.Timeout = time.Duration(r.IntN(3000)) * time.Microsecond
						}
					}
					got, err := txn.Lock(s.ctx, fmt.Appendf(nil, "%d", k), o)
					if sqlerr.Is(err, sqlerr.ErrLockDeadlock) {
						deadlocks.Add(1)
						break
					}
					if sqlerr.Is(err, sqlerr.ErrLockWaitTimeout) || sqlerr.Is(err, sqlerr.ErrLockNowait) {
						timeouts.Add(1)
						continue
					}
					if err != nil {
						s.Errorf("lock: %v", err)
					}
					if got == kv.NotLocked || has[k] && (mine[k] == kv.LockExclusive || o.Mode == kv.LockShared) {
						continue
					}
					if has[k] {
						holders[k].readers.Add(-1)
					}
					has[k], mine[k] = true, o.Mode
					if o.Mode == kv.LockShared {
						holders[k].readers.Add(1)
					} else {
						holders[k].writers.Add(1)
					}
					n, readers := holders[k].writers.Load(), holders[k].readers.Load()
					if n > 1 || n == 1 && o.Mode == kv.LockExclusive && readers > 0 {
						s.Errorf("%d writers and %d readers hold a lock", n, readers)
					}
				}
				for k := range keys {
					if has[k] && mine[k] == kv.LockShared {
						holders[k].readers.Add(-1)
					} else if has[k] {
						holders[k].writers.Add(-1)
					}
				}
				if err := txn.Rollback(); err != nil {
					s.Errorf("rollback: %v", err)
				}
			}
		})
	}
	group.Wait()
	s.Logf("%d deadlocks, %d timeouts", deadlocks.Load(), timeouts.Load())
}
