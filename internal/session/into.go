package session

import (
	"context"

	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// intoVars keeps the one row of SELECT ... INTO @a, @b.
type intoVars struct {
	row  []types.Datum // nil: no row yet
	rows int
}

func (v *intoVars) take(b *vector.Batch) error {
	v.rows += b.Rows()
	if v.rows > 1 {
		return sqlerr.New(sqlerr.ErrTooManyRows)
	}
	i := 0
	if b.Sel != nil {
		i = int(b.Sel[0])
	}
	for _, c := range b.Cols {
		v.row = append(v.row, cloneDatum(c.Datum(b.Base(), i)))
	}
	return nil
}

// selectInto runs a SELECT whose row goes to user variables. No row is a warning and leaves them as they are.
func (s *Session) selectInto(ctx context.Context, st *parse.Statement, p planned, a answer) error {
	if len(p.plan.Columns) != len(st.IntoVars) {
		return sqlerr.New(sqlerr.ErrWrongNumberOfColumnsInSelect)
	}
	var into intoVars
	if _, err := s.run(ctx, p, consumer{into: &into}, a); err != nil {
		return err
	}
	if into.row == nil {
		s.warn(sqlerr.NewWarning(sqlerr.ErrSpFetchNoData))
		return s.done(a, nil)
	}
	for i, name := range st.IntoVars {
		s.users[name] = into.row[i]
	}
	s.affected = 1
	return s.done(a, nil)
}
