package join

import (
	"fmt"
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
)

// condition is a predicate over two sides of makeSide: as an expression, and what it says of two rows.
type condition struct {
	name string
	expr func(t testing.TB, left, right []types.Type) expr.Expr // nil: always true
	says func(l, r exectest.Row) (is, unknown bool)
}

func mustCall(t testing.TB, name string, args ...expr.Expr) expr.Expr {
	e, err := expr.NewCall(name, args, &expr.Env{MaxPacket: 1 << 20})
	require.NoError(t, err)
	return e
}

func column(i int, t []types.Type) expr.Expr { return &expr.Column{Index: i, T: t[i]} }

// over compares column i of both sides.
func over(name string, i int, says func(l, r types.Datum) bool) condition {
	return condition{
		name: name,
		expr: func(t testing.TB, left, right []types.Type) expr.Expr {
			return mustCall(t, name, column(i, left), &expr.Column{Index: len(left) + i, T: right[i]})
		},
		says: func(l, r exectest.Row) (is, unknown bool) {
			if l[i].IsNull() || r[i].IsNull() {
				return false, true
			}
			return says(l[i], r[i]), false
		},
	}
}

var conditions = []condition{
	{name: "cross", says: func(l, r exectest.Row) (is, unknown bool) { return true, false }},
	over("=", 0, func(l, r types.Datum) bool { return exectest.Compare(l, r) == 0 }),
	over("<", 2, func(l, r types.Datum) bool { return l.I < r.I }),
	{
		name: "strings", // LENGTH(CONCAT(l, r)) % 2 = 1
		expr: func(t testing.TB, left, right []types.Type) expr.Expr {
			both := mustCall(t, "concat", column(1, left), &expr.Column{Index: len(left) + 1, T: right[1]})
			return mustCall(t, "=", mustCall(t, "%", mustCall(t, "length", both), expr.NewInt(2)), expr.NewInt(1))
		},
		says: func(l, r exectest.Row) (is, unknown bool) {
			if l[1].IsNull() || r[1].IsNull() {
				return false, true
			}
			return (len(l[1].S)+len(r[1].S))%2 == 1, false
		},
	},
}

// referenceJoin compares all rows with all.
func referenceJoin(left, right *side, kind physical.JoinType, c condition) []uint64 {
	none := make(exectest.Row, len(right.columns))
	for i, col := range right.columns {
		none[i] = types.Datum{Type: col.Type}
	}
	var out []uint64
	for _, l := range left.rows {
		matches, unknown := 0, false
		for _, r := range right.rows {
			is, not := c.says(l, r)
			unknown = unknown || not
			if !is {
				continue
			}
			matches++
			if kind == physical.InnerJoin || kind == physical.LeftJoin {
				out = append(out, exectest.Print(slices.Concat(l, r)))
			}
		}
		switch kind {
		case physical.LeftJoin:
			if matches == 0 {
				out = append(out, exectest.Print(slices.Concat(l, none)))
			}
		case physical.SemiJoin, physical.AntiJoin:
			if (matches > 0) == (kind == physical.SemiJoin) {
				out = append(out, exectest.Print(l))
			}
		case physical.LeftOuterSemi:
			mark := types.Datum{Type: types.NewBigInt(), Kind: types.PhysInt64}
			if matches > 0 {
				mark.I = 1
			} else if unknown {
				mark = types.Datum{Type: types.NewBigInt()}
			}
			out = append(out, exectest.Print(slices.Concat(l, exectest.Row{mark})))
		}
	}
	slices.Sort(out)
	return out
}

// checkPrints compares rows with those of a reference, in any order.
func checkPrints(want []uint64) func(t testing.TB, got []exectest.Row) {
	return func(t testing.TB, got []exectest.Row) {
		t.Helper()
		prints := make([]uint64, len(got))
		for i, r := range got {
			prints[i] = exectest.Print(r)
		}
		slices.Sort(prints)
		require.Equal(t, len(want), len(prints), "rows")
		require.True(t, slices.Equal(want, prints), "other rows")
	}
}

// twoPipelines is a join that builds its right side in a pipeline of its own.
func twoPipelines(
	workers int, right func() exec.Source, build exec.Sink, probe []exec.Step, end func() error,
) *exectest.Subject {
	return &exectest.Subject{
		Pipelines: func(in exec.Source, out exec.Sink, _ int) []*exec.Pipeline {
			return []*exec.Pipeline{
				{Chains: []exec.Chain{{Source: right()}}, Sink: build, Workers: workers},
				{Chains: []exec.Chain{{Source: in}}, Steps: probe, Sink: out, Workers: workers},
			}
		},
		Close: end,
	}
}

func nestedTest(t testing.TB, left, right side, kind physical.JoinType, c condition) *exectest.Test {
	lt, rt := exectest.Types(left.columns), exectest.Types(right.columns)
	o := Options{
		Type: kind, Left: lt, Right: rt, LeftCapacity: 2048, RightCapacity: 64, Env: &expr.Env{MaxPacket: 1 << 20},
	}
	if c.expr != nil {
		o.Conds = []expr.Expr{c.expr(t, lt, rt)}
	}
	shape := exectest.Shape{Rows: 50}
	return &exectest.Test{
		Types: lt, Rows: left.rows, Short: true,
		MinBytes: func(workers int) int64 {
			o.Workers = workers
			return NestedLoopMinBytes(o) + exectest.SourceBytes(rt, right.rows, shape, workers)
		},
		New: func(acct *memory.Account, _ *memory.Statement, workers int) (*exectest.Subject, error) {
			o.Account, o.Workers = acct, workers
			n := NewNestedLoop(o)
			build := func() exec.Source { return exectest.NewSource(acct, rt, right.rows, shape, workers) }
			return twoPipelines(workers, build, n.Sink(), []exec.Step{{Operator: n.Operator()}}, n.Close), nil
		},
		Check: checkPrints(referenceJoin(&left, &right, kind, c)),
	}
}

// TestNestedLoop joins by all kinds of joins and conditions, with memory from the minimum up. Some conditions make
// strings of more bytes than an evaluator has of its own.
func TestNestedLoop(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	key := exectest.Gen{Type: types.NewInt(), Distinct: 40, Nulls: 10}
	for name, sides := range map[string][2]side{
		"short": {makeSide(r, 60, key, 10), makeSide(r, 130, key, 10)},
		"long":  {makeSide(r, 12, key, 9000), makeSide(r, 15, key, 20000)},
		"empty": {makeSide(r, 60, key, 10), makeSide(r, 0, key, 10)},
	} {
		for _, c := range conditions {
			for kind := physical.InnerJoin; kind <= physical.LeftOuterSemi; kind++ {
				t.Run(fmt.Sprint(name, " ", c.name, " ", kind), func(t *testing.T) {
					test := nestedTest(t, sides[0], sides[1], kind, c)
					for workers := 1; workers <= 2; workers++ {
						for _, q := range []exectest.Conditions{
							{}, {NoSurplus: true}, {NoSurplus: true, ForceSpill: true}, {Surplus: 64 << 10},
						} {
							q.Workers, q.Shape = workers, exectest.Shape{Rows: 40, Seed: 1, Select: workers == 2}
							res := test.Do(t, q)
							require.NoError(t, res.Err, "%v", q)
							test.Check(t, res.Rows)
						}
					}
				})
			}
		}
	}
}

// TestNestedLoopHarness holds the join to what is asked of every operator.
func TestNestedLoopHarness(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	key := exectest.Gen{Type: types.NewInt(), Distinct: 40, Nulls: 10}
	left, right := makeSide(r, 100, key, 10), makeSide(r, 100, key, 10)
	for kind := physical.InnerJoin; kind <= physical.LeftOuterSemi; kind++ {
		t.Run(fmt.Sprint(kind), func(t *testing.T) { nestedTest(t, left, right, kind, conditions[1]).Run(t) })
	}
}

// TestHashStrings joins with a further condition that makes strings of more bytes than its evaluator has of its own.
func TestHashStrings(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	key := exectest.Gen{Type: types.NewInt(), Distinct: 3}
	left, right := makeSide(r, 12, key, 9000), makeSide(r, 40, key, 20000)
	equal, long := conditions[1], conditions[3]
	both := condition{says: func(l, r exectest.Row) (is, unknown bool) {
		a, _ := equal.says(l, r)
		b, _ := long.says(l, r)
		return a && b, false
	}}
	for _, kind := range []physical.JoinType{
		physical.InnerJoin, physical.LeftJoin, physical.SemiJoin, physical.AntiJoin, physical.LeftOuterSemi,
	} {
		x := hashCase{left: left, right: right, kind: kind, more: long.expr}
		test := x.test(t)
		test.Check = checkPrints(referenceJoin(&left, &right, kind, both))
		for _, q := range []exectest.Conditions{{}, {NoSurplus: true}, {NoSurplus: true, ForceSpill: true}} {
			q.Shape = exectest.Shape{Rows: 40}
			res := test.Do(t, q)
			require.NoError(t, res.Err, "%v %v", kind, q)
			test.Check(t, res.Rows)
		}
	}
}
