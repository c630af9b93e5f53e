package expr

import (
	"math"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// Division and what else is computed row by row.

// divisionByZero makes the row NULL, with the warning or error that sql_mode asks for.
func (ev *Evaluator) divisionByZero(nd *node, i int) error {
	nd.out.Null[i] = 1
	if !ev.env.SQLMode.Has(types.ModeErrorForDivisionByZero) {
		return nil
	}
	return ev.warn(sqlerr.New(sqlerr.ErrDivisionByZero))
}

func evalDivReal(ev *Evaluator, nd *node, rs rows) error {
	orNulls(nd.out.Null, nd.av, rs)
	x, y, out, null := nd.av[0].F64, nd.av[1].F64, nd.out.F64, nd.out.Null
	mx, my := mask(nd.av[0]), mask(nd.av[1])
	for k := range rs.n {
		i := rs.at(k)
		if null[i] != 0 {
			continue
		}
		d := y[i&my]
		if d == 0 {
			if err := ev.divisionByZero(nd, i); err != nil {
				return err
			}
			continue
		}
		out[i] = x[i&mx] / d
	}
	return checkFinite(nd, rs)
}

func evalDivDec(ev *Evaluator, nd *node, rs rows) error {
	orNulls(nd.out.Null, nd.av, rs)
	vx, vy := nd.av[0], nd.av[1]
	mx, my := mask(vx), mask(vy)
	sx, sy, s := vx.Type.Scale, vy.Type.Scale, nd.out.Type.Scale
	for k := range rs.n {
		i := rs.at(k)
		if nd.out.Null[i] != 0 {
			continue
		}
		d := vy.Dec[i&my]
		if d.IsZero() {
			if err := ev.divisionByZero(nd, i); err != nil {
				return err
			}
			continue
		}
		v, ok := types.DecDiv(vx.Dec[i&mx], sx, d, sy, s)
		if !ok {
			return outOfRange(nd)
		}
		nd.out.Dec[i] = v
	}
	return nil
}

func (r *row) divisionByZero() error { return r.ev.divisionByZero(r.nd, r.i) }

// setWide stores an integer result.
func (r *row) setWide(w wide) error {
	if r.out.Type.Phys() == types.PhysUint64 {
		if w.neg {
			return r.outOfRange()
		}
		return r.setU64(w.mag)
	}
	v, ok := w.int64()
	if !ok {
		return r.outOfRange()
	}
	return r.setI64(v)
}

func rowDivInt(r *row) error {
	a, b := wideAt(r, 0), wideAt(r, 1)
	if b.mag == 0 {
		return r.divisionByZero()
	}
	q := a.mag / b.mag
	return r.setWide(wide{a.neg != b.neg && q != 0, q})
}

func rowDivDecInt(r *row) error {
	x, y := r.dec(0), r.dec(1)
	if y.IsZero() {
		return r.divisionByZero()
	}
	sx, sy := r.argType(0).Scale, r.argType(1).Scale
	// Exact: x - x mod y is a multiple of y, so the quotient has no digits to round.
	m, ok := types.DecMod(x, sx, y, sy)
	s := max(sx, sy)
	if ok {
		x, ok = x.Rescale(sx, s)
	}
	if ok {
		x, ok = x.Sub(m)
	}
	if ok {
		x, ok = types.DecDiv(x, s, y, sy, 0)
	}
	if !ok {
		return r.outOfRange()
	}
	if r.out.Type.Phys() == types.PhysUint64 {
		v, ok := x.ToUint64(0)
		if !ok {
			return r.outOfRange()
		}
		return r.setU64(v)
	}
	v, ok := x.ToInt64(0)
	if !ok {
		return r.outOfRange()
	}
	return r.setI64(v)
}

func rowModInt(r *row) error {
	a, b := wideAt(r, 0), wideAt(r, 1)
	if b.mag == 0 {
		return r.divisionByZero()
	}
	m := a.mag % b.mag
	return r.setWide(wide{a.neg && m != 0, m})
}

func rowModDec(r *row) error {
	if r.dec(1).IsZero() {
		return r.divisionByZero()
	}
	v, ok := types.DecMod(r.dec(0), r.argType(0).Scale, r.dec(1), r.argType(1).Scale)
	if !ok {
		return r.outOfRange()
	}
	return r.setDec(v)
}

func rowModReal(r *row) error {
	if r.f64(1) == 0 {
		return r.divisionByZero()
	}
	return r.setF64(math.Mod(r.f64(0), r.f64(1)))
}

func rowNegInt(r *row) error {
	v := r.i64(0)
	if v == math.MinInt64 {
		return r.outOfRange()
	}
	return r.setI64(-v)
}

func rowNegUint(r *row) error {
	v := r.u64(0)
	if v > 1<<63 {
		return r.outOfRange()
	}
	return r.setI64(-int64(v))
}

func refOf(n int) memory.Ref { return memory.Ref(n) }
