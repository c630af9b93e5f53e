package scan

import (
	"context"
	"errors"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/table"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Lookup reads a table by lists of keys of the node's index, the node's ranges not set: the inner side of an index
// join. What it holds is what New's source would, MinBytes.
type Lookup struct {
	t      *Table
	prefix *table.KeyPrefix
}

// NewLookup returns a reader of rows by keys. The scan locks nothing, and keeps no order.
func NewLookup(o Options) (*Lookup, error) {
	n := o.Node
	if n.Lock != physical.LockNone || n.KeepOrder || n.Points != nil || len(n.Ranges) > 0 {
		return nil, sqlerr.AssertionError("a look-up of %s that locks, or is of one order or range", n.Table.Name)
	}
	t := &Table{o: o, sizes: sizesOf(n, o.BatchRows), feed: feeds(n), codec: table.NewCodec(n.Table), workers: 1}
	l := &Lookup{t: t, prefix: table.NewKeyPrefix(n.Table, n.Index)}
	if err := t.open(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Close gives back what workers share. Repeatable.
func (k *Lookup) Close() error { return k.t.Close() }

// NewLocal makes a worker's share.
func (k *Lookup) NewLocal(w *exec.Worker) (*LocalLookup, error) {
	x := &LocalLookup{prefix: k.prefix, node: k.t.o.Node}
	x.keys = &keyedSpans{flight: flight{worker: w}, t: k.t, prefix: k.prefix}
	var err error
	if x.local, err = newLocal(k.t, w, x.keys); err != nil {
		return nil, err
	}
	return x, nil
}

// Keys are different keys in ascending order, as LocalLookup.AppendKey makes them.
type Keys interface {
	Len() int
	Key(i int) []byte
}

// LocalLookup is one worker's share of a look-up.
type LocalLookup struct {
	prefix *table.KeyPrefix
	node   *physical.Scan
	keys   *keyedSpans
	local  *local
}

// AppendKey appends the i-th column of a key to those before it; false: no row has that value.
func (l *LocalLookup) AppendKey(dst []byte, i int, d types.Datum) ([]byte, bool) {
	d, ok := d.In(l.node.Table.Columns[l.node.Index.Columns[i].Column].Type)
	if !ok {
		return dst, false
	}
	return l.prefix.Append(dst, i, &d)
}

// Start begins with a list of keys, which stays as it is until the last batch. first: the most rows wanted of each key,
// before the scan's filter; 0: all.
func (l *LocalLookup) Start(keys Keys, first int) {
	l.keys.list, l.keys.first, l.keys.from = keys, first, 0
}

// Next returns the next rows, nil at the end, and for each row of the batch the number of its key. They live until the
// next call.
func (l *LocalLookup) Next(ctx context.Context) (*vector.Batch, []int32, error) {
	b, err := l.local.Next(ctx)
	if b == nil || err != nil {
		return nil, nil, err
	}
	return b, l.local.rows.pairs.Of[l.local.at-b.Len : l.local.at], nil
}

// Skip says that no further rows are wanted of keys before the i-th. There may be some yet.
func (l *LocalLookup) Skip(i int) error { return l.keys.skip(i) }

// Pause gives back what must not outlive a wait. The batch stays.
func (l *LocalLookup) Pause() error { return l.local.Pause() }

// Close gives everything back. Repeatable.
func (l *LocalLookup) Close() error { return l.local.Close() }

// keyedSpans reads the pairs of a list of keys. The worker has a token while it does.
type keyedSpans struct {
	flight // without an iterator: the list is not begun, or read
	t      *Table
	prefix *table.KeyPrefix
	list   Keys // nil: all is read
	first  int
	from   int // of the list: where it begins
	last   int // the key of the last pair
	span   kv.Span
}

var (
	_ filler   = (*keyedSpans)(nil)
	_ kv.Spans = (*keyedSpans)(nil)
)

// Len implements kv.Spans.
func (s *keyedSpans) Len() int { return s.list.Len() - s.from }

// Span implements kv.Spans.
func (s *keyedSpans) Span(i int) kv.Span {
	s.prefix.Span(&s.span, s.list.Key(s.from+i))
	return s.span
}

func (s *keyedSpans) fill(ctx context.Context, p *pairPage, maxPairs int) (bool, error) {
	if s.list == nil {
		return false, nil
	}
	if s.it == nil {
		if _, err := s.open(ctx, s.next); err != nil {
			return false, err
		}
	}
	ok, err := s.it.NextBatch(ctx, &p.pairs, maxPairs)
	if err != nil {
		return false, err
	}
	if !ok {
		return false, s.close()
	}
	for i := range p.pairs.N {
		p.pairs.Of[i] += int32(s.from)
	}
	s.last = int(p.pairs.Of[p.pairs.N-1])
	return true, nil
}

func (s *keyedSpans) next() (kv.Iterator, error) {
	return s.t.reader.ScanSpans(s.t.o.Account, s, kv.ScanOptions{First: s.first})
}

// skip begins anew behind a key of which more was about to be read.
func (s *keyedSpans) skip(to int) error {
	if s.list == nil || s.it == nil || s.last >= to {
		return nil
	}
	list := s.list
	if err := s.close(); err != nil || to >= list.Len() {
		return err
	}
	s.list, s.from = list, to
	return nil
}

// close ends the list.
func (s *keyedSpans) close() error {
	s.list = nil
	return s.flight.close()
}
