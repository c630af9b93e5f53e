package catalog

import (
	"context"
	"errors"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/table"
)

// AlterTable is ALTER TABLE, CREATE INDEX and DROP INDEX; it returns the number of rows copied. What only concerns the
// descriptor is done at once, new indexes are built beside the rows; all else copies the table.
func (c *Catalog) AlterTable(ctx context.Context, d DDL, n Name, changes []Alteration) (int64, error) {
	if d.Explain == nil {
		if err := d.lock(ctx, n, SharedNoWrite); err != nil {
			return 0, err
		}
	}
	old, err := c.find(n)
	if err != nil {
		return 0, err
	}
	a := newAltered(c, &d, old)
	for _, change := range changes {
		if err := a.apply(change); err != nil {
			return 0, err
		}
	}
	if err := a.finish(); err != nil {
		return 0, err
	}
	if d.Explain != nil {
		return 0, d.Explain(a.plan())
	}
	if a.renamed {
		if exists, err := c.lockNew(ctx, d, Name{a.t.DB, a.t.Name}); err != nil {
			return 0, err
		} else if exists {
			return 0, sqlerr.New(sqlerr.ErrTableExists, a.t.Name)
		}
	}
	return c.runAlter(ctx, d, a)
}

func (a *altered) plan() AlterPlan {
	p := AlterPlan{Old: a.old, New: a.t, Copies: a.copies, Built: a.added}
	if a.copies {
		p.Built = append([]*schema.Index{a.t.Primary}, a.t.Indexes...)
	}
	return p
}

// runAlter builds and commits. The transaction's read view is taken after the lock, so it has all rows.
func (c *Catalog) runAlter(ctx context.Context, d DDL, a *altered) (rows int64, err error) {
	g := &change{
		gone: []*schema.Table{a.old}, come: []*schema.Table{a.t}, fresh: a.copies || len(a.added) > 0,
	}
	r, err := c.heap.reserve(g, d.Owner.ConnID)
	if err != nil {
		return 0, err
	}
	tx, err := c.begin(ctx, d.Txn)
	if err != nil {
		r.cancel()
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
			r.cancel()
		}
	}()
	if a.copies {
		a.t.ID = c.newID()
	}
	if rows, err = c.build(ctx, d, tx, a); err != nil {
		return 0, err
	}
	if err = d.lock(ctx, Name{a.old.DB, a.old.Name}, Exclusive); err != nil {
		return 0, err
	}
	if err = c.finishAlter(ctx, tx, a); err != nil {
		return 0, err
	}
	a.t.Version = a.old.Version + 1
	if err = setTable(tx, a.t); err != nil {
		return 0, err
	}
	err = c.commit(ctx, tx, g, r)
	if err == nil && a.copies {
		c.AddRows(a.t, rows)
		c.dropCounters(a.old.ID)
	}
	return rows, err
}

// build writes what is new: all rows, or the entries of new indexes.
func (c *Catalog) build(ctx context.Context, d DDL, tx kv.Txn, a *altered) (int64, error) {
	if !a.copies && len(a.added) == 0 {
		return 0, nil
	}
	mem := table.BuildMemory{Account: d.Txn.Account}
	if mem.Account == nil {
		mem.Account = c.txn.Account
	}
	if d.Memory != nil {
		granted, release, err := d.Memory(ctx)
		if err != nil {
			return 0, err
		}
		defer release()
		mem = granted
	}
	r, err := tx.Reader()
	if err != nil {
		return 0, err
	}
	o := table.BuildOptions{Reader: r, Memory: mem, Location: d.Conv.Loc, Progress: d.Context}
	b := table.Build{To: table.NewCodec(a.t), Ingest: tx.Ingest}
	rows, err := c.buildIndexes(ctx, d, a, o, b)
	return rows, errors.Join(err, r.Close())
}

// buildIndexes builds the new table, its rows first, or the new indexes of the old one.
func (c *Catalog) buildIndexes(ctx context.Context, d DDL, a *altered, o table.BuildOptions, b table.Build) (
	rows int64, err error,
) {
	if !a.copies {
		b.From = b.To
		for _, b.Index = range a.added {
			if _, err := table.BuildIndex(ctx, o, b); err != nil {
				return 0, err
			}
		}
		return 0, nil
	}
	b.From, b.Index, b.Convert = table.NewCodec(a.old), a.t.Primary, func() table.Convert { return a.converter(d.Conv) }
	if rows, err = table.BuildIndex(ctx, o, b); err != nil {
		return 0, err
	}
	d.Conv.Warn = nil // the rows are read again, and have been complained about
	for _, b.Index = range a.t.Indexes {
		if _, err := table.BuildIndex(ctx, o, b); err != nil {
			return 0, err
		}
	}
	return rows, nil
}

// finishAlter deletes what is gone and carries the counters over.
func (c *Catalog) finishAlter(ctx context.Context, tx kv.Txn, a *altered) error {
	next, err := c.nextAfter(ctx, a)
	if err != nil {
		return err
	}
	if a.copies {
		if err := dropData(tx, a.old); err != nil {
			return err
		}
		if !a.t.HasPrimaryKey() {
			if err := setCounter(tx, a.t, len(a.t.Columns)-1, a.rowIDs+1); err != nil {
				return err
			}
		}
	} else {
		for _, x := range a.dropped {
			if err := tx.DeleteSpan(table.IndexSpan(a.old, x)); err != nil {
				return err
			}
		}
	}
	column := a.t.AutoIncrement()
	if column < 0 || next == 0 {
		return nil
	}
	if !a.copies {
		c.forgetCounter(counterID{a.t.ID, a.t.Columns[column].ID})
	}
	return setCounter(tx, a.t, column, next)
}

// nextAfter is the AUTO_INCREMENT value to store; 0: it stays as it is.
func (c *Catalog) nextAfter(ctx context.Context, a *altered) (uint64, error) {
	column := a.t.AutoIncrement()
	if column < 0 || !a.copies && a.next == 0 {
		return 0, nil
	}
	next := max(a.next, a.maxAuto+1)
	if o := a.old.AutoIncrement(); o >= 0 && a.old.Columns[o].ID == a.t.Columns[column].ID {
		k, err := c.Counter(ctx, a.old, o)
		if err != nil {
			return 0, err
		}
		next = max(next, k.Next())
	}
	return next, nil
}

// forgetCounter makes the next use read the counter anew. The table is locked: nobody uses it.
func (c *Catalog) forgetCounter(id counterID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.counters, id)
}

// apply changes the draft by one clause.
func (a *altered) apply(change Alteration) error {
	switch change := change.(type) {
	case AddColumn:
		return a.addColumn(change)
	case DropColumn:
		return a.dropColumn(change)
	case ModifyColumn:
		return a.modifyColumn(change)
	case RenameColumn:
		return a.renameColumn(change.Old, change.New)
	case SetDefault:
		return a.setDefault(change)
	case AddKey:
		return a.addKey(change.Key)
	case DropKey:
		return a.dropKey(change)
	case RenameKey:
		return a.renameKey(change)
	case RenameTable:
		a.renamed = a.renamed || change.To.DB != a.t.DB || change.To.Table != a.t.Name
		a.t.DB, a.t.Name = change.To.DB, change.To.Table
	case SetAutoIncrement:
		a.next = change.Next
	case SetComment:
		a.t.Comment = change.Comment
	case SetCollation:
		return a.setCollation(change)
	case Rebuild:
	default:
		return sqlerr.New(sqlerr.ErrNotSupportedYet, "ALTER TABLE")
	}
	return nil
}

// renameKey is RENAME INDEX. Errors 1176, 1061.
func (a *altered) renameKey(r RenameKey) error {
	k := a.key(r.Old)
	if k == nil || k.primary {
		return sqlerr.New(sqlerr.ErrKeyDoesNotExist, r.Old, a.t.Name)
	}
	if other := a.key(r.New); other != nil && other != k {
		return sqlerr.New(sqlerr.ErrDupKeyName, r.New)
	}
	k.name = r.New
	return nil
}

// setCollation is [CONVERT TO] CHARACTER SET.
func (a *altered) setCollation(s SetCollation) error {
	a.t.Collation = s.Collation
	if !s.Convert {
		return nil
	}
	for i := range a.t.Columns {
		c := &a.t.Columns[i]
		if (c.Type.IsString() && !c.Type.IsBinaryString() || c.Type.Members != nil) && c.Type.Collation != s.Collation {
			c.Type.Collation = s.Collation
			a.copies = true
		}
	}
	return nil
}

// setDefault is ALTER COLUMN ... SET DEFAULT and DROP DEFAULT. Error 1054.
func (a *altered) setDefault(s SetDefault) error {
	i := a.t.ColumnByName(s.Column)
	if i < 0 || a.t.Columns[i].Hidden {
		return sqlerr.New(sqlerr.ErrBadField, s.Column, a.t.Name)
	}
	c := &a.t.Columns[i]
	c.DefaultKind = s.DefaultKind
	c.SetDefaultText(s.DefaultText)
	return setDefault(a.d, c, s.Default)
}

// renameColumn is RENAME COLUMN. Errors 1054, 1060.
func (a *altered) renameColumn(from, to string) error {
	i := a.t.ColumnByName(from)
	if i < 0 || a.t.Columns[i].Hidden {
		return sqlerr.New(sqlerr.ErrBadField, from, a.t.Name)
	}
	if other := a.t.ColumnByName(to); other >= 0 && other != i {
		return sqlerr.New(sqlerr.ErrDupFieldName, to)
	}
	if err := checkName(to, sqlerr.ErrWrongColumnName); err != nil {
		return err
	}
	a.t.Columns[i].Name = to
	return nil
}
