package expr

import (
	"math"
	"math/bits"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// Mathematical functions. Those outside of their domain are NULL; ROUND and relatives stay exact for exact numbers.

func defineMath(t table) {
	t["abs"] = definition{1, 1, buildAbs}
	t["sign"] = definition{1, 1, func(b *builder, args []Expr) (Expr, error) {
		return b.call(signFunction, []Expr{toNumber(args[0])}, types.NewInt(), 0, 0), nil
	}}
	t["ceiling"] = definition{1, 1, func(b *builder, args []Expr) (Expr, error) {
		return b.whole(args[0], ceilDec, ceilReal)
	}}
	t.alias("ceil", "ceiling")
	t["floor"] = definition{1, 1, func(b *builder, args []Expr) (Expr, error) {
		return b.whole(args[0], floorDec, floorReal)
	}}
	t["round"] = definition{1, 2, func(b *builder, args []Expr) (Expr, error) {
		return b.rounded(args, roundInt, roundDec, roundReal)
	}}
	t["truncate"] = definition{2, 2, func(b *builder, args []Expr) (Expr, error) {
		return b.rounded(args, truncateInt, truncateDec, truncateReal)
	}}
	for name, f := range map[string]func(float64) float64{
		"exp": math.Exp, "sin": math.Sin, "cos": math.Cos, "tan": math.Tan, "atan": math.Atan,
		"degrees": func(x float64) float64 { return x * 180 / math.Pi },
		"radians": func(x float64) float64 { return x * math.Pi / 180 },
		"cot":     func(x float64) float64 { return 1 / math.Tan(x) },
	} {
		t.real(name, func(x float64) (float64, bool) { return f(x), true }, true)
	}
	t.real("sqrt", func(x float64) (float64, bool) { return math.Sqrt(x), x >= 0 }, false)
	t.real("asin", func(x float64) (float64, bool) { return math.Asin(x), x >= -1 && x <= 1 }, false)
	t.real("acos", func(x float64) (float64, bool) { return math.Acos(x), x >= -1 && x <= 1 }, false)
	for name, f := range map[string]func(float64) float64{"ln": math.Log, "log2": math.Log2, "log10": math.Log10} {
		t.simple(name, "f", 1, 1, returnsDouble, function{flags: mayNull, row: func(r *row) error {
			return r.logarithm(r.f64(0), f)
		}})
	}
	t.simple("log", "f", 1, 2, returnsDouble, function{flags: mayNull, row: rowLog})
	t.simple("atan2", "f", 2, 2, returnsDouble, function{row: func(r *row) error {
		return r.setF64(math.Atan2(r.f64(0), r.f64(1)))
	}})
	t.simple("pow", "f", 2, 2, returnsDouble, function{row: rowPow})
	t.alias("power", "pow")
	atan := t["atan"]
	t["atan"] = definition{1, 2, func(b *builder, args []Expr) (Expr, error) {
		if len(args) == 2 {
			return NewCall("atan2", args, b.env)
		}
		return atan.build(b, args)
	}}
	t.simple("pi", "x", 0, 0, returnsDouble, function{row: func(r *row) error { return r.setF64(math.Pi) }})
	t.simple("rand", "i", 0, 1, returnsDouble, function{flags: volatile | seesNull, row: rowRand})
}

// real defines a function of one double; finite: an infinite result is error 1690.
func (t table) real(name string, f func(float64) (float64, bool), finite bool) {
	t.simple(name, "f", 1, 1, returnsDouble, function{flags: mayNull, row: func(r *row) error {
		v, ok := f(r.f64(0))
		switch {
		case !ok:
			return r.setNull()
		case finite && (math.IsInf(v, 0) || math.IsNaN(v)):
			return r.outOfRange()
		}
		return r.setF64(v)
	}})
}

var (
	absInt  = &function{name: "abs", row: rowAbsInt}
	absUint = &function{name: "abs", row: func(r *row) error { return r.setU64(r.u64(0)) }}
	absDec  = &function{name: "abs", row: func(r *row) error { return r.setDec(r.dec(0).Abs()) }}
	absReal = &function{name: "abs", row: func(r *row) error { return r.setF64(math.Abs(r.f64(0))) }}

	signFunction = &function{name: "sign", row: rowSign}

	ceilDec   = &function{name: "ceiling", row: func(r *row) error { return r.wholeDec(1) }}
	ceilReal  = &function{name: "ceiling", row: func(r *row) error { return r.setF64(math.Ceil(r.f64(0))) }}
	floorDec  = &function{name: "floor", row: func(r *row) error { return r.wholeDec(-1) }}
	floorReal = &function{name: "floor", row: func(r *row) error { return r.setF64(math.Floor(r.f64(0))) }}

	roundInt     = &function{name: "round", row: func(r *row) error { return r.roundInt(true) }}
	truncateInt  = &function{name: "truncate", row: func(r *row) error { return r.roundInt(false) }}
	roundDec     = &function{name: "round", row: func(r *row) error { return r.roundDec(true) }}
	truncateDec  = &function{name: "truncate", row: func(r *row) error { return r.roundDec(false) }}
	roundReal    = &function{name: "round", row: func(r *row) error { return r.roundReal(math.RoundToEven) }}
	truncateReal = &function{name: "truncate", row: func(r *row) error { return r.roundReal(math.Trunc) }}
)

func buildAbs(b *builder, args []Expr) (Expr, error) {
	e := toNumber(args[0])
	t := e.Type()
	switch {
	case classOf(t) == classReal:
		return b.call(absReal, []Expr{NewCast(e, types.NewDouble())}, types.NewDouble(), 0, 0), nil
	case classOf(t) == classDec:
		return b.call(absDec, []Expr{e}, types.NewDecimal(int(t.Precision), int(t.Scale)), 0, 0), nil
	case t.Phys() == types.PhysUint64:
		return b.call(absUint, []Expr{e}, types.NewUBigInt(), 0, 0), nil
	}
	return b.call(absInt, []Expr{e}, types.NewBigInt(), 0, 0), nil
}

func rowAbsInt(r *row) error {
	v := r.i64(0)
	if v == math.MinInt64 {
		return r.outOfRange()
	}
	if v < 0 {
		v = -v
	}
	return r.setI64(v)
}

func rowSign(r *row) error {
	d := r.datum(0)
	switch d.Kind {
	case types.PhysFloat64:
		return r.setI64(int64(b2i(d.F > 0) - b2i(d.F < 0)))
	case types.PhysUint64:
		return r.setI64(int64(b2i(d.U > 0)))
	case types.PhysDecimal:
		return r.setI64(int64(d.D.Sign()))
	}
	return r.setI64(int64(b2i(d.I > 0) - b2i(d.I < 0)))
}

// whole is CEILING or FLOOR: BIGINT for decimals that surely fit, integers as they are.
func (b *builder) whole(e Expr, decs, reals *function) (Expr, error) {
	e = toNumber(e)
	t := e.Type()
	switch classOf(t) {
	case classInt:
		return e, nil
	case classReal:
		return b.call(reals, []Expr{NewCast(e, types.NewDouble())}, types.NewDouble(), 0, 0), nil
	}
	digits := int(t.Precision) - int(t.Scale)
	if digits < 18 {
		return b.call(decs, []Expr{e}, types.NewBigInt(), 0, 0), nil
	}
	return b.call(decs, []Expr{e}, types.NewDecimal(digits+1, 0), 0, 0), nil
}

// wholeDec cuts the digits behind the point and goes one up or down if there were any in that direction.
func (r *row) wholeDec(direction int) error {
	v, scale := r.dec(0), r.argType(0).Scale
	w := v.TruncateTo(scale, 0)
	if c := types.DecCmp(v, scale, w, 0); c != 0 && c == direction {
		w, _ = w.Add(types.DecFromInt64(int64(direction), 0))
	}
	if r.out.Type.ID == types.Decimal {
		return r.setDec(w)
	}
	n, ok := w.ToInt64(0)
	if !ok {
		return r.outOfRange()
	}
	return r.setI64(n)
}

func (b *builder) rounded(args []Expr, ints, decs, reals *function) (Expr, error) {
	e := toNumber(args[0])
	digits := Expr(NewInt(0))
	if len(args) > 1 {
		digits = b.fold(NewCast(args[1], types.NewBigInt()))
	}
	n, literal := literalInt(digits)
	t := e.Type()
	switch classOf(t) {
	case classReal:
		return b.call(reals, []Expr{NewCast(e, types.NewDouble()), digits}, types.NewDouble(), 0, 0), nil
	case classInt:
		if literal && n >= 0 {
			return e, nil
		}
		return b.call(ints, []Expr{e, digits}, types.NewInteger(types.BigInt, t.Phys() == types.PhysUint64), 0, 0), nil
	}
	scale := int(t.Scale)
	if literal {
		scale = int(min(max(n, 0), int64(scale)))
	}
	p := int(t.Precision) - int(t.Scale) + scale
	if decs == roundDec {
		p++
	}
	return b.call(decs, []Expr{e, digits}, types.NewDecimal(p, scale), 0, 0), nil
}

// roundInt rounds or cuts an integer to tens, hundreds, ...
func (r *row) roundInt(round bool) error {
	n := r.i64(1)
	w := wideAt(r, 0)
	if n >= 0 {
		return r.setWide(w)
	}
	if n < -19 {
		return r.setWide(wide{})
	}
	unit := uint64(1)
	for ; n < 0; n++ {
		unit *= 10
	}
	rest := w.mag % unit
	w.mag -= rest
	if round && rest >= unit-rest {
		var carry uint64
		if w.mag, carry = bits.Add64(w.mag, unit, 0); carry != 0 {
			return r.outOfRange()
		}
	}
	w.neg = w.neg && w.mag != 0
	return r.setWide(w)
}

func (r *row) roundDec(round bool) error {
	v, scale, n := r.dec(0), r.argType(0).Scale, r.i64(1)
	out := r.out.Type.Scale
	ok := true
	if n >= 0 {
		to := uint8(min(n, int64(scale)))
		if round {
			v, ok = v.Rescale(scale, to)
		} else {
			v = v.TruncateTo(scale, to)
		}
		if ok {
			v, ok = v.Rescale(to, out)
		}
	} else {
		// To tens: divide by a power of ten, then multiply again.
		down := min(-n, types.MaxPrecision)
		power := types.DecFromInt64(1, 0)
		for range down {
			if power, ok = power.Mul(types.DecFromInt64(10, 0)); !ok {
				return r.setDec(types.Dec{})
			}
		}
		if !round {
			rest, _ := types.DecMod(v, scale, power, 0)
			v, _ = v.Sub(rest)
		}
		if v, ok = types.DecDiv(v, scale, power, 0, 0); ok {
			v, ok = v.Mul(power)
		}
		if ok {
			v, ok = v.Rescale(0, out)
		}
	}
	if !ok {
		return r.outOfRange()
	}
	return r.setDec(v)
}

func (r *row) roundReal(f func(float64) float64) error {
	v, n := r.f64(0), r.i64(1)
	switch {
	case n == 0:
		return r.setF64(f(v))
	case n > 308:
		return r.setF64(v)
	case n < -308:
		return r.setF64(0)
	case n > 0:
		p := math.Pow10(int(n))
		if s := v * p; !math.IsInf(s, 0) {
			return r.setF64(f(s) / p)
		}
		return r.setF64(v)
	}
	p := math.Pow10(int(-n))
	return r.setF64(f(v/p) * p)
}

// logarithm is NULL for numbers that are not positive.
func (r *row) logarithm(x float64, f func(float64) float64) error {
	if x <= 0 {
		r.ev.note(errInvalidLogarithm())
		return r.setNull()
	}
	return r.setF64(f(x))
}

func rowLog(r *row) error {
	if r.nargs() == 1 {
		return r.logarithm(r.f64(0), math.Log)
	}
	base := r.f64(0)
	if base <= 0 || base == 1 {
		r.ev.note(errInvalidLogarithm())
		return r.setNull()
	}
	return r.logarithm(r.f64(1), func(x float64) float64 { return math.Log(x) / math.Log(base) })
}

func rowPow(r *row) error {
	v := math.Pow(r.f64(0), r.f64(1))
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return r.outOfRange()
	}
	return r.setF64(v)
}

// next is the evaluator's generator, SplitMix64.
func (ev *Evaluator) next() uint64 {
	ev.random += 0x9e3779b97f4a7c15
	z := ev.random
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// randState is the generator of RAND(n), MySQL's: two words below 2^30.
type randState struct{ seed1, seed2 uint32 }

const randMax = 0x3fffffff

func (s *randState) next() float64 {
	s.seed1 = uint32((uint64(s.seed1)*3 + uint64(s.seed2)) % randMax)
	s.seed2 = uint32((uint64(s.seed1) + uint64(s.seed2) + 33) % randMax)
	return float64(s.seed1) / randMax
}

// rowRand: a constant seed starts one sequence for all rows, a seed from a column starts anew for each row.
func rowRand(r *row) error {
	if r.nargs() == 0 {
		return r.setF64(float64(r.ev.next()>>11) / (1 << 53))
	}
	s, ok := r.nd.state.(*randState)
	if _, constant := r.nd.args[0].e.(*Const); !ok || !constant {
		seed := uint32(0)
		if !r.isNull(0) {
			seed = uint32(r.i64(0))
		}
		s = &randState{seed1: (seed*0x10001 + 55555555) % randMax, seed2: (seed * 0x10000001) % randMax}
		r.nd.state = s
	}
	return r.setF64(s.next())
}

// errInvalidLogarithm is MySQL's 3020.
func errInvalidLogarithm() *sqlerr.Error { return sqlerr.Newf(3020, "Invalid argument for logarithm") }
