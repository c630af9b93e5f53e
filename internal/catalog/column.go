package catalog

import (
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// maxColumns is InnoDB's.
const maxColumns = 1017

// newColumn checks a column and converts its default.
func newColumn(d *DDL, s *ColumnSpec) (schema.Column, error) {
	c := schema.Column{
		Name: s.Name, Type: s.Type, DefaultKind: s.DefaultKind, OnUpdateNow: s.OnUpdateNow,
	}
	c.SetDefaultText(s.DefaultText)
	c.SetComment(s.Comment)
	if err := checkName(s.Name, sqlerr.ErrWrongColumnName); err != nil {
		return c, err
	}
	if err := checkType(s.Name, s.Type); err != nil {
		return c, err
	}
	return c, setDefault(d, &c, s.Default)
}

func checkType(name string, t types.Type) error {
	switch {
	case (t.ID == types.Char || t.ID == types.Binary) && t.Length > types.MaxChar:
		return sqlerr.New(sqlerr.ErrTooBigFieldLength, name, types.MaxChar)
	case (t.ID == types.VarChar || t.ID == types.VarBinary) && t.MaxBytes() > types.MaxVarLength:
		return sqlerr.New(sqlerr.ErrTooBigFieldLength, name, types.MaxVarLength/max(1, collation.MaxWidth(t.Collation)))
	}
	return nil
}

// setDefault converts and checks the default of c, whose DefaultKind and text are set.
func setDefault(d *DDL, c *schema.Column, value types.Datum) error {
	c.SetDefault(types.NullDatum(c.Type))
	switch c.DefaultKind {
	case schema.DefaultAutoIncr:
		if !c.Type.IsInteger() && !c.Type.IsFloat() {
			return sqlerr.New(sqlerr.ErrWrongFieldSpec, c.Name)
		}
		c.Type.Nullable = false
	case schema.DefaultNow:
		if c.Type.ID != types.DateTime && c.Type.ID != types.Timestamp {
			return sqlerr.New(sqlerr.ErrInvalidDefault, c.Name)
		}
	case schema.DefaultValue:
		if value.IsNull() {
			if !c.Type.Nullable {
				return sqlerr.New(sqlerr.ErrInvalidDefault, c.Name)
			}
			return nil
		}
		if c.Type.IsBlob() || c.Type.ID == types.JSON {
			return sqlerr.New(sqlerr.ErrBlobCantHaveDefault, c.Name)
		}
		conv := d.Conv
		conv.Strict, conv.Warn, conv.Column = true, nil, c.Name
		v, err := types.Convert(value, c.Type, &conv)
		if err != nil {
			return sqlerr.Wrap(err, sqlerr.ErrInvalidDefault, c.Name)
		}
		v.S = append([]byte(nil), v.S...)
		c.SetDefault(v)
	}
	if c.OnUpdateNow && c.Type.ID != types.DateTime && c.Type.ID != types.Timestamp {
		return sqlerr.New(sqlerr.ErrInvalidOnUpdate, c.Name)
	}
	return nil
}

// implicitDefault is what a NOT NULL column without a default has in rows that were there before it.
func implicitDefault(t types.Type) types.Datum {
	d := types.Datum{Type: t, Kind: t.Phys()}
	switch t.ID {
	case types.Enum:
		d.U = 1
	case types.Binary:
		d.S = make([]byte, t.Length)
	}
	if d.Kind == types.PhysString && d.S == nil {
		d.S = []byte{}
	}
	return d
}
