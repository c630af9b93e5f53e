package session

import (
	"context"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// intoVars keeps the one row of SELECT ... INTO @a, @b.
type intoVars struct {
	heap *memory.HeapLedger
	acct *memory.Account
	n    int64         // charged for row
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
	n := int64(0)
	for _, c := range b.Cols {
		n += userVarBytes
		if c.Type.Phys() == types.PhysString {
			n += int64(c.Str[c.Index(i)].Len())
		}
	}
	if err := v.heap.Reserve(v.acct, n); err != nil {
		return err
	}
	v.n = n
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
	into := intoVars{heap: s.manager.Pool.Heap(), acct: s.acct}
	defer func() { into.heap.Release(into.acct, into.n) }()
	if _, err := s.run(ctx, p, consumer{into: &into}, a); err != nil {
		return err
	}
	if into.row == nil {
		s.warn(sqlerr.NewWarning(sqlerr.ErrSpFetchNoData))
		return s.done(a, nil)
	}
	for i, name := range st.IntoVars {
		if err := s.users.set(name, into.row[i]); err != nil {
			return err
		}
	}
	s.affected = 1
	return s.done(a, nil)
}
