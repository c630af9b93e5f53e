package memory_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/memory/memorytest"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
)

var errKilled = errors.New("killed")

// TestStorm runs statements in parallel that spill, lease, park, and are killed at random. Those that are not killed
// must succeed with the right bytes.
func TestStorm(t *testing.T) {
	seed := testutil.Seed(t)
	rounds := 15
	switch {
	case testutil.Long():
		rounds = 300
	case testing.Short():
		rounds = 6
	}
	p := memorytest.NewPoolWith(t, memory.Options{LimitBytes: 8 << 20, ParkAfter: 200 * time.Microsecond})
	var all sync.WaitGroup
	for w := range uint64(8) {
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, w))
			for range rounds {
				storm(t, p, r)
			}
		})
	}
	all.Wait()
	require.NoError(t, p.Check())
	require.Zero(t, p.Stats().Minimums)
	require.Zero(t, p.Stats().Leases)
}

func storm(t *testing.T, p *memory.Pool, r *rand.Rand) {
	o := memory.StatementOptions{Spill: true, CancelAtQuota: true}
	minimum := int64(4+r.IntN(40)) * page
	if r.IntN(2) == 0 {
		o.QuotaBytes = minimum + int64(r.IntN(20))*page
	}
	s := p.NewStatement(p.Server(), o)
	defer s.Close()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	if r.IntN(3) == 0 {
		timer := time.AfterFunc(time.Duration(r.IntN(5000))*time.Microsecond, func() { cancel(errKilled) })
		defer timer.Stop()
	}
	err := s.Admit(ctx, minimum)
	if err == nil {
		err = stormWork(p, s, minimum, ctx, r)
	}
	if err != nil && !(errors.Is(err, errKilled) && context.Cause(ctx) != nil) {
		t.Errorf("%v (statement: %v)", err, s.Err())
	}
}

func stormWork(p *memory.Pool, s *memory.Statement, minimum int64, ctx context.Context, r *rand.Rand) error {
	a, err := s.Operator("op", minimum)
	if err != nil {
		return err
	}
	defer a.Close()
	s.AddWorkers(1)
	var ids []memory.BlockID
	var leases []memory.Page
	defer func() {
		for _, id := range ids {
			a.FreeBlock(id)
		}
		for _, g := range leases {
			a.Free(g)
		}
	}()
	for range 60 {
		switch r.IntN(6) {
		case 0, 1, 2:
			id, ref, err := a.NewBlock(page, memory.Held)
			if err != nil {
				return err
			}
			memory.Slice[uint32](p.Base(), ref, 100)[99] = uint32(id)
			a.Unpin(id, memory.ReuseUnknown)
			ids = append(ids, id)
		case 3:
			g, err := a.Alloc(page, memory.Leased)
			if err == nil {
				leases = append(leases, g)
			} else if !errors.Is(err, sqlerr.ErrNoSurplus) {
				return err
			}
		case 4:
			if a.Revoked() {
				for _, g := range leases {
					a.Free(g)
				}
				leases = nil
			}
		case 5:
			if len(ids) > 0 {
				if err := stormWait(p, s, a, ids[r.IntN(len(ids))], ctx, r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// stormWait pins a block, waits, and looks at the block through the reference from before.
func stormWait(p *memory.Pool, s *memory.Statement, a *memory.Account, id memory.BlockID, ctx context.Context,
	r *rand.Rand,
) error {
	ref, err := a.Pin(id, memory.Held)
	if err != nil {
		return err
	}
	defer a.Unpin(id, memory.ReuseSoon)
	d := time.Duration(r.IntN(1000)) * time.Microsecond
	err = s.Wait(ctx, "storm", func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	if err != nil {
		return err
	}
	if got := memory.Slice[uint32](p.Base(), ref, 100)[99]; got != uint32(id) {
		return errors.New("a parked block changed")
	}
	return nil
}
