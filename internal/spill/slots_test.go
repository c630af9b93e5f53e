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

// takeRun gives out slots that are free, side by side, as many as there are in one place.
func TestTakeRun(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		f := &slotFile{slot: unit, limit: 500 + r.IntN(500)}
		taken := map[int]bool{}
		for range 300 {
			if r.IntN(3) == 0 {
				for i := range taken {
					if r.IntN(4) == 0 {
						f.put(i)
						delete(taken, i)
					}
				}
			}
			if first, n := f.idleRun(8); n > 0 && r.IntN(5) == 0 {
				f.hold(first, n)
				f.unhold(first, n, true)
			}
			want := 1 + r.IntN(32)
			before := f.allocated()
			first, got, grown := f.takeRun(want)
			require.LessOrEqual(t, got, want)
			if got == 0 {
				require.Len(t, taken, f.limit)
				continue
			}
			for i := first; i < first+got; i++ {
				require.False(t, taken[i])
				require.True(t, f.has(i))
				require.Less(t, i, f.limit)
				taken[i] = true
			}
			require.Equal(t, f.count, len(taken))
			require.EqualValues(t, int64(grown)*unit, f.allocated()-before)
		}
	}
}

func TestRunsOfSlotsAreReused(t *testing.T) {
	f := &slotFile{slot: unit, limit: 1000}
	f.takeRun(64)
	for _, i := range []int{3, 10, 11, 12, 20, 21, 22, 23, 24, 40} {
		f.put(i)
	}
	first, got, grown := f.takeRun(4)
	require.Equal(t, []int{20, 4, 0}, []int{first, got, grown})
	first, got, _ = f.takeRun(4)
	require.Equal(t, []int{10, 3}, []int{first, got})
	first, got, _ = f.takeRun(4)
	require.Equal(t, []int{3, 1}, []int{first, got})
	f.takeRun(4)
	f.takeRun(4)
	first, got, grown = f.takeRun(4)
	require.Equal(t, []int{64, 4, 4}, []int{first, got, grown})
}
