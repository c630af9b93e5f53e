package vector

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
)

// MaxRows is the most rows a batch may have room for; selections are 16 bits wide.
const MaxRows = 2048

// Vector is one column of a batch. Exactly one of the value slices is set, by Type.Phys(); each has room for the
// batch's capacity. The header may be copied; the values belong to the batch or evaluator that made it.
type Vector struct {
	Type  types.Type
	Null  []uint8 // 1 = NULL; always as long as the values
	Const bool    // row 0 stands for every row
	// NoNulls promises that Null is 0 at every row that counts, so kernels may skip it. False promises nothing.
	NoNulls bool

	I64 []int64
	U64 []uint64
	F64 []float64
	Dec []types.Dec
	Str []Str
}

// Index is the position of row i's value: 0 in a constant vector.
func (v *Vector) Index(i int) int {
	if v.Const {
		return 0
	}
	return i
}

// IsNull says if row i is NULL.
func (v *Vector) IsNull(i int) bool { return v.Null[v.Index(i)] != 0 }

// Cap is the number of rows there is room for.
func (v *Vector) Cap() int { return len(v.Null) }

// RowBytes is the room one row of type t takes in a batch: value and null byte.
func RowBytes(t types.Type) int { return t.Phys().Width() + 1 }

// CapacityFor is the number of rows of a batch whose row takes rowBytes: clamp(256 KiB / rowBytes, 16, MaxRows).
func CapacityFor(rowBytes int) int {
	return max(16, min(MaxRows, (256<<10)/max(1, rowBytes)))
}

// Datum reads row i as a scalar. Its bytes are those of the vector: copy to keep.
func (v *Vector) Datum(b memory.Base, i int) types.Datum {
	i = v.Index(i)
	d := types.Datum{Type: v.Type}
	if v.Null[i] != 0 {
		return d
	}
	switch v.Type.Phys() {
	case types.PhysInt64:
		d.Kind, d.I = types.PhysInt64, v.I64[i]
	case types.PhysUint64:
		d.Kind, d.U = types.PhysUint64, v.U64[i]
	case types.PhysFloat64:
		d.Kind, d.F = types.PhysFloat64, v.F64[i]
	case types.PhysDecimal:
		d.Kind, d.D = types.PhysDecimal, v.Dec[i]
	case types.PhysString:
		d.Kind, d.S = types.PhysString, v.Str[i].Bytes(b)
	}
	return d
}

// SetDatum writes d, a value of the vector's physical kind or NULL, to row i; longer strings are copied to arena.
func (v *Vector) SetDatum(i int, d types.Datum, arena *Arena) error {
	if d.Kind == types.PhysNull {
		v.SetNull(i)
		return nil
	}
	v.Null[i] = 0
	switch v.Type.Phys() {
	case types.PhysInt64:
		v.I64[i] = d.I
	case types.PhysUint64:
		v.U64[i] = d.U
	case types.PhysFloat64:
		v.F64[i] = d.F
	case types.PhysDecimal:
		v.Dec[i] = d.D
	case types.PhysString:
		s, err := arena.Put(d.S)
		if err != nil {
			return err
		}
		v.Str[i] = s
	}
	return nil
}

// SetNull makes row i NULL, with a value that is safe to read (V2).
func (v *Vector) SetNull(i int) {
	v.Null[i] = 1
	if v.Str != nil {
		v.Str[i] = Str{}
	}
}

// Row returns row i of v as a constant vector over the same memory.
func (v *Vector) Row(i int) Vector {
	i = v.Index(i)
	out := Vector{Type: v.Type, Null: v.Null[i : i+1], Const: true, NoNulls: v.NoNulls}
	switch v.Type.Phys() {
	case types.PhysInt64:
		out.I64 = v.I64[i : i+1]
	case types.PhysUint64:
		out.U64 = v.U64[i : i+1]
	case types.PhysFloat64:
		out.F64 = v.F64[i : i+1]
	case types.PhysDecimal:
		out.Dec = v.Dec[i : i+1]
	case types.PhysString:
		out.Str = v.Str[i : i+1]
	}
	return out
}

// NullRow makes v's row 0 NULL and returns it as a constant vector.
func NullRow(v *Vector) Vector {
	v.SetNull(0)
	out := v.Row(0)
	out.NoNulls = false
	return out
}
