package local

import (
	"context"
	"errors"
	"io"

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
	if err := errors.Join(r.usable(), ctx.Err()); err != nil {
		return dst, false, err
	}
	if r.writes != nil {
		v, l, err := r.writes.get(key, dst, r.asOf, r.latest)
		if err != nil || l != absent {
			return v, l == present, err
		}
	}
	var value []byte
	var closer io.Closer
	var err error
	if r.view != nil {
		value, closer, err = r.view.snapshot.Get(key)
	} else {
		value, closer, err = r.store.db.Get(key)
	}
	if errors.Is(err, pebble.ErrNotFound) {
		return dst, false, nil
	}
	if err != nil {
		return dst, false, wrap(err)
	}
	dst = append(dst, value...)
	return dst, true, wrap(closer.Close())
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
