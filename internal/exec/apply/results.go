package apply

import (
	"context"
	"encoding/binary"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/pagetree"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/vector"
)

// result is what the inner plan gave for some parameters.
type result struct {
	at    rows.Position
	count int64
}

// results has the rows of inner runs.
type results struct {
	o      *Options
	layout *rows.Layout
	page   int
	rows   *rows.Collection // nil: none so far

	// known maps parameters to results; nil: only the latest is kept.
	known        *pagetree.Tree
	knownAccount *memory.Account
	runs, hits   int64

	places memory.Page
	refs   []memory.Ref
	value  []byte
}

func newResults(o *Options) *results {
	l := rows.NewLayout(o.Right, 0)
	return &results{o: o, layout: l, page: l.PageBytes(o.PageBytes)}
}

func (r *results) open() error {
	acct := r.o.Account
	var err error
	if r.places, err = acct.Alloc(placesBytes, memory.Held); err != nil {
		return err
	}
	r.refs = memory.Slice[memory.Ref](acct.Base(), r.places.Ref, vector.MaxRows)
	if r.o.Keep {
		r.openMap()
	}
	return nil
}

func (r *results) openMap() {
	// An account of its own frees the map without reading it back.
	r.knownAccount = r.o.Account.Child(r.o.Account.Name())
	r.knownAccount.Lose()
	r.known = pagetree.New(r.knownAccount, pagetree.Options{PageBytes: mapPageBytes, Kind: memory.Held})
}

func (r *results) closeMap() {
	if r.known != nil {
		r.knownAccount.Close()
		r.known = nil
	}
}

// Close gives everything back. Repeatable.
func (r *results) close() {
	r.closeMap()
	r.rows.Close()
	r.rows = nil
	r.o.Account.Free(r.places)
	r.places, r.refs = memory.Page{}, nil
}

// resultBytes is the length of a value of the map: block, row, count.
const resultBytes = 16

// find looks for the result for parameters.
func (r *results) find(key []byte) (out result, ok bool, err error) {
	if r.known == nil {
		return out, false, nil
	}
	r.value, ok, err = r.known.Get(key, r.value[:0])
	if err != nil || !ok {
		return out, false, rows.Final(err)
	}
	r.hits++
	v := r.value
	out.at.Block = int(binary.LittleEndian.Uint32(v))
	out.at.Row = int(binary.LittleEndian.Uint32(v[4:]))
	out.count = int64(binary.LittleEndian.Uint64(v[8:]))
	return out, true, nil
}

// run runs the inner plan and keeps its rows.
func (r *results) run(ctx context.Context, w *exec.Worker, key []byte) (out result, err error) {
	r.trim()
	if r.rows == nil {
		r.rows = rows.NewCollection(r.o.Account, r.layout, r.page)
	}
	before := r.rows.Rows()
	out.at = r.rows.End()
	r.runs++
	if err := r.o.Run(ctx, w); err != nil {
		return out, err
	}
	r.rows.Release(memory.ReuseSoon)
	out.count = r.rows.Rows() - before
	if r.known == nil {
		return out, nil
	}
	var v [resultBytes]byte
	binary.LittleEndian.PutUint32(v[:], uint32(out.at.Block))
	binary.LittleEndian.PutUint32(v[4:], uint32(out.at.Row))
	binary.LittleEndian.PutUint64(v[8:], uint64(out.count))
	return out, rows.Final(r.known.Set(key, v[:]))
}

// trim drops the results that are not worth their room.
func (r *results) trim() {
	if r.known != nil && r.runs >= triedRuns && r.hits*hitShare < r.runs {
		r.closeMap()
	}
	switch {
	case r.known == nil:
		r.rows.Close()
		r.rows = nil
	case r.rows != nil && r.rows.Bytes()+r.known.PageBytes() > keptBytes:
		r.rows.Close()
		r.rows = nil
		r.closeMap()
		r.openMap()
	}
}

// sink takes the rows of an inner run.
type sink struct{ r *results }

var _ exec.Sink = sink{}

// NewLocal implements exec.Sink.
func (s sink) NewLocal(*exec.Worker) (exec.LocalSink, error) { return s, nil }

// Finish implements exec.Sink.
func (s sink) Finish(context.Context) error { return nil }

// Consume implements exec.LocalSink.
func (s sink) Consume(_ context.Context, b *vector.Batch) (exec.OpResult, error) {
	sel := b.Sel
	if sel == nil {
		sel = rows.All(b.Len)
	}
	_, err := s.r.rows.Append(b.Cols, sel, s.r.refs)
	return exec.NeedMore, rows.Final(err)
}

// Combine implements exec.LocalSink.
func (s sink) Combine(context.Context) error { return nil }

// Close implements exec.Sink and exec.LocalSink: the rows stay.
func (s sink) Close() error { return nil }
