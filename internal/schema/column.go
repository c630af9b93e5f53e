package schema

import (
	"math"

	"github.com/spillwaydb/spillway/internal/types"
)

// Column describes one column of a table. A server has many: what few columns have is behind one pointer.
type Column struct {
	ID          ID
	DefaultKind DefaultKind
	OnUpdateNow bool
	Hidden      bool // the row id of tables without primary key
	Name        string
	Type        types.Type
	more        *more // nil: nothing of it. Shared by columns and never changed: see edit
}

// more is what most columns do not have.
type more struct {
	def, initial  *value // nil: NULL
	text, comment string
}

// value is a value that is not NULL, without its type, which is the column's. Never changed.
type value struct {
	bits uint64 // of a number
	dec  *types.Dec
	text []byte
	kind types.Phys
}

func newValue(d types.Datum) *value {
	v := &value{kind: d.Kind}
	switch d.Kind {
	case types.PhysNull:
		return nil
	case types.PhysInt64:
		v.bits = uint64(d.I)
	case types.PhysUint64:
		v.bits = d.U
	case types.PhysFloat64:
		v.bits = math.Float64bits(d.F)
	case types.PhysDecimal:
		dec := d.D
		v.dec = &dec
	default:
		v.text = d.S
	}
	return v
}

func (v *value) datum(t types.Type) types.Datum {
	if v == nil {
		return types.NullDatum(t)
	}
	d := types.Datum{Type: t, Kind: v.kind}
	switch v.kind {
	case types.PhysInt64:
		d.I = int64(v.bits)
	case types.PhysUint64:
		d.U = v.bits
	case types.PhysFloat64:
		d.F = math.Float64frombits(v.bits)
	case types.PhysDecimal:
		d.D = *v.dec
	default:
		d.S = v.text
	}
	return d
}

// rest is what columns may share.
func (c *Column) rest() more {
	if c.more == nil {
		return more{}
	}
	return *c.more
}

// edit lets f change a copy of what columns may share.
func (c *Column) edit(f func(m *more)) {
	m := c.rest()
	f(&m)
	c.more = nil
	if m != (more{}) {
		c.more = &m
	}
}

// Default is the value of DefaultValue: of the column's type, NULL for DEFAULT NULL.
func (c *Column) Default() types.Datum { return c.rest().def.datum(c.Type) }

// Initial is the value in rows that were written before the column was added; of the column's type.
func (c *Column) Initial() types.Datum { return c.rest().initial.datum(c.Type) }

// DefaultText is the expression of DefaultExpression.
func (c *Column) DefaultText() string { return c.rest().text }

// Comment is the column's comment.
func (c *Column) Comment() string { return c.rest().comment }

// SetDefault sets what Default returns; the bytes of a string are kept, not copied.
func (c *Column) SetDefault(d types.Datum) { c.edit(func(m *more) { m.def = newValue(d) }) }

// SetInitial sets what Initial returns; the bytes of a string are kept, not copied.
func (c *Column) SetInitial(d types.Datum) { c.edit(func(m *more) { m.initial = newValue(d) }) }

// SetDefaultText sets what DefaultText returns.
func (c *Column) SetDefaultText(s string) { c.edit(func(m *more) { m.text = s }) }

// SetComment sets what Comment returns.
func (c *Column) SetComment(s string) { c.edit(func(m *more) { m.comment = s }) }
