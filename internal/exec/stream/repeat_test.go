package stream

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/exec/exectest"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

func TestRepeat(t *testing.T) {
	columns := []exectest.Gen{
		{Type: types.NewText(types.Text, collation.UTF8MB4Bin), Distinct: 50, Length: 50},
		{Type: types.NewBigInt(), Distinct: 40, Nulls: 10}, // from -20 to 19
	}
	input := exectest.Make(testutil.Rand(t), 200, columns)
	input[7][1] = types.NewIntDatum(columns[1].Type, 3*vector.MaxRows+5)
	want := map[uint64]int{}
	for _, r := range input {
		if !r[1].IsNull() && r[1].I > 0 {
			want[exectest.Print(r)] += int(r[1].I)
		}
	}
	(&exectest.Test{
		Types:    exectest.Types(columns),
		Rows:     input,
		MinBytes: func(workers int) int64 { return RepeatBytes(vector.MaxRows) * int64(workers) },
		New: func(acct *memory.Account, _ *memory.Statement, _ int) (*exectest.Subject, error) {
			return exectest.Step(NewRepeat(acct, 1, vector.MaxRows)), nil
		},
		Check: func(t testing.TB, got []exectest.Row) { require.Equal(t, want, exectest.Counts(got)) },
		Short: true,
	}).Run(t)
}
