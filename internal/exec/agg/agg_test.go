package agg

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/exec/exectest"
	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// sum counts the values of a column of int64 that are not NULL, or adds them.
type sum struct{ count bool }

func (sum) StateBytes() int { return 16 }

func (sum) Init(b memory.Base, states []memory.Ref) {
	for _, s := range states {
		*(*[2]int64)(b.At(s)) = [2]int64{}
	}
}

func (a sum) add(b memory.Base, s memory.Ref, v *vector.Vector, i int) {
	if v.IsNull(i) {
		return
	}
	p := (*[2]int64)(b.At(s))
	p[0]++
	p[1] += v.I64[v.Index(i)]
}

func (a sum) Update(b memory.Base, states []memory.Ref, rows []uint16, args []*vector.Vector) error {
	for j, s := range states {
		i := j
		if rows != nil {
			i = int(rows[j])
		}
		a.add(b, s, args[0], i)
	}
	return nil
}

func (a sum) UpdateOne(b memory.Base, s memory.Ref, rows []uint16, n int, args []*vector.Vector) error {
	if rows == nil {
		for i := range n {
			a.add(b, s, args[0], i)
		}
	}
	for _, i := range rows {
		a.add(b, s, args[0], int(i))
	}
	return nil
}

func (sum) Combine(b memory.Base, dst, src []memory.Ref) error {
	for i, d := range dst {
		p, q := (*[2]int64)(b.At(d)), (*[2]int64)(b.At(src[i]))
		p[0] += q[0]
		p[1] += q[1]
	}
	return nil
}

func (a sum) Result(b memory.Base, states []memory.Ref, out *vector.Vector) error {
	for i, s := range states {
		p := (*[2]int64)(b.At(s))
		out.Null[i], out.I64[i] = 0, p[1]
		if a.count {
			out.I64[i] = p[0]
		}
	}
	return nil
}

// sumState is the streaming form of sum.
type sumState struct {
	sum
	n, total int64
}

func (s *sumState) Reset() error {
	s.n, s.total = 0, 0
	return nil
}

func (s *sumState) Update(rows []uint16, lo, hi int, args []*vector.Vector) error {
	add := func(i int) {
		if v := args[0]; !v.IsNull(i) {
			s.n++
			s.total += v.I64[v.Index(i)]
		}
	}
	for i := lo; rows == nil && i < hi; i++ {
		add(i)
	}
	for _, i := range rows {
		add(int(i))
	}
	return nil
}

func (s *sumState) Result(out *vector.Vector, i int, _ *vector.Arena) error {
	out.Null[i], out.I64[i] = 0, s.total
	if s.count {
		out.I64[i] = s.n
	}
	return nil
}

func (s *sumState) Close() {}

var (
	_ expr.Accumulator = sum{}
	_ expr.GroupState  = (*sumState)(nil)
)

var columns = []exectest.Gen{
	{Type: types.NewInt(), Distinct: 20, Nulls: 10},
	{Type: types.NewVarChar(40, collation.UTF8MB4GeneralCI), Distinct: 60, Nulls: 10},
	{Type: types.NewBigInt(), Distinct: 1000, Nulls: 20},
	{Type: types.NewText(types.Text, collation.UTF8MB4Bin), Distinct: 40, Length: 3000},
	{Type: types.NewBigInt(), Distinct: 1 << 40},
	{Type: types.NewDecimal(20, 2), Distinct: 500},
	{Type: types.NewDouble(), Distinct: 500, Nulls: 5},
}

// group is a group of the reference: its key and its aggregates.
type group struct {
	key    exectest.Row
	n, sum int64
}

// reference groups rows by columns and counts and sums column 2.
func reference(input []exectest.Row, by []int) map[uint64]*group {
	out := map[uint64]*group{}
	for _, r := range input {
		var key exectest.Row
		for _, c := range by {
			key = append(key, r[c])
		}
		k := exectest.KeyPrint(key)
		g := out[k]
		if g == nil {
			g = &group{key: key}
			out[k] = g
		}
		if !r[2].IsNull() {
			g.n++
			g.sum += r[2].I
		}
	}
	return out
}

// check compares a result, group columns first, with the reference.
func check(t testing.TB, want map[uint64]*group, keys int, aggs bool, got []exectest.Row) {
	require.Len(t, got, len(want))
	for _, r := range got {
		g := want[exectest.KeyPrint(r[:keys])]
		if g == nil || aggs && (g.n != r[keys].I || g.sum != r[keys+1].I) {
			require.Fail(t, "no such group", "%v, but %v", r[:keys], g)
		}
	}
}

func twoSums() []Aggregate {
	return []Aggregate{
		{Func: sum{count: true}, Args: []int{2}, Type: types.NewBigInt()},
		{Func: sum{}, Args: []int{2}, Type: types.NewBigInt()},
	}
}

func hashTest(r *rand.Rand, n int, o HashOptions) *exectest.Test {
	input := exectest.Make(r, n, columns)
	o.Types = exectest.Types(columns)
	want := reference(input, o.Group)
	return &exectest.Test{
		Types: o.Types,
		Rows:  input,
		MinBytes: func(workers int) int64 {
			o.Workers = workers
			return HashMinBytes(o)
		},
		New: func(acct *memory.Account, stmt *memory.Statement, workers int) (*exectest.Subject, error) {
			o.Account, o.Statement, o.Workers = acct, stmt, workers
			h := NewHash(o)
			return exectest.Breaker(h.Sink(), h.Source(), h.Close), nil
		},
		Check: func(t testing.TB, got []exectest.Row) {
			check(t, want, len(o.Group), len(o.Aggs) > 0, got)
		},
		Short: true,
	}
}

func TestHash(t *testing.T) {
	n := 2000
	if testing.Short() {
		n = 500
	}
	for name, o := range map[string]HashOptions{
		"few":      {Group: []int{0}, Aggs: twoSums()},
		"string":   {Group: []int{1, 0}, Aggs: twoSums()},
		"unique":   {Group: []int{4}, Aggs: twoSums()},
		"long":     {Group: []int{3}, Aggs: twoSums()},
		"distinct": {Group: []int{5, 6}},
		"longzero": {Group: []int{3, 0}, Aggs: twoSums(), HashZero: true},
	} {
		t.Run(name, func(t *testing.T) {
			n := n
			if o.HashZero { // each row is compared with each group
				n = 60
			}
			hashTest(testutil.Rand(t), n, o).Run(t)
		})
	}
}

// TestHashZero has all hashes equal, so that a partition that does not fit must be sorted.
func TestHashZero(t *testing.T) {
	x := hashTest(testutil.Rand(t), 3000, HashOptions{Group: []int{4, 1}, Aggs: twoSums(), HashZero: true})
	for _, c := range []exectest.Conditions{
		{}, {NoSurplus: true}, {NoSurplus: true, Workers: 2}, {NoSurplus: true, ForceSpill: true},
	} {
		c.Shape = exectest.Shape{Rows: 300}
		r := x.Do(t, c)
		require.NoError(t, r.Err)
		x.Check(t, r.Rows)
		if c.NoSurplus {
			require.Contains(t, r.Events, memory.EventAggMode)
		}
	}
}

func TestHashEmpty(t *testing.T) {
	hashTest(testutil.Rand(t), 0, HashOptions{Group: []int{0}, Aggs: twoSums()}).Run(t)
}

// TestHashLarge has more groups than a table has room for.
func TestHashLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("many rows")
	}
	x := hashTest(testutil.Rand(t), 300_000, HashOptions{Group: []int{4}, Aggs: twoSums()})
	for _, c := range []exectest.Conditions{{}, {Workers: 2}, {QuotaBytes: 2 << 20}, {NoSurplus: true}} {
		c.Shape = exectest.Shape{Rows: 2048}
		r := x.Do(t, c)
		require.NoError(t, r.Err)
		x.Check(t, r.Rows)
		if c.QuotaBytes > 0 {
			require.NotZero(t, r.Writes)
		}
	}
}

// TestHashCompacts has groups that come again and again and do not fit, so that partitions are compacted.
func TestHashCompacts(t *testing.T) {
	if testing.Short() {
		t.Skip("many rows")
	}
	x := hashTest(testutil.Rand(t), 100_000, HashOptions{Group: []int{2, 0}, Aggs: twoSums()})
	for _, c := range []exectest.Conditions{
		{QuotaBytes: 512 << 10}, {QuotaBytes: 1 << 20, Workers: 2}, {NoSurplus: true, ForceSpill: true},
	} {
		c.Shape = exectest.Shape{Rows: 2048}
		r := x.Do(t, c)
		require.NoError(t, r.Err)
		x.Check(t, r.Rows)
		require.Contains(t, r.Events, memory.EventAggMode)
		t.Logf("%v: %d groups, %d blocks written", c, len(r.Rows), r.Writes)
	}
}

func TestHashMinBytes(t *testing.T) {
	o := HashOptions{Types: exectest.Types(columns), Group: []int{1, 3, 0}, Aggs: twoSums()}
	require.LessOrEqual(t, HashMinBytes(o), int64(1<<20))
}

func TestScalar(t *testing.T) {
	for _, n := range []int{0, 1, 3000} {
		input := exectest.Make(testutil.Rand(t), n, columns)
		o := ScalarOptions{Types: exectest.Types(columns), Aggs: twoSums()}
		var want group
		if g := reference(input, nil)[exectest.KeyPrint(nil)]; g != nil {
			want = *g
		}
		x := &exectest.Test{
			Types: o.Types,
			Rows:  input,
			MinBytes: func(workers int) int64 {
				o.Workers = workers
				return ScalarMinBytes(o)
			},
			New: func(acct *memory.Account, _ *memory.Statement, workers int) (*exectest.Subject, error) {
				o.Account, o.Workers = acct, workers
				s := NewScalar(o)
				return exectest.Breaker(s.Sink(), s.Source(), s.Close), nil
			},
			Check: func(t testing.TB, got []exectest.Row) {
				require.Len(t, got, 1)
				require.Equal(t, []int64{want.n, want.sum}, []int64{got[0][0].I, got[0][1].I})
			},
			Short: true,
		}
		t.Run(fmt.Sprint(n), x.Run)
	}
}

func streamTest(t testing.TB, n int, by []int) *exectest.Test {
	input := exectest.Make(testutil.Rand(t), n, columns)
	sortBy(input, by)
	newState := func(count bool) func(*memory.Account) (expr.GroupState, error) {
		return func(*memory.Account) (expr.GroupState, error) { return &sumState{sum: sum{count}}, nil }
	}
	o := StreamOptions{Types: exectest.Types(columns), Group: by, BatchRows: 100, Aggs: []StreamAggregate{
		{New: newState(true), Args: []int{2}, Type: types.NewBigInt()},
		{New: newState(false), Args: []int{2}, Type: types.NewBigInt()},
	}}
	want := reference(input, by)
	if len(by) == 0 && len(want) == 0 {
		want[exectest.KeyPrint(nil)] = &group{}
	}
	return &exectest.Test{
		Types:    o.Types,
		Rows:     input,
		Ordered:  true,
		MinBytes: func(int) int64 { return StreamMinBytes(o) },
		New: func(acct *memory.Account, _ *memory.Statement, _ int) (*exectest.Subject, error) {
			o.Account = acct
			return exectest.Step(NewStream(o)), nil
		},
		Check: func(t testing.TB, got []exectest.Row) { check(t, want, len(by), true, got) },
		Short: true,
	}
}

func TestStream(t *testing.T) {
	for name, by := range map[string][]int{"none": nil, "few": {0}, "strings": {1, 0}, "unique": {4}, "long": {3}} {
		t.Run(name, func(t *testing.T) { streamTest(t, 2000, by).Run(t) })
		t.Run(name+"/empty", func(t *testing.T) { streamTest(t, 0, by).Run(t) })
	}
}

// level is a group of a level of WITH ROLLUP.
type level struct {
	group
	level int
}

// levels are the groups of all levels of sorted rows, in order.
func levels(input []exectest.Row, by []int) (out []level) {
	open := make([]level, len(by)+1) // a group of each level
	for i, r := range input {
		for n := range open {
			g := &open[n]
			if g.key == nil {
				g.key, g.level = make(exectest.Row, len(by)), n
				for k, c := range by {
					if k < len(by)-n {
						g.key[k] = r[c]
					} else {
						g.key[k] = types.NullDatum(columns[c].Type.WithNullable(true))
					}
				}
			}
			if !r[2].IsNull() {
				g.n++
				g.sum += r[2].I
			}
		}
		for n := range open {
			last := i == len(input)-1
			for k := 0; !last && k < len(by)-n; k++ {
				last = exectest.Compare(r[by[k]], input[i+1][by[k]]) != 0
			}
			if last {
				out = append(out, open[n])
				open[n] = level{}
			}
		}
	}
	return out
}

// sortBy puts rows in the order of their columns by.
func sortBy(rows []exectest.Row, by []int) {
	slices.SortStableFunc(rows, func(a, b exectest.Row) int {
		for _, c := range by {
			if d := exectest.Compare(a[c], b[c]); d != 0 {
				return d
			}
		}
		return 0
	})
}

// rollupTest aggregates rows, or with states the groups of the first level.
func rollupTest(t testing.TB, n int, by []int, states bool) *exectest.Test {
	input := exectest.Make(testutil.Rand(t), n, columns)
	sortBy(input, by)
	want := levels(input, by)
	o := RollupOptions{Types: exectest.Types(columns), Group: by, BatchRows: 100, Aggs: twoSums()}
	if states {
		big := types.NewBigInt()
		input, o.Types, o.States, o.Group = nil, nil, []int{}, nil
		for k, c := range by {
			o.Types, o.Group = append(o.Types, columns[c].Type), append(o.Group, k)
		}
		for range StateColumns(o.Aggs) {
			o.States, o.Types = append(o.States, len(o.Types)), append(o.Types, big)
		}
		for _, g := range want {
			if g.level > 0 {
				continue
			}
			row := append(exectest.Row{}, g.key...)
			for range o.Aggs {
				row = append(row, types.NewIntDatum(big, g.n), types.NewIntDatum(big, g.sum))
			}
			input = append(input, row)
		}
	}
	return &exectest.Test{
		Types:    o.Types,
		Rows:     input,
		Ordered:  true,
		MinBytes: func(int) int64 { return RollupMinBytes(o) },
		New: func(acct *memory.Account, _ *memory.Statement, _ int) (*exectest.Subject, error) {
			o.Account = acct
			return exectest.Step(NewRollup(o)), nil
		},
		Check: func(t testing.TB, got []exectest.Row) {
			require.Len(t, got, len(want))
			for i, r := range got {
				w, k := want[i], len(by)
				if exectest.KeyPrint(r[:k]) != exectest.KeyPrint(w.key) ||
					r[k].I != int64(w.level) || r[k+1].I != w.n || r[k+2].I != w.sum {
					require.Fail(t, "wrong group", "row %d: %v, not %v", i, r, w)
				}
			}
		},
		Short: true,
	}
}

func TestRollup(t *testing.T) {
	for name, by := range map[string][]int{
		"strings": {1, 0}, "unique": {0, 4}, "long": {3, 1}, "four": {5, 0, 6, 1},
	} {
		for what, states := range map[string]bool{"rows": false, "states": true} {
			t.Run(name+"/"+what, func(t *testing.T) { rollupTest(t, 120, by, states).Run(t) })
		}
	}
}

func TestRollupEmpty(t *testing.T) { rollupTest(t, 0, []int{0, 1}, true).Run(t) }

// TestHashStates: groups of states, combined, are groups.
func TestHashStates(t *testing.T) {
	x := hashTest(testutil.Rand(t), 200, HashOptions{Group: []int{1}, Aggs: twoSums(), States: true, HashZero: true})
	check := x.Check
	x.Check = func(t testing.TB, got []exectest.Row) {
		for i, r := range got {
			require.Equal(t, r[1:3], r[3:5], "both aggregates have the same states")
			got[i] = r[:3]
		}
		check(t, got)
	}
	x.Run(t)
}

func BenchmarkHash(b *testing.B) {
	for _, c := range []struct {
		groups int
		quota  int64
	}{{100, 0}, {100_000, 0}, {1_000_000, 0}, {1 << 60, 0}, {1 << 60, 32 << 20}, {300_000, 32 << 20}} {
		b.Run(fmt.Sprintf("groups=%d/quota=%dM", c.groups, c.quota>>20), func(b *testing.B) {
			columns := []exectest.Gen{
				{Type: types.NewBigInt(), Distinct: c.groups}, {Type: types.NewBigInt(), Distinct: 1 << 40},
			}
			o := HashOptions{
				Types: exectest.Types(columns), Group: []int{0}, PageBytes: rows.PageBytes(c.quota, 2),
				Aggs: []Aggregate{{Func: sum{}, Args: []int{1}, Type: types.NewBigInt()}},
			}
			exectest.Bench(b, exectest.BenchOptions{
				Columns: columns, Rows: 8 << 20, Workers: 2, QuotaBytes: c.quota,
				MinBytes: func(workers int) int64 {
					o.Workers = workers
					return HashMinBytes(o)
				},
				New: func(acct *memory.Account, stmt *memory.Statement, workers int) (*exectest.Subject, error) {
					o.Account, o.Statement, o.Workers = acct, stmt, workers
					h := NewHash(o)
					return exectest.Breaker(h.Sink(), h.Source(), h.Close), nil
				},
			})
		})
	}
}
