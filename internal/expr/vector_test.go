package expr

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// columnTypes are the columns of random batches.
var columnTypes = []types.Type{
	types.NewBigInt(), types.NewInt(), types.NewUBigInt(), types.NewDouble(), types.NewDecimal(10, 2),
	types.NewDecimal(20, 0), types.NewVarChar(40, collation.Default), types.NewVarChar(40, collation.UTF8MB4Bin),
	types.NewVarBinary(40), types.NewDate(), types.NewDateTime(3), types.NewTimestamp(0), types.NewTime(2),
	types.NewYear(),
	types.NewBit(8), types.NewJSON(), types.NewBool(),
	types.NewEnum(types.NewMembers("red", "green"), collation.Default),
}

var words = []string{
	"", "a", "A", "abc", "ABC ", "äöü", "12", "-3.5", "1e3", "0x1F", "2024-02-29", "2024-02-29 11:12:13.5", "10:11:12",
	"00:00", "a,b,abc", "%b%", "_", "$.a", "{\"a\": [1, 2]}", "[1, \"x\"]", "true", "one", "all", "DAY",
	"MINUTE_SECOND",
	"+02:00", "a somewhat longer string of text", "1.2.3.4", "::1", "YWJj", "%Y-%m-%d", "\\", "日本語テキスト",
}

func randomDatum(rng *rand.Rand, t types.Type) types.Datum {
	if rng.IntN(6) == 0 {
		return types.NullDatum(t)
	}
	small := int64(rng.IntN(21) - 10)
	if rng.IntN(8) == 0 {
		small = int64(rng.Uint64())
	}
	switch {
	case t.ID == types.Date:
		return types.NewIntDatum(t, types.PackDateTime(2000+rng.IntN(40), 1+rng.IntN(12), 1+rng.IntN(28), 0, 0, 0, 0))
	case t.HasDate():
		v := types.PackDateTime(2000+rng.IntN(30), 1+rng.IntN(12), 1+rng.IntN(28), rng.IntN(24), rng.IntN(60),
			rng.IntN(60),
			rng.IntN(1e6))
		return types.NewIntDatum(t, types.TruncateDateTime(v, t.Scale))
	case t.ID == types.Time:
		return types.NewIntDatum(t, types.TruncateTime(int64(rng.IntN(1e10)-5e9), t.Scale))
	case t.ID == types.Year:
		return types.NewIntDatum(t, int64(1990+rng.IntN(40)))
	case t.ID == types.Int:
		return types.NewIntDatum(t, int64(int32(small)))
	case t.ID == types.TinyInt:
		return types.NewIntDatum(t, int64(rng.IntN(2)))
	case t.ID == types.JSON:
		b, err := types.ParseJSON([]byte([]string{`1`, `"a"`, `[1, 2, "x"]`, `{"a": {"b": 2}}`,
			`1.5`}[rng.IntN(5)]), nil)
		if err != nil {
			return types.NullDatum(t)
		}
		return types.NewStringDatum(t, b)
	case t.ID == types.Enum:
		return types.NewUintDatum(t, uint64(1+rng.IntN(2)))
	case t.ID == types.Bit:
		return types.NewUintDatum(t, uint64(rng.IntN(256)))
	case t.Phys() == types.PhysInt64:
		return types.NewIntDatum(t, small)
	case t.Phys() == types.PhysUint64:
		return types.NewUintDatum(t, uint64(small))
	case t.Phys() == types.PhysFloat64:
		return types.NewFloatDatum(t, float64(small)+float64(rng.IntN(4))/4)
	case t.Phys() == types.PhysDecimal:
		return types.NewDecDatum(t, types.DecFromInt64(int64(rng.IntN(200001)-100000), 0))
	}
	return types.NewStringDatum(t, []byte(words[rng.IntN(len(words))]))
}

// randomBatch fills all columns and remembers their values; some columns are constant vectors.
func randomBatch(t testing.TB, rng *rand.Rand, acct *memory.Account, n int) (*vector.Batch, [][]types.Datum) {
	b, err := vector.NewBatch(acct, columnTypes, n, 0)
	require.NoError(t, err)
	rows := make([][]types.Datum, n)
	for i := range rows {
		rows[i] = make([]types.Datum, len(columnTypes))
	}
	b.Len = n
	for c, ct := range columnTypes {
		v := b.Cols[c]
		v.Const = rng.IntN(6) == 0
		clear(v.Null)
		for i := range n {
			d := randomDatum(rng, ct)
			if v.Const && i > 0 {
				d = rows[0][c]
			}
			rows[i][c] = d
			setDatum(t, b, v, i, d)
		}
	}
	if rng.IntN(2) == 0 {
		b.Sel = b.SelRoom()[:0]
		for i := range n {
			if rng.IntN(3) > 0 {
				b.Sel = append(b.Sel, uint16(i))
			}
		}
	}
	return b, rows
}

func setDatum(t testing.TB, b *vector.Batch, v *vector.Vector, i int, d types.Datum) {
	if v.Str != nil {
		v.Str[i] = vector.Str{}
	}
	if d.IsNull() {
		v.Null[i] = 1
		return
	}
	switch v.Type.Phys() {
	case types.PhysInt64:
		v.I64[i] = d.I
	case types.PhysUint64:
		v.U64[i] = d.U
	case types.PhysFloat64:
		v.F64[i] = d.F
	case types.PhysDecimal:
		v.Dec[i] = d.D
	default:
		s, err := b.Arena().Put(d.S)
		require.NoError(t, err)
		v.Str[i] = s
	}
}

func randomArg(rng *rand.Rand) Expr {
	c := rng.IntN(len(columnTypes))
	if rng.IntN(3) == 0 {
		return NewConst(randomDatum(rng, columnTypes[c]))
	}
	return &Column{Index: c, T: columnTypes[c], Name: fmt.Sprintf("c%d", c)}
}

// hints are arguments that a function needs to be of some sense: literals by position; -1 is any position.
var hints = map[string]map[int][]string{
	"extract": {0: units}, "timestampadd": {0: units}, "timestampdiff": {0: units}, "date_add": {2: units},
	"date_sub": {2: units}, "adddate": {2: units}, "subdate": {2: units}, "convert using": {1: {"utf8mb4",
		"latin1", "binary"}},
	"json_extract": {1: jsonPaths}, "json_set": {1: jsonPaths}, "json_insert": {1: jsonPaths},
	"json_replace": {1: jsonPaths},
	"json_remove":  {1: jsonPaths}, "json_search": {1: {"one", "all"}, 4: jsonPaths}, "json_contains": {2: jsonPaths},
	"json_array_append": {1: jsonPaths}, "json_array_insert": {1: {"$[0]", "$.a[0]"}}, "json_keys": {1: jsonPaths},
	"json_contains_path": {1: {"one", "all"}, 2: jsonPaths}, "json_length": {1: jsonPaths},
	"regexp_like": {1: patterns, 2: {"c", "i", "n"}}, "regexp_instr": {1: patterns}, "regexp_substr": {1: patterns},
	"regexp_replace": {1: patterns},
}

var (
	units = []string{"SECOND", "DAY", "MONTH", "YEAR", "DAY_MINUTE", "SECOND_MICROSECOND", "QUARTER",
		"HOUR", "YEAR_MONTH"}
	jsonPaths = []string{"$", "$.a", "$[1]", "$.a.b", "$.z", "$[*]", "$.a[last]"}
	patterns  = []string{"a", "^[0-9]+", "b|c", "(?<=a)b", "x*"}
)

func hintedArg(rng *rand.Rand, name string, i int) Expr {
	if list := hints[name][i]; list != nil && rng.IntN(8) > 0 {
		return lit(list[rng.IntN(len(list))])
	}
	if strings.HasPrefix(name, "json_") && rng.IntN(4) > 0 {
		c := slices.IndexFunc(columnTypes, func(t types.Type) bool { return t.ID == types.JSON })
		return &Column{Index: c, T: columnTypes[c], Name: "j"}
	}
	return randomArg(rng)
}

// TestVectorsAgainstRows evaluates every function over random batches and row by row; both must agree, errors included.
func TestVectorsAgainstRows(t *testing.T) {
	pool := memorytest.NewPool(t, 64<<20)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	for _, name := range slices.Sorted(maps.Keys(definitions)) {
		d := definitions[name]
		built := 0
		for range rounds {
			n := d.least
			if more := d.most - d.least; d.most < 0 {
				n += rng.IntN(3)
			} else if more > 0 {
				n += rng.IntN(more + 1)
			}
			args := make([]Expr, n)
			for i := range args {
				args[i] = hintedArg(rng, name, i)
			}
			env := newTestEnv()
			e, err := NewCall(name, args, &env.Env)
			if err != nil || !Deterministic(e) {
				continue
			}
			built++
			if rng.IntN(4) == 0 {
				e = Fold(e, &env.Env)
			}
			checkVector(t, rng, pool, env, e)
		}
		if built == 0 {
			t.Logf("%s was not built", name)
		}
	}
}

func TestCastsAgainstRows(t *testing.T) {
	pool := memorytest.NewPool(t, 64<<20)
	rng := rand.New(rand.NewPCG(rand.Uint64(), 1))
	for c, from := range columnTypes {
		for _, to := range columnTypes {
			if to.ID == types.Enum || to.ID == types.Bit {
				continue
			}
			env := newTestEnv()
			col := &Column{Index: c, T: from, Name: "c"}
			checkVector(t, rng, pool, env, NewCast(col, to))
			e, err := NewExplicitCast(col, to, &env.Env)
			require.NoError(t, err)
			checkVector(t, rng, pool, env, e)
		}
	}
}

func checkVector(t *testing.T, rng *rand.Rand, pool *memory.Pool, env *testEnv, e Expr) {
	t.Helper()
	const n = 40
	exprs := []Expr{e}
	need := EvalBytes(exprs, n) + vector.BatchBytes(columnTypes, n, 0)
	s := pool.NewStatement(pool.Server(), memory.StatementOptions{Name: "test", Spill: true})
	defer s.Close()
	require.NoError(t, s.Admit(t.Context(), need))
	acct, err := s.Operator("op", need)
	require.NoError(t, err)
	defer acct.Close()
	b, rows := randomBatch(t, rng, acct, n)
	defer b.Close()
	ev, err := NewEvaluator(acct, exprs, n, &env.Env)
	require.NoError(t, err)
	defer ev.Close()
	var rowErr error
	want := make([]types.Datum, n)
	for k := range b.Rows() {
		i := k
		if b.Sel != nil {
			i = int(b.Sel[k])
		}
		d, err := EvalRow(e, rows[i], &env.Env)
		if err != nil {
			rowErr = err
		}
		want[i] = d
	}
	got, err := ev.Eval(b)
	if (err != nil) != (rowErr != nil) {
		t.Fatalf("%s: batch gives error %v, rows give %v", e, err, rowErr)
	}
	if err != nil {
		return
	}
	if got[0].Type.Phys() != e.Type().Phys() {
		t.Fatalf("%s: type %s, vector of %s", e, e.Type(), got[0].Type)
	}
	for k := range b.Rows() {
		i := k
		if b.Sel != nil {
			i = int(b.Sel[k])
		}
		d := got[0].Datum(acct.Base(), i)
		if d.Kind != want[i].Kind || d.I != want[i].I || d.U != want[i].U || d.F != want[i].F || d.D != want[i].D ||
			!bytes.Equal(d.S, want[i].S) {
			t.Fatalf("%s, row %d of %v: batch gives %s, row gives %s", e, i, rows[i], lit(d), lit(want[i]))
		}
		if d.IsNull() && !e.Type().Nullable {
			t.Fatalf("%s is NULL but its type is not nullable", e)
		}
	}
	if cond, err := NewCondition(e, &env.Env); err == nil && cond == e {
		require.NoError(t, ev.Filter(b))
	}
}

func TestFilter(t *testing.T) {
	pool := memorytest.NewPool(t, 64<<20)
	_, acct := memorytest.NewOperator(t, pool, 8<<20)
	env := newTestEnv()
	b, err := vector.NewBatch(acct, []types.Type{types.NewBigInt()}, 100, 0)
	require.NoError(t, err)
	defer b.Close()
	b.Len = 100
	for i := range 100 {
		b.Cols[0].I64[i], b.Cols[0].Null[i] = int64(i), 0
	}
	col := &Column{Index: 0, T: types.NewBigInt(), Name: "a"}
	exprs := []Expr{call(t, env, ">", col, 10), call(t, env, "in", call(t, env, "%", col, 10), 3, 4)}
	ev, err := NewEvaluator(acct, exprs, 100, &env.Env)
	require.NoError(t, err)
	defer ev.Close()
	require.NoError(t, ev.Filter(b))
	require.Equal(t, []uint16{13, 14, 23, 24, 33, 34, 43, 44, 53, 54, 63, 64, 73, 74, 83, 84, 93, 94}, b.Sel)
	require.NoError(t, ev.Filter(b))
	require.Len(t, b.Sel, 18)
}

// TestShortCircuit: an argument that is not reached gives no error.
func TestShortCircuit(t *testing.T) {
	pool := memorytest.NewPool(t, 64<<20)
	rng := rand.New(rand.NewPCG(1, 1))
	env := newTestEnv()
	col := &Column{Index: 0, T: types.NewBigInt(), Name: "a"}
	overflow := call(t, env, "+", col, int64(1<<63-1))
	guard := call(t, env, ">", col, 0)
	for range 20 {
		checkVector(t, rng, pool, env, call(t, env, "if", guard, 1, overflow))
		checkVector(t, rng, pool, env, call(t, env, "or", guard, overflow))
		checkVector(t, rng, pool, env, call(t, env, "case", guard, 1, call(t, env, "is null", col), 2, overflow))
	}
}

func TestLargeIn(t *testing.T) {
	pool := memorytest.NewPool(t, 64<<20)
	env := newTestEnv()
	ids := []any{&Column{Index: 0, T: types.NewBigInt(), Name: "a"}}
	texts := []any{&Column{Index: 6, T: columnTypes[6], Name: "s"}}
	for i := range 20000 {
		ids = append(ids, int64(i*2-20000))
		texts = append(texts, fmt.Sprintf("a string that is not inline %d", i))
	}
	texts = append(texts, "abc")
	rng := rand.New(rand.NewPCG(1, 1))
	checkVector(t, rng, pool, env, call(t, env, "in", ids...))
	checkVector(t, rng, pool, env, call(t, env, "in", texts...))
}
