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
