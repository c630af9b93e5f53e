package types

import (
	"bytes"
	"cmp"
	"time"

	"github.com/spillwaydb/spillway/internal/types/collation"
)

// Datum is one value with its type: a constant, a default, a parameter. The zero value is NULL. Vectors do not use it.
type Datum struct {
	Type Type
	Kind Phys // PhysNull or Type.Phys(); says which of the fields below counts
	I    int64
	U    uint64
	F    float64
	D    Dec
	S    []byte
}

// IsNull tells if the value is NULL.
func (d Datum) IsNull() bool { return d.Kind == PhysNull }

// NullDatum is NULL of a type.
func NullDatum(t Type) Datum { return Datum{Type: t} }

// NewIntDatum is for types of PhysInt64.
func NewIntDatum(t Type, v int64) Datum { return Datum{Type: t, Kind: PhysInt64, I: v} }

// NewUintDatum is for types of PhysUint64.
func NewUintDatum(t Type, v uint64) Datum { return Datum{Type: t, Kind: PhysUint64, U: v} }

// NewFloatDatum is for types of PhysFloat64.
func NewFloatDatum(t Type, v float64) Datum { return Datum{Type: t, Kind: PhysFloat64, F: v} }

// NewDecDatum is for types of PhysDecimal.
func NewDecDatum(t Type, v Dec) Datum { return Datum{Type: t, Kind: PhysDecimal, D: v} }

// NewStringDatum is for types of PhysString; it keeps v.
func NewStringDatum(t Type, v []byte) Datum { return Datum{Type: t, Kind: PhysString, S: v} }

// IntDatum is a BIGINT.
func IntDatum(v int64) Datum { return NewIntDatum(NewBigInt().WithNullable(false), v) }

// UintDatum is a BIGINT UNSIGNED.
func UintDatum(v uint64) Datum { return NewUintDatum(NewUBigInt().WithNullable(false), v) }

// StringDatum is a VARCHAR of the server's charset, as long as the text.
func StringDatum(s string) Datum {
	n := collation.CharLength(collation.Default, []byte(s))
	return NewStringDatum(NewVarChar(n, collation.Default).WithNullable(false), []byte(s))
}

// AppendText appends the value as the text protocol has it. NULL appends nothing. loc is for TIMESTAMP; nil is UTC.
func (d Datum) AppendText(buf []byte, loc *time.Location) []byte {
	switch d.Kind {
	case PhysInt64:
		return AppendInt64Text(buf, d.I, &d.Type, loc)
	case PhysUint64:
		return AppendUint64Text(buf, d.U, &d.Type)
	case PhysFloat64:
		return AppendFloat64Text(buf, d.F, &d.Type)
	case PhysDecimal:
		return AppendDecText(buf, &d.D, &d.Type)
	case PhysString:
		return AppendStringText(buf, d.S, &d.Type)
	}
	return buf
}

// String is the text, NULL for NULL, with TIMESTAMP in UTC.
func (d Datum) String() string {
	if d.IsNull() {
		return "NULL"
	}
	return string(d.AppendText(nil, nil))
}

// Compare compares two values of the same type (scales and collations may differ): -1, 0, 1; NULL comes first. Values
// of different kinds compare by kind, which only serves to have an order.
func (d Datum) Compare(o Datum) int {
	if d.Kind != o.Kind {
		return cmp.Compare(d.Kind, o.Kind)
	}
	switch d.Kind {
	case PhysInt64:
		return cmp.Compare(d.I, o.I)
	case PhysUint64:
		return cmp.Compare(d.U, o.U)
	case PhysFloat64:
		return cmp.Compare(d.F, o.F)
	case PhysDecimal:
		return DecCmp(d.D, d.Type.Scale, o.D, o.Type.Scale)
	case PhysString:
		if d.Type.ID == JSON && o.Type.ID == JSON {
			return JSONCompare(d.S, o.S)
		}
		return cmpInt(collation.Collate(d.Type.Collation, d.S, o.S), 0)
	}
	return 0
}

// Clone copies the bytes of a string, so that the value outlives their page.
func (d Datum) Clone() Datum {
	d.S = bytes.Clone(d.S)
	return d
}

// In makes d, whose type's values compare with those of t as values of t do, a value of t; false: no column of type t
// has it. NULL is in all types.
func (d Datum) In(t Type) (Datum, bool) {
	if d.IsNull() {
		return NullDatum(t), true
	}
	ok := true
	switch {
	case t.Phys() == PhysUint64 && d.Kind == PhysInt64:
		d, ok = NewUintDatum(t, uint64(d.I)), d.I >= 0
	case t.Phys() == PhysInt64 && d.Kind == PhysUint64:
		d, ok = NewIntDatum(t, int64(d.U)), d.U <= 1<<63-1
	case t.ID == Decimal:
		d.D, ok = d.D.Rescale(d.Type.Scale, t.Scale)
	}
	d.Type = t
	return d, ok && d.Storable()
}

// Storable says if a column of the datum's type can have exactly this value, which must be of the type's physical kind.
func (d *Datum) Storable() bool {
	t := &d.Type
	switch {
	case d.IsNull():
		return true
	case t.IsInteger() && d.Kind == PhysUint64:
		return d.U <= uintBound(t.ID)
	case t.IsInteger():
		low, high := intBounds(t.ID)
		return d.I >= low && d.I <= high
	case t.ID == Year:
		return d.I >= 0 && d.I <= 2155 && d.U <= 2155
	case t.ID == Date:
		return d.I == DatePart(d.I)
	case t.HasDate():
		return d.I == TruncateDateTime(d.I, t.Scale)
	case t.ID == Time:
		return d.I == TruncateTime(d.I, t.Scale)
	case t.ID == Decimal:
		return d.D.Digits() <= int(t.Precision)
	}
	return true
}
