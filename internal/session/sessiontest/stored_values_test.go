package sessiontest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStoredLongValues: values of several MiB are stored, changed, copied, put in order and deleted in rows with a
// short and another long column, within memory that has room for a few of them.
func TestStoredLongValues(t *testing.T) {
	r := New(t, Options{LimitBytes: 96 << 20})
	c := r.Connect(t, "")
	c.Must("create database d")
	c.Must("use d")
	c.Must("create table t (id int primary key, n int, v longblob, w longtext)")
	// A value tells its row and where it is: of n and a length in MiB.
	value := func(n, mib int) string {
		return fmt.Sprintf("repeat(concat(repeat('%d', 1000), '0123456789abcdef01234567'), %d)", n, mib<<10)
	}
	const sums = "select id, n, length(v), md5(v), length(w) from t order by id"
	want := func(id, n, mib, w int) string {
		return fmt.Sprintf("%d|%d|%d|%s|%d", id, n, mib<<20, c.Must("select md5(" + value(id, mib) + ")")[0], w<<20)
	}
	insert := func(id, mib, w int) {
		c.Must(fmt.Sprintf("insert into t values (%d, 1, %s, %s)", id, value(id, mib), value(id, w)))
	}
	check := func(rows ...string) {
		t.Helper()
		require.Equal(t, rows, c.Must(sums))
	}
	insert(1, 6, 2)
	insert(2, 3, 1)
	check(want(1, 1, 6, 2), want(2, 1, 3, 1))
	c.Must("update t set n = n + 1")
	check(want(1, 2, 6, 2), want(2, 2, 3, 1))

	// Within a transaction, with a statement undone.
	c.Must("begin")
	c.Must("insert into t values (3, 3, " + value(3, 5) + ", '')")
	c.Must("savepoint s")
	c.Must("update t set v = '' where id = 3")
	c.Must("delete from t where id = 1")
	require.Equal(t, []string{"2", "3"}, c.Must("select id from t order by id"))
	c.Must("rollback to s")
	c.Must("update t set n = 4 where id = 3")
	check(want(1, 2, 6, 2), want(2, 2, 3, 1), want(3, 4, 5, 0))
	c.Must("commit")
	check(want(1, 2, 6, 2), want(2, 2, 3, 1), want(3, 4, 5, 0))

	c.Must("replace into t select id, n + 1, v, w from t where id < 3")
	c.Must("alter table t add column first int not null default 7 first, add unique key (n, id)")
	c.Must("create index v on t (v(20))")
	check(want(1, 3, 6, 2), want(2, 3, 3, 1), want(3, 4, 5, 0))
	require.Equal(t, []string{"3", "2", "1"}, c.Must("select id from t order by md5(v) > '', v desc"))
	require.Equal(t, []string{"1", "2", "3"}, c.Must("select a.id from t a join t b on a.v = b.v order by a.id"))
	c.Must("truncate table t")
	require.Empty(t, c.Must(sums))
}
