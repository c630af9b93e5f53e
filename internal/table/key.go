package table

import (
	"encoding/binary"
	"math"

	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// Bytes of keys.
const (
	prefixTable = 't'
	// PrefixBytes is the length of what all keys of an index begin with.
	PrefixBytes = 9

	markNull   = 0x00
	markValue  = 0x01
	escape     = 0x00 // in strings
	escapedNul = 0xFF
	terminator = 0x01
)

// part is one column of a key.
type part struct {
	ordinal  int
	typ      types.Type
	store    storage
	prefix   int
	desc     bool
	nullable bool
}

func (p *part) restorable() bool { return restorable(p.typ, p.prefix) }

func partsOf(t *schema.Table, x *schema.Index) []part {
	out := make([]part, len(x.Columns))
	for i, c := range x.Columns {
		typ := t.Columns[c.Column].Type
		out[i] = part{ordinal: c.Column, typ: typ, store: storageOf(typ), prefix: c.Prefix, desc: c.Desc,
			nullable: typ.Nullable && !x.Primary}
	}
	return out
}

// AppendPrefix appends what all keys of an index begin with.
func AppendPrefix(dst []byte, table, index schema.ID) []byte {
	dst = append(dst, prefixTable)
	dst = binary.BigEndian.AppendUint32(dst, uint32(table))
	return binary.BigEndian.AppendUint32(dst, uint32(index))
}

// appendPart appends the encoded column.
func appendPart(dst []byte, p *part, d *types.Datum) []byte {
	start := len(dst)
	switch {
	case d.IsNull():
		// A NOT NULL column has no NULL; in a range's bound it stands before all values.
		if p.nullable {
			dst = append(dst, markNull)
		}
	default:
		if p.nullable {
			dst = append(dst, markValue)
		}
		dst = appendValue(dst, p, d)
	}
	if p.desc {
		invert(dst[start:])
	}
	return dst
}

func appendValue(dst []byte, p *part, d *types.Datum) []byte {
	w := p.store.width
	switch p.store.phys {
	case types.PhysInt64:
		return appendBig(dst, uint64(d.I>>p.store.shift)^1<<(8*uint(w)-1), w)
	case types.PhysUint64:
		return appendBig(dst, d.U, w)
	case types.PhysFloat64:
		if p.store.f32 {
			return binary.BigEndian.AppendUint32(dst, uint32(orderFloat(uint64(math.Float32bits(float32(d.F)+0)), 32)))
		}
		return binary.BigEndian.AppendUint64(dst, orderFloat(math.Float64bits(d.F+0), 64))
	case types.PhysDecimal:
		start := len(dst)
		for i := w - 1; i >= 0; i-- {
			dst = append(dst, byte(d.D[i>>3]>>(8*(i&7))))
		}
		dst[start] ^= 0x80
		return dst
	}
	return appendString(dst, p, d.S)
}

// orderFloat makes the bits of floats order as unsigned numbers.
func orderFloat(v uint64, bits uint) uint64 {
	sign := uint64(1) << (bits - 1)
	if v&sign != 0 {
		return ^v & (sign | (sign - 1))
	}
	return v | sign
}

func restoreFloat(v uint64, bits uint) uint64 {
	sign := uint64(1) << (bits - 1)
	if v&sign != 0 {
		return v &^ sign
	}
	return ^v & (sign | (sign - 1))
}

func appendBig(dst []byte, v uint64, width int) []byte {
	for i := width - 1; i >= 0; i-- {
		dst = append(dst, byte(v>>(8*i)))
	}
	return dst
}

func appendString(dst []byte, p *part, s []byte) []byte {
	if p.prefix > 0 {
		s = cutPrefix(p, s)
	}
	start := len(dst)
	if p.typ.Collation == collation.Binary {
		dst = append(dst, s...)
	} else {
		dst = collation.WeightString(p.typ.Collation, dst, s)
	}
	return append(escapeNuls(dst, start), escape, terminator)
}

// escapeNuls escapes dst[start:] in place.
func escapeNuls(dst []byte, start int) []byte {
	nuls := 0
	for _, c := range dst[start:] {
		if c == escape {
			nuls++
		}
	}
	if nuls == 0 {
		return dst
	}
	from := len(dst) - 1
	for range nuls {
		dst = append(dst, 0)
	}
	to := len(dst) - 1
	for from >= start && from != to {
		c := dst[from]
		if c == escape {
			dst[to] = escapedNul
			to--
		}
		dst[to] = c
		to--
		from--
	}
	return dst
}

// cutPrefix gives the first characters of a string that a prefix key has.
func cutPrefix(p *part, s []byte) []byte {
	if p.typ.Collation == collation.Binary {
		return s[:min(len(s), p.prefix)]
	}
	return s[:collation.PrefixLen(p.typ.Collation, s, p.prefix)]
}

func invert(b []byte) {
	for i := range b {
		b[i] = ^b[i]
	}
}
