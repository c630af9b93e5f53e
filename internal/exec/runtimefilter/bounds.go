package runtimefilter

import (
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Bounds are the least and the greatest value of a key of the build side. Strings have none.
type Bounds struct {
	Low, High types.Datum // of the key's physical type
	Some      bool        // there is a value, else Low and High mean nothing
	Null      bool        // there is a NULL, which equals NULL
}

// Bounded says if keys of the type have bounds.
func Bounded(t types.Type) bool {
	switch t.Phys() {
	case types.PhysInt64, types.PhysUint64, types.PhysFloat64, types.PhysDecimal:
		return true
	}
	return false
}

// add widens b by the rows sel of v.
func (b *Bounds) add(v *vector.Vector, sel []uint16) {
	for _, i := range sel {
		k := v.Index(int(i))
		if v.Null[k] != 0 {
			b.Null = true
			continue
		}
		if b.Some {
			b.widen(v, k)
			continue
		}
		b.Some = true
		d := types.Datum{Type: v.Type, Kind: v.Type.Phys()}
		switch d.Kind {
		case types.PhysInt64:
			d.I = v.I64[k]
		case types.PhysUint64:
			d.U = v.U64[k]
		case types.PhysFloat64:
			d.F = v.F64[k]
		case types.PhysDecimal:
			d.D = v.Dec[k]
		}
		b.Low, b.High = d, d
	}
}

func (b *Bounds) widen(v *vector.Vector, k int) {
	switch b.Low.Kind {
	case types.PhysInt64:
		b.Low.I, b.High.I = min(b.Low.I, v.I64[k]), max(b.High.I, v.I64[k])
	case types.PhysUint64:
		b.Low.U, b.High.U = min(b.Low.U, v.U64[k]), max(b.High.U, v.U64[k])
	case types.PhysFloat64:
		b.Low.F, b.High.F = min(b.Low.F, v.F64[k]), max(b.High.F, v.F64[k])
	case types.PhysDecimal:
		if v.Dec[k].Cmp(b.Low.D) < 0 {
			b.Low.D = v.Dec[k]
		}
		if v.Dec[k].Cmp(b.High.D) > 0 {
			b.High.D = v.Dec[k]
		}
	}
}

// join widens b by o.
func (b *Bounds) join(o *Bounds) {
	b.Null = b.Null || o.Null
	switch {
	case !o.Some:
	case !b.Some:
		b.Low, b.High, b.Some = o.Low, o.High, true
	default:
		if less(o.Low, b.Low) {
			b.Low = o.Low
		}
		if less(b.High, o.High) {
			b.High = o.High
		}
	}
}

func less(a, b types.Datum) bool {
	switch a.Kind {
	case types.PhysInt64:
		return a.I < b.I
	case types.PhysUint64:
		return a.U < b.U
	case types.PhysFloat64:
		return a.F < b.F
	}
	return a.D.Cmp(b.D) < 0
}

// within keeps the rows of sel whose values are in the bounds, or NULL, in place.
func (b *Bounds) within(v *vector.Vector, sel []uint16) []uint16 {
	out := sel[:0]
	for _, i := range sel {
		k := v.Index(int(i))
		if v.Null[k] != 0 || b.Some && b.contains(v, k) {
			out = append(out, i)
		}
	}
	return out
}

func (b *Bounds) contains(v *vector.Vector, k int) bool {
	switch b.Low.Kind {
	case types.PhysInt64:
		return v.I64[k] >= b.Low.I && v.I64[k] <= b.High.I
	case types.PhysUint64:
		return v.U64[k] >= b.Low.U && v.U64[k] <= b.High.U
	case types.PhysFloat64:
		return !(v.F64[k] < b.Low.F) && !(v.F64[k] > b.High.F) // NaN is in all bounds, and all is in those of NaN
	}
	return v.Dec[k].Cmp(b.Low.D) >= 0 && v.Dec[k].Cmp(b.High.D) <= 0
}
