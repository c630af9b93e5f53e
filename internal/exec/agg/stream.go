package agg

import (
	"context"
	"errors"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// stream aggregates sorted input, one group at a time.
type stream struct {
	options StreamOptions
	keys    *rows.Layout
	page    int
}

var _ exec.Operator = (*stream)(nil)

func (o *StreamOptions) groupTypes() []types.Type {
	out := make([]types.Type, len(o.Group))
	for i, c := range o.Group {
		out[i] = o.Types[c]
	}
	return out
}

func (o *StreamOptions) output() []types.Type {
	out := o.groupTypes()
	for _, a := range o.Aggs {
		out = append(out, a.Type)
	}
	return out
}

func (o *StreamOptions) batchRows() int {
	if o.BatchRows > 0 {
		return o.BatchRows
	}
	return rows.BatchRows(o.output(), 0)
}

// StreamMinBytes is the minimum of an aggregation of sorted input; Account may be nil.
func StreamMinBytes(o StreamOptions) int64 {
	keys := rows.NewLayout(o.groupTypes(), 0)
	page := keys.PageBytes(0)
	n := vector.BatchBytes(o.output(), o.batchRows(), vector.RowArenaBytes(o.output()))
	if len(o.Group) > 0 {
		n += int64(page) + 2*keys.OverflowBytes(page)
	}
	for _, a := range o.Aggs {
		n += a.MinBytes
	}
	return n
}

// NewStream returns the streaming operator; it takes its pages at NewLocal, which is called once.
func NewStream(o StreamOptions) (exec.Operator, error) {
	l := rows.NewLayout(o.groupTypes(), 0)
	return &stream{options: o, keys: l, page: l.PageBytes(0)}, nil
}

// NewLocal implements exec.Operator.
func (s *stream) NewLocal(*exec.Worker) (exec.LocalOperator, error) {
	o := &s.options
	l := &streamLocal{sorted: newSorted(o.Group, rows.NewMatcher(o.Account, s.keys)), s: s}
	var err error
	arena := vector.RowArenaBytes(o.output())
	if l.out, err = vector.NewBatch(o.Account, o.output(), o.batchRows(), arena); err != nil {
		return nil, err
	}
	for _, a := range o.Aggs {
		st, err := a.New(o.Account)
		if err == nil {
			l.states = append(l.states, st)
			err = st.Reset()
		}
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	return l, nil
}

// Close implements exec.Operator.
func (s *stream) Close() error { return nil }

// streamLocal has the group in work: its key in a collection of one row, the states of its aggregates.
type streamLocal struct {
	sorted
	s      *stream
	states []expr.GroupState
	args   []*vector.Vector

	key   *rows.Collection // nil: no group is in work
	place [1]memory.Ref
	begun bool // a group is in work, or there is only one
	ready bool // the group in work is complete, its row is still to be made

	ended bool
}

// Execute adds the rows of in to their groups; it returns complete ones when the output is full or in is used up.
func (l *streamLocal) Execute(ctx context.Context, in *vector.Batch) (*vector.Batch, exec.OpResult, error) {
	return l.run(ctx, in, l.step)
}

// step handles the rows that belong to one group. full: the output must go first.
func (l *streamLocal) step(in *vector.Batch, sel []uint16) (full bool, err error) {
	if l.begun && !l.ready {
		n := len(sel) - l.at
		if len(l.group) > 0 {
			if n, err = l.matcher.Prefix(in.Base(), l.group, sel[l.at:], l.place[0]); err != nil {
				return false, err
			}
		}
		if n > 0 {
			if err := l.add(in, sel[l.at:l.at+n]); err != nil {
				return false, err
			}
			l.at += n
		}
		if l.at == len(sel) {
			return false, nil
		}
		l.ready = true
	}
	if l.ready {
		if full, err := l.emit(); full || err != nil {
			return full, err
		}
	}
	return false, l.begin(sel[l.at])
}

// begin starts the group of a row.
func (l *streamLocal) begin(row uint16) error {
	l.begun = true
	if len(l.group) == 0 {
		return nil
	}
	l.key = rows.NewCollection(l.s.options.Account, l.s.keys, l.s.page)
	_, err := l.key.Append(l.group, []uint16{row}, l.place[:])
	return rows.Final(err)
}

// add updates the states with rows of the group.
func (l *streamLocal) add(in *vector.Batch, sel []uint16) error {
	for i, st := range l.states {
		l.args = l.args[:0]
		for _, c := range l.s.options.Aggs[i].Args {
			l.args = append(l.args, in.Cols[c])
		}
		if err := st.Update(sel, 0, 0, l.args); err != nil {
			return rows.Final(err)
		}
	}
	return nil
}

// emit makes the row of the complete group. full: there is no room for it, or for its strings.
func (l *streamLocal) emit() (full bool, err error) {
	if l.out.Len == l.out.Cap() {
		return true, nil
	}
	if err := l.row(l.out.Len); err != nil {
		if errors.Is(err, sqlerr.ErrNoSurplus) && l.out.Len > 0 {
			return true, nil
		}
		return false, rows.Final(err)
	}
	l.out.Len++
	for _, st := range l.states {
		if err := st.Reset(); err != nil {
			return false, err
		}
	}
	l.key.Close()
	l.key, l.begun, l.ready = nil, false, false
	return false, nil
}

// row writes the group to a row of the output; its strings are copied.
func (l *streamLocal) row(i int) error {
	if len(l.group) > 0 {
		if err := l.s.keys.CopyRow(l.s.options.Account, l.place[0], l.out, i); err != nil {
			return err
		}
	}
	for j, st := range l.states {
		if err := st.Result(l.out.Cols[len(l.group)+j], i, l.out.Arena()); err != nil {
			return err
		}
	}
	return nil
}

// Flush gives the last group; without group columns there is one even without rows.
func (l *streamLocal) Flush(context.Context) (*vector.Batch, error) {
	l.reuse()
	if l.ended || !l.begun && len(l.group) > 0 {
		return nil, nil
	}
	l.ended = true
	if _, err := l.emit(); err != nil {
		return nil, err
	}
	return l.give(), nil
}

// Close implements exec.LocalOperator.
func (l *streamLocal) Close() error {
	l.key.Close()
	l.key = nil
	for _, st := range l.states {
		st.Close()
	}
	l.states = nil
	l.out.Close()
	return nil
}
