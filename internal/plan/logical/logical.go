package logical

import (
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
)

// Column is a column of a node's output; see physical.Column for the fields about its origin.
type Column struct {
	ID       int
	Name     string
	Type     types.Type
	DB       string
	Table    string
	OrgTable string
	OrgName  string
	Flags    uint16
}

// Ref is an expression that reads the column.
func (c *Column) Ref() *expr.Column {
	name := c.Name
	if c.OrgName != "" && c.Table != "" {
		name = c.Table + "." + c.OrgName
		if c.DB != "" {
			name = c.DB + "." + name
		}
	}
	return &expr.Column{Index: c.ID, T: c.Type, Name: name}
}

// Node is a node of a logical plan.
type Node interface {
	// Columns are the output columns, not to be changed.
	Columns() []Column
	// Inputs returns pointers to the children, so that rules can replace them.
	Inputs() []*Node
}

// ValuesSource gives literal rows in chunks; it is physical.ValuesSource.
type ValuesSource interface {
	Next(dst [][]expr.Expr, max int) ([][]expr.Expr, error)
	Rewind() error
	RowCount() int
}

// LockMode is how a scan locks its rows, in the order of physical.LockMode.
type LockMode uint8

// The modes.
const (
	LockNone LockMode = iota
	LockShare
	LockUpdate
)

// LockWait is what happens at locked rows, in the order of physical.LockWait.
type LockWait uint8

// The ways.
const (
	WaitTimeout LockWait = iota
	NoWait
	SkipLocked
)

// Scan reads a table. Cols has one column for each of the table's, or for those of Ordinals once columns were pruned.
type Scan struct {
	Table    *schema.Table
	Alias    string
	Cols     []Column
	Ordinals []int // the table's columns that Cols are, in order
	Filter   []expr.Expr
	Lock     LockMode
	Wait     LockWait
	// Key is the column of the primary key's bytes, for UPDATE and DELETE; ID 0: none.
	Key Column
	// Use, if not nil, are the only indexes allowed (USE, FORCE INDEX); Ignore are those not allowed.
	Use, Ignore []*schema.Index
	UseSet      bool
}

// Values gives literal rows.
type Values struct {
	Cols   []Column
	Source ValuesSource
}

// Selection keeps rows for which all conditions are true.
type Selection struct {
	Input Node
	Conds []expr.Expr
}

// Projection computes Exprs. An expression that is a column may keep its ID.
type Projection struct {
	Input Node
	Exprs []expr.Expr
	Cols  []Column
}

// JoinType is the kind of a join, in the order of physical.JoinType.
type JoinType uint8

// The kinds.
const (
	InnerJoin JoinType = iota
	LeftJoin
	SemiJoin
	AntiJoin
	LeftOuterSemi
)

// Join joins two inputs.
type Join struct {
	Type        JoinType
	Left, Right Node
	Conds       []expr.Expr
	Mark        Column // of LeftOuterSemi
	// Params, if there are any, are what Right depends on: it is computed for each row of Left. An inner or left join
	// then, which is Straight, and without conditions if it is a left one. Volatile: Right differs each time.
	Params   []Param
	Volatile bool
	Est      float64 // rows, as estimated before it became this; 0: not known
	// Straight forbids to exchange the inputs (STRAIGHT_JOIN).
	Straight bool
}

// Param is a value that the right side of a join gets from the left row, by expr.NewParam of that slot.
type Param struct {
	Slot int
	Expr expr.Expr // over Left, or a query further out
}

// Agg groups. The group columns that are plain columns keep their IDs.
type Agg struct {
	Input     Node
	GroupBy   []expr.Expr
	GroupCols []Column
	Aggs      []*expr.Aggregate
	AggCols   []Column
	Stream    bool // asked for by a hint
	Hash      bool // asked for by a hint
	// RowID, if not 0, is a group column that tells all groups apart. The others need not be kept if nobody reads them.
	RowID int
}

// SortKey is one key of an order.
type SortKey struct {
	Expr expr.Expr
	Desc bool
}

// Sort orders; with HasLimit it gives rows Offset .. Offset+Count.
type Sort struct {
	Input    Node
	Keys     []SortKey
	HasLimit bool
	Offset   uint64
	Count    uint64
}

// Limit skips Offset rows and gives the next Count ones.
type Limit struct {
	Input         Node
	Offset, Count uint64
}

// Union gives the rows of all inputs, whose columns correspond by position.
type Union struct {
	Parts []Node
	Cols  []Column
}

// MaxOneRow fails with error 1242 if its input has more than one row, and gives a row of NULLs if it has none.
type MaxOneRow struct {
	Input Node
	Cols  []Column // the input's, nullable
}

// Columns implements Node.
func (n *Scan) Columns() []Column {
	if n.Key.ID != 0 {
		return append(n.Cols[:len(n.Cols):len(n.Cols)], n.Key)
	}
	return n.Cols
}

// Columns implements Node.
func (n *Values) Columns() []Column { return n.Cols }

// Columns implements Node.
func (n *Selection) Columns() []Column { return n.Input.Columns() }

// Columns implements Node.
func (n *Projection) Columns() []Column { return n.Cols }

// Columns implements Node.
func (n *Join) Columns() []Column {
	left := n.Left.Columns()
	switch n.Type {
	case SemiJoin, AntiJoin:
		return left
	case LeftOuterSemi:
		return append(left[:len(left):len(left)], n.Mark)
	}
	out := append(left[:len(left):len(left)], n.Right.Columns()...)
	if n.Type == LeftJoin {
		for i := len(left); i < len(out); i++ {
			out[i].Type.Nullable = true
		}
	}
	return out
}

// Columns implements Node.
func (n *Agg) Columns() []Column {
	return append(n.GroupCols[:len(n.GroupCols):len(n.GroupCols)], n.AggCols...)
}

// Columns implements Node.
func (n *Sort) Columns() []Column { return n.Input.Columns() }

// Columns implements Node.
func (n *Limit) Columns() []Column { return n.Input.Columns() }

// Columns implements Node.
func (n *Union) Columns() []Column { return n.Cols }

// Columns implements Node.
func (n *MaxOneRow) Columns() []Column { return n.Cols }

// Inputs implements Node.
func (n *Scan) Inputs() []*Node { return nil }

// Inputs implements Node.
func (n *Values) Inputs() []*Node { return nil }

// Inputs implements Node.
func (n *Selection) Inputs() []*Node { return []*Node{&n.Input} }

// Inputs implements Node.
func (n *Projection) Inputs() []*Node { return []*Node{&n.Input} }

// Inputs implements Node.
func (n *Join) Inputs() []*Node { return []*Node{&n.Left, &n.Right} }

// Inputs implements Node.
func (n *Agg) Inputs() []*Node { return []*Node{&n.Input} }

// Inputs implements Node.
func (n *Sort) Inputs() []*Node { return []*Node{&n.Input} }

// Inputs implements Node.
func (n *Limit) Inputs() []*Node { return []*Node{&n.Input} }

// Inputs implements Node.
func (n *MaxOneRow) Inputs() []*Node { return []*Node{&n.Input} }

// Inputs implements Node.
func (n *Union) Inputs() []*Node {
	out := make([]*Node, len(n.Parts))
	for i := range n.Parts {
		out[i] = &n.Parts[i]
	}
	return out
}

var (
	_ Node = (*Scan)(nil)
	_ Node = (*Values)(nil)
	_ Node = (*Selection)(nil)
	_ Node = (*Projection)(nil)
	_ Node = (*Join)(nil)
	_ Node = (*Agg)(nil)
	_ Node = (*Sort)(nil)
	_ Node = (*Limit)(nil)
	_ Node = (*Union)(nil)
	_ Node = (*MaxOneRow)(nil)
)
