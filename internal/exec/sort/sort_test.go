package sort

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/exec/exectest"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

func TestMain(m *testing.M) { testutil.Main(m) }

var columns = []exectest.Gen{
	{Type: types.NewInt(), Distinct: 50, Nulls: 10},
	{Type: types.NewVarChar(40, collation.UTF8MB4GeneralCI), Distinct: 300, Nulls: 10},
	{Type: types.NewDouble(), Distinct: 1000},
	{Type: types.NewDecimal(20, 2), Distinct: 100000, Nulls: 5},
	{Type: types.NewText(types.Text, collation.UTF8MB4Bin), Distinct: 40, Length: 3000},
	{Type: types.NewBigInt(), Distinct: 1 << 40},
	{Type: types.NewTinyInt(), Nulls: 100},
}

// sortTest is a sort of n rows.
func sortTest(t testing.TB, n int, o Options) *exectest.Test {
	input := exectest.Make(testutil.Rand(t), n, columns)
	o.Types = exectest.Types(columns)
	output := o.Output
	if output == nil {
		for i := range columns {
			output = append(output, i)
		}
	}
	compare := func(a, b exectest.Row) int {
		for _, k := range o.Keys {
			c := exectest.Compare(a[k.Column], b[k.Column])
			if k.Desc {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	}
	sorted := slices.Clone(input)
	slices.SortStableFunc(sorted, compare)
	if o.Limit > 0 {
		sorted = sorted[min(uint64(len(sorted)), o.Offset):]
		sorted = sorted[:min(uint64(len(sorted)), o.Limit)]
	}
	all := map[uint64]int{}
	for _, r := range input {
		all[exectest.Print(pick(r, output))]++
	}
	return &exectest.Test{
		Types: o.Types,
		Rows:  input,
		MinBytes: func(workers int) int64 {
			o.Workers = workers
			return MinBytes(o)
		},
		New: func(acct *memory.Account, _ *memory.Statement, workers int) (*exectest.Subject, error) {
			o.Account, o.Workers = acct, workers
			s, err := New(o)
			if err != nil {
				return nil, err
			}
			return exectest.Breaker(s.Sink(), s.Source(), s.Close), nil
		},
		Check: func(t testing.TB, got []exectest.Row) {
			require.Len(t, got, len(sorted))
			seen := map[uint64]int{}
			for i, r := range got {
				for _, k := range o.Keys {
					at := slices.Index(output, k.Column)
					if at >= 0 && exectest.Compare(sorted[i][k.Column], r[at]) != 0 {
						require.Fail(t, "not in order", "row %d, column %d", i, k.Column)
					}
				}
				line := exectest.Print(r)
				if seen[line]++; seen[line] > all[line] {
					require.Fail(t, "a row that the input does not have so often", "row %d", i)
				}
			}
		},
		Short: true,
	}
}

// pick is a row's columns.
func pick(r exectest.Row, columns []int) exectest.Row {
	out := make(exectest.Row, len(columns))
	for i, c := range columns {
		out[i] = r[c]
	}
	return out
}

func TestSort(t *testing.T) {
	n := 1500
	if testing.Short() {
		n = 500
	}
	for name, o := range map[string]Options{
		"number":  {Keys: []Key{{Column: 2}}},
		"several": {Keys: []Key{{Column: 0, Desc: true}, {Column: 1}, {Column: 3, Desc: true}}},
		"text":    {Keys: []Key{{Column: 4}, {Column: 5}}, Output: []int{5, 4}},
		"dropped": {Keys: []Key{{Column: 1, Desc: true}}, Output: []int{0, 2}},
		"nulls":   {Keys: []Key{{Column: 6}}, Output: []int{6, 5}},
		"top":     {Keys: []Key{{Column: 3}}, Limit: 10, Offset: 5},
		"topmany": {Keys: []Key{{Column: 5, Desc: true}}, Limit: 1500, Offset: 100},
	} {
		t.Run(name, func(t *testing.T) {
			n := n
			if name == "text" { // each comparison reads two blocks back
				n = 100
			}
			sortTest(t, n, o).Run(t)
		})
	}
}

// TestEmpty sorts nothing.
func TestEmpty(t *testing.T) {
	sortTest(t, 0, Options{Keys: []Key{{Column: 1}}}).Run(t)
}

// TestSpills makes sure that the tests above test what they say.
func TestSpills(t *testing.T) {
	x := sortTest(t, 20_000, Options{Keys: []Key{{Column: 5}}, Output: []int{0, 1, 5}})
	r := x.Do(t, exectest.Conditions{Shape: exectest.Shape{Rows: 1024}})
	require.NoError(t, r.Err)
	require.Zero(t, r.Writes, "nothing is written if all fits")
	r = x.Do(t, exectest.Conditions{Shape: exectest.Shape{Rows: 1024}, Workers: 2, QuotaBytes: 64 << 10})
	require.NoError(t, r.Err)
	x.Check(t, r.Rows)
	require.Contains(t, r.Events, memory.EventSpill)
	require.NotZero(t, r.Writes)
}

// TestMinBytes holds the smallest statement against its bound.
func TestMinBytes(t *testing.T) {
	require.LessOrEqual(t, MinBytes(Options{Types: exectest.Types(columns), Keys: []Key{{Column: 1}, {Column: 4}}}),
		int64(1<<20))
}

func BenchmarkSort(b *testing.B) {
	number := exectest.Gen{Type: types.NewBigInt(), Distinct: 1 << 60}
	columns := []exectest.Gen{number, number}
	for _, c := range []struct {
		name  string
		limit uint64
		quota int64
	}{{"memory", 0, 0}, {"spill", 0, 16 << 20}, {"top100", 100, 0}} {
		b.Run(c.name, func(b *testing.B) {
			o := Options{Types: exectest.Types(columns), Keys: []Key{{Column: 0}}, Limit: c.limit}
			o.PageBytes = rows.PageBytes(c.quota, 2)
			exectest.Bench(b, exectest.BenchOptions{
				Columns: columns, Rows: 4 << 20, Workers: 2, QuotaBytes: c.quota,
				MinBytes: func(workers int) int64 {
					o.Workers = workers
					return MinBytes(o)
				},
				New: func(acct *memory.Account, _ *memory.Statement, workers int) (*exectest.Subject, error) {
					o.Account, o.Workers = acct, workers
					s, err := New(o)
					return exectest.Breaker(s.Sink(), s.Source(), s.Close), err
				},
			})
		})
	}
}
