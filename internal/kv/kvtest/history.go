package kvtest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/testutil"
)

// History runs random interleaved transactions against a store and against maps in memory, and compares whatever is
// read. All happens in one goroutine, so that a seed repeats it.
func History(t *testing.T, open Factory, steps int) {
	h := &history{suite: newSuite(t, open), r: testutil.Rand(t), committed: state{}}
	for range steps {
		h.step()
	}
	for len(h.txns) > 0 {
		h.end(h.txns[0], h.r.IntN(2) == 0)
	}
	for len(h.snapshots) > 0 {
		h.closeReader(h.snapshots[0])
	}
	h.check(h.snapshot(), h.committed)
	h.Logf("%v", h.counts)
}

type state map[string]string

// writes are a transaction's: nil for a deletion.
type writes map[string]*string

func (s state) with(w writes) state {
	s = maps.Clone(s)
	for k, v := range w {
		if v == nil {
			delete(s, k)
		} else {
			s[k] = *v
		}
	}
	return s
}

type history struct {
	*suite
	r         *rand.Rand
	committed state
	txns      []*historyTxn
	snapshots []*historyReader
	ingested  int
	counts    [16]int // of each kind of step
}

// A historyTxn is a transaction beside its model.
type historyTxn struct {
	txn     kv.Txn
	view    state
	now     writes         // the current statement's included
	before  map[int]writes // what statement n saw; n's own are in that of n+1
	spans   map[int][]kv.Span
	last    int
	readers []*historyReader
}

// A historyReader is a reader, what it must see, and scans of it.
type historyReader struct {
	r     kv.Reader
	want  state
	stmt  int
	scans []*historyScan
	txn   *historyTxn // nil: a snapshot
}

type historyScan struct {
	it    kv.Iterator
	p     *kv.Pairs
	left  []pair
	pairs int
}

func (h *history) key() string {
	k := fmt.Sprintf("%03d", h.r.IntN(150))
	if h.r.IntN(10) == 0 {
		k += strings.Repeat("long", h.r.IntN(300))
	}
	if h.r.IntN(10) == 0 { // as bytes that separate, should a store do so
		k += []string{"\x00", "\x00\x01", "\x00\xff", "\xff"}[h.r.IntN(4)]
	}
	return k
}

func (h *history) value() string {
	n := h.r.IntN(40)
	switch h.r.IntN(30) {
	case 0:
		n = h.r.IntN(40_000)
	case 1, 2:
		n = h.r.IntN(3000)
	}
	if h.r.IntN(20) == 0 {
		return ""
	}
	first := []string{"", "\x00", "\xfd", "\xfe", "\xff"}[h.r.IntN(5)] // a store may tell values by their first byte
	return first + fmt.Sprint(h.r.Uint32()) + strings.Repeat("v", n)
}

func (h *history) step() {
	if len(h.txns) == 0 || len(h.txns) < 4 && h.r.IntN(20) == 0 {
		h.begin()
	}
	x := h.txns[h.r.IntN(len(h.txns))]
	kind := h.r.IntN(16)
	h.counts[kind]++
	switch kind {
	case 0, 1, 2, 3:
		for range 1 + h.r.IntN(8) {
			k, v := h.key(), h.value()
			h.set(x.txn, k, v)
			x.now[k] = &v
		}
	case 4, 5:
		k := h.key()
		h.delete(x.txn, k)
		x.now[k] = nil
	case 6, 7:
		h.nextStatement(x, h.r.IntN(3) == 0)
	case 8:
		h.rollbackTo(x, h.r.IntN(x.last+1))
	case 9:
		h.addReader(x)
	case 10, 11:
		h.read(x)
	case 12:
		latest, err := x.txn.Latest()
		require.NoError(h, err)
		h.check(latest, h.committed.with(x.now))
		current, err := x.txn.Current()
		require.NoError(h, err)
		h.check(current, h.committed.with(x.before[x.last]))
	case 13:
		if h.r.IntN(3) > 0 {
			h.end(x, h.r.IntN(4) > 0)
		}
	case 14:
		if h.r.IntN(8) == 0 {
			h.deleteSpan(x)
		}
		if h.r.IntN(4) == 0 {
			h.ingest()
		}
	case 15:
		if len(h.snapshots) < 3 {
			h.snapshots = append(h.snapshots, &historyReader{r: h.snapshot(), want: h.committed})
		} else {
			h.closeReader(h.snapshots[h.r.IntN(len(h.snapshots))])
		}
	}
}

func (h *history) begin() {
	x := &historyTxn{now: writes{}, before: map[int]writes{}, spans: map[int][]kv.Span{}}
	var err error
	x.txn, err = h.store.Begin(h.ctx, kv.TxnOptions{Account: h.acct})
	require.NoError(h, err)
	h.txns = append(h.txns, x)
	h.nextStatement(x, false)
}

func (h *history) nextStatement(x *historyTxn, current bool) {
	n, err := x.txn.BeginStatement(h.ctx, current)
	require.NoError(h, err)
	if current || x.view == nil {
		x.view = h.committed
	}
	x.last = n
	x.before[n] = maps.Clone(x.now)
}

func (h *history) rollbackTo(x *historyTxn, n int) {
	for _, r := range slices.Clone(x.readers) { // those of statements that have seen what is undone
		if r.stmt > n+1 {
			h.closeReader(r)
		}
	}
	require.NoError(h, x.txn.RollbackTo(n))
	for m := n + 1; m <= x.last; m++ {
		if w, ok := x.before[m]; ok { // the first statement after n
			x.now = maps.Clone(w)
			break
		}
	}
	for m := range x.spans {
		if m > n {
			delete(x.spans, m)
		}
	}
	for m := range x.before {
		if m > n+1 {
			delete(x.before, m)
		}
	}
	if h.r.IntN(2) == 0 {
		h.nextStatement(x, false)
	} else if n < x.last { // goes on in the statement that was undone
		x.before[x.last] = maps.Clone(x.now)
	}
}

func (h *history) addReader(x *historyTxn) {
	if len(x.readers) >= 4 {
		h.closeReader(x.readers[h.r.IntN(len(x.readers))])
	}
	r, err := x.txn.Reader()
	require.NoError(h, err)
	x.readers = append(x.readers, &historyReader{r: r, want: x.view.with(x.before[x.last]), stmt: x.last, txn: x})
}

// read does something with a random reader.
func (h *history) read(x *historyTxn) {
	readers := slices.Concat(x.readers, h.snapshots)
	if len(readers) == 0 {
		return
	}
	r := readers[h.r.IntN(len(readers))]
	switch {
	case h.r.IntN(4) == 0:
		h.checkOpen(r.r, r.want)
	case h.r.IntN(3) == 0 || len(r.scans) == 0:
		h.openScan(r)
	default:
		h.advance(r, r.scans[h.r.IntN(len(r.scans))])
	}
	for range 5 {
		k := h.key()
		want, ok := r.want[k]
		if !ok {
			want = "-"
		}
		require.Equal(h, want, h.get(r.r, k), "key %q", k)
		require.Equal(h, want, h.getInto(r.r, k), "key %q", k)
	}
}

func (h *history) openScan(r *historyReader) {
	var span kv.Span
	if h.r.IntN(2) == 0 {
		span.Start = []byte(h.key())
	}
	if h.r.IntN(2) == 0 {
		span.End = []byte(h.key())
	}
	c := &historyScan{pairs: 1 + h.r.IntN(20)}
	o := kv.ScanOptions{Reverse: h.r.IntN(2) == 0}
	var err error
	if h.r.IntN(3) == 0 {
		list := h.someSpans()
		o = kv.ScanOptions{First: h.r.IntN(3)}
		for _, p := range pairsOfSpans(r.want, list, o.First) {
			c.left = append(c.left, p.pair)
		}
		c.it, err = r.r.ScanSpans(h.acct, list, o)
	} else {
		c.left = pairsOf(r.want, span)
		c.it, err = r.r.Scan(h.acct, span, o)
	}
	require.NoError(h, err)
	if o.Reverse {
		slices.Reverse(c.left)
	}
	c.p = &kv.Pairs{
		Buf: make([]byte, 1+h.r.IntN(2000)), Ends: make([]int32, 2*c.pairs),
		Large: func(n int) ([]byte, error) { return make([]byte, n+h.r.IntN(2)*100), nil },
	}
	r.scans = append(r.scans, c)
}

// advance reads some batches of a scan.
func (h *history) advance(r *historyReader, c *historyScan) {
	for range 1 + h.r.IntN(10) {
		ok, err := c.it.NextBatch(h.ctx, c.p, c.pairs)
		require.NoError(h, err)
		require.Equal(h, len(c.left) > 0, ok)
		if !ok {
			require.NoError(h, c.it.Close())
			r.scans = slices.DeleteFunc(r.scans, func(o *historyScan) bool { return o == c })
			return
		}
		for i := range c.p.N {
			require.Equal(h, c.left[0], pair{string(c.p.Key(i)), string(c.p.Value(i))})
			c.left = c.left[1:]
		}
		if h.r.IntN(5) == 0 {
			require.NoError(h, c.it.Pause())
		}
	}
}

func (h *history) closeReader(r *historyReader) {
	for _, c := range r.scans {
		require.NoError(h, c.it.Close())
	}
	require.NoError(h, r.r.Close())
	same := func(o *historyReader) bool { return o == r }
	if r.txn != nil {
		r.txn.readers = slices.DeleteFunc(r.txn.readers, same)
	} else {
		h.snapshots = slices.DeleteFunc(h.snapshots, same)
	}
}

func (h *history) deleteSpan(x *historyTxn) {
	a, b := h.key(), h.key()
	span := kv.Span{Start: []byte(min(a, b)), End: []byte(max(a, b))}
	require.NoError(h, x.txn.DeleteSpan(span))
	if a != b {
		x.spans[x.last] = append(x.spans[x.last], span)
	}
}

// end commits or rolls back.
func (h *history) end(x *historyTxn, commit bool) {
	for len(x.readers) > 0 {
		h.closeReader(x.readers[0])
	}
	h.txns = slices.DeleteFunc(h.txns, func(o *historyTxn) bool { return o == x })
	if !commit {
		require.NoError(h, x.txn.Rollback())
		return
	}
	h.commit(x.txn)
	after := maps.Clone(h.committed)
	for _, spans := range x.spans {
		for _, s := range spans {
			maps.DeleteFunc(after, func(k, _ string) bool { return string(s.Start) <= k && k < string(s.End) })
		}
	}
	h.committed = after.with(x.now)
	h.check(h.snapshot(), h.committed)
}

// ingest adds keys that are new.
func (h *history) ingest() {
	h.ingested++
	added := state{}
	for i := range h.r.IntN(20) {
		added[fmt.Sprintf("%03d-%06d-%d", h.r.IntN(150), h.ingested, i)] = h.value()
	}
	src := sortedState(pairsOf(added, kv.Span{}))
	require.NoError(h, h.store.Ingest(h.ctx, h.acct, &src))
	after := maps.Clone(h.committed)
	maps.Copy(after, added)
	h.committed = after
}

type sortedState []pair

func (s *sortedState) Next(context.Context) (kv.Key, kv.Value, bool, error) {
	if len(*s) == 0 {
		return nil, nil, false, nil
	}
	p := (*s)[0]
	*s = (*s)[1:]
	return []byte(p.key), []byte(p.value), true, nil
}

func pairsOf(s state, span kv.Span) []pair {
	var pairs []pair
	for _, k := range slices.Sorted(maps.Keys(s)) {
		if k >= string(span.Start) && (len(span.End) == 0 || k < string(span.End)) {
			pairs = append(pairs, pair{k, s[k]})
		}
	}
	return pairs
}

// check compares all of a reader, and closes it.
func (h *history) check(r kv.Reader, want state) {
	h.Helper()
	h.checkOpen(r, want)
	require.NoError(h, r.Close())
}

func (h *history) checkOpen(r kv.Reader, want state) {
	h.Helper()
	o := kv.ScanOptions{Reverse: h.r.IntN(2) == 0}
	shape := scanShape{buffer: 1 + h.r.IntN(5000), pairs: 1 + h.r.IntN(300), pauseEvery: h.r.IntN(4)}
	got := h.scan(r, kv.Span{}, o, shape)
	if o.Reverse {
		slices.Reverse(got)
	}
	h.same(pairsOf(want, kv.Span{}), got)
}
