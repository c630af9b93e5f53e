package scan

import (
	"context"
	"sync"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/table"
)

// morselsPerWorker is into how many spans a parallel scan is cut for each worker, so that they end together.
const morselsPerWorker = 8

// Table is the source of a table scan.
type Table struct {
	o     Options
	sizes sizes
	feed  feedKind
	codec *table.Codec
	// reader is what rows are read from; own: closed by the scan.
	reader  kv.Reader
	own     bool
	latest  kv.Reader // of locking scans; nil: none
	workers int

	mu      sync.Mutex // protects the following
	morsels []kv.Span
	next    int
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

// open gets the readers.
func (t *Table) open() error {
	var err error
	if t.reader = t.o.Reader; t.reader == nil {
		if t.reader, err = t.o.Txn.Reader(); err != nil {
			return err
		}
		t.own = true
	}
	if t.o.Node.Lock != physical.LockNone {
		t.latest, err = t.o.Txn.Latest()
	}
	return err
}

// keyReader is where keys come from. A locking read sees the latest committed rows, but the scan of a statement that
// changes rows must not meet what it has written itself.
func (t *Table) keyReader() kv.Reader {
	if t.latest != nil && !t.o.Node.WithKey {
		return t.latest
	}
	return t.reader
}

// cut makes the morsels of the ranges.
func (t *Table) cut() error {
	n := t.o.Node
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
	parallel := t.o.Workers > 1 && !n.KeepOrder && n.Lock == physical.LockNone && t.feed != feedPoints
	if parallel && t.o.Store != nil && len(spans) > 0 {
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
		t.workers = max(1, min(t.o.Workers, len(spans)))
	}
	if n.Reverse {
		for i, j := 0, len(spans)-1; i < j; i, j = i+1, j-1 {
			spans[i], spans[j] = spans[j], spans[i]
		}
	}
	t.morsels = spans
	return nil
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
	if t.next == len(t.morsels) {
		return kv.Span{}, false
	}
	t.next++
	return t.morsels[t.next-1], true
}

// Rewind lets the same scan run again, with new local sources.
func (t *Table) Rewind() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next = 0
}

// MaxWorkers implements exec.Source.
func (t *Table) MaxWorkers() int { return t.workers }

// NewLocal implements exec.Source.
func (t *Table) NewLocal(w *exec.Worker) (exec.LocalSource, error) { return newLocal(t, w) }

// Close implements exec.Source.
func (t *Table) Close() error {
	var err error
	if t.own && t.reader != nil {
		err = t.reader.Close()
	}
	if t.latest != nil {
		if cerr := t.latest.Close(); err == nil {
			err = cerr
		}
	}
	t.reader, t.latest, t.own = nil, nil, false
	return err
}
