package agg

import (
	"context"
	"errors"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/vector"
)

// sortAggregate is what a partition comes to that cannot be split: it is sorted by its keys, and rows of the same
// group, which are neighbours then, are combined as they are read. It needs a few pages, however many rows and groups
// there are.
type sortAggregate struct {
	c       *combiner
	sorter  *rows.Sorter
	builder *rows.Builder
	states  *worker

	heads *rows.Collection // groups: the first row of each, with the states of all
	refs  []memory.Ref     // their places; the last one is not complete before the next key is seen
	given int              // of refs: in the batch given last
	room  [rows.ChunkRows]memory.Ref
	next  []memory.Ref // rows of the sorter that are not combined yet
	ended bool
}

// sortSpec says how group columns are sorted.
func (h *Hash) sortSpec() rows.SortSpec {
	s := rows.SortSpec{
		Types:     h.options.keys(),
		Reserved:  h.states.bytes,
		Workers:   1,
		PageBytes: h.options.PageBytes,
		HeldPages: heldResult,
	}
	for i := range s.Types {
		s.Order = append(s.Order, rows.Order{Column: i})
	}
	return s
}

// sortBytes is what sorting takes, by one worker at a time.
func (h *Hash) sortBytes() int64 {
	spec := h.sortSpec()
	l := rows.NewSorter(nil, spec).Layout()
	return rows.SortBytes(spec) + 2*int64(l.PageBytes(spec.PageBytes))
}

func (h *Hash) newSortAggregate(c *combiner) (*sortAggregate, error) {
	s := &sortAggregate{c: c, sorter: rows.NewSorter(c.acct, h.sortSpec())}
	s.states = newWorker(h.states, c.acct.Base(), rows.SortReserved)
	b, err := s.sorter.NewBuilder()
	if err != nil {
		return nil, err
	}
	s.builder = b
	s.heads = s.newHeads()
	return s, nil
}

func (s *sortAggregate) newHeads() *rows.Collection {
	l := s.sorter.Layout()
	c := rows.NewCollection(s.c.acct, l, l.PageBytes(s.c.h.options.PageBytes))
	c.Keep(1)
	return c
}

// fill sorts the rows of the combiner's task.
func (s *sortAggregate) fill(ctx context.Context) error {
	c := s.c
	base := c.acct.Base()
	size := c.h.states.bytes
	for _, from := range c.task.rows {
		c.reader = from.Read(memory.Held, true)
		for {
			n, err := c.read(ctx)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			err = s.builder.Append(c.keys.Cols, rows.All(n), func(i int, row memory.Ref) {
				copy(memory.Bytes(base, row+rows.SortReserved, size), memory.Bytes(base, c.refs[i], size))
			})
			if err != nil {
				return err
			}
		}
		c.reader.Close()
		from.Close()
	}
	c.reader = nil
	c.keys.Reset()
	if err := s.builder.Finish(); err != nil {
		return err
	}
	s.builder.Close()
	return nil
}

// give gathers complete groups into out; 0 at the end.
func (s *sortAggregate) give(ctx context.Context, out *vector.Batch) (int, error) {
	if err := s.drop(); err != nil {
		return 0, err
	}
	for !s.ended && len(s.refs) <= out.Cap() {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		if len(s.next) == 0 {
			n, err := s.sorter.Next(s.room[:])
			if err != nil {
				return 0, err
			}
			s.next, s.ended = s.room[:n], n == 0
			continue
		}
		full, err := s.add(s.next[0])
		if err != nil {
			return 0, err
		}
		if full {
			break
		}
		s.next = s.next[1:]
	}
	n := len(s.refs)
	if !s.ended {
		n-- // the last group may have further rows
	}
	n = min(n, out.Cap())
	if n <= 0 {
		return 0, nil
	}
	n, err := s.c.gather(s.sorter.Layout(), s.states, s.refs[:n])
	s.given = n
	return n, err
}

// add combines a row with the last group or begins one; full says that there is no room for a group.
func (s *sortAggregate) add(row memory.Ref) (full bool, err error) {
	if n := len(s.refs); n > 0 {
		same, err := s.sorter.KeyEqual(s.refs[n-1], row)
		if err != nil {
			return false, err
		}
		if same {
			return false, s.states.combine(s.refs[n-1:], []memory.Ref{row})
		}
	}
	var place [1]memory.Ref
	_, err = s.heads.AppendRows([]memory.Ref{row}, place[:])
	if errors.Is(err, sqlerr.ErrNoSurplus) && len(s.refs) > 1 {
		return true, nil
	}
	if err == nil {
		s.refs = append(s.refs, place[0])
	}
	return false, rows.Final(err)
}

// drop frees the groups that were given; the others move to a new collection.
func (s *sortAggregate) drop() error {
	if s.given == 0 {
		return nil
	}
	rest := s.refs[s.given:]
	s.given = 0
	if len(rest) > 1 { // more are complete
		s.refs = rest
		return nil
	}
	heads := s.newHeads()
	var places [1]memory.Ref
	n, err := heads.AppendRows(rest, places[:])
	s.heads.Close()
	s.heads = heads
	s.refs = append(s.refs[:0], places[:n]...)
	return err
}

// close gives everything back. Repeatable.
func (s *sortAggregate) close() {
	s.builder.Close()
	s.sorter.Close()
	s.heads.Close()
	s.refs, s.next = nil, nil
}
