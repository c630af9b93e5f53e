package scan

import (
	"context"
	"errors"
	"iter"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// virtualRows is the most rows of a batch of a virtual table: their lists are short.
const virtualRows = 256

// Virtual is the source of a virtual table.
type Virtual struct{ o VirtualOptions }

var _ exec.Source = (*Virtual)(nil)

// NewVirtual returns the source of a virtual table.
func NewVirtual(o VirtualOptions) (*Virtual, error) {
	if o.Provider == nil {
		return nil, sqlerr.New(sqlerr.ErrNoSuchTable, o.Node.Table.DB, o.Node.Table.Name)
	}
	return &Virtual{o: o}, nil
}

func virtualTypes(n *physical.VirtualScan) []types.Type {
	out := make([]types.Type, len(n.Ordinals))
	for i, o := range n.Ordinals {
		out[i] = n.Table.Columns[o].Type
	}
	return out
}

func virtualCapacity(batchRows int) int {
	if batchRows > 0 {
		return min(batchRows, virtualRows)
	}
	return virtualRows
}

// MinBytesVirtual is what NewVirtual's source holds.
func MinBytesVirtual(n *physical.VirtualScan, batchRows int) int64 {
	rows := virtualCapacity(batchRows)
	total := vector.BatchBytes(virtualTypes(n), rows, arenaBytes)
	if len(n.Filter) > 0 {
		total += expr.EvalBytes(n.Filter, rows)
	}
	return total
}

// MaxWorkers implements exec.Source.
func (v *Virtual) MaxWorkers() int { return 1 }

// Close implements exec.Source.
func (v *Virtual) Close() error { return nil }

// NewLocal implements exec.Source.
func (v *Virtual) NewLocal(*exec.Worker) (exec.LocalSource, error) {
	l := &localVirtual{o: v.o}
	rows := virtualCapacity(v.o.BatchRows)
	var err error
	if l.batch, err = vector.NewBatch(v.o.Account, virtualTypes(v.o.Node), rows, arenaBytes); err != nil {
		return nil, err
	}
	if len(v.o.Node.Filter) > 0 {
		if l.filter, err = expr.NewEvaluator(v.o.Account, v.o.Node.Filter, rows, v.o.Env); err != nil {
			l.Close()
			return nil, err
		}
	}
	return l, nil
}

// localVirtual turns the provider, which pushes rows, into a source that is pulled: the provider runs in a coroutine.
type localVirtual struct {
	o      VirtualOptions
	batch  *vector.Batch
	filter *expr.Evaluator
	next   func() ([]types.Datum, bool)
	stop   func()
	row    []types.Datum // did not fit the last batch; nil: none
	err    error         // of the provider, once it has returned
	ended  bool
}

// errStop tells the provider that nobody wants further rows.
var errStop = errors.New("no further rows are wanted")

func (l *localVirtual) start(ctx context.Context) {
	req := catalog.VirtualRequest{Session: l.o.Session, Equals: l.o.Node.Equals, Wanted: l.o.Node.Ordinals}
	l.next, l.stop = iter.Pull(func(yield func([]types.Datum) bool) {
		err := l.o.Provider.Rows(ctx, req, func(row []types.Datum) error {
			if !yield(row) {
				return errStop
			}
			return nil
		})
		if !errors.Is(err, errStop) {
			l.err = err
		}
	})
}

// Next implements exec.LocalSource.
func (l *localVirtual) Next(ctx context.Context) (*vector.Batch, error) {
	if l.ended || l.batch == nil {
		return nil, nil
	}
	if l.next == nil {
		l.start(ctx)
	}
	for {
		if err := l.fill(ctx); err != nil {
			return nil, err
		}
		if l.batch.Len == 0 {
			return nil, nil
		}
		if l.filter != nil {
			if err := l.filter.Filter(l.batch); err != nil {
				return nil, refused(err)
			}
		}
		if l.batch.Rows() > 0 || l.ended {
			return l.batch, nil
		}
	}
}

func (l *localVirtual) fill(ctx context.Context) error {
	l.batch.Reset()
	for l.batch.Len < l.batch.Cap() && !l.ended {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		row := l.row
		if l.row = nil; row == nil {
			var ok bool
			if row, ok = l.next(); !ok {
				l.ended = true
				return l.err
			}
		}
		if err := l.put(row); err != nil {
			if errors.Is(err, sqlerr.ErrNoSurplus) && l.batch.Len > 0 {
				l.row = row // lives until the provider goes on
				return nil
			}
			return refused(err)
		}
		l.batch.Len++
	}
	return nil
}

func (l *localVirtual) put(row []types.Datum) error {
	for i, o := range l.o.Node.Ordinals {
		if o >= len(row) {
			return sqlerr.AssertionError("virtual table %s gave a row of %d columns", l.o.Node.Table.Name, len(row))
		}
		d := row[o]
		v := l.batch.Cols[i]
		if d.Kind != types.PhysNull && d.Kind != v.Type.Phys() {
			return sqlerr.AssertionError("column %d of virtual table %s is of another type", o, l.o.Node.Table.Name)
		}
		if err := v.SetDatum(l.batch.Len, d, l.batch.Arena()); err != nil {
			return err
		}
	}
	return nil
}

// Pause implements exec.LocalSource: a provider holds nothing that must not outlive a wait.
func (l *localVirtual) Pause() error { return nil }

// Close implements exec.LocalSource.
func (l *localVirtual) Close() error {
	if l.stop != nil {
		l.stop()
		l.stop = nil
	}
	l.ended = true
	if l.filter != nil {
		l.filter.Close()
	}
	l.batch.Close()
	l.filter, l.batch = nil, nil
	return nil
}
