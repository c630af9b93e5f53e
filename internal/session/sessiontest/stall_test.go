package sessiontest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/testutil"
)

// TestCancel ends each query before one batch after the other, as KILL QUERY does.
func TestCancel(t *testing.T) {
	r := New(t, Options{})
	c := fill(t, r, sweepRows)
	c.Must("set spillway_batch_rows = 64")
	for _, q := range all() {
		if q.check != "" || q.fetch > 0 {
			continue
		}
		t.Run(q.name, func(t *testing.T) {
			c.Must("set spillway_force_spill = 0")
			base := r.baseline()
			for n := 1; ; n += 1 + n/4 {
				batches := 0
				out := Rows{Drop: true, OnBatch: func() error {
					if batches++; batches == n {
						return r.Sessions.Kill(c.ID(), true)
					}
					return nil
				}}
				err := c.Query(t.Context(), []byte(q.sql), &out)
				if err != nil {
					requireClear(t, err, q.name)
				}
				clean(t, c, base, q.name)
				if batches < n {
					require.NoError(t, err)
					return
				}
			}
		})
	}
}

// TestCancelDuringOperations ends each query at the N-th operation of the pool.
func TestCancelDuringOperations(t *testing.T) {
	sized(t, func(t *testing.T, rows int, next step) {
		r := New(t, Options{})
		c := fill(t, r, rows)
		c.Must("set spillway_force_spill = 1")
		for _, q := range swept() {
			t.Run(q.name, func(t *testing.T) {
				want, err := q.run(t.Context(), t, c, nil)
				require.NoError(t, err)
				killSweep(t, c, q, next, want, r.baseline())
			})
		}
	})
}

// killSweep ends the query at its N-th operation of the pool, for N = 1, next(1), ... until a run has none.
func killSweep(t *testing.T, c *Client, q *query, next step, want []string, base baseline) {
	r := c.rig
	for n := int64(1); ; n = next(n) {
		var count atomic.Int64
		got, err := q.run(t.Context(), t, c, func() func() {
			r.Refuse(func(memory.Op, string, int) error {
				if count.Add(1) == n {
					return r.Sessions.Kill(c.ID(), true)
				}
				return nil
			})
			return func() { r.Refuse(nil) }
		})
		if err != nil {
			requireClear(t, err, q.name)
		} else {
			requireRows(t, want, got, q.ordered, q.name)
		}
		clean(t, c, base, q.name)
		if count.Load() < n {
			require.NoError(t, err)
			return
		}
	}
}

// TestStall has a client that does not read: its statement is parked, its memory is another's meanwhile, and then it
// goes on as if nothing had been.
func TestStall(t *testing.T) {
	r := New(t, Options{LimitBytes: 24 << 20, ParkAfter: time.Millisecond})
	c := fill(t, r, 2*sweepRows)
	c.Must("set tidb_mem_quota_query = 8388608")
	greedy := r.Connect(t, "d")
	for _, q := range all() {
		if q.check != "" || q.fetch > 0 {
			continue
		}
		t.Run(q.name, func(t *testing.T) {
			var want Rows
			total := 0
			want.OnBatch = func() error {
				total++
				return nil
			}
			require.NoError(t, c.Query(t.Context(), []byte(q.sql), &want))
			base := r.baseline()
			stall := make(chan struct{})
			reached := make(chan struct{})
			var got Rows
			batches := 0
			got.OnBatch = func() error {
				if batches++; batches == min(total, 2) {
					got.Stall = stall
					close(reached)
				}
				return nil
			}
			done := make(chan error, 1)
			go func() { done <- c.Query(t.Context(), []byte(q.sql), &got) }()
			<-reached
			require.Eventually(t, func() bool { return r.Pool.Stats().Minimums == base.minimums },
				testutil.Patience, time.Millisecond, "the minimum comes back")
			takeAll(t, greedy)
			close(stall)
			require.NoError(t, <-done)
			requireRows(t, want.Lines, got.Lines, q.ordered, q.name)
			clean(t, c, base, q.name)
		})
	}
}

// takeAll uses as much of the pool as can be had.
func takeAll(t *testing.T, c *Client) {
	t.Helper()
	stmt := c.rig.Pool.NewStatement(c.Account(), memory.StatementOptions{Name: "all", Spill: true})
	defer stmt.Close()
	const lane = 16 // of the pool is not to be had
	limit := c.rig.Pool.Stats().Limit
	require.NoError(t, stmt.Admit(t.Context(), limit-limit/lane-limit/8))
	a, err := stmt.Operator("all", limit-limit/lane-limit/8)
	require.NoError(t, err)
	defer a.Close()
	const page = 64 << 10
	var pages []memory.Page
	for range (limit - limit/lane - limit/8) / page {
		p, err := a.Alloc(page, memory.Held)
		require.NoError(t, err)
		pages = append(pages, p)
		clear(memory.Bytes(a.Base(), p.Ref, page))
	}
	for _, p := range pages {
		a.Free(p)
	}
}

// TestStallEnds has a parked statement killed, and one whose client comes back to a server without memory.
func TestStallEnds(t *testing.T) {
	r := New(t, Options{LimitBytes: 24 << 20, ParkAfter: time.Millisecond})
	c := fill(t, r, sweepRows)
	base := r.baseline()
	out := Rows{Drop: true, Stall: make(chan struct{})}
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Query(ctx, []byte("select * from t order by s, id"), &out) }()
	require.Eventually(t, func() bool {
		p := r.Sessions.Sessions()[0].Process()
		return p.State == "Sending to client" && r.Pool.Stats().Minimums == 0
	}, testutil.Patience, time.Millisecond)
	takeAll(t, r.Connect(t, "d"))
	if testutil.Long() {
		time.Sleep(100 * time.Millisecond)
	}
	cancel(errors.New("gone"))
	require.Error(t, <-done)
	clean(t, c, base, "killed")
}

// TestStallInFetch: who does not read the rows of a cursor is seen in the process list.
func TestStallInFetch(t *testing.T) {
	r := New(t, Options{ParkAfter: time.Millisecond})
	c := fill(t, r, 300)
	p, err := c.Prepare(t.Context(), []byte("select * from t"))
	require.NoError(t, err)
	defer c.CloseStatement(p.ID)
	require.NoError(t, c.Execute(t.Context(), p.ID, nil, true, &Rows{}))
	read := make(chan struct{})
	out := Rows{Stall: read}
	done := make(chan error, 1)
	go func() { done <- c.Fetch(t.Context(), p.ID, 100, &out) }()
	require.Eventually(t, func() bool {
		p := r.Sessions.Sessions()[0].Process()
		return p.State == "Sending to client" && p.Info == "select * from t"
	}, testutil.Patience, time.Millisecond)
	close(read)
	require.NoError(t, <-done)
	require.Len(t, out.Lines, 100)
}
