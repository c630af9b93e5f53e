package agg

import (
	"context"
	"errors"
	"slices"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// shape is what an aggregation of sorted input keeps of the group in work, and what it gives. Immutable.
type shape struct {
	columns   []int        // of the group, in the input
	keys      *rows.Layout // of the group's key
	page      int          // bytes of the key's block
	output    []types.Type // the key, then what is computed
	batchRows int          // of the output
	arena     int          // bytes of the output's first page for strings; 0: a default
}

// newShape is that of groups with these keys; computed columns follow. batchRows 0: a default by the width of a row.
func newShape(columns []int, keys, computed []types.Type, batchRows int) *shape {
	l := rows.NewLayout(keys, 0)
	s := &shape{columns: columns, keys: l, page: l.PageBytes(0), output: slices.Concat(keys, computed)}
	s.batchRows = batchRows
	if batchRows <= 0 {
		s.batchRows = rows.BatchRows(s.output, 0)
	}
	return s
}

// minBytes is what the key and the output take at most.
func (s *shape) minBytes() int64 {
	n := vector.BatchBytes(s.output, s.batchRows, s.arena)
	if len(s.columns) > 0 {
		n += int64(s.page) + 2*s.keys.OverflowBytes(s.page)
	}
	return n
}

// columnTypes are those of some columns of the input.
func columnTypes(input []types.Type, columns []int) []types.Type {
	out := make([]types.Type, len(columns))
	for i, c := range columns {
		out[i] = input[c]
	}
	return out
}

// sorted is how far one worker is in sorted input: the key of the group in work, and the complete groups, which are in
// out from the previous call until the next.
type sorted struct {
	*shape
	acct    *memory.Account
	matcher *rows.Matcher
	group   []*vector.Vector // of the batch being handled
	out     *vector.Batch

	key   *rows.Collection // of one row; nil: no group is in work, or there are no group columns
	place [1]memory.Ref    // of that row

	in    *vector.Batch // being handled
	at    int           // of its rows that count, those handled
	given bool          // out was returned
	ended bool          // the last groups are being given, or were
}

// newSorted takes the output.
func newSorted(acct *memory.Account, s *shape) (sorted, error) {
	out, err := vector.NewBatch(acct, s.output, s.batchRows, s.arena)
	return sorted{
		shape: s, acct: acct, matcher: rows.NewMatcher(acct, s.keys), group: make([]*vector.Vector, len(s.columns)),
		out: out,
	}, err
}

// run has step handle the rows of in that count, sel, from s.at on, some with each call. It returns complete groups
// when step says that the output is full, or in is used up.
func (s *sorted) run(
	ctx context.Context, in *vector.Batch, step func(in *vector.Batch, sel []uint16) (full bool, err error),
) (*vector.Batch, exec.OpResult, error) {
	s.reuse()
	if s.in != in {
		s.in, s.at = in, 0
	}
	for i, c := range s.columns {
		s.group[i] = in.Cols[c]
	}
	sel := in.Sel
	if sel == nil {
		sel = rows.All(in.Len)
	}
	for s.at < len(sel) {
		if ctx.Err() != nil {
			return nil, exec.NeedMore, context.Cause(ctx)
		}
		full, err := step(in, sel)
		if err != nil {
			return nil, exec.NeedMore, err
		}
		if full {
			return s.give(), exec.HaveMore, nil
		}
	}
	s.in = nil
	if s.out.Len == 0 {
		return nil, exec.NeedMore, nil
	}
	return s.give(), exec.NeedMore, nil
}

// give returns the output; reuse empties it.
func (s *sorted) give() *vector.Batch {
	s.given = true
	return s.out
}

func (s *sorted) reuse() {
	if s.given {
		s.out.Reset()
		s.given = false
	}
}

// begin keeps the key of a row's group; forget ends that.
func (s *sorted) begin(row uint16) error {
	s.key = rows.NewCollection(s.acct, s.keys, s.page)
	_, err := s.key.Append(s.group, []uint16{row}, s.place[:])
	return rows.Final(err)
}

func (s *sorted) forget() {
	s.key.Close()
	s.key = nil
}

// same is how many of the rows sel are of the group in work, up to the first that is not.
func (s *sorted) same(in *vector.Batch, sel []uint16) (int, error) {
	return s.matcher.Prefix(in.Base(), s.group, sel, s.place[0])
}

// add appends a row to the output: the key, its strings copied, and what set writes. full: there is no room for it, or
// for its strings.
func (s *sorted) add(set func(row int) error) (full bool, err error) {
	i := s.out.Len
	if i == s.out.Cap() {
		return true, nil
	}
	if s.key != nil {
		err = s.keys.CopyRow(s.acct, s.place[0], s.out, i)
	}
	if err == nil {
		err = set(i)
	}
	if err != nil {
		if errors.Is(err, sqlerr.ErrNoSurplus) && i > 0 {
			return true, nil
		}
		return false, rows.Final(err)
	}
	s.out.Len++
	return false, nil
}

// close frees key and output.
func (s *sorted) close() {
	s.forget()
	s.out.Close()
}
