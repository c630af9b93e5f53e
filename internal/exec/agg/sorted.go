package agg

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/vector"
)

// sorted is how far one worker is in sorted input, and the complete groups: they are in out, from the previous call
// until the next.
type sorted struct {
	columns []int // of the group, in the input
	matcher *rows.Matcher
	group   []*vector.Vector // of the batch being handled
	out     *vector.Batch

	in    *vector.Batch // being handled
	at    int           // of its rows that count, those handled
	given bool          // out was returned
}

func newSorted(columns []int, m *rows.Matcher) sorted {
	return sorted{columns: columns, matcher: m, group: make([]*vector.Vector, len(columns))}
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
