package expr

import (
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// Expr is a typed expression tree. Trees are immutable once built and may be shared by workers and statements.
type Expr interface {
	Type() types.Type
	Args() []Expr
	// String is EXPLAIN's form.
	String() string
}

// Column reads a column of the input batch.
type Column struct {
	Index int
	T     types.Type
	Name  string // for EXPLAIN and error texts: db.table.column as far as known
}

// Const is a literal, or the value of a prepared statement's parameter at this execution.
type Const struct {
	D types.Datum // Type set; Kind null is NULL
	// coerc is how strongly a computed string insists on its collation; a literal is CoerceCoercible.
	coerc    collation.Coercibility
	computed bool
	hex      bool // x'41' or b'1': a number where numbers are wanted
}

// Call applies a function. Built only by NewCall and NewCast, which choose the implementation by the arguments' types.
type Call struct {
	fn   *function
	args []Expr
	t    types.Type
	// coerc is how strongly a string result insists on its collation.
	coerc collation.Coercibility
	// text overrides EXPLAIN's form; empty: name(args).
	text string
	once *onceValue // of onceFunction
}

// Default stands in a Values row for the word DEFAULT; only Insert's evaluation of its input knows it.
type Default struct{ T types.Type }

var (
	_ Expr = (*Column)(nil)
	_ Expr = (*Const)(nil)
	_ Expr = (*Call)(nil)
	_ Expr = (*Default)(nil)
)

// Type implements Expr.
func (c *Column) Type() types.Type { return c.T }

// Args implements Expr: none.
func (c *Column) Args() []Expr { return nil }

// Type implements Expr.
func (c *Const) Type() types.Type { return c.D.Type }

// Args implements Expr: none.
func (c *Const) Args() []Expr { return nil }

// Type implements Expr.
func (c *Call) Type() types.Type { return c.t }

// Args implements Expr; not to be changed.
func (c *Call) Args() []Expr { return c.args }

// Name is the function's name in lower case, as NewCall takes it; "cast" for all casts.
func (c *Call) Name() string { return c.fn.name }

// Type implements Expr.
func (d *Default) Type() types.Type { return d.T }

// Args implements Expr: none.
func (d *Default) Args() []Expr { return nil }

// NewConst returns a literal.
func NewConst(d types.Datum) *Const { return &Const{D: d} }

// NewHex returns a hexadecimal or bit literal: a binary string, but a number where numbers are wanted.
func NewHex(b []byte) *Const {
	return &Const{D: types.NewStringDatum(types.NewVarBinary(len(b)).WithNullable(false), b), hex: true}
}

// Numeric makes the number of a hexadecimal or bit literal, of its last eight bytes; other expressions stay.
func Numeric(e Expr) Expr {
	c, ok := e.(*Const)
	if !ok || !c.hex {
		return e
	}
	var v uint64
	for _, b := range c.D.S[max(0, len(c.D.S)-8):] {
		v = v<<8 | uint64(b)
	}
	return NewConst(types.NewUintDatum(types.NewUBigInt().WithNullable(false), v))
}

// NewString returns a string literal.
func NewString(s string, c collation.ID) *Const {
	return &Const{D: types.NewStringDatum(types.NewVarChar(collation.CharLength(c, []byte(s)), c), []byte(s))}
}

// NewInt returns an integer literal.
func NewInt(v int64) *Const {
	return &Const{D: types.NewIntDatum(types.NewBigInt().WithNullable(false), v)}
}

// NewNull returns the literal NULL.
func NewNull() *Const { return &Const{D: types.NullDatum(types.NewNull())} }
