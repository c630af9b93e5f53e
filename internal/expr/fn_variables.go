package expr

import (
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// Variables. "@"('name') reads a user variable once a statement; "@ row"('name') reads it for each row, for statements
// that also assign it; ":="('name', e) assigns. "@@"('scope', 'name') is the value of a system variable, as a literal.

func defineVariables(t table) {
	t["@"] = definition{1, 1, func(b *builder, args []Expr) (Expr, error) { return b.userVariable(readOnce, args) }}
	t["@ row"] = definition{1, 1, func(b *builder, args []Expr) (Expr, error) { return b.userVariable(readEach, args) }}
	t[":="] = definition{2, 2, buildAssign}
	t["@@"] = definition{2, 2, func(b *builder, args []Expr) (Expr, error) {
		scope, name := literalText(args[0]), literalText(args[1])
		if b.env.Variable == nil {
			return nil, sqlerr.New(sqlerr.ErrUnknownSystemVariable, name)
		}
		d, err := b.env.Variable(scope, name)
		if err != nil {
			return nil, err
		}
		return &Const{D: d, coerc: collation.CoerceSysConst, computed: true}, nil
	}}
}

var (
	readOnce = &function{name: "@", flags: mayNull, nodes: 1, row: rowUserVariable}
	readEach = &function{name: "@", flags: mayNull | volatile, nodes: 1, row: rowUserVariable}
	assign   = &function{name: ":=", flags: volatile | seesNull, row: rowAssign}
)

func literalText(e Expr) string {
	if c, ok := e.(*Const); ok {
		return string(c.D.S)
	}
	return ""
}

// userVariable has the type that the variable has now; a value of another type is converted when it is read.
func (b *builder) userVariable(fn *function, args []Expr) (Expr, error) {
	t := types.NewText(types.LongText, connection(b.env))
	if b.env.UserVar != nil {
		if d := b.env.UserVar(literalText(args[0])); d.Type.ID != types.Null {
			t = d.Type
		}
	}
	t.Nullable = true
	c := b.call(fn, args, t, connection(b.env), collation.CoerceImplicit)
	c.text = "@" + literalText(args[0])
	return c, nil
}

func rowUserVariable(r *row) error {
	if r.ev.env.UserVar == nil {
		return r.setNull()
	}
	d := r.ev.env.UserVar(string(r.str(0)))
	switch {
	case d.IsNull():
		return r.setNull()
	case sameValues(d.Type, r.out.Type):
		return r.set(d)
	}
	return r.cast(d, false)
}

func buildAssign(b *builder, args []Expr) (Expr, error) {
	e := args[1]
	c, _ := collationOf(e, b.env)
	return b.call(assign, []Expr{args[0], e}, e.Type(), c, collation.CoerceImplicit), nil
}

func rowAssign(r *row) error {
	d := r.datum(1)
	if f := r.ev.env.SetUserVar; f != nil {
		if err := f(string(r.str(0)), d); err != nil {
			return err
		}
	}
	return r.set(d)
}
