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
	Minimum   int64
}

// defaultBatchRows is a compromise: batches of usual rows stay in the second-level cache.
const defaultBatchRows = 1024

// minBatchRows is the smallest batch that Size chooses.
const minBatchRows = 16

// Size finds the largest sizing whose minimum is at most half of the quota, so that the other half is left to rows in
// memory. Batches shrink first, then the number of workers. If nothing fits, the smallest sizing is returned: admission
// refuses it if it is over the quota. A pure function of its arguments.
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
		case s.Workers > 1:
			s.Workers /= 2
		case s.BatchRows > minBatchRows:
			s.BatchRows = max(s.BatchRows/2, minBatchRows)
		default:
			return s, nil
		}
	}
}

// Minimum is the sum of what the plan's operators hold pinned at once with this sizing, in bytes. A pure function.
func Minimum(p *physical.Plan, s Sizing) (int64, error) {
	b := &builder{sizing: s, dry: true, run: &exec.Run{}}
	if err := b.root(p.Root); err != nil {
		return 0, err
	}
	return b.minimum, nil
}
