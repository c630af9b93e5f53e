package pagetree

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Sequences of keys side by side, which splits, overwritten keys, deletions and long keys come between, against a map.
func TestSequences(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 5))
		rig := newRig(t, 64, false)
		tree := New(rig.acct, Options{PageBytes: 4 << 10 << r.IntN(2)})
		model := map[string][]byte{}
		next := make([]int, 1+r.IntN(6))
		pad := bytes.Repeat([]byte{'k'}, r.IntN(2)*r.IntN(200))
		set := func(key, value []byte) {
			require.NoError(t, tree.Set(key, value))
			model[string(key)] = value
		}
		for i := range 5000 {
			s := r.IntN(len(next))
			key := fmt.Appendf(nil, "table%04d%s%08d", s, pad, next[s])
			value := bytes.Repeat([]byte{byte(i)}, r.IntN(60))
			switch r.IntN(30) {
			case 0:
				old := fmt.Appendf(nil, "table%04d%s%08d", s, pad, r.IntN(next[s]+1))
				had, err := tree.Delete(old)
				require.NoError(t, err)
				require.Equal(t, model[string(old)] != nil, had)
				delete(model, string(old))
			case 1:
				next[s] = r.IntN(20_000)
			case 2:
				set(fmt.Appendf(nil, "table%04d%s%08d", s, pad, r.IntN(20_000)), value)
			default:
				next[s] += 1 + r.IntN(3)
				set(key, value)
			}
		}
		require.EqualValues(t, len(model), tree.Len())
		c := tree.Cursor()
		require.NoError(t, c.First())
		for _, key := range slices.Sorted(maps.Keys(model)) {
			require.True(t, c.Valid())
			require.Equal(t, key, string(c.Key()), "seed %d", seed)
			value, err := c.AppendValue(nil)
			require.NoError(t, err)
			require.True(t, bytes.Equal(model[key], value))
			require.NoError(t, c.Next())
		}
		require.False(t, c.Valid())
		c.Close()
		tree.Clear()
		rig.requireEmpty(t)
	}
}

// The rows of a table and the entries of its indexes come in turns, and each in order.
func TestSequencesFillPages(t *testing.T) {
	rig := newRig(t, 64, false)
	tree := New(rig.acct, Options{})
	for i := range 30_000 {
		for _, prefix := range []string{"table0001", "table0002", "table0003"} {
			require.NoError(t, tree.Set(fmt.Appendf(nil, "%s%08d", prefix, i), make([]byte, 50)))
		}
	}
	overhead := int64(cellBytes+slotBytes) * tree.Len()
	fill := float64(tree.DataBytes()+overhead) / float64(tree.PageBytes())
	tree.Clear()
	require.Greater(t, fill, 0.97)
	rig.requireEmpty(t)
}
