package stream

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/exec/exectest"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

func TestExpand(t *testing.T) {
	columns := []exectest.Gen{
		{Type: types.NewBigInt(), Distinct: 10, Nulls: 10},
		{Type: types.NewText(types.Text, collation.UTF8MB4Bin), Distinct: 5, Length: 100},
	}
	input := exectest.Make(testutil.Rand(t), 500, columns)
	env := newEnv()
	text := &expr.Column{Index: 1, T: columns[1].Type}
	twice, err := expr.NewCall("concat", []expr.Expr{text, text}, env) // strings of its own: parts of a batch
	require.NoError(t, err)
	keys := []expr.Expr{&expr.Column{Index: 0, T: columns[0].Type}, twice}
	want := map[uint64]int{}
	for _, r := range input {
		long := types.Datum{Type: twice.Type(), Kind: r[1].Kind}
		long.S = append(append([]byte{}, r[1].S...), r[1].S...)
		for level := range 3 {
			row := append(exectest.Row{}, r[0], r[1], r[0], long, types.NewIntDatum(types.NewBigInt(), int64(level)))
			for i := 4 - level; i < 4; i++ {
				row[i] = types.NullDatum(row[i].Type)
			}
			want[exectest.Print(row)]++
		}
	}
	(&exectest.Test{
		Types:    exectest.Types(columns),
		Rows:     input,
		MinBytes: func(workers int) int64 { return ExpandBytes(keys, vector.MaxRows) * int64(workers) },
		New: func(acct *memory.Account, _ *memory.Statement, _ int) (*exectest.Subject, error) {
			return exectest.Step(NewExpand(acct, keys, vector.MaxRows, env)), nil
		},
		Check: func(t testing.TB, got []exectest.Row) { require.Equal(t, want, exectest.Counts(got)) },
		Short: true,
	}).Run(t)
}

func TestDefaultRow(t *testing.T) {
	columns := []exectest.Gen{{Type: types.NewBigInt(), Distinct: 1000}}
	row := []expr.Expr{expr.NewInt(7)}
	for _, n := range []int{0, 100} {
		input := exectest.Make(testutil.Rand(t), n, columns)
		(&exectest.Test{
			Types:    exectest.Types(columns),
			Rows:     input,
			Ordered:  true,
			MinBytes: func(int) int64 { return DefaultRowBytes(exectest.Types(columns)) },
			New: func(acct *memory.Account, _ *memory.Statement, _ int) (*exectest.Subject, error) {
				return exectest.Step(NewDefaultRow(acct, exectest.Types(columns), row, &expr.Env{})), nil
			},
			Check: func(t testing.TB, got []exectest.Row) {
				if n == 0 {
					require.Len(t, got, 1)
					require.Equal(t, int64(7), got[0][0].I)
					return
				}
				require.Len(t, got, n)
			},
			Short: true,
		}).Run(t)
	}
}
