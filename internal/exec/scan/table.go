package scan

import (
	"bytes"
	"context"
	"sync"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/runtimefilter"
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/table"
	"github.com/spillwaydb/spillway/internal/types"
)

// morselsPerWorker is into how many spans a parallel scan is cut for each worker, so that they end together.
const morselsPerWorker = 8

// pointsPerWorker is how many keys of a list are worth a worker.
const pointsPerWorker = 256

// Table is the source of a table scan.
type Table struct {
	o     Options
	sizes sizes
	feed  feedKind
	codec *table.Codec
	// reader is what rows are read from, but by locking scans; own: closed by the scan.
	reader  kv.Reader
	own     bool
	workers int
	chunk   int    // morsels that a worker takes at once
	given   uint64 // rows, if there is a limit: then there is one worker

	mu      sync.Mutex // protects the following
	morsels []kv.Span  // none: those of the node's points, which are made one at a time
	next    int
	point   []types.Datum // room for one
}

var _ exec.Source = (*Table)(nil)

// New returns the source of a table scan.
func New(o Options) (*Table, error) {
	n := o.Node
	t := &Table{o: o, sizes: sizesOf(n, o.BatchRows), feed: feeds(n), codec: table.NewCodec(n.Table), workers: 1}
	if n.Lock != physical.LockNone && o.Txn == nil {
		return nil, sqlerr.AssertionError("a locking scan needs a transaction")
	}
	if err := t.open(); err != nil {
		t.Close()
		return nil, err
	}
	if err := t.cut(); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// open gets the reader.
func (t *Table) open() error {
	if t.o.Node.Lock != physical.LockNone {
		return nil
	}
	var err error
	if t.reader = t.o.Reader; t.reader == nil {
		t.reader, err = t.o.Txn.Reader()
		t.own = err == nil
	}
	return err
}

// wanted is how many of at most n rows are to be read at once. A locking scan of a statement with LIMIT reads, and
// locks, as many as it still needs.
func (t *Table) wanted(n int) int {
	if t.o.Limit == 0 || t.o.Node.Lock == physical.LockNone {
		return n
	}
	if t.given >= t.o.Limit {
		return 1
	}
	return int(min(uint64(n), t.o.Limit-t.given))
}

// cut makes the morsels of the ranges.
func (t *Table) cut() error {
	n := t.o.Node
	if n.Points != nil {
		if t.o.Workers > 1 && !n.KeepOrder && n.Lock == physical.LockNone && t.feed != feedPoints {
			t.workers = max(1, min(t.o.Workers, n.Points.Len()/pointsPerWorker))
		}
		t.chunk = t.chunkOf(n.Points.Len())
		return nil
	}
	var spans []kv.Span
	if len(n.Ranges) == 0 {
		spans = []kv.Span{table.IndexSpan(n.Table, n.Index)}
	}
	for i := range n.Ranges {
		low, high := bounds(&n.Ranges[i])
		s := table.RangeSpan(n.Table, n.Index, low, high)
		if string(s.Start) < string(s.End) {
			spans = append(spans, s)
		}
	}
	spans = t.narrow(spans)
	parallel := t.o.Workers > 1 && !n.KeepOrder && n.Lock == physical.LockNone && t.feed != feedPoints
	if ranges := len(spans); len(n.Ranges) > 0 && (!parallel || ranges >= t.o.Workers*morselsPerWorker) {
		if parallel {
			t.workers = t.o.Workers
		}
		t.chunk = t.chunkOf(ranges)
	} else if parallel && t.o.Store != nil && len(spans) > 0 {
		pieces := max(1, t.o.Workers*morselsPerWorker/len(spans))
		var all []kv.Span
		for _, s := range spans {
			split, err := t.o.Store.SplitPoints(t.context(), s, pieces)
			if err != nil {
				return err
			}
			all = append(all, split...)
		}
		spans = all
	}
	if parallel {
		t.workers = max(1, min(t.o.Workers, len(spans)/max(t.chunk, 1)))
	}
	if n.Reverse {
		for i, j := 0, len(spans)-1; i < j; i, j = i+1, j-1 {
			spans[i], spans[j] = spans[j], spans[i]
		}
	}
	t.morsels = spans
	return nil
}

// Narrow cuts morsels again, of what the filters' bounds leave of the ranges. It is called when the scan's pipeline is
// about to run, which is after those of the filters' joins.
func (t *Table) Narrow() error { return t.cut() }

// narrow leaves out of spans what no match can lie in.
func (t *Table) narrow(spans []kv.Span) []kv.Span {
	if t.feed == feedPoints {
		return spans
	}
	for _, f := range t.o.Filters {
		for key, c := range f.Columns {
			b, any, ok := f.Bounds(key)
			if !ok || c < 0 {
				continue
			}
			if !any {
				return nil
			}
			if within, ok := t.span(c, &b); ok {
				spans = intersect(spans, within)
			}
		}
	}
	return spans
}

// span is where rows lie whose values of an output column are in the bounds, if that column is what the index is sorted
// by first.
func (t *Table) span(column int, b *runtimefilter.Bounds) (kv.Span, bool) {
	n := t.o.Node
	if b.Null || len(n.Index.Columns) == 0 || n.Ordinals[column] != n.Index.Columns[0].Column {
		return kv.Span{}, false
	}
	return table.ValueSpan(n.Table, n.Index, b.Low, b.High)
}

// intersect leaves of spans what lies within one.
func intersect(spans []kv.Span, within kv.Span) []kv.Span {
	var out []kv.Span
	for _, s := range spans {
		if bytes.Compare(s.Start, within.Start) < 0 {
			s.Start = within.Start
		}
		if bytes.Compare(s.End, within.End) > 0 {
			s.End = within.End
		}
		if bytes.Compare(s.Start, s.End) < 0 {
			out = append(out, s)
		}
	}
	return out
}

func (t *Table) context() context.Context {
	if t.o.Env != nil && t.o.Env.Ctx != nil {
		return t.o.Env.Ctx
	}
	return context.Background()
}

// take gives the next morsel.
func (t *Table) take() (kv.Span, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.o.Node.Points != nil {
		return t.takePoint()
	}
	if t.next == len(t.morsels) {
		return kv.Span{}, false
	}
	t.next++
	return t.morsels[t.next-1], true
}

// takePoint gives the next of a long list of keys. t.mu is held.
func (t *Table) takePoint() (kv.Span, bool) {
	n := t.o.Node
	for t.next < n.Points.Len() {
		i := t.next
		if n.Reverse {
			i = n.Points.Len() - 1 - i
		}
		t.next++
		var ok bool
		if t.point, ok = n.Points.Key(i, t.point[:0]); !ok {
			continue
		}
		b := table.Bound{Values: t.point, Inclusive: true}
		return table.RangeSpan(n.Table, n.Index, b, b), true
	}
	return kv.Span{}, false
}

// Rewind lets the same scan run again, with new local sources.
func (t *Table) Rewind() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next, t.given = 0, 0
}

// MaxWorkers implements exec.Source.
func (t *Table) MaxWorkers() int { return t.workers }

// NewLocal implements exec.Source.
func (t *Table) NewLocal(w *exec.Worker) (exec.LocalSource, error) { return newLocal(t, w, nil) }

// Close implements exec.Source.
func (t *Table) Close() error {
	var err error
	if t.own && t.reader != nil {
		err = t.reader.Close()
	}
	t.reader, t.own = nil, false
	return err
}
