package expr

import (
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// WindowFunction is a function over the rows of a window: one of the ranking and value functions of MySQL, or an
// aggregate over a frame.
type WindowFunction struct {
	Name string // lower case, an aggregate's canonical
	// Args are the arguments that are computed for each row: those of the aggregate, or the value, and behind it the
	// default of LAG and LEAD if there is one, which has the value's type.
	Args []Expr
	// N is the offset of LAG and LEAD, the row of NTH_VALUE (from 1), the number of groups of NTILE.
	N     int64
	Agg   *Aggregate // nil: not an aggregate
	T     types.Type
	Frame *Frame // nil: the function does not look at a frame
}

// Frame is the rows of a partition that a function sees from one of them. Both ends move forward only, from row to row.
type Frame struct {
	Rows       bool // ROWS; else RANGE, in which the current row stands for all rows that are equal in the order
	Start, End FrameBound
	// Key is the one key of the window's order as Limit compares with it; nil if no bound has a Limit.
	Key  Expr
	Desc bool // of Key
	// Explicit: it was written in the statement.
	Explicit bool
}

// BoundKind is where an end of a frame is.
type BoundKind uint8

// The kinds, from the start of a partition to its end.
const (
	UnboundedPreceding BoundKind = iota
	Preceding
	CurrentRow
	Following
	UnboundedFollowing
)

// FrameBound is an end of a frame.
type FrameBound struct {
	Kind BoundKind
	Rows int64 // of ROWS n PRECEDING, FOLLOWING
	// Limit, of RANGE n PRECEDING or FOLLOWING, is the value of the frame's Key up to which rows are in; NULL is beyond
	// all of them. It is of the same type as Key.
	Limit Expr
	Text  string // n, or INTERVAL n unit, for EXPLAIN
}

// windowFunctions are those that are not aggregates; true: they look at a frame.
var windowFunctions = map[string]bool{
	"row_number": false, "rank": false, "dense_rank": false, "percent_rank": false, "cume_dist": false, "ntile": false,
	"lag": false, "lead": false, "first_value": true, "last_value": true, "nth_value": true,
}

// NewWindowFunction types the window function of that name, without its frame. n is N; see there. Errors: 1235 for
// aggregates that cannot have a window.
func NewWindowFunction(name string, args []Expr, n int64, env *Env) (*WindowFunction, error) {
	f := &WindowFunction{Name: name, Args: args, N: n}
	if _, ok := windowFunctions[name]; !ok {
		return windowAggregate(f, env)
	}
	switch name {
	case "row_number", "rank", "dense_rank":
		f.T = types.NewUBigInt().WithNullable(false)
	case "ntile":
		f.T = types.NewUBigInt()
	case "percent_rank", "cume_dist":
		f.T = types.NewDouble().WithNullable(false)
	default:
		t := args[0].Type()
		if len(args) > 1 {
			var err error
			if t, err = CommonType(args, env); err != nil {
				return nil, err
			}
		}
		f.Args = make([]Expr, len(args))
		for i, a := range args {
			f.Args[i] = NewCast(a, t)
		}
		f.T = t.WithNullable(true)
	}
	return f, nil
}

func windowAggregate(f *WindowFunction, env *Env) (*WindowFunction, error) {
	a, err := NewAggregateType(f.Name, f.Args, false, env)
	if err != nil {
		return nil, err
	}
	f.Name, f.Args, f.Agg, f.T = a.Name, a.Args, a, a.T
	if _, ok := NewAccumulator(a); !ok && !f.ExtremeOfStrings() {
		return nil, sqlerr.New(sqlerr.ErrNotSupportedYet, a.Name+" as window function")
	}
	return f, nil
}

// ExtremeOfStrings says if f is MIN or MAX of strings, whose result is the value of some row of the frame.
func (f *WindowFunction) ExtremeOfStrings() bool {
	return (f.Name == "min" || f.Name == "max") && f.Args[0].Type().Phys() == types.PhysString
}

// Framed says if the function looks at a frame.
func (f *WindowFunction) Framed() bool { return f.Agg != nil || windowFunctions[f.Name] }

// Exprs calls visit on pointers to the expressions that are computed for each row.
func (f *WindowFunction) Exprs(visit func(e *Expr) error) error {
	for i := range f.Args {
		if err := visit(&f.Args[i]); err != nil {
			return err
		}
	}
	if f.Frame == nil {
		return nil
	}
	for _, e := range []*Expr{&f.Frame.Key, &f.Frame.Start.Limit, &f.Frame.End.Limit} {
		if *e == nil {
			continue
		}
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// Clone returns a copy whose expressions can be replaced.
func (f *WindowFunction) Clone() *WindowFunction {
	out := *f
	out.Args = append([]Expr(nil), f.Args...)
	if f.Frame != nil {
		frame := *f.Frame
		out.Frame = &frame
	}
	if f.Agg != nil {
		a := *f.Agg
		a.Args = out.Args
		out.Agg = &a
	}
	return &out
}

// Equal says if two functions of the same window give the same.
func (f *WindowFunction) Equal(o *WindowFunction) bool {
	if f.Name != o.Name || f.N != o.N || len(f.Args) != len(o.Args) || !f.Frame.Equal(o.Frame) {
		return false
	}
	for i := range f.Args {
		if !Equal(f.Args[i], o.Args[i]) {
			return false
		}
	}
	return true
}

// Equal says if two frames of the same window are the same.
func (f *Frame) Equal(o *Frame) bool {
	if f == nil || o == nil {
		return f == o
	}
	return f.Rows == o.Rows && f.Start.equal(&o.Start) && f.End.equal(&o.End)
}

func (b *FrameBound) equal(o *FrameBound) bool {
	if (b.Limit == nil) != (o.Limit == nil) || b.Limit != nil && !Equal(b.Limit, o.Limit) {
		return false
	}
	return b.Kind == o.Kind && b.Rows == o.Rows
}

// String is EXPLAIN's form: row_number(), lag(test.t.a, 2).
func (f *WindowFunction) String() string {
	if f.Agg != nil {
		return f.Agg.String()
	}
	text := f.Name + "("
	for i, a := range f.Args {
		if i > 0 {
			text += ", "
		}
		text += a.String()
		if i == 0 && (f.Name == "lag" || f.Name == "lead" || f.Name == "nth_value") {
			text += ", " + NewInt(f.N).String()
		}
	}
	if f.Name == "ntile" {
		text += NewInt(f.N).String()
	}
	return text + ")"
}

// String is EXPLAIN's form: rows between 1 preceding and current row.
func (f *Frame) String() string {
	unit := "range"
	if f.Rows {
		unit = "rows"
	}
	return unit + " between " + f.Start.String() + " and " + f.End.String()
}

// String is EXPLAIN's form.
func (b *FrameBound) String() string {
	switch b.Kind {
	case UnboundedPreceding:
		return "unbounded preceding"
	case Preceding:
		return b.Text + " preceding"
	case Following:
		return b.Text + " following"
	case UnboundedFollowing:
		return "unbounded following"
	}
	return "current row"
}
