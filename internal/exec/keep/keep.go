package keep

import (
	"context"
	"sync"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Options say what is kept.
type Options struct {
	// Account has SinkBytes of minimum for each worker of the sink. It is not closed.
	Account   *memory.Account
	Layout    *rows.Layout
	PageBytes int          // of a block, as the layout gives it
	Reuse     memory.Reuse // of the blocks that are handed over
	// Choose makes, for one worker, what says which columns, in the layout's order, and which rows of a batch are kept;
	// nil: all of them.
	Choose func() Chooser
	// Added gets the number of rows of each batch, from any worker; may be nil.
	Added func(n int)
}

// Chooser says what is kept of a batch; until the next call.
type Chooser func(b *vector.Batch) (cols []*vector.Vector, sel []uint16)

// placesBytes is room for the places of a batch's rows.
const placesBytes = 8 * vector.MaxRows

// SinkBytes is what a worker of the sink holds.
func SinkBytes(l *rows.Layout, pageBytes int) int64 {
	return int64(pageBytes) + l.OverflowBytes(pageBytes) + PlacesBytes()
}

// PlacesBytes is the page that Places takes.
func PlacesBytes() int64 { return int64(memory.PageSize(placesBytes)) }

// Places returns room for the places of a batch's rows. The caller frees the page.
func Places(acct *memory.Account) (memory.Page, []memory.Ref, error) {
	p, err := acct.Alloc(placesBytes, memory.Held)
	if err != nil {
		return p, nil, err
	}
	return p, memory.Slice[memory.Ref](acct.Base(), p.Ref, vector.MaxRows), nil
}

// Rows are the collections of all workers.
type Rows struct {
	o    Options
	mu   sync.Mutex
	list []*rows.Collection // protected by mu; see P2
}

// New takes nothing of the account.
func New(o Options) *Rows { return &Rows{o: o} }

// List is what is there, in no order; see P2.
func (r *Rows) List() []*rows.Collection { return r.list }

// Len is the number of collections.
func (r *Rows) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.list)
}

// NewCollection returns an empty one, which is the caller's.
func (r *Rows) NewCollection() *rows.Collection {
	return rows.NewCollection(r.o.Account, r.o.Layout, r.o.PageBytes)
}

// Add hands a collection over.
func (r *Rows) Add(c *rows.Collection) {
	c.Release(r.o.Reuse)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, c)
}

// Take takes a collection out, nil if there is none; the caller closes it.
func (r *Rows) Take() *rows.Collection {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.list)
	if n == 0 {
		return nil
	}
	c := r.list[n-1]
	r.list = r.list[:n-1]
	return c
}

// Close frees all collections. Repeatable; rows may be added again.
func (r *Rows) Close() error {
	for c := r.Take(); c != nil; c = r.Take() {
		c.Close()
	}
	return nil
}

// Sink adds the rows of a pipeline.
func (r *Rows) Sink() exec.Sink { return sink{r} }

type sink struct{ r *Rows }

var _ exec.Sink = sink{}

// NewLocal implements exec.Sink.
func (s sink) NewLocal(*exec.Worker) (exec.LocalSink, error) {
	p, refs, err := Places(s.r.o.Account)
	if err != nil {
		return nil, err
	}
	l := &local{r: s.r, rows: s.r.NewCollection(), page: p, refs: refs, choose: allRows}
	if s.r.o.Choose != nil {
		l.choose = s.r.o.Choose()
	}
	return l, nil
}

// Finish implements exec.Sink.
func (s sink) Finish(context.Context) error { return nil }

// Close implements exec.Sink: the rows stay.
func (s sink) Close() error { return nil }

// local keeps one worker's rows.
type local struct {
	r      *Rows
	rows   *rows.Collection // nil once handed over
	page   memory.Page
	refs   []memory.Ref // where Append says rows are; not used
	choose Chooser
}

func allRows(b *vector.Batch) ([]*vector.Vector, []uint16) {
	if b.Sel == nil {
		return b.Cols, rows.All(b.Len)
	}
	return b.Cols, b.Sel
}

// Consume implements exec.LocalSink.
func (l *local) Consume(_ context.Context, b *vector.Batch) (exec.OpResult, error) {
	cols, sel := l.choose(b)
	n, err := l.rows.Append(cols, sel, l.refs)
	if l.r.o.Added != nil {
		l.r.o.Added(n)
	}
	return exec.NeedMore, rows.Final(err)
}

// Combine implements exec.LocalSink.
func (l *local) Combine(context.Context) error {
	l.r.Add(l.rows)
	l.rows = nil
	return nil
}

// Close implements exec.LocalSink.
func (l *local) Close() error {
	l.rows.Close()
	l.r.o.Account.Free(l.page)
	l.page = memory.Page{}
	return nil
}
