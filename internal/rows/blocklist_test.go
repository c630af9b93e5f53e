package rows

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// manyLayout is of rows of which few fill a block.
func manyLayout() *Layout {
	return NewLayout([]types.Type{types.NewVarChar(2000, collation.Binary)}, 0)
}

// manyBlocks appends so many rows that the list of blocks itself has a block.
func manyBlocks(t *testing.T, w *world, c *Collection) {
	in, err := vector.NewBatch(w.input, c.Layout().Types(), vector.MaxRows, 4096)
	require.NoError(t, err)
	defer in.Close()
	v := in.Cols[0]
	v.Const, in.Len = true, vector.MaxRows
	d := types.Datum{Type: v.Type, Kind: v.Type.Phys(), S: bytes.Repeat([]byte("x"), 2000)}
	require.NoError(t, v.SetDatum(0, d, in.Arena()))
	var refs [vector.MaxRows]memory.Ref
	for len(c.blocks.index) == 0 {
		_, err := c.Append(in.Cols, All(in.Len), refs[:])
		require.NoError(t, err)
	}
}

// TestManyBlocks appends, reads, pins and frees within the minimum, where the list of blocks is written out as well.
func TestManyBlocks(t *testing.T) {
	l := manyLayout()
	page := l.PageBytes(MinPageBytes)
	w := newWorld(t, 64<<20, int64(page), memory.StatementOptions{ForceSpill: true}, nil)
	c := NewCollection(w.acct, l, page)
	manyBlocks(t, w, c)
	c.Release(memory.ReuseUnknown)
	var refs [ChunkRows]memory.Ref
	for _, once := range []bool{false, true} {
		for i := 0; i < c.Blocks() && !once; i += 100 {
			b, err := c.PinBlock(i, memory.Held)
			require.NoError(t, err)
			c.UnpinBlock(b, memory.ReuseUnknown)
		}
		r := c.Read(memory.Held, once)
		count := int64(0)
		for {
			n, err := r.Rows(refs[:])
			require.NoError(t, err)
			if n == 0 {
				break
			}
			count += int64(n)
		}
		r.Close()
		require.Equal(t, c.Rows(), count)
	}
	c.Close()
}

// TestManyBlocksKept keeps so many blocks pinned, one of them within the minimum, that those of the list are too.
func TestManyBlocksKept(t *testing.T) {
	l := manyLayout()
	page := l.PageBytes(MinPageBytes)
	for _, end := range []func(c *Collection){
		func(c *Collection) { c.ReleaseFull(memory.ReuseSoon) },
		func(c *Collection) { c.Release(memory.ReuseSoon) },
		func(*Collection) {},
	} {
		w := newWorld(t, 96<<20, int64(page), memory.StatementOptions{}, nil)
		c := NewCollection(w.acct, l, page)
		c.Keep(1)
		manyBlocks(t, w, c)
		require.Equal(t, c.Blocks(), c.Pinned())
		require.Equal(t, 1, c.blocks.pinned)
		end(c)
		c.Close()
	}
}

// TestManyBlocksClose closes a collection whose last block is pinned, with the minimum used up, and one of a statement
// that has failed: its list cannot be read, and that is no leak.
func TestManyBlocksClose(t *testing.T) {
	l := manyLayout()
	page := l.PageBytes(MinPageBytes)
	for _, fails := range []bool{false, true} {
		w := newWorld(t, 64<<20, int64(page), memory.StatementOptions{ForceSpill: true}, nil)
		c := NewCollection(w.acct, l, page)
		manyBlocks(t, w, c)
		if fails {
			w.stmt.Fail(errors.New("failed by the test"))
		}
		c.Close()
	}
}
