package memory_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
)

func TestGuard(t *testing.T) {
	p := memorytest.NewPool(t, 16<<20)
	m := memory.Sample{RSS: 50 << 20, FileMappings: 20 << 20, GoTotal: 20 << 20, Malloc: 10 << 20}
	var err error
	g := &memory.Guard{Pool: p, Sample: func() (memory.Sample, error) { return m, err }}
	require.Zero(t, g.Look())
	m.RSS, m.Buffers = m.RSS+1<<20, 1<<20
	require.Zero(t, g.Look(), "buffers are known")
	m.RSS += 3<<20 + p.Stats().Committed
	require.EqualValues(t, 3<<20, g.Look())
	require.EqualValues(t, 13<<20, p.Stats().Limit)
	require.EqualValues(t, 3<<20, p.Stats().Drift)
	shrank := m
	shrank.Malloc -= 1 << 20 // it gave memory back after RSS was read
	seen := []memory.Sample{shrank, m}
	g.Sample = func() (memory.Sample, error) {
		next := seen[0]
		seen = seen[1:]
		return next, nil
	}
	require.EqualValues(t, 3<<20, g.Look(), "seen once, that is no drift")
	require.EqualValues(t, 3<<20, g.Watched().DriftPeak)
	g.Sample = func() (memory.Sample, error) { return m, err }
	err = errors.New("no /proc")
	require.EqualValues(t, 3<<20, g.Look())
	err, m.RSS = nil, 0
	require.Zero(t, g.Look())
	require.EqualValues(t, 16<<20, p.Stats().Limit)
	w := g.Watched()
	require.Zero(t, w.Last.RSS)
	require.EqualValues(t, 54<<20+p.Stats().Committed, w.Peak.RSS)
	require.EqualValues(t, 3<<20, w.DriftPeak)
	require.Equal(t, p.Stats().Committed, w.PagesPeak)
}
