package catalog

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/table"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// maxName is the most characters of a name.
const maxName = 64

func checkName(name string, wrong sqlerr.Code) error {
	switch {
	case name == "" || name[len(name)-1] == ' ':
		return sqlerr.New(wrong, name)
	case utf8.RuneCountInString(name) > maxName:
		return sqlerr.New(sqlerr.ErrTooLongIdent, name)
	}
	return nil
}

func (d *DDL) note(code sqlerr.Code, args ...any) {
	if d.Warn != nil {
		d.Warn(sqlerr.NewNote(code, args...))
	}
}

func (d *DDL) lock(ctx context.Context, n Name, m LockMode) error {
	return d.Owner.Lock(ctx, n, m, d.Timeout)
}

// CreateDatabase is CREATE DATABASE. Error 1007. coll 0: utf8mb4's.
func (c *Catalog) CreateDatabase(ctx context.Context, d DDL, name string, coll collation.ID, ifNotExists bool) error {
	if err := checkName(name, sqlerr.ErrWrongDBName); err != nil {
		return err
	}
	if err := d.lock(ctx, Name{DB: name}, Exclusive); err != nil {
		return err
	}
	if _, err := c.Snapshot().Database(name); err == nil {
		if ifNotExists {
			d.note(sqlerr.ErrDBCreateExists, name)
			return nil
		}
		return sqlerr.New(sqlerr.ErrDBCreateExists, name)
	}
	if coll == 0 {
		coll = collation.Default
	}
	desc := &schema.Database{ID: c.newID(), Name: strings.Clone(name), Collation: coll}
	return c.putDatabase(ctx, d, nil, desc)
}

func (c *Catalog) putDatabase(ctx context.Context, d DDL, old, desc *schema.Database) error {
	v, err := encodeDatabase(desc)
	if err != nil {
		return err
	}
	return c.define(ctx, d, &change{dbGone: old, dbCome: desc}, func(tx kv.Txn) error {
		return tx.Set(idKey(metaDatabase, desc.ID), v)
	})
}

// AlterDatabase changes the default collation. Error 1049.
func (c *Catalog) AlterDatabase(ctx context.Context, d DDL, name string, coll collation.ID) error {
	if err := d.lock(ctx, Name{DB: name}, Exclusive); err != nil {
		return err
	}
	old, err := c.stored(name)
	if err != nil {
		return err
	}
	desc := *old
	desc.Collation = coll
	return c.putDatabase(ctx, d, old, &desc)
}

// stored finds a database that may be changed. Errors 1049, 1044 for those of virtual tables.
func (c *Catalog) stored(name string) (*schema.Database, error) {
	desc, err := c.Snapshot().Database(name)
	if err != nil {
		return nil, err
	}
	if isVirtualDB(desc.Name) {
		return nil, sqlerr.Newf(sqlerr.ErrDBAccessDenied, "Access denied to database '%s'", desc.Name)
	}
	return desc, nil
}

// DropDatabase is DROP DATABASE; it returns the number of tables dropped. Error 1008.
func (c *Catalog) DropDatabase(ctx context.Context, d DDL, name string, ifExists bool) (int, error) {
	if err := d.lock(ctx, Name{DB: name}, Exclusive); err != nil {
		return 0, err
	}
	desc, err := c.stored(name)
	switch {
	case sqlerr.Is(err, sqlerr.ErrBadDB) && ifExists:
		d.note(sqlerr.ErrDBDropExists, name)
		return 0, nil
	case sqlerr.Is(err, sqlerr.ErrBadDB):
		return 0, sqlerr.New(sqlerr.ErrDBDropExists, name)
	case err != nil:
		return 0, err
	}
	release, err := c.reserveLocks(name)
	if err != nil {
		return 0, err
	}
	defer release()
	for t := range c.Snapshot().Tables(name) {
		if err := d.lock(ctx, Name{name, t.Name}, Exclusive); err != nil {
			return 0, err
		}
	}
	// The lock on the database keeps others from making tables; those there are now are those we have locked.
	tables := slices.Collect(c.Snapshot().Tables(name))
	err = c.define(ctx, d, &change{gone: tables, dbGone: desc}, func(tx kv.Txn) error {
		for _, t := range tables {
			if err := dropData(tx, t); err != nil {
				return err
			}
		}
		return tx.Delete(idKey(metaDatabase, desc.ID))
	})
	if err != nil {
		return 0, err
	}
	for _, t := range tables {
		c.dropCounters(t.ID)
	}
	return len(tables), nil
}

// lockBytes is what the lock on a table and its place in a list take of the heap.
const lockBytes = 416

// reserveLocks charges the locks on all tables of a database, which is locked. It may pass the limit of the ledger a
// little: to drop things makes room.
func (c *Catalog) reserveLocks(db string) (release func(), err error) {
	n := lockBytes * int64(c.Snapshot().tableCount(db))
	h := &c.heap
	if err := h.ledger.ReserveAtWork(h.acct, n); err != nil {
		return nil, err
	}
	return func() { h.ledger.Release(h.acct, n) }, nil
}

// dropData deletes a table's descriptor, rows, counters and row count.
func dropData(tx kv.Txn, t *schema.Table) error {
	if err := tx.Delete(idKey(metaTable, t.ID)); err != nil {
		return err
	}
	return dropRows(tx, t)
}

// dropRows deletes what there is under a table's ID but its descriptor.
func dropRows(tx kv.Txn, t *schema.Table) error {
	for i := range t.Columns {
		if t.Columns[i].DefaultKind != schema.DefaultAutoIncr {
			continue
		}
		if err := tx.Delete(counterKey(t.ID, t.Columns[i].ID)); err != nil {
			return err
		}
	}
	if err := tx.Delete(idKey(metaRows, t.ID)); err != nil {
		return err
	}
	return tx.DeleteSpan(table.TableSpan(t.ID))
}

// setTable stores a descriptor.
func setTable(tx kv.Txn, t *schema.Table) error {
	v, err := encodeTable(t)
	if err != nil {
		return err
	}
	return tx.Set(idKey(metaTable, t.ID), v)
}
