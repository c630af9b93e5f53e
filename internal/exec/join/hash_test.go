package join

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/exectest"
	"github.com/spillwaydb/spillway/internal/exec/runtimefilter"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// side is one input: a key, a payload and a number.
type side struct {
	columns []exectest.Gen
	rows    []exectest.Row
}

func makeSide(r *rand.Rand, n int, key exectest.Gen, payload int) side {
	s := side{columns: []exectest.Gen{
		key,
		{Type: types.NewText(types.MediumText, collation.UTF8MB4Bin), Distinct: 1000, Length: payload, Nulls: 10},
		{Type: types.NewBigInt(), Distinct: 1 << 20},
	}}
	s.rows = exectest.Make(r, n, s.columns)
	return s
}

// heat gives a share of the rows the key of the first one.
func (s *side) heat(r *rand.Rand, percent int) {
	for i := range s.rows {
		if r.IntN(100) < percent {
			s.rows[i][0] = types.Datum{Type: s.columns[0].Type, Kind: s.columns[0].Type.Phys()}
			if s.rows[i][0].Kind == types.PhysString {
				s.rows[i][0].S = []byte("hot")
			}
		}
	}
}

// hashCase is a join and its inputs.
type hashCase struct {
	left, right side
	kind        physical.JoinType
	nullAware   bool
	residual    bool                                                   // left number < right number
	more        func(t testing.TB, left, right []types.Type) expr.Expr // a condition; nil: none
	// unsure: the texts are equal, which is unknown if one is NULL, of left outer semi joins.
	unsure   bool
	zero     bool
	filtered bool                        // left rows pass the filter, as those of a scan do
	around   func(h *Hash) exec.Operator // nil: the join's own operator
}

// filterStep applies a filter to left rows.
type filterStep struct{ f *runtimefilter.Filter }

func (s filterStep) NewLocal(*exec.Worker) (exec.LocalOperator, error) {
	return localFilterStep{s.f.NewReader([]int{0})}, nil
}
func (s filterStep) Close() error { return nil }

type localFilterStep struct{ r *runtimefilter.Reader }

func (l localFilterStep) Execute(_ context.Context, in *vector.Batch) (*vector.Batch, exec.OpResult, error) {
	l.r.Apply(in)
	return in, exec.NeedMore, nil
}
func (l localFilterStep) Flush(context.Context) (*vector.Batch, error) { return nil, nil }
func (l localFilterStep) Close() error                                 { return nil }

// reference joins with a map.
func (x *hashCase) reference() []uint64 {
	byKey := map[uint64][]exectest.Row{}
	nulls := false
	for _, r := range x.right.rows {
		if r[0].IsNull() {
			nulls = true
			continue
		}
		k := exectest.KeyPrint(r[:1])
		byKey[k] = append(byKey[k], r)
	}
	var out []uint64
	none := make(exectest.Row, len(x.right.columns))
	for i, c := range x.right.columns {
		none[i] = types.Datum{Type: c.Type}
	}
	for _, l := range x.left.rows {
		matches, perhaps := 0, 0
		for _, r := range byKey[exectest.KeyPrint(l[:1])] {
			if l[0].IsNull() || x.residual && l[2].I >= r[2].I {
				continue
			}
			if x.unsure && !l[0].IsNull() && (l[1].IsNull() || r[1].IsNull()) {
				perhaps++
				continue
			}
			if x.unsure && exectest.Compare(l[1], r[1]) != 0 {
				continue
			}
			matches++
			if x.kind == physical.InnerJoin || x.kind == physical.LeftJoin {
				out = append(out, exectest.Print(slices.Concat(l, r)))
			}
		}
		unknown := x.nullAware && len(x.right.rows) > 0 && (nulls || l[0].IsNull())
		unknown = matches == 0 && (unknown || perhaps > 0)
		switch x.kind {
		case physical.LeftJoin:
			if matches == 0 {
				out = append(out, exectest.Print(slices.Concat(l, none)))
			}
		case physical.SemiJoin, physical.AntiJoin:
			if (matches > 0) == (x.kind == physical.SemiJoin) && !unknown {
				out = append(out, exectest.Print(l))
			}
		case physical.LeftOuterSemi:
			mark := types.Datum{Type: types.NewBigInt(), Kind: types.PhysInt64}
			if matches > 0 {
				mark.I = 1
			}
			if unknown {
				mark = types.Datum{Type: types.NewBigInt()}
			}
			out = append(out, exectest.Print(slices.Concat(l, exectest.Row{mark})))
		}
	}
	slices.Sort(out)
	return out
}

func (x *hashCase) test(t testing.TB) *exectest.Test {
	left, right := exectest.Types(x.left.columns), exectest.Types(x.right.columns)
	o := HashOptions{
		Type: x.kind, Left: left, Right: right, LeftOut: len(left), RightOut: len(right), NullAware: x.nullAware,
		Keys: []HashKey{{Type: right[0]}}, HashZero: x.zero, Env: &expr.Env{MaxPacket: 1 << 20},
	}
	if x.more != nil {
		o.Conds = append(o.Conds, x.more(t, left, right))
	}
	if x.residual {
		less, err := expr.NewCall("<", []expr.Expr{
			&expr.Column{Index: 2, T: left[2]}, &expr.Column{Index: 5, T: right[2]},
		}, o.Env)
		require.NoError(t, err)
		o.Conds = []expr.Expr{less}
	}
	if x.unsure {
		equal, err := expr.NewCall("=", []expr.Expr{
			&expr.Column{Index: 1, T: left[1]}, &expr.Column{Index: 4, T: right[1]},
		}, o.Env)
		require.NoError(t, err)
		isFalse, err := expr.NewCall("is false", []expr.Expr{equal}, o.Env)
		require.NoError(t, err)
		notFalse, err := expr.NewCall("not", []expr.Expr{isFalse}, o.Env)
		require.NoError(t, err)
		o.Conds, o.Maybe = []expr.Expr{equal}, []expr.Expr{notFalse}
	}
	shape := exectest.Shape{Rows: 100}
	want := x.reference()
	return &exectest.Test{
		Types: left, Rows: x.left.rows, Short: true,
		MinBytes: func(workers int) int64 {
			o.Workers = workers
			return HashMinBytes(o) + exectest.SourceBytes(right, x.right.rows, shape, workers)
		},
		New: func(acct *memory.Account, _ *memory.Statement, workers int) (*exectest.Subject, error) {
			o.Account, o.Workers = acct, workers
			var before []exec.Step
			if o.Filter = nil; x.filtered {
				o.Filter = runtimefilter.New()
				before = []exec.Step{{Operator: filterStep{o.Filter}}}
			}
			h := NewHash(o)
			op := h.Operator()
			if x.around != nil {
				op = x.around(h)
			}
			build := func() exec.Source {
				return exectest.NewSource(acct, right, x.right.rows, shape, workers)
			}
			return twoPipelines(workers, build, h.Sink(), append(before, exec.Step{Operator: op}), h.Close), nil
		},
		Check: checkPrints(want),
	}
}

var intKey = exectest.Gen{Type: types.NewInt(), Distinct: 700, Nulls: 5}

var kinds = []struct {
	name      string
	kind      physical.JoinType
	nullAware bool
}{
	{"inner", physical.InnerJoin, false}, {"left", physical.LeftJoin, false}, {"semi", physical.SemiJoin, false},
	{"anti", physical.AntiJoin, false}, {"not in", physical.AntiJoin, true}, {"mark", physical.LeftOuterSemi, false},
	{"in", physical.LeftOuterSemi, true},
}

// TestHashKinds joins data of all distributions, by all kinds of joins, with memory from the minimum up.
func TestHashKinds(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	text := exectest.Gen{Type: types.NewVarChar(60, collation.UTF8MB4GeneralCI), Distinct: 500, Nulls: 5}
	same := exectest.Gen{Type: types.NewInt(), Distinct: 1}
	null := exectest.Gen{Type: types.NewInt(), Nulls: 100}
	noNull := exectest.Gen{Type: types.NewInt(), Distinct: 3000}
	data := map[string]func() (l, r side){
		"uniform": func() (side, side) { return makeSide(r, 900, intKey, 20), makeSide(r, 1200, intKey, 20) },
		"texts":   func() (side, side) { return makeSide(r, 800, text, 5), makeSide(r, 1500, text, 40) },
		"hot": func() (side, side) {
			a, b := makeSide(r, 50, intKey, 20), makeSide(r, 2000, intKey, 20)
			a.heat(r, 30)
			b.heat(r, 30)
			return a, b
		},
		"same":    func() (side, side) { return makeSide(r, 4, same, 20), makeSide(r, 2500, same, 20) },
		"null":    func() (side, side) { return makeSide(r, 500, null, 20), makeSide(r, 500, null, 20) },
		"no null": func() (side, side) { return makeSide(r, 3000, noNull, 20), makeSide(r, 2500, noNull, 20) },
		"empty":   func() (side, side) { return makeSide(r, 500, intKey, 20), makeSide(r, 0, intKey, 20) },
		"long": func() (side, side) {
			a, b := makeSide(r, 40, same, 5000), makeSide(r, 30, same, 9000)
			a.heat(r, 30)
			b.heat(r, 30)
			return a, b
		},
	}
	for _, name := range slices.Sorted(maps.Keys(data)) { // in order: the sides share one source of randomness
		l, right := data[name]()
		for _, k := range kinds {
			t.Run(name+" "+k.name, func(t *testing.T) {
				for _, zero := range []bool{false, true} {
					x := hashCase{left: l, right: right, kind: k.kind, nullAware: k.nullAware, zero: zero}
					for _, x.residual = range []bool{false, true} {
						if x.residual && (k.nullAware || zero) || zero && name != "uniform" {
							continue
						}
						x.everywhere(t, name)
					}
				}
			})
		}
	}
}

// everywhere runs a join under many conditions.
func (x *hashCase) everywhere(t *testing.T, name string) {
	test := x.test(t)
	spilled := 0
	counts := []int{2}
	if testutil.Long() {
		counts = []int{1, 2, 4}
	}
	filters := x.kind == physical.InnerJoin || x.kind == physical.SemiJoin
	for _, workers := range counts {
		for i, c := range []exectest.Conditions{
			{}, {ForceSpill: true}, {NoSurplus: true}, {NoSurplus: true, ForceSpill: true}, {Surplus: 64 << 10},
			{QuotaBytes: 256 << 10}, {Surplus: 512 << 10, ForceSpill: true},
		} {
			x.filtered = filters && (i+workers)%2 == 0
			c.Workers, c.Shape = workers, exectest.Shape{Rows: 200, Seed: uint64(workers), Select: workers == 2}
			r := test.Do(t, c)
			require.NoError(t, r.Err, "%v", c)
			test.Check(t, r.Rows)
			if c.ForceSpill {
				spilled += r.Writes
			}
		}
	}
	if name != "null" && name != "empty" {
		require.Positive(t, spilled, "nothing was evicted")
	}
}

// TestHashHarness holds the join to what is asked of every operator: shapes of batches, cancellation, refusals.
func TestHashHarness(t *testing.T) {
	for _, k := range kinds {
		for _, zero := range []bool{false, true} {
			t.Run(fmt.Sprint(k.name, " ", zero), func(t *testing.T) {
				r := rand.New(rand.NewPCG(3, 5))
				x := hashCase{
					left: makeSide(r, 500, intKey, 20), right: makeSide(r, 600, intKey, 20), kind: k.kind,
					nullAware: k.nullAware, zero: zero, filtered: k.kind == physical.SemiJoin,
				}
				x.test(t).Run(t)
			})
		}
	}
}

// TestHashMinimum keeps the minimum of usual joins small.
func TestHashMinimum(t *testing.T) {
	s := makeSide(rand.New(rand.NewPCG(1, 2)), 0, intKey, 20)
	o := HashOptions{
		Left: exectest.Types(s.columns), Right: exectest.Types(s.columns), LeftOut: 3, RightOut: 3,
		Keys: []HashKey{{Type: intKey.Type}},
	}
	require.LessOrEqual(t, HashMinBytes(o), int64(1<<20))
}

// TestHashUnsure has conditions beside the keys that are unknown for some pairs.
func TestHashUnsure(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 13))
	few := exectest.Gen{Type: types.NewInt(), Distinct: 40, Nulls: 5}
	for _, zero := range []bool{false, true} {
		x := hashCase{
			left: makeSide(r, 500, few, 0), right: makeSide(r, 700, few, 0), kind: physical.LeftOuterSemi, unsure: true,
			zero: zero,
		}
		for _, s := range []*side{&x.left, &x.right} {
			s.columns[1].Distinct = 30
			s.rows = exectest.Make(r, len(s.rows), s.columns)
		}
		x.everywhere(t, "unsure")
		if !zero {
			x.test(t).Run(t)
		}
	}
}
