package catalog

import (
	"context"
	"time"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/table"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// Name is a table's name with its database.
type Name struct{ DB, Table string }

// DDL is how a definition statement runs. Owner is required.
type DDL struct {
	Owner   *Owner
	Timeout time.Duration          // lock_wait_timeout
	Txn     kv.TxnOptions          // for the statement's own transaction; no Account: the catalog's
	Warn    func(sqlerr.Warning)   // notes of IF EXISTS; may be nil
	Conv    types.ConvContext      // for defaults, and for values of columns whose type changes
	Context func(rows int64) error // called now and then by long steps; may be nil
	// Memory has the memory of a build granted, and the function that gives it back; nil: it is that of Txn.Account.
	Memory func(ctx context.Context) (table.BuildMemory, func(), error)
	// Explain gets what AlterTable would build, and nothing is changed; nil: it is done.
	Explain func(AlterPlan) error
}

// AlterPlan is what altering a table reads and builds.
type AlterPlan struct {
	Old, New *schema.Table
	Copies   bool            // all rows are written anew
	Built    []*schema.Index // of New, in this order; the primary key's are the rows
}

// ColumnSpec is a column as CREATE TABLE or ALTER TABLE has it.
type ColumnSpec struct {
	Name        string
	Type        types.Type // Nullable as declared
	DefaultKind schema.DefaultKind
	Default     types.Datum // of any type: converted to the column's (1067)
	DefaultText string      // of DefaultExpression
	OnUpdateNow bool
	Comment     string
	// PrimaryKey and Unique are the column's own attributes.
	PrimaryKey, Unique bool
}

// KeyKind is the kind of a key.
type KeyKind uint8

const (
	KeyIndex KeyKind = iota
	KeyUnique
	KeyPrimary
)

// KeyPart is a column of a key.
type KeyPart struct {
	Column string
	Prefix int // 0: all
	Desc   bool
}

// KeySpec is a key as CREATE TABLE, CREATE INDEX or ALTER TABLE has it.
type KeySpec struct {
	Name        string // empty: after the first column
	Kind        KeyKind
	Parts       []KeyPart
	Comment     string
	IfNotExists bool
}

// TableSpec is a CREATE TABLE.
type TableSpec struct {
	DB, Name      string
	IfNotExists   bool
	Columns       []ColumnSpec
	Keys          []KeySpec
	Collation     collation.ID // 0: the database's
	Comment       string
	AutoIncrement uint64 // first value; 0: 1
}

// Alteration is one clause of an ALTER TABLE: one of the types below.
type Alteration interface{ alteration() }

// Position is where a column goes: last, first, or after another one.
type Position struct {
	First bool
	After string
}

// The clauses.
type (
	AddColumn struct {
		Column   ColumnSpec
		Position Position
	}
	DropColumn struct {
		Name     string
		IfExists bool
	}
	// ModifyColumn is MODIFY, or CHANGE with another name.
	ModifyColumn struct {
		OldName  string
		Column   ColumnSpec
		Moved    bool // Position was given
		Position Position
	}
	RenameColumn struct{ Old, New string }
	// SetDefault is ALTER COLUMN c SET DEFAULT, or DROP DEFAULT with DefaultNone.
	SetDefault struct {
		Column      string
		DefaultKind schema.DefaultKind
		Default     types.Datum
		DefaultText string
	}
	AddKey  struct{ Key KeySpec }
	DropKey struct {
		Name     string // PRIMARY: the primary key
		IfExists bool
	}
	RenameKey        struct{ Old, New string }
	RenameTable      struct{ To Name }
	SetAutoIncrement struct{ Next uint64 }
	SetComment       struct{ Comment string }
	// SetCollation changes the default for new columns, and with Convert the columns of text.
	SetCollation struct {
		Collation collation.ID
		Convert   bool
	}
	// Rebuild is FORCE, or ENGINE=InnoDB: nothing is changed.
	Rebuild struct{}
)

func (AddColumn) alteration()        {}
func (DropColumn) alteration()       {}
func (ModifyColumn) alteration()     {}
func (RenameColumn) alteration()     {}
func (SetDefault) alteration()       {}
func (AddKey) alteration()           {}
func (DropKey) alteration()          {}
func (RenameKey) alteration()        {}
func (RenameTable) alteration()      {}
func (SetAutoIncrement) alteration() {}
func (SetComment) alteration()       {}
func (SetCollation) alteration()     {}
func (Rebuild) alteration()          {}
