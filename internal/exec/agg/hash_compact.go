package agg

import (
	"context"
	"errors"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Compaction keeps what phase 1 writes in proportion to groups, not to input: each time the table is emptied, groups
// that come again get further rows. When memory runs out, partitions that have grown enough are read, and rows of the
// same group put together, before they are written.
//
// A partition is compacted when it has goal rows: at first what fills the table compactFirst times, then compactGrowth
// times what the last compaction left, or, if that was in vain, compactVain times; so its cost is in proportion to the
// rows that it saves, or falls off.
const (
	compactFirst  = 2
	compactGrowth = 2
	compactVain   = 8
)

// goalOf is how many rows a partition of the set is to have for compaction.
func (l *hashLocal) goalOf(c *rows.Collection) int64 {
	if n, ok := l.goal[c]; ok {
		return n
	}
	return int64(compactFirst * l.groups.Table.Room() / len(l.groups.Parts.List))
}

// repeats says if a partition is to be compacted. The table is empty.
func (l *hashLocal) repeats() bool {
	for _, c := range l.groups.Parts.List {
		if c.Rows() > 0 && c.Rows() >= l.goalOf(c) {
			return true
		}
	}
	return false
}

// outgrown says if the rows take more than half of what the worker can have in memory: unpinned blocks are part of the
// surplus, as they can be evicted.
func (l *hashLocal) outgrown() bool {
	return l.groups.Parts.Bytes() > l.h.options.Account.Surplus()/int64(2*l.h.workers)
}

// compact compacts the partitions that have reached their goal. Nothing is pinned before and after it.
func (l *hashLocal) compact(ctx context.Context) error {
	parts := l.groups.Parts
	parts.Release(memory.ReuseSoon)
	if l.compactor == nil {
		keys, err := vector.NewBatch(l.h.options.Account, l.h.options.keys(), rows.ChunkRows, arenaBytes)
		if err != nil {
			return err
		}
		l.compactor = newRowCombiner(l.h, l.groups, keys)
	}
	defer l.use(parts)
	for i, c := range parts.List {
		goal := l.goalOf(c)
		if c.Rows() == 0 || c.Rows() < goal {
			continue
		}
		before := c.Rows()
		after, err := l.compactOne(ctx, c)
		if err != nil {
			return err
		}
		c.Close()
		delete(l.goal, c)
		parts.Replace(i, after, heldParts)
		growth := int64(compactGrowth)
		if after.Rows() > before/compactGrowth {
			growth = compactVain
		}
		l.goal[after] = growth * after.Rows()
	}
	return nil
}

// compactOne copies a partition, one row a group as far as the table and the pages that are to be had allow.
func (l *hashLocal) compactOne(ctx context.Context, from *rows.Collection) (*rows.Collection, error) {
	c, g := l.compactor, l.groups
	to := rows.NewPartitions(c.acct, l.h.layout, l.h.page, 0, 0)
	into := to.List[0]
	into.Keep(heldResult)
	l.use(to)
	g.Table.Reset()
	c.reader = from.Read(memory.Held, true)
	err := func() error {
		for {
			n, err := c.read(ctx)
			if err != nil || n == 0 {
				return err
			}
			if g.Table.Room() < n {
				g.Table.Reset()
				into.ReleaseFull(memory.ReuseLate)
			}
			err = g.FindRows(c.keys.Cols, c.refs[:n])
			if err != nil && !errors.Is(err, sqlerr.ErrNoSurplus) {
				return err
			}
			left, cerr := c.combineChunk(n)
			if cerr != nil {
				return cerr
			}
			if err == nil {
				continue
			}
			g.Table.Reset()
			if err := appendLoose(into, c.pick(left)); err != nil {
				return err
			}
		}
	}()
	c.keys.Reset()
	c.reader.Close()
	g.Table.Reset()
	into.Release(memory.ReuseLate)
	if err != nil {
		into.Close()
		return nil, err
	}
	return into, nil
}

// appendLoose appends rows within the minimum: nothing else is pinned by the collection, which keeps its blocks.
func appendLoose(to *rows.Collection, refs []memory.Ref) error {
	for len(refs) > 0 {
		to.Release(memory.ReuseLate)
		n, err := to.AppendRows(refs, nil)
		if err != nil && (n == 0 || !errors.Is(err, sqlerr.ErrNoSurplus)) {
			return rows.Final(err)
		}
		refs = refs[n:]
	}
	return nil
}
