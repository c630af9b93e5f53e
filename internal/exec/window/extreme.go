package window

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// extreme finds the places of MIN and MAX of strings: of equal ones, the first. The stack has rows' numbers, noRow
// where all strings are NULL; the strings of two of them are at hand.
type extreme struct {
	slide
	max   bool
	t     types.Type
	frame *frame
	b     *buffer

	in, first, flip *text
	topText         textBuffer // the string of the uppermost row
	backText        textBuffer // the string of the row back

	topRow int64 // whose string topText is
	back   int64 // the row of cut..to-1; noRow
	better int64 // the better of both, as last found; noRow: not compared since one changed
}

var _ slider = (*extreme)(nil)

// textBuffer holds a copy of a string: in a held page up to its size, in a leased one beyond.
type textBuffer struct {
	acct *memory.Account
	page memory.Page
	long memory.Page
	n    int
}

// textBytes is the size of a buffer for strings of a type; longer ones have leases of their own.
func textBytes(t types.Type) int { return memory.PageSize(max(vector.HeldText(t), 1)) }

func (b *textBuffer) open(acct *memory.Account, t types.Type) error {
	b.acct = acct
	var err error
	b.page, err = acct.Alloc(textBytes(t), memory.Held)
	return err
}

func (b *textBuffer) set(v []byte) error {
	b.acct.Free(b.long)
	b.long = memory.Page{}
	to := b.page
	if len(v) > b.page.Size() {
		var err error
		if b.long, err = b.acct.Alloc(len(v), memory.Leased); err != nil {
			return rows.Final(err)
		}
		to = b.long
	}
	b.n = copy(memory.Bytes(b.acct.Base(), to.Ref, len(v)), v)
	return nil
}

func (b *textBuffer) bytes() []byte {
	from := b.page
	if b.long.Size() > 0 {
		from = b.long
	}
	return memory.Bytes(b.acct.Base(), from.Ref, b.n)
}

func (b *textBuffer) close() {
	if b.acct != nil {
		b.acct.Free(b.long)
		b.acct.Free(b.page)
		b.long, b.page = memory.Page{}, memory.Page{}
	}
}

// extremeBytes is what it holds besides the blocks that the package comment counts.
func extremeBytes(t types.Type) int64 { return 2 * int64(textBytes(t)) }

func (f *extreme) open(b *buffer, column, page int) error {
	f.b, f.t = b, b.layout.Types()[column]
	f.front = stack{acct: b.acct, entry: 8, page: page}
	f.in, f.first, f.flip = b.text(column), b.text(column), b.text(column)
	if err := f.topText.open(b.acct, f.t); err != nil {
		return err
	}
	return f.backText.open(b.acct, f.t)
}

func (f *extreme) close() {
	f.front.close()
	f.topText.close()
	f.backText.close()
}

// beats says if string v is better than o.
func (f *extreme) beats(v, o []byte) bool {
	c := 0
	if f.t.ID == types.JSON {
		c = types.JSONCompare(v, o)
	} else {
		c = collation.Collate(f.t.Collation, v, o)
	}
	return f.max && c > 0 || !f.max && c < 0
}

// segment finds the places of a segment's rows.
func (f *extreme) segment(s *segment, places *[chunkRows]int64) error {
	if err := f.front.open(); err != nil {
		return err
	}
	defer f.front.shut(memory.ReuseSoon)
	defer f.in.done()
	if err := f.begin(s, f); err != nil {
		return err
	}
	for k := range s.n {
		if err := f.move(f.frame.start[s.at+k], f.frame.end[s.at+k], f); err != nil {
			return rows.Final(err)
		}
		best, err := f.best()
		if err != nil {
			return rows.Final(err)
		}
		places[s.at+k] = best
	}
	return nil
}

// best is the row whose string is the result.
func (f *extreme) best() (int64, error) {
	top := int64(noRow)
	if ref := f.top(); ref != 0 {
		top = *(*int64)(f.b.acct.Base().At(ref))
	}
	switch {
	case top == noRow:
		return f.back, nil
	case f.back == noRow:
		return top, nil
	case top == f.topRow && f.better != noRow:
		return f.better, nil
	}
	if top != f.topRow {
		f.in.done() // one block is pinned at a time
		v, _, err := f.first.get(top)
		if err == nil {
			err = f.topText.set(v)
		}
		f.first.done()
		if err != nil {
			return 0, err
		}
		f.topRow = top
	}
	if f.better = top; f.beats(f.backText.bytes(), f.topText.bytes()) {
		f.better = f.back
	}
	return f.better, nil
}

func (f *extreme) reset() { f.topRow, f.back, f.better = noRow, noRow, noRow }

// add implements slider.
func (f *extreme) add(from, to int64) error {
	for row := from; row < to; row++ {
		v, ok, err := f.in.get(row)
		if err != nil {
			return err
		}
		if ok && (f.back == noRow || f.beats(v, f.backText.bytes())) {
			if err := f.backText.set(v); err != nil {
				return err
			}
			f.back, f.better = row, noRow
		}
	}
	return nil
}

// turn implements slider.
func (f *extreme) turn(start, end int64) error {
	f.in.done()
	return f.flip.backward(start, end, func(row int64, v []byte, ok bool) error {
		// Of equal strings the first counts, which comes last here.
		if ok && (f.topRow == noRow || !f.beats(f.topText.bytes(), v)) {
			if err := f.topText.set(v); err != nil {
				return err
			}
			f.topRow = row
		}
		to, err := f.front.push()
		if err != nil {
			return err
		}
		*(*int64)(f.b.acct.Base().At(to)) = f.topRow
		return nil
	})
}
