package catalog

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// lockNew locks the name of a table to be made and says if there is one already.
func (c *Catalog) lockNew(ctx context.Context, d DDL, n Name) (exists bool, err error) {
	if err := checkName(n.Table, sqlerr.ErrWrongTableName); err != nil {
		return false, err
	}
	if _, err := c.stored(n.DB); err != nil {
		return false, err
	}
	if err := d.lock(ctx, Name{DB: n.DB}, SharedWrite); err != nil {
		return false, err
	}
	if err := d.lock(ctx, n, Exclusive); err != nil {
		return false, err
	}
	if _, err := c.stored(n.DB); err != nil {
		return false, err // dropped while we waited
	}
	_, err = c.Snapshot().Table(n.DB, n.Table)
	return err == nil, nil
}

// CreateTable is CREATE TABLE. Errors 1050 and those of its columns and keys.
func (c *Catalog) CreateTable(ctx context.Context, d DDL, spec TableSpec) error {
	n := Name{spec.DB, spec.Name}
	exists, err := c.lockNew(ctx, d, n)
	if err != nil {
		return err
	}
	if exists {
		return d.exists(n, spec.IfNotExists)
	}
	db, err := c.stored(n.DB)
	if err != nil {
		return err
	}
	if spec.Collation == 0 {
		spec.Collation = db.Collation
	}
	t, err := newTable(&d, spec)
	if err != nil {
		return err
	}
	return c.putNew(ctx, d, t, spec.AutoIncrement)
}

func (d *DDL) exists(n Name, ifNotExists bool) error {
	if ifNotExists {
		d.note(sqlerr.ErrTableExists, n.Table)
		return nil
	}
	return sqlerr.New(sqlerr.ErrTableExists, n.Table)
}

// putNew stores and publishes a table that did not exist.
func (c *Catalog) putNew(ctx context.Context, d DDL, t *schema.Table, autoIncrement uint64) error {
	t = t.Pack()
	t.ID, t.Version, t.Created = c.newID(), 1, c.now().Unix()
	return c.define(ctx, d, &change{come: []*schema.Table{t}, fresh: true}, func(tx kv.Txn) error {
		if column := t.AutoIncrement(); column >= 0 && autoIncrement > 1 {
			if err := setCounter(tx, t, column, autoIncrement); err != nil {
				return err
			}
		}
		return setTable(tx, t)
	})
}

// CreateTableLike is CREATE TABLE ... LIKE.
func (c *Catalog) CreateTableLike(ctx context.Context, d DDL, n, like Name, ifNotExists bool) error {
	if err := d.lock(ctx, like, SharedRead); err != nil {
		return err
	}
	exists, err := c.lockNew(ctx, d, n)
	if err != nil {
		return err
	}
	from, err := c.Snapshot().Table(like.DB, like.Table)
	if err != nil {
		return err
	}
	if exists {
		return d.exists(n, ifNotExists)
	}
	if from.ViewText != "" {
		return sqlerr.New(sqlerr.ErrWrongObject, like.DB, like.Table, "BASE TABLE")
	}
	t := *from
	t.DB, t.Name, t.Virtual = n.DB, n.Table, false
	return c.putNew(ctx, d, &t, 1)
}

// DropTables is DROP TABLE. Error 1051 names all that do not exist.
func (c *Catalog) DropTables(ctx context.Context, d DDL, names []Name, ifExists bool) error {
	var tables []*schema.Table
	var missing []string
	for _, n := range names {
		if err := d.lock(ctx, n, Exclusive); err != nil {
			return err
		}
		t, err := c.Snapshot().Table(n.DB, n.Table)
		switch {
		case err == nil && !t.Virtual && t.ViewText == "":
			tables = append(tables, t)
		case err == nil && t.Virtual:
			return sqlerr.Newf(sqlerr.ErrDBAccessDenied, "Access denied to database '%s'", t.DB)
		case ifExists:
			d.note(sqlerr.ErrBadTable, n.DB+"."+n.Table)
		default:
			missing = append(missing, n.DB+"."+n.Table)
		}
	}
	if len(missing) > 0 {
		return sqlerr.New(sqlerr.ErrBadTable, strings.Join(missing, ","))
	}
	return c.drop(ctx, d, tables)
}

// drop drops tables and views.
func (c *Catalog) drop(ctx context.Context, d DDL, tables []*schema.Table) error {
	if len(tables) == 0 {
		return nil
	}
	err := c.define(ctx, d, &change{gone: tables}, func(tx kv.Txn) error {
		for _, t := range tables {
			if err := dropData(tx, t); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range tables {
		c.dropCounters(t.ID)
	}
	return nil
}

// find returns a stored table for a change; the caller has locked it. Error 1347: it is a view.
func (c *Catalog) find(n Name) (*schema.Table, error) {
	t, err := c.Snapshot().Table(n.DB, n.Table)
	if err != nil {
		return nil, err
	}
	if t.Virtual {
		return nil, sqlerr.Newf(sqlerr.ErrDBAccessDenied, "Access denied to database '%s'", t.DB)
	}
	if t.ViewText != "" {
		return nil, sqlerr.New(sqlerr.ErrWrongObject, n.DB, n.Table, "BASE TABLE")
	}
	return t, nil
}

// Truncate is TRUNCATE TABLE: a new, empty table takes the place of the old one.
func (c *Catalog) Truncate(ctx context.Context, d DDL, n Name) error {
	if err := d.lock(ctx, n, Exclusive); err != nil {
		return err
	}
	old, err := c.find(n)
	if err != nil {
		return err
	}
	t := *old
	t.ID, t.Version = c.newID(), old.Version+1
	g := &change{gone: []*schema.Table{old}, come: []*schema.Table{&t}, fresh: true}
	err = c.define(ctx, d, g, func(tx kv.Txn) error {
		if err := dropData(tx, old); err != nil {
			return err
		}
		return setTable(tx, &t)
	})
	if err == nil {
		c.dropCounters(old.ID)
	}
	return err
}

// RenameTables is RENAME TABLE: pairs are renamed from left to right, all or none.
func (c *Catalog) RenameTables(ctx context.Context, d DDL, pairs [][2]Name) error {
	for _, p := range pairs {
		for _, n := range p {
			if err := d.lock(ctx, n, Exclusive); err != nil {
				return err
			}
		}
	}
	// Renames may swap names, so each sees what those before it did.
	s := c.Snapshot()
	first, last := map[schema.ID]*schema.Table{}, map[schema.ID]*schema.Table{}
	for _, p := range pairs {
		from, to := p[0], p[1]
		old, err := s.Table(from.DB, from.Table)
		if err != nil {
			return err
		}
		if err := checkName(to.Table, sqlerr.ErrWrongTableName); err != nil {
			return err
		}
		if _, err := c.stored(to.DB); err != nil {
			return err
		}
		if _, err := c.stored(from.DB); err != nil {
			return err
		}
		if _, err := s.Table(to.DB, to.Table); err == nil {
			return sqlerr.New(sqlerr.ErrTableExists, to.Table)
		}
		draft := *old
		draft.DB, draft.Name, draft.Version = to.DB, to.Table, old.Version+1
		t := draft.Pack()
		s = s.withoutTable(old).withTable(t)
		if first[t.ID] == nil {
			first[t.ID] = old
		}
		last[t.ID] = t
	}
	g := &change{gone: slices.Collect(maps.Values(first)), come: slices.Collect(maps.Values(last))}
	return c.define(ctx, d, g, func(tx kv.Txn) error {
		for _, t := range last {
			if err := setTable(tx, t); err != nil {
				return err
			}
		}
		return nil
	})
}
