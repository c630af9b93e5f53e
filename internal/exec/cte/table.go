package cte

import (
	"context"
	"sync"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Table keeps the rows of an expression. It is filled by its sink, then read by any number of sources.
type Table struct {
	o      Options
	layout *rows.Layout
	page   int

	mu    sync.Mutex
	parts []*rows.Collection // protected by mu while rows are added, then read-only
}

// NewTable takes nothing of the account yet.
func NewTable(o Options) *Table {
	l := rows.NewLayout(o.Types, 0)
	return &Table{o: o, layout: l, page: l.PageBytes(o.PageBytes)}
}

func (t *Table) newRows() *rows.Collection { return rows.NewCollection(t.o.Account, t.layout, t.page) }

// Sink adds rows.
func (t *Table) Sink() exec.Sink { return tableSink{t} }

// Close frees the rows. Repeatable.
func (t *Table) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.parts {
		c.Close()
	}
	t.parts = nil
	return nil
}

type tableSink struct{ t *Table }

var _ exec.Sink = tableSink{}

// NewLocal implements exec.Sink.
func (s tableSink) NewLocal(*exec.Worker) (exec.LocalSink, error) {
	acct := s.t.o.Account
	p, err := acct.Alloc(placesBytes, memory.Held)
	if err != nil {
		return nil, err
	}
	return &localTable{
		t: s.t, rows: s.t.newRows(), places: p, refs: memory.Slice[memory.Ref](acct.Base(), p.Ref, vector.MaxRows),
	}, nil
}

// Finish implements exec.Sink.
func (s tableSink) Finish(context.Context) error { return nil }

// Close implements exec.Sink: the rows stay.
func (s tableSink) Close() error { return nil }

// localTable keeps one worker's rows.
type localTable struct {
	t      *Table
	rows   *rows.Collection // nil once combined
	places memory.Page
	refs   []memory.Ref // where Append says rows are; not used
}

// Consume implements exec.LocalSink.
func (l *localTable) Consume(_ context.Context, b *vector.Batch) (exec.OpResult, error) {
	sel := b.Sel
	if sel == nil {
		sel = rows.All(b.Len)
	}
	n, err := l.rows.Append(b.Cols, sel, l.refs)
	l.t.gave(n)
	return exec.NeedMore, rows.Final(err)
}

func (t *Table) gave(n int) {
	if t.o.Profile != nil {
		t.o.Profile.AddRows(int64(n))
	}
}

// Combine implements exec.LocalSink.
func (l *localTable) Combine(context.Context) error {
	l.rows.Release(memory.ReuseUnknown)
	l.t.mu.Lock()
	defer l.t.mu.Unlock()
	l.t.parts = append(l.t.parts, l.rows)
	l.rows = nil
	return nil
}

// Close implements exec.LocalSink.
func (l *localTable) Close() error {
	l.rows.Close()
	l.t.o.Account.Free(l.places)
	l.places = memory.Page{}
	return nil
}
