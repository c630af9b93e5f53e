package rows

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// sameKey says if two values are equal as keys are.
func sameKey(a, b types.Datum) bool {
	switch {
	case a.IsNull() || b.IsNull():
		return a.IsNull() && b.IsNull()
	case a.Kind == types.PhysString:
		return collation.Collate(a.Type.Collation, a.S, b.S) == 0
	}
	return a.I == b.I && a.U == b.U && a.F == b.F && a.D == b.D
}

// TestChanges compares rows, many of which are like the one before, one by one.
func TestChanges(t *testing.T) {
	key := []types.Type{
		types.NewInt(), types.NewUBigInt(), types.NewVarChar(20, collation.UTF8MB4GeneralCI), types.NewDouble(),
		types.NewDecimal(30, 2), types.NewText(types.MediumText, collation.UTF8MB4Bin), types.NewVarBinary(30),
	}
	for columns := range len(key) + 1 {
		r := testutil.Rand(t)
		key := key[:columns]
		w := newWorld(t, 64<<20, ChangesBytes(key), memory.StatementOptions{ForceSpill: true}, nil)
		b, err := vector.NewBatch(w.input, key, 100, 4<<20)
		require.NoError(t, err)
		c := NewChanges(w.acct, key)
		var last []types.Datum
		for range 30 {
			b.Reset()
			b.Len = 1 + r.IntN(100)
			sel := selection(r, b.Len)
			want := make([]uint8, len(sel))
			for i, s := range sel {
				row := append([]types.Datum(nil), last...)
				if last == nil {
					for _, k := range key {
						row = append(row, types.NullDatum(k))
					}
					want[i] = 7
				}
				if at := r.IntN(3); at < columns {
					at = r.IntN(columns)
					switch d := row[at]; {
					case d.Kind == types.PhysString && r.IntN(2) == 0:
						row[at].S = bytes.ToUpper(d.S)
					case r.IntN(4) == 0:
						row[at] = types.NullDatum(key[at])
					default:
						row[at] = randomDatum(r, key[at], 70_000)
					}
				}
				for k := range key {
					if last != nil && !sameKey(row[k], last[k]) {
						want[i] = 7
					}
					require.NoError(t, b.Cols[k].SetDatum(int(s), row[k], b.Arena()))
				}
				last = row
				if last == nil {
					last = []types.Datum{}
				}
			}
			marks := make([]uint8, len(sel))
			err := c.Mark(w.acct.Base(), b.Cols, sel, marks, 7)
			if err != nil { // a key of more than 64 KiB, for which there is no room
				require.ErrorContains(t, err, "Out of memory")
				last = nil
				c.Close()
				continue
			}
			require.Equal(t, want, marks)
		}
		c.Close()
		c.Close()
		b.Close()
	}
}
