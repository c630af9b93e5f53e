package stream

import (
	"context"
	"sync"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// MaterializeOptions are what a Materialize needs.
type MaterializeOptions struct {
	// Account has MaterializeBytes of minimum for this operator. It is not closed by it.
	Account   *memory.Account
	Types     []types.Type
	Workers   int // of either pipeline, at most
	PageBytes int // of a block
}

// Materialize keeps all rows in unpinned blocks, to be read once: a place where a long pipeline is cut in two, so that
// the operators of one part give their memory back before those of the next take theirs.
type Materialize struct {
	o      MaterializeOptions
	layout *rows.Layout
	page   int

	mu   sync.Mutex
	list []*rows.Collection // protected by mu: one of each worker of the sink; those being read are not in it
}

// NewMaterialize takes nothing of the account yet.
func NewMaterialize(o MaterializeOptions) *Materialize {
	l := rows.NewLayout(o.Types, 0)
	return &Materialize{o: o, layout: l, page: l.PageBytes(o.PageBytes)}
}

// MaterializeBytes is the minimum with these options; Account may be nil.
func MaterializeBytes(o MaterializeOptions) int64 {
	m := NewMaterialize(o)
	overflow := m.layout.OverflowBytes(m.page)
	sink := int64(m.page) + overflow + int64(memory.PageSize(placesBytes))
	source := int64(m.page) + overflow + vector.BatchBytes(o.Types, m.Capacity(), memory.MinPageBytes) +
		int64(memory.PageSize(placesBytes))
	return int64(max(1, o.Workers)) * max(sink, source)
}

// placesBytes is room for the places of a batch's rows.
const placesBytes = 8 * vector.MaxRows

// Capacity is the most rows of a batch of the source.
func (m *Materialize) Capacity() int {
	return min(rows.ChunkRows, rows.BatchRows(m.o.Types, rows.MinPageBytes))
}

// Sink is the end of the pipeline below.
func (m *Materialize) Sink() exec.Sink { return materializeSink{m} }

// Source is the start of the pipeline above.
func (m *Materialize) Source() exec.Source { return materializeSource{m} }

// Close gives everything back. Repeatable. No worker may be at work.
func (m *Materialize) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.list {
		c.Close()
	}
	m.list = nil
	return nil
}

func (m *Materialize) places() (memory.Page, []memory.Ref, error) {
	p, err := m.o.Account.Alloc(placesBytes, memory.Held)
	if err != nil {
		return p, nil, err
	}
	return p, memory.Slice[memory.Ref](m.o.Account.Base(), p.Ref, vector.MaxRows), nil
}

type materializeSink struct{ m *Materialize }

var _ exec.Sink = materializeSink{}

func (s materializeSink) NewLocal(*exec.Worker) (exec.LocalSink, error) {
	p, refs, err := s.m.places()
	if err != nil {
		return nil, err
	}
	return &materializeLocal{
		m: s.m, page: p, refs: refs, rows: rows.NewCollection(s.m.o.Account, s.m.layout, s.m.page),
	}, nil
}

func (s materializeSink) Finish(context.Context) error { return nil }
func (s materializeSink) Close() error                 { return nil }

// materializeLocal keeps one worker's rows.
type materializeLocal struct {
	m    *Materialize
	rows *rows.Collection // nil once combined
	page memory.Page
	refs []memory.Ref // where Append says rows are; not used
}

func (l *materializeLocal) Consume(_ context.Context, b *vector.Batch) (exec.OpResult, error) {
	sel := b.Sel
	if sel == nil {
		sel = rows.All(b.Len)
	}
	_, err := l.rows.Append(b.Cols, sel, l.refs)
	return exec.NeedMore, rows.Final(err)
}

func (l *materializeLocal) Combine(context.Context) error {
	l.rows.Release(memory.ReuseSoon)
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	l.m.list = append(l.m.list, l.rows)
	l.rows = nil
	return nil
}

func (l *materializeLocal) Close() error {
	l.rows.Close()
	l.m.o.Account.Free(l.page)
	l.page = memory.Page{}
	return nil
}

type materializeSource struct{ m *Materialize }

var _ exec.Source = materializeSource{}

// MaxWorkers implements exec.Source: a collection is read by one worker.
func (s materializeSource) MaxWorkers() int {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return max(1, len(s.m.list))
}

func (s materializeSource) Close() error { return nil }

func (s materializeSource) NewLocal(*exec.Worker) (exec.LocalSource, error) {
	p, refs, err := s.m.places()
	if err != nil {
		return nil, err
	}
	b, err := vector.NewBatch(s.m.o.Account, s.m.o.Types, s.m.Capacity(), memory.MinPageBytes)
	if err != nil {
		s.m.o.Account.Free(p)
		return nil, err
	}
	return &materializeReader{m: s.m, batch: b, page: p, refs: refs}, nil
}

// materializeReader reads collections one after the other.
type materializeReader struct {
	m      *Materialize
	batch  *vector.Batch
	page   memory.Page
	refs   []memory.Ref
	rows   *rows.Collection // being read; nil: none
	reader *rows.Reader
}

func (l *materializeReader) Next(context.Context) (*vector.Batch, error) {
	for {
		if l.rows == nil && !l.take() {
			return nil, nil
		}
		more, err := l.reader.Next(l.batch, l.refs)
		if err != nil {
			return nil, err
		}
		if more {
			return l.batch, nil
		}
		l.drop()
	}
}

// take begins the next collection that nobody reads.
func (l *materializeReader) take() bool {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	n := len(l.m.list)
	if n == 0 {
		return false
	}
	l.rows, l.m.list = l.m.list[n-1], l.m.list[:n-1]
	l.reader = l.rows.Read(memory.Held, true)
	return true
}

// drop frees the collection that was read.
func (l *materializeReader) drop() {
	l.batch.Reset()
	l.reader.Close()
	l.rows.Close()
	l.reader, l.rows = nil, nil
}

func (l *materializeReader) Pause() error { return nil }

func (l *materializeReader) Close() error {
	l.drop()
	l.batch.Close()
	l.m.o.Account.Free(l.page)
	l.page = memory.Page{}
	return nil
}
