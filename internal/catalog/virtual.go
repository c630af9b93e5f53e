package catalog

import (
	"context"

	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// VirtualTable provides the rows of a table that is not stored.
type VirtualTable interface {
	// Schema is the table: DB, Name and Columns; the registry fills in the rest.
	Schema() *schema.Table
	// Rows calls emit for each row, whose values are in the order of the columns and of their types or NULL; emit
	// copies them. An error of emit is returned as it is: nothing more is wanted.
	Rows(ctx context.Context, req VirtualRequest, emit func(row []types.Datum) error) error
}

// VirtualRequest is what a scan wants of a virtual table.
type VirtualRequest struct {
	// Session is what the running session gave to the scan, for tables that depend on it; may be nil.
	Session any
	// Equals are conditions column = one of the values, by ordinal, that the provider may use to do less.
	Equals map[int][]string
	// Wanted are the ordinals that will be read; others may be left NULL.
	Wanted []int
}

// virtualIDs is above the IDs of stored tables.
const virtualIDs schema.ID = 1 << 31

// RegisterVirtual adds tables; their databases come to be with them. Called at start, before the first statement.
func (c *Catalog) RegisterVirtual(tables ...VirtualTable) {
	c.commitMu.Lock()
	defer c.commitMu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.current.Load()
	for _, v := range tables {
		t := *v.Schema()
		t.DB, t.Virtual = canonical(t.DB), true
		t.ID = virtualIDs + schema.ID(len(c.virtual))
		if t.Primary == nil {
			t.Primary = &schema.Index{Name: "PRIMARY", Primary: true, Unique: true,
				Columns: []schema.IndexColumn{{Column: 0}}}
		}
		if t.Collation == 0 {
			t.Collation = collation.UTF8MB3GeneralCI
		}
		if next.dbs.get(t.DB) == nil {
			desc := &schema.Database{ID: t.ID, Name: t.DB, Collation: collation.UTF8MB3GeneralCI}
			next = next.with(t.DB, &database{desc: desc})
		}
		c.virtual[t.ID] = v
		next = next.withTable(t.Pack())
	}
	c.publish(next, nil)
}

// Virtual returns the provider of a virtual table, or nil.
func (c *Catalog) Virtual(t *schema.Table) VirtualTable {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.virtual[t.ID]
}
