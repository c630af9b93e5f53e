package bind

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// Catalog is a snapshot of the schema. Errors: 1049 unknown database, 1146 unknown table.
type Catalog interface {
	Database(name string) (*schema.Database, error)
	Table(db, name string) (*schema.Table, error)
	// RowCount is an estimate.
	RowCount(t *schema.Table) float64
}

// Context is what a plan is made from besides the statement.
type Context struct {
	Catalog  Catalog
	Env      *expr.Env // of this execution; user and system variables are read through it
	Database string    // the current one, "" if none: error 1046
	Mode     types.SQLMode
	// Params are the values of a prepared statement's parameters; nil while it is prepared.
	Params []types.Datum
	// ParamTypes are the types that the client bound last, for preparing; nil: strings.
	ParamTypes []types.Type
	// SelectLimit is sql_select_limit; 0: none.
	SelectLimit uint64
	// Warn takes what the planner has to say: hints that do not apply. May be nil.
	Warn func(sqlerr.Warning)
	// Reserve pays for what a long statement makes of its literals; may be nil.
	Reserve func(n int64) error
	// Page gives memory, without Go pointers, that lives as long as the plan; nil: the Go heap's.
	Page func(n int) ([]byte, error)
	// RowPage is as Page, for the rows of a long INSERT, until FreeRowPages. Nil: Page is used.
	RowPage      func(n int) ([]byte, error)
	FreeRowPages func()
}
