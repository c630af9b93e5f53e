// Package kvtest is the conformance suite of kv.Store: Run holds an implementation against the contracts of package kv,
// History against a model in memory. Implementations call both from their tests.
package kvtest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
)

// A Factory opens an empty store whose memory comes from pool. The suite closes it.
type Factory func(t testing.TB, pool *memory.Pool) kv.Store

// Run is the suite.
func Run(t *testing.T, open Factory) {
	for name, test := range map[string]func(*suite){
		"get and set":             testGetSet,
		"statements":              testStatements,
		"read views":              testReadViews,
		"readers outlive writes":  testOldReaders,
		"rollback to":             testRollbackTo,
		"latest":                  testLatest,
		"current":                 testCurrent,
		"commits":                 testCommits,
		"iterate":                 testIterate,
		"iterate small buffers":   testSmallBuffers,
		"large values":            testLargeValues,
		"large values change":     testLargeValuesChange,
		"large values of a run":   testLargeRun,
		"keys only":               testKeysOnly,
		"pause":                   testPause,
		"spans":                   testSpans,
		"parallel readers":        testParallelReaders,
		"delete span":             testDeleteSpan,
		"large commit":            testLargeCommit,
		"ingest":                  testIngest,
		"ingest in a transaction": testTxnIngest,
		"split points":            testSplitPoints,
		"concurrent committers":   testConcurrentCommitters,
		"cancelled":               testCancelled,
		"ended":                   testEnded,
		"lock answers":            testLockAnswers,
		"lock modes":              testLockModes,
		"lock queue":              testLockQueue,
		"lock upgrade":            testLockUpgrade,
		"lock timeout":            testLockTimeout,
		"lock cancelled":          testLockCancelled,
		"lock wait hook":          testLockWaitHook,
		"deadlock of two":         testDeadlockTwo,
		"deadlock of upgrades":    testDeadlockUpgrades,
		"no lost updates":         testNoLostUpdates,
		"locks under random load": testLockLoad,
	} {
		t.Run(name, func(t *testing.T) { test(newSuite(t, open)) })
	}
}

// suite is one test's store and helpers; its failures end the test.
type suite struct {
	testing.TB
	ctx   context.Context
	pool  *memory.Pool
	acct  *memory.Account // of all transactions
	store kv.Store
}

func newSuite(t testing.TB, open Factory) *suite {
	pool := NewPool(t)
	s := &suite{TB: t, ctx: t.Context(), pool: pool, acct: pool.Server().Child("session"), store: open(t, pool)}
	t.Cleanup(func() {
		st := s.store.Stats()
		require.Zero(t, st.Iterators, "iterators left")
		require.Zero(t, st.Snapshots, "read views left")
		require.Zero(t, st.Locks+st.Waiters, "locks left")
		require.NoError(t, s.store.Close())
		require.NoError(t, s.store.Close(), "closed again")
		s.acct.Close() // reports what transactions have left
	})
	return s
}

// NewPool makes a pool with temporary storage in memory; the end of the test closes it and fails on what is left.
func NewPool(t testing.TB) *memory.Pool {
	pool, err := memory.NewPool(memory.Options{LimitBytes: 256 << 20, Store: &memorytest.Blocks{}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	return pool
}

// begin opens a transaction with its first statement.
func (s *suite) begin() kv.Txn {
	s.Helper()
	txn, err := s.store.Begin(s.ctx, kv.TxnOptions{Account: s.acct})
	require.NoError(s, err)
	s.statement(txn)
	return txn
}

func (s *suite) statement(txn kv.Txn) int {
	s.Helper()
	n, err := txn.BeginStatement(s.ctx, false)
	require.NoError(s, err)
	return n
}

func (s *suite) set(txn kv.Txn, pairs ...string) {
	s.Helper()
	for i := 0; i < len(pairs); i += 2 {
		require.NoError(s, txn.Set([]byte(pairs[i]), []byte(pairs[i+1])))
	}
}

func (s *suite) delete(txn kv.Txn, keys ...string) {
	s.Helper()
	for _, k := range keys {
		require.NoError(s, txn.Delete([]byte(k)))
	}
}

func (s *suite) commit(txn kv.Txn) {
	s.Helper()
	require.NoError(s, txn.Commit(s.ctx))
}

// put commits pairs.
func (s *suite) put(pairs ...string) {
	s.Helper()
	txn := s.begin()
	s.set(txn, pairs...)
	s.commit(txn)
}

func (s *suite) reader(txn kv.Txn) kv.Reader {
	s.Helper()
	r, err := txn.Reader()
	require.NoError(s, err)
	return r
}

func (s *suite) latest(txn kv.Txn) kv.Reader {
	s.Helper()
	r, err := txn.Latest()
	require.NoError(s, err)
	return r
}

func (s *suite) snapshot() kv.Reader {
	s.Helper()
	r, err := s.store.Snapshot(s.ctx)
	require.NoError(s, err)
	return r
}

// get returns the value, or "-".
func (s *suite) get(r kv.Reader, key string) string {
	s.Helper()
	v, ok, err := r.Get(s.ctx, []byte(key), []byte("x"))
	require.NoError(s, err)
	if !ok {
		return "-"
	}
	return string(v[1:])
}

// getInto is get by GetInto, after a look at half of the value.
func (s *suite) getInto(r kv.Reader, key string) string {
	s.Helper()
	half, ok, err := r.GetInto(s.ctx, []byte(key), func(n int) ([]byte, error) { return make([]byte, n/2), nil })
	require.NoError(s, err)
	if !ok {
		return "-"
	}
	v, ok, err := r.GetInto(s.ctx, []byte(key), func(n int) ([]byte, error) { return make([]byte, n), nil })
	require.NoError(s, err)
	require.True(s, ok)
	require.Equal(s, string(v[:len(v)/2]), string(half))
	refused := fmt.Errorf("refused")
	_, _, err = r.GetInto(s.ctx, []byte(key), func(int) ([]byte, error) { return nil, refused })
	require.ErrorIs(s, err, refused)
	return string(v)
}

// expect says that r sees exactly these pairs, both ways, by scan and by get, and closes r.
func (s *suite) expect(r kv.Reader, pairs ...string) {
	s.Helper()
	s.see(r, pairs...)
	require.NoError(s, r.Close())
	require.NoError(s, r.Close(), "closed again")
}

func (s *suite) see(r kv.Reader, pairs ...string) {
	s.Helper()
	var want []pair
	for i := 0; i < len(pairs); i += 2 {
		want = append(want, pair{pairs[i], pairs[i+1]})
		require.Equal(s, pairs[i+1], s.get(r, pairs[i]), "key %q", pairs[i])
		require.Equal(s, pairs[i+1], s.getInto(r, pairs[i]), "key %q", pairs[i])
	}
	s.seeSpan(r, kv.Span{}, want)
}

func (s *suite) seeSpan(r kv.Reader, span kv.Span, want []pair) {
	s.Helper()
	for _, reverse := range []bool{false, true} {
		got := s.scan(r, span, kv.ScanOptions{Reverse: reverse}, scanShape{buffer: 4096, pairs: 100})
		if reverse {
			slices.Reverse(got)
		}
		s.same(want, got)
	}
}

// same reports the first difference only.
func (s *suite) same(want, got []pair) {
	s.Helper()
	for i := range min(len(want), len(got)) {
		require.Equal(s, want[i], got[i], "pair %d of %d", i, len(want))
	}
	require.Len(s, got, len(want))
}

type pair struct{ key, value string }

// scanShape is how a scan is read.
type scanShape struct {
	buffer, pairs int
	keysOnly      bool
	pauseEvery    int // batches; 0: never
}

// scan returns what a span has.
func (s *suite) scan(r kv.Reader, span kv.Span, o kv.ScanOptions, shape scanShape) []pair {
	s.Helper()
	it, err := r.Scan(s.acct, span, o)
	require.NoError(s, err)
	defer func() {
		require.NoError(s, it.Close())
		require.NoError(s, it.Close(), "closed again")
	}()
	p := &kv.Pairs{
		Buf: make([]byte, shape.buffer), Ends: make([]int32, 2*shape.pairs), KeysOnly: shape.keysOnly,
		Large: func(n int) ([]byte, error) { return make([]byte, n), nil },
	}
	var got []pair
	for batch := 1; ; batch++ {
		ok, err := it.NextBatch(s.ctx, p, shape.pairs)
		require.NoError(s, err)
		if !ok {
			require.Zero(s, p.N)
			ok, err = it.NextBatch(s.ctx, p, shape.pairs)
			require.NoError(s, err)
			require.False(s, ok, "again after the end")
			return got
		}
		require.LessOrEqual(s, p.N, shape.pairs)
		require.Positive(s, p.N)
		for i := range p.N {
			got = append(got, pair{string(p.Key(i)), string(p.Value(i))})
		}
		if shape.pauseEvery > 0 && batch%shape.pauseEvery == 0 {
			require.NoError(s, it.Pause())
		}
	}
}

// soon waits until cond holds.
func (s *suite) soon(cond func() bool) {
	s.Helper()
	require.Eventually(s, cond, 10*time.Second, time.Millisecond)
}

// waiters waits until n transactions wait for locks.
func (s *suite) waiters(n int64) {
	s.Helper()
	s.soon(func() bool { return s.store.Stats().Waiters == n })
}

func key(i int) string { return fmt.Sprintf("k%08d", i) }

const forever = time.Duration(math.MaxInt64)
