package sessiontest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil/faulty"
)

// wideRows adds rows of 3,000 bytes and more to wide, whose numbers begin with from.
func wideRows(from, rows int) string {
	return fmt.Sprintf(`insert into wide select p.id * 3000 + q.id + %d, repeat(p.b, 1500) from t p join t q
		where p.id < %d`, from, rows/sweepRows)
}

// TestUnwritable has temporary storage that refuses all writes from some time on, with transactions whose write sets
// need it: a statement fails with the refusal, its transaction and other sessions go on, and nothing is left.
func TestUnwritable(t *testing.T) {
	faults := []struct {
		errno unix.Errno
		code  sqlerr.Code
	}{{unix.ENOSPC, sqlerr.ErrDiskFull}, {unix.EIO, sqlerr.ErrErrorOnWrite}}
	for _, f := range faults {
		refuse := func(o faulty.Op, _ int) error {
			if o == faulty.Write {
				return f.errno
			}
			return nil
		}
		t.Run(f.errno.Error(), func(t *testing.T) {
			r := New(t, Options{LimitBytes: 24 << 20})
			c := fill(t, r, sweepRows)
			c.Must("set tidb_mem_quota_query = 8388608")
			c.Must("create table wide (id int primary key, v varchar(8000))")
			other := r.Connect(t, "d")
			base := r.baseline()
			failed := func(sql string) {
				_, err := c.Run(t.Context(), sql)
				require.Equal(t, f.code, code(err), "%v", err)
				require.Equal(t, []string{"60"}, other.Must(otherQuery))
			}
			check := func(rows ...string) {
				r.FailFiles(nil)
				require.Equal(t, rows, other.Must("select count(*) from wide"))
				clean(t, c, base, f.errno.Error())
			}

			r.FailFiles(refuse)
			failed(wideRows(0, 9000))
			check("0")

			// What a transaction has written before, be it in temporary storage, is undone or kept as a whole.
			for _, end := range []string{"rollback", "commit"} {
				if testing.Short() {
					break
				}
				c.Must("begin")
				c.Must(wideRows(0, 6000) + " order by q.b, p.id, q.id")
				r.FailFiles(refuse)
				failed(wideRows(1_000_000, 9000))
				_, err := c.Run(t.Context(), end)
				switch {
				case err != nil:
					require.Equal(t, "commit", end)
					require.Equal(t, f.code, code(err), "%v", err)
					check("0")
				case end == "commit":
					check("6000")
					c.Must("truncate table wide")
				default:
					check("0")
				}
			}
			if testing.Short() && f.errno == unix.EIO {
				return
			}
			c.Must("begin")
			c.Must(wideRows(0, 6000) + " order by q.b, p.id, q.id")
			r.FailFiles(refuse)
			failed(wideRows(1_000_000, 9000))
			r.FailFiles(nil)
			c.Must("commit")
			check("6000")
		})
	}
}
