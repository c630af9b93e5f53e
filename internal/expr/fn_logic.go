package expr

import (
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Three-valued logic. AND and OR evaluate an argument only for the rows that the ones before it left open.

var (
	andFunction = &function{name: "and", flags: boolean | seesNull, selections: 2, lazy: lazyAnd}
	orFunction  = &function{name: "or", flags: boolean | seesNull, selections: 2, lazy: lazyOr}
)

func defineLogic(t table) {
	t["and"] = definition{1, -1, func(b *builder, args []Expr) (Expr, error) { return b.junction(andFunction, args) }}
	t["or"] = definition{1, -1, func(b *builder, args []Expr) (Expr, error) { return b.junction(orFunction, args) }}
	t.alias("&&", "and")
	t.alias("||", "or")
	t.truth("not", 1, 1, function{flags: boolean, vec: evalNot})
	t.alias("!", "not")
	t.truth("xor", 2, 2, function{flags: boolean, vec: evalXor})
	t.truth("is true", 1, 1, function{flags: boolean | seesNull, vec: evalIsTrue(1, 0)})
	t.truth("is false", 1, 1, function{flags: boolean | seesNull, vec: evalIsTrue(0, 0)})
	t.truth("is not true", 1, 1, function{flags: boolean | seesNull, vec: evalIsTrue(0, 1)})
	t.truth("is not false", 1, 1, function{flags: boolean | seesNull, vec: evalIsTrue(1, 1)})
	t.simple("is null", "x", 1, 1, returnsBool, function{flags: boolean | seesNull, vec: evalIsNull(1)})
	t.simple("is not null", "x", 1, 1, returnsBool, function{flags: boolean | seesNull, vec: evalIsNull(0)})
	t.alias("isnull", "is null")
	t.alias("is unknown", "is null")
	t.alias("is not unknown", "is not null")
}

// truth defines a function of conditions.
func (t table) truth(name string, least, most int, f function) {
	f.name = name
	fn := &f
	t[name] = definition{least, most, func(b *builder, args []Expr) (Expr, error) {
		out := make([]Expr, len(args))
		for i, a := range args {
			c, err := b.condition(a)
			if err != nil {
				return nil, err
			}
			out[i] = c
		}
		return b.call(fn, out, types.NewBool(), 0, 0), nil
	}}
}

// condition makes e an integer whose being 0 is what e's being false is.
func (b *builder) condition(e Expr) (Expr, error) {
	t := e.Type()
	switch {
	case t.ID == types.Null:
		return NewCast(e, types.NewBigInt()), nil
	case t.Phys() == types.PhysInt64:
		return e, nil
	}
	return NewCall("!=", []Expr{e, NewInt(0)}, b.env)
}

// NewCondition makes e a condition: an integer expression that is true if not 0.
func NewCondition(e Expr, env *Env) (Expr, error) { return (&builder{env: env}).condition(e) }

// junction flattens: (a AND b) AND c is one call of three.
func (b *builder) junction(fn *function, args []Expr) (Expr, error) {
	var out []Expr
	for _, a := range args {
		if c, ok := a.(*Call); ok && c.fn == fn && c.text == "" {
			out = append(out, c.args...)
			continue
		}
		c, err := b.condition(a)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	c := b.call(fn, out, types.NewBool(), 0, 0)
	for _, a := range out {
		c.t.Nullable = c.t.Nullable || a.Type().Nullable
	}
	if fn.flags&seesNull != 0 && !anyNullable(out) {
		c.t.Nullable = false
	}
	return c, nil
}

func anyNullable(args []Expr) bool {
	for _, a := range args {
		if a.Type().Nullable {
			return true
		}
	}
	return false
}

// Conjuncts splits a condition at its ANDs.
func Conjuncts(e Expr) []Expr {
	if c, ok := e.(*Call); ok && c.fn == andFunction {
		var out []Expr
		for _, a := range c.args {
			out = append(out, Conjuncts(a)...)
		}
		return out
	}
	return []Expr{e}
}

// Disjuncts splits a condition at its ORs.
func Disjuncts(e Expr) []Expr {
	if c, ok := e.(*Call); ok && c.fn == orFunction {
		var out []Expr
		for _, a := range c.args {
			out = append(out, Disjuncts(a)...)
		}
		return out
	}
	return []Expr{e}
}

func lazyAnd(ev *Evaluator, nd *node, rs rows) error { return ev.junction(nd, rs, false) }

func lazyOr(ev *Evaluator, nd *node, rs rows) error { return ev.junction(nd, rs, true) }

// junction computes AND (decisive false) or OR (decisive true): a decisive argument decides a row; what is left at the
// end is NULL if any argument was, else the opposite.
func (ev *Evaluator) junction(nd *node, rs rows, decisive bool) error {
	out, null := nd.out.I64, nd.out.Null
	hit, other := int64(b2i(decisive)), int64(b2i(!decisive))
	for k := range rs.n {
		i := rs.at(k)
		out[i], null[i] = other, 0
	}
	open := rs
	for a, arg := range nd.args {
		if open.n == 0 {
			break
		}
		if err := ev.eval(arg, open); err != nil {
			return err
		}
		// In place: what is written never overtakes what is read.
		dst := nd.sels[0]
		v, m := arg.res, mask(arg.res)
		n := 0
		for k := range open.n {
			i := open.at(k)
			j := i & m
			switch {
			case v.Null[j] != 0:
				null[i] = 1
			case (v.I64[j] != 0) == decisive:
				out[i], null[i] = hit, 0
				continue
			}
			dst[n] = uint16(i)
			n++
		}
		if a < len(nd.args)-1 {
			open = selected(dst[:n])
		}
	}
	return nil
}

func evalNot(_ *Evaluator, nd *node, rs rows) error {
	orNulls(nd.out.Null, nd.av, rs)
	x, out := nd.av[0].I64, nd.out.I64
	m := mask(nd.av[0])
	for k := range rs.n {
		i := rs.at(k)
		out[i] = int64(b2i(x[i&m] == 0))
	}
	return nil
}

func evalXor(_ *Evaluator, nd *node, rs rows) error {
	orNulls(nd.out.Null, nd.av, rs)
	x, y, out := nd.av[0].I64, nd.av[1].I64, nd.out.I64
	mx, my := mask(nd.av[0]), mask(nd.av[1])
	for k := range rs.n {
		i := rs.at(k)
		out[i] = int64(b2i((x[i&mx] != 0) != (y[i&my] != 0)))
	}
	return nil
}

// evalIsTrue gives ifTrue or its opposite, and ifNull.
func evalIsTrue(ifTrue, ifNull int64) func(*Evaluator, *node, rows) error {
	return func(_ *Evaluator, nd *node, rs rows) error {
		clearNulls(nd.out.Null, rs)
		nd.out.NoNulls = true
		v, out := nd.av[0], nd.out.I64
		m := mask(v)
		for k := range rs.n {
			i := rs.at(k)
			out[i] = int64(b2i(v.I64[i&m] == 0)) ^ ifTrue
			if v.Null[i&m] != 0 {
				out[i] = ifNull
			}
		}
		return nil
	}
}

func evalIsNull(ifNull int64) func(*Evaluator, *node, rows) error {
	return func(_ *Evaluator, nd *node, rs rows) error {
		clearNulls(nd.out.Null, rs)
		nd.out.NoNulls = true
		v, out := nd.av[0], nd.out.I64
		m := mask(v)
		for k := range rs.n {
			i := rs.at(k)
			out[i] = int64(v.Null[i&m]) ^ 1 ^ ifNull
		}
		return nil
	}
}

// splitTrue writes the rows of rs for which cond is true to yes and the others to no.
func splitTrue(cond *vector.Vector, rs rows, yes, no []uint16) (ny, nn int) {
	m := mask(cond)
	for k := range rs.n {
		i := rs.at(k)
		t := b2i(cond.Null[i&m] == 0 && cond.I64[i&m] != 0)
		yes[ny], no[nn] = uint16(i), uint16(i)
		ny += t
		nn += 1 - t
	}
	return ny, nn
}
