package window

import (
	"math"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/vector"
)

// states has the states of an aggregate in a page: one for each row of a chunk, and few others.
type states struct {
	acct *memory.Account
	base memory.Base
	acc  expr.Accumulator
	page memory.Page
	refs [chunkRows + stateSlots]memory.Ref
	one  [1]memory.Ref
}

// stateSlots are the states that are no rows' results.
const stateSlots = 2

func statesBytes(acc expr.Accumulator) int64 {
	return int64(memory.PageSize((chunkRows + stateSlots) * acc.StateBytes()))
}

func (s *states) open(acct *memory.Account, acc expr.Accumulator) error {
	s.acct, s.base, s.acc = acct, acct.Base(), acc
	var err error
	if s.page, err = acct.Alloc((chunkRows+stateSlots)*acc.StateBytes(), memory.Held); err != nil {
		return err
	}
	for i := range s.refs {
		s.refs[i] = s.page.Ref + memory.Ref(i*acc.StateBytes())
	}
	return nil
}

func (s *states) close() {
	s.acct.Free(s.page)
	s.page = memory.Page{}
}

// slot is one of the further states.
func (s *states) slot(i int) []memory.Ref { return s.refs[chunkRows+i : chunkRows+i+1] }

// set makes the state of the row at that place of the chunk a copy of another.
func (s *states) set(at int, from memory.Ref) { s.copy(s.refs[at], from) }

func (s *states) copy(to, from memory.Ref) {
	n := s.acc.StateBytes()
	copy(memory.Bytes(s.base, to, n), memory.Bytes(s.base, from, n))
}

func (s *states) finish(n int, out *vector.Vector) error {
	return s.acc.Result(s.base, s.refs[:n], out)
}

// feed adds rows to a state, or removes them from it.
type feed struct {
	*reader // nil: the aggregate has no arguments
}

func (b *buffer) feed(columns []int) (feed, error) {
	if len(columns) == 0 {
		return feed{}, nil
	}
	r, err := b.reader(columns...)
	return feed{r}, err
}

// each calls f with the rows from..to-1, some at a time.
func (f feed) each(from, to int64, do func(sel []uint16, n int, args []*vector.Vector) error) error {
	for from < to {
		if f.reader == nil {
			n := min(to-from, math.MaxInt32)
			if err := do(nil, int(n), nil); err != nil {
				return err
			}
			from += n
			continue
		}
		sel, err := f.span(from, to)
		if err != nil {
			return err
		}
		if err := do(sel, 0, f.batch.Cols); err != nil {
			return err
		}
		from += int64(len(sel))
	}
	return nil
}

func (f feed) add(s *states, state memory.Ref, from, to int64) error {
	return f.each(from, to, func(sel []uint16, n int, args []*vector.Vector) error {
		return s.acc.UpdateOne(s.base, state, sel, n, args)
	})
}

// running is an aggregate over frames that begin where the partition does, or whose accumulator can remove rows.
type running struct {
	states
	frame    *frame
	inverse  expr.Inverse // nil: frames only grow
	in, out  feed
	from, to int64 // the rows in the state, slot 0
}

func (r *running) open(b *buffer, acc expr.Accumulator, columns []int) error {
	if err := r.states.open(b.acct, acc); err != nil {
		return err
	}
	var err error
	if r.in, err = b.feed(columns); err != nil || r.inverse == nil {
		return err
	}
	r.out, err = b.feed(columns)
	return err
}

func (r *running) close() {
	r.in.close()
	r.out.close()
	r.states.close()
}

func (r *running) segment(s *segment) error {
	state := r.slot(0)
	if s.fresh {
		r.acc.Init(r.base, state)
		r.from, r.to = s.start, s.start
	}
	for k := range s.n {
		start, end := r.frame.start[s.at+k], r.frame.end[s.at+k]
		if start >= r.to && start > r.from {
			r.acc.Init(r.base, state)
			r.from, r.to = start, start
		}
		if start > r.from {
			if err := r.remove(state[0], start); err != nil {
				return err
			}
		}
		if end > r.to {
			if err := r.in.add(&r.states, state[0], r.to, end); err != nil {
				return err
			}
			r.to = end
		}
		r.set(s.at+k, state[0])
	}
	return nil
}

// remove takes the rows before start out of the state.
func (r *running) remove(state memory.Ref, start int64) error {
	err := r.out.each(r.from, start, func(sel []uint16, n int, args []*vector.Vector) error {
		return r.inverse.Remove(r.base, state, sel, n, args)
	})
	r.from = start
	return err
}

// sliding is an aggregate over frames that slide. The stack has states; slot 0 is the one behind the cut.
type sliding struct {
	states
	slide
	frame *frame
	in    feed        // rows behind the cut
	flip  *reader     // rows that go on the stack
	near  near        // small frames; without a reader if the order of additions does not show
	room  memory.Page // states of a reader's rows
	refs  [readRows]memory.Ref
}

var _ slider = (*sliding)(nil)

// slidingBytes is what it holds besides states and readers: room for the states of a reader's rows.
func slidingBytes(acc expr.Accumulator) int64 {
	return int64(memory.PageSize(readRows * acc.StateBytes()))
}

// open takes what it needs; inexact: the order of additions shows.
func (f *sliding) open(b *buffer, acc expr.Accumulator, columns []int, page int, inexact bool) error {
	if err := f.states.open(b.acct, acc); err != nil {
		return err
	}
	f.front = stack{acct: b.acct, entry: acc.StateBytes(), page: page}
	var err error
	if f.room, err = b.acct.Alloc(readRows*acc.StateBytes(), memory.Held); err != nil {
		return err
	}
	for i := range f.refs {
		f.refs[i] = f.room.Ref + memory.Ref(i*acc.StateBytes())
	}
	if f.in, err = b.feed(columns); err != nil {
		return err
	}
	if f.flip, err = b.reader(columns...); err != nil || !inexact {
		return err
	}
	f.near.reader, err = b.reader(columns...)
	return err
}

func (f *sliding) close() {
	f.in.close()
	f.flip.close()
	f.near.close()
	f.front.close()
	f.acct.Free(f.room)
	f.room = memory.Page{}
	f.states.close()
}

func (f *sliding) segment(s *segment) error {
	if err := f.front.open(); err != nil {
		return err
	}
	defer f.front.shut(memory.ReuseSoon)
	if err := f.begin(s, f); err != nil {
		return err
	}
	back, result := f.slot(0), f.slot(1)
	for k := range s.n {
		start, end := f.frame.start[s.at+k], f.frame.end[s.at+k]
		if f.near.reader != nil && end-start <= nearRows {
			if err := f.near.compute(&f.states, f.states.refs[s.at+k], start, end); err != nil {
				return err
			}
			continue
		}
		if err := f.move(start, end, f); err != nil {
			return err
		}
		top := f.top()
		if top == 0 {
			f.set(s.at+k, back[0])
			continue
		}
		f.copy(result[0], top)
		if err := f.acc.Combine(f.base, result, back); err != nil {
			return err
		}
		f.set(s.at+k, result[0])
	}
	// Frames of one size may leave the readers of the other behind, where they would keep rows that nobody needs.
	start := f.frame.start[s.at+s.n-1]
	for _, r := range []*reader{f.in.reader, f.flip, f.near.reader} {
		if err := r.forward(start); err != nil {
			return err
		}
	}
	return nil
}

func (f *sliding) reset() { f.acc.Init(f.base, f.slot(0)) }

func (f *sliding) add(from, to int64) error { return f.in.add(&f.states, f.slot(0)[0], from, to) }

// turn implements slider.
func (f *sliding) turn(start, end int64) error {
	before := memory.Ref(0)
	return f.flip.backward(start, end, func(n int) error {
		refs := f.refs[:n]
		f.acc.Init(f.base, refs)
		if err := f.acc.Update(f.base, refs, nil, f.flip.batch.Cols); err != nil {
			return err
		}
		if before != 0 {
			// The state of the row behind lies on the stack, whose uppermost block may change.
			if err := f.acc.Combine(f.base, refs[n-1:], f.slot(1)); err != nil {
				return err
			}
		}
		for i := n - 1; i >= 0; i-- {
			if i < n-1 {
				if err := f.acc.Combine(f.base, refs[i:i+1], refs[i+1:i+2]); err != nil {
					return err
				}
			}
			to, err := f.front.push()
			if err != nil {
				return err
			}
			f.copy(to, refs[i])
		}
		before = refs[0]
		f.copy(f.slot(1)[0], before)
		return nil
	})
}
