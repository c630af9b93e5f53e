package agg

import (
	"context"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/vector"
)

// rowCombiner puts rows of the same group together: those of reader, a chunk at a time, with the rows of groups.
type rowCombiner struct {
	h      *Hash
	acct   *memory.Account
	keys   *vector.Batch // group columns of the chunk
	groups *rows.Groups
	hasher rows.Hasher
	states *worker
	reader *rows.Reader

	refs     [rows.ChunkRows]memory.Ref // the chunk
	dst, src [rows.ChunkRows]memory.Ref
	fresh    [rows.ChunkRows]bool
}

func newRowCombiner(h *Hash, groups *rows.Groups, keys *vector.Batch) *rowCombiner {
	return &rowCombiner{
		h:      h,
		acct:   h.options.Account,
		keys:   keys,
		groups: groups,
		hasher: h.hasher(),
		states: newWorker(h.states, h.options.Account.Base(), 0),
	}
}

// read reads the next chunk: places of its rows, their keys, and their hashes.
func (c *rowCombiner) read(ctx context.Context) (int, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	c.keys.Reset()
	n, err := c.reader.Rows(c.refs[:])
	if err != nil || n == 0 {
		return 0, err
	}
	m, err := c.h.layout.GatherSome(c.refs[:n], c.keys, len(c.keys.Cols))
	if err != nil {
		return 0, err
	}
	c.reader.Back(n - m)
	c.keys.Len = m
	c.hasher.Hash(c.acct.Base(), c.keys.Cols, rows.All(m), c.groups.Hashes[:])
	return m, nil
}

// combineChunk adds the rows of the chunk, whose groups were looked up, to their groups. It returns those that have
// none.
func (c *rowCombiner) combineChunk(n int) (left []uint16, err error) {
	clear(c.fresh[:n])
	for _, i := range c.groups.Fresh {
		c.fresh[i] = true
	}
	m := 0
	for i, r := range c.groups.Refs[:n] {
		switch {
		case r == 0:
			left = append(left, uint16(i))
		case !c.fresh[i]:
			c.dst[m], c.src[m] = r, c.refs[i]
			m++
		}
	}
	return left, c.states.combine(c.dst[:m], c.src[:m])
}

// pick makes c.src the rows of the chunk that are listed, and moves their hashes to the front.
func (c *rowCombiner) pick(left []uint16) []memory.Ref {
	for j, i := range left {
		c.src[j], c.groups.Hashes[j] = c.refs[i], c.groups.Hashes[i]
	}
	return c.src[:len(left)]
}
