package stream

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/keep"
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
	o    MaterializeOptions
	kept *keep.Rows // without those that are being read
}

// NewMaterialize takes nothing of the account yet.
func NewMaterialize(o MaterializeOptions) *Materialize {
	l := rows.NewLayout(o.Types, 0)
	return &Materialize{o: o, kept: keep.New(keep.Options{
		Account: o.Account, Layout: l, PageBytes: l.PageBytes(o.PageBytes), Reuse: memory.ReuseSoon,
	})}
}

// MaterializeBytes is the minimum with these options; Account may be nil.
func MaterializeBytes(o MaterializeOptions) int64 {
	l := rows.NewLayout(o.Types, 0)
	page := l.PageBytes(o.PageBytes)
	source := int64(page) + l.OverflowBytes(page) + keep.PlacesBytes() +
		vector.BatchBytes(o.Types, materializeCapacity(o.Types), memory.MinPageBytes)
	return int64(max(1, o.Workers)) * max(keep.SinkBytes(l, page), source)
}

// Capacity is the most rows of a batch of the source.
func (m *Materialize) Capacity() int { return materializeCapacity(m.o.Types) }

func materializeCapacity(t []types.Type) int {
	return min(rows.ChunkRows, rows.BatchRows(t, rows.MinPageBytes))
}

// Sink is the end of the pipeline below.
func (m *Materialize) Sink() exec.Sink { return m.kept.Sink() }

// Source is the start of the pipeline above.
func (m *Materialize) Source() exec.Source { return materializeSource{m} }

// Close gives everything back. Repeatable. No worker may be at work.
func (m *Materialize) Close() error { return m.kept.Close() }

type materializeSource struct{ m *Materialize }

var _ exec.Source = materializeSource{}

// MaxWorkers implements exec.Source: a collection is read by one worker.
func (s materializeSource) MaxWorkers() int { return max(1, s.m.kept.Len()) }

func (s materializeSource) Close() error { return nil }

func (s materializeSource) NewLocal(*exec.Worker) (exec.LocalSource, error) {
	p, refs, err := keep.Places(s.m.o.Account)
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
	if l.rows = l.m.kept.Take(); l.rows == nil {
		return false
	}
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
