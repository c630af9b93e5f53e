package rows

import (
	"bytes"
	"math"
	"math/bits"

	"github.com/zeebo/xxh3"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Hasher hashes keys of several columns: values that are equal, strings under their collation, have equal hashes, and
// NULL is equal to NULL. Not for concurrent use.
type Hasher struct {
	Seed uint64
	Zero bool // all hashes are 0: for tests

	weight []byte
}

// hashedWeights is how much of a weight string is hashed. Longer ones that only differ behind it collide: their weights
// would take memory that nobody has.
const hashedWeights = 64 << 10

// Odd numbers without structure: digits of pi.
const (
	mixA    = 0x243f6a8885a308d3
	mixB    = 0x13198a2e03707345
	mixC    = 0xa4093822299f31d1
	mixNull = 0x082efa98ec4e6c89
)

// mix folds a product of 128 bits.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// Hash writes the hashes of rows sel of cols to out.
func (h *Hasher) Hash(b memory.Base, cols []*vector.Vector, sel []uint16, out []uint64) {
	out = out[:len(sel)]
	for i := range out {
		out[i] = h.Seed
	}
	if h.Zero {
		clear(out)
		return
	}
	for _, v := range cols {
		s := pick(v, sel)
		switch v.Type.Phys() {
		case types.PhysInt64:
			hashInts(v.I64, v.Null, s, out)
		case types.PhysUint64:
			hashInts(v.U64, v.Null, s, out)
		case types.PhysFloat64:
			for i, k := range s {
				out[i] = mix(out[i]^floatBits(v.F64[k], v.Null[k]), mixA)
			}
		case types.PhysDecimal:
			for i, k := range s {
				x := uint64(mixNull)
				if v.Null[k] == 0 {
					d := &v.Dec[k]
					x = d[0] ^ mixB
					if s := uint64(int64(d[0]) >> 63); d[1] != s || d[2] != s || d[3] != s {
						x = mix(d[1]^mixA, mixB) ^ mix(d[2]^mixB, mixC) ^ mix(d[3]^mixC, d[0]^mixA)
					}
				}
				out[i] = mix(out[i]^x, mixA)
			}
		case types.PhysString:
			h.strings(b, v, s, out)
		}
	}
	for i, x := range out {
		out[i] = mix(x^mixB, mixC)
	}
	if cap(h.weight) > sharedOverflowBytes {
		h.weight = nil
	}
}

func hashInts[V int64 | uint64](vals []V, null []uint8, sel []uint16, out []uint64) {
	for i, k := range sel {
		x := uint64(vals[k]) ^ mixB
		if null[k] != 0 {
			x = mixNull
		}
		out[i] = mix(out[i]^x, mixA)
	}
}

// floatBits makes one of -0 and 0, and one of all NaNs.
func floatBits(f float64, null uint8) uint64 {
	switch {
	case null != 0:
		return mixNull
	case f != f:
		return mixC
	}
	return math.Float64bits(f+0) ^ mixB
}

func (h *Hasher) strings(b memory.Base, v *vector.Vector, sel []uint16, out []uint64) {
	how := equalityOf(v.Type)
	for i, k := range sel {
		x := uint64(mixNull)
		if v.Null[k] == 0 {
			text := v.Str[k].Bytes(b)
			switch how {
			case equalTrimmed:
				text = bytes.TrimRight(text, " ")
			case equalWeights:
				h.weight = collation.WeightPrefix(v.Type.Collation, h.weight[:0], text, hashedWeights)
				text = h.weight
			}
			x = xxh3.Hash(text)
		}
		out[i] = mix(out[i]^x, mixA)
	}
}

// equality is when strings are equal.
type equality uint8

const (
	equalBytes   equality = iota // the same bytes
	equalTrimmed                 // but for spaces at the end
	equalWeights                 // the same weight strings
)

func equalityOf(t types.Type) equality {
	switch {
	case t.ID == types.JSON || t.Collation == 0 || t.Collation == collation.Binary:
		return equalBytes
	case !collation.IsBinary(t.Collation):
		return equalWeights
	case collation.PadSpace(t.Collation):
		return equalTrimmed
	}
	return equalBytes
}
