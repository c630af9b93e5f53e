package spill

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// idleRun against a look at every slot, over random histories.
func TestIdleRun(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		f := &slotFile{slot: unit, limit: 1000}
		for range r.IntN(f.limit) {
			_, _, ok := f.take()
			require.True(t, ok)
		}
		density := r.IntN(100)
		for i := range f.top {
			if f.has(i) && r.IntN(100) < density {
				f.put(i)
			}
		}
		for range 3 {
			first, n := f.idleRun(f.limit)
			longest, length := 0, 0
			for i := range f.top {
				length++
				if f.has(i) || f.holes[i/64]&(1<<(i%64)) != 0 {
					length = 0
				}
				longest = max(longest, length)
			}
			require.Equal(t, longest, n)
			if n == 0 {
				break
			}
			before := f.allocated()
			f.hold(first, n)
			for i := first; i < first+n; i++ {
				require.True(t, f.has(i))
			}
			f.unhold(first, n, true)
			require.Equal(t, before-int64(n)*f.slot, f.allocated())
		}
		if first, n := f.idleRun(1); n > 0 {
			require.False(t, f.has(first))
		}
		for f.count < f.limit {
			_, _, ok := f.take()
			require.True(t, ok)
		}
		require.EqualValues(t, f.limit*unit, f.allocated())
	}
}
