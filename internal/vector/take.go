package vector

import "github.com/spillwaydb/spillway/internal/types"

// Take copies rows sel of from to the first rows of v, which is of the same physical type. Strings are copied as
// references: they live as long as from's.
func (v *Vector) Take(from *Vector, sel []uint16) {
	v.Const, v.NoNulls = false, from.NoNulls
	if from.Const {
		takeConst(v, from, len(sel))
		return
	}
	take(v.Null, from.Null, sel)
	switch v.Type.Phys() {
	case types.PhysInt64:
		take(v.I64, from.I64, sel)
	case types.PhysUint64:
		take(v.U64, from.U64, sel)
	case types.PhysFloat64:
		take(v.F64, from.F64, sel)
	case types.PhysDecimal:
		take(v.Dec, from.Dec, sel)
	case types.PhysString:
		take(v.Str, from.Str, sel)
	}
}

func take[T any](dst, src []T, sel []uint16) {
	dst = dst[:len(sel)]
	for i, s := range sel {
		dst[i] = src[s]
	}
}

// takeConst copies a constant to the first n rows.
func takeConst(v, from *Vector, n int) {
	fill(v.Null, from.Null, n)
	switch v.Type.Phys() {
	case types.PhysInt64:
		fill(v.I64, from.I64, n)
	case types.PhysUint64:
		fill(v.U64, from.U64, n)
	case types.PhysFloat64:
		fill(v.F64, from.F64, n)
	case types.PhysDecimal:
		fill(v.Dec, from.Dec, n)
	case types.PhysString:
		fill(v.Str, from.Str, n)
	}
}

func fill[T any](dst, src []T, n int) {
	for i := range dst[:n] {
		dst[i] = src[0]
	}
}

// NotNull keeps the rows of sel, in place, that are not NULL in v.
func (v *Vector) NotNull(sel []uint16) []uint16 {
	if v.NoNulls {
		return sel
	}
	out := sel[:0]
	for _, i := range sel {
		if !v.IsNull(int(i)) {
			out = append(out, i)
		}
	}
	return out
}
