package catalog

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// An index does what a map does, and those it was made of stay as they were.
func TestIndex(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var x index[int]
	model := map[string]int{}
	same := func(x index[int], model map[string]int) {
		t.Helper()
		require.Equal(t, len(model), x.n)
		var names []string
		for name, v := range x.all() {
			names = append(names, name)
			require.Equal(t, model[name], v)
			require.Equal(t, v, x.get(name))
		}
		require.Equal(t, slices.Sorted(maps.Keys(model)), names)
		for _, c := range x.chunks {
			require.NotEmpty(t, c)
			require.LessOrEqual(t, len(c), chunkMax)
		}
	}
	old, oldModel := x, map[string]int{}
	for i := range 6000 {
		name := fmt.Sprintf("%x", rng.IntN(3000))
		if grow := i < 3000; (rng.IntN(4) > 0) == grow {
			x, model[name] = x.with(name, i), i
		} else {
			x = x.without(name)
			delete(model, name)
		}
		require.Equal(t, model[name], x.get(name))
		if i%1000 == 999 {
			same(x, model)
			same(old, oldModel)
			old, oldModel = x, maps.Clone(model)
		}
	}
	for name := range model {
		x = x.without(name)
	}
	require.Empty(t, x.chunks)
	require.Zero(t, x.get(""))
}
