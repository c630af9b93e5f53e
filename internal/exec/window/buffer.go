package window

import (
	"context"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/vector"
)

// buffer keeps the rows that functions may still look at.
type buffer struct {
	acct    *memory.Account
	layout  *rows.Layout
	rows    *rows.Collection
	cursors []*cursor
	ctx     context.Context // of the call in work
	refs    [chunkRows]memory.Ref
}

// count is the number of rows that came so far.
func (b *buffer) count() int64 { return b.rows.Rows() }

// begin moves the cursors that are behind to the block of a partition's first row: nobody reads what is before it.
func (b *buffer) begin(at *cursor) {
	for _, c := range b.cursors {
		if c.block < at.block {
			c.block, c.first = at.block, at.first
		}
	}
}

// release frees what is behind all cursors; next is at the next row to be given, or before it.
func (b *buffer) release(next *cursor) error {
	least := next.block
	for _, c := range b.cursors {
		if c.loose && c.block < next.block {
			c.block, c.first = next.block, next.first
		}
		least = min(least, c.block)
	}
	return b.rows.FreeBefore(least)
}

// cursor is a place in the buffer that only moves forward. Those that the buffer lists keep the rows from their place
// on.
type cursor struct {
	b     *buffer
	at    rows.Block // while it is pinned
	block int
	first int64 // number of the block's first row
	loose bool  // keeps nothing: it reads no row before the next one to be given
}

// cursor returns a listed cursor at the first row.
func (b *buffer) cursor() *cursor {
	c := &cursor{b: b}
	b.cursors = append(b.cursors, c)
	return c
}

// pin moves to the block of a row and pins it: it returns the row's place, and how many rows there are from it on.
func (c *cursor) pin(row int64) (memory.Ref, int, error) {
	for c.block < c.b.rows.Blocks() {
		var err error
		if c.at, err = c.b.rows.PinBlock(c.block, memory.Held); err != nil {
			return 0, 0, err
		}
		n := c.at.N
		if skip := row - c.first; skip < int64(n) && skip >= 0 {
			return c.at.First + memory.Ref(int(skip)*c.b.layout.Width()), n - int(skip), nil
		}
		c.unpin()
		if row < c.first {
			break
		}
		c.block++
		c.first += int64(n)
	}
	return 0, 0, sqlerr.AssertionError("window: row %d of %d is not there", row, c.b.count())
}

// forward moves to the block of a row, unless it is there or further.
func (r *reader) forward(row int64) error {
	if r == nil || row < r.first || row >= r.b.count() {
		return nil
	}
	_, _, err := r.pin(row)
	if err == nil {
		r.unpin()
	}
	return err
}

// back pins the block before; it returns where its rows begin.
func (c *cursor) back() (memory.Ref, error) {
	c.block--
	var err error
	c.at, err = c.b.rows.PinBlock(c.block, memory.Held)
	c.first -= int64(c.at.N)
	return c.at.First, err
}

func (c *cursor) unpin() { c.b.rows.UnpinBlock(c.at, memory.ReuseUnknown) }

// places fills the buffer's room with the places of n rows from ref on.
func (b *buffer) places(ref memory.Ref, n int) []memory.Ref {
	for i := range n {
		b.refs[i] = ref
		ref += memory.Ref(b.layout.Width())
	}
	return b.refs[:n]
}

// readRows is how many rows of values a reader has at a time.
const readRows = 256

// reader reads columns of fixed width, forward: the values of some rows, copied.
type reader struct {
	*cursor
	columns  []int // of the layout
	batch    *vector.Batch
	from, to int64 // the rows in batch
}

// readerBytes is what a reader of these columns of a layout takes.
func readerBytes(l *rows.Layout, columns []int) int64 {
	return vector.BatchBytes(pickTypes(l.Types(), columns), readRows, 0)
}

func (b *buffer) reader(columns ...int) (*reader, error) {
	batch, err := vector.NewBatch(b.acct, pickTypes(b.layout.Types(), columns), readRows, 0)
	if err != nil {
		return nil, err
	}
	return &reader{cursor: b.cursor(), columns: columns, batch: batch}, nil
}

func (r *reader) close() {
	if r != nil {
		r.batch.Close()
	}
}

// load makes sure that a row's values are in the batch; it returns where.
func (r *reader) load(row int64) (int, error) {
	if row >= r.from && row < r.to {
		return int(row - r.from), nil
	}
	if err := r.b.ctx.Err(); err != nil {
		return 0, context.Cause(r.b.ctx)
	}
	ref, n, err := r.pin(row)
	if err != nil {
		return 0, err
	}
	err = r.gather(ref, row, min(n, readRows))
	r.unpin()
	return 0, err
}

// gather copies the values of n rows.
func (r *reader) gather(ref memory.Ref, row int64, n int) error {
	r.batch.Reset()
	r.from, r.to = row, row+int64(n)
	_, err := r.b.layout.Gather(r.b.places(ref, n), r.batch, 0, r.columns)
	return err
}

// span loads as many of the rows from..to-1 as there are, at least one, and selects them.
func (r *reader) span(from, to int64) ([]uint16, error) {
	at, err := r.load(from)
	if err != nil {
		return nil, err
	}
	n := int(min(to, r.to) - from)
	return rows.All(at + n)[at:], nil
}

// backward calls f for the rows lo..hi-1, some at a time, the last ones first. The cursor is left at row hi-1.
func (r *reader) backward(lo, hi int64, f func(n int) error) error {
	_, _, err := r.pin(hi - 1)
	if err != nil {
		return err
	}
	c := *r.cursor
	for hi > lo {
		if err := r.b.ctx.Err(); err != nil {
			c.unpin()
			return context.Cause(r.b.ctx)
		}
		if hi == c.first {
			c.unpin()
			if _, err := c.back(); err != nil {
				return err
			}
			continue
		}
		from := max(lo, c.first, hi-readRows)
		c.unpin()
		ref, _, err := c.pin(from)
		if err != nil {
			return err
		}
		if err = r.gather(ref, from, int(hi-from)); err == nil {
			err = f(int(hi - from))
		}
		if err != nil {
			c.unpin()
			return err
		}
		hi = from
	}
	c.unpin()
	r.from, r.to = 0, 0
	return nil
}

// text reads strings of one column, forward. The block of the row that was read last stays pinned until done.
type text struct {
	*cursor
	column int
	pinned bool
	ref    memory.Ref // of row at
	at     int64
	left   int // rows of the block from at on
	pins   rows.Pins
}

func (b *buffer) text(column int) *text {
	return &text{cursor: b.cursor(), column: column, pins: rows.MakePins(b.acct)}
}

// get returns the string of a row, false if it is NULL; it lives until the next call. Errors: sqlerr.ErrNoSurplus for a
// very long one.
func (t *text) get(row int64) ([]byte, bool, error) {
	t.pins.Release()
	if !t.pinned || row < t.at || row >= t.at+int64(t.left) {
		t.done()
		if err := t.b.ctx.Err(); err != nil {
			return nil, false, context.Cause(t.b.ctx)
		}
		ref, n, err := t.pin(row)
		if err != nil {
			return nil, false, err
		}
		t.pinned, t.ref, t.at, t.left = true, ref, row, n
	}
	ref := t.ref + memory.Ref(int(row-t.at)*t.b.layout.Width())
	return t.value(ref)
}

// lend is get again, for a string with a block of its own: it lives until pins are released.
func (t *text) lend(row int64, pins *rows.Pins) (vector.Str, error) {
	return pins.Lend(t.b.layout, t.ref+memory.Ref(int(row-t.at)*t.b.layout.Width()), t.column)
}

func (t *text) value(ref memory.Ref) ([]byte, bool, error) {
	if t.b.layout.IsNull(t.b.acct.Base(), ref, t.column) {
		return nil, false, nil
	}
	v, err := t.pins.Text(t.b.layout, ref, t.column)
	return v, err == nil, err
}

// done ends all pins.
func (t *text) done() {
	t.pins.Release()
	if t.pinned {
		t.unpin()
		t.pinned = false
	}
}

// backward calls f for the rows hi-1..lo. The cursor is left at row hi-1.
func (t *text) backward(lo, hi int64, f func(row int64, v []byte, ok bool) error) error {
	t.done()
	if _, _, err := t.pin(hi - 1); err != nil {
		return err
	}
	c := *t.cursor
	t.unpin()
	for row := hi - 1; row >= lo; {
		if err := t.b.ctx.Err(); err != nil {
			return context.Cause(t.b.ctx)
		}
		if row < c.first {
			if _, err := c.back(); err != nil {
				return err
			}
			c.unpin()
		}
		from := max(lo, c.first)
		ref, _, err := c.pin(from)
		if err != nil {
			return err
		}
		for ; row >= from && err == nil; row-- {
			var v []byte
			var ok bool
			t.pins.Release()
			if v, ok, err = t.value(ref + memory.Ref(int(row-from)*t.b.layout.Width())); err == nil {
				err = f(row, v, ok)
			}
		}
		t.pins.Release()
		c.unpin()
		if err != nil {
			return err
		}
	}
	return nil
}
