package expr

import (
	"math"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/vector"
)

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
