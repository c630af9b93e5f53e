package stream

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/exec/exectest"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// TestMaterialize gives back what it got, whatever memory there is.
func TestMaterialize(t *testing.T) {
	for name, columns := range map[string][]exectest.Gen{
		"numbers": {{Type: types.NewBigInt(), Distinct: 1 << 20}, {Type: types.NewDouble(), Distinct: 9, Nulls: 20}},
		"texts": {
			{Type: types.NewInt(), Distinct: 1 << 20},
			{Type: types.NewText(types.MediumText, collation.UTF8MB4Bin), Distinct: 100, Length: 3000, Nulls: 10},
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := exectest.Make(rand.New(rand.NewPCG(1, 2)), 700, columns)
			o := MaterializeOptions{Types: exectest.Types(columns)}
			test := &exectest.Test{
				Types: o.Types, Rows: in, Short: true,
				MinBytes: func(workers int) int64 {
					o.Workers = workers
					return MaterializeBytes(o)
				},
				New: func(acct *memory.Account, _ *memory.Statement, workers int) (*exectest.Subject, error) {
					o.Account, o.Workers = acct, workers
					m := NewMaterialize(o)
					return exectest.Breaker(m.Sink(), m.Source(), m.Close), nil
				},
				Check: func(t testing.TB, got []exectest.Row) {
					t.Helper()
					require.Equal(t, prints(in), prints(got))
				},
			}
			test.Run(t)
		})
	}
}

func prints(list []exectest.Row) []uint64 {
	out := make([]uint64, len(list))
	for i, r := range list {
		out[i] = exectest.Print(r)
	}
	slices.Sort(out)
	return out
}
