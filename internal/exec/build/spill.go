package build

import (
	"math"

	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/rows"
	"github.com/spillwaydb/spillway/internal/types"
)

// ExpectedSpills are the nodes whose rows are not expected to fit in memory with this sizing and quota: by the plan's
// estimates of rows and by guesses of the lengths of strings. A node's rows have to fit beside those that are live
// meanwhile: what the pipeline that brings them reads or looks up. A pure function.
func ExpectedSpills(p *physical.Plan, s Sizing, quotaBytes int64) (map[int]bool, error) {
	b := &builder{sizing: s, dry: true, spills: map[int]bool{}, surplus: float64(quotaBytes - s.Minimum)}
	if err := b.root(p.Root); err != nil {
		return nil, err
	}
	return b.spills, nil
}

// Bytes that a row takes beside its columns.
const (
	sortRowBytes  = 16 + 24 // its key's prefix, and the element that stands for it
	groupRowBytes = 12      // its entry in the table, which is filled to two thirds
	buildRowBytes = 16      // its entry in the table and its link
)

// guessedString is the most that the length of a string is guessed at.
const guessedString = 64

// state notes that n keeps so many rows while live bytes are kept by others, and returns the rows' bytes.
func (b *builder) state(n physical.Node, count float64, columns []types.Type, extra int, live float64) float64 {
	if b.spills == nil {
		return 0
	}
	width := rows.NewLayout(columns, 0).Width() + extra
	for _, t := range columns {
		if t.Phys() == types.PhysString {
			width += int(min(int64(t.MaxBytes())/8, guessedString)) // half as many characters as there may be
		}
	}
	bytes := count * float64(width)
	if bytes+live > b.surplus {
		b.spills[n.Common().ID] = true
	}
	return bytes
}

// sortRows is how many rows of its input a sort keeps at once.
func sortRows(n *physical.Sort) float64 {
	count := n.Input.Common().EstRows
	if n.Limit > 0 {
		count = min(count, float64(n.Offset+min(n.Limit, math.MaxUint64-n.Offset)))
	}
	return count
}
