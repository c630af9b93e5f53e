package agg

import (
	"context"
	"errors"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/vector"
)

const (
	// depthMost is how often a partition is split before it is sorted.
	depthMost = 8
	// A split helps if its largest part has less than this share of the rows.
	shrinkNumerator, shrinkDenominator = 95, 100
	// tableShrink is how much smaller a table is tried when a lease is refused: rows may be of few groups.
	tableShrink = 8
)

// NewLocal implements exec.Source.
func (s hashSource) NewLocal(*exec.Worker) (exec.LocalSource, error) {
	h := s.Hash
	acct := h.options.Account
	keys, err := vector.NewBatch(acct, h.options.keys(), rows.ChunkRows, arenaBytes)
	if err != nil {
		return nil, err
	}
	out, err := vector.NewBatch(acct, h.options.output(), h.batchRows(), arenaBytes)
	if err != nil {
		keys.Close()
		return nil, err
	}
	return &combiner{rowCombiner: newRowCombiner(h, h.newGroups(), keys), out: out}, nil
}

// combiner is phase 2 of one worker. It has one of three states: nothing in work; result, groups being given; sort, a
// partition being sorted, whose groups are combined as they are given.
type combiner struct {
	*rowCombiner
	out *vector.Batch

	task   *task            // in work; its collections are closed with it
	result *rows.Partitions // of one: the groups of the task
	split  *rows.Partitions
	sort   *sortAggregate
}

// Next gives the next groups.
func (c *combiner) Next(ctx context.Context) (*vector.Batch, error) {
	c.out.Reset()
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if c.sort != nil {
			n, err := c.sort.give(ctx, c.out)
			if n > 0 || err != nil {
				return c.out, err
			}
			c.sort.close()
			c.sort = nil
			c.finish()
			c.h.sorted()
		}
		if c.reader != nil {
			n, err := c.give()
			if n > 0 || err != nil {
				return c.out, err
			}
			c.finish()
		}
		c.h.spilled()
		c.task = c.h.pop()
		if c.task == nil {
			return nil, nil
		}
		if err := c.work(ctx); err != nil {
			return nil, err
		}
	}
}

// finish frees what is left of the task.
func (c *combiner) finish() {
	c.keys.Reset()
	c.reader.Close()
	c.reader = nil
	c.groups.Table.Close(c.acct)
	c.result.Close()
	c.split.Close()
	c.result, c.split = nil, nil
	if c.task != nil {
		c.task.close()
		c.task = nil
	}
}

// give gathers the next groups of the result.
func (c *combiner) give() (int, error) {
	n, err := c.reader.Rows(c.refs[:c.out.Cap()])
	if err != nil || n == 0 {
		return 0, err
	}
	n, err = c.gather(c.h.layout, c.states, c.refs[:n])
	if err != nil {
		return 0, err
	}
	return n, nil
}

// gather makes a batch of groups.
func (c *combiner) gather(l *rows.Layout, w *worker, refs []memory.Ref) (int, error) {
	keys := len(c.h.options.Group)
	n, err := l.GatherSome(refs, c.out, keys)
	if err != nil {
		return 0, err
	}
	if c.reader != nil {
		c.reader.Back(len(refs) - n)
	}
	c.out.Len = n
	if c.h.options.States {
		w.words(refs[:n], c.out, keys)
		return n, nil
	}
	return n, w.results(refs[:n], c.out, keys)
}

// work brings the task to where its groups can be given, or splits it.
func (c *combiner) work(ctx context.Context) error {
	t := c.task
	switch {
	case t.unique:
		c.reader = t.rows[0].Read(memory.Held, true)
		if len(t.rows) > 1 {
			return sqlerr.AssertionError("agg: different groups in %d collections", len(t.rows))
		}
		return nil
	case t.terminal:
		s, err := c.h.newSortAggregate(c)
		if err != nil {
			c.h.sorted()
			return err
		}
		c.sort = s
		return s.fill(ctx)
	}
	return c.combine(ctx)
}

// openTable takes the table for the task's rows, or the largest that is to be had.
func (c *combiner) openTable() error {
	size := min(rows.TableBytes(c.task.count), memory.MaxPageBytes)
	for ; size > rows.SmallestTableBytes; size /= tableShrink {
		err := c.groups.Table.Open(c.acct, int(size), memory.Leased)
		if !errors.Is(err, sqlerr.ErrNoSurplus) {
			return err
		}
	}
	return c.groups.Table.Open(c.acct, rows.SmallestTableBytes, memory.Held)
}

// combine puts rows of the same group together. If the groups do not fit, it goes over to a split, to which the groups
// found so far are added as rows.
func (c *combiner) combine(ctx context.Context) error {
	if err := c.openTable(); err != nil {
		return err
	}
	c.result = rows.NewPartitions(c.acct, c.h.layout, c.h.page, 0, 0)
	c.result.List[0].Keep(heldResult)
	c.groups.Parts = c.result
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
			if c.groups.Table.Room() < n || c.acct.Revoked() && c.leases() {
				c.reader.Back(n)
				return c.doSplit(ctx, nil)
			}
			err = c.groups.FindRows(c.keys.Cols, c.refs[:n])
			if err != nil && !errors.Is(err, sqlerr.ErrNoSurplus) {
				return err
			}
			left, cerr := c.combineChunk(n)
			if cerr != nil {
				return cerr
			}
			if err != nil {
				return c.doSplit(ctx, left)
			}
		}
		c.keys.Reset()
		c.reader.Close()
		from.Close()
	}
	c.groups.Table.Close(c.acct)
	c.reader = c.result.List[0].Read(memory.Held, true)
	return nil
}

func (c *combiner) leases() bool {
	return c.groups.Table.Size() > rows.SmallestTableBytes || c.result.List[0].Blocks() > heldResult
}

// doSplit spreads the task's rows by the next bits of their hashes: left, of the chunk in work, what was not read yet,
// and the groups found so far.
func (c *combiner) doSplit(ctx context.Context, left []uint16) error {
	c.h.pressed()
	c.groups.Table.Close(c.acct)
	c.result.Release(memory.ReuseUnknown)
	bits := min(c.h.partitionBits(), rows.BitsLeft(c.task.consumed))
	c.split = rows.NewPartitions(c.acct, c.h.layout, c.h.page, c.task.consumed, bits)
	c.split.Lease(heldParts)
	if len(left) > 0 {
		if err := c.split.AppendRows(c.pick(left), c.groups.Hashes[:]); err != nil {
			return err
		}
	}
	if err := c.spread(ctx); err != nil {
		return err
	}
	for _, from := range c.task.rows {
		if from == c.reader.Collection() || from.Rows() == 0 {
			continue
		}
		c.reader = from.Read(memory.Held, true)
		if err := c.spread(ctx); err != nil {
			return err
		}
	}
	c.reader = c.result.List[0].Read(memory.Held, true)
	if err := c.spread(ctx); err != nil {
		return err
	}
	c.h.push(c.children())
	c.finish()
	return nil
}

// spread moves the rest of c.reader's rows to the split.
func (c *combiner) spread(ctx context.Context) error {
	for {
		n, err := c.read(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			c.reader.Close()
			c.reader.Collection().Close()
			return nil
		}
		if err := c.split.AppendRows(c.refs[:n], c.groups.Hashes[:]); err != nil {
			return err
		}
	}
}

// children makes tasks of the split. The recursion ends: each level uses up bits, and a part that is not smaller than
// its parent, or too deep, or out of bits, is sorted.
func (c *combiner) children() (out []*task) {
	total := c.split.Rows()
	consumed := c.task.consumed + c.split.Bits
	c.split.Release(memory.ReuseUnknown)
	for i, part := range c.split.List {
		if part.Rows() == 0 {
			continue
		}
		t := &task{consumed: consumed, depth: c.task.depth + 1}
		t.add(part)
		t.terminal = t.count*shrinkDenominator >= total*shrinkNumerator || t.depth > depthMost ||
			rows.BitsLeft(consumed) == 0
		out = append(out, t)
		c.split.List[i] = nil
	}
	return out
}

// Pause implements exec.LocalSource: pages stay where they are.
func (c *combiner) Pause() error { return nil }

// Close implements exec.LocalSource.
func (c *combiner) Close() error {
	c.out.Reset()
	if c.sort != nil {
		c.sort.close()
		c.sort = nil
	}
	c.finish()
	c.keys.Close()
	c.out.Close()
	return nil
}
