package invariants

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAssertf(t *testing.T) {
	require.NotPanics(t, func() { Assertf(true, "never") })
	check := func() { Assertf(false, "%d pages left", 3) }
	if Enabled {
		require.PanicsWithError(t, "assertion failed: 3 pages left", check)
	} else {
		require.NotPanics(t, check)
	}
}

func TestSometimes(t *testing.T) {
	require.False(t, Sometimes(0))
	require.Equal(t, Enabled, Sometimes(100))
	hits := 0
	for range 1000 {
		if Sometimes(50) {
			hits++
		}
	}
	require.Equal(t, Enabled, hits > 0)
	require.Less(t, hits, 1000)
}

func TestMangle(t *testing.T) {
	Mangle(nil)
	b := []byte{1, 2, 3}
	Mangle(b[:2])
	if Enabled {
		require.Equal(t, []byte{0xCC, 0xCC, 3}, b)
	} else {
		require.Equal(t, []byte{1, 2, 3}, b)
	}
}

func TestCloseChecker(t *testing.T) {
	var c CloseChecker
	c.AssertNotClosed()
	c.Close()
	if Enabled {
		require.PanicsWithError(t, "assertion failed: closed twice", c.Close)
		require.PanicsWithError(t, "assertion failed: used after close", c.AssertNotClosed)
	} else {
		require.NotPanics(t, c.Close)
		require.NotPanics(t, c.AssertNotClosed)
	}
}

func TestRaceImpliesInvariants(t *testing.T) {
	if RaceEnabled {
		require.True(t, Enabled)
	}
}
