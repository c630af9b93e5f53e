package plan

import (
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/plan/bind"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// Catalog is the planner's view of the schema.
type Catalog = bind.Catalog

// Context is what a plan is made from besides the statement.
type Context = bind.Context

// Build makes the plan of a statement: SELECT and set operations, VALUES, TABLE, INSERT, REPLACE, UPDATE, DELETE, LOAD
// DATA; of EXPLAIN it is the plan of what is explained. Error 1235 for what is not supported.
func Build(ctx *Context, s *parse.Statement) (*physical.Plan, error) {
	return nil, sqlerr.New(sqlerr.ErrNotSupportedYet, "this statement")
}

// NodeStats annotate a node of an executed plan.
type NodeStats struct {
	ActRows     int64
	Info        string // execution info: time, loops, spilled bytes
	MemoryBytes int64  // peak; -1: N/A
	DiskBytes   int64  // -1: N/A
}

// Annotations are what EXPLAIN shows besides the plan.
type Annotations struct {
	Analyze bool // EXPLAIN ANALYZE: nine columns
	Nodes   map[int]NodeStats
	// MinimumBytes is what the statement needs to run at all; 0: not shown.
	MinimumBytes int64
}

// ExplainColumns are the names of the columns of Explain.
func ExplainColumns(analyze bool) []string {
	if analyze {
		return []string{"id", "estRows", "actRows", "task", "access object", "execution info", "operator info", "memory",
			"disk"}
	}
	return []string{"id", "estRows", "task", "access object", "operator info"}
}

// Explain prints a plan in TiDB's table form, one row a node.
func Explain(p *physical.Plan, ann Annotations) [][]string { return nil }
