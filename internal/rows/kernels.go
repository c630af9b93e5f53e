package rows

import (
	"github.com/spillwaydb/spillway/internal/invariants"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Selections that stand for "all rows" and "the constant's row", so that kernels have one form.
var (
	identity [vector.MaxRows]uint16
	zeros    [vector.MaxRows]uint16
)

func init() {
	for i := range identity {
		identity[i] = uint16(i)
	}
}

// All is the selection of the first n rows. Not to be changed.
func All(n int) []uint16 { return identity[:n] }

// pick is the selection that kernels use for v.
func pick(v *vector.Vector, sel []uint16) []uint16 {
	if v.Const {
		return zeros[:len(sel)]
	}
	return sel
}

type integer interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

type float interface{ float32 | float64 }

func putInts[S, V integer](b memory.Base, rows []memory.Ref, off memory.Ref, vals []V, sel []uint16) {
	sel = sel[:len(rows)]
	for i, r := range rows {
		*(*S)(b.At(r + off)) = S(vals[sel[i]])
	}
}

func putFloats[S float](b memory.Base, rows []memory.Ref, off memory.Ref, vals []float64, sel []uint16) {
	sel = sel[:len(rows)]
	for i, r := range rows {
		*(*S)(b.At(r + off)) = S(vals[sel[i]])
	}
}

// scatter writes all columns but strings, and the null bits, of rows sel of cols to rows.
func (l *Layout) scatter(b memory.Base, rows []memory.Ref, cols []*vector.Vector, sel []uint16) {
	for n := range l.nullsLen {
		for _, r := range rows {
			*(*uint8)(b.At(r + memory.Ref(l.nulls) + memory.Ref(n))) = 0
		}
	}
	for i := range l.columns {
		c, v := &l.columns[i], cols[i]
		s := pick(v, sel)
		if invariants.Enabled {
			l.checkFits(i, v, s)
		}
		off := memory.Ref(c.off)
		switch c.kind {
		case kindInt8:
			putInts[int8](b, rows, off, v.I64, s)
		case kindInt16:
			putInts[int16](b, rows, off, v.I64, s)
		case kindInt32:
			putInts[int32](b, rows, off, v.I64, s)
		case kindInt64:
			putInts[int64](b, rows, off, v.I64, s)
		case kindUint8:
			putInts[uint8](b, rows, off, v.U64, s)
		case kindUint16:
			putInts[uint16](b, rows, off, v.U64, s)
		case kindUint32:
			putInts[uint32](b, rows, off, v.U64, s)
		case kindUint64:
			putInts[uint64](b, rows, off, v.U64, s)
		case kindFloat32:
			putFloats[float32](b, rows, off, v.F64, s)
		case kindFloat64:
			putFloats[float64](b, rows, off, v.F64, s)
		case kindDec64:
			s = s[:len(rows)]
			for j, r := range rows {
				*(*uint64)(b.At(r + off)) = v.Dec[s[j]][0]
			}
		case kindDec128:
			s = s[:len(rows)]
			for j, r := range rows {
				*(*[2]uint64)(b.At(r + off)) = [2]uint64(v.Dec[s[j]][:2])
			}
		case kindDec256:
			s = s[:len(rows)]
			for j, r := range rows {
				*(*types.Dec)(b.At(r + off)) = v.Dec[s[j]]
			}
		}
		if v.NoNulls {
			continue
		}
		s = s[:len(rows)]
		for j, r := range rows {
			*(*uint8)(b.At(r + memory.Ref(c.null))) |= v.Null[s[j]] << c.bit
		}
	}
}

// checkFits holds values against the width that their type gives them.
func (l *Layout) checkFits(i int, v *vector.Vector, sel []uint16) {
	c := &l.columns[i]
	bits := 8 * kindBytes[c.kind]
	for _, s := range sel {
		if v.Null[s] != 0 {
			continue
		}
		ok := true
		switch {
		case c.kind <= kindInt64:
			ok = v.I64[s]<<(64-bits)>>(64-bits) == v.I64[s]
		case c.kind <= kindUint64:
			ok = v.U64[s]<<(64-bits)>>(64-bits) == v.U64[s]
		case c.kind == kindDec64:
			ok = v.Dec[s] == wideDec(v.Dec[s][0])
		case c.kind == kindDec128:
			ok = v.Dec[s] == wideDec2([2]uint64(v.Dec[s][:2]))
		}
		invariants.Assertf(ok, "rows: a value of column %d does not fit type %s", i, l.types[i])
	}
}

func wideDec(w uint64) types.Dec {
	s := uint64(int64(w) >> 63)
	return types.Dec{w, s, s, s}
}

func wideDec2(w [2]uint64) types.Dec {
	s := uint64(int64(w[1]) >> 63)
	return types.Dec{w[0], w[1], s, s}
}

func getInts[S, V integer](b memory.Base, rows []memory.Ref, off memory.Ref, out []V) {
	out = out[:len(rows)]
	for i, r := range rows {
		out[i] = V(*(*S)(b.At(r + off)))
	}
}

func getFloats[S float](b memory.Base, rows []memory.Ref, off memory.Ref, out []float64) {
	out = out[:len(rows)]
	for i, r := range rows {
		out[i] = float64(*(*S)(b.At(r + off)))
	}
}

// gather reads column i of rows to out's rows at, at+1, ... Strings on the rows' pages get pool references; it says if
// there are overflow references, which stay as they are.
func (l *Layout) gather(b memory.Base, rows []memory.Ref, i int, out *vector.Vector, at int) (overflows bool) {
	c := &l.columns[i]
	off := memory.Ref(c.off)
	switch c.kind {
	case kindInt8:
		getInts[int8](b, rows, off, out.I64[at:])
	case kindInt16:
		getInts[int16](b, rows, off, out.I64[at:])
	case kindInt32:
		getInts[int32](b, rows, off, out.I64[at:])
	case kindInt64:
		getInts[int64](b, rows, off, out.I64[at:])
	case kindUint8:
		getInts[uint8](b, rows, off, out.U64[at:])
	case kindUint16:
		getInts[uint16](b, rows, off, out.U64[at:])
	case kindUint32:
		getInts[uint32](b, rows, off, out.U64[at:])
	case kindUint64:
		getInts[uint64](b, rows, off, out.U64[at:])
	case kindFloat32:
		getFloats[float32](b, rows, off, out.F64[at:])
	case kindFloat64:
		getFloats[float64](b, rows, off, out.F64[at:])
	case kindDec64:
		o := out.Dec[at : at+len(rows)]
		for j, r := range rows {
			o[j] = wideDec(*(*uint64)(b.At(r + off)))
		}
	case kindDec128:
		o := out.Dec[at : at+len(rows)]
		for j, r := range rows {
			o[j] = wideDec2(*(*[2]uint64)(b.At(r + off)))
		}
	case kindDec256:
		o := out.Dec[at : at+len(rows)]
		for j, r := range rows {
			o[j] = *(*types.Dec)(b.At(r + off))
		}
	case kindString:
		overflows = gatherStrings(b, rows, off, out.Str[at:])
	}
	null := out.Null[at : at+len(rows)]
	for j, r := range rows {
		null[j] = *(*uint8)(b.At(r + memory.Ref(c.null))) >> c.bit & 1
	}
	return overflows
}

// gatherStrings copies first, so that cache misses overlap, then makes references absolute, in the nearest cache.
func gatherStrings(b memory.Base, rows []memory.Ref, off memory.Ref, out []vector.Str) (overflows bool) {
	out = out[:len(rows)]
	for i, r := range rows {
		out[i] = *(*vector.Str)(b.At(r + off))
	}
	for i, r := range rows {
		s := asStr(&out[i])
		if s.n <= vector.InlineBytes {
			continue
		}
		if s.ref&overflowFlag != 0 {
			overflows = true
			continue
		}
		s.ref += uint64(r)
	}
	return overflows
}

// IsNull says if column i of a row is NULL.
func (l *Layout) IsNull(b memory.Base, row memory.Ref, i int) bool {
	c := &l.columns[i]
	return *(*uint8)(b.At(row + memory.Ref(c.null)))>>c.bit&1 != 0
}
