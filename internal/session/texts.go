package session

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// sendTexts answers with a result of short texts that the session made itself: EXPLAIN, SHOW.
func (s *Session) sendTexts(ctx context.Context, a answer, names []string, rows [][]string) error {
	cols := make([]Column, len(names))
	for i, n := range names {
		cols[i] = Column{Name: n, Type: textType}
	}
	data := make([][]types.Datum, len(rows))
	for i, r := range rows {
		data[i] = make([]types.Datum, len(r))
		for j, v := range r {
			data[i][j] = textDatum(v)
		}
	}
	return s.sendRows(ctx, a, cols, data)
}

// rowsBatch is the number of rows in a batch of a result that the session made itself.
const rowsBatch = 64

// sendRows answers with rows that the session made itself.
func (s *Session) sendRows(ctx context.Context, a answer, cols []Column, rows [][]types.Datum) error {
	if err := a.out.Columns(cols); err != nil {
		return err
	}
	s.rowCount = -1
	if err := s.streamRows(ctx, a, cols, rows); err != nil {
		return err
	}
	return a.out.EOF(s.status(a, ""))
}

func (s *Session) streamRows(ctx context.Context, a answer, cols []Column, rows [][]types.Datum) (err error) {
	if len(rows) == 0 {
		return nil
	}
	t := make([]types.Type, len(cols))
	for i := range cols {
		t[i] = cols[i].Type
	}
	stmt := s.manager.Pool.NewStatement(s.acct, memory.StatementOptions{ConnID: s.info.ID, Name: "result"})
	defer stmt.Close()
	s.proc.setStatement(stmt, "executing")
	defer s.proc.setStatement(nil, "")
	need := vector.BatchBytes(t, rowsBatch, 0)
	if err := stmt.Admit(ctx, need); err != nil {
		return err
	}
	stmt.AddWorkers(1)
	defer stmt.AddWorkers(-1)
	acct, err := stmt.Operator("result", need)
	if err != nil {
		return err
	}
	defer acct.Close()
	b, err := vector.NewBatch(acct, t, rowsBatch, 0)
	if err != nil {
		return err
	}
	defer b.Close()
	send := func() error {
		err := a.out.Rows(ctx, stmt, nil, b)
		b.Reset()
		return err
	}
	for _, row := range rows {
		err := putRow(b, row)
		if errors.Is(err, sqlerr.ErrNoSurplus) && b.Len > 0 {
			if err := send(); err != nil {
				return err
			}
			err = putRow(b, row)
		}
		if err != nil {
			return err
		}
		if b.Len == b.Cap() {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if b.Len == 0 {
		return nil
	}
	return send()
}

func putRow(b *vector.Batch, row []types.Datum) error {
	for i, d := range row {
		if err := b.Cols[i].SetDatum(b.Len, d, b.Arena()); err != nil {
			return err
		}
	}
	b.Len++
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
