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

func (*sumIntAccumulator) UpdateOne(b memory.Base, state memory.Ref, rows []uint16, n int, args []*vector.Vector) error {
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

// MIN and MAX of words.

type extremeAccumulator[T int64 | uint64 | float64] struct {
	max    bool
	values func(v *vector.Vector) []T
}

func int64Values(v *vector.Vector) []int64     { return v.I64 }
func uint64Values(v *vector.Vector) []uint64   { return v.U64 }
func float64Values(v *vector.Vector) []float64 { return v.F64 }

type extremeState[T any] struct {
	v   T
	set int64
}

func (*extremeAccumulator[T]) StateBytes() int { return 16 }

func (*extremeAccumulator[T]) Init(b memory.Base, states []memory.Ref) {
	for _, s := range states {
		*stateAt[extremeState[T]](b, s) = extremeState[T]{}
	}
}

func (a *extremeAccumulator[T]) Update(b memory.Base, states []memory.Ref, rows []uint16, args []*vector.Vector) error {
	v, m, isMax := args[0], mask(args[0]), a.max
	x := a.values(v)
	for k, r := range states {
		if i := rowAt(rows, k) & m; v.Null[i] == 0 {
			s := stateAt[extremeState[T]](b, r)
			if s.set == 0 || isMax && x[i] > s.v || !isMax && x[i] < s.v {
				s.v, s.set = x[i], 1
			}
		}
	}
	return nil
}

func (a *extremeAccumulator[T]) UpdateOne(b memory.Base, state memory.Ref, rows []uint16, n int,
	args []*vector.Vector) error {
	v, m, isMax := args[0], mask(args[0]), a.max
	x := a.values(v)
	s := *stateAt[extremeState[T]](b, state)
	for k := range rowCount(rows, n) {
		i := rowAt(rows, k) & m
		if v.Null[i] == 0 && (s.set == 0 || isMax && x[i] > s.v || !isMax && x[i] < s.v) {
			s.v, s.set = x[i], 1
		}
	}
	*stateAt[extremeState[T]](b, state) = s
	return nil
}

func (a *extremeAccumulator[T]) Combine(b memory.Base, dst, src []memory.Ref) error {
	for k, r := range dst {
		d, s := stateAt[extremeState[T]](b, r), stateAt[extremeState[T]](b, src[k])
		if s.set != 0 && (d.set == 0 || a.max && s.v > d.v || !a.max && s.v < d.v) {
			*d = *s
		}
	}
	return nil
}

func (a *extremeAccumulator[T]) Result(b memory.Base, states []memory.Ref, out *vector.Vector) error {
	x := a.values(out)
	for k, r := range states {
		s := stateAt[extremeState[T]](b, r)
		x[k], out.Null[k] = s.v, uint8(s.set^1)
	}
	return nil
}

// MIN and MAX of decimals.

type extremeDecAccumulator struct{ max bool }

func (*extremeDecAccumulator) StateBytes() int { return 40 }

func (*extremeDecAccumulator) Init(b memory.Base, states []memory.Ref) {
	for _, s := range states {
		*stateAt[extremeState[types.Dec]](b, s) = extremeState[types.Dec]{}
	}
}

func (a *extremeDecAccumulator) add(s *extremeState[types.Dec], v *types.Dec) {
	if s.set != 0 {
		if c := v.Cmp(s.v); a.max && c <= 0 || !a.max && c >= 0 {
			return
		}
	}
	s.v, s.set = *v, 1
}

func (a *extremeDecAccumulator) Update(b memory.Base, states []memory.Ref, rows []uint16, args []*vector.Vector) error {
	v, m := args[0], mask(args[0])
	for k, r := range states {
		if i := rowAt(rows, k) & m; v.Null[i] == 0 {
			a.add(stateAt[extremeState[types.Dec]](b, r), &v.Dec[i])
		}
	}
	return nil
}

func (a *extremeDecAccumulator) UpdateOne(b memory.Base, state memory.Ref, rows []uint16, n int,
	args []*vector.Vector) error {
	v, m, s := args[0], mask(args[0]), stateAt[extremeState[types.Dec]](b, state)
	for k := range rowCount(rows, n) {
		if i := rowAt(rows, k) & m; v.Null[i] == 0 {
			a.add(s, &v.Dec[i])
		}
	}
	return nil
}

func (a *extremeDecAccumulator) Combine(b memory.Base, dst, src []memory.Ref) error {
	for k, r := range dst {
		if s := stateAt[extremeState[types.Dec]](b, src[k]); s.set != 0 {
			a.add(stateAt[extremeState[types.Dec]](b, r), &s.v)
		}
	}
	return nil
}

func (*extremeDecAccumulator) Result(b memory.Base, states []memory.Ref, out *vector.Vector) error {
	for k, r := range states {
		s := stateAt[extremeState[types.Dec]](b, r)
		out.Dec[k], out.Null[k] = s.v, uint8(s.set^1)
	}
	return nil
}

// ANY_VALUE: the first value, NULL or not.

type anyAccumulator struct{ phys types.Phys }

type anyState struct {
	v    types.Dec // a word is in v[0]
	seen uint32
	null uint32
}

func (*anyAccumulator) StateBytes() int { return 40 }

func (*anyAccumulator) Init(b memory.Base, states []memory.Ref) {
	for _, s := range states {
		*stateAt[anyState](b, s) = anyState{}
	}
}

func (a *anyAccumulator) add(s *anyState, v *vector.Vector, i int) {
	if s.seen != 0 {
		return
	}
	s.seen, s.null = 1, uint32(v.Null[i])
	switch a.phys {
	case types.PhysInt64:
		s.v[0] = uint64(v.I64[i])
	case types.PhysUint64:
		s.v[0] = v.U64[i]
	case types.PhysFloat64:
		s.v[0] = math.Float64bits(v.F64[i])
	case types.PhysDecimal:
		s.v = v.Dec[i]
	}
}

func (a *anyAccumulator) Update(b memory.Base, states []memory.Ref, rows []uint16, args []*vector.Vector) error {
	v, m := args[0], mask(args[0])
	for k, r := range states {
		a.add(stateAt[anyState](b, r), v, rowAt(rows, k)&m)
	}
	return nil
}

func (a *anyAccumulator) UpdateOne(b memory.Base, state memory.Ref, rows []uint16, n int, args []*vector.Vector) error {
	if rowCount(rows, n) > 0 {
		a.add(stateAt[anyState](b, state), args[0], rowAt(rows, 0)&mask(args[0]))
	}
	return nil
}

func (*anyAccumulator) Combine(b memory.Base, dst, src []memory.Ref) error {
	for k, r := range dst {
		if d := stateAt[anyState](b, r); d.seen == 0 {
			*d = *stateAt[anyState](b, src[k])
		}
	}
	return nil
}

func (a *anyAccumulator) Result(b memory.Base, states []memory.Ref, out *vector.Vector) error {
	for k, r := range states {
		s := stateAt[anyState](b, r)
		out.Null[k] = uint8(s.null | (s.seen ^ 1))
		switch a.phys {
		case types.PhysInt64:
			out.I64[k] = int64(s.v[0])
		case types.PhysUint64:
			out.U64[k] = s.v[0]
		case types.PhysFloat64:
			out.F64[k] = math.Float64frombits(s.v[0])
		case types.PhysDecimal:
			out.Dec[k] = s.v
		}
	}
	return nil
}

// BIT_AND, BIT_OR, BIT_XOR: never NULL.

type bitAccumulator struct{ name string }

func (*bitAccumulator) StateBytes() int { return 8 }

func (a *bitAccumulator) Init(b memory.Base, states []memory.Ref) {
	v := uint64(0)
	if a.name == "bit_and" {
		v = math.MaxUint64
	}
	for _, s := range states {
		*stateAt[uint64](b, s) = v
	}
}

func (a *bitAccumulator) add(s *uint64, v uint64) {
	switch a.name {
	case "bit_and":
		*s &= v
	case "bit_or":
		*s |= v
	default:
		*s ^= v
	}
}

func (a *bitAccumulator) Update(b memory.Base, states []memory.Ref, rows []uint16, args []*vector.Vector) error {
	v, m := args[0], mask(args[0])
	for k, r := range states {
		if i := rowAt(rows, k) & m; v.Null[i] == 0 {
			a.add(stateAt[uint64](b, r), v.U64[i])
		}
	}
	return nil
}

func (a *bitAccumulator) UpdateOne(b memory.Base, state memory.Ref, rows []uint16, n int, args []*vector.Vector) error {
	v, m, s := args[0], mask(args[0]), stateAt[uint64](b, state)
	for k := range rowCount(rows, n) {
		if i := rowAt(rows, k) & m; v.Null[i] == 0 {
			a.add(s, v.U64[i])
		}
	}
	return nil
}

func (a *bitAccumulator) Combine(b memory.Base, dst, src []memory.Ref) error {
	for k, r := range dst {
		a.add(stateAt[uint64](b, r), *stateAt[uint64](b, src[k]))
	}
	return nil
}

func (*bitAccumulator) Result(b memory.Base, states []memory.Ref, out *vector.Vector) error {
	for k, r := range states {
		out.U64[k], out.Null[k] = *stateAt[uint64](b, r), 0
	}
	return nil
}

// VAR_POP and relatives by Welford's recurrence; partial states combine as in Chan, Golub and LeVeque (1979).

type varianceAccumulator struct {
	sample, root bool
	text         string
}

type varianceState struct {
	n        int64
	mean, m2 float64
}

func (s *varianceState) add(v float64) {
	s.n++
	d := v - s.mean
	s.mean += d / float64(s.n)
	s.m2 += d * (v - s.mean)
}

func (*varianceAccumulator) StateBytes() int { return 24 }

func (*varianceAccumulator) Init(b memory.Base, states []memory.Ref) {
	for _, s := range states {
		*stateAt[varianceState](b, s) = varianceState{}
	}
}

func (*varianceAccumulator) Update(b memory.Base, states []memory.Ref, rows []uint16, args []*vector.Vector) error {
	v, m := args[0], mask(args[0])
	for k, r := range states {
		if i := rowAt(rows, k) & m; v.Null[i] == 0 {
			stateAt[varianceState](b, r).add(v.F64[i])
		}
	}
	return nil
}

func (*varianceAccumulator) UpdateOne(b memory.Base, state memory.Ref, rows []uint16, n int,
	args []*vector.Vector) error {
	v, m, s := args[0], mask(args[0]), stateAt[varianceState](b, state)
	for k := range rowCount(rows, n) {
		if i := rowAt(rows, k) & m; v.Null[i] == 0 {
			s.add(v.F64[i])
		}
	}
	return nil
}

func (*varianceAccumulator) Combine(b memory.Base, dst, src []memory.Ref) error {
	for k, r := range dst {
		d, s := stateAt[varianceState](b, r), stateAt[varianceState](b, src[k])
		if s.n == 0 {
			continue
		}
		n := d.n + s.n
		delta := s.mean - d.mean
		d.m2 += s.m2 + delta*delta*float64(d.n)*float64(s.n)/float64(n)
		d.mean += delta * float64(s.n) / float64(n)
		d.n = n
	}
	return nil
}

func (a *varianceAccumulator) Result(b memory.Base, states []memory.Ref, out *vector.Vector) error {
	for k, r := range states {
		s := stateAt[varianceState](b, r)
		n := s.n
		if a.sample {
			n--
		}
		out.Null[k] = uint8(b2i(n <= 0))
		if n <= 0 {
			continue
		}
		v := s.m2 / float64(n)
		if a.root {
			v = math.Sqrt(v)
		}
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return sqlerr.New(sqlerr.ErrDataOutOfRange, "DOUBLE", a.text)
		}
		out.F64[k] = v
	}
	return nil
}
