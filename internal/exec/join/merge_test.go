package join

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/exectest"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// and is a condition of several.
func and(list ...condition) condition {
	return condition{says: func(l, r exectest.Row) (is, unknown bool) {
		for _, c := range list {
			if is, _ := c.says(l, r); !is {
				return false, false
			}
		}
		return true, false
	}}
}

func mergeTest(t testing.TB, left, right side, kind physical.JoinType, more *condition) *exectest.Test {
	for _, s := range []*side{&left, &right} {
		s.rows = slices.Clone(s.rows)
		slices.SortStableFunc(s.rows, func(a, b exectest.Row) int { return exectest.Compare(a[0], b[0]) })
	}
	lt, rt := exectest.Types(left.columns), exectest.Types(right.columns)
	o := MergeOptions{
		Type: kind, Left: lt, Right: rt, LeftOut: len(lt), RightOut: len(rt), Keys: []HashKey{{Type: rt[0]}},
		Env: &expr.Env{MaxPacket: 1 << 20},
	}
	c := conditions[1]
	if more != nil {
		o.Conds = []expr.Expr{more.expr(t, lt, rt)}
		c = and(c, *more)
	} else {
		c = and(c)
	}
	shape := exectest.Shape{Rows: 50}
	return &exectest.Test{
		Types: lt, Rows: left.rows, Short: true, Ordered: true,
		MinBytes: func(int) int64 { return MergeMinBytes(o) + exectest.SourceBytes(rt, right.rows, shape, 1) },
		New: func(acct *memory.Account, _ *memory.Statement, _ int) (*exectest.Subject, error) {
			o.Account = acct
			m := NewMerge(o)
			build := func() exec.Source { return exectest.NewSource(acct, rt, right.rows, shape, 1) }
			return twoPipelines(1, build, m.Sink(), []exec.Step{{Operator: m.Operator()}}, m.Close), nil
		},
		Check: checkPrints(referenceJoin(&left, &right, kind, c)),
	}
}

// TestMerge joins data of all distributions by all kinds of joins, with memory from the minimum up.
func TestMerge(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	gen := func(distinct, nulls int) exectest.Gen {
		return exectest.Gen{Type: types.NewInt(), Distinct: distinct, Nulls: nulls}
	}
	text := exectest.Gen{Type: types.NewVarChar(60, collation.UTF8MB4GeneralCI), Distinct: 50, Nulls: 5}
	long := exectest.Gen{Type: types.NewText(types.MediumText, collation.UTF8MB4Bin), Distinct: 3, Length: 30000}
	hot := [2]side{makeSide(r, 200, gen(100, 0), 20), makeSide(r, 600, gen(100, 0), 200)}
	hot[0].heat(r, 30)
	hot[1].heat(r, 30)
	data := map[string][2]side{
		"uniform":   {makeSide(r, 500, gen(200, 5), 20), makeSide(r, 700, gen(200, 5), 20)},
		"unique":    {makeSide(r, 900, gen(1<<30, 0), 20), makeSide(r, 900, gen(1<<30, 0), 20)},
		"texts":     {makeSide(r, 200, text, 5), makeSide(r, 300, text, 40)},
		"hot":       hot,
		"same":      {makeSide(r, 30, gen(1, 0), 20), makeSide(r, 1200, gen(1, 0), 100)},
		"null":      {makeSide(r, 100, gen(1, 100), 20), makeSide(r, 100, gen(1, 100), 20)},
		"empty":     {makeSide(r, 100, gen(10, 5), 20), makeSide(r, 0, gen(10, 5), 20)},
		"no left":   {makeSide(r, 0, gen(10, 5), 20), makeSide(r, 100, gen(10, 5), 20)},
		"long":      {makeSide(r, 20, gen(3, 0), 9000), makeSide(r, 30, gen(3, 0), 50000)},
		"long keys": {makeSide(r, 20, long, 10), makeSide(r, 30, long, 20000)},
	}
	for _, name := range slices.Sorted(maps.Keys(data)) {
		for kind := physical.InnerJoin; kind <= physical.LeftOuterSemi; kind++ {
			for i, more := range []*condition{nil, &conditions[2], &conditions[3]} {
				if i == 2 && name != "long" {
					continue
				}
				t.Run(fmt.Sprint(name, " ", kind, " ", i), func(t *testing.T) {
					test := mergeTest(t, data[name][0], data[name][1], kind, more)
					spilled := 0
					for _, q := range []exectest.Conditions{
						{}, {NoSurplus: true}, {NoSurplus: true, ForceSpill: true}, {Surplus: 64 << 10},
					} {
						for _, q.Shape = range []exectest.Shape{{Rows: 7, Select: true}, {Rows: 333}} {
							res := test.Do(t, q)
							require.NoError(t, res.Err, "%v", q)
							test.Check(t, res.Rows)
							spilled += res.Writes
						}
					}
					if len(data[name][1].rows) > 0 && name != "null" {
						require.Positive(t, spilled, "nothing was evicted")
					}
				})
			}
		}
	}
}

// TestMergeHarness holds the join to what is asked of every operator.
func TestMergeHarness(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	key := exectest.Gen{Type: types.NewInt(), Distinct: 60, Nulls: 5}
	left, right := makeSide(r, 300, key, 20), makeSide(r, 300, key, 20)
	for kind := physical.InnerJoin; kind <= physical.LeftOuterSemi; kind++ {
		t.Run(fmt.Sprint(kind), func(t *testing.T) { mergeTest(t, left, right, kind, nil).Run(t) })
	}
}
