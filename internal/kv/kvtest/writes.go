package kvtest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/invariants"
	"github.com/spillwaydb/spillway/internal/kv"
)

func contextWithCancel(s *suite) (context.Context, context.CancelFunc) {
	return context.WithCancel(s.ctx)
}

// DeleteSpan goes ahead of the transaction's other writes, and is undone with its statement.
func testDeleteSpan(s *suite) {
	for _, filler := range []int{0, 3 << 20} { // a batch, tables
		s.put("a", "1", "b", "1", "c", "1", "d", "1", "e", "1")
		txn := s.begin()
		s.set(txn, "b", "2")
		require.NoError(s, txn.DeleteSpan(kv.Span{Start: []byte("b"), End: []byte("d")}))
		require.NoError(s, txn.DeleteSpan(kv.Span{Start: []byte("c"), End: []byte("ca")}))
		require.NoError(s, txn.DeleteSpan(kv.Span{Start: []byte("z"), End: []byte("y")}))
		s.statement(txn)
		require.NoError(s, txn.DeleteSpan(kv.Span{Start: []byte("a"), End: []byte("z")}))
		require.NoError(s, txn.RollbackTo(1))
		s.statement(txn)
		want := []string{"a", "1", "b", "2", "d", "1", "e", "1"}
		for i := 0; i < filler/100_000; i++ {
			s.set(txn, key(i), strings.Repeat("f", 100_000))
			want = append(want, key(i), strings.Repeat("f", 100_000))
		}
		s.commit(txn)
		s.expect(s.snapshot(), want...)
		txn = s.begin()
		require.NoError(s, txn.DeleteSpan(kv.Span{Start: []byte("a"), End: []byte("z")}))
		s.commit(txn)
		s.expect(s.snapshot())
	}
}

// A commit of many megabytes over what is there, with deletions, is one.
func testLargeCommit(s *suite) {
	n := 20_000
	if testing.Short() {
		n = 6_000
	}
	value := func(i, version int) string { return fmt.Sprintf("%d of %d%s", version, i, strings.Repeat(".", i%300)) }
	for version := range 3 {
		txn := s.begin()
		before := s.snapshot()
		for i := range n {
			switch {
			case version == 1 && i%5 == 0:
				s.delete(txn, key(i))
			case version < 2 || i%2 == 0:
				s.set(txn, key(i), value(i, version))
			}
		}
		s.commit(txn)
		var want []pair
		for i := range n {
			switch {
			case version == 2 && i%2 == 0 || version < 1 || version == 1 && i%5 != 0:
				want = append(want, pair{key(i), value(i, version)})
			case version == 2 && i%5 != 0:
				want = append(want, pair{key(i), value(i, 1)})
			}
		}
		r := s.snapshot()
		s.seeSpan(r, kv.Span{}, want)
		require.NoError(s, r.Close())
		if version == 0 {
			s.see(before)
		} else {
			require.NotEmpty(s, s.get(before, key(1)))
		}
		require.NoError(s, before.Close())
	}
}

// rows is a sorted source of n rows.
type rows struct {
	prefix        string // of keys; empty: that of key
	n, next, size int
	fail          error // instead of the last row
}

func (r *rows) Next(context.Context) (kv.Key, kv.Value, bool, error) {
	if r.next == r.n {
		return nil, nil, false, r.fail
	}
	r.next++
	k := key(r.next - 1)
	if r.prefix != "" {
		k = r.prefix + k[1:]
	}
	return []byte(k), []byte(strings.Repeat("v", r.size)), true, nil
}

func testIngest(s *suite) {
	s.put("a", "1")
	before := s.snapshot()
	failed := fmt.Errorf("failed")
	require.ErrorIs(s, s.store.Ingest(s.ctx, s.acct, &rows{n: 100, size: 10, fail: failed}), failed)
	s.expect(s.snapshot(), "a", "1")
	require.NoError(s, s.store.Ingest(s.ctx, s.acct, &rows{}))
	const n = 20_000
	require.NoError(s, s.store.Ingest(s.ctx, s.acct, &rows{n: n, size: 100}))
	s.expect(before, "a", "1")
	r := s.snapshot()
	require.Len(s, s.scan(r, kv.Span{Start: []byte("k")}, kv.ScanOptions{}, scanShape{buffer: 1 << 16, pairs: 500}), n)
	require.Equal(s, strings.Repeat("v", 100), s.get(r, key(n-1)))
	require.NoError(s, r.Close())
	size, err := s.store.Size(s.ctx, kv.Span{Start: []byte("k"), End: []byte("l")})
	require.NoError(s, err)
	require.Positive(s, size)
}

// Runs of a transaction come with its commit, with its writes and deletions on both sides of them, or not at all.
func testTxnIngest(s *suite) {
	s.put("a", "old", "j", "old", "m", "old", "z", "old")
	const n = 20_000
	for _, x := range []struct {
		name   string
		runs   []string // prefixes of their keys
		change func(txn kv.Txn)
		want   map[string]string
	}{
		{"alone", []string{"f"}, func(kv.Txn) {}, map[string]string{"a": "old"}},
		{"between", []string{"k", "b"}, func(txn kv.Txn) {
			s.set(txn, "a", "new", "j", "new", "z", "new")
		}, map[string]string{"a": "new", "j": "new", "m": "old", "z": "new"}},
		{"spans", []string{"q", "d"}, func(txn kv.Txn) {
			require.NoError(s, txn.DeleteSpan(kv.Span{Start: []byte("a"), End: []byte("c")}))
			require.NoError(s, txn.DeleteSpan(kv.Span{Start: []byte("m"), End: []byte("n")}))
			require.NoError(s, txn.DeleteSpan(kv.Span{Start: []byte("y"), End: []byte("zz")}))
		}, map[string]string{"a": "-", "b00000001": "-", "j": "new", "m": "-", "z": "-"}},
	} {
		for _, commit := range []bool{false, true} {
			txn := s.begin()
			x.change(txn)
			for _, prefix := range x.runs {
				require.NoError(s, txn.Ingest(s.ctx, &rows{prefix: prefix, n: n, size: 50}))
			}
			failed := fmt.Errorf("failed")
			require.ErrorIs(s, txn.Ingest(s.ctx, &rows{prefix: "w", n: 100, size: 10, fail: failed}), failed)
			n1 := s.statement(txn)
			require.NoError(s, txn.Ingest(s.ctx, &rows{prefix: "v", n: 100, size: 10}))
			require.NoError(s, txn.RollbackTo(n1-1))
			require.Equal(s, "-", s.get(s.latest(txn), x.runs[0]+"00000001"), x.name)
			if !commit {
				s.rollback(txn)
				r := s.snapshot()
				require.Equal(s, "-", s.get(r, x.runs[0]+"00000001"), x.name)
				require.NoError(s, r.Close())
				continue
			}
			s.commit(txn)
			r := s.snapshot()
			for k, v := range x.want {
				require.Equal(s, v, s.get(r, k), "%s: %s", x.name, k)
			}
			for _, prefix := range x.runs {
				span := kv.Span{Start: []byte(prefix), End: []byte(prefix + "~")}
				require.Len(s, s.scan(r, span, kv.ScanOptions{}, scanShape{buffer: 1 << 16, pairs: 500}), n, x.name)
			}
			require.Equal(s, "-", s.get(r, "v00000001"), "undone with its statement")
			require.NoError(s, r.Close())
		}
	}
	if invariants.Enabled {
		return // assertions panic
	}
	// What a transaction must not do fails, and nothing of it is stored.
	for _, change := range []func(txn kv.Txn) error{
		func(txn kv.Txn) error { return txn.Set([]byte("e000005"), nil) },
		func(txn kv.Txn) error { return txn.DeleteSpan(kv.Span{Start: []byte("e"), End: []byte("f")}) },
	} {
		txn := s.begin()
		require.NoError(s, txn.Ingest(s.ctx, &rows{prefix: "e", n: n, size: 10}))
		require.NoError(s, change(txn))
		require.Error(s, txn.Commit(s.ctx))
		r := s.snapshot()
		require.Equal(s, "-", s.get(r, "e00000001"))
		require.NoError(s, r.Close())
	}
}

// Split points cover the span without gaps and cut it about evenly, wherever its data is.
func testSplitPoints(s *suite) {
	whole := kv.Span{Start: []byte("k"), End: []byte("l")}
	check := func(n, rows int) {
		s.Helper()
		spans, err := s.store.SplitPoints(s.ctx, whole, n)
		require.NoError(s, err)
		require.LessOrEqual(s, len(spans), n)
		require.NotEmpty(s, spans)
		require.Equal(s, whole.Start, spans[0].Start)
		require.Equal(s, whole.End, spans[len(spans)-1].End)
		r := s.snapshot()
		total, most := 0, 0
		for i, span := range spans {
			if i > 0 {
				require.Equal(s, spans[i-1].End, span.Start)
			}
			got := len(s.scan(r, span, kv.ScanOptions{}, scanShape{buffer: 1 << 16, pairs: 500}))
			total += got
			most = max(most, got)
		}
		require.NoError(s, r.Close())
		require.Equal(s, rows, total)
		if rows >= 1000 {
			require.Greater(s, len(spans), n/2)
			require.Less(s, most, 3*rows/n, "uneven")
		}
	}
	check(4, 0)
	s.put(key(1), "x")
	check(4, 1)
	size, err := s.store.Size(s.ctx, whole)
	require.NoError(s, err)
	require.Positive(s, size)
	txn := s.begin()
	for i := range 1000 {
		s.set(txn, key(i), "x")
	}
	s.commit(txn)
	check(1, 1000)
	check(4, 1000)
	require.NoError(s, s.store.Ingest(s.ctx, s.acct, &rows{n: 60_000, size: 200}))
	check(4, 60_000)
	check(16, 60_000)
}

// Commits of several goroutines: each is whole.
func testConcurrentCommitters(s *suite) {
	const workers, commits, rows = 4, 30, 20
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for c := range commits {
				txn, err := s.store.Begin(s.ctx, kv.TxnOptions{Account: s.acct})
				if err == nil {
					_, err = txn.BeginStatement(s.ctx, false)
				}
				for i := 0; err == nil && i < rows; i++ {
					err = txn.Set(fmt.Appendf(nil, "%02d-%02d", i, w), fmt.Append(nil, c))
				}
				if err == nil {
					err = txn.Commit(s.ctx)
				}
				if err != nil {
					s.Errorf("committer %d: %v", w, err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	for {
		r := s.snapshot()
		for w := range workers {
			first := s.get(r, fmt.Sprintf("%02d-%02d", 0, w))
			for i := range rows {
				require.Equal(s, first, s.get(r, fmt.Sprintf("%02d-%02d", i, w)), "half a commit")
			}
		}
		require.NoError(s, r.Close())
		select {
		case <-done:
			return
		default:
		}
	}
}
