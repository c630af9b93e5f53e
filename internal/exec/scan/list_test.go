package scan

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/types"
)

// TestLists reads many ranges and keys, near and far from each other, which are taken several at a time.
func TestLists(t *testing.T) {
	e := newEnv(t)
	for _, step := range []int{1, 50} {
		for _, width := range []int{1, 20} {
			if width > step && step > 1 {
				continue
			}
			width = min(width, step)
			chosen := func(v int) bool { return v >= 0 && v%step < width }
			want := e.want([]int{0, 2}, chosen)
			list := func(o, end int) (out []physical.Range) {
				for v := 0; v < end; v += step {
					out = append(out, e.between(o, v, v+width)...)
				}
				return out
			}
			for _, workers := range []int{1, 3} {
				batch := 7 * (workers - 1)
				name := fmt.Sprint(step, " ", width, " ", workers, " ", batch)
				n := e.node(e.table.Primary, 0, 2)
				n.Ranges = list(0, testRows)
				require.Equal(t, sorted(want), sorted(e.run(n, workers, batch)), name)
				n.KeepOrder = true
				require.Equal(t, want, e.run(n, workers, batch), name)
				for _, ordinals := range [][]int{{0, 1}, {0, 1, 2}} {
					n = e.node(e.table.Indexes[0], ordinals...)
					n.Ranges = list(1, 99)
					in := func(i int) bool { return i%100 < 99 && chosen(i%100) }
					require.Equal(t, sorted(e.want(ordinals, in)), sorted(e.run(n, workers, batch)), name)
				}
			}
		}
	}
}

// keyList are keys for look-ups.
type keyList [][]byte

func (k keyList) Len() int         { return len(k) }
func (k keyList) Key(i int) []byte { return k[i] }

// TestLookup reads by lists of keys: rows, entries of a covering index, rows of an index; all of a key's, or the first.
func TestLookup(t *testing.T) {
	e := newEnv(t)
	for _, c := range []struct {
		name  string
		node  *physical.Scan
		has   func(i int) int // the value of the index's column; negative: none
		value func(v int) types.Datum
		end   int // of the values
	}{
		{"rows", e.node(e.table.Primary, 0, 3), func(i int) int { return i }, number, testRows},
		{"entries", e.node(e.table.Indexes[0], 0, 1), lookupN, number, 99},
		{"rows of entries", e.node(e.table.Indexes[0], 0, 1, 3), lookupN, number, 99},
		{"texts", e.node(e.table.Indexes[1], 0, 3), func(i int) int { return i }, e.text, testRows},
	} {
		for first, step := range []int{3, 90} {
			t.Run(fmt.Sprint(c.name, step, first), func(t *testing.T) {
				var values []int
				for v := 0; v < c.end; v += step {
					values = append(values, v)
				}
				got := e.lookup(c.node, values, c.value, first)
				rows := 0
				for _, v := range values {
					all := e.want(c.node.Ordinals, func(i int) bool { return c.has(i) == v })
					if first > 0 {
						require.Len(t, got[v], first)
						require.Contains(t, all, got[v][0])
					} else {
						require.Equal(t, sorted(all), sorted(got[v]), "%d", v)
					}
					rows++
					if rows == 8 { // want looks at all rows
						break
					}
				}
			})
		}
	}
}

func lookupN(i int) int {
	if i%100 == 99 {
		return -1
	}
	return i % 100
}

func number(v int) types.Datum { return types.IntDatum(int64(v)) }

func (e *env) text(v int) types.Datum {
	return types.NewStringDatum(e.table.Columns[2].Type, fmt.Appendf(nil, "ROW number %d", v))
}

// lookup gives the rows of each value.
func (e *env) lookup(n *physical.Scan, values []int, value func(v int) types.Datum, first int) map[int][]string {
	tx := e.begin()
	min := MinBytes(n, 1, 0)
	st := e.pool.NewStatement(e.pool.Server(), memory.StatementOptions{Spill: true})
	defer st.Close()
	require.NoError(e.t, st.Admit(ctx, min))
	acct, err := st.Operator("scan", min)
	require.NoError(e.t, err)
	defer acct.Close()
	k, err := NewLookup(Options{Account: acct, Node: n, Txn: tx, Env: e.expr})
	require.NoError(e.t, err)
	l, err := k.NewLocal(nil)
	require.NoError(e.t, err)
	out := map[int][]string{}
	for range 2 { // a list after the other
		clear(out)
		of := map[string]int{}
		var keys keyList
		for _, v := range values {
			key, ok := l.AppendKey(nil, 0, value(v))
			require.True(e.t, ok)
			of[string(key)] = v
			keys = append(keys, key)
		}
		slices.SortFunc(keys, bytes.Compare)
		l.Start(keys, first)
		for {
			b, key, err := l.Next(ctx)
			require.NoError(e.t, err)
			if b == nil {
				break
			}
			require.NoError(e.t, l.Pause())
			require.Zero(e.t, e.store.Stats().Iterators)
			for i, row := range texts(b, len(n.Ordinals)) {
				v := of[string(keys[key[i]])]
				out[v] = append(out[v], row)
			}
		}
	}
	require.NoError(e.t, l.Close())
	require.NoError(e.t, l.Close())
	require.NoError(e.t, k.Close())
	require.NoError(e.t, tx.Rollback())
	return out
}

// TestLookupValues: values that a column cannot have are in no key.
func TestLookupValues(t *testing.T) {
	e := newEnv(t)
	tx := e.begin()
	n := e.node(e.table.Primary, 0)
	_, acct := memorytest.NewOperator(t, e.pool, MinBytes(n, 1, 0))
	k, err := NewLookup(Options{Account: acct, Node: n, Txn: tx, Env: e.expr})
	require.NoError(t, err)
	l, err := k.NewLocal(nil)
	require.NoError(t, err)
	for _, c := range []struct {
		d  types.Datum
		ok bool
	}{
		{types.IntDatum(1), true}, {types.IntDatum(1 << 31), false}, {types.IntDatum(-1 << 31), true},
		{types.UintDatum(5), true}, {types.UintDatum(1 << 63), false}, {types.NullDatum(types.NewInt()), false},
	} {
		_, ok := l.AppendKey(nil, 0, c.d)
		require.Equal(t, c.ok, ok, "%v", c.d)
	}
	require.NoError(t, l.Close())
	require.NoError(t, k.Close())
	require.NoError(t, tx.Rollback())
}
