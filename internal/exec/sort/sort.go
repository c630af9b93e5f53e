package sort

import (
	"context"
	"math"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// arenaBytes is the source's arena, which it does not use: its strings lie where they are.
const arenaBytes = memory.MinPageBytes

// spec is the order in terms of package rows.
func (o *Options) spec() rows.SortSpec {
	s := rows.SortSpec{
		Types:     o.Types,
		Output:    o.Output,
		Workers:   max(o.Workers, 1),
		PageBytes: o.PageBytes,
	}
	for _, k := range o.Keys {
		s.Order = append(s.Order, rows.Order{Column: k.Column, Desc: k.Desc})
	}
	if o.Limit > 0 {
		s.Limit = o.Offset + min(o.Limit, math.MaxUint64-o.Offset)
	}
	return s
}

// output is the types of the columns that the source gives.
func (o *Options) output() []types.Type {
	if o.Output == nil {
		return o.Types
	}
	out := make([]types.Type, len(o.Output))
	for i, c := range o.Output {
		out[i] = o.Types[c]
	}
	return out
}

// MinBytes is the minimum of a sort with these options; Account may be nil.
func MinBytes(o Options) int64 {
	out := o.output()
	return rows.SortBytes(o.spec()) + vector.BatchBytes(out, rows.BatchRows(out, o.PageBytes), arenaBytes)
}

// Sort is a pipeline breaker: a sink and, once it has finished, a source.
type Sort struct {
	options Options
	sorter  *rows.Sorter
}

// New takes nothing of the account yet.
func New(o Options) (*Sort, error) {
	return &Sort{options: o, sorter: rows.NewSorter(o.Account, o.spec())}, nil
}

// Figures gives what the sort has done beyond its memory.
func (s *Sort) Figures(give func(name string, n int64)) {
	f := s.sorter.Figures()
	give("runs", f.Runs)
	give("rounds", f.Merges)
}

// Sink is the end of the pipeline below.
func (s *Sort) Sink() exec.Sink { return sink{s} }

// Source is the start of the pipeline above; it has one worker.
func (s *Sort) Source() exec.Source { return source{s} }

// Close gives everything back, as Close of sink and source do. Repeatable.
func (s *Sort) Close() error {
	s.sorter.Close()
	return nil
}

type sink struct{ *Sort }

var _ exec.Sink = sink{}

// NewLocal implements exec.Sink.
func (s sink) NewLocal(*exec.Worker) (exec.LocalSink, error) {
	b, err := s.sorter.NewBuilder()
	if err != nil {
		return nil, err
	}
	return &localSink{b}, nil
}

// Finish implements exec.Sink: the merge happens as the source is read.
func (s sink) Finish(context.Context) error { return nil }

type localSink struct{ builder *rows.Builder }

// Consume adds the rows to the worker's run.
func (l *localSink) Consume(_ context.Context, b *vector.Batch) (exec.OpResult, error) {
	sel := b.Sel
	if sel == nil {
		sel = rows.All(b.Len)
	}
	return exec.NeedMore, l.builder.Append(b.Cols, sel, nil)
}

// Release implements exec.Releaser.
func (l *localSink) Release() { l.builder.Release() }

// Combine sorts what the worker has not written.
func (l *localSink) Combine(context.Context) error { return l.builder.Finish() }

func (l *localSink) Close() error {
	l.builder.Close()
	return nil
}

type source struct{ *Sort }

var _ exec.Source = source{}

// MaxWorkers implements exec.Source.
func (s source) MaxWorkers() int { return 1 }

// NewLocal implements exec.Source.
func (s source) NewLocal(*exec.Worker) (exec.LocalSource, error) {
	out := s.options.output()
	capacity := rows.BatchRows(out, s.options.PageBytes)
	b, err := vector.NewBatch(s.options.Account, out, capacity, arenaBytes)
	if err != nil {
		return nil, err
	}
	return &localSource{
		sorter: s.sorter,
		out:    b,
		skip:   s.options.Offset,
		refs:   make([]memory.Ref, capacity),
	}, nil
}

type localSource struct {
	sorter *rows.Sorter
	out    *vector.Batch
	skip   uint64       // rows before the offset that are still to come
	refs   []memory.Ref // room for places of rows
	next   []memory.Ref // of them, those not given yet
}

// Next gives the next rows in order. It ends early at the end of a run's block, and where surplus for very long strings
// is refused.
func (l *localSource) Next(ctx context.Context) (*vector.Batch, error) {
	l.out.Reset()
	for len(l.next) == 0 {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		n, err := l.sorter.Next(l.refs)
		if err != nil || n == 0 {
			return nil, err
		}
		skipped := min(uint64(n), l.skip)
		l.skip -= skipped
		l.next = l.refs[skipped:n]
	}
	n, err := l.sorter.Layout().GatherSome(l.next, l.out, len(l.out.Cols))
	if err != nil {
		return nil, err
	}
	l.next = l.next[n:]
	l.out.Len = n
	return l.out, nil
}

// Pause implements exec.LocalSource: pages stay where they are.
func (l *localSource) Pause() error { return nil }

func (l *localSource) Close() error {
	l.out.Close()
	return nil
}
