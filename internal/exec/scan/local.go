package scan

import (
	"context"
	"errors"
	"slices"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/runtimefilter"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/table"
	"github.com/spillwaydb/spillway/internal/vector"
)

// local is one worker's share of a table scan.
type local struct {
	t       *Table
	rows    pairPage
	batch   *vector.Batch
	decoder *table.Decoder
	filter  *expr.Evaluator // nil: none
	readers []*runtimefilter.Reader
	fill    filler
	at      int          // next of rows' pairs to decode
	worker  *exec.Worker // nil: closed, or of a test without flow control
}

var _ exec.LocalSource = (*local)(nil)

// A filler fills the page of rows with further pairs; false at the end.
type filler interface {
	fill(ctx context.Context, p *pairPage, maxPairs int) (bool, error)
	pause() error
	close() error
}

// newLocal makes a worker's share. pairs reads the node's index; nil: its morsels.
func newLocal(t *Table, w *exec.Worker, pairs filler) (*local, error) {
	l := &local{t: t, worker: w}
	if w != nil {
		w.Statement().OpenScan()
	}
	if err := l.open(pairs); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *local) open(pairs filler) error {
	t, n := l.t, l.t.o.Node
	index := n.Index
	var locked *lockedSpans
	if pairs == nil {
		pairs, locked = t.spans(l.worker)
	}
	switch {
	case t.feed == feedNone:
		l.fill = pairs
	case t.feed == feedPoints && t.listed():
		l.fill = &listedSpans{t: t, flight: flight{worker: l.worker}, first: 1}
	case t.feed == feedIndex && n.Lock == physical.LockNone && !n.KeepOrder:
		index = n.Table.Primary
		f := &fetch{t: t, entries: pairs}
		l.fill = f
		if err := f.open(); err != nil {
			return err
		}
	default:
		index = n.Table.Primary
		keys := &keyFeed{t: t, spans: pairs, locked: locked}
		l.fill = &lookup{t: t, keys: keys, points: lockedPoints{t: t}}
		if err := keys.open(); err != nil {
			return err
		}
	}
	var err error
	if l.decoder, err = table.NewDecoder(t.codec, index, n.Ordinals, n.WithKey); err != nil {
		return err
	}
	if err = l.rows.open(t.o.Account, t.sizes.page, t.sizes.rows); err != nil {
		return err
	}
	l.rows.row = t.sizes.row
	if w := l.worker; w != nil {
		l.rows.long = func(n int) bool { return w.NeedsTurn(t.o.Account, n) }
	}
	if l.batch, err = vector.NewBatch(t.o.Account, l.decoder.Types(), t.sizes.rows, arenaBytes); err != nil {
		return err
	}
	if len(n.Filter) > 0 {
		if l.filter, err = expr.NewEvaluator(t.o.Account, n.Filter, t.sizes.rows, t.o.Env); err != nil {
			return err
		}
	}
	var first []int
	for _, e := range n.Filter {
		first = append(first, expr.ColumnsUsed(e)...)
	}
	for _, f := range t.o.Filters {
		l.readers = append(l.readers, f.NewReader(f.Columns))
		first = append(first, f.Columns...)
	}
	if len(first) > 0 {
		l.decoder.Defer(func(out int) bool { return slices.Contains(first, out) })
	}
	return nil
}

// Next implements exec.LocalSource.
func (l *local) Next(ctx context.Context) (*vector.Batch, error) {
	for {
		if l.at == l.rows.pairs.N {
			l.at, l.rows.pairs.N = 0, 0
			l.batch.Reset()
			l.rows.release()
			ok, err := l.fill.fill(ctx, &l.rows, l.batch.Cap())
			if errors.Is(err, kv.ErrLater) {
				if err = l.await(ctx); err == nil {
					continue
				}
			}
			if err != nil || !ok {
				return nil, err
			}
		}
		if err := l.decode(); err != nil {
			return nil, err
		}
		if l.batch.Rows() > 0 {
			return l.batch, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// await waits until the worker may read a long row.
func (l *local) await(ctx context.Context) error {
	if err := l.fill.pause(); err != nil {
		return err
	}
	return l.worker.TakeTurn(ctx)
}

// decode makes a batch of as many of the page's rows as there is memory for.
func (l *local) decode() error {
	n := min(l.rows.pairs.N-l.at, l.batch.Cap())
	for {
		err := l.decodeRows(n)
		if err == nil {
			l.at += n
			if l.t.o.Limit > 0 {
				l.t.given += uint64(l.batch.Rows())
			}
			return nil
		}
		if !errors.Is(err, sqlerr.ErrNoSurplus) {
			return err
		}
		if n == 1 {
			return refused(err)
		}
		n /= 2
	}
}

// decodeRows decodes what conditions and filters read of n rows, then the other columns of those that are left.
func (l *local) decodeRows(n int) error {
	if err := l.decoder.Decode(&l.rows.pairs, l.rows.ref(), l.at, l.at+n, l.batch); err != nil {
		return err
	}
	if l.filter != nil {
		if err := l.filter.Filter(l.batch); err != nil {
			return err
		}
		l.filter.Release() // only the selection is wanted
	}
	for _, r := range l.readers {
		r.Apply(l.batch)
	}
	return l.decoder.Complete(&l.rows.pairs, l.rows.ref(), l.batch)
}

// Pause implements exec.LocalSource.
func (l *local) Pause() error { return l.fill.pause() }

// Close implements exec.LocalSource.
func (l *local) Close() error {
	var err error
	if l.fill != nil {
		err = l.fill.close()
	}
	if l.filter != nil {
		l.filter.Close()
	}
	l.batch.Close()
	l.rows.close()
	if l.worker != nil {
		l.worker.Statement().CloseScan()
	}
	for _, r := range l.readers {
		if n := r.Dropped(); n > 0 && l.t.o.Profile != nil {
			l.t.o.Profile.Note("dropped by runtime filter", n)
		}
	}
	l.filter, l.batch, l.fill, l.worker, l.readers = nil, nil, noFill{}, nil, nil
	return err
}

// noFill is what a closed source has.
type noFill struct{}

func (noFill) fill(context.Context, *pairPage, int) (bool, error) { return false, nil }
func (noFill) pause() error                                       { return nil }
func (noFill) close() error                                       { return nil }

// spans returns what reads the morsels' pairs; the second result is the same, of a locking scan. That one takes no
// tokens: it has one worker.
func (t *Table) spans(w *exec.Worker) (filler, *lockedSpans) {
	switch {
	case t.listed():
		return &listedSpans{t: t, flight: flight{worker: w}}, nil
	case t.o.Node.Lock == physical.LockNone:
		return &spans{t: t, flight: flight{worker: w}}, nil
	}
	s := &lockedSpans{t: t}
	return s, s
}

// spans reads the pairs of morsels as they lie in the statement's snapshot. The worker has a token while a morsel is in
// flight.
type spans struct {
	flight // without an iterator: between morsels
	t      *Table
}

var (
	_ filler = (*spans)(nil)
	_ filler = (*lockedSpans)(nil)
)

func (s *spans) fill(ctx context.Context, p *pairPage, maxPairs int) (bool, error) {
	for {
		if s.it == nil {
			if ok, err := s.open(ctx, s.next); err != nil || !ok {
				return false, err
			}
		}
		ok, err := s.it.NextBatch(ctx, &p.pairs, maxPairs)
		if err != nil {
			return false, err
		}
		if ok && p.pairs.N > 0 {
			return true, nil
		}
		if !ok {
			if err := s.close(); err != nil {
				return false, err
			}
		}
	}
}

// next begins the next morsel; nil: there is none.
func (s *spans) next() (kv.Iterator, error) {
	m, ok := s.t.take()
	if !ok {
		return nil, nil
	}
	n := s.t.o.Node
	o := kv.ScanOptions{Reverse: n.Reverse, Once: len(n.Ranges) == 0 && n.Points == nil}
	return s.t.reader.Scan(s.t.o.Account, m, o)
}

// primaryOf cuts the row's key, without prefix, out of a key of rows or an entry of an index.
func primaryOf(c *table.Codec, x *schema.Index, key, value []byte) ([]byte, error) {
	if x.Primary {
		return key[min(len(key), table.PrefixBytes):], nil
	}
	return c.PrimaryOf(x, key, value)
}
