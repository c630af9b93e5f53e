package expr

import (
	"math"
	"math/bits"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Aggregates whose states have a fixed size. Each is a struct laid over the state; loops call concrete methods only.

var (
	_ Accumulator = countAccumulator{}
	_ Accumulator = (*sumIntAccumulator)(nil)
	_ Accumulator = (*sumDecAccumulator)(nil)
	_ Accumulator = (*sumRealAccumulator)(nil)
	_ Accumulator = (*extremeAccumulator[int64])(nil)
	_ Accumulator = (*extremeDecAccumulator)(nil)
	_ Accumulator = (*anyAccumulator)(nil)
	_ Accumulator = (*bitAccumulator)(nil)
	_ Accumulator = (*varianceAccumulator)(nil)
)

func stateAt[T any](b memory.Base, r memory.Ref) *T { return (*T)(b.At(r)) }

// rowAt is the row of the k-th entry of rows; nil: k.
func rowAt(rows []uint16, k int) int {
	if rows != nil {
		return int(rows[k])
	}
	return k
}

func rowCount(rows []uint16, n int) int {
	if rows != nil {
		return len(rows)
	}
	return n
}

// COUNT: rows in which no argument is NULL.

type countAccumulator struct{}

func (countAccumulator) StateBytes() int { return 8 }

func (countAccumulator) Init(b memory.Base, states []memory.Ref) {
	for _, s := range states {
		*stateAt[int64](b, s) = 0
	}
}

func (countAccumulator) Update(b memory.Base, states []memory.Ref, rows []uint16, args []*vector.Vector) error {
	switch len(args) {
	case 0:
		for _, s := range states {
			*stateAt[int64](b, s)++
		}
	case 1:
		v, m := args[0], mask(args[0])
		for k, s := range states {
			*stateAt[int64](b, s) += int64(v.Null[rowAt(rows, k)&m] ^ 1)
		}
	default:
		for k, s := range states {
			*stateAt[int64](b, s) += int64(b2i(!anyNull(args, rowAt(rows, k))))
		}
	}
	return nil
}

func anyNull(args []*vector.Vector, i int) bool {
	for _, v := range args {
		if v.IsNull(i) {
			return true
		}
	}
	return false
}

func (countAccumulator) UpdateOne(b memory.Base, state memory.Ref, rows []uint16, n int, args []*vector.Vector) error {
	count := rowCount(rows, n)
	if len(args) > 0 {
		total := count
		count = 0
		for k := range total {
			count += b2i(!anyNull(args, rowAt(rows, k)))
		}
	}
	*stateAt[int64](b, state) += int64(count)
	return nil
}

func (countAccumulator) Combine(b memory.Base, dst, src []memory.Ref) error {
	for k, d := range dst {
		*stateAt[int64](b, d) += *stateAt[int64](b, src[k])
	}
	return nil
}

func (countAccumulator) Result(b memory.Base, states []memory.Ref, out *vector.Vector) error {
	for k, s := range states {
		out.I64[k], out.Null[k] = *stateAt[int64](b, s), 0
	}
	return nil
}

// SUM and AVG of integers: 128 bits, which 2^64 rows do not overflow.

type sumIntAccumulator struct{ avg bool }

type sumIntState struct {
	lo, hi uint64 // two's complement
	n      int64
}

func (s *sumIntState) add(v int64) {
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, uint64(v), 0)
	s.hi += uint64(v>>63) + carry
	s.n++
}

// addAll adds without branches: a NULL is and-ed to 0.
func (s *sumIntState) addAll(x []int64, null []uint8) {
	lo, hi, n := s.lo, s.hi, s.n
	null = null[:len(x)]
	for i, v := range x {
		v &= int64(null[i]) - 1
		var carry uint64
		lo, carry = bits.Add64(lo, uint64(v), 0)
		hi += uint64(v>>63) + carry
		n += int64(null[i] ^ 1)
	}
	s.lo, s.hi, s.n = lo, hi, n
}

func (s *sumIntState) addUint(v uint64) {
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, v, 0)
	s.hi += carry
	s.n++
}

func (s *sumIntState) dec() types.Dec {
	ext := uint64(int64(s.hi) >> 63)
	return types.Dec{s.lo, s.hi, ext, ext}
}

func (*sumIntAccumulator) StateBytes() int { return 24 }

func (*sumIntAccumulator) Init(b memory.Base, states []memory.Ref) {
	for _, s := range states {
		*stateAt[sumIntState](b, s) = sumIntState{}
	}
}

func (*sumIntAccumulator) Update(b memory.Base, states []memory.Ref, rows []uint16, args []*vector.Vector) error {
	v, m := args[0], mask(args[0])
	if v.Type.Phys() == types.PhysUint64 {
		for k, s := range states {
			if i := rowAt(rows, k) & m; v.Null[i] == 0 {
				stateAt[sumIntState](b, s).addUint(v.U64[i])
			}
		}
		return nil
	}
	for k, s := range states {
		if i := rowAt(rows, k) & m; v.Null[i] == 0 {
			stateAt[sumIntState](b, s).add(v.I64[i])
		}
	}
	return nil
}

func (*sumIntAccumulator) UpdateOne(b memory.Base, state memory.Ref, rows []uint16, n int,
	args []*vector.Vector) error {
	v, m := args[0], mask(args[0])
	s := *stateAt[sumIntState](b, state)
	if v.Type.Phys() == types.PhysUint64 {
		for k := range rowCount(rows, n) {
			if i := rowAt(rows, k) & m; v.Null[i] == 0 {
				s.addUint(v.U64[i])
			}
		}
	} else if rows == nil && m != 0 {
		s.addAll(v.I64[:n], v.Null)
	} else {
		for k := range rowCount(rows, n) {
			if i := rowAt(rows, k) & m; v.Null[i] == 0 {
				s.add(v.I64[i])
			}
		}
	}
	*stateAt[sumIntState](b, state) = s
	return nil
}

func (*sumIntAccumulator) Combine(b memory.Base, dst, src []memory.Ref) error {
	for k, r := range dst {
		d, s := stateAt[sumIntState](b, r), stateAt[sumIntState](b, src[k])
		var carry uint64
		d.lo, carry = bits.Add64(d.lo, s.lo, 0)
		d.hi, _ = bits.Add64(d.hi, s.hi, carry)
		d.n += s.n
	}
	return nil
}

func (a *sumIntAccumulator) Result(b memory.Base, states []memory.Ref, out *vector.Vector) error {
	for k, r := range states {
		s := stateAt[sumIntState](b, r)
		out.Null[k] = uint8(b2i(s.n == 0))
		switch {
		case s.n == 0:
		case a.avg:
			out.Dec[k], _ = types.DecDiv(s.dec(), 0, types.DecFromInt64(s.n, 0), 0, out.Type.Scale)
		default:
			out.Dec[k] = s.dec()
		}
	}
	return nil
}

// SUM and AVG of decimals.

type sumDecAccumulator struct {
	avg   bool
	scale uint8
	text  string
}

type sumDecState struct {
	sum types.Dec
	n   int64
}

func (*sumDecAccumulator) StateBytes() int { return 40 }

func (*sumDecAccumulator) Init(b memory.Base, states []memory.Ref) {
	for _, s := range states {
		*stateAt[sumDecState](b, s) = sumDecState{}
	}
}

func (a *sumDecAccumulator) overflow() error {
	return sqlerr.New(sqlerr.ErrDataOutOfRange, "DECIMAL", a.text)
}

func (s *sumDecState) add(v *types.Dec) bool {
	if isWord(v) && isWord(&s.sum) {
		p, q := int64(s.sum[0]), int64(v[0])
		if r := p + q; (p^r)&(q^r) >= 0 {
			ext := uint64(r >> 63)
			s.sum = types.Dec{uint64(r), ext, ext, ext}
			s.n++
			return true
		}
	}
	var ok bool
	s.sum, ok = s.sum.Add(*v)
	s.n++
	return ok
}

func (a *sumDecAccumulator) Update(b memory.Base, states []memory.Ref, rows []uint16, args []*vector.Vector) error {
	v, m := args[0], mask(args[0])
	for k, s := range states {
		if i := rowAt(rows, k) & m; v.Null[i] == 0 && !stateAt[sumDecState](b, s).add(&v.Dec[i]) {
			return a.overflow()
		}
	}
	return nil
}

func (a *sumDecAccumulator) UpdateOne(b memory.Base, state memory.Ref, rows []uint16, n int,
	args []*vector.Vector) error {
	v, m := args[0], mask(args[0])
	s := *stateAt[sumDecState](b, state)
	for k := range rowCount(rows, n) {
		if i := rowAt(rows, k) & m; v.Null[i] == 0 && !s.add(&v.Dec[i]) {
			return a.overflow()
		}
	}
	*stateAt[sumDecState](b, state) = s
	return nil
}

func (a *sumDecAccumulator) Combine(b memory.Base, dst, src []memory.Ref) error {
	for k, r := range dst {
		d, s := stateAt[sumDecState](b, r), stateAt[sumDecState](b, src[k])
		n := d.n + s.n
		if !d.add(&s.sum) {
			return a.overflow()
		}
		d.n = n
	}
	return nil
}

func (a *sumDecAccumulator) Result(b memory.Base, states []memory.Ref, out *vector.Vector) error {
	for k, r := range states {
		s := stateAt[sumDecState](b, r)
		out.Null[k] = uint8(b2i(s.n == 0))
		if s.n == 0 {
			continue
		}
		v, ok := s.sum, true
		if a.avg {
			v, ok = types.DecDiv(v, a.scale, types.DecFromInt64(s.n, 0), 0, out.Type.Scale)
		}
		if !ok {
			return a.overflow()
		}
		out.Dec[k] = v
	}
	return nil
}

// SUM and AVG of doubles.

type sumRealAccumulator struct {
	avg  bool
	text string
}

type sumRealState struct {
	sum float64
	n   int64
}

func (*sumRealAccumulator) StateBytes() int { return 16 }

func (*sumRealAccumulator) Init(b memory.Base, states []memory.Ref) {
	for _, s := range states {
		*stateAt[sumRealState](b, s) = sumRealState{}
	}
}

func (*sumRealAccumulator) Update(b memory.Base, states []memory.Ref, rows []uint16, args []*vector.Vector) error {
	v, m := args[0], mask(args[0])
	for k, r := range states {
		if i := rowAt(rows, k) & m; v.Null[i] == 0 {
			s := stateAt[sumRealState](b, r)
			s.sum += v.F64[i]
			s.n++
		}
	}
	return nil
}

func (*sumRealAccumulator) UpdateOne(b memory.Base, state memory.Ref, rows []uint16, n int,
	args []*vector.Vector) error {
	v, m := args[0], mask(args[0])
	s := *stateAt[sumRealState](b, state)
	for k := range rowCount(rows, n) {
		if i := rowAt(rows, k) & m; v.Null[i] == 0 {
			s.sum += v.F64[i]
			s.n++
		}
	}
	*stateAt[sumRealState](b, state) = s
	return nil
}

func (*sumRealAccumulator) Combine(b memory.Base, dst, src []memory.Ref) error {
	for k, r := range dst {
		d, s := stateAt[sumRealState](b, r), stateAt[sumRealState](b, src[k])
		d.sum += s.sum
		d.n += s.n
	}
	return nil
}

func (a *sumRealAccumulator) Result(b memory.Base, states []memory.Ref, out *vector.Vector) error {
	for k, r := range states {
		s := stateAt[sumRealState](b, r)
		out.Null[k] = uint8(b2i(s.n == 0))
		if s.n == 0 {
			continue
		}
		v := s.sum
		if a.avg {
			v /= float64(s.n)
		}
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return sqlerr.New(sqlerr.ErrDataOutOfRange, "DOUBLE", a.text)
		}
		out.F64[k] = v
	}
	return nil
}
