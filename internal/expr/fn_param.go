package expr

import (
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// NewParam stands in the plan of a correlated subquery for a value of the outer query's row: Env.Outer[slot]. text is
// how EXPLAIN shows it.
func NewParam(slot int, t types.Type, text string) *Call {
	fn := &function{name: "outer column", flags: mayNull | late, row: func(r *row) error {
		return r.set(r.ev.env.Outer[slot])
	}}
	return &Call{fn: fn, t: t.WithNullable(true), coerc: collation.CoerceImplicit, text: text}
}

// HasParam says if e depends on a row of an outer query.
func HasParam(e Expr) bool {
	found := false
	Walk(e, func(e Expr) bool {
		c, ok := e.(*Call)
		found = found || ok && c.fn.flags&late != 0
		return !found
	})
	return found
}

// BindParams replaces the values of outer rows by constants: those of env.
func BindParams(e Expr, env *Env) Expr {
	return bindParams(e, env, func(c *Call) (types.Datum, bool) {
		d, err := EvalConst(c, env)
		return d, err == nil
	})
}

// SampleParams replaces the values of outer rows by ones made up, by their type.
func SampleParams(e Expr, env *Env, sample func(t types.Type) types.Datum) Expr {
	return bindParams(e, env, func(c *Call) (types.Datum, bool) { return sample(c.t), true })
}

func bindParams(e Expr, env *Env, value func(c *Call) (types.Datum, bool)) Expr {
	if !HasParam(e) {
		return e
	}
	return Fold(Transform(e, func(e Expr) Expr {
		c, ok := e.(*Call)
		if !ok || c.fn.flags&late == 0 {
			return e
		}
		d, ok := value(c)
		if !ok {
			return e
		}
		d.Type = c.t
		return &Const{D: d, coerc: c.coerc, computed: true}
	}), env)
}
