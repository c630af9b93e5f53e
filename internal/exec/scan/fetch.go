package scan

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// fetch reads the rows that entries of an index name, a page of entries at a time: in one pass over the rows, in the
// order of their keys, and not in that of the entries.
type fetch struct {
	t       *Table
	page    pairPage // of entries
	entries filler
	keys    rowKeys     // of the page's entries
	rows    kv.Iterator // of the keys' rows; nil: between pages
	found   int         // rows read of them
}

func (f *fetch) open() error {
	f.keys.prefix = f.t.codec.RowPrefix()
	return f.page.open(f.t.o.Account, f.t.o.Env, keysPageBytes, keyPairs)
}

func (f *fetch) fill(ctx context.Context, p *pairPage, maxPairs int) (bool, error) {
	for {
		if f.rows == nil {
			if ok, err := f.more(ctx); err != nil || !ok {
				return false, err
			}
		}
		ok, err := f.rows.NextBatch(ctx, &p.pairs, maxPairs)
		if err != nil {
			return false, err
		}
		for i := range p.pairs.N {
			if int(p.pairs.Of[i]) != f.found {
				return false, f.lost()
			}
			p.pairs.Of[i] = f.keys.list[f.found].of
			f.found++
		}
		if ok {
			return true, nil
		}
		if f.found < f.keys.Len() {
			return false, f.lost()
		}
		if err := f.closeRows(); err != nil {
			return false, err
		}
	}
}

// lost is the error of an entry whose row is not there.
func (f *fetch) lost() error { return sqlerr.New(sqlerr.ErrKeyNotFound, f.t.o.Node.Table.Name) }

// more reads the next entries and begins with their rows; false: there are none.
func (f *fetch) more(ctx context.Context) (bool, error) {
	f.keys.list, f.found = f.keys.list[:0], 0
	f.page.release()
	if ok, err := f.entries.fill(ctx, &f.page, keyPairs); err != nil || !ok {
		return false, err
	}
	p := &f.page.pairs
	for i := range p.N {
		k, err := primaryOf(f.t.codec, f.t.o.Node.Index, p.Key(i), p.Value(i))
		if err != nil {
			return false, err
		}
		f.keys.list = append(f.keys.list, rowKey{key: k, of: p.Of[i]})
	}
	slices.SortFunc(f.keys.list, func(a, b rowKey) int { return bytes.Compare(a.key, b.key) })
	var err error
	f.rows, err = f.t.reader.ScanSpans(f.t.o.Account, &f.keys, kv.ScanOptions{First: 1})
	return err == nil, err
}

func (f *fetch) pause() error {
	err := f.entries.pause()
	if f.rows != nil {
		err = errors.Join(err, f.rows.Pause())
	}
	return err
}

func (f *fetch) closeRows() error {
	if f.rows == nil {
		return nil
	}
	it := f.rows
	f.rows = nil
	return it.Close()
}

func (f *fetch) close() error {
	err := errors.Join(f.closeRows(), f.entries.close())
	f.page.close()
	return err
}

var _ filler = (*fetch)(nil)

// rowKey is the key of a row without prefix, in the page of entries, and the span of a look-up that its entry is of.
type rowKey struct {
	key []byte
	of  int32
}

// rowKeys are the keys of at most keyPairs rows, ascending, as spans.
type rowKeys struct {
	prefix []byte
	list   []rowKey
	span   kv.Span
}

var _ kv.Spans = (*rowKeys)(nil)

// Len implements kv.Spans.
func (k *rowKeys) Len() int { return len(k.list) }

// Span implements kv.Spans.
func (k *rowKeys) Span(i int) kv.Span {
	k.span.Start = append(append(k.span.Start[:0], k.prefix...), k.list[i].key...)
	k.span.End = append(append(k.span.End[:0], k.span.Start...), 0)
	return k.span
}
