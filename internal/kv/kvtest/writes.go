package kvtest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

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
	n, next, size int
	fail          error // instead of the last row
}

func (r *rows) Next(context.Context) (kv.Key, kv.Value, bool, error) {
	if r.next == r.n {
		return nil, nil, false, r.fail
	}
	r.next++
	return []byte(key(r.next - 1)), []byte(strings.Repeat("v", r.size)), true, nil
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
