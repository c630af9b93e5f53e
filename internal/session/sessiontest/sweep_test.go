package sessiontest

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/testutil/faulty"
)

const sweepRows = 3000

// mode is how the N-th operation is made to fail.
type mode struct {
	name    string
	onwards bool // all after it, too
	mustRun bool // the rows must come all the same
	// arm makes hit true for the operation that is to fail; disarm ends it.
	arm    func(r *Rig, hit func() bool)
	disarm func(r *Rig)
}

// refusing refuses operations of the pool.
func refusing(op memory.Op, err error) func(*Rig, func() bool) {
	return func(r *Rig, hit func() bool) {
		r.Refuse(func(o memory.Op, _ string, _ int) error {
			if o == op && hit() {
				return err
			}
			return nil
		})
	}
}

// failing fails operations on temporary files.
func failing(op faulty.Op, err error) func(*Rig, func() bool) {
	return func(r *Rig, hit func() bool) {
		r.FailFiles(func(o faulty.Op, _ int) error {
			if o == op && hit() {
				return err
			}
			return nil
		})
	}
}

func nothingRefused(r *Rig) { r.Refuse(nil) }
func nothingFails(r *Rig)   { r.FailFiles(nil) }

var (
	noMemory = &sqlerr.ServerMemoryError{ConnID: 1, Report: "refused by a test"}
	noRoom   = &sqlerr.AdmissionTimeoutError{ConnID: 1, MinimumBytes: 1}
)

var memoryModes = []mode{
	{name: "surplus", mustRun: true, arm: refusing(memory.OpSurplus, sqlerr.ErrNoSurplus), disarm: nothingRefused},
	{name: "surplus from", onwards: true, mustRun: true, arm: refusing(memory.OpSurplus, sqlerr.ErrNoSurplus),
		disarm: nothingRefused},
	{name: "minimum", arm: refusing(memory.OpMinimum, noMemory), disarm: nothingRefused},
	{name: "minimum from", onwards: true, arm: refusing(memory.OpMinimum, noMemory), disarm: nothingRefused},
	{name: "admission", arm: refusing(memory.OpAdmit, noRoom), disarm: nothingRefused},
}

var diskModes = []mode{
	{name: "surplus", mustRun: true, arm: refusing(memory.OpSurplus, sqlerr.ErrNoSurplus), disarm: nothingRefused},
	{name: "surplus from", onwards: true, mustRun: true, arm: refusing(memory.OpSurplus, sqlerr.ErrNoSurplus),
		disarm: nothingRefused},
	{name: "minimum", arm: refusing(memory.OpMinimum, noMemory), disarm: nothingRefused},
	{name: "block write", arm: refusing(memory.OpWrite, &sqlerr.SpillIOError{Write: true, Path: "tmp", Err: unix.EIO}),
		disarm: nothingRefused},
	{name: "block read", arm: refusing(memory.OpRead, &sqlerr.SpillIOError{Path: "tmp", Err: unix.EIO}),
		disarm: nothingRefused},
	{name: "write", arm: failing(faulty.Write, unix.EIO), disarm: nothingFails},
	{name: "disk full from", onwards: true, arm: failing(faulty.Write, unix.ENOSPC), disarm: nothingFails},
	{name: "read", arm: failing(faulty.Read, unix.EIO), disarm: nothingFails},
	{name: "read from", onwards: true, arm: failing(faulty.Read, unix.EIO), disarm: nothingFails},
	{name: "create from", onwards: true, arm: failing(faulty.Create, unix.EMFILE), disarm: nothingFails},
}

// TestRefusalSweep has plenty of memory: leases are had, and refused in turn.
func TestRefusalSweep(t *testing.T) { sweepAll(t, memoryModes, "set spillway_force_spill = 0") }

// TestSpillSweep writes every block that is unpinned to temporary storage, and fails in turn.
func TestSpillSweep(t *testing.T) {
	sweepAll(t, diskModes, "set spillway_force_spill = 1", "set spillway_batch_rows = 64")
}

func sweepAll(t *testing.T, modes []mode, settings ...string) {
	sized(t, func(t *testing.T, rows int, next step) {
		r := New(t, Options{})
		c := fill(t, r, rows)
		for _, s := range settings {
			c.Must(s)
		}
		for _, q := range swept() {
			t.Run(q.name, func(t *testing.T) {
				want, err := q.run(t.Context(), t, c, nil)
				require.NoError(t, err)
				base := r.baseline()
				for _, m := range modes {
					sweep(t, c, q, m, next, want, base)
				}
			})
		}
	})
}

// step is the operation to fail after the n-th.
type step func(n int64) int64

// each fails each operation in long runs, else ever fewer.
func each(n int64) int64 {
	if testutil.Long() {
		return n + 1
	}
	return n + 1 + n/2
}

// sized runs a sweep over many rows; when the run is long over few rows, too, with each operation. The operations grow
// with the rows and so does the time of each run: that would take hours over many.
func sized(t *testing.T, run func(t *testing.T, rows int, next step)) {
	if !testutil.Long() {
		run(t, sweepRows, each)
		return
	}
	t.Run("each", func(t *testing.T) { run(t, sweepRows/10, each) })
	t.Run("many", func(t *testing.T) { run(t, sweepRows, func(n int64) int64 { return n + 1 + n/50 }) })
}

// sweep fails the N-th operation for N = 1, next(1), ... until a run has no N-th operation.
func sweep(t *testing.T, c *Client, q *query, m mode, next func(int64) int64, want []string, base baseline) {
	failed := 0
	for n := int64(1); ; n = next(n) {
		var count, touched atomic.Int64
		hit := func() bool {
			k := count.Add(1)
			if k == n || k > n && m.onwards {
				touched.Add(1)
				return true
			}
			return false
		}
		what := fmt.Sprintf("%s: %s %d", q.name, m.name, n)
		got, err := q.run(t.Context(), t, c, func() func() {
			m.arm(c.rig, hit)
			return func() { m.disarm(c.rig) }
		})
		switch {
		case err == nil:
			requireRows(t, want, got, q.ordered, what)
		case m.mustRun || touched.Load() == 0:
			require.NoError(t, err, what)
		default:
			failed++
			requireClear(t, err, what)
		}
		clean(t, c, base, what)
		if touched.Load() == 0 {
			if testing.Verbose() {
				t.Logf("%s: %d operations, %d runs failed", m.name, count.Load(), failed)
			}
			return
		}
	}
}
