package expr

import (
	"math"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

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
