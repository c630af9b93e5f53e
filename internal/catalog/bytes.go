package catalog

import (
	"context"

	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/table"
)

// TableBytes estimates what a table with its indexes takes in the store, in bytes.
func (c *Catalog) TableBytes(ctx context.Context, t *schema.Table) (int64, error) {
	return c.store.Size(ctx, table.TableSpan(t.ID))
}
