package join

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/exec/exectest"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/vector"
)

// lateLeader has the leader begin its rounds once a helper has joined a task.
type lateLeader struct {
	hashOperator
	arrived *atomic.Bool
}

func (o lateLeader) NewLocal(w *exec.Worker) (exec.LocalOperator, error) {
	l, err := o.hashOperator.NewLocal(w)
	if err != nil {
		return nil, err
	}
	return &localLateLeader{l.(*hashLocal), o.arrived}, nil
}

type localLateLeader struct {
	*hashLocal
	arrived *atomic.Bool
}

func (l *localLateLeader) Flush(ctx context.Context) (*vector.Batch, error) {
	if !l.flushed {
		l.flushed = true
		l.arrived.Store(true)
		role := l.h.arrive(l.aside, l.mixed, l.workers)
		l.aside, l.mixed = nil, nil
		if role == leads {
			if err := l.h.await(ctx, l.w, func() bool { return l.h.shared > 0 }); err != nil {
				return nil, err
			}
		}
		var err error
		if l.rounds, err = newRounds(l.h, l.w, l.p, role == helps); err != nil {
			return nil, err
		}
	}
	return l.hashLocal.Flush(ctx)
}

// TestHashHelpers has tasks joined by the worker that is not the leader.
func TestHashHelpers(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 5))
			var arrived atomic.Bool
			var hash *Hash
			x := hashCase{
				left: makeSide(r, 900, intKey, 20), right: makeSide(r, 900, intKey, 20), kind: k.kind,
				nullAware: k.nullAware,
				around: func(h *Hash) exec.Operator {
					hash = h
					return lateLeader{hashOperator{h}, &arrived}
				},
			}
			test := x.test(t)
			res := test.Do(t, exectest.Conditions{
				Workers: 2, Shape: exectest.Shape{Rows: 50}, ForceSpill: true,
				Refuse: func(op memory.Op) error {
					if op == memory.OpSurplus && !arrived.Load() {
						return sqlerr.ErrNoSurplus
					}
					return nil
				},
			})
			require.NoError(t, res.Err)
			test.Check(t, res.Rows)
			require.Positive(t, hash.shared)
		})
	}
}

// TestHashRoundsShared joins by several workers with little memory; some runs are cancelled, or end early.
func TestHashRoundsShared(t *testing.T) {
	for i, k := range kinds {
		r := rand.New(rand.NewPCG(3, 5))
		x := hashCase{
			left: makeSide(r, 1200, intKey, 20), right: makeSide(r, 1500, intKey, 60), kind: k.kind,
			nullAware: k.nullAware,
		}
		test := x.test(t)
		for _, c := range []exectest.Conditions{
			{Surplus: 256 << 10}, {Surplus: 128 << 10, ForceSpill: true}, {QuotaBytes: 96 << 10},
			{QuotaBytes: 192 << 10, CancelAt: 5}, {Surplus: 64 << 10, Wanted: 1 + 40*i},
			{Surplus: 192 << 10, Wanted: 300},
		} {
			t.Run(fmt.Sprint(k.name, " ", c), func(t *testing.T) {
				c.Workers, c.Shape = 3+i%2, exectest.Shape{Rows: 100}
				res := test.Do(t, c)
				if c.CancelAt == 0 {
					require.NoError(t, res.Err)
				}
				if c.CancelAt == 0 && c.Wanted == 0 {
					test.Check(t, res.Rows)
				}
			})
		}
	}
}
