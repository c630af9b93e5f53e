package exectest

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// BenchOptions say what a benchmark runs.
type BenchOptions struct {
	Columns    []Gen // numbers only
	Rows       int
	Workers    int
	QuotaBytes int64 // in all; 0: none
	MinBytes   func(workers int) int64
	New        func(acct *memory.Account, stmt *memory.Statement, workers int) (*Subject, error)
}

const benchRows = 2048 // of a batch

// Bench runs an operator over generated numbers, and reports rows of input by second. One pool serves all runs, so that
// its frames are warm, as a server's are.
func Bench(b *testing.B, o BenchOptions) {
	store := &memorytest.Blocks{}
	pool, err := memory.NewPool(memory.Options{LimitBytes: 6 << 30, Store: store})
	require.NoError(b, err)
	run := func() {
		in := &numbers{o: &o, batch: vector.BatchBytes(Types(o.Columns), benchRows, MinArena)}
		minimum := o.MinBytes(o.Workers)
		granted := minimum + int64(o.Workers)*in.batch
		stmt := pool.NewStatement(pool.Server(), memory.StatementOptions{
			Spill: true, QuotaBytes: o.QuotaBytes, CancelAtQuota: true,
		})
		require.NoError(b, stmt.Admit(context.Background(), granted))
		stmt.AddWorkers(1)
		acct, err := stmt.Operator("subject", minimum)
		require.NoError(b, err)
		in.acct, err = stmt.Operator("input", int64(o.Workers)*in.batch)
		require.NoError(b, err)
		s, err := o.New(acct, stmt, o.Workers)
		require.NoError(b, err)
		out := &counter{}
		r := &exec.Run{Statement: stmt, Pipelines: s.Pipelines(in, out, o.Workers)}
		require.NoError(b, r.Execute(context.Background()))
		require.NoError(b, r.Close())
		b.ReportMetric(float64(out.rows.Load()), "rows-out")
		b.ReportMetric(float64(acct.Stats().SpilledBytes)/1e6, "spilled-MB")
		in.acct.Close()
		acct.Close()
		stmt.AddWorkers(-1)
		stmt.Close()
	}
	run()
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(o.Rows)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
	require.NoError(b, pool.Close())
}

// MinArena is the arena of a batch without strings.
const MinArena = memory.MinPageBytes

// numbers is a source of numbers.
type numbers struct {
	o     *BenchOptions
	acct  *memory.Account
	batch int64
	given atomic.Int64
}

func (s *numbers) NewLocal(w *exec.Worker) (exec.LocalSource, error) {
	b, err := vector.NewBatch(s.acct, Types(s.o.Columns), benchRows, MinArena)
	return &localNumbers{s, b, rand.NewPCG(1, uint64(w.ID))}, err
}

func (s *numbers) MaxWorkers() int { return s.o.Workers }
func (s *numbers) Close() error    { return nil }

type localNumbers struct {
	s   *numbers
	b   *vector.Batch
	rnd *rand.PCG
}

func (l *localNumbers) Next(context.Context) (*vector.Batch, error) {
	l.b.Reset()
	if l.s.given.Add(benchRows) > int64(l.s.o.Rows) {
		return nil, nil
	}
	l.b.Len = benchRows
	for c, v := range l.b.Cols {
		v.NoNulls = true
		n := uint64(l.s.o.Columns[c].Distinct)
		clear(v.Null)
		switch v.Type.Phys() {
		case types.PhysInt64:
			for i := range v.I64[:benchRows] {
				v.I64[i] = int64(l.rnd.Uint64() % n)
			}
		case types.PhysUint64:
			for i := range v.U64[:benchRows] {
				v.U64[i] = l.rnd.Uint64() % n
			}
		}
	}
	return l.b, nil
}

func (l *localNumbers) Pause() error { return nil }

func (l *localNumbers) Close() error {
	l.b.Close()
	return nil
}

// counter counts rows.
type counter struct{ rows atomic.Int64 }

func (c *counter) NewLocal(*exec.Worker) (exec.LocalSink, error) { return localCounter{c}, nil }
func (c *counter) Finish(context.Context) error                  { return nil }
func (c *counter) Close() error                                  { return nil }

type localCounter struct{ c *counter }

func (l localCounter) Consume(_ context.Context, b *vector.Batch) (exec.OpResult, error) {
	l.c.rows.Add(int64(b.Rows()))
	return exec.NeedMore, nil
}

func (l localCounter) Combine(context.Context) error { return nil }
func (l localCounter) Close() error                  { return nil }
