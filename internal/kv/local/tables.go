package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// ingestLevel is where ingested tables end up if nothing lies below them: the last level. They are written with its
// block size and without filters.
const ingestLevel = 6

// A run is a sorted sequence of writes on its way into the store: tables of tableBytes that do not overlap, ingested
// all at once or not at all.
type run struct {
	store  *store
	acct   *memory.Account
	writer *sstable.Writer
	paths  []string
	spans  []kv.Span     // left to delete, disjoint, in order
	apart  []finishedRun // ingested together with this one; its tables must not overlap theirs
	first  []byte        // key added first
	last   []byte        // key added last
	value  []byte        // buffer for a value
	key    []byte        // buffer for keys of chunks
	large  *run          // of chunks, beside a run of whole values from a source; nil: none yet

	writing memory.CommitHeap
}

// A finishedRun is a run in files, to be ingested when its transaction commits.
type finishedRun struct {
	statement   int
	paths       []string
	first, last []byte // its first and last key
}

// newRun charges n bytes for its writers, or waits for its turn. The caller calls discard in any case.
func (s *store) newRun(ctx context.Context, acct *memory.Account, n int64) (r *run, err error) {
	r = &run{store: s, acct: acct}
	r.writing, err = s.heap.reserveCommit(ctx, acct, n)
	return r, err
}

// room returns a buffer for a value that does not lie in one piece; none is much longer than largeBytes.
func (r *run) room(n int) []byte {
	if n > cap(r.value) {
		r.value = make([]byte, n, max(n, chunkHeaderBytes+r.store.options.chunkBytes))
	}
	return r.value[:n]
}

// start makes sure that there is a table with room for key, the next one.
func (r *run) start(ctx context.Context, key []byte) error {
	for len(r.apart) > 0 && bytes.Compare(r.apart[0].first, key) <= 0 {
		if bytes.Compare(key, r.apart[0].last) <= 0 {
			return sqlerr.AssertionError("kv/local: a key lies within a run of the same transaction")
		}
		if r.writer != nil {
			if err := r.finish(r.apart[0].first); err != nil {
				return err
			}
		}
		r.apart = r.apart[1:]
	}
	if r.writer != nil && r.writer.Raw().EstimatedSize() >= tableBytes {
		if err := r.finish(key); err != nil {
			return err
		}
	}
	if r.writer != nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	fs := r.store.options.FS
	path := fs.PathJoin(r.store.folder, fmt.Sprintf("%d.sst", r.store.tables.Add(1)))
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return wrap(err)
	}
	r.paths = append(r.paths, path)
	r.writer = sstable.NewWriter(objstorageprovider.NewFileWritable(f), r.store.writer())
	return nil
}

// finish ends the table; the next one begins at next, nil: there is none. Spans are cut there, as tables must not
// overlap.
func (r *run) finish(next []byte) error {
	for len(r.spans) > 0 {
		s := &r.spans[0]
		if next == nil || bytes.Compare(s.End, next) <= 0 {
			if err := r.writer.DeleteRange(s.Start, s.End); err != nil {
				return wrap(err)
			}
			r.spans = r.spans[1:]
			continue
		}
		if bytes.Compare(s.Start, next) < 0 {
			if err := r.writer.DeleteRange(s.Start, next); err != nil {
				return wrap(err)
			}
			s.Start = bytes.Clone(next)
		}
		break
	}
	w := r.writer
	r.writer = nil
	return wrap(w.Close())
}

// set adds a pair.
func (r *run) set(ctx context.Context, key, value []byte) error {
	if err := r.start(ctx, key); err != nil {
		return err
	}
	return wrap(r.writer.Set(key, value))
}

// delete adds a deletion.
func (r *run) delete(ctx context.Context, key []byte) error {
	if err := r.start(ctx, key); err != nil {
		return err
	}
	return wrap(r.writer.Delete(key))
}

// end writes what is left: the last table, and those for the rest of the spans.
func (r *run) end(ctx context.Context) error { return r.endBefore(ctx, nil) }

// endBefore is end for what lies before a key; the next table begins there. nil: for all.
func (r *run) endBefore(ctx context.Context, border []byte) error {
	for r.writer != nil || len(r.spans) > 0 && (border == nil || bytes.Compare(r.spans[0].Start, border) < 0) {
		if r.writer == nil {
			if err := r.start(ctx, r.spans[0].Start); err != nil {
				return err
			}
		}
		next := border
		if len(r.apart) > 0 && (next == nil || bytes.Compare(r.apart[0].first, next) < 0) {
			next = r.apart[0].first
		}
		if err := r.finish(next); err != nil {
			return err
		}
	}
	return nil
}

// ingest makes the run, and others that are in files already, visible and durable.
func (r *run) ingest(ctx context.Context, others []finishedRun) (err error) {
	if err := r.end(ctx); err != nil {
		return err
	}
	paths := slices.Clone(r.paths)
	for _, o := range others {
		paths = append(paths, o.paths...)
	}
	if len(paths) == 0 {
		return nil
	}
	if err := syncDir(r.store.options.FS, r.store.folder); err != nil {
		return wrap(err)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	defer func() {
		if p := recover(); p != nil {
			err = r.store.events.died(p)
		}
	}()
	// Not to be cancelled: the engine would leave it half done.
	return wrap(r.store.db.Ingest(context.WithoutCancel(ctx), paths))
}

// discard gives everything back; what was ingested is out of reach.
func (r *run) discard() {
	if r.writer != nil {
		_ = r.writer.Close() // its table is removed
	}
	r.store.remove(r.paths)
	if r.large != nil {
		r.large.discard()
	}
	r.writing.Release()
}

// remove removes files of runs; those that were ingested are not there any longer.
func (s *store) remove(paths []string) {
	for _, path := range paths {
		if err := s.options.FS.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.options.Logger.Errorf("storage: removing %s: %v", path, err)
		}
	}
}

// commitTables stores a write set too large for a batch, and runs.
func (s *store) commitTables(
	ctx context.Context, acct *memory.Account, w *writeSet, spans []kv.Span, runs []finishedRun,
) error {
	r, err := s.newRun(ctx, acct, writerHeapBytes)
	if err != nil {
		return err
	}
	defer r.discard()
	r.spans = spans
	r.apart = slices.Clone(runs)
	slices.SortFunc(r.apart, func(a, b finishedRun) int { return bytes.Compare(a.first, b.first) })
	for _, a := range r.apart {
		for _, span := range spans {
			if bytes.Compare(span.Start, a.last) <= 0 && bytes.Compare(a.first, span.End) < 0 {
				return sqlerr.AssertionError("kv/local: a deleted span overlaps a run of the same transaction")
			}
		}
	}
	chunks := s.chunked.Load()
	if err := w.each(func(o *overlay) error { return r.addEntry(ctx, o) }); err != nil {
		return err
	}
	if chunks {
		if err := r.addChunks(ctx, w); err != nil {
			return err
		}
	}
	return r.ingest(ctx, runs)
}

// addEntry adds a write set's entry, of large values the pointer.
func (r *run) addEntry(ctx context.Context, o *overlay) error {
	if o.deleted() {
		return r.delete(ctx, o.key())
	}
	var room [referenceBytes]byte
	f, stored, err := o.stored(&room)
	if err != nil {
		return err
	}
	if f.large {
		r.value = appendPointer(r.value[:0], f.length)
		return r.set(ctx, o.key(), r.value)
	}
	if len(stored) != o.valueLen() {
		stored = r.room(o.valueLen())
		if err := o.readValue(stored); err != nil {
			return err
		}
	}
	return r.set(ctx, o.key(), stored)
}

// maxTableSpans bounds the spans that wait for their table to be finished.
const maxTableSpans = 1024

// addChunks goes through a write set again: it adds the chunks of its large values, and deletes those that are written
// over. A span hides nothing that is ingested together with it.
func (r *run) addChunks(ctx context.Context, w *writeSet) error {
	if err := r.endBefore(ctx, outerEnd); err != nil {
		return err
	}
	old := r.store.owners(r.acct)
	defer old.release()
	return w.eachWeighed(func(o *overlay) (int, error) {
		n, err := old.chunks(ctx, o.key())
		if err != nil {
			return 0, err
		}
		if n > 0 {
			if err := r.deleteChunks(ctx, ownerSpan(o.key(), 0)); err != nil {
				return 0, err
			}
		}
		var room [referenceBytes]byte
		if o.deleted() {
			return 1, nil
		}
		f, reference, err := o.stored(&room)
		if err != nil || !f.large {
			return 1, err
		}
		count := chunksOf(f.length, int64(w.large.chunkBytes))
		return count, w.large.each(reference, f.length, func(i, n int, read func([]byte) error) error {
			chunk := r.chunkRoom(i, n, chunkHeader{count, f.length})
			if err := read(chunk[len(chunk)-n:]); err != nil {
				return err
			}
			return r.setChunk(ctx, o.key(), i, chunk)
		})
	})
}

// chunkRoom returns the buffer for a chunk with n bytes of its value, after the header if it is the first.
func (r *run) chunkRoom(index, n int, h chunkHeader) []byte {
	if index > 0 {
		return r.room(n)
	}
	b := r.room(chunkHeaderBytes + n)
	h.put(b)
	return b
}

func (r *run) setChunk(ctx context.Context, owner []byte, index int, chunk []byte) error {
	r.key = appendChunk(r.key[:0], owner, index)
	return r.set(ctx, r.key, chunk)
}

// deleteChunks adds a span, which lies behind all that the run has added.
func (r *run) deleteChunks(ctx context.Context, span kv.Span) error {
	i, _ := slices.BinarySearchFunc(r.spans, span.Start, func(s kv.Span, start []byte) int {
		return bytes.Compare(s.Start, start)
	})
	if i > 0 && bytes.Compare(span.Start, r.spans[i-1].End) < 0 {
		return nil // the transaction deletes a span that has it
	}
	if r.spans = slices.Insert(r.spans, i, span); len(r.spans) < maxTableSpans {
		return nil
	}
	return r.endBefore(ctx, span.Start)
}

func (s *store) Ingest(ctx context.Context, acct *memory.Account, src kv.SortedSource) error {
	if err := s.writable(false, -1); err != nil {
		return err
	}
	r, err := s.newRun(ctx, acct, writerHeapBytes+chunksHeapBytes)
	if err != nil {
		return err
	}
	defer r.discard()
	if err := r.addAll(ctx, src); err != nil {
		return err
	}
	var large []finishedRun
	if r.large != nil {
		if err := r.large.end(ctx); err != nil {
			return err
		}
		large = append(large, finishedRun{paths: r.large.paths})
	}
	defer s.commits.Add(1)
	return r.ingest(ctx, large)
}

// writeRun writes a run that is ingested later; of one with large values, the chunks are another one.
func (s *store) writeRun(ctx context.Context, acct *memory.Account, src kv.SortedSource) ([]finishedRun, error) {
	r, err := s.newRun(ctx, acct, writerHeapBytes+chunksHeapBytes)
	if err != nil {
		return nil, err
	}
	defer r.discard()
	if err := r.addAll(ctx, src); err != nil {
		return nil, err
	}
	var finished []finishedRun
	for _, each := range []*run{r, r.large} {
		if each == nil || each.first == nil {
			continue
		}
		if err := each.end(ctx); err != nil {
			return nil, err
		}
		finished = append(finished, finishedRun{paths: each.paths, first: each.first, last: each.last})
	}
	// All or none are given away.
	r.paths = nil
	if r.large != nil {
		r.large.paths = nil
	}
	return finished, nil
}

func (r *run) addAll(ctx context.Context, src kv.SortedSource) error {
	for {
		key, value, ok, err := src.Next(ctx)
		if err != nil || !ok {
			return err
		}
		if err := checkKey(key); err != nil {
			return err
		}
		if len(value) > r.store.options.largeBytes {
			if err := r.addLarge(ctx, key, value); err != nil {
				return err
			}
			value = appendPointer(r.value[:0], int64(len(value)))
		} else {
			value, r.value = escape(r.value, value)
		}
		if err := r.add(ctx, key, value); err != nil {
			return err
		}
	}
}

// add is set for keys that a caller gives, with what a finishedRun must know.
func (r *run) add(ctx context.Context, key, value []byte) error {
	switch {
	case r.first == nil:
		r.first = append([]byte{}, key...)
	case bytes.Compare(r.last, key) >= 0:
		return sqlerr.AssertionError("kv/local: keys to ingest are not in order")
	}
	r.last = append(r.last[:0], key...)
	return r.set(ctx, key, value)
}

// addLarge adds the chunks of a value. Their tables are written beside those of pointers, as their keys lie elsewhere.
func (r *run) addLarge(ctx context.Context, owner, value []byte) error {
	if r.large == nil {
		r.large = &run{store: r.store, acct: r.acct}
		r.store.chunked.Store(true)
	}
	l, size := r.large, r.store.options.chunkBytes
	h := chunkHeader{chunksOf(int64(len(value)), int64(size)), int64(len(value))}
	for i := 0; len(value) > 0; i++ {
		n := min(len(value), size)
		chunk := value[:n]
		if i == 0 {
			chunk = l.chunkRoom(0, n, h)
			copy(chunk[chunkHeaderBytes:], value)
		}
		l.key = appendChunk(l.key[:0], owner, i)
		if err := l.add(ctx, l.key, chunk); err != nil {
			return err
		}
		value = value[n:]
	}
	return nil
}
