package expr

import (
	"math/bits"

	"github.com/spillwaydb/spillway/internal/types"
)

// Bit operations on BIGINT UNSIGNED. Binary strings are taken as numbers, as MySQL 5.7 does.

func defineBits(t table) {
	for name, op := range map[string]func(x, y uint64) uint64{
		"&": func(x, y uint64) uint64 { return x & y },
		"|": func(x, y uint64) uint64 { return x | y },
		"^": func(x, y uint64) uint64 { return x ^ y },
		// Go's shifts by 64 or more give 0, as MySQL's do.
		"<<": func(x, y uint64) uint64 { return x << y },
		">>": func(x, y uint64) uint64 { return x >> y },
	} {
		t.simple(name, "u", 2, 2, returnsUint, function{row: func(r *row) error {
			return r.setU64(op(r.u64(0), r.u64(1)))
		}})
	}
	t.simple("~", "u", 1, 1, returnsUint, function{row: func(r *row) error { return r.setU64(^r.u64(0)) }})
	t.simple("bit_count", "u", 1, 1, returns(types.NewBigInt()), function{row: func(r *row) error {
		return r.setI64(int64(bits.OnesCount64(r.u64(0))))
	}})
}
