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
	a := batchAppender{b: b}
	if err := w.eachWeighed(a.add); err != nil {
		return err
	}
	return s.apply(b)
}

// A batchAppender adds a write set to a batch, without a copy in between.
type batchAppender struct {
	b   *pebble.Batch
	key []byte // of chunks
}

// add adds the current entry.
func (a *batchAppender) add(o *overlay) (int, error) {
	if o.deleted() {
		return 1, a.b.Delete(o.key(), nil)
	}
	var room [referenceBytes]byte
	f, stored, err := o.stored(&room)
	if err != nil {
		return 0, err
	}
	if f.large {
		return a.addLarge(o, f.length, stored)
	}
	op := a.b.SetDeferred(len(o.key()), o.valueLen())
	copy(op.Key, o.key())
	if err := o.readValue(op.Value); err != nil {
		return 0, err
	}
	return 1, op.Finish()
}

// addLarge adds a pointer and chunks.
func (a *batchAppender) addLarge(o *overlay, length int64, reference []byte) (int, error) {
	op := a.b.SetDeferred(len(o.key()), pointerBytes)
	copy(op.Key, o.key())
	appendPointer(op.Value[:0], length)
	if err := op.Finish(); err != nil {
		return 0, err
	}
	large := o.writes.large
	count := chunksOf(length, int64(large.chunkBytes))
	err := large.each(reference, length, func(index, n int, read func([]byte) error) error {
		a.key = appendChunk(a.key[:0], o.key(), index)
		header := 0
		if index == 0 {
			header = chunkHeaderBytes
		}
		op := a.b.SetDeferred(len(a.key), header+n)
		copy(op.Key, a.key)
		if index == 0 {
			chunkHeader{count, length}.put(op.Value)
		}
		if err := read(op.Value[header:]); err != nil {
			return err
		}
		return op.Finish()
	})
	return 1 + count, err
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
	return w.eachWeighed(func(o *overlay) (int, error) { return 1, f(o) })
}

// eachWeighed is each for an f that returns how much it did, in entries.
func (w *writeSet) eachWeighed(f func(*overlay) (int, error)) error {
	o := &overlay{writes: w, asOf: latestStatement, latest: true, whole: true}
	from, err := w.some(o, nil, f)
	for err == nil && from != nil {
		from, err = w.some(o, from, f)
	}
	return err
}

// some calls f for about operationRows entries from a key on, and returns the next key, nil at the end.
func (w *writeSet) some(o *overlay, from []byte, f func(*overlay) (int, error)) ([]byte, error) {
	err := o.seek(from)
	defer o.close()
	for rows := 0; err == nil && o.valid(); err = o.next() {
		if rows >= operationRows {
			return append(from[:0], o.key()...), nil
		}
		n, err := f(o)
		if err != nil {
			return nil, err
		}
		rows += n
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
