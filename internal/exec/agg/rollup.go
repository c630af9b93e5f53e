package agg

import (
	"context"
	"errors"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// rollup aggregates sorted input at all levels of WITH ROLLUP in one pass: level i groups by all but the last i
// columns. Each level has the states of one group. Rows go to the most detailed one; a group that ends is given and
// combined with that of the next level, so totals come behind what they sum up.
type rollup struct {
	options RollupOptions
	shape   *shape
	states  *states
}

var _ exec.Operator = (*rollup)(nil)

func (o *RollupOptions) shape() *shape {
	keys := columnTypes(o.Types, o.Group)
	for i, t := range keys {
		keys[i] = t.WithNullable(true)
	}
	return newShape(o.Group, keys, append([]types.Type{types.NewBigInt()}, resultTypes(o.Aggs)...), o.BatchRows)
}

// levelBytes are those of the states of all levels, and of a row of the input.
func (o *RollupOptions) levelBytes(s *states) int { return max(8, (len(o.Group)+2)*s.bytes) }

// RollupMinBytes is the minimum of an aggregation at all levels; Account may be nil.
func RollupMinBytes(o RollupOptions) int64 {
	return o.shape().minBytes() + int64(memory.PageSize(o.levelBytes(newStates(o.Aggs))))
}

// NewRollup returns the streaming operator; it takes its pages at NewLocal, which is called once.
func NewRollup(o RollupOptions) exec.Operator {
	return &rollup{options: o, shape: o.shape(), states: newStates(o.Aggs)}
}

// NewLocal implements exec.Operator.
func (r *rollup) NewLocal(*exec.Worker) (exec.LocalOperator, error) {
	o := &r.options
	base, err := newSorted(o.Account, r.shape)
	if err != nil {
		return nil, err
	}
	l := &rollupLocal{sorted: base, inputs: o.States, states: newWorker(r.states, o.Account.Base(), 0), last: -1}
	if l.page, err = o.Account.Alloc(o.levelBytes(r.states), memory.Held); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	levels := make([]memory.Ref, len(o.Group)+1)
	for i := range levels {
		levels[i] = l.level(i)
	}
	l.states.init(levels)
	return l, nil
}

// Close implements exec.Operator.
func (r *rollup) Close() error { return nil }

// rollupLocal has the states of one group a level.
type rollupLocal struct {
	sorted
	inputs []int // the input's columns with states; nil: the input are rows
	states *worker
	page   memory.Page // states: of each level, then of a row
	column vector.Vector

	// Levels next..last are complete and are to be given; last < 0: none is.
	next, last int
}

// level is where the states of a level lie.
func (l *rollupLocal) level(i int) memory.Ref { return l.page.Ref + memory.Ref(i*l.states.bytes) }

// Execute adds the rows of in to their groups; it returns complete ones when the output is full or in is used up.
func (l *rollupLocal) Execute(ctx context.Context, in *vector.Batch) (*vector.Batch, exec.OpResult, error) {
	return l.run(ctx, in, l.step)
}

// step handles the rows that belong to one group. full: the output must go first.
func (l *rollupLocal) step(in *vector.Batch, sel []uint16) (full bool, err error) {
	if l.last >= 0 {
		if full, err := l.emit(); full || err != nil {
			return full, err
		}
		l.forget()
	}
	if l.key == nil {
		if err := l.begin(sel[l.at]); err != nil {
			return false, err
		}
	}
	n, err := l.same(in, sel[l.at:])
	if err != nil {
		return false, err
	}
	if n > 0 {
		if err := l.update(in, sel[l.at:l.at+n]); err != nil {
			return false, rows.Final(err)
		}
		l.at += n
	}
	if l.at == len(sel) {
		return false, nil
	}
	column, err := l.matcher.Differs(in.Base(), l.group, sel[l.at], l.place[0])
	l.next, l.last = 0, len(l.group)-1-column
	return false, err
}

// update adds rows, or states that are rows, to the most detailed group.
func (l *rollupLocal) update(in *vector.Batch, sel []uint16) error {
	s := l.states
	if l.inputs == nil {
		for i := range s.aggs {
			a := &s.aggs[i]
			err := a.Func.UpdateOne(in.Base(), l.level(0)+s.offsets[i], sel, in.Len, s.arguments(a, in.Cols))
			if err != nil {
				return err
			}
		}
		return nil
	}
	row := l.level(len(l.group) + 1)
	for _, k := range sel {
		for i, c := range l.inputs {
			v := in.Cols[c]
			*(*int64)(s.base.At(row + memory.Ref(8*i))) = v.I64[v.Index(int(k))]
		}
		if err := s.combine([]memory.Ref{l.level(0)}, []memory.Ref{row}); err != nil {
			return err
		}
	}
	return nil
}

// emit gives the complete groups. full: there is no room for one, or for its strings.
func (l *rollupLocal) emit() (full bool, err error) {
	for ; l.next <= l.last; l.next++ {
		if full, err := l.add(l.results); full || err != nil {
			return full, err
		}
		own := []memory.Ref{l.level(l.next)}
		if l.next < len(l.group) {
			if err := l.states.combine([]memory.Ref{l.level(l.next + 1)}, own); err != nil {
				return false, err
			}
		}
		l.states.init(own)
	}
	l.last = -1
	return false, nil
}

// results writes the level and its aggregates to a row of the output, and NULL over the keys that it has not.
func (l *rollupLocal) results(i int) error {
	keys := len(l.group)
	for c := keys - l.next; c < keys; c++ {
		l.out.Cols[c].SetNull(i)
	}
	level := l.out.Cols[keys]
	level.I64[i], level.Null[i] = int64(l.next), 0
	for k, a := range l.states.aggs {
		l.column = l.out.Cols[keys+1+k].Row(i)
		state := []memory.Ref{l.level(l.next) + l.states.offsets[k]}
		if err := a.Func.Result(l.states.base, state, &l.column); err != nil {
			return err
		}
	}
	return nil
}

// Flush gives the last group of each level; no rows give none.
func (l *rollupLocal) Flush(context.Context) (*vector.Batch, error) {
	l.reuse()
	if l.key == nil {
		return nil, nil
	}
	if !l.ended {
		l.ended, l.next, l.last = true, 0, len(l.group)
	}
	if l.last < 0 {
		return nil, nil
	}
	if _, err := l.emit(); err != nil {
		return nil, err
	}
	return l.give(), nil
}

// Close implements exec.LocalOperator.
func (l *rollupLocal) Close() error {
	l.acct.Free(l.page)
	l.page = memory.Page{}
	l.close()
	return nil
}
