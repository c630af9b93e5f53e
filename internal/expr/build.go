package expr

import (
	"strings"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// definition is what is known of a function by name: how many arguments it takes (most < 0: any number) and how a call
// is made of them.
type definition struct {
	least, most int
	build       func(b *builder, args []Expr) (Expr, error)
}

// builder is what a definition sees.
type builder struct {
	env  *Env
	name string
}

// table of all functions by lower-case name; filled by the families' define functions at start.
type table map[string]definition

var definitions table

func init() {
	definitions = table{}
	for _, define := range []func(table){
		defineArithmetic, defineCompare, defineLogic, defineControl, defineCast, defineMath, defineBits, defineString,
		defineEncoding, defineRegexp, defineDate, defineInfo, defineVariables, defineJSON,
	} {
		define(definitions)
	}
}

// NewCall applies the function or operator of that MySQL name in lower case ("+", "<=>", "is null", "unary -",
// "concat", ...) to args. It inserts implicit casts and derives the result's type and collation. Errors: 1305, 1582,
// 1267 and those of constants that cannot be right.
func NewCall(name string, args []Expr, env *Env) (Expr, error) {
	d, ok := definitions[name]
	if !ok {
		lower := strings.ToLower(name)
		if d, ok = definitions[lower]; !ok {
			return nil, sqlerr.New(sqlerr.ErrSpDoesNotExist, "FUNCTION", qualify(name, env))
		}
		name = lower
	}
	if len(args) < d.least || d.most >= 0 && len(args) > d.most {
		return nil, sqlerr.New(sqlerr.ErrWrongParamCountToNativeFct, name)
	}
	return d.build(&builder{env: env, name: name}, args)
}

// Exists says if there is a function of that name.
func Exists(name string) bool {
	_, ok := definitions[strings.ToLower(name)]
	return ok
}

func qualify(name string, env *Env) string {
	if env.Database == "" {
		return name
	}
	return env.Database + "." + name
}

// resultType derives the type of a call from its arguments, which have been cast.
type resultType func(b *builder, args []Expr) types.Type

// simple defines a function by its arguments' kinds, one letter each, the last one for all further arguments:
//
//	i BIGINT   u BIGINT UNSIGNED   f DOUBLE   d DATETIME   t TIME   j JSON   x anything, as it is
//	s string   S string, all of them brought to one collation   n number: integers, decimals and doubles as they are
//
// A string result has the collation of the arguments S, else that of the first s, else the connection's.
func (t table) simple(name, kinds string, least, most int, result resultType, f function) {
	f.name = name
	fn := &f
	t[name] = definition{least, most, func(b *builder, args []Expr) (Expr, error) {
		args, c, coerc, err := b.castArgs(kinds, args)
		if err != nil {
			return nil, err
		}
		return b.call(fn, args, result(b, args), c, coerc), nil
	}}
}

func (t table) alias(name, of string) { t[name] = t[of] }

// call makes a call; collation and nullability of the type are filled in.
func (b *builder) call(fn *function, args []Expr, t types.Type, c collation.ID, coerc collation.Coercibility) *Call {
	if t.IsString() && t.Collation == 0 {
		t.Collation = c
	}
	t.Nullable = fn.flags&mayNull != 0 || t.Phys() == types.PhysString
	if fn.flags&seesNull == 0 {
		for _, a := range args {
			t.Nullable = t.Nullable || a.Type().Nullable
		}
	}
	return &Call{fn: fn, args: args, t: t, coerc: coerc}
}

func (b *builder) castArgs(kinds string, args []Expr) ([]Expr, collation.ID, collation.Coercibility, error) {
	c, coerc := connection(b.env), collation.CoerceCoercible
	out := make([]Expr, len(args))
	var together []Expr
	first := true
	kind := func(i int) byte { return kinds[min(i, len(kinds)-1)] }
	for i, a := range args {
		switch kind(i) {
		case 'i':
			out[i] = NewCast(a, types.NewBigInt())
		case 'u':
			out[i] = NewCast(a, types.NewUBigInt())
		case 'f':
			out[i] = NewCast(a, types.NewDouble())
		case 'd':
			out[i] = toDateTime(a)
		case 't':
			out[i] = toTime(a)
		case 'j':
			out[i] = NewCast(a, types.NewJSON())
		case 'n':
			out[i] = toNumber(a)
		case 's':
			out[i] = b.toString(a)
			if first {
				c, coerc = collationOf(a, b.env)
				first = false
			}
		case 'S':
			together = append(together, a)
		default:
			out[i] = a
		}
	}
	if together == nil {
		return out, c, coerc, nil
	}
	c, coerc, err := b.aggregate(together)
	if err != nil {
		return nil, 0, 0, err
	}
	for i, a := range args {
		if kind(i) == 'S' {
			out[i] = b.toCollation(a, c)
		}
	}
	return out, c, coerc, nil
}

func connection(env *Env) collation.ID {
	if env.Collation == 0 {
		return collation.Default
	}
	return env.Collation
}

// collationOf is the collation of e as a string and how strongly it insists on it.
func collationOf(e Expr, env *Env) (collation.ID, collation.Coercibility) {
	t := e.Type()
	switch {
	case t.ID == types.Null:
		return collation.Binary, collation.CoerceIgnorable
	case t.ID == types.JSON:
		return collation.UTF8MB4Bin, collation.CoerceImplicit
	case !t.IsString() && t.ID != types.Enum && t.ID != types.Set:
		return connection(env), collation.CoerceNumeric
	}
	switch e := e.(type) {
	case *Const:
		switch {
		case e.D.IsNull():
			return t.Collation, collation.CoerceIgnorable
		case e.computed:
			return t.Collation, e.coerc
		}
		return t.Collation, collation.CoerceCoercible
	case *Call:
		return t.Collation, e.coerc
	}
	return t.Collation, collation.CoerceImplicit
}

// aggregate finds the collation for strings that meet. Error: 1267.
func (b *builder) aggregate(args []Expr) (collation.ID, collation.Coercibility, error) {
	c, coerc := collationOf(args[0], b.env)
	for _, a := range args[1:] {
		c2, coerc2 := collationOf(a, b.env)
		r, rc, err := collation.Aggregate(c, coerc, c2, coerc2)
		if err != nil {
			return 0, 0, b.illegalMix(c, coerc, c2, coerc2)
		}
		c, coerc = r, rc
	}
	if coerc == collation.CoerceIgnorable {
		c = connection(b.env)
	}
	return c, coerc, nil
}

// aggregateCompare is aggregate for a comparison, where strings that do not agree are an error.
func (b *builder) aggregateCompare(args []Expr) (collation.ID, error) {
	c, coerc, err := b.aggregate(args)
	if err == nil && coerc == collation.CoerceNone && len(args) > 1 {
		c1, coerc1 := collationOf(args[0], b.env)
		c2, coerc2 := collationOf(args[1], b.env)
		return 0, b.illegalMix(c1, coerc1, c2, coerc2)
	}
	return c, err
}

func (b *builder) illegalMix(c1 collation.ID, k1 collation.Coercibility, c2 collation.ID,
	k2 collation.Coercibility) error {
	return sqlerr.New(sqlerr.ErrCantAggregate2Collations, collation.Name(c1), k1, collation.Name(c2), k2, b.name)
}

// toString makes e a string of its own collation, numbers one of the connection's.
func (b *builder) toString(e Expr) Expr {
	t := e.Type()
	if t.IsString() {
		return e
	}
	c, _ := collationOf(e, b.env)
	if t.ID == types.Null {
		c = connection(b.env)
	}
	return NewCast(e, types.NewVarChar(textLength(t), c))
}

// toCollation makes e a string in the charset of c. The collation itself does not change values, so it is not touched.
func (b *builder) toCollation(e Expr, c collation.ID) Expr {
	t := e.Type()
	if t.IsString() && (c == collation.Binary || collation.Charset(t.Collation) == collation.Charset(c)) {
		return e
	}
	return NewCast(e, types.NewVarChar(textLength(t), c))
}

// textLength is the most characters that the text of a value has.
func textLength(t types.Type) int {
	switch {
	case t.ID == types.Null:
		return 0
	case t.ID == types.JSON:
		return types.MaxLongBlob
	case t.IsBlob():
		return int(t.Length)
	}
	return t.DisplayLength()
}

// toNumber makes e what arithmetic takes: strings become doubles, temporal values integers, or decimals if they have
// fractional seconds.
func toNumber(e Expr) Expr {
	e = Numeric(e)
	t := e.Type()
	switch {
	case t.IsInteger(), t.IsFloat(), t.ID == types.Decimal, t.ID == types.Year, t.ID == types.Bit:
		return e
	case t.IsTemporal() && t.Scale == 0:
		return NewCast(e, types.NewBigInt())
	case t.IsTemporal():
		return NewCast(e, types.NewDecimal(14+int(t.Scale), int(t.Scale)))
	default:
		return NewCast(e, types.NewDouble())
	}
}

// numberClass orders what numbers arithmetic is done in.
type numberClass uint8

const (
	classInt numberClass = iota
	classDec
	classReal
)

// classOf is for expressions that toNumber returned.
func classOf(t types.Type) numberClass {
	switch {
	case t.ID == types.Decimal:
		return classDec
	case t.Phys() == types.PhysInt64 || t.Phys() == types.PhysUint64:
		return classInt
	default:
		return classReal
	}
}

// toDateTime makes e a DATETIME; DATE and TIMESTAMP(n) lose nothing.
func toDateTime(e Expr) Expr {
	if e.Type().ID == types.DateTime {
		return e
	}
	return NewCast(e, types.NewDateTime(fspOf(e)))
}

func toTime(e Expr) Expr {
	if e.Type().ID == types.Time {
		return e
	}
	return NewCast(e, types.NewTime(fspOf(e)))
}

// fspOf is the number of fractional digits that e has when it is made temporal.
func fspOf(e Expr) int {
	switch t := e.Type(); {
	case t.IsTemporal():
		return int(t.Scale)
	case t.IsInteger():
		return 0
	case t.ID == types.Decimal:
		return min(int(t.Scale), types.MaxFsp)
	case t.IsString():
		return constFsp(e)
	}
	return types.MaxFsp
}

// constFsp is the number of digits behind the last point of a literal, 6 for other strings.
func constFsp(e Expr) int {
	c, ok := e.(*Const)
	if !ok || c.D.IsNull() {
		return types.MaxFsp
	}
	s := c.D.S
	for i := len(s) - 1; i >= 0; i-- {
		switch {
		case s[i] == '.':
			return min(len(s)-1-i, types.MaxFsp)
		case s[i] < '0' || s[i] > '9':
			return 0
		}
	}
	return 0
}

// precisionOf and scaleOf are those of an exact number.
func precisionOf(e Expr) int {
	t := e.Type()
	if c, ok := e.(*Const); ok && !c.D.IsNull() {
		switch c.D.Kind {
		case types.PhysInt64:
			if t.IsInteger() {
				return types.DecFromInt64(c.D.I, 0).Digits()
			}
		case types.PhysUint64:
			return types.DecFromUint64(c.D.U, 0).Digits()
		}
	}
	return typePrecision(t)
}

func typePrecision(t types.Type) int {
	switch t.ID {
	case types.TinyInt:
		return 3
	case types.SmallInt:
		return 5
	case types.MediumInt:
		return 8
	case types.Int:
		return 10
	case types.BigInt:
		switch {
		case t.Unsigned:
			return 20
		case t.Length == 1: // types.NewBool
			return 1
		}
		return 19
	case types.Year:
		return 4
	case types.Decimal:
		return int(t.Precision)
	case types.Bit, types.Enum, types.Set:
		return 20
	case types.Date:
		return 8
	case types.DateTime, types.Timestamp:
		return 14 + int(t.Scale)
	case types.Time:
		return 7 + int(t.Scale)
	}
	return types.MaxPrecision
}

// scaleOf is the number of digits behind the point, types.NotFixed for floating point numbers.
func scaleOf(t types.Type) int {
	switch {
	case t.ID == types.Decimal, t.IsTemporal():
		return int(t.Scale)
	case t.IsFloat(), t.IsString(), t.ID == types.JSON:
		return types.NotFixed
	}
	return 0
}

// decimalOf is the DECIMAL that holds every value of an exact number.
func decimalOf(e Expr) types.Type {
	s := scaleOf(e.Type())
	if s == types.NotFixed {
		return types.NewDecimal(types.MaxPrecision, types.MaxScale)
	}
	return types.NewDecimal(precisionOf(e), s)
}

// The usual results.

func returns(t types.Type) resultType {
	return func(*builder, []Expr) types.Type { return t }
}

func returnsBool(*builder, []Expr) types.Type { return types.NewBool() }

func returnsInt(*builder, []Expr) types.Type { return types.NewBigInt() }

func returnsUint(*builder, []Expr) types.Type { return types.NewUBigInt() }

func returnsDouble(*builder, []Expr) types.Type { return types.NewDouble() }

// stringType is VARCHAR of n characters; call fills in the collation.
func stringType(n int) types.Type { return types.NewVarChar(min(max(n, 0), types.MaxLongBlob), 0) }

// returnsText is a string of the connection's collation with at most n characters.
func returnsText(n int) resultType {
	return func(b *builder, _ []Expr) types.Type { return types.NewVarChar(n, connection(b.env)) }
}

// returnsLike is a string as long as argument k times factor.
func returnsLike(k, factor int) resultType {
	return func(_ *builder, args []Expr) types.Type {
		n := int64(textLength(args[k].Type())) * int64(factor)
		return stringType(int(min(n, types.MaxLongBlob)))
	}
}

// literalInt reads an integer literal.
func literalInt(e Expr) (int64, bool) {
	c, ok := e.(*Const)
	if !ok || c.D.IsNull() {
		return 0, false
	}
	switch c.D.Kind {
	case types.PhysInt64:
		return c.D.I, true
	case types.PhysUint64:
		return int64(min(c.D.U, 1<<62)), true
	}
	return 0, false
}
