package cte

import (
	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/keep"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
)

// Table keeps the rows of an expression. It is filled by its sink, then read by any number of sources.
type Table struct {
	o      Options
	layout *rows.Layout
	kept   *keep.Rows
}

// NewTable takes nothing of the account yet.
func NewTable(o Options) *Table {
	l := rows.NewLayout(o.Types, 0)
	t := &Table{o: o, layout: l}
	t.kept = keep.New(keep.Options{
		Account: o.Account, Layout: l, PageBytes: l.PageBytes(o.PageBytes), Reuse: memory.ReuseUnknown, Added: t.gave,
	})
	return t
}

func (t *Table) gave(n int) {
	if t.o.Profile != nil {
		t.o.Profile.AddRows(int64(n))
	}
}

// Sink adds rows.
func (t *Table) Sink() exec.Sink { return t.kept.Sink() }

// Close frees the rows. Repeatable.
func (t *Table) Close() error { return t.kept.Close() }
