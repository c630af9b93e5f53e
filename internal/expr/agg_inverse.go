package expr

import (
	"math/bits"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Inverse is what an Accumulator has whose updates can be undone exactly, for frames that slide: counts, exact sums,
// BIT_XOR. Sums of doubles are not among them: what rounding took does not come back.
type Inverse interface {
	// Remove undoes Update of rows of args for one state, which has got them.
	Remove(b memory.Base, state memory.Ref, rows []uint16, n int, args []*vector.Vector) error
}

// InverseOf returns the inverse of an accumulator; nil if it has none.
func InverseOf(a Accumulator) Inverse {
	if bit, ok := a.(*bitAccumulator); ok && bit.name != "bit_xor" {
		return nil
	}
	inverse, _ := a.(Inverse)
	return inverse
}

var (
	_ Inverse = countAccumulator{}
	_ Inverse = (*sumIntAccumulator)(nil)
	_ Inverse = (*sumDecAccumulator)(nil)
	_ Inverse = (*bitAccumulator)(nil)
)

// Remove implements Inverse.
func (a countAccumulator) Remove(b memory.Base, state memory.Ref, rows []uint16, n int, args []*vector.Vector) error {
	s := stateAt[int64](b, state)
	before := *s
	err := a.UpdateOne(b, state, rows, n, args)
	*s = before - (*s - before)
	return err
}

func (s *sumIntState) sub(lo, hi uint64) {
	var borrow uint64
	s.lo, borrow = bits.Sub64(s.lo, lo, 0)
	s.hi, _ = bits.Sub64(s.hi, hi, borrow)
	s.n--
}

// Remove implements Inverse.
func (*sumIntAccumulator) Remove(b memory.Base, state memory.Ref, rows []uint16, n int, args []*vector.Vector) error {
	v, m, s := args[0], mask(args[0]), stateAt[sumIntState](b, state)
	signed := v.Type.Phys() == types.PhysInt64
	for k := range rowCount(rows, n) {
		i := rowAt(rows, k) & m
		switch {
		case v.Null[i] != 0:
		case signed:
			s.sub(uint64(v.I64[i]), uint64(v.I64[i]>>63))
		default:
			s.sub(v.U64[i], 0)
		}
	}
	return nil
}

// Remove implements Inverse.
func (a *sumDecAccumulator) Remove(b memory.Base, state memory.Ref, rows []uint16, n int,
	args []*vector.Vector) error {
	v, m, s := args[0], mask(args[0]), stateAt[sumDecState](b, state)
	for k := range rowCount(rows, n) {
		i := rowAt(rows, k) & m
		if v.Null[i] != 0 {
			continue
		}
		d := v.Dec[i].Neg()
		if !s.add(&d) {
			return a.overflow()
		}
		s.n -= 2
	}
	return nil
}

// Remove implements Inverse: it is the same as to add.
func (a *bitAccumulator) Remove(b memory.Base, state memory.Ref, rows []uint16, n int, args []*vector.Vector) error {
	return a.UpdateOne(b, state, rows, n, args)
}
