package expr

import (
	"math"
	"math/bits"

	"github.com/spillwaydb/spillway/internal/types"
)

// Arithmetic: + - * / div % and unary -. Integers are 64 bits wide and overflow with 1690; a sum of a signed and an
// unsigned one is unsigned. Decimals of an addition are brought to one scale by casts.

var (
	addInt  = &function{name: "+", vec: evalAddInt}
	subInt  = &function{name: "-", vec: evalSubInt}
	mulInt  = &function{name: "*", vec: evalMulInt}
	addMix  = &function{name: "+", vec: evalMixed}
	subMix  = &function{name: "-", vec: evalMixed}
	mulMix  = &function{name: "*", vec: evalMixed}
	addDec  = &function{name: "+", vec: evalDec}
	subDec  = &function{name: "-", vec: evalDec}
	mulDec  = &function{name: "*", vec: evalMulDec}
	addReal = &function{name: "+", vec: evalReal}
	subReal = &function{name: "-", vec: evalReal}
	mulReal = &function{name: "*", vec: evalReal}
	divReal = &function{name: "/", flags: mayNull, vec: evalDivReal}
	divDec  = &function{name: "/", flags: mayNull, vec: evalDivDec}
	divInt  = &function{name: "div", flags: mayNull, row: rowDivInt}
	divDecI = &function{name: "div", flags: mayNull, row: rowDivDecInt}
	modInt  = &function{name: "%", flags: mayNull, row: rowModInt}
	modDec  = &function{name: "%", flags: mayNull, row: rowModDec}
	modReal = &function{name: "%", flags: mayNull, row: rowModReal}
	negInt  = &function{name: "unary -", row: rowNegInt}
	negUint = &function{name: "unary -", row: rowNegUint}
	negDec  = &function{name: "unary -", row: func(r *row) error { return r.setDec(r.dec(0).Neg()) }}
	negReal = &function{name: "unary -", row: func(r *row) error { return r.setF64(-r.f64(0)) }}
)

func defineArithmetic(t table) {
	t["+"] = definition{2, 2, buildPlus}
	t["-"] = definition{2, 2, buildMinus}
	t["*"] = definition{2, 2, buildTimes}
	t["/"] = definition{2, 2, buildDivide}
	t["div"] = definition{2, 2, buildIntDivide}
	t["%"] = definition{2, 2, buildModulo}
	t.alias("mod", "%")
	t["unary -"] = definition{1, 1, buildNegate}
	t["unary +"] = definition{1, 1, func(_ *builder, args []Expr) (Expr, error) { return args[0], nil }}
}

// operands casts both to numbers and finds the class to compute in.
func operands(args []Expr) (x, y Expr, c numberClass) {
	x, y = toNumber(args[0]), toNumber(args[1])
	return x, y, max(classOf(x.Type()), classOf(y.Type()))
}

func anyUnsigned(x, y Expr) bool {
	return x.Type().Phys() == types.PhysUint64 || y.Type().Phys() == types.PhysUint64
}

func bothUnsigned(x, y Expr) bool {
	return x.Type().Phys() == types.PhysUint64 && y.Type().Phys() == types.PhysUint64
}

func buildPlus(b *builder, args []Expr) (Expr, error) {
	x, y, c := operands(args)
	return b.sum(x, y, c, addInt, addMix, addDec, addReal, false)
}

func buildMinus(b *builder, args []Expr) (Expr, error) {
	x, y, c := operands(args)
	return b.sum(x, y, c, subInt, subMix, subDec, subReal, b.env.SQLMode.Has(types.ModeNoUnsignedSubtraction))
}

func (b *builder) sum(x, y Expr, c numberClass, ints, mixed, decs, reals *function, signed bool) (Expr, error) {
	switch c {
	case classInt:
		t := types.NewInteger(types.BigInt, anyUnsigned(x, y) && !signed)
		switch {
		case !anyUnsigned(x, y):
			return b.call(ints, []Expr{x, y}, t, 0, 0), nil
		case bothUnsigned(x, y) && t.Unsigned:
			return b.call(ints, []Expr{x, y}, t, 0, 0), nil
		}
		return b.call(mixed, []Expr{x, y}, t, 0, 0), nil
	case classDec:
		sx, sy := scaleOf(x.Type()), scaleOf(y.Type())
		px, py := precisionOf(x), precisionOf(y)
		s := max(sx, sy)
		p := max(px-sx, py-sy) + s + 1
		t := types.NewDecimal(p, s)
		return b.call(decs, []Expr{toScale(x, s), toScale(y, s)}, t, 0, 0), nil
	}
	d := types.NewDouble()
	return b.call(reals, []Expr{NewCast(x, d), NewCast(y, d)}, d, 0, 0), nil
}

// toScale casts an exact number to a DECIMAL of that scale with room for all its digits.
func toScale(e Expr, scale int) Expr {
	t := e.Type()
	if t.ID == types.Decimal && int(t.Scale) == scale {
		return e
	}
	return NewCast(e, types.NewDecimal(precisionOf(e)-scaleOf(t)+scale, scale))
}

func buildTimes(b *builder, args []Expr) (Expr, error) {
	x, y, c := operands(args)
	switch c {
	case classInt:
		t := types.NewInteger(types.BigInt, anyUnsigned(x, y))
		if anyUnsigned(x, y) && !bothUnsigned(x, y) {
			return b.call(mulMix, []Expr{x, y}, t, 0, 0), nil
		}
		return b.call(mulInt, []Expr{x, y}, t, 0, 0), nil
	case classDec:
		s := scaleOf(x.Type()) + scaleOf(y.Type())
		t := types.NewDecimal(precisionOf(x)+precisionOf(y), min(s, types.MaxScale))
		return b.call(mulDec, []Expr{toDecimal(x), toDecimal(y)}, t, 0, 0), nil
	}
	d := types.NewDouble()
	return b.call(mulReal, []Expr{NewCast(x, d), NewCast(y, d)}, d, 0, 0), nil
}

// toDecimal makes an exact number a DECIMAL of its own scale.
func toDecimal(e Expr) Expr { return NewCast(e, decimalOf(e)) }

func (env *Env) divIncrement() int {
	if env.DivIncrement <= 0 {
		return types.DefaultDivScale
	}
	return env.DivIncrement
}

func buildDivide(b *builder, args []Expr) (Expr, error) {
	x, y, c := operands(args)
	if c == classReal {
		d := types.NewDouble()
		return b.call(divReal, []Expr{NewCast(x, d), NewCast(y, d)}, d, 0, 0), nil
	}
	inc := b.env.divIncrement()
	s := min(scaleOf(x.Type())+inc, types.MaxScale)
	t := types.NewDecimal(precisionOf(x)+scaleOf(y.Type())+inc, s)
	return b.call(divDec, []Expr{toDecimal(x), toDecimal(y)}, t, 0, 0), nil
}

func buildIntDivide(b *builder, args []Expr) (Expr, error) {
	x, y, c := operands(args)
	t := types.NewInteger(types.BigInt, anyUnsigned(x, y))
	if c == classInt {
		return b.call(divInt, []Expr{x, y}, t, 0, 0), nil
	}
	t.Unsigned = x.Type().Unsigned || y.Type().Unsigned
	return b.call(divDecI, []Expr{toDecimal(x), toDecimal(y)}, t, 0, 0), nil
}

func buildModulo(b *builder, args []Expr) (Expr, error) {
	x, y, c := operands(args)
	b.name = "%"
	switch c {
	case classInt:
		t := types.NewInteger(types.BigInt, x.Type().Phys() == types.PhysUint64)
		return b.call(modInt, []Expr{x, y}, t, 0, 0), nil
	case classDec:
		sx, sy := scaleOf(x.Type()), scaleOf(y.Type())
		t := types.NewDecimal(max(precisionOf(x)-sx, precisionOf(y)-sy)+max(sx, sy), max(sx, sy))
		return b.call(modDec, []Expr{toDecimal(x), toDecimal(y)}, t, 0, 0), nil
	}
	d := types.NewDouble()
	return b.call(modReal, []Expr{NewCast(x, d), NewCast(y, d)}, d, 0, 0), nil
}

func buildNegate(b *builder, args []Expr) (Expr, error) {
	x := toNumber(args[0])
	t := x.Type()
	switch classOf(t) {
	case classDec:
		return b.call(negDec, []Expr{x}, types.NewDecimal(int(t.Precision), int(t.Scale)), 0, 0), nil
	case classReal:
		x = NewCast(x, types.NewDouble())
		return b.call(negReal, []Expr{x}, types.NewDouble(), 0, 0), nil
	}
	if c, ok := x.(*Const); ok && c.D.Kind == types.PhysUint64 && c.D.U > 1<<63 {
		// -9223372036854775809 is a DECIMAL.
		return b.call(negDec, []Expr{toDecimal(x)}, types.NewDecimal(20, 0), 0, 0), nil
	}
	if t.Phys() == types.PhysUint64 {
		return b.call(negUint, []Expr{x}, types.NewBigInt(), 0, 0), nil
	}
	return b.call(negInt, []Expr{x}, types.NewBigInt(), 0, 0), nil
}

// The kernels. Values at NULL rows are arbitrary, so an overflow seen in a loop is looked at a second time.

// overflowed is 1690 if a row that is not NULL overflows.
func overflowed[T int64 | uint64](nd *node, rs rows, x, y []T, over func(x, y T) bool) error {
	mx, my := mask(nd.av[0]), mask(nd.av[1])
	for k := range rs.n {
		i := rs.at(k)
		if nd.out.Null[i] == 0 && over(x[i&mx], y[i&my]) {
			return outOfRange(nd)
		}
	}
	return nil
}

func evalAddInt(_ *Evaluator, nd *node, rs rows) error {
	x, y, out := nd.av[0], nd.av[1], &nd.out
	orNulls(out.Null, nd.av, rs)
	if out.Type.Phys() == types.PhysUint64 {
		if addUint64(out.U64, x.U64, y.U64, mask(x), mask(y), rs) {
			return overflowed(nd, rs, x.U64, y.U64, func(a, b uint64) bool { return a+b < a })
		}
		return nil
	}
	if addInt64(out.I64, x.I64, y.I64, mask(x), mask(y), rs) {
		return overflowed(nd, rs, x.I64, y.I64, func(a, b int64) bool { return (a^(a+b))&(b^(a+b)) < 0 })
	}
	return nil
}

func addInt64(out, x, y []int64, mx, my int, rs rows) bool {
	var over int64
	if rs.sel == nil && mx&my != 0 {
		out = out[:rs.n]
		x, y = x[:len(out)], y[:len(out)]
		for i := range out {
			a, b := x[i], y[i]
			c := a + b
			out[i] = c
			over |= (a ^ c) & (b ^ c)
		}
		return over < 0
	}
	for k := range rs.n {
		i := rs.at(k)
		a, b := x[i&mx], y[i&my]
		c := a + b
		out[i] = c
		over |= (a ^ c) & (b ^ c)
	}
	return over < 0
}

func addUint64(out, x, y []uint64, mx, my int, rs rows) bool {
	over := false
	for k := range rs.n {
		i := rs.at(k)
		a := x[i&mx]
		c := a + y[i&my]
		out[i] = c
		over = over || c < a
	}
	return over
}

func evalSubInt(_ *Evaluator, nd *node, rs rows) error {
	x, y, out := nd.av[0], nd.av[1], &nd.out
	orNulls(out.Null, nd.av, rs)
	if out.Type.Phys() == types.PhysUint64 {
		over, mx, my := false, mask(x), mask(y)
		for k := range rs.n {
			i := rs.at(k)
			a, b := x.U64[i&mx], y.U64[i&my]
			out.U64[i] = a - b
			over = over || a < b
		}
		if over {
			return overflowed(nd, rs, x.U64, y.U64, func(a, b uint64) bool { return a < b })
		}
		return nil
	}
	if subInt64(out.I64, x.I64, y.I64, mask(x), mask(y), rs) {
		return overflowed(nd, rs, x.I64, y.I64, func(a, b int64) bool { return (a^b)&(a^(a-b)) < 0 })
	}
	return nil
}

func subInt64(out, x, y []int64, mx, my int, rs rows) bool {
	var over int64
	if rs.sel == nil && mx&my != 0 {
		out = out[:rs.n]
		x, y = x[:len(out)], y[:len(out)]
		for i := range out {
			a, b := x[i], y[i]
			c := a - b
			out[i] = c
			over |= (a ^ b) & (a ^ c)
		}
		return over < 0
	}
	for k := range rs.n {
		i := rs.at(k)
		a, b := x[i&mx], y[i&my]
		c := a - b
		out[i] = c
		over |= (a ^ b) & (a ^ c)
	}
	return over < 0
}

func evalMulInt(_ *Evaluator, nd *node, rs rows) error {
	x, y, out := nd.av[0], nd.av[1], &nd.out
	orNulls(out.Null, nd.av, rs)
	mx, my := mask(x), mask(y)
	over := false
	if out.Type.Phys() == types.PhysUint64 {
		for k := range rs.n {
			i := rs.at(k)
			hi, lo := bits.Mul64(x.U64[i&mx], y.U64[i&my])
			out.U64[i] = lo
			over = over || hi != 0
		}
		if over {
			return overflowed(nd, rs, x.U64, y.U64, func(a, b uint64) bool {
				hi, _ := bits.Mul64(a, b)
				return hi != 0
			})
		}
		return nil
	}
	a, b, c := x.I64, y.I64, out.I64
	for k := range rs.n {
		i := rs.at(k)
		v, ok := mulInt64(a[i&mx], b[i&my])
		c[i] = v
		over = over || !ok
	}
	if over {
		return overflowed(nd, rs, a, b, func(a, b int64) bool { _, ok := mulInt64(a, b); return !ok })
	}
	return nil
}

func mulInt64(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	// From the unsigned product to the signed one.
	hi -= uint64(a>>63) & uint64(b)
	hi -= uint64(b>>63) & uint64(a)
	return int64(lo), hi == uint64(int64(lo)>>63)
}

// wide is an integer of sign and magnitude, which holds signed and unsigned operands alike.
type wide struct {
	neg bool
	mag uint64
}

func wideAt(ev *row, k int) wide {
	v := ev.av[k]
	i := ev.idx(k)
	if v.Type.Phys() == types.PhysUint64 {
		return wide{mag: v.U64[i]}
	}
	n := v.I64[i]
	if n < 0 {
		return wide{true, -uint64(n)}
	}
	return wide{mag: uint64(n)}
}

func wideAdd(a, b wide) (wide, bool) {
	if a.neg == b.neg {
		s, carry := bits.Add64(a.mag, b.mag, 0)
		return wide{a.neg, s}, carry == 0
	}
	if a.mag >= b.mag {
		return wide{a.neg && a.mag != b.mag, a.mag - b.mag}, true
	}
	return wide{b.neg, b.mag - a.mag}, true
}

func (w wide) int64() (int64, bool) {
	if w.neg {
		return -int64(w.mag), w.mag <= 1<<63
	}
	return int64(w.mag), w.mag <= math.MaxInt64
}

// evalMixed adds, subtracts and multiplies integers of different signedness.
func evalMixed(ev *Evaluator, nd *node, rs rows) error {
	orNulls(nd.out.Null, nd.av, rs)
	r := &nd.row
	for k := range rs.n {
		r.i = rs.at(k)
		if nd.out.Null[r.i] != 0 {
			continue
		}
		a, b := wideAt(r, 0), wideAt(r, 1)
		var c wide
		ok := true
		switch nd.fn.name {
		case "+":
			c, ok = wideAdd(a, b)
		case "-":
			b.neg = !b.neg && b.mag != 0
			c, ok = wideAdd(a, b)
		default:
			hi, lo := bits.Mul64(a.mag, b.mag)
			c, ok = wide{a.neg != b.neg && lo != 0, lo}, hi == 0
		}
		if !ok {
			return outOfRange(nd)
		}
		if nd.out.Type.Phys() == types.PhysUint64 {
			if c.neg {
				return outOfRange(nd)
			}
			nd.out.U64[r.i] = c.mag
			continue
		}
		v, ok := c.int64()
		if !ok {
			return outOfRange(nd)
		}
		nd.out.I64[r.i] = v
	}
	return nil
}

func evalDec(_ *Evaluator, nd *node, rs rows) error {
	orNulls(nd.out.Null, nd.av, rs)
	x, y, out, null := nd.av[0].Dec, nd.av[1].Dec, nd.out.Dec, nd.out.Null
	mx, my := mask(nd.av[0]), mask(nd.av[1])
	minus := nd.fn.name == "-"
	for k := range rs.n {
		i := rs.at(k)
		if null[i] != 0 {
			continue
		}
		a, b := &x[i&mx], &y[i&my]
		if isWord(a) && isWord(b) {
			p, q := int64(a[0]), int64(b[0])
			if minus {
				q = -q
			}
			if r := p + q; (p^r)&(q^r) >= 0 && q != math.MinInt64 {
				ext := uint64(r >> 63)
				out[i] = types.Dec{uint64(r), ext, ext, ext}
				continue
			}
		}
		var ok bool
		if minus {
			out[i], ok = a.Sub(*b)
		} else {
			out[i], ok = a.Add(*b)
		}
		if !ok {
			return outOfRange(nd)
		}
	}
	return nil
}

// isWord says if a decimal's digits are those of an int64: nearly all are, and need no wide arithmetic.
func isWord(d *types.Dec) bool {
	ext := uint64(int64(d[0]) >> 63)
	return d[1] == ext && d[2] == ext && d[3] == ext
}

func evalMulDec(_ *Evaluator, nd *node, rs rows) error {
	orNulls(nd.out.Null, nd.av, rs)
	vx, vy := nd.av[0], nd.av[1]
	mx, my := mask(vx), mask(vy)
	sx, sy, s := vx.Type.Scale, vy.Type.Scale, nd.out.Type.Scale
	for k := range rs.n {
		i := rs.at(k)
		if nd.out.Null[i] != 0 {
			continue
		}
		if a, b := &vx.Dec[i&mx], &vy.Dec[i&my]; sx+sy == s && isWord(a) && isWord(b) {
			if p, ok := mulInt64(int64(a[0]), int64(b[0])); ok {
				ext := uint64(p >> 63)
				nd.out.Dec[i] = types.Dec{uint64(p), ext, ext, ext}
				continue
			}
		}
		v, ok := vx.Dec[i&mx].Mul(vy.Dec[i&my])
		if ok && sx+sy != s {
			v, ok = v.Rescale(sx+sy, s)
		}
		if !ok {
			v, ok = mulDecSlow(vx.Dec[i&mx], sx, vy.Dec[i&my], sy, s)
		}
		if !ok {
			return outOfRange(nd)
		}
		nd.out.Dec[i] = v
	}
	return nil
}

// mulDecSlow drops digits behind the point of the operands when all of them would not fit, last ones first.
func mulDecSlow(x types.Dec, sx uint8, y types.Dec, sy, s uint8) (types.Dec, bool) {
	for sx+sy > s {
		if sx >= sy {
			x, _ = x.Rescale(sx, sx-1)
			sx--
		} else {
			y, _ = y.Rescale(sy, sy-1)
			sy--
		}
		if v, ok := x.Mul(y); ok {
			return v.Rescale(sx+sy, s)
		}
	}
	return types.Dec{}, false
}

func evalReal(_ *Evaluator, nd *node, rs rows) error {
	orNulls(nd.out.Null, nd.av, rs)
	x, y, out := nd.av[0].F64, nd.av[1].F64, nd.out.F64
	mx, my := mask(nd.av[0]), mask(nd.av[1])
	finite := true
	switch nd.fn.name {
	case "+":
		for k := range rs.n {
			i := rs.at(k)
			v := x[i&mx] + y[i&my]
			out[i] = v
			finite = finite && v-v == 0 // false for NaN and both infinities
		}
	case "-":
		for k := range rs.n {
			i := rs.at(k)
			v := x[i&mx] - y[i&my]
			out[i] = v
			finite = finite && v-v == 0
		}
	default:
		for k := range rs.n {
			i := rs.at(k)
			v := x[i&mx] * y[i&my]
			out[i] = v
			finite = finite && v-v == 0
		}
	}
	if finite {
		return nil
	}
	return checkFinite(nd, rs)
}

func checkFinite(nd *node, rs rows) error {
	for k := range rs.n {
		i := rs.at(k)
		if nd.out.Null[i] == 0 && nd.out.F64[i]-nd.out.F64[i] != 0 {
			return outOfRange(nd)
		}
	}
	return nil
}
