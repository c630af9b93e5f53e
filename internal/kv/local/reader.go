package local

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// A reader reads one state: a view, a transaction's writes over it, or the latest state with them.
type reader struct {
	store  *store
	view   *view     // one reference; nil: the latest committed state, at each call
	writes *writeSet // nil: none
	asOf   int       // statement that reads; it sees the writes of earlier ones. Not for latest readers
	latest bool
	closed bool
}

var _ kv.Reader = (*reader)(nil)

func (r *reader) usable() error {
	if r.closed {
		return sqlerr.AssertionError("kv/local: a reader is used after Close")
	}
	return r.store.usable()
}

func (r *reader) Get(ctx context.Context, key kv.Key, dst []byte) ([]byte, bool, error) {
	start := len(dst)
	_, ok, err := r.GetInto(ctx, key, func(n int) ([]byte, error) {
		dst = slices.Grow(dst, n)[:start+n]
		return dst[start:], nil
	})
	if err != nil || !ok {
		return dst[:start], false, err
	}
	return dst, true, nil
}

func (r *reader) GetInto(ctx context.Context, key kv.Key, room func(int) ([]byte, error)) (kv.Value, bool, error) {
	if err := errors.Join(r.usable(), ctx.Err()); err != nil {
		return nil, false, err
	}
	if r.writes != nil {
		if v, l, err := r.writes.getInto(key, room, r.asOf, r.latest); err != nil || l != absent {
			return v, l == present, err
		}
	}
	v := r.view
	for {
		value, length, ok, err := r.getStored(v, key, room)
		if err != nil || !ok || length == 0 {
			return value, ok, err
		}
		if v != nil {
			value, err = r.getChunks(ctx, v, key, length, room)
			return value, err == nil, err
		}
		// Pointer and chunks of one state, please.
		v = r.store.newView()
		defer func() { _ = v.unref() }()
	}
}

// getStored reads what is stored at a key. length: it is a pointer to a value of that length.
func (r *reader) getStored(v *view, key []byte, room func(int) ([]byte, error)) (
	dst []byte, length int64, ok bool, err error,
) {
	var value []byte
	var closer io.Closer
	if v != nil {
		value, closer, err = v.snapshot.Get(key)
	} else {
		value, closer, err = r.store.db.Get(key)
	}
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, 0, false, nil
	}
	if err != nil {
		return nil, 0, false, wrap(err)
	}
	defer func() { err = errors.Join(err, wrap(closer.Close())) }()
	f, err := formOf(value, len(value))
	if err != nil {
		return nil, 0, false, err
	}
	if f.large {
		return nil, f.length, true, nil
	}
	if dst, err = room(int(f.length)); err != nil {
		return nil, 0, false, err
	}
	return dst[:copy(dst, value[f.skip:])], 0, true, nil
}

func (r *reader) getChunks(ctx context.Context, v *view, key []byte, length int64, room func(int) ([]byte, error)) (
	[]byte, error,
) {
	if length > maxPairBytes {
		return nil, badForm()
	}
	dst, err := room(int(length))
	if err != nil {
		return nil, err
	}
	dst = dst[:min(len(dst), int(length))]
	c := chunkReader{chunkIterator: chunkIterator{store: r.store, view: v}}
	defer c.release()
	return dst, c.read(ctx, key, length, dst)
}

// Scan: with ScanOptions.Once the cache is not spared in any special way. The engine has no way to read past its cache,
// but its replacement policy (Clock-PRO) lets blocks that are read once go first, so a scan costs hot blocks little.
func (r *reader) Scan(acct *memory.Account, s kv.Span, o kv.ScanOptions) (kv.Iterator, error) {
	return r.scan(acct, s, nil, o)
}

func (r *reader) ScanSpans(acct *memory.Account, s kv.Spans, o kv.ScanOptions) (kv.Iterator, error) {
	if o.Reverse {
		return nil, sqlerr.AssertionError("kv/local: spans are read forwards")
	}
	var hull kv.Span
	l := newSpanList(s, o.First)
	if n := s.Len(); n > 0 {
		hull = kv.Span{Start: l.now.Start, End: s.Span(n - 1).End}
	}
	return r.scan(acct, hull, l, o)
}

// scan opens a scan; l is nil if it is of one span.
func (r *reader) scan(acct *memory.Account, s kv.Span, l *spanList, o kv.ScanOptions) (kv.Iterator, error) {
	if err := r.usable(); err != nil {
		return nil, err
	}
	var writes *overlay
	if r.writes != nil && (r.latest || r.writes.visible(r.asOf)) {
		asOf := r.asOf
		if r.latest {
			asOf = latestStatement
		}
		writes = &overlay{writes: r.writes, asOf: asOf, latest: r.latest}
	}
	v := r.view
	if v == nil {
		v = r.store.newView()
	} else {
		v.ref()
	}
	c, err := r.store.newScan(acct, v, writes, s, o)
	if err != nil {
		return nil, errors.Join(err, v.unref())
	}
	if c.spans = l; l != nil && l.list.Len() == 0 {
		c.done = true
	}
	return c, nil
}

func (r *reader) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	if r.view == nil {
		return nil
	}
	return r.view.unref()
}
