package pagetree

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/testutil"
)

func TestMain(m *testing.M) { testutil.Main(m) }

type rig struct {
	pool  *memory.Pool
	stmt  *memory.Statement
	acct  *memory.Account
	store *memorytest.Blocks
	// refuse, if not nil, is asked before each operation of the account.
	refuse func(op memory.Op) error
}

// newRig makes an account with a minimum of pages of 16 KiB.
func newRig(t testing.TB, pages int, force bool) *rig {
	r := &rig{store: &memorytest.Blocks{}}
	hooks := &memory.Hooks{Refuse: func(op memory.Op, account string, _ int) error {
		if r.refuse != nil && account == "tree" {
			return r.refuse(op)
		}
		return nil
	}}
	pool, err := memory.NewPool(memory.Options{LimitBytes: 64 << 20, Store: r.store, Hooks: hooks})
	require.NoError(t, err)
	r.pool = pool
	r.stmt = pool.NewStatement(pool.Server(), memory.StatementOptions{Name: "test", Spill: true, ForceSpill: force})
	minimum := int64(pages * DefaultPageBytes)
	require.NoError(t, r.stmt.Admit(context.Background(), minimum))
	r.acct, err = r.stmt.Operator("tree", minimum)
	require.NoError(t, err)
	t.Cleanup(func() {
		r.acct.Close()
		r.stmt.Close()
		require.NoError(t, pool.Close())
	})
	return r
}

// requireEmpty says that the tree has given everything back.
func (r *rig) requireEmpty(t testing.TB) {
	require.Zero(t, r.acct.Stats().Current+r.acct.Stats().DiskBytes)
}

// A model is a tree beside a sorted map.
type model struct {
	t    testing.TB
	tree *Tree
	want map[string]string
}

func (m *model) set(key, value []byte) {
	require.NoError(m.t, m.tree.Set(key, value))
	m.want[string(key)] = string(value)
}

func (m *model) delete(key []byte) {
	found, err := m.tree.Delete(key)
	require.NoError(m.t, err)
	_, want := m.want[string(key)]
	require.Equal(m.t, want, found)
	delete(m.want, string(key))
}

func (m *model) keys() []string {
	keys := make([]string, 0, len(m.want))
	for k := range m.want {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// check compares figures, both directions, seeks and gets.
func (m *model) check(seeks [][]byte) {
	t := m.t
	keys := m.keys()
	require.EqualValues(t, len(keys), m.tree.Len())
	c := m.tree.Cursor()
	defer c.Close()
	var size int64
	err := c.First()
	for _, k := range keys {
		require.NoError(t, err)
		require.True(t, c.Valid(), "%q is missing", k)
		require.Equal(t, k, string(c.Key()))
		require.Equal(t, len(m.want[k]), c.ValueLen())
		v, err2 := c.AppendValue(nil)
		require.NoError(t, err2)
		require.True(t, m.want[k] == string(v), "value of %q", k)
		size += int64(len(k) + len(v))
		err = c.Next()
	}
	require.NoError(t, err)
	require.False(t, c.Valid())
	require.Equal(t, size, m.tree.DataBytes())
	err = c.Last()
	for _, k := range slices.Backward(keys) {
		require.NoError(t, err)
		require.Equal(t, k, string(c.Key()))
		err = c.Prev()
	}
	require.NoError(t, err)
	require.False(t, c.Valid())
	for _, s := range seeks {
		i, found := slices.BinarySearch(keys, string(s))
		require.NoError(t, c.SeekGE(s))
		require.Equal(t, i < len(keys), c.Valid())
		if i < len(keys) {
			require.Equal(t, keys[i], string(c.Key()))
		}
		require.NoError(t, c.SeekLT(s))
		require.Equal(t, i > 0, c.Valid())
		if i > 0 {
			require.Equal(t, keys[i-1], string(c.Key()))
		}
		v, ok, err := m.tree.Get(s, []byte("before"))
		require.NoError(t, err)
		require.Equal(t, found, ok)
		require.True(t, "before"+m.want[string(s)] == string(v))
	}
}

// randomBytes returns mostly short strings of few letters, some long.
func randomBytes(r *rand.Rand, longest int) []byte {
	n := r.IntN(12)
	switch r.IntN(20) {
	case 0:
		n = r.IntN(longest)
	case 1, 2:
		n = r.IntN(200)
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + r.IntN(4))
	}
	return b
}

func TestModel(t *testing.T) {
	for _, force := range []bool{false, true} {
		t.Run(fmt.Sprintf("spill=%t", force), func(t *testing.T) {
			r := testutil.Rand(t)
			steps := 6000
			if force || testing.Short() {
				steps = 2000
			}
			rig := newRig(t, 2*MinimumPages, force)
			m := &model{t: t, tree: New(rig.acct, Options{PageBytes: 4096 << r.IntN(3)}), want: map[string]string{}}
			longest := []int{50, 900, 8000}[r.IntN(3)]
			for i := range steps {
				key := randomBytes(r, longest)
				switch r.IntN(10) {
				case 0, 1, 2:
					m.delete(key)
				case 3:
					value := make([]byte, r.IntN(60_000))
					binary.LittleEndian.PutUint64(append(value, make([]byte, 8)...), uint64(i))
					m.set(key, value)
				default:
					m.set(key, randomBytes(r, 3000))
				}
				if i%(steps/8) == steps/8-1 {
					var seeks [][]byte
					for range 50 {
						seeks = append(seeks, randomBytes(r, longest))
					}
					m.check(seeks)
				}
			}
			for _, k := range m.keys() {
				if r.IntN(20) > 0 {
					m.delete([]byte(k))
				}
			}
			m.check(nil)
			m.tree.Clear()
			m.want = map[string]string{}
			m.check([][]byte{[]byte("a")})
			rig.requireEmpty(t)
			writes, _ := rig.store.Counts()
			require.Equal(t, force, writes > 100)
		})
	}
}

func TestDeleteAllFreesAll(t *testing.T) {
	rig := newRig(t, 64, false)
	m := &model{t: t, tree: New(rig.acct, Options{PageBytes: 4096}), want: map[string]string{}}
	for i := range 20_000 {
		m.set(fmt.Appendf(nil, "%0100d", i*7919%20_000), []byte("value"))
	}
	require.Greater(t, m.tree.height, 2)
	m.check(nil)
	for _, k := range m.keys() {
		m.delete([]byte(k))
	}
	require.Zero(t, m.tree.PageBytes())
	require.Zero(t, m.tree.root)
	rig.requireEmpty(t)
}

// Keys in order fill the pages, also when they go before others.
func TestInOrderFillsPages(t *testing.T) {
	rig := newRig(t, 64, false)
	tree := New(rig.acct, Options{})
	require.NoError(t, tree.Set([]byte("z"), nil))
	for i := range 50_000 {
		require.NoError(t, tree.Set(fmt.Appendf(nil, "b%08d", i), make([]byte, 50)))
	}
	for i := range 50_000 {
		require.NoError(t, tree.Set(fmt.Appendf(nil, "a%08d", i), make([]byte, 50)))
	}
	overhead := int64(cellBytes+slotBytes) * tree.Len()
	fill := float64(tree.DataBytes()+overhead) / float64(tree.PageBytes())
	tree.Clear()
	require.Greater(t, fill, 0.97)
	rig.requireEmpty(t)
}

// A small tree is small.
func TestSmall(t *testing.T) {
	rig := newRig(t, 4, false)
	tree := New(rig.acct, Options{})
	require.NoError(t, tree.Set([]byte("k"), []byte("v")))
	require.EqualValues(t, memory.MinPageBytes, tree.PageBytes())
	tree.Clear()
}

func TestKeyLimits(t *testing.T) {
	rig := newRig(t, 40, true)
	tree := New(rig.acct, Options{})
	for i := range 40 {
		key := append(bytes.Repeat([]byte{'k'}, MaxKeyBytes-1), byte(i))
		require.NoError(t, tree.Set(key, bytes.Repeat([]byte{'v'}, 100_000)))
	}
	require.Error(t, tree.Set(make([]byte, MaxKeyBytes+1), nil))
	require.EqualValues(t, 40, tree.Len())
	tree.Clear()
	rig.requireEmpty(t)
}

// A tree works with MinimumPages and no surplus, and a refusal of the N-th operation leaves it as it was.
func TestRefusals(t *testing.T) {
	r := testutil.Rand(t)
	rig := newRig(t, MinimumPages, true)
	m := &model{t: t, tree: New(rig.acct, Options{}), want: map[string]string{}}
	refused := errors.New("refused")
	failures := 0
	for i := range 1500 {
		key, value := randomBytes(r, 3000), randomBytes(r, 40_000)
		n := r.IntN(12)
		rig.refuse = func(op memory.Op) error {
			if n--; n < 0 {
				return refused
			}
			return nil
		}
		var err error
		if r.IntN(4) == 0 {
			_, err = m.tree.Delete(key)
			if err == nil {
				delete(m.want, string(key))
			}
		} else if err = m.tree.Set(key, value); err == nil {
			m.want[string(key)] = string(value)
		}
		if err != nil {
			require.ErrorIs(t, err, refused)
			failures++
		}
		rig.refuse = nil
		if i%100 == 99 {
			m.check(nil)
		}
	}
	require.Greater(t, failures, 100)
	m.check(nil)
	m.tree.Clear()
}

func TestParallelReaders(t *testing.T) {
	rig := newRig(t, 32, true)
	tree := New(rig.acct, Options{PageBytes: 4096})
	const n = 5000
	for i := range n {
		require.NoError(t, tree.Set(fmt.Appendf(nil, "%08d", i), fmt.Appendf(nil, "%d", i)))
	}
	var group sync.WaitGroup
	for w := range 4 {
		group.Go(func() {
			c := tree.Cursor()
			defer c.Close()
			i := w * 1000
			err := c.SeekGE(fmt.Appendf(nil, "%08d", i))
			for ; err == nil && c.Valid(); err = c.Next() {
				if string(c.Key()) != fmt.Sprintf("%08d", i) {
					t.Errorf("%q instead of %d", c.Key(), i)
					return
				}
				i++
			}
			if err != nil || i != n {
				t.Errorf("stopped at %d: %v", i, err)
			}
		})
	}
	group.Wait()
	tree.Clear()
}

func FuzzTree(f *testing.F) {
	f.Add([]byte("abcdefghijklmnopqrstuvwxyz"), uint8(1))
	f.Fuzz(func(t *testing.T, script []byte, scale uint8) {
		rig := newRig(t, 64, false)
		m := &model{t: t, tree: New(rig.acct, Options{PageBytes: 4096}), want: map[string]string{}}
		for len(script) >= 3 {
			key := bytes.Repeat(script[1:2], 1+int(scale)*int(script[2]%8))
			if script[0]%4 == 0 {
				m.delete(key)
			} else {
				m.set(key, bytes.Repeat(script[:1], int(script[2])*int(scale)))
			}
			script = script[3:]
		}
		m.check(nil)
		m.tree.Clear()
		rig.requireEmpty(t)
	})
}

func BenchmarkSet(b *testing.B) {
	for _, order := range []string{"ascending", "random"} {
		b.Run(order, func(b *testing.B) {
			rig := newRig(b, 64, false)
			tree := New(rig.acct, Options{})
			var key [8]byte
			value := make([]byte, 100)
			i := uint64(0)
			for b.Loop() {
				k := i
				if order == "random" {
					k *= 0x9E3779B97F4A7C15
				}
				binary.BigEndian.PutUint64(key[:], k)
				if err := tree.Set(key[:], value); err != nil {
					b.Fatal(err)
				}
				if i++; i%200_000 == 0 {
					tree.Clear()
				}
			}
			tree.Clear()
		})
	}
}

func BenchmarkGet(b *testing.B) {
	rig := newRig(b, 64, false)
	tree := New(rig.acct, Options{})
	var key [8]byte
	const n = 200_000
	for i := range uint64(n) {
		binary.BigEndian.PutUint64(key[:], i)
		if err := tree.Set(key[:], make([]byte, 100)); err != nil {
			b.Fatal(err)
		}
	}
	dst := make([]byte, 0, 200)
	i := uint64(0)
	for b.Loop() {
		i += 7919
		binary.BigEndian.PutUint64(key[:], i%n)
		if _, ok, err := tree.Get(key[:], dst); !ok || err != nil {
			b.Fatal(err)
		}
	}
	tree.Clear()
}

func BenchmarkNext(b *testing.B) {
	rig := newRig(b, 64, false)
	tree := New(rig.acct, Options{})
	var key [8]byte
	for i := range uint64(100_000) {
		binary.BigEndian.PutUint64(key[:], i)
		if err := tree.Set(key[:], make([]byte, 100)); err != nil {
			b.Fatal(err)
		}
	}
	c := tree.Cursor()
	for b.Loop() {
		err := error(nil)
		if !c.Valid() {
			err = c.First()
		} else {
			err = c.Next()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	c.Close()
	tree.Clear()
}

// A cursor that reads ahead goes the same way as others, wherever it is sought and turns round.
func TestReadAhead(t *testing.T) {
	r := newRig(t, MinimumPages+1, true) // all that is unpinned is written out at once
	tree := New(r.acct, Options{PageBytes: memory.MinPageBytes, Kind: memory.Held})
	const keys = 1500
	key := func(i int) string { return fmt.Sprintf("%0400d", i) } // nodes have few children
	for i := range keys {
		require.NoError(t, tree.Set([]byte(key(i*7919%keys)), []byte("value")))
	}
	require.Greater(t, tree.height, 2)
	require.Positive(t, tree.Reloads())
	c := tree.Cursor()
	c.ReadAhead()
	walk := func(from, to, step int) {
		for i := from; i != to; i += step {
			require.Equal(t, key(i), string(c.Key()))
			if step > 0 {
				require.NoError(t, c.Next())
			} else {
				require.NoError(t, c.Prev())
			}
		}
	}
	require.NoError(t, c.First())
	walk(0, keys, 1)
	require.False(t, c.Valid())
	require.NoError(t, c.SeekGE([]byte(key(1000))))
	walk(1000, 1400, 1)
	walk(1400, 500, -1)
	walk(500, 900, 1)
	c.Close()
	tree.Clear()
}
