package build

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/schema"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// sorted is a plan that sorts a table's rows.
func sorted() *physical.Plan {
	t := &schema.Table{ID: 3, DB: "d", Name: "t", Columns: []schema.Column{
		{ID: 1, Name: "id", Type: types.NewInt().WithNullable(false)},
		{ID: 2, Name: "s", Type: types.NewVarChar(100, collation.Default)},
	}}
	t.Primary = &schema.Index{ID: 1, Name: "PRIMARY", Primary: true, Unique: true,
		Columns: []schema.IndexColumn{{Column: 0}}}
	scan := &physical.Scan{Table: t, Index: t.Primary, Ordinals: []int{0, 1}}
	sort := &physical.Sort{Input: scan,
		Keys: []physical.SortKey{{Expr: &expr.Column{Index: 1, T: t.Columns[1].Type}}}}
	for i, n := range []physical.Node{scan, sort} {
		n.Common().ID = i + 1
		for _, c := range t.Columns {
			n.Common().Columns = append(n.Common().Columns, physical.Column{Name: c.Name, Type: c.Type})
		}
	}
	return &physical.Plan{Root: sort}
}

// Sizes are a function of plan and limits: the same each time, within half of the quota where that can be, and never
// smaller for a larger quota.
func TestSize(t *testing.T) {
	p := sorted()
	least, err := Size(p, Limits{QuotaBytes: 1, Workers: 4})
	require.NoError(t, err)
	require.Equal(t, 1, least.Workers)
	require.Equal(t, minBatchRows, least.BatchRows)
	last := least
	for quota := int64(1 << 16); quota <= 1<<34; quota *= 2 {
		s, err := Size(p, Limits{QuotaBytes: quota, Workers: 4})
		require.NoError(t, err)
		again, err := Size(p, Limits{QuotaBytes: quota, Workers: 4})
		require.NoError(t, err)
		require.Equal(t, s, again)
		n, err := Minimum(p, s)
		require.NoError(t, err)
		require.Equal(t, s.Minimum, n)
		if s.Minimum > quota/2 {
			require.Equal(t, least.Minimum, s.Minimum, "there is a smaller one")
		}
		require.GreaterOrEqual(t, s.Workers, last.Workers)
		require.GreaterOrEqual(t, s.PageBytes, least.PageBytes)
		last = s
	}
	require.Equal(t, 4, last.Workers)
	require.Equal(t, defaultBatchRows, last.BatchRows)
	few, err := Size(p, Limits{QuotaBytes: 1 << 34, Workers: 4, BatchRows: 7})
	require.NoError(t, err)
	require.Equal(t, 7, few.BatchRows)
}

// What a plan needs at least it can have as its quota, with any number of workers: also where the quota is so large
// that it would have larger pages.
func TestLeastSuffices(t *testing.T) {
	for _, n := range []int{1, 10, 200} {
		union := &physical.Union{}
		for range n {
			union.Inputs = append(union.Inputs, sorted().Root)
		}
		union.Common().Columns = union.Inputs[0].Common().Columns
		p := &physical.Plan{Root: union}
		for workers := 1; workers <= 4; workers++ {
			least, err := Least(p, Limits{Workers: workers})
			require.NoError(t, err)
			for _, quota := range []int64{least.Minimum, least.Minimum * 3 / 2, least.Minimum * 3} {
				s, err := Size(p, Limits{QuotaBytes: quota, Workers: workers})
				require.NoError(t, err)
				require.LessOrEqual(t, s.Minimum, quota, "%d sorts, %d workers", n, workers)
				require.GreaterOrEqual(t, s.Minimum, least.Minimum)
			}
			s, err := Size(p, Limits{QuotaBytes: least.Minimum - 1, Workers: workers})
			require.NoError(t, err)
			require.Equal(t, least, s)
			if n == 200 {
				require.Greater(t, least.Minimum, int64(8<<20), "pages are no larger at this quota")
			}
		}
	}
}
