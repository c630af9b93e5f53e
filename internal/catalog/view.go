package catalog

import (
	"context"
	"strings"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// ViewSpec is what CREATE VIEW says.
type ViewSpec struct {
	DB, Name  string
	OrReplace bool
	Columns   []schema.Column // names and types that the query gives now
	Text      string          // of the query
}

// CreateView is CREATE VIEW. Errors 1050; 1347 if OR REPLACE finds a table.
func (c *Catalog) CreateView(ctx context.Context, d DDL, spec ViewSpec) error {
	n := Name{spec.DB, spec.Name}
	exists, err := c.lockNew(ctx, d, n)
	if err != nil {
		return err
	}
	var old *schema.Table
	if exists {
		if old, err = c.Snapshot().Table(n.DB, n.Table); err != nil {
			return err
		}
		switch {
		case !spec.OrReplace:
			return sqlerr.New(sqlerr.ErrTableExists, n.Table)
		case old.ViewText == "":
			return sqlerr.New(sqlerr.ErrWrongObject, n.DB, n.Table, "VIEW")
		}
	}
	db, err := c.stored(n.DB)
	if err != nil {
		return err
	}
	t := &schema.Table{DB: n.DB, Name: n.Table, Collation: db.Collation, NextID: 1, ViewText: spec.Text}
	for _, column := range spec.Columns {
		if t.ColumnByName(column.Name) >= 0 {
			return sqlerr.New(sqlerr.ErrDupFieldName, column.Name)
		}
		column.ID = t.NextID
		t.NextID++
		t.Columns = append(t.Columns, column)
	}
	if err := setPrimary(t, nil); err != nil { // a table has one; a view's has no rows
		return err
	}
	if old == nil {
		return c.putNew(ctx, d, t, 0)
	}
	t = t.Pack()
	t.ID, t.Version, t.Created = old.ID, old.Version+1, c.now().Unix()
	g := &change{gone: []*schema.Table{old}, come: []*schema.Table{t}, fresh: true}
	return c.define(ctx, d, g, func(tx kv.Txn) error { return setTable(tx, t) })
}

// DropViews is DROP VIEW. Error 1051 names all that do not exist; 1347: it is a table.
func (c *Catalog) DropViews(ctx context.Context, d DDL, names []Name, ifExists bool) error {
	var views []*schema.Table
	var missing []string
	for _, n := range names {
		if err := d.lock(ctx, n, Exclusive); err != nil {
			return err
		}
		t, err := c.Snapshot().Table(n.DB, n.Table)
		switch {
		case err == nil && t.ViewText != "":
			views = append(views, t)
		case err == nil:
			return sqlerr.New(sqlerr.ErrWrongObject, n.DB, n.Table, "VIEW")
		case ifExists:
			d.note(sqlerr.ErrBadTable, n.DB+"."+n.Table)
		default:
			missing = append(missing, n.DB+"."+n.Table)
		}
	}
	if len(missing) > 0 {
		return sqlerr.New(sqlerr.ErrBadTable, strings.Join(missing, ","))
	}
	return c.drop(ctx, d, views)
}
