package catalog

import (
	"context"
	"errors"

	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

var errStub = errors.New("not implemented")

// CreateDatabase is CREATE DATABASE. Error 1007. coll 0: the server's.
func (c *Catalog) CreateDatabase(ctx context.Context, d DDL, name string, coll collation.ID, ifNotExists bool) error {
	return errStub
}

// AlterDatabase changes the default collation. Error 1049.
func (c *Catalog) AlterDatabase(ctx context.Context, d DDL, name string, coll collation.ID) error {
	return errStub
}

// DropDatabase is DROP DATABASE; it returns the number of tables dropped. Error 1008.
func (c *Catalog) DropDatabase(ctx context.Context, d DDL, name string, ifExists bool) (int, error) {
	return 0, errStub
}

// CreateTable is CREATE TABLE.
func (c *Catalog) CreateTable(ctx context.Context, d DDL, spec TableSpec) error { return errStub }

// CreateTableLike is CREATE TABLE ... LIKE.
func (c *Catalog) CreateTableLike(ctx context.Context, d DDL, name, like Name, ifNotExists bool) error {
	return errStub
}

// DropTables is DROP TABLE. Error 1051 names all that do not exist.
func (c *Catalog) DropTables(ctx context.Context, d DDL, names []Name, ifExists bool) error {
	return errStub
}

// Truncate is TRUNCATE TABLE.
func (c *Catalog) Truncate(ctx context.Context, d DDL, name Name) error { return errStub }

// RenameTables is RENAME TABLE: pairs are renamed from left to right, all or none.
func (c *Catalog) RenameTables(ctx context.Context, d DDL, pairs [][2]Name) error { return errStub }

// AlterTable is ALTER TABLE, CREATE INDEX and DROP INDEX; it returns the number of rows copied.
func (c *Catalog) AlterTable(ctx context.Context, d DDL, name Name, changes []Alteration) (int64, error) {
	return 0, errStub
}

// rowCount estimates a table's rows.
func (c *Catalog) rowCount(t *schema.Table) float64 { return 0 }

// AddRows tells the row count of what a statement inserted or, negative, deleted.
func (c *Catalog) AddRows(t *schema.Table, n int64) {}

// SetRows replaces the estimate, after ANALYZE.
func (c *Catalog) SetRows(t *schema.Table, n int64) {}

// Counter gives out the values of a table's AUTO_INCREMENT column, or of its hidden row id.
type Counter struct{}

// Counter returns the counter of a column that has one.
func (c *Catalog) Counter(ctx context.Context, t *schema.Table, column int) (*Counter, error) {
	return nil, errStub
}

// AutoIncrementNext is the next AUTO_INCREMENT value, for SHOW; 0: none.
func (c *Catalog) AutoIncrementNext(ctx context.Context, t *schema.Table) (uint64, error) {
	return 0, errStub
}

// Reserve takes n values, first, first+increment, ..., the first being congruent to offset.
func (k *Counter) Reserve(ctx context.Context, n int, increment, offset uint64) (first uint64, err error) {
	return 0, errStub
}

// Push makes later values greater than v, which was given explicitly.
func (k *Counter) Push(ctx context.Context, v uint64) error { return errStub }

// Pair is an entry of Meta.
type Pair struct {
	Key   string
	Value []byte // nil in Apply: delete
}

// MetaGet reads an entry that another package keeps.
func (c *Catalog) MetaGet(ctx context.Context, key string) ([]byte, bool, error) {
	return nil, false, errStub
}

// MetaApply writes and deletes entries, all or none, durably.
func (c *Catalog) MetaApply(ctx context.Context, changes ...Pair) error { return errStub }

// MetaList lists the entries whose keys begin with prefix, in order.
func (c *Catalog) MetaList(ctx context.Context, prefix string) ([]Pair, error) { return nil, errStub }
