package expr

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

func benchmarkExpr(b *testing.B, filter bool, make func(env *testEnv, cols []Expr) Expr) {
	env := newTestEnv()
	ct := []types.Type{
		types.NewBigInt(), types.NewBigInt(), types.NewDecimal(12, 2), types.NewDouble(),
		types.NewVarChar(20, collation.UTF8MB40900AICI),
	}
	pool := memorytest.NewPool(b, 64<<20)
	_, acct := memorytest.NewOperator(b, pool, 16<<20)
	batch, err := vector.NewBatch(acct, ct, vector.MaxRows, 0)
	require.NoError(b, err)
	defer batch.Close()
	batch.Len = vector.MaxRows
	var cols []Expr
	for c, t := range ct {
		cols = append(cols, &Column{Index: c, T: t, Name: "c"})
		clear(batch.Cols[c].Null)
	}
	for i := range vector.MaxRows {
		batch.Cols[0].I64[i], batch.Cols[1].I64[i] = int64(i), int64(i*7%1000)
		batch.Cols[2].Dec[i] = types.DecFromInt64(int64(i), 2)
		batch.Cols[3].F64[i] = float64(i)
		batch.Cols[4].Str[i] = vector.MakeInline([]byte("abc" + string(rune('a'+i%26))))
	}
	exprs := []Expr{make(env, cols)}
	ev, err := NewEvaluator(acct, exprs, vector.MaxRows, &env.Env)
	require.NoError(b, err)
	defer ev.Close()
	b.SetBytes(vector.MaxRows) // MB/s are rows per microsecond
	for b.Loop() {
		if filter {
			batch.Sel = nil
			err = ev.Filter(batch)
		} else {
			_, err = ev.Eval(batch)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAddInt64(b *testing.B) {
	benchmarkExpr(b, false, func(env *testEnv, c []Expr) Expr { return call(b, env, "+", c[0], c[1]) })
}

func BenchmarkAddDecimal(b *testing.B) {
	benchmarkExpr(b, false, func(env *testEnv, c []Expr) Expr { return call(b, env, "+", c[2], c[2]) })
}

func BenchmarkCompareInt64(b *testing.B) {
	benchmarkExpr(b, false, func(env *testEnv, c []Expr) Expr { return call(b, env, "<", c[1], 500) })
}

func BenchmarkFilterInt64(b *testing.B) {
	benchmarkExpr(b, true, func(env *testEnv, c []Expr) Expr { return call(b, env, "<", c[1], 500) })
}

func BenchmarkCompareString(b *testing.B) {
	benchmarkExpr(b, false, func(env *testEnv, c []Expr) Expr { return call(b, env, "=", c[4], "abcd") })
}

func BenchmarkIn1000(b *testing.B) {
	benchmarkExpr(b, false, func(env *testEnv, c []Expr) Expr {
		list := []any{c[0]}
		for i := range 1000 {
			list = append(list, i*3)
		}
		return call(b, env, "in", list...)
	})
}

func benchmarkSum(b *testing.B, t types.Type) {
	pool := memorytest.NewPool(b, 64<<20)
	_, acct := memorytest.NewOperator(b, pool, 1<<20)
	env := newTestEnv()
	a, err := NewAggregateType("sum", []Expr{&Column{T: t, Name: "c"}}, false, &env.Env)
	require.NoError(b, err)
	acc, _ := NewAccumulator(a)
	v, page, err := vector.NewVector(acct, t, vector.MaxRows)
	require.NoError(b, err)
	defer acct.Free(page)
	clear(v.Null)
	for i := range vector.MaxRows {
		if v.Dec != nil {
			v.Dec[i] = types.DecFromInt64(int64(i), 2)
		} else {
			v.I64[i] = int64(i)
		}
	}
	state, err := acct.Alloc(64, memory.Held)
	require.NoError(b, err)
	defer acct.Free(state)
	acc.Init(acct.Base(), []memory.Ref{state.Ref})
	b.SetBytes(vector.MaxRows)
	for b.Loop() {
		if err := acc.UpdateOne(acct.Base(), state.Ref, nil, vector.MaxRows, []*vector.Vector{&v}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSumInt64(b *testing.B)   { benchmarkSum(b, types.NewBigInt()) }
func BenchmarkSumDecimal(b *testing.B) { benchmarkSum(b, types.NewDecimal(12, 2)) }
