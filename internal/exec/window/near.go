package window

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/vector"
)

// nearRows is the largest frame that is added up anew for each row where the order in which doubles are added shows in
// the last digits of the result: so small frames give the digits that MySQL gives, which adds them all up anew.
const nearRows = 64

// near has the values of the rows of a small frame, and of some behind it.
type near struct{ *reader }

// A frame has room.
const _ = uint(readRows - nearRows)

// span makes sure that the rows start..end-1 are there, and selects them.
func (r near) span(start, end int64) ([]uint16, error) {
	if start < r.from || start >= r.to {
		r.from, r.to = start, start
	}
	if end > r.to {
		n := int(r.to - start)
		for _, v := range r.batch.Cols {
			shift(v, int(start-r.from), n)
		}
		r.from = start
		for r.to < end {
			if err := r.more(int(r.to - start)); err != nil {
				return nil, err
			}
		}
	}
	at := int(start - r.from)
	return rows.All(at + int(end-start))[at:], nil
}

// more reads rows behind the n that are there.
func (r near) more(n int) error {
	ref, k, err := r.pin(r.to)
	if err != nil {
		return err
	}
	k = min(k, readRows-n)
	_, err = r.b.layout.Gather(r.b.places(ref, k), r.batch, n, r.columns)
	r.unpin()
	r.to += int64(k)
	return err
}

// shift moves n values from a place on to the front.
func shift(v *vector.Vector, from, n int) {
	copy(v.Null, v.Null[from:from+n])
	switch {
	case v.I64 != nil:
		copy(v.I64, v.I64[from:from+n])
	case v.U64 != nil:
		copy(v.U64, v.U64[from:from+n])
	case v.F64 != nil:
		copy(v.F64, v.F64[from:from+n])
	case v.Dec != nil:
		copy(v.Dec, v.Dec[from:from+n])
	}
}

// compute makes state that of the rows start..end-1.
func (r near) compute(s *states, state memory.Ref, start, end int64) error {
	s.one[0] = state
	s.acc.Init(s.base, s.one[:])
	if start == end {
		return nil
	}
	sel, err := r.span(start, end)
	if err != nil {
		return err
	}
	return s.acc.UpdateOne(s.base, state, sel, 0, r.batch.Cols)
}
