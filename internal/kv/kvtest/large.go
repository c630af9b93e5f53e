package kvtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/kv"
)

// longValue is n bytes that tell where they are.
func longValue(name string, n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%s%d,", name, i)
	}
	return b.String()[:n]
}

// Large values are written over by longer and shorter ones, deleted and rolled back; older readers keep theirs.
func testLargeValuesChange(s *suite) {
	const k = 1 << 10
	long, short, other := longValue("long", 3000*k), longValue("short", 80*k), longValue("other", 1100*k)
	s.put("a", long, "a\x00", "plain", "b", short, "c", "plain", "d", other)
	first := s.snapshot()
	txn := s.begin()
	s.set(txn, "a", short, "b", long, "c", other)
	n := s.statement(txn)
	s.set(txn, "a", other, "d", "undone", "e", long)
	s.delete(txn, "b")
	s.statement(txn)
	s.expect(s.reader(txn), "a", other, "a\x00", "plain", "c", other, "d", "undone", "e", long)
	require.NoError(s, txn.RollbackTo(n-1))
	s.statement(txn)
	s.expect(s.reader(txn), "a", short, "a\x00", "plain", "b", long, "c", other, "d", other)
	s.set(txn, "d", long)
	s.expect(s.latest(txn), "a", short, "a\x00", "plain", "b", long, "c", other, "d", long)
	s.commit(txn)
	second := s.snapshot()
	s.see(second, "a", short, "a\x00", "plain", "b", long, "c", other, "d", long)
	txn = s.begin()
	s.set(txn, "a", "small", "x", short)
	s.delete(txn, "b")
	require.NoError(s, txn.DeleteSpan(kv.Span{Start: []byte("c"), End: []byte("d\x00")}))
	s.set(txn, "d", other)
	s.commit(txn)
	s.expect(s.snapshot(), "a", "small", "a\x00", "plain", "d", other, "x", short)
	s.expect(second, "a", short, "a\x00", "plain", "b", long, "c", other, "d", long)
	s.expect(first, "a", long, "a\x00", "plain", "b", short, "c", "plain", "d", other)

	// A rolled back transaction leaves nothing.
	txn = s.begin()
	s.set(txn, "d", long, "y", long)
	s.rollback(txn)
	s.expect(s.snapshot(), "a", "small", "a\x00", "plain", "d", other, "x", short)
}

// Runs with large values, of the store and of a transaction, beside values that the transaction writes itself.
func testLargeRun(s *suite) {
	const k = 1 << 10
	run := func(prefix string) sortedState {
		var pairs sortedState
		for i := range 12 {
			n := []int{10, 70 * k, 0, 500 * k}[i%4]
			pairs = append(pairs, pair{fmt.Sprintf("%s%03d", prefix, i), longValue(prefix, n)})
		}
		return pairs
	}
	store, inTxn, undone := run("k"), run("m"), run("q")
	src := slices.Clone(store)
	require.NoError(s, s.store.Ingest(s.ctx, s.acct, &src))
	txn := s.begin()
	src = slices.Clone(inTxn)
	require.NoError(s, txn.Ingest(s.ctx, &src))
	s.set(txn, "a", longValue("a", 200*k), "n", longValue("n", 2000*k))
	n := s.statement(txn)
	src = slices.Clone(undone)
	require.NoError(s, txn.Ingest(s.ctx, &src))
	require.NoError(s, txn.RollbackTo(n-1))
	s.commit(txn)
	want := slices.Concat([]pair{{"a", longValue("a", 200*k)}}, store, inTxn, []pair{{"n", longValue("n", 2000*k)}})
	r := s.snapshot()
	s.seeSpan(r, kv.Span{}, want)
	require.NoError(s, r.Close())
	size, err := s.store.Size(s.ctx, kv.Span{Start: []byte("k"), End: []byte("l")})
	require.NoError(s, err)
	require.Positive(s, size)

	txn = s.begin()
	require.NoError(s, txn.DeleteSpan(kv.Span{Start: []byte("k"), End: []byte("l")}))
	s.set(txn, "a", "")
	s.commit(txn)
	want[0].value = ""
	r = s.snapshot()
	s.seeSpan(r, kv.Span{}, slices.Delete(want, 1, 1+len(store)))
	require.NoError(s, r.Close())
}
