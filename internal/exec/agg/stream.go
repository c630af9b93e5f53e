package agg

import (
	"context"
	"errors"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// stream aggregates sorted input, one group at a time.
type stream struct {
	options StreamOptions
	shape   *shape
}

var _ exec.Operator = (*stream)(nil)

func (o *StreamOptions) shape() *shape {
	computed := make([]types.Type, len(o.Aggs))
	for i, a := range o.Aggs {
		computed[i] = a.Type
	}
	s := newShape(o.Group, columnTypes(o.Types, o.Group), computed, o.BatchRows)
	s.arena = vector.RowArenaBytes(s.output)
	return s
}

// StreamMinBytes is the minimum of an aggregation of sorted input; Account may be nil.
func StreamMinBytes(o StreamOptions) int64 {
	n := o.shape().minBytes()
	for _, a := range o.Aggs {
		n += a.MinBytes
	}
	return n
}

// NewStream returns the streaming operator; it takes its pages at NewLocal, which is called once.
func NewStream(o StreamOptions) exec.Operator { return &stream{options: o, shape: o.shape()} }

// NewLocal implements exec.Operator.
func (s *stream) NewLocal(*exec.Worker) (exec.LocalOperator, error) {
	base, err := newSorted(s.options.Account, s.shape)
	if err != nil {
		return nil, err
	}
	l := &streamLocal{sorted: base, aggs: s.options.Aggs}
	for _, a := range l.aggs {
		st, err := a.New(l.acct)
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

// streamLocal has the states of the group in work.
type streamLocal struct {
	sorted
	aggs   []StreamAggregate
	states []expr.GroupState
	args   []*vector.Vector

	begun bool // a group is in work
	ready bool // the group in work is complete, its row is still to be made
	lent  bool // its row refers to its states, which wait until it was given
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
			if n, err = l.same(in, sel[l.at:]); err != nil {
				return false, err
			}
		}
		if n > 0 {
			if err := l.update(in, sel[l.at:l.at+n]); err != nil {
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
	l.begun = true
	if len(l.group) == 0 {
		return false, nil
	}
	return false, l.begin(sel[l.at])
}

// update adds rows of the group to its states.
func (l *streamLocal) update(in *vector.Batch, sel []uint16) error {
	for i, st := range l.states {
		l.args = l.args[:0]
		for _, c := range l.aggs[i].Args {
			l.args = append(l.args, in.Cols[c])
		}
		if err := st.Update(sel, 0, 0, l.args); err != nil {
			return rows.Final(err)
		}
	}
	return nil
}

// emit gives the complete group. full: there is no room for it, or for its strings.
func (l *streamLocal) emit() (full bool, err error) {
	if !l.lent {
		if full, err := l.add(l.results); full || err != nil {
			l.lent = false
			return full, err
		}
		if l.lent {
			return true, nil
		}
	}
	l.lent = false
	for _, st := range l.states {
		if err := st.Reset(); err != nil {
			return false, err
		}
	}
	l.forget()
	l.begun, l.ready = false, false
	return false, nil
}

// results writes the aggregates of the group to a row of the output.
func (l *streamLocal) results(i int) error {
	for j, st := range l.states {
		if s, ok := st.(expr.Lender); ok && s.Lend(l.out.Cols[len(l.group)+j], i) {
			l.lent = true
			continue
		}
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
	for _, st := range l.states {
		st.Close()
	}
	l.states = nil
	l.close()
	return nil
}
