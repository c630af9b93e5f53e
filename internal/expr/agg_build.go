package expr

import (
	"strings"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// aggregateAliases are the other names of aggregates.
var aggregateAliases = map[string]string{
	"std": "stddev_pop", "stddev": "stddev_pop", "variance": "var_pop",
}

// aggregateArgs has the number of arguments of each aggregate: least and most, -1 for any.
var aggregateArgs = map[string][2]int{
	"count": {0, -1}, "sum": {1, 1}, "avg": {1, 1}, "min": {1, 1}, "max": {1, 1}, "any_value": {1, 1},
	"bit_and": {1, 1}, "bit_or": {1, 1}, "bit_xor": {1, 1}, "stddev_pop": {1, 1}, "stddev_samp": {1, 1},
	"var_pop": {1, 1}, "var_samp": {1, 1}, "group_concat": {1, -1}, "json_arrayagg": {1, 1}, "json_objectagg": {2, 2},
}

// IsAggregate says if there is an aggregate of that name.
func IsAggregate(name string) bool {
	name = strings.ToLower(name)
	if a, ok := aggregateAliases[name]; ok {
		name = a
	}
	_, ok := aggregateArgs[name]
	return ok
}

// NewAggregateType types the aggregate of that name: implicit casts of the arguments, result type. Its Name is the
// canonical one (std becomes stddev_pop); COUNT(*) has no arguments.
func NewAggregateType(name string, args []Expr, distinct bool, env *Env) (*Aggregate, error) {
	name = strings.ToLower(name)
	if n, ok := aggregateAliases[name]; ok {
		name = n
	}
	count, ok := aggregateArgs[name]
	if !ok {
		return nil, sqlerr.New(sqlerr.ErrSpDoesNotExist, "FUNCTION", qualify(name, env))
	}
	if len(args) < count[0] || count[1] >= 0 && len(args) > count[1] {
		return nil, sqlerr.New(sqlerr.ErrWrongParamCountToNativeFct, name)
	}
	b := &builder{env: env, name: name}
	a := &Aggregate{Name: name, Args: args, Distinct: distinct, Separator: ","}
	switch name {
	case "count":
		a.T = types.NewBigInt().WithNullable(false)
	case "sum", "avg":
		return a, b.typeSum(a)
	case "min", "max", "any_value":
		e := args[0]
		if t := e.Type(); name != "any_value" && (t.ID == types.Enum || t.ID == types.Set) {
			e = b.toString(e)
		}
		a.Args, a.T = []Expr{e}, e.Type().WithNullable(true)
		a.Distinct = false // changes nothing
	case "bit_and", "bit_or", "bit_xor":
		a.Distinct = distinct && name == "bit_xor"
		return a, typeBits(a)
	case "stddev_pop", "stddev_samp", "var_pop", "var_samp":
		a.Args, a.T = []Expr{NewCast(args[0], types.NewDouble())}, types.NewDouble()
	case "group_concat":
		return a, b.typeGroupConcat(a)
	case "json_arrayagg":
		a.Args, a.T = []Expr{b.jsonValue(args[0])}, types.NewJSON()
	case "json_objectagg":
		a.Args, a.T = []Expr{b.utf8(args[0]), b.jsonValue(args[1])}, types.NewJSON()
	}
	return a, nil
}

// typeSum: SUM of exact numbers has 22 digits more, AVG div_precision_increment more behind the point.
func (b *builder) typeSum(a *Aggregate) error {
	e := toNumber(a.Args[0])
	if e.Type().ID == types.Null {
		e = NewCast(e, types.NewDouble())
	}
	if classOf(e.Type()) == classReal {
		a.Args, a.T = []Expr{NewCast(e, types.NewDouble())}, types.NewDouble()
		return nil
	}
	a.Args = []Expr{e}
	p, s := precisionOf(e), scaleOf(e.Type())
	if a.Name == "sum" {
		a.T = types.NewDecimal(p+22, s)
		return nil
	}
	inc := b.env.divIncrement()
	a.T = types.NewDecimal(p+inc, min(s+inc, types.MaxScale))
	return nil
}

func (b *builder) typeGroupConcat(a *Aggregate) error {
	c, _, err := b.aggregate(a.Args)
	if err != nil {
		return err
	}
	args := make([]Expr, len(a.Args))
	for i, e := range a.Args {
		args[i] = b.toCollation(e, c)
	}
	n := groupConcatMax(b.env)
	a.Args = args
	switch {
	case c == collation.Binary && n <= 512:
		a.T = types.NewVarBinary(int(n))
	case c == collation.Binary:
		a.T = types.NewBlob(types.Blob)
	case n <= 512:
		a.T = types.NewVarChar(int(n), c)
	default:
		a.T = types.NewText(types.Text, c)
	}
	if n > types.MaxBlob {
		a.T.ID += types.LongText - types.Text
		a.T.Length = types.MaxLongBlob
	}
	return nil
}

// groupConcatDefault holds where group_concat_max_len is not set.
const groupConcatDefault = 1024

func groupConcatMax(env *Env) int64 {
	n := env.GroupConcat
	if n <= 0 {
		n = groupConcatDefault
	}
	if env.MaxPacket > 0 {
		n = min(n, env.MaxPacket)
	}
	return n
}

// jsonValue makes e a JSON value, strings as JSON strings.
func (b *builder) jsonValue(e Expr) Expr {
	t := e.Type()
	switch {
	case t.ID == types.JSON:
		return e
	case t.IsString() || t.ID == types.Enum || t.ID == types.Set:
		return &Call{fn: jsonOfText, args: []Expr{b.utf8(e)}, t: types.NewJSON().WithNullable(t.Nullable)}
	case t.ID == types.BigInt && t.Length == 1 && isBoolean(e):
		return &Call{fn: jsonOfBool, args: []Expr{e}, t: types.NewJSON().WithNullable(t.Nullable)}
	}
	return NewCast(e, types.NewJSON())
}

// isBoolean says if e is a predicate: JSON has true and false for it.
func isBoolean(e Expr) bool {
	c, ok := e.(*Call)
	return ok && c.fn.flags&boolean != 0
}

// utf8 makes e a string in utf8mb4.
func (b *builder) utf8(e Expr) Expr {
	if t := e.Type(); t.IsString() && (t.Collation == collation.Binary || collation.Charset(t.Collation) == "utf8mb4") {
		return e
	}
	return NewCast(e, types.NewVarChar(textLength(e.Type()), collation.UTF8MB4Bin))
}

// NewAccumulator returns the form with states of fixed size; false if there is none: variable size or DISTINCT.
func NewAccumulator(a *Aggregate) (Accumulator, bool) {
	if a.Distinct {
		return nil, false
	}
	var phys types.Phys
	if len(a.Args) > 0 {
		phys = a.Args[0].Type().Phys()
	}
	switch a.Name {
	case "count":
		return countAccumulator{}, true
	case "sum", "avg":
		avg := a.Name == "avg"
		switch phys {
		case types.PhysInt64, types.PhysUint64:
			return &sumIntAccumulator{avg: avg}, true
		case types.PhysDecimal:
			return &sumDecAccumulator{avg: avg, scale: a.Args[0].Type().Scale, text: a.String()}, true
		}
		return &sumRealAccumulator{avg: avg, text: a.String()}, true
	case "min", "max":
		isMax := a.Name == "max"
		switch phys {
		case types.PhysInt64:
			return &extremeAccumulator[int64]{isMax, int64Values}, true
		case types.PhysUint64:
			return &extremeAccumulator[uint64]{isMax, uint64Values}, true
		case types.PhysFloat64:
			return &extremeAccumulator[float64]{isMax, float64Values}, true
		case types.PhysDecimal:
			return &extremeDecAccumulator{isMax}, true
		}
		return nil, false
	case "any_value":
		if phys == types.PhysString {
			return nil, false
		}
		return &anyAccumulator{phys}, true
	case "bit_and", "bit_or", "bit_xor":
		if phys == types.PhysString {
			return nil, false
		}
		return &bitAccumulator{a.Name}, true
	case "stddev_pop", "stddev_samp", "var_pop", "var_samp":
		return &varianceAccumulator{
			sample: strings.HasSuffix(a.Name, "samp"), root: strings.HasPrefix(a.Name, "stddev"), text: a.String(),
		}, true
	}
	return nil, false
}

// String is EXPLAIN's form.
func (a *Aggregate) String() string {
	var b strings.Builder
	b.WriteString(a.Name)
	b.WriteByte('(')
	if a.Distinct {
		b.WriteString("distinct ")
	}
	for i, e := range a.Args {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(e.String())
	}
	if len(a.Args) == 0 {
		b.WriteByte('1')
	}
	b.WriteByte(')')
	return b.String()
}

// NewGroupState returns the streaming form; it takes GroupStateBytes(a) of acct's minimum. The rows of a group must
// come in an order by a.Args if a is DISTINCT, else by a.OrderBy if there is one: nothing is sorted or remembered
// here.
func NewGroupState(acct *memory.Account, a *Aggregate, env *Env) (GroupState, error) {
	plain := *a
	plain.Distinct = false
	var s GroupState
	var err error
	if acc, ok := NewAccumulator(&plain); ok {
		s, err = newFixedState(acct, acc)
	} else {
		s, err = newVariableState(acct, &plain, env)
	}
	if err != nil || !a.Distinct {
		return s, err
	}
	return newDistinctState(acct, s, a)
}

// GroupStateBytes is the minimum that NewGroupState takes from its account.
func GroupStateBytes(a *Aggregate) int64 {
	n := int64(memory.PageSize(fixedStateBytes))
	plain := *a
	plain.Distinct = false
	if _, ok := NewAccumulator(&plain); !ok {
		n = int64(memory.PageSize(variableStateBytes(a)))
	}
	if a.Distinct {
		n += int64(memory.PageSize(2 * vector.MaxRows))
	}
	return n
}
