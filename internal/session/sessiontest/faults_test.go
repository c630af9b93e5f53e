package sessiontest

import (
	"io/fs"
	"regexp"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil/faulty"
)

// fault is what is wrong with temporary storage while a statement runs, from its start to its end, and the error that a
// statement fails with that needs it.
type fault struct {
	name   string
	code   sqlerr.Code
	text   string // in the message
	arm    func(r *Rig, touched func())
	disarm func(r *Rig)
}

func files(op faulty.Op, err error) func(*Rig, func()) {
	return func(r *Rig, touched func()) {
		r.FailFiles(func(o faulty.Op, _ int) error {
			if o != op {
				return nil
			}
			touched()
			return err
		})
	}
}

func blocks(op memory.Op, err error) func(*Rig, func()) {
	return func(r *Rig, touched func()) {
		r.Refuse(func(o memory.Op, _ string, _ int) error {
			if o != op {
				return nil
			}
			touched()
			return err
		})
	}
}

var faults = []fault{
	{"disk full", sqlerr.ErrDiskFull, "no space left", files(faulty.Write, unix.ENOSPC), nothingFails},
	{"quota of the disk", sqlerr.ErrDiskFull, "quota", files(faulty.Write, unix.EDQUOT), nothingFails},
	{"tmp-storage-quota", sqlerr.ErrRecordFileFull, "Out Of Quota For Local Temporary Space!",
		blocks(memory.OpWrite, &sqlerr.TempSpaceError{Path: "tmp", UsedBytes: 1, QuotaBytes: 1}), nothingRefused},
	{"write", sqlerr.ErrErrorOnWrite, "input/output error", files(faulty.Write, unix.EIO), nothingFails},
	{"read", sqlerr.ErrErrorOnRead, "input/output error", files(faulty.Read, unix.EIO), nothingFails},
	{"damaged slots", sqlerr.ErrErrorOnRead, "checksum", func(r *Rig, touched func()) {
		r.CorruptReads(true)
		files(faulty.Read, nil)(r, touched)
	}, func(r *Rig) {
		r.CorruptReads(false)
		r.FailFiles(nil)
	}},
	{"directory removed", sqlerr.ErrErrorOnWrite, "removed while the server runs",
		files(faulty.Create, &fs.PathError{Op: "open", Path: "tmp", Err: unix.ENOENT}), nothingFails},
	{"mmap refused", sqlerr.ErrOutOfResources, "the system refuses", func(r *Rig, touched func()) {
		r.GiveBackIdle()
		r.Refuse(func(o memory.Op, statement string, _ int) error {
			if o != memory.OpMap || statement == otherQuery {
				return nil
			}
			touched()
			return unix.ENOMEM
		})
	}, nothingRefused},
	{"no file handles", sqlerr.ErrErrorOnWrite, "too many open files", files(faulty.Create, unix.EMFILE), nothingFails},
}

// otherQuery is what another session does meanwhile.
const otherQuery = "select count(*) from u"

// TestFaults runs every query against every fault of temporary storage, with all that is unpinned being written: the
// statement fails with the fault's error, or does not need what is broken and is right; other sessions go on, and
// nothing is left. TestSpillSweep is about the N-th operation. A new operator is one line of queries or more.
func TestFaults(t *testing.T) {
	r := New(t, Options{})
	c := fill(t, r, sweepRows)
	other := r.Connect(t, "d")
	c.Must("set spillway_force_spill = 1")
	failed := map[string]int{}
	for _, q := range all() {
		t.Run(q.name, func(t *testing.T) {
			want, err := q.run(t.Context(), t, c, nil)
			require.NoError(t, err)
			base := r.baseline()
			for _, f := range faults {
				var touched atomic.Bool
				got, err := q.run(t.Context(), t, c, func() func() {
					f.arm(r, func() { touched.Store(true) })
					return func() {
						require.Equal(t, []string{"60"}, other.Must(otherQuery), f.name)
						f.disarm(r)
					}
				})
				if err == nil {
					requireRows(t, want, got, q.ordered, f.name)
				} else {
					failed[f.name]++
					require.True(t, touched.Load(), "%s: %v", f.name, err)
					require.Equal(t, f.code, code(err), "%s: %v", f.name, err)
					require.ErrorContains(t, err, f.text, f.name)
					requireClear(t, err, f.name)
				}
				clean(t, c, base, f.name)
			}
		})
	}
	for _, f := range faults {
		require.NotZero(t, failed[f.name], "%s: no query has met it", f.name)
	}
}

// TestFaultsMeetEveryOperator: an operator that no query uses is one that no fault meets.
func TestFaultsMeetEveryOperator(t *testing.T) {
	r := New(t, Options{})
	c := fill(t, r, 60)
	name := regexp.MustCompile(`^[^A-Za-z]*([A-Za-z]+)`)
	met := map[string]bool{}
	explain := func(q *query) {
		if q.undo != "" {
			return // a definition has no plan to be shown
		}
		for _, row := range c.Must("explain " + q.sql) {
			met[name.FindStringSubmatch(row)[1]] = true
		}
	}
	for _, q := range all() {
		explain(q)
	}
	for i := range below {
		explain(&below[i])
	}
	for _, want := range []string{
		"Apply", "CTE", "CTEFullScan", "CTETable", "Delete", "HashAgg", "HashJoin",
		"IndexJoin", "IndexLookUp", "IndexRangeScan", "Insert", "Limit", "MaxOneRow", "MergeJoin", "NestedLoopJoin",
		"Projection", "Repeat", "Replace", "Rollup", "Selection", "Sort", "StreamAgg", "TableFullScan",
		"TableRangeScan", "TopN", "Union", "Update", "Values", "Window", "DefaultRow", "LoadData",
	} {
		if !met[want] {
			t.Errorf("no query has %s", want)
		}
	}
}
