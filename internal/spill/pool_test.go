package spill_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/spill"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil/faulty"
)

const blockBytes = 64 << 10

// churn writes, reads and frees many more blocks than fit, and returns the first error.
func churn(p *memory.Pool, s *memory.Statement, blocks int) error {
	a, err := s.Operator("churn", 4*blockBytes)
	if err != nil {
		return err
	}
	defer a.Close()
	var ids []memory.BlockID
	defer func() {
		for _, id := range ids {
			a.FreeBlock(id)
		}
	}()
	for i := range blocks {
		id, ref, err := a.NewBlock(blockBytes, memory.Held)
		if err != nil {
			return err
		}
		b := memory.Slice[uint64](a.Base(), ref, blockBytes/8)
		for j := range b {
			b[j] = uint64(i)<<32 | uint64(j*j)
		}
		a.Unpin(id, memory.ReuseLate)
		ids = append(ids, id)
	}
	for i, id := range ids {
		a.Prefetch(ids[min(i+4, len(ids)-1)])
		ref, err := a.Pin(id, memory.Held)
		if err != nil {
			return err
		}
		for j, v := range memory.Slice[uint64](a.Base(), ref, blockBytes/8) {
			if v != uint64(i)<<32|uint64(j*j) {
				return errors.New("a block came back with other bytes")
			}
		}
		a.Unpin(id, memory.ReuseUnknown)
	}
	return nil
}

func statement(t *testing.T, p *memory.Pool, tempQuota int64) *memory.Statement {
	s := p.NewStatement(p.Server(), memory.StatementOptions{Spill: true, TempQuotaBytes: tempQuota})
	require.NoError(t, s.Admit(t.Context(), 4*blockBytes))
	return s
}

func TestPoolOverFiles(t *testing.T) {
	store := open(t, spill.Options{}, &faulty.Files{})
	p := memorytest.NewPoolWith(t, memory.Options{LimitBytes: 4 << 20, Store: store})
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			s := statement(t, p, 0)
			defer s.Close()
			if err := churn(p, s, 150); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	st := store.Stats()
	require.Greater(t, st.Writes, int64(300))
	require.Greater(t, st.Reads, int64(300))
	require.Zero(t, st.InUse)
}

func TestPoolOverFaultyFiles(t *testing.T) {
	broken := errors.New("broken")
	step := 7
	if testing.Short() {
		step = 40
	}
	for n := 1; n < 100; n += step {
		for _, op := range []faulty.Op{faulty.Create, faulty.Write, faulty.Read} {
			files := &faulty.Files{Fail: faulty.FailNth(op, n, broken)}
			store := open(t, spill.Options{}, files)
			p := memorytest.NewPoolWith(t, memory.Options{LimitBytes: 1 << 20, Store: store})
			s := statement(t, p, 0)
			err := churn(p, s, 60)
			s.Close()
			if err == nil && s.Err() == nil {
				continue
			}
			if err != nil {
				require.ErrorIs(t, err, broken)
				var bad *sqlerr.SpillIOError
				require.ErrorAs(t, err, &bad)
			}
			require.Zero(t, store.Stats().InUse)
			s = statement(t, p, 0)
			require.NoError(t, churn(p, s, 30))
			s.Close()
		}
	}
}

func TestPoolOverQuota(t *testing.T) {
	store := open(t, spill.Options{}, &faulty.Files{})
	p := memorytest.NewPoolWith(t, memory.Options{LimitBytes: 1 << 20, Store: store})
	s := statement(t, p, 8*blockBytes)
	var space *sqlerr.TempSpaceError
	require.ErrorAs(t, churn(p, s, 60), &space)
	s.Close()
	require.Zero(t, store.Stats().InUse)
}
