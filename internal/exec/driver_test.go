package exec

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/vector"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// counted is a source of batches of ten rows without columns, and a sink that counts them.
type counted struct {
	batches, workers int
	wanted           int64 // rows after which the sink is full; 0: all
	fails            func(batch int64) error

	given, rows, combined, closed atomic.Int64
}

func (c *counted) MaxWorkers() int              { return c.workers }
func (c *counted) Close() error                 { return nil }
func (c *counted) Finish(context.Context) error { return nil }

type countedSource struct{ *counted }
type countedSink struct{ *counted }

func (s countedSource) NewLocal(*Worker) (LocalSource, error) { return localSource{s.counted}, nil }
func (s countedSink) NewLocal(*Worker) (LocalSink, error)     { return localSink{s.counted}, nil }

type localSource struct{ c *counted }

func (l localSource) Next(context.Context) (*vector.Batch, error) {
	n := l.c.given.Add(1)
	if n > int64(l.c.batches) {
		return nil, nil
	}
	if l.c.fails != nil {
		if err := l.c.fails(n); err != nil {
			return nil, err
		}
	}
	return &vector.Batch{Len: 10}, nil
}

func (l localSource) Pause() error { return nil }
func (l localSource) Close() error { l.c.closed.Add(1); return nil }

type localSink struct{ c *counted }

func (l localSink) Consume(_ context.Context, b *vector.Batch) (OpResult, error) {
	if n := l.c.rows.Add(int64(b.Rows())); l.c.wanted > 0 && n >= l.c.wanted {
		return Finished, nil
	}
	return NeedMore, nil
}

func (l localSink) Combine(context.Context) error { l.c.combined.Add(1); return nil }
func (l localSink) Close() error                  { return nil }

func execute(t *testing.T, c *counted, ctx context.Context) error {
	t.Helper()
	pool := memorytest.NewPool(t, 1<<20)
	stmt := pool.NewStatement(pool.Server(), memory.StatementOptions{})
	defer stmt.Close()
	stmt.AddWorkers(1)
	defer stmt.AddWorkers(-1)
	r := &Run{Statement: stmt, Pipelines: []*Pipeline{{
		Chains: []Chain{{Source: countedSource{c}}}, Sink: countedSink{c}, Workers: 4,
	}}}
	err := r.Execute(ctx)
	require.NoError(t, r.Close())
	require.NoError(t, r.Close(), "repeatable")
	return err
}

// Each pipeline's node is told when it begins, those behind one that fails are not.
func TestPhases(t *testing.T) {
	for fails, want := range map[bool][]int{false: {3, 1}, true: {3}} {
		pool := memorytest.NewPool(t, 1<<20)
		stmt := pool.NewStatement(pool.Server(), memory.StatementOptions{})
		stmt.AddWorkers(1)
		var phases []int
		r := &Run{Statement: stmt, Phase: func(node int) { phases = append(phases, node) }}
		for _, node := range []int{3, 1} {
			c := &counted{batches: 2, workers: 1}
			if fails {
				c.fails = func(int64) error { return errors.New("fails") }
			}
			r.Pipelines = append(r.Pipelines, &Pipeline{
				Chains: []Chain{{Source: countedSource{c}}}, Node: node, Sink: countedSink{c}, Workers: 1,
			})
		}
		require.Equal(t, fails, r.Execute(t.Context()) != nil)
		require.Equal(t, want, phases)
		require.NoError(t, r.Close())
		stmt.AddWorkers(-1)
		stmt.Close()
	}
}

func TestDriver(t *testing.T) {
	for workers := 1; workers <= 4; workers++ {
		c := &counted{batches: 100, workers: workers}
		require.NoError(t, execute(t, c, t.Context()))
		require.EqualValues(t, 1000, c.rows.Load())
		require.EqualValues(t, workers, c.combined.Load())
		require.EqualValues(t, workers, c.closed.Load())

		c = &counted{batches: 1 << 40, workers: workers, wanted: 55}
		require.NoError(t, execute(t, c, t.Context()), "a full sink stops all workers")

		broken := errors.New("broken")
		c = &counted{batches: 1 << 40, workers: workers, fails: func(n int64) error {
			if n == 20 {
				return broken
			}
			return nil
		}}
		require.ErrorIs(t, execute(t, c, t.Context()), broken, "one worker's error is the statement's")
		require.EqualValues(t, workers, c.closed.Load())

		ctx, cancel := context.WithCancelCause(t.Context())
		c = &counted{batches: 1 << 40, workers: workers, fails: func(n int64) error {
			if n == 20 {
				cancel(broken)
			}
			return nil
		}}
		require.ErrorIs(t, execute(t, c, ctx), broken, "the cause of a cancellation")
	}
}
