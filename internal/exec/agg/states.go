package agg

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// states says where the states of the aggregates lie in a row. Immutable.
type states struct {
	aggs    []Aggregate
	offsets []memory.Ref // from the start of the reserved bytes
	bytes   int
}

func newStates(aggs []Aggregate) *states {
	s := &states{aggs: aggs}
	for _, a := range aggs {
		s.offsets = append(s.offsets, memory.Ref(s.bytes))
		s.bytes += (a.Func.StateBytes() + 7) &^ 7
	}
	return s
}

// resultTypes are those of the aggregates' results.
func resultTypes(aggs []Aggregate) []types.Type {
	out := make([]types.Type, len(aggs))
	for i, a := range aggs {
		out[i] = a.Type
	}
	return out
}

// worker is the scratch space with which one worker uses states. at is where the reserved bytes of its rows begin.
type worker struct {
	*states
	base     memory.Base
	at       memory.Ref
	dst, src [rows.ChunkRows]memory.Ref
	args     []*vector.Vector
}

func newWorker(s *states, base memory.Base, at int) *worker {
	return &worker{states: s, base: base, at: memory.Ref(at)}
}

// place makes references to the states of aggregate i.
func (w *worker) place(i int, groups []memory.Ref, to *[rows.ChunkRows]memory.Ref) []memory.Ref {
	off := w.at + w.offsets[i]
	for j, r := range groups {
		to[j] = r + off
	}
	return to[:len(groups)]
}

// init makes the states of new groups, at most rows.ChunkRows.
func (w *worker) init(groups []memory.Ref) {
	for i, a := range w.aggs {
		a.Func.Init(w.base, w.place(i, groups, &w.dst))
	}
}

// arguments are the columns of aggregate a.
func (w *worker) arguments(a *Aggregate, cols []*vector.Vector) []*vector.Vector {
	w.args = w.args[:0]
	for _, c := range a.Args {
		w.args = append(w.args, cols[c])
	}
	return w.args
}

// update adds rows sel of cols to the groups: row sel[i] to groups[i].
func (w *worker) update(groups []memory.Ref, sel []uint16, cols []*vector.Vector) error {
	for i := range w.aggs {
		a := &w.aggs[i]
		if err := a.Func.Update(w.base, w.place(i, groups, &w.dst), sel, w.arguments(a, cols)); err != nil {
			return err
		}
	}
	return nil
}

// combine adds the states of groups src[i] to those of dst[i].
func (w *worker) combine(dst, src []memory.Ref) error {
	for i, a := range w.aggs {
		if err := a.Func.Combine(w.base, w.place(i, dst, &w.dst), w.place(i, src, &w.src)); err != nil {
			return err
		}
	}
	return nil
}

// results writes the aggregates of groups, at most rows.ChunkRows, to columns first, first+1, ... of out.
func (w *worker) results(groups []memory.Ref, out *vector.Batch, first int) error {
	for i, a := range w.aggs {
		if err := a.Func.Result(w.base, w.place(i, groups, &w.dst), out.Cols[first+i]); err != nil {
			return err
		}
	}
	return nil
}

// StateColumns is the number of BIGINT columns that the states of aggregates take.
func StateColumns(aggs []Aggregate) int { return newStates(aggs).bytes / 8 }

// words writes the states of groups, at most rows.ChunkRows, to columns first, first+1, ... of out.
func (w *worker) words(groups []memory.Ref, out *vector.Batch, first int) {
	for i := range w.bytes / 8 {
		v, off := out.Cols[first+i], w.at+memory.Ref(8*i)
		for j, r := range groups {
			v.I64[j], v.Null[j] = *(*int64)(w.base.At(r + off)), 0
		}
	}
}
