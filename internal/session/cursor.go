package session

import (
	"context"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// cursor is the result of a statement that was executed with a cursor: rows in evictable blocks, read by Fetch. Its
// memory.Statement has one worker, a goroutine that between fetches waits, and so is parked: an open cursor that nobody
// reads holds next to nothing.
type cursor struct {
	stmt *memory.Statement
	acct *memory.Account
	cols []Column

	rows   *rows.Collection
	reader *rows.Reader
	batch  *vector.Batch
	places memory.Page
	refs   []memory.Ref
	next   int // row of batch that comes next

	requests chan fetch
	done     chan struct{} // closed when the goroutine has ended
}

// fetch asks the cursor's goroutine for rows.
type fetch struct {
	ctx   context.Context
	count int
	out   ResultWriter
	reply chan fetched
}

type fetched struct {
	last bool // there are no further rows
	err  error
}

// waitFetch is the state of a cursor's statement between fetches.
const waitFetch memory.WaitReason = "Waiting for fetch"

// openCursor makes an empty cursor for rows of these columns. Its statement has been admitted.
func (s *Session) openCursor(ctx context.Context, cols []Column, o memory.StatementOptions) (*cursor, error) {
	t := make([]types.Type, len(cols))
	width := 0
	for i := range cols {
		t[i] = cols[i].Type
		width += vector.RowBytes(t[i])
	}
	o.Name = "cursor: " + o.Name
	capacity := min(cursorBatch, vector.CapacityFor(width))
	layout := rows.NewLayout(t, 0)
	page := layout.PageBytes(rows.MinPageBytes)
	need := vector.BatchBytes(t, capacity, 0) + int64(page) + layout.OverflowBytes(page) +
		int64(memory.PageSize(8*vector.MaxRows))
	c := &cursor{
		stmt: s.manager.Pool.NewStatement(s.acct, o), cols: cols,
		requests: make(chan fetch), done: make(chan struct{}),
	}
	// The cursor outlives the command that opens it, whose end must not be the cursor's.
	admission, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	err := c.stmt.Admit(admission, need)
	stop()
	if err != nil {
		c.stmt.Close()
		return nil, err
	}
	if c.acct, err = c.stmt.Operator("cursor", need); err != nil {
		c.stmt.Close()
		return nil, err
	}
	if c.batch, err = vector.NewBatch(c.acct, t, capacity, 0); err == nil {
		c.places, err = c.acct.Alloc(8*vector.MaxRows, memory.Held)
	}
	if err != nil {
		c.free()
		return nil, err
	}
	c.refs = memory.Slice[memory.Ref](c.acct.Base(), c.places.Ref, vector.MaxRows)
	c.rows = rows.NewCollection(c.acct, layout, page)
	return c, nil
}

// cursorBatch is the number of rows that a cursor reads at once.
const cursorBatch = 256

// append keeps a batch of the result.
func (c *cursor) append(b *vector.Batch) error {
	sel := b.Sel
	if sel == nil {
		sel = rows.All(b.Len)
	}
	_, err := c.rows.Append(b.Cols, sel, c.refs)
	return err
}

// serve starts the goroutine that answers fetches. The cursor belongs to it from here on.
func (c *cursor) serve() {
	c.rows.Release(memory.ReuseUnknown)
	c.reader = c.rows.Read(memory.Held, true)
	c.stmt.AddWorkers(1)
	go func() {
		defer close(c.done)
		defer c.free()
		defer c.stmt.AddWorkers(-1)
		for {
			var f fetch
			open := false
			err := c.stmt.Wait(context.Background(), waitFetch, func(context.Context) error {
				f, open = <-c.requests
				return nil
			})
			if !open {
				return
			}
			if err == nil {
				err = c.stmt.Err()
			}
			var last bool
			if err == nil {
				last, err = c.send(f)
			}
			f.reply <- fetched{last, err}
		}
	}()
}

// send writes the next rows.
func (c *cursor) send(f fetch) (last bool, err error) {
	for left := f.count; left > 0; {
		if c.next == c.batch.Len {
			more, err := c.reader.Next(c.batch, c.refs)
			if err != nil {
				return false, err
			}
			if c.next = 0; !more {
				c.batch.Len = 0
				return true, nil
			}
		}
		n := min(left, c.batch.Len-c.next)
		c.batch.Sel = rows.All(c.batch.Len)[c.next : c.next+n]
		if err := f.out.Rows(f.ctx, c.stmt, nil, c.batch); err != nil {
			return false, err
		}
		c.next += n
		left -= n
	}
	return false, nil
}

// fetch asks for rows and waits for them.
func (c *cursor) fetch(ctx context.Context, count int, out ResultWriter) (last bool, err error) {
	f := fetch{ctx: ctx, count: count, out: out, reply: make(chan fetched, 1)}
	select {
	case c.requests <- f:
	case <-c.done:
		return false, sqlerr.AssertionError("fetch from a closed cursor")
	}
	r := <-f.reply
	return r.last, r.err
}

// close ends the cursor and waits for its goroutine.
func (c *cursor) close() {
	close(c.requests)
	<-c.done
}

// free gives the cursor's pages and blocks back.
func (c *cursor) free() {
	c.reader.Close()
	c.rows.Close()
	c.batch.Close()
	if c.acct != nil {
		c.acct.Free(c.places)
		c.acct.Close()
	}
	c.stmt.Close()
}

// fillCursor runs a plan into a cursor.
func (s *Session) fillCursor(ctx context.Context, p planned, a answer) error {
	cols := resultColumns(p.plan.Columns)
	c, err := s.openCursor(ctx, cols, s.statementOptions(s.quota(p.plan), p.text))
	if err != nil {
		return err
	}
	out, err := s.run(ctx, p, consumer{keep: c}, a)
	if err != nil {
		c.free()
		return err
	}
	s.foundRows, s.rowCount = out.rows, -1
	c.serve()
	a.prepared.cursor = c
	if err := a.out.Columns(cols); err != nil {
		return err
	}
	status := s.status(a, "")
	status.Flags |= flagCursorExists
	return a.out.EOF(status)
}
