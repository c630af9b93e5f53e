package expr

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// TestInverse removes rows that were added: what is left is what was not removed.
func TestInverse(t *testing.T) {
	r := testutil.Rand(t)
	pool := memorytest.NewPool(t, 64<<20)
	_, acct := memorytest.NewOperator(t, pool, 1<<20)
	inverted := 0
	for _, of := range []types.Type{
		types.NewBigInt(), types.NewUBigInt(), types.NewDecimal(18, 2), types.NewDecimal(50, 5), types.NewDouble(),
	} {
		for _, name := range []string{"count", "sum", "avg", "bit_xor", "bit_or", "max", "var_pop"} {
			a, err := NewAggregateType(name, []Expr{&Column{T: of}}, false, &newTestEnv().Env)
			require.NoError(t, err)
			in := a.Args[0].Type()
			acc, ok := NewAccumulator(a)
			require.True(t, ok)
			inverse := InverseOf(acc)
			exact := name == "count" || name == "bit_xor" || (name == "sum" || name == "avg") && of.ID != types.Double
			require.Equal(t, exact, inverse != nil, "%s of %s", name, of)
			if inverse == nil {
				continue
			}
			inverted++
			b, err := vector.NewBatch(acct, []types.Type{in, a.T}, 100, 0)
			require.NoError(t, err)
			b.Len = 100
			for i := range b.Len {
				d := types.Datum{Type: in, Kind: in.Phys()}
				d.I, d.U, d.F = int64(r.Uint64()), r.Uint64(), r.NormFloat64()
				d.D = types.Dec{r.Uint64() >> 2, 0, 0, 0}
				if in.Precision > 18 {
					d.D[1] = r.Uint64() >> 8
				}
				if r.IntN(2) == 0 {
					d.D = d.D.Neg()
				}
				if r.IntN(5) == 0 {
					d = types.NullDatum(in)
				}
				require.NoError(t, b.Cols[0].SetDatum(i, d, b.Arena()))
			}
			states, err := acct.Alloc(2*acc.StateBytes(), memory.Held)
			require.NoError(t, err)
			refs := []memory.Ref{states.Ref, states.Ref + memory.Ref(acc.StateBytes())}
			base, args := acct.Base(), b.Cols[:1]
			acc.Init(base, refs)
			var all [100]uint16
			for i := range all {
				all[i] = uint16(i)
			}
			from, to := r.IntN(90), 0
			to = from + r.IntN(100-from+1)
			require.NoError(t, acc.UpdateOne(base, refs[0], nil, to, args))
			require.NoError(t, inverse.Remove(base, refs[0], all[:from/2], 0, args))
			require.NoError(t, inverse.Remove(base, refs[0], all[from/2:from], 0, args))
			require.NoError(t, acc.UpdateOne(base, refs[1], all[from:to], 0, args))
			require.NoError(t, acc.Result(base, refs, b.Cols[1]))
			require.Equal(t, b.Cols[1].Datum(base, 1), b.Cols[1].Datum(base, 0), "%s of %s", name, of)
			acct.Free(states)
			b.Close()
		}
	}
	require.Equal(t, 5+5+2*4, inverted)
}
