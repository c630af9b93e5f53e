package rows

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// world is a pool with one statement.
type world struct {
	store *memorytest.Blocks
	pool  *memory.Pool
	stmt  *memory.Statement
	acct  *memory.Account
	input *memory.Account // for batches: inputBytes of minimum
}

const inputBytes = 8 << 20

// newWorld has a statement with minBytes granted, which can spill. It is checked to be empty when the test ends.
func newWorld(t testing.TB, limit, minBytes int64, o memory.StatementOptions, hooks *memory.Hooks) *world {
	w := &world{store: &memorytest.Blocks{}}
	var err error
	w.pool, err = memory.NewPool(memory.Options{LimitBytes: limit, Store: w.store, Hooks: hooks})
	require.NoError(t, err)
	o.Spill = true
	w.stmt = w.pool.NewStatement(w.pool.Server(), o)
	require.NoError(t, w.stmt.Admit(context.Background(), minBytes+inputBytes))
	w.acct, err = w.stmt.Operator("test", minBytes)
	require.NoError(t, err)
	w.input, err = w.stmt.Operator("input", inputBytes)
	require.NoError(t, err)
	t.Cleanup(func() {
		w.input.Close()
		require.Zero(t, w.acct.Stats().Current, "left on the account")
		w.acct.Close()
		w.stmt.Close()
		require.NoError(t, w.pool.Close())
		require.Zero(t, w.store.Len())
	})
	return w
}

// allTypes has a column of each kind.
func allTypes() []types.Type {
	return []types.Type{
		types.NewTinyInt(), types.NewInteger(types.SmallInt, true), types.NewInt(), types.NewBigInt(),
		types.NewUBigInt(),
		types.NewFloat(), types.NewDouble(), types.NewDecimal(10, 2), types.NewDecimal(30, 2), types.NewDecimal(65, 2),
		types.NewVarChar(20, collation.UTF8MB4GeneralCI), types.NewText(types.MediumText, collation.UTF8MB4Bin),
		types.NewDateTime(6), types.NewYear(), types.NewBit(3), types.NewUInt(),
	}
}

// fill puts random values into a batch. longest is the length of the longest string.
func fill(t testing.TB, r *rand.Rand, b *vector.Batch, n, longest int) {
	b.Reset()
	b.Len = n
	for _, v := range b.Cols {
		v.Const = r.IntN(8) == 0
		for i := range n {
			if r.IntN(5) == 0 {
				v.SetNull(i)
				continue
			}
			require.NoError(t, v.SetDatum(i, randomDatum(r, v.Type, longest), b.Arena()))
		}
	}
}

func randomDatum(r *rand.Rand, t types.Type, longest int) types.Datum {
	d := types.Datum{Type: t, Kind: t.Phys()}
	bits := 8 * kindBytes[kindOf(t)]
	switch d.Kind {
	case types.PhysInt64:
		d.I = int64(r.Uint64()) >> (64 - bits) >> r.IntN(bits)
	case types.PhysUint64:
		d.U = r.Uint64() >> (64 - bits) >> r.IntN(bits)
	case types.PhysFloat64:
		d.F = float64(float32(r.NormFloat64()))
	case types.PhysDecimal:
		switch bits {
		case 64:
			d.D = wideDec(r.Uint64() >> r.IntN(64))
		case 128:
			d.D = wideDec2([2]uint64{r.Uint64(), uint64(int64(r.Uint64()) >> r.IntN(64))})
		default:
			d.D = types.Dec{r.Uint64(), r.Uint64(), r.Uint64(), uint64(int64(r.Uint64()) >> (8 + r.IntN(56)))}
		}
	case types.PhysString:
		n := r.IntN(30)
		if r.IntN(10) == 0 {
			n = r.IntN(min(longest, t.MaxBytes()/4) + 1)
		}
		d.S = make([]byte, n)
		for i := range d.S {
			d.S[i] = "abcABC \x00z"[r.IntN(9)]
		}
	}
	return d
}

// texts is a printable form of the rows of a batch that count.
func texts(b *vector.Batch) []string {
	sel := b.Sel
	if sel == nil {
		sel = All(b.Len)
	}
	out := make([]string, 0, len(sel))
	for _, i := range sel {
		row := ""
		for _, v := range b.Cols {
			d := v.Datum(b.Base(), int(i))
			row += fmt.Sprintf("%d|%d|%d|%g|%v|%q;", d.Kind, d.I, d.U, d.F, d.D, d.S)
		}
		out = append(out, row)
	}
	return out
}

// selection picks some of n rows.
func selection(r *rand.Rand, n int) []uint16 {
	sel := []uint16{}
	for i := range n {
		if r.IntN(3) > 0 {
			sel = append(sel, uint16(i))
		}
	}
	return sel
}
