package window

import "github.com/spillwaydb/spillway/internal/memory"

// slide is where a frame that slides stands, by two stacks; see the package comment. The front stack has an entry for
// each of the rows from..cut-1; what is behind the cut, and what an entry is, is the slider's.
type slide struct {
	front         stack
	from, cut, to int64
}

// A slider has the aggregates of a slide.
type slider interface {
	// reset makes the aggregate behind the cut that of no rows.
	reset()
	// add adds rows to it.
	add(from, to int64) error
	// turn pushes an entry for each row of a frame, from its last row back to its first: the aggregate of the rows from
	// it to the last. The stack is empty.
	turn(start, end int64) error
}

// begin is called before the frames of a segment, with the stack open.
func (f *slide) begin(s *segment, of slider) error {
	if !s.fresh {
		return nil
	}
	return f.empty(s.start, of)
}

// empty makes the frame an empty one at a row.
func (f *slide) empty(row int64, of slider) error {
	of.reset()
	f.from, f.cut, f.to = row, row, row
	return f.front.clear()
}

// move makes the frame start..end-1; neither is less than before.
func (f *slide) move(start, end int64, of slider) error {
	switch {
	case start == f.from:
	case start >= f.to:
		if err := f.empty(start, of); err != nil {
			return err
		}
	case start >= f.cut:
		end = max(end, f.to)
		if err := f.empty(start, of); err != nil {
			return err
		}
		err := of.turn(start, end)
		f.cut, f.to = end, end
		return err
	default:
		if err := f.front.pop(start - f.from); err != nil {
			return err
		}
		f.from = start
	}
	if end > f.to {
		if err := of.add(f.to, end); err != nil {
			return err
		}
		f.to = end
	}
	return nil
}

// top is the entry of the frame's first row; 0: it lies behind the cut.
func (f *slide) top() memory.Ref {
	if f.from >= f.cut {
		return 0
	}
	return f.front.peek()
}
