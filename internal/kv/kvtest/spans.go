package kvtest

import (
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/kv"
)

// spanList is a list of spans; what it gives dies with the next call.
type spanList struct {
	spans []kv.Span
	last  kv.Span
}

func (l *spanList) Len() int { return len(l.spans) }

func (l *spanList) Span(i int) kv.Span {
	for _, b := range [][]byte{l.last.Start, l.last.End} {
		for i := range b {
			b[i] = 0xCC
		}
	}
	l.last = kv.Span{Start: slices.Clone(l.spans[i].Start), End: slices.Clone(l.spans[i].End)}
	return l.last
}

// spanPair is a pair, and the number of the span that it is of.
type spanPair struct {
	pair
	of int32
}

// pairsOfSpans are the first pairs of each span; 0: all.
func pairsOfSpans(s state, l *spanList, first int) []spanPair {
	var out []spanPair
	for i, span := range l.spans {
		pairs := pairsOf(s, span)
		if first > 0 {
			pairs = pairs[:min(first, len(pairs))]
		}
		for _, p := range pairs {
			out = append(out, spanPair{p, int32(i)})
		}
	}
	return out
}

// spans reads spans, with pauses if pauseEvery is not 0.
func (s *suite) spans(r kv.Reader, l *spanList, first int, shape scanShape) []spanPair {
	s.Helper()
	it, err := r.ScanSpans(s.acct, l, kv.ScanOptions{First: first})
	require.NoError(s, err)
	p := &kv.Pairs{
		Buf: make([]byte, shape.buffer), Ends: make([]int32, 2*shape.pairs), Of: make([]int32, shape.pairs),
		KeysOnly: shape.keysOnly, Large: func(n int) ([]byte, error) { return make([]byte, n), nil },
	}
	var got []spanPair
	for batch := 1; ; batch++ {
		ok, err := it.NextBatch(s.ctx, p, shape.pairs)
		require.NoError(s, err)
		require.Equal(s, ok, p.N > 0)
		if !ok {
			require.NoError(s, it.Close())
			require.NoError(s, it.Close(), "closed again")
			return got
		}
		for i := range p.N {
			got = append(got, spanPair{pair{string(p.Key(i)), string(p.Value(i))}, p.Of[i]})
		}
		if shape.pauseEvery > 0 && batch%shape.pauseEvery == 0 {
			require.NoError(s, it.Pause())
			require.Zero(s, s.store.Stats().Iterators)
		}
	}
}

// testSpans reads lists of points, prefixes and ranges, near and far from each other, some of them empty.
func testSpans(s *suite) {
	const n = 210
	txn, want := s.mixed(n)
	all := state{}
	for _, p := range want {
		all[p.key] = p.value
	}
	r := s.reader(txn)
	point := func(k string) kv.Span { return kv.Span{Start: []byte(k), End: []byte(k + "\x00")} }
	lists := map[string]*spanList{"none": {}, "one behind all": {spans: []kv.Span{point("z")}}}
	for _, step := range []int{1, 2, 7, 60} {
		var points, ranges spanList
		for i := 0; i < n; i += step {
			points.spans = append(points.spans, point(key(i)))
			if step > 1 {
				for _, more := range []string{"gone", "never", "nowhere"} {
					points.spans = append(points.spans, point(key(i)+more))
				}
			}
			ranges.spans = append(ranges.spans, kv.Span{Start: []byte(key(i)), End: []byte(key(i + (step+1)/2))})
		}
		lists[fmt.Sprintf("points %d apart", step)] = &points
		lists[fmt.Sprintf("ranges %d apart", step)] = &ranges
	}
	for name, l := range lists {
		for _, first := range []int{0, 1, 3} {
			expected := pairsOfSpans(all, l, first)
			for _, shape := range []scanShape{
				{buffer: 4096, pairs: 100}, {buffer: 200, pairs: 3, pauseEvery: 1},
				{buffer: 1 << 16, pairs: 70, pauseEvery: 2},
			} {
				require.Equal(s, expected, s.spans(r, l, first, shape), "%s, first %d, %v", name, first, shape)
			}
		}
	}
	require.NoError(s, r.Close())
	require.NoError(s, txn.Rollback())
}

// someSpans is a random list.
func (h *history) someSpans() *spanList {
	var ends []string
	for range 2 * h.r.IntN(20) {
		ends = append(ends, h.key())
	}
	slices.Sort(ends)
	var l spanList
	for i := 0; i < len(ends); i += 2 {
		s := kv.Span{Start: []byte(ends[i]), End: []byte(ends[i+1])}
		if n := len(l.spans); n > 0 && ends[i] < string(l.spans[n-1].End) {
			continue
		}
		if h.r.IntN(2) == 0 {
			s.End = append([]byte(ends[i]), 0)
		}
		l.spans = append(l.spans, s)
	}
	return &l
}
