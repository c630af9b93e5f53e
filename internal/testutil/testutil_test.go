package testutil

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { Main(m) }

// recorder stands for a failed test: it keeps what is logged and runs its own cleanups.
type recorder struct {
	testing.TB
	log      strings.Builder
	cleanups []func()
}

func (r *recorder) Name() string            { return "TestX/sub" }
func (r *recorder) Failed() bool            { return true }
func (r *recorder) Cleanup(f func())        { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Logf(f string, a ...any) { fmt.Fprintf(&r.log, f, a...) }

func TestSeedIsPrintedOnFailure(t *testing.T) {
	t.Setenv(SeedVariable, "42")
	r := &recorder{TB: t}
	require.EqualValues(t, 42, Seed(r))
	require.Empty(t, r.log.String())
	for _, f := range r.cleanups {
		f()
	}
	require.Equal(t, "repeat with: SPILLWAY_SEED=42 go test -run '^TestX/sub$'", r.log.String())
}

func TestRandRepeats(t *testing.T) {
	t.Setenv(SeedVariable, "7")
	a, b := Rand(t), Rand(t)
	for range 10 {
		require.Equal(t, a.Uint64(), b.Uint64())
	}
	other := Rand(&recorder{TB: t})
	require.NotEqual(t, Rand(t).Uint64(), other.Uint64(), "tests of one seed have their own sequences")
}

func TestSeedsDiffer(t *testing.T) {
	t.Setenv(SeedVariable, "")
	require.NotEqual(t, Seed(t), Seed(t))
}

func TestNoLeaks(t *testing.T) {
	NoLeaks(t)
	done := make(chan struct{})
	go func() { close(done) }()
	<-done
}

func TestLong(t *testing.T) {
	t.Setenv(LongVariable, "")
	require.False(t, Long())
	t.Setenv(LongVariable, "1")
	require.True(t, Long())
}
