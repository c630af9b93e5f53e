package runtimefilter

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/exec/exectest"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// withAccount calls f with an account that has room for batches, and leases as far as refuse lets it have them. The
// account must be empty after it.
func withAccount(t *testing.T, refuse func() error, f func(acct *memory.Account)) {
	t.Helper()
	pool, err := memory.NewPool(memory.Options{
		LimitBytes: 16 << 20, Store: &memorytest.Blocks{}, LaneFraction: -1,
		Hooks: &memory.Hooks{Refuse: func(op memory.Op, _ string, _ int) error {
			if op == memory.OpSurplus && refuse != nil {
				return refuse()
			}
			return nil
		}},
	})
	require.NoError(t, err)
	stmt := pool.NewStatement(pool.Server(), memory.StatementOptions{Spill: true})
	const minimum = 1 << 20
	require.NoError(t, stmt.Admit(context.Background(), minimum))
	acct, err := stmt.Operator("filter", minimum)
	require.NoError(t, err)
	f(acct)
	require.Zero(t, acct.Stats().Current)
	acct.Close()
	stmt.Close()
	require.NoError(t, pool.Close())
}

// column is a key of test rows.
type column struct {
	gen      exectest.Gen
	nullSafe bool
}

// fill fills a batch with rows.
func fill(t *testing.T, b *vector.Batch, list []exectest.Row) {
	t.Helper()
	b.Reset()
	for i, r := range list {
		for c, v := range b.Cols {
			v.NoNulls = false
			require.NoError(t, v.SetDatum(i, r[c], b.Arena()))
		}
	}
	b.Len = len(list)
}

// keysOf are the batch's columns as keys, and the rows that may have matches.
func keysOf(b *vector.Batch, columns []column) (keys []*vector.Vector, sel []uint16) {
	sel = append(sel, rows.All(b.Len)...)
	for i, c := range columns {
		keys = append(keys, b.Cols[i])
		if !c.nullSafe {
			sel = b.Cols[i].NotNull(sel)
		}
	}
	return keys, sel
}

// build makes a filter of the rows by so many workers.
func build(t *testing.T, acct *memory.Account, columns []column, list []exectest.Row, workers int) *Filter {
	t.Helper()
	f := New()
	o := Options{Account: acct, Seed: 77}
	var kinds []types.Type
	for _, c := range columns {
		o.Keys = append(o.Keys, Key{Type: c.gen.Type, NullSafe: c.nullSafe})
		kinds = append(kinds, c.gen.Type)
	}
	f.Open(o)
	b, err := vector.NewBatch(acct, kinds, 500, 0)
	require.NoError(t, err)
	defer b.Close()
	locals := make([]*Local, workers)
	for i := range locals {
		locals[i] = f.NewLocal()
	}
	hasher := rows.Hasher{Seed: o.Seed}
	var hashes [rows.ChunkRows]uint64
	for at := 0; at < len(list); at += 500 {
		fill(t, b, list[at:min(at+500, len(list))])
		keys, sel := keysOf(b, columns)
		hasher.Hash(b.Base(), keys, sel, hashes[:])
		require.NoError(t, locals[at/500%workers].Add(keys, sel, hashes[:]))
	}
	for _, l := range locals {
		l.Combine()
		l.Drop()
	}
	require.NoError(t, f.Finish())
	return f
}

// passed says how many rows of each fingerprint pass the filter.
func passed(t *testing.T, acct *memory.Account, f *Filter, columns []column, list []exectest.Row) map[uint64]int {
	t.Helper()
	var kinds []types.Type
	var at []int
	for i, c := range columns {
		kinds, at = append(kinds, c.gen.Type), append(at, i)
	}
	b, err := vector.NewBatch(acct, kinds, 500, 0)
	require.NoError(t, err)
	defer b.Close()
	out := map[uint64]int{}
	r := f.NewReader(at)
	for from := 0; from < len(list); from += 500 {
		part := list[from:min(from+500, len(list))]
		fill(t, b, part)
		r.Apply(b)
		sel := b.Sel
		if sel == nil {
			sel = rows.All(b.Len)
		}
		for _, i := range sel {
			out[exectest.KeyPrint(part[i])]++
		}
	}
	return out
}

var testColumns = map[string][]column{
	"int":      {{gen: exectest.Gen{Type: types.NewInt(), Distinct: 1 << 20, Nulls: 5}}},
	"unsigned": {{gen: exectest.Gen{Type: types.NewUBigInt(), Distinct: 1 << 20, Nulls: 5}}},
	"double":   {{gen: exectest.Gen{Type: types.NewDouble(), Distinct: 1 << 20, Nulls: 5}}},
	"decimal":  {{gen: exectest.Gen{Type: types.NewDecimal(30, 4), Distinct: 1 << 20, Nulls: 5}}},
	"text": {{gen: exectest.Gen{
		Type: types.NewVarChar(60, collation.UTF8MB4GeneralCI), Distinct: 1 << 20, Nulls: 5,
	}}},
	"null safe": {{gen: exectest.Gen{Type: types.NewInt(), Distinct: 1 << 20, Nulls: 5}, nullSafe: true}},
	"several": {
		{gen: exectest.Gen{Type: types.NewInt(), Distinct: 2000, Nulls: 5}},
		{
			gen:      exectest.Gen{Type: types.NewVarChar(60, collation.UTF8MB4GeneralCI), Distinct: 500, Nulls: 5},
			nullSafe: true,
		},
	},
}

// No row that has a match is dropped, and few of the others pass, for keys of all types, for any number of rows.
func TestFilter(t *testing.T) {
	for name, columns := range testColumns {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{0, 1, 700, 9000} {
				for _, workers := range []int{1, 3} {
					if n < 1000 && workers > 1 {
						continue
					}
					gens := make([]exectest.Gen, len(columns))
					for i, c := range columns {
						gens[i] = c.gen
					}
					r := rand.New(rand.NewPCG(uint64(n), uint64(workers)))
					right, left := exectest.Make(r, n, gens), exectest.Make(r, 4000, gens)
					left = append(left, right...)
					withAccount(t, nil, func(acct *memory.Account) {
						checkFilter(t, acct, columns, left, right, workers)
					})
				}
			}
		})
	}
}

func checkFilter(t *testing.T, acct *memory.Account, columns []column, left, right []exectest.Row, workers int) {
	t.Helper()
	f := build(t, acct, columns, right, workers)
	defer f.Close()
	got := passed(t, acct, f, columns, left)
	want := map[uint64]int{}
	for _, r := range right {
		want[exectest.KeyPrint(r)] = 0
	}
	matches, others, wrong := 0, 0, 0
	for _, l := range left {
		unknown := false
		for i, c := range columns {
			unknown = unknown || l[i].IsNull() && !c.nullSafe
		}
		p := exectest.KeyPrint(l)
		if _, ok := want[p]; ok && !unknown {
			matches++
			require.Positive(t, got[p], "a row with a match was dropped: %v", l)
			continue
		}
		if others++; got[p] > 0 {
			wrong++
		}
	}
	require.LessOrEqual(t, wrong*20, others, "%d of %d rows without a match passed", wrong, others)
	if len(right) == 0 {
		require.Zero(t, wrong)
	}
	if len(right) > 100 {
		require.Positive(t, matches)
	}
}

// What compares as equal is equal: -0 and 0.
func TestFilterZeros(t *testing.T) {
	columns := []column{{gen: exectest.Gen{Type: types.NewDouble()}}}
	value := func(f float64) []exectest.Row {
		return []exectest.Row{{{Type: types.NewDouble(), Kind: types.PhysFloat64, F: f}}}
	}
	negative := math.Copysign(0, -1)
	withAccount(t, nil, func(acct *memory.Account) {
		for _, x := range [][2]float64{{0, negative}, {negative, 0}} {
			f := build(t, acct, columns, value(x[0]), 1)
			require.Len(t, passed(t, acct, f, columns, value(x[1])), 1)
			require.Empty(t, passed(t, acct, f, columns, value(1)))
			f.Close()
		}
	})
}

// Whatever lease is refused, once or from there on, no row that has a match is dropped, and nothing is kept.
func TestFilterRefused(t *testing.T) {
	columns := testColumns["int"]
	r := rand.New(rand.NewPCG(1, 2))
	right := exectest.Make(r, 5000, []exectest.Gen{columns[0].gen})
	for _, always := range []bool{false, true} {
		for n := int64(1); ; n++ {
			var count atomic.Int64
			withAccount(t, func() error {
				if k := count.Add(1); k == n || always && k > n {
					return sqlerr.ErrNoSurplus
				}
				return nil
			}, func(acct *memory.Account) {
				f := build(t, acct, columns, right, 2)
				got := passed(t, acct, f, columns, right)
				for _, row := range right {
					require.True(t, row[0].IsNull() || got[exectest.KeyPrint(row)] > 0)
				}
				f.Close()
			})
			if count.Load() < n {
				break
			}
		}
	}
}

// A filter that does not drop rows is dropped, and so is one whose lease is asked back; then all rows pass.
func TestFilterOff(t *testing.T) {
	columns := testColumns["int"]
	r := rand.New(rand.NewPCG(1, 2))
	gens := []exectest.Gen{columns[0].gen}
	right, other := exectest.Make(r, 3000, gens), exectest.Make(r, 3000, gens)
	for i := range right {
		right[i][0].Kind = types.PhysInt64 // no NULLs
	}
	withAccount(t, nil, func(acct *memory.Account) {
		f := build(t, acct, columns, right, 1)
		require.Less(t, len(passed(t, acct, f, columns, other)), 1000)
		require.True(t, f.Drop())
		require.False(t, f.Drop())
		require.Greater(t, len(passed(t, acct, f, columns, other)), 2000)
		f.Close()

		f = build(t, acct, columns, right, 1)
		used := acct.Stats().Current
		for range trialRows/len(right) + 2 {
			passed(t, acct, f, columns, right)
		}
		require.Less(t, acct.Stats().Current, used, "its page")
		require.Greater(t, len(passed(t, acct, f, columns, other)), 2000)
		f.Close()
	})
}

// TestReaders has workers read while the filter is dropped.
func TestReaders(t *testing.T) {
	columns := testColumns["int"]
	right := exectest.Make(rand.New(rand.NewPCG(1, 2)), 3000, []exectest.Gen{columns[0].gen})
	withAccount(t, nil, func(acct *memory.Account) {
		f := build(t, acct, columns, right, 1)
		done := make(chan error, 3)
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				b, err := vector.NewBatch(acct, []types.Type{columns[0].gen.Type}, 500, 0)
				if err != nil {
					done <- err
					return
				}
				defer b.Close()
				rd := f.NewReader([]int{0})
				for i := range 50 {
					b.Reset()
					for k := range 500 {
						if err := b.Cols[0].SetDatum(k, right[(i*500+k)%len(right)][0], b.Arena()); err != nil {
							done <- err
							return
						}
					}
					b.Len = 500
					want := len(b.Cols[0].NotNull(append([]uint16(nil), rows.All(500)...)))
					if rd.Apply(b); b.Rows() < want {
						done <- fmt.Errorf("%d of %d rows passed", b.Rows(), want)
						return
					}
				}
				done <- nil
			})
		}
		f.Drop()
		readers.Wait()
		for range 3 {
			require.NoError(t, <-done)
		}
		f.Close()
	})
}
