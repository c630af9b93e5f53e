package dml

import (
	"context"
	"io"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
)

// Options are what the sinks need besides their nodes. Account, Txn, Catalog and Env are required.
type Options struct {
	Account *memory.Account // the operator's own
	Txn     kv.Txn
	Lock    kv.LockOptions // timeout of waits for rows
	Catalog *catalog.Catalog
	Env     *expr.Env
	// FoundRows: CLIENT_FOUND_ROWS, affected rows of UPDATE are those matched.
	FoundRows bool
	// Increment and Offset are auto_increment_increment and auto_increment_offset; 0: 1.
	Increment, Offset uint64
	// InsertID is SET INSERT_ID: the next generated value; 0: none.
	InsertID uint64
	// Default evaluates DEFAULT (expr) of a column; nil if no column has one.
	Default func(ctx context.Context, c *schema.Column) (types.Datum, error)
}

// LoadOptions are what a LOAD DATA source needs. All but SetUserVar and BatchRows are required.
type LoadOptions struct {
	Account    *memory.Account
	Node       *physical.Load
	File       io.Reader // not closed
	Env        *expr.Env
	SetUserVar func(name string, d types.Datum) error // copies d's bytes
	BatchRows  int
}
