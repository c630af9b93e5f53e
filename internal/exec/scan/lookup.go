package scan

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// keyFeed gives the keys of rows, without prefix, a page of entries at a time; see feedKind.
type keyFeed struct {
	t      *Table
	page   pairPage
	spans  filler
	locked *lockedSpans // spans of a locking scan; nil: it is none
	keys   [][]byte     // of the page
	at     int
}

func (f *keyFeed) open() error {
	if f.t.feed == feedPoints {
		f.spans = noFill{}
		return nil
	}
	return f.page.open(f.t.o.Account, keysPageBytes, keyPairs)
}

// next gives the next key; it lives until the call after.
func (f *keyFeed) next(ctx context.Context) ([]byte, bool, error) {
	if f.t.feed == feedPoints {
		m, ok := f.t.take()
		return m.Start[min(len(m.Start), len(f.t.codec.RowPrefix())):], ok, nil
	}
	if f.at == len(f.keys) {
		if ok, err := f.more(ctx); err != nil || !ok {
			return nil, false, err
		}
	}
	f.at++
	return f.keys[f.at-1], true, nil
}

// again makes the next call of next give the same key as the last.
func (f *keyFeed) again() {
	if f.t.feed != feedPoints {
		f.at--
		return
	}
	f.t.mu.Lock()
	f.t.next--
	f.t.mu.Unlock()
}

func (f *keyFeed) more(ctx context.Context) (bool, error) {
	f.keys, f.at = f.keys[:0], 0
	f.page.release()
	ok, err := f.spans.fill(ctx, &f.page, keyPairs)
	if err != nil || !ok {
		return false, err
	}
	p, n := &f.page.pairs, f.t.o.Node
	for i := range p.N {
		primary, err := primaryOf(f.t.codec, n.Index, p.Key(i), p.Value(i))
		if err != nil {
			return false, err
		}
		f.keys = append(f.keys, primary)
	}
	if !n.KeepOrder {
		slices.SortFunc(f.keys, bytes.Compare)
	}
	return true, nil
}

func (f *keyFeed) pause() error { return f.spans.pause() }

func (f *keyFeed) close() error {
	err := f.spans.close()
	f.page.close()
	return err
}

// lookup reads rows by their keys, one by one.
type lookup struct {
	t      *Table
	keys   *keyFeed
	points lockedPoints
	key    []byte
}

func (l *lookup) fill(ctx context.Context, p *pairPage, maxPairs int) (bool, error) {
	p.pairs.N = 0
	used := 0
	maxPairs = l.t.wanted(maxPairs)
	for p.pairs.N < maxPairs {
		k, ok, err := l.keys.next(ctx)
		if err != nil {
			return false, err
		}
		if !ok {
			break
		}
		l.key = append(append(l.key[:0], l.t.codec.RowPrefix()...), k...)
		r, ok, err := l.reader(ctx)
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		full, err := l.read(ctx, r, p, &used)
		if err != nil {
			return false, err
		}
		if full {
			break
		}
	}
	return p.pairs.N > 0, nil
}

// reader is where the row at key is read; false if it is left out.
func (l *lookup) reader(ctx context.Context) (kv.Reader, bool, error) {
	switch {
	case l.t.o.Node.Lock == physical.LockNone:
		return l.t.reader, true, nil
	case l.t.feed == feedPoints:
		return l.points.lock(ctx, l.key)
	}
	return l.keys.locked.reader, true, nil
}

// errFull ends the read of a row for which the page has no room left.
var errFull = errors.New("exec/scan: the page is full")

// read adds the row at key to the page, behind its first used bytes, or puts it into one of its own if it does not fit
// an empty page; full: it is the last one, or must be read again.
func (l *lookup) read(ctx context.Context, r kv.Reader, p *pairPage, used *int) (full bool, err error) {
	buf, start := p.pairs.Buf, *used
	v, ok, err := r.GetInto(ctx, l.key, func(n int) ([]byte, error) {
		all := len(l.key) + n
		switch {
		case all <= len(buf)-start:
			return buf[start+len(l.key) : start+all], nil
		case p.pairs.N > 0:
			return nil, errFull
		}
		b, err := p.grow(all)
		if err != nil {
			return nil, err
		}
		p.pairs.SetBig(b)
		buf, full = b, true
		return b[len(l.key):], nil
	})
	switch {
	case errors.Is(err, errFull):
		l.keys.again()
		return true, nil
	case errors.Is(err, kv.ErrLater):
		l.keys.again()
		return false, err
	case err != nil:
		return false, err
	case !ok && l.t.feed == feedIndex:
		return false, sqlerr.New(sqlerr.ErrKeyNotFound, l.t.o.Node.Table.Name)
	case !ok:
		return false, nil
	}
	valueAt := start + copy(buf[start:], l.key)
	p.pairs.Ends[2*p.pairs.N], p.pairs.Ends[2*p.pairs.N+1] = int32(valueAt), int32(valueAt+len(v))
	p.pairs.N++
	*used = valueAt + len(v)
	return full, nil
}

func (l *lookup) pause() error { return l.keys.pause() }

func (l *lookup) close() error { return errors.Join(l.keys.close(), l.points.close()) }

var _ filler = (*lookup)(nil)
