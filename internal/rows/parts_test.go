package rows

import (
	"bytes"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// TestSortLongKeys sorts keys that are the same up to their ends, around the size of one part and of several, where all
// surplus is taken once the rows are there: neither sorting nor merging asks for any, whether the key is given or not.
func TestSortLongKeys(t *testing.T) {
	lengths := []int{
		0, 20, 3000, partBytes - 20, partBytes, partBytes + 20, sharedOverflowBytes, sharedOverflowBytes + 20,
		2*partBytes + 13, 2*partBytes + 14, 2*partBytes + 15, 200_000,
	}
	for _, c := range []struct {
		name   string
		output []int
		most   int // length of a key
	}{{"dropped", []int{0}, 200_000}, {"given", []int{0, 1}, sharedOverflowBytes}} {
		t.Run(c.name, func(t *testing.T) {
			r := testutil.Rand(t)
			in := []types.Type{types.NewBigInt(), types.NewText(types.LongText, collation.Binary)}
			spec := SortSpec{
				Types: in, Order: []Order{{Column: 1}, {Column: 0, Desc: true}}, Output: c.output,
				Workers: 1, PageBytes: MinPageBytes, HeldPages: 2,
			}
			var taken atomic.Bool
			hooks := &memory.Hooks{Refuse: func(op memory.Op, account string, _ int) error {
				if op == memory.OpSurplus && account == "test" && taken.Load() {
					return sqlerr.ErrNoSurplus
				}
				return nil
			}}
			w := newWorld(t, 64<<20, SortBytes(spec), memory.StatementOptions{ForceSpill: true}, hooks)
			s := NewSorter(w.acct, spec)
			b, err := s.NewBuilder()
			require.NoError(t, err)
			var keys [][]byte
			write := func(n int) {
				taken.Store(false)
				for range n {
					length := min(lengths[r.IntN(len(lengths))], c.most)
					key := bytes.Repeat([]byte{'x'}, length)
					if length > 0 && r.IntN(2) == 0 {
						key[length-1] = byte('w' + r.IntN(3))
					}
					batch, err := vector.NewBatch(w.input, in, 1, 1<<20)
					require.NoError(t, err)
					require.NoError(t, batch.Cols[0].SetDatum(0, types.Datum{
						Type: in[0], Kind: types.PhysInt64, I: int64(len(keys)),
					}, batch.Arena()))
					require.NoError(t, batch.Cols[1].SetDatum(0, types.Datum{
						Type: in[1], Kind: types.PhysString, S: key,
					}, batch.Arena()))
					require.NoError(t, b.Append(batch.Cols, All(1), nil))
					batch.Close()
					keys = append(keys, key)
				}
				taken.Store(true)
			}
			for range 6 {
				write(8)
				require.NoError(t, b.write())
			}
			write(6)
			require.NoError(t, b.Finish())
			b.Close()
			var want, got []int64
			for i := range keys {
				want = append(want, int64(i))
			}
			slices.SortFunc(want, func(i, j int64) int {
				if n := bytes.Compare(keys[i], keys[j]); n != 0 {
					return n
				}
				return int(j - i)
			})
			columns := s.Layout().Types()[:len(c.output)]
			out, err := vector.NewBatch(w.acct, columns, 100, 4096)
			require.NoError(t, err)
			var refs [100]memory.Ref
			for {
				out.Reset()
				n, err := s.Next(refs[:])
				require.NoError(t, err)
				if n == 0 {
					break
				}
				for done := 0; done < n; {
					out.Reset()
					m, err := s.Layout().GatherSome(refs[done:n], out, len(c.output))
					require.NoError(t, err)
					for i := range m {
						id := out.Cols[0].I64[i]
						got = append(got, id)
						if len(c.output) > 1 {
							require.True(t, bytes.Equal(keys[id], out.Cols[1].Str[i].Bytes(out.Base())))
						}
					}
					done += m
				}
			}
			out.Close()
			s.Close()
			require.Equal(t, want, got)
			require.NotZero(t, s.Figures().Merges)
		})
	}
}
