// Package schema owns the immutable descriptors of databases, tables, columns and indexes. A descriptor is never
// changed once it is published by catalog: a change makes a new one with a higher Version. Descriptors may be shared
// freely.
package schema

import "github.com/spillwaydb/spillway/internal/types/collation"

// ID numbers databases and tables (one sequence) and, within a table, columns and indexes. IDs are never used again.
type ID uint32

// RowIDColumn is the name of the hidden key of tables without a primary key.
const RowIDColumn = "_spillway_rowid"

// Database is a schema in MySQL's sense.
type Database struct {
	ID        ID
	Name      string
	Collation collation.ID
}

// DefaultKind says what a column gets when a row does not give it.
type DefaultKind uint8

const (
	DefaultNone       DefaultKind = iota // no DEFAULT: NULL if nullable, else error 1364
	DefaultValue                         // Default holds the value
	DefaultNow                           // CURRENT_TIMESTAMP(fsp)
	DefaultAutoIncr                      // AUTO_INCREMENT
	DefaultExpression                    // DefaultText is an expression, DEFAULT (expr)
)

// IndexColumn is one part of a key.
type IndexColumn struct {
	Column int // ordinal in Table.Columns
	Prefix int // characters (bytes of binary types) of a prefix key; 0: all
	Desc   bool
}

// Index is a primary key or a secondary index.
type Index struct {
	ID      ID
	Name    string // PRIMARY for the primary key
	Unique  bool
	Primary bool
	Columns []IndexColumn
	Comment string
}

// Table describes a table. Rows are stored under the primary key (clustered) or, without one, a hidden row id.
type Table struct {
	ID        ID
	NextID    ID // the next column's or index's
	Version   uint32
	DB        string
	Name      string
	Columns   []Column
	Primary   *Index   // never nil: of the hidden row id if the table has no primary key
	Indexes   []*Index // secondary ones
	Collation collation.ID
	Comment   string
	Created   int64  // Unix seconds
	Virtual   bool   // rows come from a provider in catalog's registry, not from the store
	ViewText  string // not empty: a view
	// Since is the version of the catalog with which the table's data, or one of its indexes, came to be: a transaction
	// whose read view is older than that cannot read it (error 1412). Not stored: 0 after a restart.
	Since uint64
	// Bytes is what the descriptor takes of the heap; of a packed one (see Pack), else 0.
	Bytes int64
}

// ColumnByName returns the ordinal of the column, or -1. Names compare without case, as MySQL's do.
func (t *Table) ColumnByName(name string) int {
	for i := range t.Columns {
		if EqualName(t.Columns[i].Name, name) {
			return i
		}
	}
	return -1
}

// IndexByName returns the named index, the primary key included, or nil.
func (t *Table) IndexByName(name string) *Index {
	if t.Primary != nil && EqualName(t.Primary.Name, name) {
		return t.Primary
	}
	for _, x := range t.Indexes {
		if EqualName(x.Name, name) {
			return x
		}
	}
	return nil
}

// IndexByID returns a secondary index, or nil.
func (t *Table) IndexByID(id ID) *Index {
	for _, x := range t.Indexes {
		if x.ID == id {
			return x
		}
	}
	return nil
}

// HasPrimaryKey says if the user gave the table a primary key.
func (t *Table) HasPrimaryKey() bool {
	return !t.Columns[t.Primary.Columns[0].Column].Hidden
}

// AutoIncrement returns the ordinal of the AUTO_INCREMENT column, or -1.
func (t *Table) AutoIncrement() int {
	for i := range t.Columns {
		if t.Columns[i].DefaultKind == DefaultAutoIncr && !t.Columns[i].Hidden {
			return i
		}
	}
	return -1
}
