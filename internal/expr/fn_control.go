package expr

import (
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// Control flow: CASE, IF, IFNULL, COALESCE, NULLIF. A result is evaluated only for the rows that take it.

var (
	caseFunction     = &function{name: "case", flags: seesNull, selections: 2, lazy: lazyCase}
	ifFunction       = &function{name: "if", flags: seesNull, selections: 2, lazy: lazyCase}
	coalesceFunction = &function{name: "coalesce", flags: seesNull, selections: 1, lazy: lazyCoalesce}
	nullifFunction   = &function{name: "nullif", flags: seesNull | mayNull, selections: 2, lazy: lazyNullif}
)

func defineControl(t table) {
	t["case"] = definition{2, -1, func(b *builder, args []Expr) (Expr, error) { return b.branches(caseFunction, args) }}
	t["if"] = definition{3, 3, func(b *builder, args []Expr) (Expr, error) { return b.branches(ifFunction, args) }}
	t["coalesce"] = definition{1, -1, buildCoalesce}
	t["ifnull"] = definition{2, 2, buildCoalesce}
	t["nullif"] = definition{2, 2, buildNullif}
	t["in"] = definition{2, -1, buildIn}
	t["not in"] = definition{2, -1, func(b *builder, args []Expr) (Expr, error) { return b.negated(buildIn(b, args)) }}
}

// branches is for condition, result, condition, result, ..., and perhaps a last result for all other rows.
func (b *builder) branches(fn *function, args []Expr) (Expr, error) {
	var results []Expr
	for i := 1; i < len(args); i += 2 {
		results = append(results, args[i])
	}
	odd := len(args)%2 == 1
	if odd {
		results = append(results, args[len(args)-1])
	}
	results, t, coerc, err := b.common(results)
	if err != nil {
		return nil, err
	}
	out := make([]Expr, len(args))
	for i := range args {
		switch {
		case i == len(args)-1 && odd:
			out[i] = results[len(results)-1]
		case i%2 == 1:
			out[i] = results[i/2]
		default:
			if out[i], err = b.condition(args[i]); err != nil {
				return nil, err
			}
		}
	}
	nullable := !odd || anyNullable(results)
	c := b.call(fn, out, t, t.Collation, coerc)
	c.t.Nullable = nullable
	return c, nil
}

func lazyCase(ev *Evaluator, nd *node, rs rows) error {
	rest := rs
	yes, no := nd.sels[0], nd.sels[1]
	for a := 0; a+1 < len(nd.args) && rest.n > 0; a += 2 {
		if err := ev.eval(nd.args[a], rest); err != nil {
			return err
		}
		ny, nn := splitTrue(nd.args[a].res, rest, yes, no)
		taken := selected(yes[:ny])
		if ny == rest.n && rest.sel == nil {
			taken = rest
		}
		if err := ev.take(nd, nd.args[a+1], taken); err != nil {
			return err
		}
		rest = selected(no[:nn])
	}
	if len(nd.args)%2 == 1 {
		return ev.take(nd, nd.args[len(nd.args)-1], rest)
	}
	for k := range rest.n {
		ev.setNull(nd, rest.at(k))
	}
	return nil
}

// take evaluates arg for rs and makes its values nd's.
func (ev *Evaluator) take(nd, arg *node, rs rows) error {
	if rs.n == 0 {
		return nil
	}
	if err := ev.eval(arg, rs); err != nil {
		return err
	}
	copyRows(&nd.out, arg.res, rs)
	return nil
}

// setNull makes a row of the result NULL, with a value that is safe to read.
func (ev *Evaluator) setNull(nd *node, i int) {
	nd.out.Null[i] = 1
	if nd.out.Str != nil {
		clear(nd.out.Str[i : i+1])
	}
}

func buildCoalesce(b *builder, args []Expr) (Expr, error) {
	args, t, coerc, err := b.common(args)
	if err != nil {
		return nil, err
	}
	nullable := true
	for _, a := range args {
		nullable = nullable && a.Type().Nullable
	}
	c := b.call(coalesceFunction, args, t, t.Collation, coerc)
	c.t.Nullable = nullable
	return c, nil
}

func lazyCoalesce(ev *Evaluator, nd *node, rs rows) error {
	open := rs
	for a, arg := range nd.args {
		if err := ev.take(nd, arg, open); err != nil {
			return err
		}
		if a == len(nd.args)-1 {
			break
		}
		dst, n := nd.sels[0], 0
		for k := range open.n {
			i := open.at(k)
			dst[n] = uint16(i)
			n += int(nd.out.Null[i])
		}
		open = selected(dst[:n])
	}
	return nil
}

func buildNullif(b *builder, args []Expr) (Expr, error) {
	eq, err := NewCall("=", args, b.env)
	if err != nil {
		return nil, err
	}
	c, coerc := collationOf(args[0], b.env)
	return b.call(nullifFunction, []Expr{eq, args[0]}, args[0].Type(), c, coerc), nil
}

func lazyNullif(ev *Evaluator, nd *node, rs rows) error {
	if err := ev.eval(nd.args[0], rs); err != nil {
		return err
	}
	ny, nn := splitTrue(nd.args[0].res, rs, nd.sels[0], nd.sels[1])
	for _, i := range nd.sels[0][:ny] {
		ev.setNull(nd, int(i))
	}
	return ev.take(nd, nd.args[1], selected(nd.sels[1][:nn]))
}

// relabel gives e another type of the same physical kind without touching values.
func relabel(e Expr, t types.Type) Expr {
	t.Nullable = e.Type().Nullable
	switch e := e.(type) {
	case *Column:
		d := *e
		d.T = t
		return &d
	case *Const:
		d := *e
		d.D.Type = t
		return &d
	case *Call:
		d := *e
		d.t = t
		return &d
	}
	return e
}

// NewCollate is e COLLATE name. Errors: 1273, 1253.
func NewCollate(e Expr, name string, env *Env) (Expr, error) {
	b := &builder{env: env, name: "collate"}
	id, ok := collation.ByName(name)
	if !ok {
		return nil, errUnknownCollation(name)
	}
	e = b.toString(e)
	t := e.Type()
	if collation.Charset(t.Collation) != collation.Charset(id) {
		return nil, errCollationMismatch(name, collation.Charset(t.Collation))
	}
	t.Collation = id
	c := b.call(collateFunction, []Expr{e}, t, id, collation.CoerceExplicit)
	c.t.Nullable = e.Type().Nullable
	return b.fold(c), nil
}
