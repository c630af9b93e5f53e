package expr

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// aggregateValues runs the streaming form over one column of values.
func aggregateValues(t *testing.T, name string, distinct bool, ct types.Type, values ...any) (string, error) {
	pool := memorytest.NewPool(t, 64<<20)
	env := newTestEnv()
	col := &Column{Index: 0, T: ct, Name: "c"}
	args := []Expr{col}
	if values == nil {
		args = nil
	}
	a, err := NewAggregateType(name, args, distinct, &env.Env)
	require.NoError(t, err)
	_, acct := memorytest.NewOperator(t, pool, 8<<20)
	b, err := vector.NewBatch(acct, []types.Type{ct, a.T}, max(len(values), 1), 0)
	require.NoError(t, err)
	defer b.Close()
	b.Len = len(values)
	for i, v := range values {
		d := types.NullDatum(ct)
		if v != nil {
			d, err = EvalConst(NewCast(lit(v), ct), &env.Env)
			require.NoError(t, err)
		}
		b.Cols[0].Null[i] = 0
		setDatum(t, b, b.Cols[0], i, d)
	}
	ev, err := NewEvaluator(acct, a.Args, max(len(values), 1), &env.Env)
	require.NoError(t, err)
	defer ev.Close()
	in, err := ev.Eval(b)
	require.NoError(t, err)
	s, err := NewGroupState(acct, a, &env.Env)
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Reset())
	half := len(values) / 2
	if err := s.Update(nil, 0, half, in); err != nil {
		return "", err
	}
	var rows []uint16
	for i := half; i < len(values); i++ {
		rows = append(rows, uint16(i))
	}
	if rows != nil {
		if err := s.Update(rows, 0, 0, in); err != nil {
			return "", err
		}
	}
	if err := s.Result(b.Cols[1], 0, b.Arena()); err != nil {
		return "", err
	}
	d := b.Cols[1].Datum(acct.Base(), 0)
	if d.IsNull() {
		return "NULL", nil
	}
	return string(d.AppendText(nil, nil)), nil
}

func TestAggregates(t *testing.T) {
	integer, double, text := types.NewInt(), types.NewDouble(), types.NewVarChar(100, collation.Default)
	for _, test := range []struct {
		name     string
		distinct bool
		t        types.Type
		values   []any
		want     string
	}{
		{"count", false, integer, []any{1, nil, 2}, "2"},
		{"sum", false, integer, []any{1, nil, 2}, "3"},
		{"sum", false, integer, []any{nil, nil}, "NULL"},
		{"sum", true, integer, []any{1, 1, 2}, "3"},
		{"avg", false, integer, []any{1, nil, 2}, "1.5000"},
		{"sum", false, types.NewDecimal(10, 2), []any{dec("1.25"), dec("-0.50")}, "0.75"},
		{"avg", false, types.NewDecimal(10, 2), []any{dec("1.25"), dec("0.50")}, "0.875000"},
		{"sum", false, double, []any{1.5, 2.25}, "3.75"},
		{"avg", false, double, []any{1.5, 2.5}, "2"},
		{"sum", false, text, []any{"1", "2"}, "3"},
		{"sum", false, types.NewUBigInt(), []any{uint64(1<<64 - 1), uint64(1<<64 - 1)}, "36893488147419103230"},
		{"sum", false, types.NewBigInt(), []any{int64(-1 << 63), int64(-1 << 63)}, "-18446744073709551616"},
		{"min", false, integer, []any{3, nil, -2}, "-2"},
		{"max", false, integer, []any{3, nil, -2}, "3"},
		{"max", false, double, []any{-3.5, -2.5}, "-2.5"},
		{"min", false, types.NewDecimal(10, 2), []any{dec("1.25"), dec("-0.50")}, "-0.50"},
		{"min", false, text, []any{"b", nil, "A", "a longer string than inline"}, "A"},
		{"max", false, text, []any{"a longer string than inline", "A"}, "a longer string than inline"},
		{"max", false, types.NewDate(), []any{date("2024-01-01"), date("2023-01-01")}, "2024-01-01"},
		{"any_value", false, text, []any{"x", "y"}, "x"},
		{"any_value", false, integer, []any{nil, 1}, "NULL"},
		{"bit_and", false, integer, []any{7, 6, nil}, "6"},
		{"bit_and", false, integer, []any{nil}, "18446744073709551615"},
		{"bit_or", false, integer, []any{1, 6}, "7"},
		{"bit_xor", false, integer, []any{1, 3}, "2"},
		{"std", false, integer, []any{2, 4, 4, 4, 5, 5, 7, 9}, "2"},
		{"var_pop", false, integer, []any{2, 4, 4, 4, 5, 5, 7, 9}, "4"},
		{"var_samp", false, integer, []any{1, 2}, "0.5"},
		{"var_samp", false, integer, []any{1}, "NULL"},
		{"group_concat", false, text, []any{"a", nil, "b"}, "a,b"},
		{"group_concat", true, text, []any{"a", "A", "b"}, "a,b"},
		{"group_concat", false, integer, []any{1, 2}, "1,2"},
		{"group_concat", false, text, []any{nil}, "NULL"},
		{"json_arrayagg", false, text, []any{"a", nil}, `["a", null]`},
		{"json_arrayagg", false, integer, []any{1, 2}, `[1, 2]`},
	} {
		got, err := aggregateValues(t, test.name, test.distinct, test.t, test.values...)
		require.NoError(t, err, test.name)
		require.Equal(t, test.want, got, "%s of %v", test.name, test.values)
	}
}

func TestSumOverflow(t *testing.T) {
	big := types.NewDecDatum(types.NewDecimal(65, 0), types.DecMax(65))
	_, err := aggregateValues(t, "sum", false, types.NewDecimal(65, 0), big, big)
	require.True(t, sqlerr.Is(err, sqlerr.ErrDataOutOfRange), "%v", err)
}

func TestAggregateTypes(t *testing.T) {
	env := newTestEnv()
	for _, test := range []struct {
		name string
		t    types.Type
		want string
	}{
		{"sum", types.NewInt(), "decimal(32,0)"},
		{"sum", types.NewBigInt(), "decimal(41,0)"},
		{"avg", types.NewInt(), "decimal(14,4)"},
		{"sum", types.NewDecimal(10, 2), "decimal(32,2)"},
		{"avg", types.NewDecimal(10, 2), "decimal(14,6)"},
		{"avg", types.NewDouble(), "double"},
		{"count", types.NewInt(), "bigint"},
	} {
		a, err := NewAggregateType(test.name, []Expr{&Column{T: test.t}}, false, &env.Env)
		require.NoError(t, err)
		require.Equal(t, test.want, a.T.String(), test.name)
	}
	_, err := NewAggregateType("sum", nil, false, &env.Env)
	require.True(t, sqlerr.Is(err, sqlerr.ErrWrongParamCountToNativeFct))
}

// TestAccumulators: many states updated at once and combined agree with one state that sees all rows of its group.
func TestAccumulators(t *testing.T) {
	pool := memorytest.NewPool(t, 64<<20)
	_, acct := memorytest.NewOperator(t, pool, 16<<20)
	rng := rand.New(rand.NewPCG(rand.Uint64(), 1))
	env := newTestEnv()
	const n, groups = 500, 7
	for _, name := range []string{"count", "sum", "avg", "min", "max", "bit_xor", "bit_or", "var_pop"} {
		for c, ct := range columnTypes {
			if ct.Phys() == types.PhysString && name != "count" || ct.ID == types.Enum {
				continue
			}
			a, err := NewAggregateType(name, []Expr{&Column{Index: c, T: ct, Name: "c"}}, false, &env.Env)
			require.NoError(t, err)
			acc, ok := NewAccumulator(a)
			require.True(t, ok, name)
			b, _ := randomBatch(t, rng, acct, n)
			b.Sel = nil
			ev, err := NewEvaluator(acct, a.Args, n, &env.Env)
			require.NoError(t, err)
			args, err := ev.Eval(b)
			if err == nil {
				checkAccumulator(t, rng, acct, a, acc, args, n, groups)
			}
			ev.Close()
			b.Close()
		}
	}
}

func checkAccumulator(t *testing.T, rng *rand.Rand, acct *memory.Account, a *Aggregate, acc Accumulator,
	args []*vector.Vector, n, groups int) {
	size := acc.StateBytes()
	require.Zero(t, size%8)
	page, err := acct.Alloc(3*groups*size, memory.Held)
	require.NoError(t, err)
	defer acct.Free(page)
	base := acct.Base()
	refs := make([]memory.Ref, 3*groups)
	for i := range refs {
		refs[i] = page.Ref + memory.Ref(i*size)
	}
	first, second, whole := refs[:groups], refs[groups:2*groups], refs[2*groups:]
	acc.Init(base, refs)
	members := make([][]uint16, groups)
	var states [2][]memory.Ref
	var rows [2][]uint16
	for i := range n {
		g := rng.IntN(groups)
		members[g] = append(members[g], uint16(i))
		half := 2 * i / n
		states[half] = append(states[half], refs[half*groups+g])
		rows[half] = append(rows[half], uint16(i))
	}
	require.NoError(t, acc.Update(base, states[0], nil, args))
	require.NoError(t, acc.Update(base, states[1], rows[1], args))
	require.NoError(t, acc.Combine(base, first, second))
	for g, m := range members {
		require.NoError(t, acc.UpdateOne(base, whole[g], m, 0, args))
	}
	out, outPage, err := vector.NewVector(acct, a.T, 2*groups)
	require.NoError(t, err)
	defer acct.Free(outPage)
	require.NoError(t, acc.Result(base, append(append([]memory.Ref(nil), first...), whole...), &out))
	for g := range groups {
		x, y := out.Datum(base, g), out.Datum(base, groups+g)
		if x.Kind == types.PhysFloat64 && y.Kind == types.PhysFloat64 {
			require.InEpsilon(t, 1+abs(x.F), 1+abs(y.F), 1e-6, a.String())
			continue
		}
		require.Equal(t, y, x, "%s of %s", a, a.Args[0].Type())
	}
}

func abs(f float64) float64 { return max(f, -f) }
