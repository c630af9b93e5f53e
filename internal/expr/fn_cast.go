package expr

import (
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// Casts. Implicit ones are lenient with dates (YEAR('2024-00-00') is 2024); CAST and CONVERT follow sql_mode and cut,
// pad or clamp to the size asked for.

var (
	implicitCast    = &function{name: "cast", flags: mayNull, vec: evalCast}
	explicitCast    = &function{name: "cast", flags: mayNull, vec: evalCast}
	jsonOfText      = &function{name: "cast", row: rowJSONOfText}
	collateFunction = &function{name: "collate", row: func(r *row) error { return r.setSub(0, 0, len(r.str(0))) }}
)

func defineCast(t table) {
	t.simple("binary", "x", 1, 1, func(_ *builder, args []Expr) types.Type {
		return types.NewVarBinary(textLength(args[0].Type()))
	}, function{row: func(r *row) error { return r.cast(r.datum(0), true) }})
	t["convert using"] = definition{2, 2, buildConvertUsing}
}

// buildConvertUsing is CONVERT(e USING charset), the charset a literal.
func buildConvertUsing(b *builder, args []Expr) (Expr, error) {
	name := ""
	if c, ok := args[1].(*Const); ok {
		name = string(c.D.S)
	}
	c, ok := collation.DefaultOf(name)
	if !ok {
		return nil, sqlerr.New(sqlerr.ErrUnknownCharacterSet, name)
	}
	if own, ok := collation.DefaultOf(collation.Charset(connection(b.env))); ok && own == c {
		c = connection(b.env)
	}
	e := b.toString(args[0])
	t := types.NewVarChar(textLength(e.Type()), c)
	if c == collation.Binary {
		t = types.NewVarBinary(e.Type().MaxBytes())
	}
	return b.fold(b.call(explicitCast, []Expr{e}, t, c, collation.CoerceImplicit)), nil
}

func errUnknownCollation(name string) error { return sqlerr.New(sqlerr.ErrUnknownCollation, name) }

func errCollationMismatch(name, charset string) error {
	return sqlerr.New(sqlerr.ErrCollationCharsetMismatch, name, charset)
}

// NewCast converts e to t as an implicit conversion does; e itself if its values are already those of t, though its
// type may then be narrower than t.
func NewCast(e Expr, t types.Type) Expr {
	if t.IsNumeric() {
		e = Numeric(e)
	}
	from := e.Type()
	if c, ok := e.(*Const); ok {
		if c.D.IsNull() {
			return &Const{D: types.NullDatum(t.WithNullable(true)), coerc: collation.CoerceIgnorable, computed: true}
		}
		if f, ok := castLiteral(c, t); ok {
			return f
		}
	}
	if sameValues(from, t) {
		return e
	}
	t.Nullable = from.Nullable || castMayFail(from, t)
	c := &Call{fn: implicitCast, args: []Expr{e}, t: t, coerc: collation.CoerceImplicit}
	if from.IsString() {
		c.coerc = coercibilityOf(e)
	} else if from.IsNumeric() || from.IsTemporal() {
		c.coerc = collation.CoerceNumeric
	}
	return c
}

// NewColumnCast is NewCast for a column whose values are compared as values of t: also strings of the same character
// set with another collation get vectors of type t.
func NewColumnCast(e Expr, t types.Type) Expr {
	e = NewCast(e, t)
	if from := e.Type(); from.IsString() && t.IsString() && from.Collation != t.Collation {
		t.Nullable = from.Nullable
		return &Call{fn: collateFunction, args: []Expr{e}, t: t, coerc: collation.CoerceImplicit}
	}
	return e
}

// CoercibilityOf says how strongly a string insists on its collation.
func CoercibilityOf(e Expr) collation.Coercibility { return coercibilityOf(e) }

func coercibilityOf(e Expr) collation.Coercibility {
	_, coerc := collationOf(e, &Env{})
	return coerc
}

// castMayFail says if some value of from has no counterpart in t.
func castMayFail(from, t types.Type) bool {
	return t.IsTemporal() && !from.IsTemporal() || t.ID == types.Year || from.ID == types.JSON
}

// castLiteral converts the commonest literals at once, so that plans see them.
func castLiteral(c *Const, t types.Type) (Expr, bool) {
	if c.D.Kind != types.PhysInt64 || !c.D.Type.IsInteger() {
		return nil, false
	}
	d := types.Datum{Type: t.WithNullable(false), Kind: t.Phys()}
	switch {
	case t.ID == types.Double:
		d.F = float64(c.D.I)
	case t.ID == types.Decimal:
		if typePrecision(t)-int(t.Scale) < 19 && types.DecFromInt64(c.D.I, 0).Digits() > int(t.Precision)-int(t.Scale) {
			return nil, false
		}
		d.D = types.DecFromInt64(c.D.I, t.Scale)
	default:
		return nil, false
	}
	return &Const{D: d}, true
}

// sameValues says if every value of from, as it lies in a vector, is one of t.
func sameValues(from, t types.Type) bool {
	if from.ID == types.Null {
		return t.ID == types.Null
	}
	if from.Phys() != t.Phys() {
		return false
	}
	switch {
	case t.IsInteger() && t.Phys() == types.PhysUint64:
		return true
	case t.IsInteger():
		return from.IsInteger() || from.ID == types.Year
	case t.ID == types.Double:
		return true
	case t.ID == types.Float:
		return from.ID == types.Float
	case t.ID == types.Decimal:
		return from.Scale == t.Scale
	case t.ID == types.DateTime:
		return (from.ID == types.Date || from.ID == types.DateTime) && from.Scale <= t.Scale
	case t.IsTemporal():
		return from.ID == t.ID && from.Scale <= t.Scale
	case t.IsString():
		return from.IsString() &&
			(t.Collation == collation.Binary || collation.Charset(from.Collation) == collation.Charset(t.Collation))
	}
	return from.ID == t.ID
}

// NewExplicitCast is CAST(e AS t). A CHAR without a collation gets the connection's.
func NewExplicitCast(e Expr, t types.Type, env *Env) (Expr, error) {
	if t.IsString() && t.Collation == 0 {
		t.Collation = connection(env)
	}
	t.Nullable = true
	if t.IsNumeric() {
		e = Numeric(e)
	}
	b := &builder{env: env, name: "cast"}
	from := e.Type()
	if from.ID == types.Null {
		return NewCast(e, t), nil
	}
	if from.IsString() && t.IsString() && t.Length == 0 {
		t.Length = int32(min(textLength(from), types.MaxLongBlob))
	}
	c := b.call(explicitCast, []Expr{e}, t, t.Collation, collation.CoerceImplicit)
	c.t.Nullable = from.Nullable || castMayFail(from, t) || t.IsString()
	return c, nil
}

func evalCast(ev *Evaluator, nd *node, rs rows) error {
	v, out := nd.av[0], &nd.out
	from, to := nd.args[0].t, out.Type
	m := mask(v)
	orNulls(out.Null, nd.av, rs)
	switch {
	case to.ID == types.Double && from.ID != types.Enum && from.ID != types.Set && from.Phys() == types.PhysUint64:
		convertNumbers(out.F64, v.U64, m, rs)
		return nil
	case to.ID == types.Double && (from.IsInteger() || from.ID == types.Year):
		convertNumbers(out.F64, v.I64, m, rs)
		return nil
	case to.ID == types.Double && from.ID == types.Decimal:
		for k := range rs.n {
			i := rs.at(k)
			out.F64[i] = v.Dec[i&m].ToFloat64(from.Scale)
		}
		return nil
	case nd.fn == implicitCastFunction() && to.ID == types.Decimal && (from.IsInteger() || from.ID == types.Decimal):
		return castDecimals(nd, rs)
	case to.IsInteger() && from.IsInteger() && from.Phys() == types.PhysInt64 && to.Phys() == types.PhysUint64:
		convertNumbers(out.U64, v.I64, m, rs)
		return nil
	case to.IsInteger() && to.Phys() == types.PhysInt64 && from.Phys() == types.PhysUint64 && from.ID != types.Enum:
		convertNumbers(out.I64, v.U64, m, rs)
		return nil
	case to.ID == types.DateTime && from.ID == types.Date:
		convertNumbers(out.I64, v.I64, m, rs)
		return nil
	}
	r := &nd.row
	isString := to.Phys() == types.PhysString
	for k := range rs.n {
		r.i = rs.at(k)
		if isString {
			ev.clearString(nd, r.i)
		}
		if out.Null[r.i] != 0 {
			continue
		}
		err := r.cast(r.datum(0), nd.fn == explicitCastFunction())
		ev.giveBackLoans()
		if err != nil {
			return err
		}
	}
	return nil
}

// The functions refer to evalCast, so it asks for them at run time only.
func implicitCastFunction() *function { return castFunctions[0] }
func explicitCastFunction() *function { return castFunctions[1] }

var castFunctions [2]*function

func init() { castFunctions = [2]*function{implicitCast, explicitCast} }

func (ev *Evaluator) clearString(nd *node, i int) { clear(nd.out.Str[i : i+1]) }

func convertNumbers[T, U int64 | uint64 | float64](out []T, x []U, m int, rs rows) {
	if rs.sel == nil && m != 0 {
		out = out[:rs.n]
		x = x[:len(out)]
		for i := range out {
			out[i] = T(x[i])
		}
		return
	}
	for k := range rs.n {
		i := rs.at(k)
		out[i] = T(x[i&m])
	}
}

func castDecimals(nd *node, rs rows) error {
	v, out := nd.av[0], &nd.out
	m, s := mask(v), out.Type.Scale
	for k := range rs.n {
		i := rs.at(k)
		if out.Null[i] != 0 {
			continue
		}
		ok := true
		switch v.Type.Phys() {
		case types.PhysInt64:
			out.Dec[i] = types.DecFromInt64(v.I64[i&m], s)
		case types.PhysUint64:
			out.Dec[i] = types.DecFromUint64(v.U64[i&m], s)
		default:
			out.Dec[i], ok = v.Dec[i&m].Rescale(v.Type.Scale, s)
		}
		if !ok {
			return outOfRange(nd)
		}
	}
	return nil
}

// cast converts one value that is not NULL and stores it.
func (r *row) cast(d types.Datum, explicit bool) error {
	t := &r.out.Type
	switch {
	case t.IsString():
		return r.castString(d, explicit)
	case t.ID == types.JSON:
		return r.castJSON(d)
	case t.IsTemporal():
		return r.castTemporal(d, explicit)
	case t.ID == types.Decimal:
		return r.castDecimal(d)
	case t.IsFloat():
		f, err := r.ev.toFloat(d)
		if err != nil {
			return err
		}
		if t.ID == types.Float {
			f = float64(float32(f))
		}
		return r.setF64(f)
	case t.ID == types.Year:
		return r.castYear(d)
	case t.Phys() == types.PhysUint64:
		v, err := r.ev.toUint(d)
		if err != nil {
			return err
		}
		return r.setU64(v)
	}
	v, err := r.ev.toInt(d)
	if err != nil {
		return err
	}
	return r.setI64(v)
}

// truncated warns that a text is not quite a value; an error where the statement is strict.
func (ev *Evaluator) truncated(what string, text []byte) error {
	return ev.warn(sqlerr.New(sqlerr.ErrTruncatedWrongValue, what, printable(text)))
}

func (ev *Evaluator) incorrect(what string, text []byte) error {
	return ev.warn(sqlerr.Newf(sqlerr.ErrTruncatedWrongValue, "Incorrect %s value: '%.128s'", what, printable(text)))
}

// printable shows bytes that are no characters as \xHH, as MySQL's messages do.
func printable(b []byte) string {
	if len(b) > 512 {
		b = b[:512]
	}
	if collation.Valid("utf8mb4", b) {
		return string(b)
	}
	const hex = "0123456789ABCDEF"
	var out []byte
	for _, c := range b {
		if c >= ' ' && c < 0x7f {
			out = append(out, c)
		} else {
			out = append(out, '\\', 'x', hex[c>>4], hex[c&15])
		}
	}
	return string(out)
}

func (r *row) castDecimal(d types.Datum) error {
	t := &r.out.Type
	var v types.Dec
	ok := true
	switch {
	case d.Kind == types.PhysString:
		s := d.S
		if d.Type.ID == types.JSON {
			s = jsonText(s)
		}
		var err error
		var cut bool
		v, cut, err = types.ParseDec(s, t.Scale)
		switch {
		case sqlerr.Is(err, sqlerr.ErrWarnDataOutOfRange) || err == types.ErrDecRange:
			ok = false
			if len(s) > 0 && s[0] == '-' {
				v = types.DecFromInt64(-1, 0)
			}
		case err != nil, cut && !numeric(s):
			if err := r.ev.truncated("DECIMAL", s); err != nil {
				return err
			}
		}
	case d.Kind == types.PhysFloat64:
		if v, ok = types.DecFromFloat64(d.F, t.Scale); !ok && d.F < 0 {
			v = types.DecFromInt64(-1, 0)
		}
	default:
		n, scale, _ := r.ev.number(d)
		if v, ok = n.Rescale(scale, t.Scale); !ok {
			v = n
		}
	}
	if !ok || !types.DecFits(v, t.Precision) {
		negative := v.Sign() < 0
		v = types.DecMax(t.Precision)
		if negative {
			v = v.Neg()
		}
		if err := r.ev.warn(sqlerr.New(sqlerr.ErrWarnDataOutOfRange, errorText(r.nd.e), 1)); err != nil {
			return err
		}
	}
	return r.setDec(v)
}

// numeric says if s is nothing but a number: digits that were rounded away are not worth a warning.
func numeric(s []byte) bool {
	_, rest, overflow, ok := types.ParseFloatPrefix(s)
	return ok && !rest && !overflow
}

func (r *row) castString(d types.Datum, explicit bool) error {
	t := &r.out.Type
	if err := r.ev.borrow(int(types.ConvertBytes(&d, t))); err != nil {
		return err
	}
	var text []byte
	cs, from := collation.Charset(t.Collation), "utf8mb4"
	own := d.Type.IsString()
	if own {
		text, from = d.S, collation.Charset(d.Type.Collation)
	} else {
		if d.Type.ID == types.Enum || d.Type.ID == types.Set {
			from = collation.Charset(d.Type.Collation)
		}
		text = d.AppendText(r.buf(), r.ev.location())
		r.ev.scratch = text[:0]
	}
	whole := true
	switch {
	case from == cs || cs == "binary" || from == "":
	case from == "binary":
		if !collation.Valid(cs, text) {
			r.ev.note(sqlerr.New(sqlerr.ErrInvalidCharacterString, cs, printable(text)))
			return r.setNull()
		}
	case !own && collation.MinWidth(t.Collation) == 1 && isASCII(text):
	default:
		r.ev.conv, _ = collation.Convert(r.ev.conv[:0], text, from, cs)
		text, own = r.ev.conv, false
	}
	if explicit && t.Length > 0 || t.ID == types.Char || t.ID == types.Binary {
		if n := r.cutLength(text); n < len(text) {
			if err := r.ev.truncated(castName(t), text); err != nil {
				return err
			}
			text, whole = text[:n], false
		}
		if t.ID == types.Binary && len(text) < int(t.Length) {
			padded := text
			return r.build(int64(t.Length), func(dst []byte) { clear(dst[copy(dst, padded):]) })
		}
	}
	if own && whole {
		return r.setSub(0, 0, len(text))
	}
	return r.setStr(text)
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// cutLength is how many bytes of text fit the type.
func (r *row) cutLength(text []byte) int {
	t := &r.out.Type
	if t.Collation == collation.Binary || t.IsBlob() {
		return min(len(text), int(t.Length))
	}
	return collation.PrefixLen(t.Collation, text, int(t.Length))
}

func castName(t *types.Type) string {
	name := "CHAR"
	if t.Collation == collation.Binary {
		name = "BINARY"
	}
	return name + "(" + string(appendInt(nil, int64(t.Length))) + ")"
}

func (r *row) castJSON(d types.Datum) error {
	if d.Type.ID == types.JSON {
		return r.setStr(d.S)
	}
	if d.Type.ID == types.Timestamp {
		d = types.NewIntDatum(types.NewDateTime(int(d.Type.Scale)), types.TimestampToLocal(d.I, r.ev.location()))
	}
	if err := r.ev.borrow(int(types.ConvertBytes(&d, &r.out.Type))); err != nil {
		return err
	}
	b, err := types.DatumToJSON(r.buf(), d, true)
	if err != nil {
		return jsonError(err, 1, "cast_as_json")
	}
	return r.setBuf(b)
}

// rowJSONOfText makes a JSON string of a text, not parsing it.
func rowJSONOfText(r *row) error {
	d := r.datum(0)
	if err := r.ev.borrow(3 * len(d.S)); err != nil {
		return err
	}
	b, err := types.DatumToJSON(r.buf(), d, false)
	if err != nil {
		return err
	}
	return r.setBuf(b)
}

func (r *row) castYear(d types.Datum) error {
	n, isText := int64(0), d.Kind == types.PhysString
	switch {
	case d.Type.HasDate():
		v := d.I
		if d.Type.ID == types.Timestamp {
			v = types.TimestampToLocal(v, r.ev.location())
		}
		n = int64(types.UnpackDateTime(v).Year)
	default:
		var err error
		if n, err = r.ev.toInt(d); err != nil {
			return err
		}
	}
	y, ok := types.YearFromNumber(n, isText)
	if !ok {
		if err := r.ev.truncated("YEAR", d.AppendText(nil, nil)); err != nil {
			return err
		}
		return r.setNull()
	}
	return r.setI64(y)
}
