package stream

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/exec/exectest"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

var numbers = []exectest.Gen{
	{Type: types.NewBigInt(), Distinct: 10, Nulls: 10},
	{Type: types.NewText(types.Text, collation.UTF8MB4Bin), Distinct: 50, Length: 100},
}

func newEnv() *expr.Env {
	return &expr.Env{Location: time.UTC, Collation: collation.Default, MaxPacket: 64 << 20}
}

// Only rows for which every condition is true pass; NULL is not true.
func TestFilter(t *testing.T) {
	env := newEnv()
	input := exectest.Make(testutil.Rand(t), 500, numbers)
	a := &expr.Column{Index: 0, T: numbers[0].Type}
	small, err := expr.NewCall("<", []expr.Expr{a, expr.NewInt(7)}, env)
	require.NoError(t, err)
	large, err := expr.NewCall(">", []expr.Expr{a, expr.NewInt(2)}, env)
	require.NoError(t, err)
	conds := []expr.Expr{small, large}
	var want []exectest.Row
	for _, r := range input {
		if !r[0].IsNull() && r[0].I > 2 && r[0].I < 7 {
			want = append(want, r)
		}
	}
	(&exectest.Test{
		Types: exectest.Types(numbers), Rows: input,
		MinBytes: func(workers int) int64 { return FilterBytes(conds, vector.MaxRows) * int64(workers) },
		New: func(acct *memory.Account, _ *memory.Statement, _ int) (*exectest.Subject, error) {
			return exectest.Step(NewFilter(acct, conds, vector.MaxRows, env)), nil
		},
		Check: func(t testing.TB, got []exectest.Row) { require.Equal(t, exectest.Counts(want), exectest.Counts(got)) },
		Short: true,
	}).Run(t)
}

// Strings that the projection makes need pages of their own: where those are refused, a batch is given in parts.
func TestProject(t *testing.T) {
	env := newEnv()
	input := exectest.Make(testutil.Rand(t), 500, numbers)
	text := &expr.Column{Index: 1, T: numbers[1].Type}
	twice, err := expr.NewCall("concat", []expr.Expr{text, text}, env)
	require.NoError(t, err)
	exprs := []expr.Expr{twice, expr.NewInt(5), &expr.Column{Index: 0, T: numbers[0].Type}}
	var want []exectest.Row
	for _, r := range input {
		long := types.Datum{Type: twice.Type(), Kind: r[1].Kind}
		long.S = append(append([]byte{}, r[1].S...), r[1].S...)
		want = append(want, exectest.Row{long, types.NewIntDatum(exprs[1].Type(), 5), r[0]})
	}
	(&exectest.Test{
		Types: exectest.Types(numbers), Rows: input,
		MinBytes: func(workers int) int64 { return ProjectBytes(exprs, vector.MaxRows) * int64(workers) },
		New: func(acct *memory.Account, _ *memory.Statement, _ int) (*exectest.Subject, error) {
			return exectest.Step(NewProject(acct, exprs, vector.MaxRows, env)), nil
		},
		Check: func(t testing.TB, got []exectest.Row) { require.Equal(t, exectest.Counts(want), exectest.Counts(got)) },
		Short: true,
	}).Run(t)
}

// Workers share the count: together they give as many rows as are wanted, of those that there are.
func TestLimit(t *testing.T) {
	const rows = 300
	input := exectest.Make(testutil.Rand(t), rows, numbers)
	for _, x := range []struct{ offset, count, want uint64 }{
		{0, 0, 0}, {0, 1, 1}, {0, 100, 100}, {17, 100, 100}, {250, 100, 50}, {300, 5, 0}, {0, 1 << 63, rows},
	} {
		for _, ordered := range []bool{false, true} {
			(&exectest.Test{
				Types: exectest.Types(numbers), Rows: input, Ordered: ordered,
				MinBytes: func(workers int) int64 { return LimitBytes(vector.MaxRows) * int64(workers) },
				New: func(acct *memory.Account, _ *memory.Statement, _ int) (*exectest.Subject, error) {
					return exectest.Step(NewLimit(acct, x.offset, x.count, vector.MaxRows)), nil
				},
				Check: func(t testing.TB, got []exectest.Row) {
					require.Len(t, got, int(x.want))
					if ordered {
						from := min(x.offset, rows)
						require.Equal(t, exectest.Counts(input[from:from+x.want]), exectest.Counts(got))
					}
				},
				Short: true,
			}).Run(t)
		}
	}
}

// No row is one of NULLs, one is itself, two are error 1242.
func TestMaxOneRow(t *testing.T) {
	for n := range 4 {
		input := exectest.Make(testutil.Rand(t), n, numbers)
		x := &exectest.Test{
			Types: exectest.Types(numbers), Rows: input, Ordered: true,
			MinBytes: func(int) int64 { return MaxOneRowBytes(exectest.Types(numbers)) },
			New: func(acct *memory.Account, _ *memory.Statement, _ int) (*exectest.Subject, error) {
				return exectest.Step(NewMaxOneRow(acct, exectest.Types(numbers))), nil
			},
			Check: func(t testing.TB, got []exectest.Row) {
				require.Len(t, got, 1)
				if n == 1 {
					require.Equal(t, exectest.Counts(input), exectest.Counts(got))
				} else {
					require.True(t, got[0][0].IsNull() && got[0][1].IsNull())
				}
			},
			Short: true,
		}
		if n < 2 {
			x.Run(t)
			continue
		}
		for _, size := range []int{1, 16} {
			r := x.Do(t, exectest.Conditions{Shape: exectest.Shape{Rows: size}})
			require.True(t, sqlerr.Is(r.Err, sqlerr.ErrSubqueryNo1Row), "%v", r.Err)
		}
	}
}
