package physical

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
)

// Column is a column of a node's output. The origin fields are for the protocol's column definitions; empty if
// computed.
type Column struct {
	Name     string // alias
	Type     types.Type
	DB       string // original schema
	Table    string // alias of the table
	OrgTable string
	OrgName  string
	Flags    uint16 // MySQL column flags that the type does not give: PRI_KEY, UNIQUE_KEY, MULTIPLE_KEY, AUTO_INCREMENT
}

// Node is a node of a physical plan.
type Node interface {
	Common() *Base
	Children() []Node
	// Describe gives EXPLAIN's name without the id (TiDB's: TableFullScan, HashAgg, ...), the access object and the
	// operator info.
	Describe() (name, accessObject, info string)
}

// Base is what all nodes have.
type Base struct {
	ID      int // unique in the plan, from 1
	Columns []Column
	EstRows float64
}

// Common returns b itself, for the nodes that embed it.
func (b *Base) Common() *Base { return b }

// Types are the types of the columns.
func (b *Base) Types() []types.Type {
	out := make([]types.Type, len(b.Columns))
	for i := range b.Columns {
		out[i] = b.Columns[i].Type
	}
	return out
}

// Bound is one end of a range over a key's leading columns: values, converted to the columns' types. No values: the end
// of the key space.
type Bound struct {
	Values    []types.Datum
	Inclusive bool
}

// Range is an interval of a key; both ends may have different lengths. A bound that is a prefix of a key means all keys
// with that prefix (inclusive) or none of them (exclusive).
type Range struct{ Low, High Bound }

// Scan reads a table through its primary key or a secondary index, wanted columns only, in key order if KeepOrder.
type Scan struct {
	Base
	Table     *schema.Table
	Alias     string
	Index     *schema.Index // Table.Primary: the rows themselves
	Ranges    []Range       // ascending, disjoint; empty: all, or Points
	Points    *Points       // instead of Ranges; nil: none
	Ordinals  []int         // the table's columns that are read, in output order
	Filter    []expr.Expr   // over the output columns; applied while scanning
	Reverse   bool
	KeepOrder bool // one worker; batches come in key order
	Keyed     bool // read by the keys of an index join above; no Ranges, no Points
	// Lock: SELECT ... FOR UPDATE / SHARE, UPDATE, DELETE: rows are locked and read at their latest version.
	Lock LockMode
	Wait LockWait
	// Bind gives the scan for a row of an outer query, if the conditions depend on one, with its ranges or points; nil:
	// these are known.
	Bind func(env *expr.Env) (bound *Scan, empty bool)
	// WithKey appends the row's primary key as one binary string column, for UPDATE and DELETE.
	WithKey bool
	// Filters are of the joins above, known when it runs.
	Filters []ScanFilter
}

// LockMode is how a scan locks its rows.
type LockMode uint8

const (
	LockNone LockMode = iota
	LockShare
	LockUpdate
)

// LockWait is what a locking scan does about a row that another transaction has locked.
type LockWait uint8

const (
	WaitTimeout LockWait = iota // wait for innodb_lock_wait_timeout
	NoWait                      // fail at once
	SkipLocked                  // leave the row out
)

// VirtualScan reads a virtual table: information_schema and the like, or what a SHOW statement lists.
type VirtualScan struct {
	Base
	Table    *schema.Table
	Alias    string
	Ordinals []int
	// Equals are conditions column = constant that the provider may use to do less: lists of allowed values by ordinal.
	Equals map[int][]string
	Filter []expr.Expr
}

// ValuesSource gives literal rows in chunks, so that long VALUES lists are never a tree as a whole.
type ValuesSource interface {
	// Next appends up to max rows to dst; none at the end. Each row has the node's columns as expressions without
	// column references.
	Next(dst [][]expr.Expr, max int) ([][]expr.Expr, error)
	Rewind() error
	RowCount() int
}

// Values gives literal rows; with no columns and one row it is the dual table.
type Values struct {
	Base
	Source ValuesSource
}

// Selection keeps the rows for which all conditions are true.
type Selection struct {
	Base
	Input Node
	Conds []expr.Expr
}

// Projection computes its columns.
type Projection struct {
	Base
	Input Node
	Exprs []expr.Expr
}

// Limit skips Offset rows and gives the next Count ones.
type Limit struct {
	Base
	Input         Node
	Offset, Count uint64
}

// SortKey is one key of an order.
type SortKey struct {
	Expr expr.Expr
	Desc bool
}

// Sort orders its input; with Limit > 0 it is a top-N that gives rows Offset .. Offset+Limit.
type Sort struct {
	Base
	Input         Node
	Keys          []SortKey
	Offset, Limit uint64
}

// Agg groups its input by GroupBy and computes Aggs; output: the group columns, then the aggregates. No GroupBy: one
// row.
type Agg struct {
	Base
	Input   Node
	GroupBy []expr.Expr
	Aggs    []*expr.Aggregate
	// Stream: the input is ordered by GroupBy (a Sort below it, or an index). Else hash aggregation, whose aggregates
	// have states of fixed size.
	Stream bool
	// States: behind the group columns are the states of the aggregates, BIGINT columns of 8 bytes each (Rollup).
	States bool
}

// JoinType is the kind of a join.
type JoinType uint8

const (
	InnerJoin     JoinType = iota
	LeftJoin               // rows of the left side without match, NULLs on the right
	SemiJoin               // left rows with a match, once; left columns only
	AntiJoin               // left rows without a match; left columns only
	LeftOuterSemi          // left rows and a column that says if there is a match (IN as a value: NULL if unknown)
)

// NestedLoop joins by block nested loop: the right side is materialized, the left side streams over it.
type NestedLoop struct {
	Base
	Type        JoinType
	Left, Right Node
	Conds       []expr.Expr // over left columns, then right columns
}

// Union gives the rows of all inputs.
type Union struct {
	Base
	Inputs []Node
}

// DuplicateMode says what a duplicate key does.
type DuplicateMode uint8

const (
	DuplicateError DuplicateMode = iota
	DuplicateReplace
	DuplicateIgnore
	DuplicateUpdate // OnDuplicate assigns
)

// Assignment sets a column of the target to an expression.
type Assignment struct {
	Column int // ordinal in the table
	Expr   expr.Expr
}

// Insert writes its input's rows: INSERT, REPLACE, LOAD DATA. The input has one column for each of Ordinals, not yet
// converted to the columns' types.
type Insert struct {
	Base
	Table      *schema.Table
	Input      Node
	Ordinals   []int // target columns, in the input's order; others get their defaults
	Duplicates DuplicateMode
	// OnDuplicate: over the columns of the existing row, then those of the new row (VALUES(c)).
	OnDuplicate []Assignment
	Ignore      bool // errors of values become warnings
	Load        bool // LOAD DATA: warnings count rows
}

// Update writes new values into the rows of its input, a Scan with WithKey and all columns of the table (then, the
// key).
type Update struct {
	Base
	Table  *schema.Table
	Input  Node
	Assign []Assignment // over the input's columns
	Ignore bool
}

// Delete removes the rows of its input, which is as Update's.
type Delete struct {
	Base
	Table *schema.Table
	Input Node
}

// Load parses rows of a LOAD DATA file into columns (strings or NULL); the file comes at run time.
type Load struct {
	Base
	FileName  string
	Local     bool
	Charset   string
	Fields    LoadFormat
	SkipLines uint64
	Variables []string // user variables set by each row, "" where a column is; as long as the file's fields
}

// LoadFormat is LOAD DATA's FIELDS and LINES.
type LoadFormat struct {
	Terminated, Enclosed, Escaped  string
	OptionallyEnclosed             bool
	LinesStarting, LinesTerminated string
}

// Hints are what a statement's optimizer hints ask of its execution.
type Hints struct {
	MemoryQuotaBytes int64 // MEMORY_QUOTA; 0: none
	MaxExecutionMS   uint64
}

// Plan is a statement's plan.
type Plan struct {
	Root    Node
	CTEs    []*CTE   // each behind those that it reads
	Columns []Column // of the result; nil if the statement gives no rows
	Hints   Hints
	Params  int
	// Tables that are read or written, for metadata locks and privileges.
	Tables []*schema.Table
	Write  bool
}

// Node finds a node by its ID; nil: there is none.
func (p *Plan) Node(id int) Node {
	for _, n := range p.Roots() {
		if found := find(n, id); found != nil {
			return found
		}
	}
	return nil
}

func find(n Node, id int) Node {
	if n.Common().ID == id {
		return n
	}
	for _, c := range n.Children() {
		if found := find(c, id); found != nil {
			return found
		}
	}
	return nil
}

func (n *Scan) Children() []Node        { return nil }
func (n *VirtualScan) Children() []Node { return nil }
func (n *Values) Children() []Node      { return nil }
func (n *Load) Children() []Node        { return nil }
func (n *Selection) Children() []Node   { return []Node{n.Input} }
func (n *Projection) Children() []Node  { return []Node{n.Input} }
func (n *Limit) Children() []Node       { return []Node{n.Input} }
func (n *Sort) Children() []Node        { return []Node{n.Input} }
func (n *Agg) Children() []Node         { return []Node{n.Input} }
func (n *NestedLoop) Children() []Node  { return []Node{n.Left, n.Right} }
func (n *Union) Children() []Node       { return n.Inputs }
func (n *Insert) Children() []Node      { return []Node{n.Input} }
func (n *Update) Children() []Node      { return []Node{n.Input} }
func (n *Delete) Children() []Node      { return []Node{n.Input} }
