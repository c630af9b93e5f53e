package local

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
)

const (
	// memtableRowBytes is what the engine counts for a row of a batch besides key and value: a skip list node of full
	// height, trailer and padding.
	memtableRowBytes = 199
	// batchRowBytes is what a row takes in a batch besides key and value, at most: kind and two lengths.
	batchRowBytes = 1 + 2*5
	// batchHeaderBytes is the engine's.
	batchHeaderBytes = 12
)

// fitsBatch says whether writes may go into one batch (L2) and how large it gets at most.
func (s *store) fitsBatch(rows, dataBytes int64, spans []kv.Span) (int64, bool) {
	for _, span := range spans {
		rows++
		dataBytes += int64(len(span.Start) + len(span.End))
	}
	return batchHeaderBytes + rows*batchRowBytes + dataBytes,
		rows*memtableRowBytes+dataBytes < s.options.MemtableBytes/4
}

// commitBatch stores the writes as one batch, of at most n bytes, and waits for its sync. Concurrent commits share one.
func (s *store) commitBatch(
	ctx context.Context, acct *memory.Account, w *writeSet, spans []kv.Span, n int64,
) (err error) {
	heap, err := s.heap.reserveCommit(ctx, acct, n)
	if err != nil {
		return err
	}
	defer heap.Release()
	b := s.db.NewBatchWithSize(int(n))
	defer func() { err = errors.Join(err, wrap(b.Close())) }()
	for _, span := range spans {
		if err := b.DeleteRange(span.Start, span.End, nil); err != nil {
			return wrap(err)
		}
	}
	if err := w.each(func(o *overlay) error { return appendTo(b, o) }); err != nil {
		return err
	}
	return s.apply(b)
}

// appendTo adds the write set's current entry to a batch, without a copy in between.
func appendTo(b *pebble.Batch, o *overlay) error {
	if o.deleted() {
		return b.Delete(o.key(), nil)
	}
	op := b.SetDeferred(len(o.key()), o.valueLen())
	copy(op.Key, o.key())
	if err := o.readValue(op.Value); err != nil {
		return err
	}
	return op.Finish()
}

// apply commits a batch. The engine panics when its log fails: whether the batch is durable is then unknown, and
// Options.Fatal has been told, or is told here.
func (s *store) apply(b *pebble.Batch) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = s.events.died(r)
		}
	}()
	return wrap(s.db.Apply(b, pebble.Sync))
}

// each calls f for each entry of the write set, in order of keys.
func (w *writeSet) each(f func(*overlay) error) error {
	o := &overlay{writes: w, asOf: latestStatement, latest: true, whole: true}
	from, err := w.some(o, nil, f)
	for err == nil && from != nil {
		from, err = w.some(o, from, f)
	}
	return err
}

// some calls f for operationRows entries from a key on, and returns the next key, nil at the end.
func (w *writeSet) some(o *overlay, from []byte, f func(*overlay) error) ([]byte, error) {
	err := o.seek(from)
	defer o.close()
	for rows := 0; err == nil && o.valid(); err = o.next() {
		if rows++; rows > operationRows {
			return append(from[:0], o.key()...), nil
		}
		if err := f(o); err != nil {
			return nil, err
		}
	}
	return nil, err
}

// disjoint sorts spans and joins those that touch.
func disjoint(spans []deletedSpan) []kv.Span {
	sorted := slices.Clone(spans)
	slices.SortFunc(sorted, func(a, b deletedSpan) int { return bytes.Compare(a.Start, b.Start) })
	var joined []kv.Span
	for _, s := range sorted {
		if n := len(joined); n > 0 && bytes.Compare(s.Start, joined[n-1].End) <= 0 {
			if bytes.Compare(s.End, joined[n-1].End) > 0 {
				joined[n-1].End = s.End
			}
			continue
		}
		joined = append(joined, s.Span)
	}
	return joined
}
