package join

import (
	"context"
	"errors"
	"slices"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/runtimefilter"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/vector"
)

type hashSink struct{ *Hash }

var _ exec.Sink = hashSink{}

// NewLocal implements exec.Sink.
func (s hashSink) NewLocal(*exec.Worker) (exec.LocalSink, error) {
	h := s.Hash
	l := &hashBuild{
		h:      h,
		hasher: rows.Hasher{Seed: h.o.Seed, Zero: h.o.HashZero},
		parts:  rows.NewPartitions(h.o.Account, h.right, h.rightPage, 0, partitionBits),
		filter: h.o.Filter.NewLocal(),
		in:     makeRightInput(len(h.o.Keys), len(h.source)),
	}
	l.parts.Lease(1)
	return l, nil
}

// hashBuild spreads one worker's right rows over partitions, or keeps them together once it has no memory for that many
// tails: small batches would write and read a page for nearly every row.
type hashBuild struct {
	h      *Hash
	hasher rows.Hasher
	parts  *rows.Partitions // nil once combined
	filter *runtimefilter.Local
	mixed  *rows.Partitions // one, of all hashes; nil as long as tails can be had
	in     rightInput
	sel    [rows.ChunkRows]uint16
	hashes [rows.ChunkRows]uint64
}

// Consume adds rows. Those with a NULL key match nothing.
func (l *hashBuild) Consume(_ context.Context, b *vector.Batch) (exec.OpResult, error) {
	h := l.h
	if h.o.Account.Revoked() {
		if l.parts.Squeezed() {
			l.filter.Drop()
		} else {
			l.parts.Squeeze()
		}
	}
	l.in.set(b, h.o.Keys, h.source)
	keys := l.in.cols[:len(h.o.Keys)]
	sel := b.Sel
	if sel == nil {
		sel = rows.All(b.Len)
	}
	h.total.Add(int64(len(sel)))
	for len(sel) > 0 {
		n := min(len(sel), rows.ChunkRows)
		chunk := l.in.matchable(h.o.Keys, l.sel[:copy(l.sel[:], sel[:n])])
		if len(chunk) < n {
			h.nulls.Store(true)
		}
		l.hasher.Hash(b.Base(), keys, chunk, l.hashes[:])
		if err := l.filter.Add(keys, chunk, l.hashes[:]); err != nil {
			return exec.NeedMore, err
		}
		to := l.parts
		if to.Squeezed() {
			if l.mixed == nil {
				l.mixed = rows.NewPartitions(h.o.Account, h.right, h.rightPage, 0, 0)
			}
			to = l.mixed
		}
		if err := to.Append(l.in.cols, chunk, l.hashes[:]); err != nil {
			return exec.NeedMore, err
		}
		sel = sel[n:]
	}
	return exec.NeedMore, nil
}

// Combine hands the partitions over, without pins.
func (l *hashBuild) Combine(context.Context) error {
	l.parts.Release(memory.ReuseUnknown)
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	l.h.built = append(l.h.built, l.parts)
	l.parts = nil
	l.filter.Combine()
	if l.mixed != nil {
		l.mixed.Release(memory.ReuseUnknown)
		l.h.whole.build = append(l.h.whole.build, l.mixed.List...)
		l.h.whole.rows += l.mixed.Rows()
		l.h.mixed = true
		l.mixed = nil
	}
	return nil
}

// Close implements exec.LocalSink.
func (l *hashBuild) Close() error {
	l.parts.Close()
	l.filter.Drop()
	l.mixed.Close()
	return nil
}

// Finish makes the filter, and brings partitions into memory, the smallest first, as long as there is surplus.
func (s hashSink) Finish(ctx context.Context) error {
	h := s.Hash
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.o.Filter.Finish(); err != nil {
		return err
	}
	for _, p := range h.built {
		for i, c := range p.List {
			if c.Rows() > 0 {
				h.parts[i].build = append(h.parts[i].build, c)
				h.parts[i].rows += c.Rows()
			}
		}
	}
	h.built = nil
	for i := range h.parts {
		if h.parts[i].rows > 0 {
			h.partitions++
		}
	}
	if h.mixed {
		return nil
	}
	order := make([]int, fanOut)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return int(h.parts[a].rows - h.parts[b].rows) })
	l, err := newLoader(h, vector.NewBatch)
	if err != nil {
		return err
	}
	defer l.close()
	for _, i := range order {
		p := &h.parts[i]
		h.current.parts[i], err = l.all(p.build, p.rows, 0)
		if errors.Is(err, sqlerr.ErrNoSurplus) {
			return nil // larger ones do not fit either
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}
