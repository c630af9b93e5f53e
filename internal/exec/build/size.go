package build

import (
	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Limits are what a statement may use.
type Limits struct {
	QuotaBytes int64 // > 0
	Workers    int   // at least 1
	BatchRows  int   // rows in a batch at most, for tests; 0: chosen
}

// Sizing is how large a plan's operators are made.
type Sizing struct {
	Workers   int
	BatchRows int // of scans; breakers choose by the width of their rows
	PageBytes int // of blocks
	// JoinsMost is how many joins a pipeline passes at most; 0: any number. At the next one it is cut in two.
	JoinsMost int
	Minimum   int64
}

// defaultBatchRows is a compromise: batches of usual rows stay in the second-level cache.
const defaultBatchRows = 1024

// minBatchRows is the smallest batch that Size chooses.
const minBatchRows = 16

// joinsAtOnce is the first bound of a pipeline's joins. Cutting a pipeline costs as much as keeping its rows does.
const joinsAtOnce = 8

// Size finds the largest sizing whose minimum is at most half of the quota, so that the other half is left to rows in
// memory. Batches shrink first, then long pipelines are cut, then there are fewer workers. If nothing fits, the
// smallest of these is returned, and Least if that is over the quota: admission refuses it if it is, too. A pure
// function of its arguments.
func Size(p *physical.Plan, l Limits) (Sizing, error) {
	s := Sizing{Workers: l.Workers, BatchRows: defaultBatchRows}
	if l.BatchRows > 0 {
		s.BatchRows = min(l.BatchRows, vector.MaxRows)
	}
	for {
		s.PageBytes = rows.PageBytes(l.QuotaBytes, s.Workers)
		n, err := Minimum(p, s)
		if err != nil {
			return Sizing{}, err
		}
		s.Minimum = n
		switch {
		case n <= l.QuotaBytes/2:
			return s, nil
		case s.BatchRows > 256:
			s.BatchRows /= 2
		case s.JoinsMost == 0:
			s.JoinsMost = joinsAtOnce
		case s.Workers > 1:
			s.Workers /= 2
		case s.BatchRows > minBatchRows:
			s.BatchRows = max(s.BatchRows/2, minBatchRows)
		case s.JoinsMost > 1:
			s.JoinsMost /= 2
		case n > l.QuotaBytes:
			return Least(p, l)
		default:
			return s, nil
		}
	}
}

// Least is the sizing with the smallest minimum: what the plan needs to run at all, whatever its quota. One worker, the
// smallest batches and pages; pipelines are cut where that makes it smaller, as what keeps their rows needs pages, too.
func Least(p *physical.Plan, l Limits) (Sizing, error) {
	s := Sizing{Workers: 1, BatchRows: minBatchRows, PageBytes: rows.MinPageBytes}
	if l.BatchRows > 0 {
		s.BatchRows = min(l.BatchRows, minBatchRows)
	}
	var least Sizing
	for joins := joinsAtOnce; joins >= 0; joins /= 2 {
		s.JoinsMost = joins
		var err error
		if s.Minimum, err = Minimum(p, s); err != nil {
			return Sizing{}, err
		}
		if joins == joinsAtOnce || s.Minimum < least.Minimum {
			least = s
		}
		if joins == 0 {
			break
		}
	}
	return least, nil
}

// Minimum is the most that the plan's operators hold pinned at once with this sizing, in bytes. A pure function.
func Minimum(p *physical.Plan, s Sizing) (int64, error) {
	b := &builder{sizing: s, dry: true, run: &exec.Run{}}
	if err := b.root(p.Root); err != nil {
		return 0, err
	}
	return b.minimum(), nil
}
