package exectest

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// Gen says how a column's values are made.
type Gen struct {
	Type     types.Type
	Distinct int // numbers 0 .. Distinct-1, or texts of them
	Nulls    int // percent
	Length   int // strings get about so many bytes
}

// Types are the types of the columns.
func Types(columns []Gen) []types.Type {
	out := make([]types.Type, len(columns))
	for i, g := range columns {
		out[i] = g.Type
	}
	return out
}

// Make makes n rows.
func Make(r *rand.Rand, n int, columns []Gen) []Row {
	out := make([]Row, n)
	for i := range out {
		row := make(Row, len(columns))
		for c, g := range columns {
			row[c] = g.value(r)
		}
		out[i] = row
	}
	return out
}

func (g *Gen) value(r *rand.Rand) types.Datum {
	d := types.Datum{Type: g.Type}
	if r.IntN(100) < g.Nulls {
		return d
	}
	d.Kind = g.Type.Phys()
	n := r.IntN(max(g.Distinct, 1))
	switch d.Kind {
	case types.PhysInt64:
		d.I = int64(n - g.Distinct/2)
	case types.PhysUint64:
		d.U = uint64(n)
	case types.PhysFloat64:
		d.F = float64(n-g.Distinct/2) / 4
	case types.PhysDecimal:
		d.D = types.Dec{uint64(n)}
	case types.PhysString:
		// Equal numbers give texts that are equal but for case.
		text := []byte(strings.Repeat(string(rune('a'+n%26)), 1+n%7) + "-" + digits(n))
		for len(text) < g.Length {
			text = append(text, byte('k'+n%9))
		}
		if r.IntN(2) == 0 && !collation.IsBinary(g.Type.Collation) {
			text = []byte(strings.ToUpper(string(text)))
		}
		d.S = text
	}
	return d
}

func digits(n int) string {
	var b []byte
	for ; n > 0; n /= 10 {
		b = append(b, byte('0'+n%10))
	}
	return string(b)
}

// Compare orders two values of one type as ORDER BY does.
func Compare(a, b types.Datum) int {
	switch {
	case a.IsNull() && b.IsNull():
		return 0
	case a.IsNull():
		return -1
	case b.IsNull():
		return 1
	case a.Kind == types.PhysString:
		return collation.Collate(a.Type.Collation, a.S, b.S)
	case a.Kind == types.PhysDecimal:
		return cmp.Or(cmp.Compare(int64(a.D[3]), int64(b.D[3])), cmp.Compare(a.D[2], b.D[2]),
			cmp.Compare(a.D[1], b.D[1]), cmp.Compare(a.D[0], b.D[0]))
	}
	return cmp.Or(cmp.Compare(a.I, b.I), cmp.Compare(a.U, b.U), cmp.Compare(a.F, b.F))
}

// Print is a number that is the same for rows with identical values, and hardly ever for others.
func Print(r Row) uint64 { return fingerprint(r, false) }

// Counts says how often each row comes, by its Print.
func Counts(rows []Row) map[uint64]int {
	out := map[uint64]int{}
	for _, r := range rows {
		out[Print(r)]++
	}
	return out
}

// KeyPrint is Print for rows that are equal as keys of GROUP BY are.
func KeyPrint(r Row) uint64 { return fingerprint(r, true) }

func fingerprint(r Row, equal bool) uint64 {
	var b []byte
	for _, d := range r {
		b = append(b, byte(d.Kind))
		for _, n := range [...]uint64{uint64(d.I), d.U, math.Float64bits(d.F), d.D[0], d.D[1], d.D[2], d.D[3]} {
			b = binary.LittleEndian.AppendUint64(b, n)
		}
		from := len(b)
		if equal && d.Kind == types.PhysString {
			b = collation.WeightString(d.Type.Collation, b, d.S)
		} else {
			b = append(b, d.S...)
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(len(b)-from))
	}
	return xxh3.Hash(b)
}
