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
	m.RSS += 3<<20 + p.Stats().Committed
	require.EqualValues(t, 3<<20, g.Look())
	require.EqualValues(t, 13<<20, p.Stats().Limit)
	require.EqualValues(t, 3<<20, p.Stats().Drift)
	err = errors.New("no /proc")
	require.EqualValues(t, 3<<20, g.Look())
	err, m.RSS = nil, 0
	require.Zero(t, g.Look())
	require.EqualValues(t, 16<<20, p.Stats().Limit)
}
