package querygen

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// The same seed gives the same statements.
func TestSeed(t *testing.T) {
	for seed := range uint64(50) {
		text := func() string {
			r := random(seed)
			s := NewSchema(r, Options{})
			out := strings.Join(s.Statements(true), ";")
			for range 10 {
				out += ";" + New(r, s, Options{}).Root.Text("")
				whole, parts := NewOracle(r, s, Options{}).split()
				out += ";" + whole.Text("") + parts[0].Text("")
			}
			return out
		}
		require.Equal(t, text(), text())
	}
}

func (o *Oracle) split() (*Node, []*Node) { return o.Build(o.Pieces) }

// What is portable names nothing that only MySQL has.
func TestPortable(t *testing.T) {
	for seed := range uint64(100) {
		r := random(seed)
		s := NewSchema(r, Options{Portable: true})
		require.NotContains(t, strings.Join(s.Statements(true), ";"), "0900")
		for range 20 {
			require.NotContains(t, New(r, s, Options{Portable: true}).Root.Text(""), "0900")
		}
	}
}

// A tree gets as small as the test lets it, and stays what the test wants.
func TestReduce(t *testing.T) {
	before, after := 0, 0
	for seed := range uint64(100) {
		r := random(seed)
		s := NewSchema(r, Options{})
		q := New(r, s, Options{})
		text := q.Root.Text("")
		if !strings.Contains(text, "COALESCE(") {
			continue
		}
		small := Reduce(q.Root, 1500, func(n *Node) bool { return strings.Contains(n.Text(""), "COALESCE(") }).Text("")
		require.Contains(t, small, "COALESCE(")
		require.LessOrEqual(t, len(small), len(text))
		before, after = before+len(text), after+len(small)
	}
	require.Greater(t, before, 10_000)
	require.Less(t, after, before/4)
}

// Hints stand in each block, and nowhere without being asked for.
func TestHints(t *testing.T) {
	r := random(3)
	s := NewSchema(r, Options{})
	q := New(r, s, Options{})
	text := q.Root.Text("HASH_JOIN()")
	require.Equal(t, strings.Count(text, "SELECT /*+ HASH_JOIN() */ "), strings.Count(text, "HASH_JOIN"))
	require.Contains(t, text, "HASH_JOIN()")
	require.NotContains(t, q.Root.Text(""), "/*")
}
