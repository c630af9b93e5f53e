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
	value  []byte        // buffer

	writing memory.CommitHeap
	heap    int64 // charged for value
}

// A finishedRun is a run in files, to be ingested when its transaction commits.
type finishedRun struct {
	statement   int
	paths       []string
	first, last []byte // its first and last key
}

// newRun charges one writer, or waits for its turn. The caller calls discard in any case.
func (s *store) newRun(ctx context.Context, acct *memory.Account, spans []kv.Span) (r *run, err error) {
	r = &run{store: s, acct: acct, spans: spans}
	r.writing, err = s.heap.reserveCommit(ctx, acct, writerHeapBytes)
	return r, err
}

// room returns a buffer for a value that does not lie in one piece. Like the engine's own block for it, it is charged.
func (r *run) room(n int) ([]byte, error) {
	if n > cap(r.value) {
		more := 3 * int64(n-cap(r.value))
		if err := r.store.heap.reserve(r.acct, more); err != nil {
			return nil, err
		}
		r.heap += more
		r.value = make([]byte, n)
	}
	return r.value[:n], nil
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
func (r *run) end(ctx context.Context) error {
	for r.writer != nil || len(r.spans) > 0 {
		if r.writer == nil {
			if err := r.start(ctx, r.spans[0].Start); err != nil {
				return err
			}
		}
		var next []byte
		if len(r.apart) > 0 {
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
	r.store.heap.release(r.acct, r.heap)
	r.heap = 0
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
	r, err := s.newRun(ctx, acct, spans)
	if err != nil {
		return err
	}
	defer r.discard()
	r.apart = slices.Clone(runs)
	slices.SortFunc(r.apart, func(a, b finishedRun) int { return bytes.Compare(a.first, b.first) })
	for _, a := range r.apart {
		for _, span := range spans {
			if bytes.Compare(span.Start, a.last) <= 0 && bytes.Compare(a.first, span.End) < 0 {
				return sqlerr.AssertionError("kv/local: a deleted span overlaps a run of the same transaction")
			}
		}
	}
	err = w.each(func(o *overlay) error {
		if o.deleted() {
			return r.delete(ctx, o.key())
		}
		value, ok := o.inline()
		if !ok {
			if value, err = r.room(o.valueLen()); err != nil {
				return err
			}
			if err := o.readValue(value); err != nil {
				return err
			}
		}
		return r.set(ctx, o.key(), value)
	})
	if err != nil {
		return err
	}
	return r.ingest(ctx, runs)
}

func (s *store) Ingest(ctx context.Context, acct *memory.Account, src kv.SortedSource) error {
	if err := s.writable(false, -1); err != nil {
		return err
	}
	r, err := s.newRun(ctx, acct, nil)
	if err != nil {
		return err
	}
	defer r.discard()
	if err := r.addAll(ctx, src); err != nil {
		return err
	}
	defer s.commits.Add(1)
	return r.ingest(ctx, nil)
}

// writeRun writes a run that is ingested later.
func (s *store) writeRun(ctx context.Context, acct *memory.Account, src kv.SortedSource) (finishedRun, error) {
	r, err := s.newRun(ctx, acct, nil)
	if err != nil {
		return finishedRun{}, err
	}
	defer r.discard()
	if err := r.addAll(ctx, src); err != nil {
		return finishedRun{}, err
	}
	if err := r.end(ctx); err != nil {
		return finishedRun{}, err
	}
	f := finishedRun{paths: r.paths, first: r.first, last: r.last}
	r.paths = nil
	return f, nil
}

func (r *run) addAll(ctx context.Context, src kv.SortedSource) error {
	for {
		key, value, ok, err := src.Next(ctx)
		if err != nil || !ok {
			return err
		}
		switch {
		case r.first == nil:
			r.first = append([]byte{}, key...)
		case bytes.Compare(r.last, key) >= 0:
			return sqlerr.AssertionError("kv/local: keys to ingest are not in order")
		}
		r.last = append(r.last[:0], key...)
		if err := r.set(ctx, key, value); err != nil {
			return err
		}
	}
}
