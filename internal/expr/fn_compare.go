package expr

import (
	"bytes"
	"strings"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Comparisons. Both sides are cast to what they are compared as; the chapter "Type Conversion in Expression Evaluation"
// of the MySQL manual has the rules.

// compareOp has a bit for each outcome that makes it true: less, equal, greater, as 1 << (sign + 1).
type compareOp uint8

const (
	opLT compareOp = 1 << iota
	opEQ
	opGT
	opLE = opLT | opEQ
	opGE = opGT | opEQ
	opNE = opLT | opGT
)

var compareOps = map[string]compareOp{
	"=": opEQ, "<=>": opEQ, "<": opLT, "<=": opLE, ">": opGT, ">=": opGE, "!=": opNE,
}

func (op compareOp) holds(sign int) int64 { return int64(op>>(sign+1)) & 1 }

// compareFunctions has the implementation of each operator; the vectors' kinds choose the loop.
var compareFunctions = map[string]*function{}

func defineCompare(t table) {
	for name, op := range compareOps {
		f := &function{name: name, flags: boolean}
		if name == "<=>" {
			f.flags |= seesNull
			f.vec = evalNullSafe
		} else {
			f.vec = func(ev *Evaluator, nd *node, rs rows) error {
				orNulls(nd.out.Null, nd.av, rs)
				return ev.compare(op, nd, rs)
			}
		}
		compareFunctions[name] = f
		t[name] = definition{2, 2, buildCompare}
	}
	t.alias("<>", "!=")
	t["between"] = definition{3, 3, buildBetween}
	t["not between"] = definition{3, 3, func(b *builder, args []Expr) (Expr, error) {
		return b.negated(buildBetween(b, args))
	}}
	t.simple("strcmp", "S", 2, 2, returnsInt, function{row: rowStrcmp})
	t["greatest"] = definition{2, -1, buildExtreme}
	t["least"] = definition{2, -1, buildExtreme}
	t["interval"] = definition{2, -1, buildInterval}
}

func (b *builder) negated(e Expr, err error) (Expr, error) {
	if err != nil {
		return nil, err
	}
	return NewCall("not", []Expr{e}, b.env)
}

// Negate returns NOT e: the opposite comparison where there is one, so that conditions stay usable for ranges.
func Negate(e Expr, env *Env) (Expr, error) {
	if c, ok := e.(*Call); ok && len(c.args) == 2 && c.fn == compareFunctions[c.fn.name] && c.fn.name != "<=>" {
		opposite := map[string]string{"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
		d := *c
		d.fn = compareFunctions[opposite[c.fn.name]]
		return &d, nil
	}
	return NewCall("not", []Expr{e}, env)
}

func buildCompare(b *builder, args []Expr) (Expr, error) {
	if b.name == "<>" {
		b.name = "!="
	}
	x, y, err := b.comparable(args[0], args[1])
	if err != nil {
		return nil, err
	}
	return b.call(compareFunctions[b.name], []Expr{x, y}, types.NewBool(), 0, 0), nil
}

// comparable casts both sides to what they are compared as: vectors of one physical kind, or integers of different
// signedness, or decimals of different scale; strings of one charset.
func (b *builder) comparable(x, y Expr) (Expr, Expr, error) {
	tx, ty := x.Type(), y.Type()
	switch {
	case tx.ID == types.Null && ty.ID == types.Null:
		return NewCast(x, types.NewBigInt()), NewCast(y, types.NewBigInt()), nil
	case tx.ID == types.Null:
		return NewCast(x, comparedAs(ty)), b.asCompared(y), nil
	case ty.ID == types.Null:
		return b.asCompared(x), NewCast(y, comparedAs(tx)), nil
	case tx.ID == types.JSON || ty.ID == types.JSON:
		return b.comparableJSON(x), b.comparableJSON(y), nil
	case isText(tx) && isText(ty):
		c, err := b.aggregateCompare([]Expr{x, y})
		if err != nil {
			return nil, nil, err
		}
		return b.compareString(x, c), b.compareString(y, c), nil
	case tx.IsTemporal() || ty.IsTemporal():
		return b.comparableTemporal(x, y)
	}
	return b.comparableNumbers(x, y)
}

// isText is for what compares as a string with strings.
func isText(t types.Type) bool { return t.IsString() || t.ID == types.Enum || t.ID == types.Set }

// comparedAs is the type in which a NULL is compared with a value of type t.
func comparedAs(t types.Type) types.Type {
	if t.ID == types.Enum || t.ID == types.Set {
		return types.NewVarChar(0, t.Collation)
	}
	return t
}

func (b *builder) asCompared(e Expr) Expr {
	if t := e.Type(); t.ID == types.Enum || t.ID == types.Set {
		return b.toString(e)
	}
	return e
}

// compareString makes e a string whose type carries the collation to compare with.
func (b *builder) compareString(e Expr, c collation.ID) Expr {
	e = b.fold(b.toCollation(e, c))
	if t := e.Type(); t.Collation != c {
		t.Collation = c
		return relabel(e, t)
	}
	return e
}

func (b *builder) comparableJSON(e Expr) Expr {
	t := e.Type()
	if t.ID == types.JSON {
		return e
	}
	if isText(t) {
		return b.fold(&Call{fn: jsonOfText, args: []Expr{b.toString(e)}, t: types.NewJSON()})
	}
	return b.fold(NewCast(e, types.NewJSON()))
}

func (b *builder) fold(e Expr) Expr {
	if len(e.Args()) == 0 || !IsConst(e) {
		return e
	}
	return Fold(e, b.env)
}

func (b *builder) comparableNumbers(x, y Expr) (Expr, Expr, error) {
	x, y = Numeric(x), Numeric(y)
	if c, ok := integerLiteral(y, x); ok {
		y = c
	} else if c, ok := integerLiteral(x, y); ok {
		x = c
	}
	x, y = enumIndex(x), enumIndex(y)
	x, y = toNumber(x), toNumber(y)
	switch max(classOf(x.Type()), classOf(y.Type())) {
	case classInt:
		return x, y, nil
	case classDec:
		return b.fold(toDecimal(x)), b.fold(toDecimal(y)), nil
	}
	d := types.NewDouble()
	return b.once(NewCast(x, d)), b.once(NewCast(y, d)), nil
}

func enumIndex(e Expr) Expr {
	if t := e.Type(); t.ID == types.Enum || t.ID == types.Set {
		return NewCast(e, types.NewUBigInt())
	}
	return e
}

// integerLiteral turns a string literal that is compared with an integer column into an integer if that is what it
// says. Else both would be compared as DOUBLE, which is slower, less exact, and of no use for an index.
func integerLiteral(e, other Expr) (Expr, bool) {
	c, ok := e.(*Const)
	if !ok || c.D.IsNull() || !c.D.Type.IsString() {
		return nil, false
	}
	if _, ok := other.(*Column); !ok || !other.Type().IsInteger() {
		return nil, false
	}
	v, rest, overflow, ok := types.ParseIntPrefix(c.D.S)
	if !ok || rest || overflow {
		return nil, false
	}
	return NewInt(v), true
}

func (b *builder) comparableTemporal(x, y Expr) (Expr, Expr, error) {
	tx, ty := x.Type(), y.Type()
	if !tx.IsTemporal() {
		y, x, err := b.comparableTemporal(y, x)
		return x, y, err
	}
	switch {
	case tx.ID == types.Time && ty.ID == types.Time:
		return x, y, nil
	case ty.HasDate() && tx.HasDate():
		if (tx.ID == types.Timestamp) != (ty.ID == types.Timestamp) {
			return b.comparableTimestamp(x, y)
		}
		return x, y, nil
	case ty.IsTemporal():
		return toDateTime(x), toDateTime(y), nil
	case isText(ty):
		return b.temporalAgainstText(x, y)
	}
	if c, ok := y.(*Const); ok && (tx.HasDate() || tx.ID == types.Time) && (ty.IsInteger() || ty.ID == types.Decimal) {
		t := types.NewDateTime(types.MaxFsp)
		if tx.ID == types.Time {
			t = types.NewTime(types.MaxFsp)
		}
		if f, ok := b.fold(NewCast(c, t)).(*Const); ok && !f.D.IsNull() {
			if tx.ID == types.Timestamp {
				return b.comparableTimestamp(x, f)
			}
			return x, f, nil
		}
	}
	return b.comparableNumbers(toNumber(x), y)
}

// comparableTimestamp compares a TIMESTAMP with a DATE or DATETIME: a constant is moved to UTC, so that an index on the
// column serves; else the TIMESTAMP is brought to the session's time zone.
func (b *builder) comparableTimestamp(x, y Expr) (Expr, Expr, error) {
	if y.Type().ID == types.Timestamp {
		y, x, err := b.comparableTimestamp(y, x)
		return x, y, err
	}
	if y = b.fold(y); x.Type().ID == types.Timestamp {
		if c, ok := y.(*Const); ok && !c.D.IsNull() && b.env.Location != nil {
			if v, _, ok := types.TimestampFromLocal(c.D.I, b.env.Location); ok {
				t := types.NewTimestamp(int(c.D.Type.Scale))
				return x, &Const{D: types.NewIntDatum(t, v)}, nil
			}
		}
	}
	return toDateTime(x), toDateTime(y), nil
}

// temporalAgainstText compares as temporal values. A literal that is none is error 1525.
func (b *builder) temporalAgainstText(x, y Expr) (Expr, Expr, error) {
	y = b.toString(y)
	t := types.NewDateTime(types.MaxFsp)
	if x.Type().ID == types.Time {
		t = types.NewTime(types.MaxFsp)
	}
	cast := NewCast(y, t)
	c, literal := y.(*Const)
	if literal {
		quiet, _ := quietEnv(b.env)
		quiet.Strict = false
		d, err := EvalConst(cast, quiet)
		if err != nil {
			return nil, nil, err
		}
		if d.IsNull() && !c.D.IsNull() {
			what := x.Type().ID.String()
			return nil, nil, sqlerr.New(sqlerr.ErrWrongValue, strings.ToUpper(what), string(c.D.S))
		}
		cast = &Const{D: types.Datum{Type: t, Kind: d.Kind, I: d.I}}
	}
	if x.Type().ID == types.Timestamp {
		return b.comparableTimestamp(x, cast)
	}
	return x, cast, nil
}

func buildBetween(b *builder, args []Expr) (Expr, error) {
	low, err := NewCall(">=", []Expr{args[0], args[1]}, b.env)
	if err != nil {
		return nil, err
	}
	high, err := NewCall("<=", []Expr{args[0], args[2]}, b.env)
	if err != nil {
		return nil, err
	}
	return NewCall("and", []Expr{low, high}, b.env)
}

// evalNullSafe is <=>: never NULL.
func evalNullSafe(ev *Evaluator, nd *node, rs rows) error {
	x, y, out := nd.av[0], nd.av[1], &nd.out
	orNulls(out.Null, nd.av, rs)
	if err := ev.compare(opEQ, nd, rs); err != nil {
		return err
	}
	mx, my := mask(x), mask(y)
	for k := range rs.n {
		i := rs.at(k)
		if out.Null[i] != 0 {
			out.I64[i] = int64(x.Null[i&mx] & y.Null[i&my])
			out.Null[i] = 0
		}
	}
	out.NoNulls = true
	return nil
}

// compare writes 0 or 1 for each row; rows that are NULL get any of them.
func (ev *Evaluator) compare(op compareOp, nd *node, rs rows) error {
	x, y, out, null := nd.av[0], nd.av[1], nd.out.I64, nd.out.Null
	px, py := x.Type.Phys(), y.Type.Phys()
	mx, my := mask(x), mask(y)
	switch {
	case px == types.PhysInt64 && py == types.PhysInt64:
		compareValues(op, out, x.I64, y.I64, mx, my, rs)
	case px == types.PhysUint64 && py == types.PhysUint64:
		compareValues(op, out, x.U64, y.U64, mx, my, rs)
	case px == types.PhysFloat64 && py == types.PhysFloat64:
		compareValues(op, out, x.F64, y.F64, mx, my, rs)
	case px == types.PhysInt64 && py == types.PhysUint64:
		for k := range rs.n {
			i := rs.at(k)
			out[i] = op.holds(signCompare(x.I64[i&mx], y.U64[i&my]))
		}
	case px == types.PhysUint64 && py == types.PhysInt64:
		for k := range rs.n {
			i := rs.at(k)
			out[i] = op.holds(-signCompare(y.I64[i&my], x.U64[i&mx]))
		}
	case px == types.PhysDecimal && py == types.PhysDecimal:
		compareDecimals(op, out, x, y, mx, my, rs)
	case px == types.PhysString && py == types.PhysString:
		if x.Type.ID == types.JSON {
			for k := range rs.n {
				if i := rs.at(k); null[i] == 0 {
					c := types.JSONCompare(ev.bytes(&x.Str[i&mx]), ev.bytes(&y.Str[i&my]))
					out[i] = op.holds(sign(c))
				}
			}
			return nil
		}
		ev.compareStrings(op, nd, rs)
	default:
		return sqlerr.AssertionError("comparison of %s and %s", x.Type, y.Type)
	}
	return nil
}

func sign(c int) int { return b2i(c > 0) - b2i(c < 0) }

func signCompare(a int64, b uint64) int {
	if a < 0 {
		return -1
	}
	return b2i(uint64(a) > b) - b2i(uint64(a) < b)
}

func compareValues[T int64 | uint64 | float64](op compareOp, out []int64, x, y []T, mx, my int, rs rows) {
	switch {
	case rs.sel == nil && mx != 0 && my != 0:
		compareDense(op, out[:rs.n], x[:rs.n], y[:rs.n])
	case rs.sel == nil && mx != 0:
		compareDenseConst(op, out[:rs.n], x[:rs.n], y[0])
	default:
		for k := range rs.n {
			i := rs.at(k)
			a, b := x[i&mx], y[i&my]
			out[i] = op.holds(b2i(a > b) - b2i(a < b))
		}
	}
}

func compareDense[T int64 | uint64 | float64](op compareOp, out []int64, x, y []T) {
	x, y = x[:len(out)], y[:len(out)]
	switch op {
	case opEQ:
		for i := range out {
			out[i] = int64(b2i(x[i] == y[i]))
		}
	case opNE:
		for i := range out {
			out[i] = int64(b2i(x[i] != y[i]))
		}
	case opLT:
		for i := range out {
			out[i] = int64(b2i(x[i] < y[i]))
		}
	case opLE:
		for i := range out {
			out[i] = int64(b2i(x[i] <= y[i]))
		}
	case opGT:
		for i := range out {
			out[i] = int64(b2i(x[i] > y[i]))
		}
	default:
		for i := range out {
			out[i] = int64(b2i(x[i] >= y[i]))
		}
	}
}

func compareDenseConst[T int64 | uint64 | float64](op compareOp, out []int64, x []T, c T) {
	x = x[:len(out)]
	switch op {
	case opEQ:
		for i := range out {
			out[i] = int64(b2i(x[i] == c))
		}
	case opNE:
		for i := range out {
			out[i] = int64(b2i(x[i] != c))
		}
	case opLT:
		for i := range out {
			out[i] = int64(b2i(x[i] < c))
		}
	case opLE:
		for i := range out {
			out[i] = int64(b2i(x[i] <= c))
		}
	case opGT:
		for i := range out {
			out[i] = int64(b2i(x[i] > c))
		}
	default:
		for i := range out {
			out[i] = int64(b2i(x[i] >= c))
		}
	}
}

func compareDecimals(op compareOp, out []int64, x, y *vector.Vector, mx, my int, rs rows) {
	sx, sy := x.Type.Scale, y.Type.Scale
	for k := range rs.n {
		i := rs.at(k)
		if sx == sy {
			out[i] = op.holds(x.Dec[i&mx].Cmp(y.Dec[i&my]))
		} else {
			out[i] = op.holds(types.DecCmp(x.Dec[i&mx], sx, y.Dec[i&my], sy))
		}
	}
}

func (ev *Evaluator) compareStrings(op compareOp, nd *node, rs rows) {
	x, y, out, null := nd.av[0], nd.av[1], nd.out.I64, nd.out.Null
	c := nd.args[0].t.Collation
	mx, my := mask(x), mask(y)
	exact := collation.IsBinary(c) && !collation.PadSpace(c)
	for k := range rs.n {
		i := rs.at(k)
		if null[i] != 0 {
			continue
		}
		a, b := &x.Str[i&mx], &y.Str[i&my]
		if exact {
			// Most pairs differ in their first bytes, which lie in the Str itself.
			if p, q := a.Prefix(), b.Prefix(); p != q {
				out[i] = op.holds(b2i(p > q) - b2i(p < q))
				continue
			}
			out[i] = op.holds(bytes.Compare(ev.bytes(a), ev.bytes(b)))
			continue
		}
		out[i] = op.holds(sign(collation.Collate(c, ev.bytes(a), ev.bytes(b))))
	}
}

func rowStrcmp(r *row) error {
	return r.setI64(int64(sign(collation.Collate(r.nd.compareCollation(), r.str(0), r.str(1)))))
}

// compareCollation is the collation of the arguments of a function that compares strings but returns none.
func (nd *node) compareCollation() collation.ID {
	c, ok := nd.state.(collation.ID)
	if !ok {
		c, _, _ = (&builder{env: &Env{}}).aggregate(nd.e.Args())
		nd.state = c
	}
	return c
}

// GREATEST and LEAST compare as the common type of all arguments; one NULL makes the result NULL.

var (
	greatest = &function{name: "greatest", row: rowExtreme}
	least    = &function{name: "least", row: rowExtreme}
)

func buildExtreme(b *builder, args []Expr) (Expr, error) {
	args, t, coerc, err := b.common(args)
	if err != nil {
		return nil, err
	}
	fn := greatest
	if b.name == "least" {
		fn = least
	}
	return b.call(fn, args, t, t.Collation, coerc), nil
}

func rowExtreme(r *row) error {
	best := r.datum(0)
	want := 1
	if r.nd.fn.name == "least" {
		want = -1
	}
	at := 0
	for k := 1; k < r.nargs(); k++ {
		if d := r.datum(k); sign(compareDatum(d, best, r.out.Type)) == want {
			best, at = d, k
		}
	}
	if r.out.Type.Phys() == types.PhysString {
		return r.setSub(at, 0, len(best.S))
	}
	return r.set(best)
}

// compareDatum compares two values of type t, neither NULL.
func compareDatum(a, b types.Datum, t types.Type) int {
	switch t.Phys() {
	case types.PhysInt64:
		return b2i(a.I > b.I) - b2i(a.I < b.I)
	case types.PhysUint64:
		return b2i(a.U > b.U) - b2i(a.U < b.U)
	case types.PhysFloat64:
		return b2i(a.F > b.F) - b2i(a.F < b.F)
	case types.PhysDecimal:
		return a.D.Cmp(b.D)
	}
	if t.ID == types.JSON {
		return types.JSONCompare(a.S, b.S)
	}
	return collation.Collate(t.Collation, a.S, b.S)
}

var intervalFunction = &function{name: "interval", flags: seesNull, row: rowInterval}

func buildInterval(b *builder, args []Expr) (Expr, error) {
	out := make([]Expr, len(args))
	for i, a := range args {
		out[i] = NewCast(a, types.NewDouble())
	}
	return b.call(intervalFunction, out, types.NewBigInt().WithNullable(false), 0, 0), nil
}

// rowInterval is INTERVAL(n, n1, n2, ...): how many of n1 <= n2 <= ... are not above n; -1 for NULL.
func rowInterval(r *row) error {
	if r.isNull(0) {
		return r.setI64(-1)
	}
	v, n := r.f64(0), 0
	for k := 1; k < r.nargs(); k++ {
		if !r.isNull(k) && r.f64(k) > v {
			break
		}
		n = k
	}
	return r.setI64(int64(n))
}
