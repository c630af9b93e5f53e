package expr

import (
	"sync"

	"github.com/spillwaydb/spillway/internal/types"
)

// onceFunction has one argument, a constant that warns, such as 'abc' as a number.
var onceFunction = &function{name: "once", flags: mayNull, lazy: lazyOnce}

// once folds what is compared with other values. What warns is computed when the first row is compared, by one worker:
// it warns once in each run, and not at all where there are no rows.
func (b *builder) once(e Expr) Expr {
	e = b.fold(e)
	c, ok := e.(*Call)
	if !ok || !IsConst(e) || HasParam(e) || c.t.Phys() == types.PhysString {
		return e
	}
	return &Call{fn: onceFunction, args: []Expr{c}, t: c.t, coerc: c.coerc, text: c.String(), once: &onceValue{}}
}

// onceValue is the value of a constant once it is asked for. Safe for concurrent use.
type onceValue struct {
	mu    sync.Mutex
	known bool        // protected by mu
	value types.Datum // protected by mu
}

// get evaluates e the first time. Attempts to fold drop the warnings, and so do not count.
func (v *onceValue) get(e Expr, env *Env) (types.Datum, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.known {
		return v.value, nil
	}
	d, err := EvalConst(e, env)
	if err == nil && !env.quiet {
		v.value, v.known = d, true
	}
	return d, err
}

func lazyOnce(ev *Evaluator, nd *node, _ rows) error {
	c := nd.e.(*Call)
	d, err := c.once.get(c.args[0], ev.env)
	if err != nil {
		return err
	}
	nd.out.Const, nd.out.Null[0], nd.row.i = true, 0, 0
	return nd.row.set(d)
}
