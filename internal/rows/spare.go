package rows

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
)

// Rows with values of more than 64 KiB pass through pages that are leased for each: those of the scan, of its batch and
// of the key, then of the copy to a run. Who keeps rows in leases can give them back only between rows, so where rows
// can be as long, it leaves a part of the surplus to them.
const spareFraction = 4

// spareBytes is what a builder leaves.
func (s *Sorter) spareBytes() int64 {
	for _, t := range s.spec.Types {
		n := t.MaxBytes() // 0: not known
		if t.Phys() == types.PhysString && (n > sharedOverflowBytes || n == 0) {
			return s.acct.Surplus() / spareFraction
		}
	}
	return 0
}

// spares says if a lease of n bytes leaves spare bytes of surplus.
func spares(acct *memory.Account, n, spare int64) bool {
	return spare == 0 || acct.Surplus()-n >= spare
}

// few says if the pins leave most of the surplus to those who get the rows, so that there may be more of them.
func (p *Pins) few() bool {
	return p.leased == 0 || p.leased <= p.acct.Surplus()/spareFraction
}
