package dml

import (
	"context"
	"errors"
	"time"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// converter makes values storable and fills in defaults, for one statement.
type converter struct {
	o      *Options
	ignore bool
	load   bool
	conv   types.ConvContext
	// warnedNoDefault has the columns for which 1364 was given as a warning, once a statement.
	warnedNoDefault map[int]bool
	loan            memory.Loan // for values of the present row
}

// hold pays for a value of n bytes on the heap until the row is written.
func (c *converter) hold(n int) error {
	if err := c.loan.Take(c.o.Account, int64(n)); err != nil {
		return errLongValue(err)
	}
	return nil
}

// next ends the present row, whose values these are.
func (c *converter) next(row []types.Datum) {
	if c.loan.Taken() {
		clear(row)
		c.loan.Return(c.o.Account)
	}
}

func newConverter(o *Options, ignore, load bool) converter {
	return converter{o: o, ignore: ignore, load: load, conv: types.ConvContext{
		Strict: o.Env.Strict && !ignore, Mode: o.Env.SQLMode, Loc: o.Env.Location, Warn: o.Env.Warn,
	}}
}

// strict says if a value that does not fit is an error.
func (c *converter) strict() bool { return c.conv.Strict }

func (c *converter) warn(w sqlerr.Warning) {
	if c.o.Env.Warn != nil {
		c.o.Env.Warn(w)
	}
}

// value converts d for the column. single: the statement has one row, whose NULLs are errors in any mode.
func (c *converter) value(col *schema.Column, d types.Datum, single bool) (types.Datum, error) {
	if d.IsNull() {
		if col.Type.Nullable {
			return types.NullDatum(col.Type), nil
		}
		return c.null(col, single)
	}
	if d.Type.ID == col.Type.ID && c.asIs(&d, col) {
		d.Type = col.Type
		return d, nil
	}
	if err := c.hold(int(types.ConvertBytes(&d, &col.Type))); err != nil {
		return d, err
	}
	c.conv.Column = col.Name
	v, err := types.Convert(d, col.Type, &c.conv)
	if err != nil {
		return v, err
	}
	v.Type = col.Type
	if v.IsNull() && !col.Type.Nullable {
		return c.null(col, single)
	}
	return v, nil
}

// errLongValue is for a value for which there is no memory.
func errLongValue(err error) error {
	if errors.Is(err, sqlerr.ErrNoSurplus) {
		return sqlerr.Newf(sqlerr.ErrOutOfResources, "Out of memory; a value needs pages that are not free")
	}
	return err
}

// asIs says if a value of the same type needs no conversion: the common case of INSERT ... SELECT.
func (c *converter) asIs(d *types.Datum, col *schema.Column) bool {
	t := &d.Type
	if t.IsInteger() || t.ID == types.Double {
		return t.Unsigned == col.Type.Unsigned && t.Scale == col.Type.Scale
	}
	return false
}

// null is NULL for a NOT NULL column: an error, or the implicit default with a warning.
func (c *converter) null(col *schema.Column, single bool) (types.Datum, error) {
	code, args := sqlerr.ErrBadNull, []any{col.Name}
	if c.load {
		code, args = sqlerr.ErrWarnNullToNotnull, []any{col.Name, c.conv.Row}
	}
	if c.strict() || single && !c.ignore {
		return types.Datum{}, sqlerr.New(code, args...)
	}
	c.warn(sqlerr.NewWarning(code, args...))
	return implicitDefault(col.Type), nil
}

// defaultOf is the value of a column that the statement does not give. AUTO_INCREMENT is the caller's.
func (c *converter) defaultOf(ctx context.Context, ordinal int, col *schema.Column) (types.Datum, error) {
	switch col.DefaultKind {
	case schema.DefaultValue:
		return col.Default(), nil
	case schema.DefaultNow:
		return c.now(col.Type), nil
	case schema.DefaultExpression:
		if c.o.Default == nil {
			return types.Datum{}, sqlerr.AssertionError("nobody evaluates the default of column %s", col.Name)
		}
		d, err := c.o.Default(ctx, col)
		if err != nil {
			return d, err
		}
		return c.value(col, d, true)
	}
	if col.Type.Nullable {
		return types.NullDatum(col.Type), nil
	}
	if col.Type.ID == types.Enum {
		return implicitDefault(col.Type), nil
	}
	if c.strict() {
		return types.Datum{}, sqlerr.New(sqlerr.ErrNoDefaultForField, col.Name)
	}
	if !c.warnedNoDefault[ordinal] {
		if c.warnedNoDefault == nil {
			c.warnedNoDefault = map[int]bool{}
		}
		c.warnedNoDefault[ordinal] = true
		c.warn(sqlerr.NewWarning(sqlerr.ErrNoDefaultForField, col.Name))
	}
	return implicitDefault(col.Type), nil
}

// now is CURRENT_TIMESTAMP, the statement's start, as a value of the type.
func (c *converter) now(t types.Type) types.Datum {
	loc := time.UTC
	if t.ID != types.Timestamp && c.o.Env.Location != nil {
		loc = c.o.Env.Location
	}
	v := types.DateTimeFromTime(c.o.Env.Now.In(loc))
	return types.NewIntDatum(t, types.TruncateDateTime(v, t.Scale))
}

// implicitDefault is what stands for NULL in a NOT NULL column.
func implicitDefault(t types.Type) types.Datum {
	d := types.Datum{Type: t, Kind: t.Phys()}
	switch t.ID {
	case types.Enum:
		d.U = 1
	case types.Binary:
		d.S = make([]byte, t.Length)
	case types.JSON:
		if b, err := types.ParseJSON([]byte("null"), nil); err == nil {
			d.S = b
		}
	}
	if d.Kind == types.PhysString && d.S == nil {
		d.S = []byte{}
	}
	return d
}

// sameValue says if two values of one type are the same, bytes of strings included.
func sameValue(a, b *types.Datum) bool {
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case types.PhysInt64:
		return a.I == b.I
	case types.PhysUint64:
		return a.U == b.U
	case types.PhysFloat64:
		return a.F == b.F
	case types.PhysDecimal:
		return a.D == b.D
	case types.PhysString:
		return string(a.S) == string(b.S)
	}
	return true
}

func sameRow(a, b []types.Datum) bool {
	for i := range a {
		if !sameValue(&a[i], &b[i]) {
			return false
		}
	}
	return true
}
