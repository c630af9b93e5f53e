package physical

import (
	"slices"
	"strings"

	"github.com/spillwaydb/spillway/internal/types"
)

// RuntimeFilter is what a hash join makes of its build side's keys for the scan of its probe side, when it runs.
type RuntimeFilter struct {
	Types []types.Type // of the join's keys
}

// ScanFilter is a scan's use of one.
type ScanFilter struct {
	Filter  *RuntimeFilter
	Columns []int // of the scan's output, by key of the join; -1: the key is none of them
}

// describe is what EXPLAIN shows of it: a Bloom filter over all keys, bounds of numbers and times.
func (f *ScanFilter) describe(columns []Column) string {
	var all, bounded []string
	for key, c := range f.Columns {
		if c < 0 {
			continue
		}
		name := columns[c].Name
		all = append(all, name)
		if f.Filter.Types[key].Phys() != types.PhysString && !slices.Contains(bounded, name) {
			bounded = append(bounded, name)
		}
	}
	var parts []string
	if len(all) == len(f.Columns) {
		parts = append(parts, "bloom("+strings.Join(all, ", ")+")")
	}
	if len(bounded) > 0 {
		parts = append(parts, "min/max("+strings.Join(bounded, ", ")+")")
	}
	return "runtime filter: " + strings.Join(parts, ", ")
}
