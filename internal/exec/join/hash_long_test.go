package join

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/exec/exectest"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// TestHashLongStrings joins rows with strings of up to the longest that every operator has room for, on both sides,
// with all surplus refused.
func TestHashLongStrings(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	few := exectest.Gen{Type: types.NewInt(), Distinct: 3}
	key := exectest.Gen{Type: types.NewText(types.MediumText, collation.UTF8MB4GeneralCI), Distinct: 3, Length: 30000}
	for i, long := range []struct {
		left, right int
		key         exectest.Gen
	}{
		{0, 60000, few}, {60000, 0, few}, {60000, 60000, few}, {65536, 65536, few}, {9000, 64000, few}, {0, 0, key},
		{20000, 30000, key},
	} {
		for j, k := range kinds {
			if testing.Short() && (i+j)%3 != 0 {
				continue
			}
			x := hashCase{
				left: makeSide(r, 20, long.key, long.left), right: makeSide(r, 30, long.key, long.right), kind: k.kind,
				nullAware: k.nullAware, residual: !k.nullAware && j%2 == 0,
			}
			test := x.test(t)
			for _, c := range []exectest.Conditions{
				{NoSurplus: true}, {NoSurplus: true, ForceSpill: true}, {Surplus: 64 << 10},
				{Workers: 2, NoSurplus: true},
			} {
				c.Shape = exectest.Shape{Rows: 7}
				res := test.Do(t, c)
				require.NoError(t, res.Err, "%s %v %v", k.name, long, c)
				test.Check(t, res.Rows)
			}
		}
	}
}
