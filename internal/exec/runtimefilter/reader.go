package runtimefilter

import (
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Reader is one worker's use of a filter.
type Reader struct {
	f       *Filter
	columns []int // of the batches, by key; -1: not among them
	all     bool  // they all are
	hasher  rows.Hasher
	keys    []vector.Vector
	cols    []*vector.Vector
	sel     [vector.MaxRows]uint16
	hashes  [rows.ChunkRows]uint64
	opened  bool
	dropped int64
}

// NewReader returns a reader for batches that have the keys in these columns, -1 for those that are not there: then
// bounds are all that is looked at.
func (f *Filter) NewReader(columns []int) *Reader {
	r := &Reader{f: f, columns: columns, all: true}
	for _, c := range columns {
		r.all = r.all && c >= 0
	}
	return r
}

// Dropped is how many rows the reader has dropped.
func (r *Reader) Dropped() int64 { return r.dropped }

// Apply takes rows that can have no match out of the batch's selection.
func (r *Reader) Apply(b *vector.Batch) {
	f := r.f
	if b.Rows() == 0 || !f.enter() {
		return
	}
	if !r.opened {
		r.opened = true
		r.hasher = rows.Hasher{Seed: f.o.Seed, Zero: f.o.Zero}
		r.keys = make([]vector.Vector, len(f.o.Keys))
		for i := range r.keys {
			r.cols = append(r.cols, &r.keys[i])
		}
		f.used.Store(true)
	}
	in := b.Sel
	if in == nil {
		in = rows.All(b.Len)
	}
	sel := r.sel[:copy(r.sel[:], in)]
	for i, c := range r.columns {
		if c < 0 {
			continue
		}
		k := &f.o.Keys[i]
		r.keys[i] = *b.Cols[c]
		r.keys[i].Type = k.Type
		if bounds := &f.bounds[i]; Bounded(k.Type) || f.rows == 0 {
			sel = bounds.within(&r.keys[i], sel)
			if !bounds.Null {
				sel = r.keys[i].NotNull(sel)
			}
		} else if !k.NullSafe {
			sel = r.keys[i].NotNull(sel)
		}
	}
	if r.all && f.bloom.words != nil {
		sel = r.look(b, sel)
	}
	n := len(in) - len(sel)
	if n > 0 {
		b.Sel = sel
		r.dropped += int64(n)
	}
	f.leave(len(in), n)
	if len(sel) == 0 && f.o.Account.Revoked() {
		f.yield()
	}
}

// look keeps the rows whose hashes may be those of build rows.
func (r *Reader) look(b *vector.Batch, sel []uint16) []uint16 {
	out := sel[:0]
	for len(sel) > 0 {
		chunk := sel[:min(len(sel), rows.ChunkRows)]
		sel = sel[len(chunk):]
		r.hasher.Hash(b.Base(), r.cols, chunk, r.hashes[:])
		for j, i := range chunk {
			if r.f.bloom.has(r.hashes[j]) {
				out = append(out, i)
			}
		}
	}
	return out
}

func (f *Filter) yield() {
	if f.o.Yield != nil {
		f.o.Yield()
		return
	}
	f.Drop()
}

// Probe is the use of the filter by the join itself, for rows that it would have to set aside.
type Probe struct {
	f             *Filter
	seen, dropped int
}

// Enter begins a batch, which Leave ends; nil: the filter is of no use, or rows have passed it already.
func (f *Filter) Enter() *Probe {
	if f == nil || f.used.Load() || !f.enter() {
		return nil
	}
	if f.bloom.words == nil {
		f.leave(0, 0)
		return nil
	}
	return &Probe{f: f}
}

// Has says if there may be a row with that hash.
func (p *Probe) Has(hash uint64) bool {
	p.seen++
	if p.f.bloom.has(hash) {
		return true
	}
	p.dropped++
	return false
}

// Leave ends the batch. Nil: nothing.
func (p *Probe) Leave() {
	if p != nil {
		p.f.leave(p.seen, p.dropped)
	}
}
