package sessiontest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
)

// TestUndoneAlone refuses each operation of a statement in turn, its beginning included: it is undone or not begun, and
// what the statements before it have written is committed. Where all operations after it are refused, too, so that it
// cannot be undone, the transaction is, and the client is told.
func TestUndoneAlone(t *testing.T) {
	r := New(t, Options{})
	c := fill(t, r, 60)
	base := r.baseline()
	whole := 0
	for n, onwards := int64(1), false; ; n = each(n) {
		c.Must("begin")
		c.Must("insert into w select id + 1000, a, b from t")
		c.Must("update w set k = 77 where id >= 1000")
		count := int64(0)
		r.Refuse(func(op memory.Op, _ string, _ int) error {
			if op != memory.OpMinimum {
				return nil
			}
			if count++; count == n || onwards && count > n {
				return noMemory
			}
			return nil
		})
		_, err := c.Run(t.Context(), "update w set k = 78 where id >= 1030")
		r.Refuse(nil)
		c.Must("commit")
		want := []string{"77|30", "78|30"}
		if err != nil {
			requireClear(t, err, "update")
			want = []string{"77|60"}
			if strings.Contains(err.Error(), "the transaction was rolled back") {
				whole++
				want = nil
			}
		}
		got := c.Must("select k, count(*) from w where id >= 1000 group by k order by k")
		require.Equal(t, want, got, "%d: %v", n, err)
		c.Must("delete from w where id >= 1000")
		clean(t, c, base, "update")
		if count < n {
			require.NoError(t, err)
			if onwards {
				break
			}
			require.Zero(t, whole)
			n, onwards = 0, true
		}
	}
	require.NotZero(t, whole)
}
