package table

import (
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
)

// Bound is one end of a range over an index's leading columns: values of the columns' types. None: no bound.
type Bound struct {
	Values    []types.Datum
	Inclusive bool
}

// TableSpan holds all keys of a table: rows and index entries.
func TableSpan(t schema.ID) kv.Span {
	p := AppendPrefix(nil, t, 0)[:PrefixBytes-4]
	return kv.Span{Start: p, End: next(p)}
}

// IndexSpan holds all keys of an index, the primary key's being the rows.
func IndexSpan(t *schema.Table, x *schema.Index) kv.Span {
	p := AppendPrefix(nil, t.ID, x.ID)
	return kv.Span{Start: p, End: next(p)}
}

// RangeSpan is where the keys of a range lie. A bound with fewer values than the index has columns is about all keys
// that begin with them. The key of a prefix column says less than its bound: such a bound is taken as inclusive, so
// that the caller's filter decides.
func RangeSpan(t *schema.Table, x *schema.Index, low, high Bound) kv.Span {
	s := IndexSpan(t, x)
	parts := partsOf(t, x)
	if len(low.Values) > 0 {
		k, whole := appendBound(s.Start[:PrefixBytes:PrefixBytes], parts, low.Values)
		if !low.Inclusive && whole {
			k = next(k)
		}
		s.Start = k
	}
	if len(high.Values) > 0 {
		k, whole := appendBound(AppendPrefix(nil, t.ID, x.ID), parts, high.Values)
		if high.Inclusive || !whole {
			k = next(k)
		}
		s.End = k
	}
	return s
}

// ValueSpan is where the keys of an index lie whose first column has a value of low to high, both of the column's
// physical type, though maybe not within its range; false: it cannot tell.
func ValueSpan(t *schema.Table, x *schema.Index, low, high types.Datum) (kv.Span, bool) {
	p := partsOf(t, x)[0]
	bits := uint(8 * p.store.width)
	switch {
	case low.Kind != p.store.phys || high.Kind != p.store.phys || p.prefix > 0:
		return kv.Span{}, false
	case low.Kind == types.PhysInt64:
		if bits+p.store.shift < 64 {
			most := int64(1)<<(bits-1+p.store.shift) - 1
			low.I, high.I = max(low.I, -most-1), min(high.I, most)
		}
		if low.I > high.I {
			return kv.Span{}, true
		}
	case low.Kind == types.PhysUint64:
		if bits < 64 {
			high.U = min(high.U, 1<<bits-1)
		}
		if low.U > high.U {
			return kv.Span{}, true
		}
	case low.Kind == types.PhysFloat64:
		// Those of a FLOAT are rounded in its key.
		if p.store.f32 || low.F != low.F || high.F != high.F {
			return kv.Span{}, false
		}
	default:
		return kv.Span{}, false
	}
	if p.desc {
		low, high = high, low
	}
	return RangeSpan(t, x, Bound{Values: []types.Datum{low}, Inclusive: true},
		Bound{Values: []types.Datum{high}, Inclusive: true}), true
}

func appendBound(k kv.Key, parts []part, values []types.Datum) (key kv.Key, whole bool) {
	whole = true
	for i := range values[:min(len(values), len(parts))] {
		p := &parts[i]
		if values[i].IsNull() && !p.nullable {
			return k, false // NULL is before all that the index has
		}
		k = appendPart(k, p, &values[i])
		whole = whole && p.prefix == 0
	}
	return k, whole
}

// next is the first key behind all those that begin with k; nil if there is none.
func next(k kv.Key) kv.Key {
	out := append(kv.Key(nil), k...)
	for i := len(out) - 1; i >= 0; i-- {
		out[i]++
		if out[i] != 0 {
			return out[:i+1]
		}
	}
	return nil
}

// Point says if a range is a single key of the index: values for all columns of a unique one, none of them NULL.
func Point(x *schema.Index, low, high Bound) bool {
	if !x.Unique || !low.Inclusive || !high.Inclusive ||
		len(low.Values) != len(x.Columns) || len(high.Values) != len(x.Columns) {
		return false
	}
	for i := range low.Values {
		a, b := &low.Values[i], &high.Values[i]
		if x.Columns[i].Prefix > 0 || a.IsNull() || b.IsNull() || a.Kind != b.Kind {
			return false
		}
		switch a.Kind {
		case types.PhysInt64:
			if a.I != b.I {
				return false
			}
		case types.PhysUint64:
			if a.U != b.U {
				return false
			}
		case types.PhysFloat64:
			if a.F != b.F {
				return false
			}
		case types.PhysDecimal:
			if a.D != b.D {
				return false
			}
		default:
			if string(a.S) != string(b.S) {
				return false
			}
		}
	}
	return true
}
