package expr

import (
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// NewStore converts e to t as storing it in a column of that name does: what does not fit is an error in strict mode,
// and cut with a warning otherwise.
func NewStore(e Expr, t types.Type, column string) Expr {
	if from := e.Type(); from.ID == t.ID && from.WithNullable(true).Equal(t.WithNullable(true)) {
		return e
	}
	// A function of its own, as it knows its column.
	fn := &function{name: "cast", flags: mayNull, row: func(r *row) error {
		env := r.ev.env
		from := r.datum(0)
		if err := r.ev.borrow(int(types.ConvertBytes(&from, &t))); err != nil {
			return err
		}
		d, err := types.Convert(from, t, &types.ConvContext{
			Strict: env.SQLMode.Strict(), Mode: env.SQLMode, Loc: env.Location, Now: env.Now, Warn: env.Warn,
			Column: column, Row: 1,
		})
		if err != nil {
			return err
		}
		return r.set(d)
	}}
	return &Call{fn: fn, args: []Expr{e}, t: t.WithNullable(true), coerc: collation.CoerceImplicit}
}
