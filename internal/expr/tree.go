package expr

import (
	"bytes"
	"slices"

	"github.com/spillwaydb/spillway/internal/types"
)

// Walk calls f for e and what lies below, parents first; f says whether to go below.
func Walk(e Expr, f func(Expr) bool) {
	if e == nil || !f(e) {
		return
	}
	for _, a := range e.Args() {
		Walk(a, f)
	}
}

// Transform rebuilds e bottom-up: f gets each node with its new arguments and returns what replaces it. A replacement
// has the physical kind of what it replaces, as implementations were chosen by it; NewCast sees to that.
func Transform(e Expr, f func(Expr) Expr) Expr {
	c, ok := e.(*Call)
	if !ok {
		return f(e)
	}
	var args []Expr
	for i, a := range c.args {
		n := Transform(a, f)
		if n != a && args == nil {
			args = slices.Clone(c.args)
		}
		if args != nil {
			args[i] = n
		}
	}
	if args != nil {
		d := *c
		d.args = args
		c = &d
	}
	return f(c)
}

// ColumnsUsed lists the indexes of columns in e, ascending, each once.
func ColumnsUsed(e Expr) []int {
	var out []int
	Walk(e, func(e Expr) bool {
		if c, ok := e.(*Column); ok {
			out = append(out, c.Index)
		}
		return true
	})
	slices.Sort(out)
	return slices.Compact(out)
}

// Shift adds delta to all column indexes.
func Shift(e Expr, delta int) Expr {
	if delta == 0 {
		return e
	}
	return Transform(e, func(e Expr) Expr {
		if c, ok := e.(*Column); ok {
			d := *c
			d.Index += delta
			return &d
		}
		return e
	})
}

// Equal says if two trees are the same: same functions of the same columns and literals.
func Equal(a, b Expr) bool {
	if a == b {
		return true
	}
	switch a := a.(type) {
	case *Column:
		b, ok := b.(*Column)
		return ok && a.Index == b.Index
	case *Const:
		b, ok := b.(*Const)
		return ok && equalDatum(a.D, b.D)
	case *Default:
		_, ok := b.(*Default)
		return ok
	case *List:
		b, ok := b.(*List)
		return ok && sameList(a, b)
	case *Call:
		b, ok := b.(*Call)
		if !ok || a.fn != b.fn || len(a.args) != len(b.args) || !a.t.Equal(b.t) || !Deterministic(a) {
			return false
		}
		for i := range a.args {
			if !Equal(a.args[i], b.args[i]) {
				return false
			}
		}
		return true
	}
	return false
}

// equalDatum compares literals by bytes, not by collation: 'a' and 'A' are different expressions.
func equalDatum(a, b types.Datum) bool {
	return a.Kind == b.Kind && a.I == b.I && a.U == b.U && a.F == b.F && a.D == b.D && bytes.Equal(a.S, b.S) &&
		a.Type.Equal(b.Type)
}

// Deterministic says if equal inputs give equal values within a statement and evaluation changes nothing.
func Deterministic(e Expr) bool {
	ok := true
	Walk(e, func(e Expr) bool {
		if c, is := e.(*Call); is && c.fn.flags&volatile != 0 {
			ok = false
		}
		return ok
	})
	return ok
}

// IsConst says if e has the same value for all rows of one execution: no columns, nothing random, no effects.
func IsConst(e Expr) bool {
	ok := true
	Walk(e, func(e Expr) bool {
		switch e := e.(type) {
		case *Column, *Default:
			ok = false
		case *Call:
			ok = ok && e.fn.flags&volatile == 0
		}
		return ok
	})
	return ok
}

// Fold replaces what is constant within a statement by its value. What fails or warns is left, to do so at run time if
// it counts.
func Fold(e Expr, env *Env) Expr {
	switch c := e.(type) {
	case *Call:
		return foldCall(c, env)
	default:
		return e
	}
}

func foldCall(c *Call, env *Env) Expr {
	var args []Expr
	constant := c.fn.flags&(volatile|late) == 0
	for i, a := range c.args {
		n := Fold(a, env)
		if n != a && args == nil {
			args = slices.Clone(c.args)
		}
		if args != nil {
			args[i] = n
		}
		if _, ok := n.(*Const); !ok {
			constant = false
		}
	}
	if args != nil {
		d := *c
		d.args = args
		c = &d
	}
	if !constant {
		return c
	}
	quiet, warned := quietEnv(env)
	d, err := EvalConst(c, quiet)
	if err != nil || *warned || len(d.S) > scratchFree {
		return c // a long value is made in the statement's pages
	}
	d.Type = c.t
	return &Const{D: d, coerc: c.coerc, computed: true}
}
