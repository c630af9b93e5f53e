package local

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/spillwaydb/spillway/internal/kv"
)

const (
	// maxBorders bounds the file borders that a split looks at.
	maxBorders = 4096
	// splitTries bounds the interpolations of a split, per span asked for.
	splitTries = 3
	// fineBytes is what a piece weighs at most whose halves are taken for equal: it has few blocks of files, and files
	// do not tell what is in a block. A scan of few rows may be the start of much work.
	fineBytes = 64 << 10
	// sampledRows is how much of a span is read to say how large it is when it has no files.
	sampledRows = 1000
)

// A piece is a part of the span to be split.
type piece struct {
	span   kv.Span
	weight uint64 // estimated bytes on disk
	whole  bool   // no key was found to cut it at
}

// SplitPoints begins with the borders of the files, which are cheap and, in a large span, plenty; then it cuts the
// heaviest pieces at keys found by interpolation, and joins neighbours until there are n. Data in memtables weighs
// nothing: a span that is nowhere else is cut by interpolation alone.
func (s *store) SplitPoints(ctx context.Context, span kv.Span, n int) ([]kv.Span, error) {
	if err := errors.Join(s.usable(), ctx.Err()); err != nil {
		return nil, err
	}
	given := kv.Span{Start: bytes.Clone(span.Start), End: bytes.Clone(span.End)}
	span = bounded(given)
	first, last, err := s.ends(span)
	if err != nil || first == nil || n <= 1 {
		return []kv.Span{given}, err
	}
	borders, err := s.borders(first, last)
	if err != nil {
		return nil, err
	}
	pieces, err := s.weigh(borders, first, last)
	if err != nil {
		return nil, err
	}
	if pieces, err = s.cutHeaviest(ctx, pieces, n); err != nil {
		return nil, err
	}
	spans := join(pieces, n)
	// The outer borders are the caller's again.
	spans[0].Start, spans[len(spans)-1].End = given.Start, given.End
	return spans, nil
}

// diskUsage is about what keys and large values of a span have in files.
func (s *store) diskUsage(start, end []byte) (uint64, error) {
	n, err := s.db.EstimateDiskUsage(start, end)
	if err != nil || !s.chunked.Load() {
		return n, wrap(err)
	}
	chunks := chunkSpan(kv.Span{Start: start, End: end})
	m, err := s.db.EstimateDiskUsage(chunks.Start, chunks.End)
	return n + m, wrap(err)
}

// ends returns the first and the last key of a span; nil: there are none.
func (s *store) ends(span kv.Span) (first, last []byte, err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: span.Start, UpperBound: span.End})
	if err != nil {
		return nil, nil, wrap(err)
	}
	if it.First() {
		first = bytes.Clone(it.Key())
	}
	if it.Last() {
		last = bytes.Clone(it.Key())
	}
	return first, last, wrap(errors.Join(it.Error(), it.Close()))
}

// borders returns keys at which files begin or end, strictly between first and last, in order.
func (s *store) borders(first, last []byte) ([][]byte, error) {
	levels, err := s.db.SSTables(pebble.WithKeyRangeFilter(first, append(bytes.Clone(last), 0)))
	if err != nil {
		return nil, wrap(err)
	}
	var keys [][]byte
	for _, level := range levels {
		for i := range level {
			for _, key := range [][]byte{level[i].Smallest.UserKey, level[i].Largest.UserKey} {
				if bytes.Compare(key, first) > 0 && bytes.Compare(key, last) < 0 {
					keys = append(keys, bytes.Clone(key))
				}
			}
		}
	}
	slices.SortFunc(keys, bytes.Compare)
	keys = slices.CompactFunc(keys, bytes.Equal)
	if step := (len(keys) + maxBorders - 1) / maxBorders; step > 1 {
		kept := keys[:0]
		for i := 0; i < len(keys); i += step {
			kept = append(kept, keys[i])
		}
		keys = kept
	}
	return keys, nil
}

// weigh cuts from first to last, inclusive, at the borders.
func (s *store) weigh(borders [][]byte, first, last []byte) ([]piece, error) {
	var pieces []piece
	start := first
	for _, end := range append(borders, append(bytes.Clone(last), 0)) {
		p := piece{span: kv.Span{Start: start, End: end}}
		var err error
		if p.weight, err = s.diskUsage(start, end); err != nil {
			return nil, err
		}
		pieces = append(pieces, p)
		start = end
	}
	return pieces, nil
}

// cutHeaviest halves the heaviest piece until there are enough, of about equal weight.
func (s *store) cutHeaviest(ctx context.Context, pieces []piece, n int) ([]piece, error) {
	it, err := s.db.NewIter(nil)
	if err != nil {
		return nil, wrap(err)
	}
	for range splitTries * n {
		heaviest, total := -1, uint64(0)
		for i, p := range pieces {
			total += p.weight
			if !p.whole && (heaviest < 0 || p.weight > pieces[heaviest].weight) {
				heaviest = i
			}
		}
		if heaviest < 0 || ctx.Err() != nil {
			break
		}
		even := total / uint64(n)
		if len(pieces) >= n && pieces[heaviest].weight <= even+even/4 {
			break
		}
		middle := between(it, pieces[heaviest].span)
		if middle == nil {
			pieces[heaviest].whole = true
			continue
		}
		halves, err := s.weigh([][]byte{middle}, pieces[heaviest].span.Start, pieces[heaviest].span.End)
		if err != nil {
			return nil, errors.Join(err, it.Close())
		}
		halves[1].span.End = pieces[heaviest].span.End
		if w := pieces[heaviest].weight; w <= fineBytes {
			halves[0].weight, halves[1].weight = w/2, w/2
		}
		pieces = slices.Replace(pieces, heaviest, heaviest+1, halves...)
	}
	return pieces, wrap(errors.Join(it.Error(), it.Close()))
}

// between returns a key strictly inside of the span, near the middle of its borders as numbers; nil: there is none.
func between(it *pebble.Iterator, span kv.Span) []byte {
	common := 0
	for common < len(span.Start) && common < len(span.End) && span.Start[common] == span.End[common] {
		common++
	}
	low, high := number(span.Start[common:]), number(span.End[common:])
	middle := binary.BigEndian.AppendUint64(bytes.Clone(span.Start[:common]), low+(high-low)/2)
	if it.SeekGE(middle) && bytes.Compare(it.Key(), span.End) < 0 && bytes.Compare(it.Key(), span.Start) > 0 {
		return bytes.Clone(it.Key())
	}
	// Everything lies below the middle: the last key that does is a border too.
	if it.SeekLT(middle) && bytes.Compare(it.Key(), span.Start) > 0 && bytes.Compare(it.Key(), span.End) < 0 {
		return bytes.Clone(it.Key())
	}
	return nil
}

// number reads the first eight bytes of b, as if zeros followed.
func number(b []byte) uint64 {
	var eight [8]byte
	copy(eight[:], b)
	return binary.BigEndian.Uint64(eight[:])
}

// join puts neighbours together until there are at most n spans of about equal weight, or of equally many pieces if
// nothing has a weight.
func join(pieces []piece, n int) []kv.Span {
	total := uint64(0)
	for i := range pieces {
		pieces[i].weight++ // for pieces that weigh nothing
		total += pieces[i].weight
	}
	var spans []kv.Span
	done := uint64(0)
	for i, p := range pieces {
		// Begin a new span when what came before has reached the next of n equal shares.
		if i == 0 || done*uint64(n) >= total*uint64(len(spans)) {
			spans = append(spans, p.span)
		} else {
			spans[len(spans)-1].End = p.span.End
		}
		done += p.weight
	}
	return spans
}

// Size adds up files; a span that is only in memtables is sampled, which says at least that there is something.
func (s *store) Size(ctx context.Context, span kv.Span) (int64, error) {
	if err := errors.Join(s.usable(), ctx.Err()); err != nil {
		return 0, err
	}
	first, last, err := s.ends(bounded(span))
	if err != nil || first == nil {
		return 0, err
	}
	n, err := s.diskUsage(first, append(last, 0))
	if err != nil || n > 0 {
		return int64(n), err
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: first, UpperBound: last})
	if err != nil {
		return 0, wrap(err)
	}
	sampled := int64(len(last))
	for rows, ok := 0, it.First(); ok && rows < sampledRows; rows, ok = rows+1, it.Next() {
		value, err := it.ValueAndErr()
		var f form
		if err == nil {
			f, err = formOf(value, len(value))
		}
		if err != nil {
			return 0, errors.Join(wrap(err), it.Close())
		}
		sampled += int64(len(it.Key())) + f.length
	}
	return sampled, wrap(errors.Join(it.Error(), it.Close()))
}
