package scan

import (
	"bytes"
	"context"
	"slices"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// keyPairs is the most index entries whose rows are looked up in one sorted batch.
const keyPairs = 512

// rowKey is a row to look up: its key without prefix, and the index entry that named it.
type rowKey struct{ primary, entry []byte }

// keyFeed gives the keys of rows, a page of entries at a time; see feedKind.
type keyFeed struct {
	t     *Table
	page  pairPage
	spans spans
	keys  []rowKey // of the page; sorted by the row's key unless order is kept
	at    int
}

func (f *keyFeed) open() error {
	if f.t.feed == feedPoints {
		return nil
	}
	if err := f.page.open(f.t.o.Account, f.t.o.Env, keysPageBytes, keyPairs); err != nil {
		return err
	}
	// A row's key is all that is wanted of it; of an entry the value may have it.
	f.page.pairs.KeysOnly = f.t.feed == feedRows
	return nil
}

// next gives the next key; it lives until the call after.
func (f *keyFeed) next(ctx context.Context) (rowKey, bool, error) {
	if f.t.feed == feedPoints {
		m, ok := f.t.take()
		return rowKey{primary: m.Start[min(len(m.Start), len(f.t.codec.RowPrefix())):]}, ok, nil
	}
	if f.at == len(f.keys) {
		if ok, err := f.more(ctx); err != nil || !ok {
			return rowKey{}, false, err
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
		f.keys = append(f.keys, rowKey{primary, p.Key(i)})
	}
	if !n.KeepOrder && f.t.feed == feedIndex {
		slices.SortFunc(f.keys, func(a, b rowKey) int { return bytes.Compare(a.primary, b.primary) })
	}
	return true, nil
}

func (f *keyFeed) pause() error { return f.spans.pause() }

func (f *keyFeed) close() error {
	err := f.spans.close()
	f.page.close()
	return err
}

// lookup reads rows by their keys, one by one; a locking scan locks them first.
type lookup struct {
	t    *Table
	keys *keyFeed
	key  []byte
	gone []byte // room for entries read to see that they are still there
}

func (l *lookup) fill(ctx context.Context, p *pairPage, maxPairs int) (bool, error) {
	p.pairs.N = 0
	used := 0
	for p.pairs.N < maxPairs {
		k, ok, err := l.keys.next(ctx)
		if err != nil {
			return false, err
		}
		if !ok {
			break
		}
		l.key = append(append(l.key[:0], l.t.codec.RowPrefix()...), k.primary...)
		if ok, err = l.locked(ctx, k.entry); err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		full, err := l.read(ctx, p, &used)
		if err != nil {
			return false, err
		}
		if full {
			break
		}
	}
	return p.pairs.N > 0, nil
}

// locked locks the row, if the scan does so; false if the row is skipped, or is not in the index as it was any longer.
func (l *lookup) locked(ctx context.Context, entry []byte) (bool, error) {
	n := l.t.o.Node
	if n.Lock == physical.LockNone {
		return true, nil
	}
	o := l.t.o.Lock
	o.Mode = kv.LockExclusive
	if n.Lock == physical.LockShare {
		o.Mode = kv.LockShared
	}
	switch n.Wait {
	case physical.NoWait:
		o.Timeout = 0
	case physical.SkipLocked:
		o.SkipLocked = true
	}
	ok, err := l.t.o.Txn.Lock(ctx, l.key, o)
	if err != nil || !ok || l.t.feed != feedIndex {
		return ok, err
	}
	// Whoever changes the entry locks the row first.
	l.gone, ok, err = l.t.latest.Get(ctx, entry, l.gone[:0])
	return ok, err
}

// read adds the row at key to the page, behind its first used bytes; full: it is the last one, or must be read again.
func (l *lookup) read(ctx context.Context, p *pairPage, used *int) (full bool, err error) {
	r := l.t.reader
	if l.t.latest != nil {
		r = l.t.latest
	}
	buf := p.pairs.Buf
	start := *used
	valueAt := start + len(l.key)
	if valueAt >= len(buf) {
		l.keys.again()
		return true, nil
	}
	copy(buf[start:], l.key)
	room := buf[valueAt:valueAt:len(buf)]
	v, ok, err := r.Get(ctx, l.key, room)
	switch {
	case err != nil:
		return false, err
	case !ok && l.t.latest == nil && l.t.feed == feedIndex:
		return false, sqlerr.New(sqlerr.ErrKeyNotFound, l.t.o.Node.Table.Name)
	case !ok:
		return false, nil
	case len(v) <= cap(room):
		p.pairs.Ends[2*p.pairs.N], p.pairs.Ends[2*p.pairs.N+1] = int32(valueAt), int32(valueAt+len(v))
		p.pairs.N++
		*used = valueAt + len(v)
		return false, nil
	case p.pairs.N > 0:
		l.keys.again()
		return true, nil
	}
	return true, l.alone(p, v)
}

// alone puts a row that does not fit the page into one of its own.
func (l *lookup) alone(p *pairPage, value []byte) error {
	b, err := p.grow(len(l.key) + len(value))
	if err != nil {
		return err
	}
	copy(b[copy(b, l.key):], value)
	p.pairs.SetBig(b)
	p.pairs.Ends[0], p.pairs.Ends[1] = int32(len(l.key)), int32(len(b))
	p.pairs.N = 1
	return nil
}

func (l *lookup) pause() error { return l.keys.pause() }

func (l *lookup) close() error { return l.keys.close() }

var _ filler = (*lookup)(nil)
var _ filler = (*spans)(nil)
