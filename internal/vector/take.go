package vector

import "github.com/spillwaydb/spillway/internal/types"

// firstRow selects row 0, where constants have their value, as often as there are rows.
var firstRow [MaxRows]uint16

// Take copies rows sel of from to the first rows of v, which is of the same physical type. Strings are copied as
// references: they live as long as from's.
func (v *Vector) Take(from *Vector, sel []uint16) {
	v.Const, v.NoNulls = false, from.NoNulls
	if from.Const {
		sel = firstRow[:len(sel)]
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
