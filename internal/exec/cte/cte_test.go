package cte

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/exectest"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

func TestMain(m *testing.M) { testutil.Main(m) }

var columns = []exectest.Gen{
	{Type: types.NewInt(), Distinct: 40, Nulls: 10},
	{Type: types.NewText(types.Text, collation.UTF8MB4Bin), Distinct: 3, Length: 300},
	{Type: types.NewDouble(), Distinct: 4, Nulls: 30},
	{Type: types.NewDecimal(30, 2), Distinct: 2},
}

func inputRows() int {
	if testing.Short() {
		return 300
	}
	return 1200
}

func TestTable(t *testing.T) {
	input := exectest.Make(testutil.Rand(t), inputRows(), columns)
	want := exectest.Counts(input)
	o := Options{Types: exectest.Types(columns), PageBytes: rows.PageBytes(0, 1), BatchRows: 100}
	(&exectest.Test{
		Types: o.Types,
		Rows:  input,
		MinBytes: func(workers int) int64 {
			o.Writers, o.Readers = workers, workers
			return MinBytes(o)
		},
		New: func(acct *memory.Account, _ *memory.Statement, workers int) (*exectest.Subject, error) {
			o.Account, o.Writers, o.Readers = acct, workers, workers
			table := NewTable(o)
			return exectest.Breaker(table.Sink(), table.Source([]int{0, 1, 2, 3}), table.Close), nil
		},
		Check: func(t testing.TB, got []exectest.Row) { require.Equal(t, want, exectest.Counts(got)) },
		Short: true,
	}).Run(t)
}

// recursionTest runs rounds that give the rows of the round before.
func recursionTest(o Options, input []exectest.Row, check func(t testing.TB, got []exectest.Row)) *exectest.Test {
	o.Types, o.PageBytes, o.BatchRows = exectest.Types(columns), rows.PageBytes(0, 1), 100
	o.Recursive, o.WorkReaders, o.Readers = true, 1, 1
	return &exectest.Test{
		Types:    o.Types,
		Rows:     input,
		Ordered:  true,
		MinBytes: func(int) int64 { return MinBytes(o) },
		New: func(acct *memory.Account, stmt *memory.Statement, _ int) (*exectest.Subject, error) {
			o := o
			o.Account = acct
			r := NewRecursion(o)
			all := []int{0, 1, 2, 3}
			round := func(ctx context.Context) error {
				run := &exec.Run{Statement: stmt, Nested: true, Pipelines: []*exec.Pipeline{
					{Chains: []exec.Chain{{Source: r.Work().Source(all)}}, Sink: r.Sink(), Workers: 1},
				}}
				if err := run.Execute(ctx); err != nil {
					return err
				}
				return run.Close()
			}
			return &exectest.Subject{
				Pipelines: func(in exec.Source, out exec.Sink, _ int) []*exec.Pipeline {
					return []*exec.Pipeline{
						{Chains: []exec.Chain{{Source: in}}, Sink: r.Sink(), Workers: 1},
						{Loop: func(ctx context.Context) error { return r.Rounds(ctx, round) }},
						{Chains: []exec.Chain{{Source: r.Result().Source(all)}}, Sink: out, Workers: 1},
					}
				},
				Close: r.Close,
			}, nil
		},
		Check: check,
		Short: true,
	}
}

func TestRecursionDistinct(t *testing.T) {
	input := exectest.Make(testutil.Rand(t), inputRows(), columns)
	want := exectest.Counts(input)
	for k := range want {
		want[k] = 1
	}
	require.Less(t, len(want), len(input))
	recursionTest(Options{Distinct: true, MaxRounds: 1}, input, func(t testing.TB, got []exectest.Row) {
		require.Equal(t, want, exectest.Counts(got))
	}).Run(t)
}

// TestRecursionLimit: three rounds and a bit, without the first row.
func TestRecursionLimit(t *testing.T) {
	input := exectest.Make(testutil.Rand(t), inputRows()/4, columns)
	want := exectest.Counts(input)
	for k := range want {
		want[k] *= 3
	}
	want[exectest.Print(input[0])]--
	for _, r := range input[:10] {
		want[exectest.Print(r)]++
	}
	o := Options{HasLimit: true, Offset: 1, Count: uint64(3*len(input)) + 9, MaxRounds: 3}
	recursionTest(o, input, func(t testing.TB, got []exectest.Row) {
		require.Equal(t, want, exectest.Counts(got))
	}).Run(t)
}

func TestTooManyRounds(t *testing.T) {
	input := exectest.Make(testutil.Rand(t), 10, columns)
	x := recursionTest(Options{MaxRounds: 5}, input, nil)
	r := x.Do(t, exectest.Conditions{Shape: exectest.Shape{Rows: 4}})
	require.Equal(t, sqlerr.ErrCTEMaxRecursionDepth, sqlerr.CodeOf(r.Err))
	require.ErrorContains(t, r.Err, "after 6 iterations")
}

// TestSortedRounds: a set that does not fit, and rounds as large as it is.
func TestSortedRounds(t *testing.T) {
	input := exectest.Make(testutil.Rand(t), inputRows(), []exectest.Gen{columns[0], columns[1],
		{Type: types.NewDouble(), Distinct: 1 << 40}, columns[3]})
	want := exectest.Counts(input)
	for k := range want {
		want[k] = 1
	}
	x := recursionTest(Options{Distinct: true, MaxRounds: 1}, input, func(t testing.TB, got []exectest.Row) {
		require.Equal(t, want, exectest.Counts(got))
	})
	r := x.Do(t, exectest.Conditions{Shape: exectest.Shape{Rows: 100}, ForceSpill: true})
	require.NoError(t, r.Err)
	x.Check(t, r.Rows)
	require.Positive(t, r.Writes)
}
