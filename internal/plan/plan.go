package plan

import "github.com/spillwaydb/spillway/internal/plan/bind"

// Catalog is the planner's view of the schema.
type Catalog = bind.Catalog

// Context is what a plan is made from besides the statement.
type Context = bind.Context
