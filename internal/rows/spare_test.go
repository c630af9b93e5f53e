package rows

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// TestSortSpares fills a quota several times over with rows that could be long: whoever reads them gets a page for one
// at any time.
func TestSortSpares(t *testing.T) {
	in := []types.Type{types.NewText(types.LongText, collation.Binary)}
	spec := SortSpec{Types: in, Order: []Order{{Column: 0}}, Workers: 1, PageBytes: MinPageBytes}
	minimum := SortBytes(spec)
	w := newWorld(t, 64<<20, minimum, memory.StatementOptions{QuotaBytes: minimum + inputBytes + 2<<20}, nil)
	s := NewSorter(w.acct, spec)
	b, err := s.NewBuilder()
	require.NoError(t, err)
	batch, err := vector.NewBatch(w.input, in, 256, 1<<20)
	require.NoError(t, err)
	for i := range 64 {
		batch.Reset()
		batch.Len = 256
		for j := range 256 {
			d := types.Datum{Type: in[0], Kind: types.PhysString, S: bytes.Repeat([]byte{byte(i*7 + j)}, 400)}
			require.NoError(t, batch.Cols[0].SetDatum(j, d, batch.Arena()))
		}
		require.NoError(t, b.Append(batch.Cols, All(256), nil))
		page, err := w.input.Alloc(3*sharedOverflowBytes, memory.Leased)
		require.NoError(t, err, "batch %d", i)
		w.input.Free(page)
	}
	batch.Close()
	require.NoError(t, b.Finish())
	b.Close()
	require.NotZero(t, s.Figures().Runs)
	n := 0
	var refs [100]memory.Ref
	for {
		m, err := s.Next(refs[:])
		require.NoError(t, err)
		if n += m; m == 0 {
			break
		}
	}
	require.Equal(t, 64*256, n)
	s.Close()
}

// TestGatherSpares reads batches of rows of which few fit: there is always room for one more.
func TestGatherSpares(t *testing.T) {
	const count, length = 40, 200_000
	in := []types.Type{types.NewText(types.LongText, collation.Binary)}
	l := NewLayout(in, 0)
	w := newWorld(t, 64<<20, 1<<20, memory.StatementOptions{QuotaBytes: 1<<20 + inputBytes + 2<<20}, nil)
	c := NewCollection(w.acct, l, MinPageBytes)
	defer c.Close()
	batch, err := vector.NewBatch(w.input, in, count, 1<<20)
	require.NoError(t, err)
	defer batch.Close()
	var refs [count]memory.Ref
	for i := range count {
		batch.Reset()
		d := types.Datum{Type: in[0], Kind: types.PhysString, S: bytes.Repeat([]byte{byte(i)}, length)}
		require.NoError(t, batch.Cols[0].SetDatum(0, d, batch.Arena()))
		n, err := c.Append(batch.Cols, All(1), refs[:])
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
	r := c.Read(memory.Held, false)
	defer r.Close()
	most := 0
	for at := 0; at < count; at += batch.Len {
		more, err := r.Next(batch, refs[:])
		require.NoError(t, err)
		require.True(t, more)
		most = max(most, batch.Len)
		for i := range batch.Len {
			require.Equal(t, byte(at+i), batch.Cols[0].Str[i].Bytes(batch.Base())[length-1])
		}
		page, err := w.input.Alloc(2*length, memory.Leased)
		require.NoError(t, err)
		w.input.Free(page)
	}
	require.Greater(t, most, 1)
}

// TestLongStringsAreShared sorts rows at a quota whose surplus is few of them: runs and merges take over the blocks of
// long strings, and none is copied.
func TestLongStringsAreShared(t *testing.T) {
	const count, length = 200, 300_000
	in := []types.Type{types.NewText(types.LongText, collation.Binary), types.NewInt()}
	spec := SortSpec{Types: in, Order: []Order{{Column: 1}}, Workers: 1, PageBytes: MinPageBytes, HeldPages: 2}
	minimum := SortBytes(spec)
	w := newWorld(t, 64<<20, minimum, memory.StatementOptions{QuotaBytes: minimum + inputBytes + 2<<20}, nil)
	s := NewSorter(w.acct, spec)
	b, err := s.NewBuilder()
	require.NoError(t, err)
	batch, err := vector.NewBatch(w.input, in, 1, 1<<20)
	require.NoError(t, err)
	text := bytes.Repeat([]byte("x"), length)
	for i := range count {
		batch.Reset()
		batch.Len = 1
		text[length-1] = byte(i * 7 % count)
		d := types.Datum{Type: in[0], Kind: types.PhysString, S: text}
		require.NoError(t, batch.Cols[0].SetDatum(0, d, batch.Arena()))
		batch.Cols[1].I64[0] = int64(i * 7 % count)
		require.NoError(t, b.Append(batch.Cols, All(1), nil), "row %d", i)
		if i%3 == 2 {
			require.NoError(t, b.write())
		}
	}
	batch.Close()
	require.NoError(t, b.Finish())
	b.Close()
	out, err := vector.NewBatch(w.input, in, 4, 0)
	require.NoError(t, err)
	defer out.Close()
	var refs [4]memory.Ref
	for n := 0; n < count; {
		m, err := s.Next(refs[:])
		require.NoError(t, err)
		require.NotZero(t, m)
		for i := range m {
			out.Reset()
			k, err := s.Layout().GatherSome(refs[i:i+1], out, 2)
			require.NoError(t, err)
			require.Equal(t, 1, k)
			require.Equal(t, int64(n), out.Cols[1].I64[0])
			v := out.Cols[0].Str[0].Bytes(out.Base())
			require.Len(t, v, length)
			require.Equal(t, byte(n), v[length-1])
			n++
		}
		out.Reset()
	}
	require.NotZero(t, s.Figures().Merges)
	s.Close()
}
