package rows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// TestBatchRows checks that batches are as long as those who read them have room for, whatever the size of pages.
func TestBatchRows(t *testing.T) {
	for pageBytes := 0; pageBytes <= MaxPageBytes; pageBytes += MinPageBytes {
		var columns []types.Type
		for width := 0; len(columns) < 300; {
			n := BatchRows(columns, pageBytes)
			require.GreaterOrEqual(t, n, batchRowsLeast)
			require.LessOrEqual(t, n, vector.CapacityFor(width), "%d columns, pages of %d", len(columns), pageBytes)
			columns = append(columns, types.NewBigInt())
			width += vector.RowBytes(types.NewBigInt())
		}
	}
}
