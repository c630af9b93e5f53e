package expr

import (
	"context"
	"time"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// Env is what evaluation sees of the session and the statement. Shared by the workers of a statement; the callbacks may
// be called from any of them.
type Env struct {
	Ctx          context.Context
	SQLMode      types.SQLMode
	Strict       bool // in effect for this statement: strict mode and a data change
	Location     *time.Location
	Now          time.Time    // start of the statement (or SET timestamp)
	Collation    collation.ID // collation_connection
	Database     string
	User         string // user@host as given
	CurrentUser  string // the account
	ConnID       uint64
	Version      string
	LastInsertID uint64
	FoundRows    uint64
	RowCount     int64
	DivIncrement int   // div_precision_increment
	MaxPacket    int64 // max_allowed_packet: longest string result
	GroupConcat  int64 // group_concat_max_len
	Seed         uint64
	Warn         func(w sqlerr.Warning)
	quiet        bool // what is evaluated is not seen, nor are its warnings
	// Outer are the values of the outer query's row for which a correlated subquery runs; see NewParam.
	Outer []types.Datum
	// UserVar and SetUserVar read and set @name; Variable reads @@name.
	UserVar    func(name string) types.Datum
	SetUserVar func(name string, d types.Datum) error // copies d's bytes
	// SetLastInsertID is called by LAST_INSERT_ID(n); nil: nothing.
	SetLastInsertID func(n uint64)
	Variable        func(scope, name string) (types.Datum, error)
	// Borrow pays for n bytes of the Go heap until back is called, for values that are computed outside of a
	// statement's pages; nil: not paid for.
	Borrow func(n int64) (back func(), err error)
	// Sleep waits for SLEEP(), BENCHMARK() and GET_LOCK(); it parks the statement.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Aggregate is an aggregate function over its arguments.
type Aggregate struct {
	Name     string // lower case: count, sum, avg, min, max, ...
	Args     []Expr // none: COUNT(*)
	Distinct bool
	T        types.Type
	// OrderBy and Separator are GROUP_CONCAT's.
	OrderBy   []OrderKey
	Separator string
}

// OrderKey is a key of GROUP_CONCAT's ORDER BY.
type OrderKey struct {
	Expr Expr
	Desc bool
}
