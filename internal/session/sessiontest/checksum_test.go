package sessiontest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
)

// TestChecksumTable: a checksum depends on the rows of a table and not on their order; a missing table has none.
func TestChecksumTable(t *testing.T) {
	c := New(t, Options{}).Connect(t, "")
	c.Must("create database d")
	c.Must("use d")
	c.Must("create table t (id int, name varchar(20), v decimal(10,2))")
	c.Must("insert into t values (1, 'a', 1.5), (2, null, null), (3, '', -7)")
	c.Must("create table copied like t")
	c.Must("insert into copied select * from t order by id desc")
	sum := func(table string) string {
		t.Helper()
		name, sum, ok := strings.Cut(c.Must("checksum table " + table)[0], "|")
		require.True(t, ok)
		require.Equal(t, "d."+table, name)
		return sum
	}
	before := sum("t")
	require.NotContains(t, []string{"0", "NULL"}, before)
	require.Equal(t, before, sum("copied"))
	c.Must("update copied set v = 8 where id = 3")
	require.NotEqual(t, before, sum("copied"))
	require.Equal(t, "NULL", sum("missing"))
	require.Equal(t, []string{"Error|1146|Table 'd.missing' doesn't exist"}, c.Must("show warnings"))
	require.Equal(t, []string{"d.t|check|status|OK"}, c.Must("check table t"))
}

// TestLoadDataDisabled: a client that may not send files, or a server that does not want them, gives MySQL's error.
func TestLoadDataDisabled(t *testing.T) {
	c := New(t, Options{}).Connect(t, "")
	c.Must("create database d")
	c.Must("create table d.t (id int)")
	for _, ignore := range []string{"", "ignore 1 lines", "ignore 1 rows"} {
		require.Equal(t, sqlerr.ErrClientLocalFilesDisabled,
			c.code("load data local infile 'x' into table d.t "+ignore))
	}
}

// TestMetadataLockState: a statement that waits for a metadata lock says so.
func TestMetadataLockState(t *testing.T) {
	r := New(t, Options{})
	a, b, c := r.Connect(t, ""), r.Connect(t, ""), r.Connect(t, "")
	a.Must("create database d")
	a.Must("create table d.t (id int)")
	const waiting = "select count(*) from information_schema.processlist " +
		"where state = 'Waiting for table metadata lock'"
	done := make(chan error)
	for _, sql := range []string{"alter table d.t add column v int", "drop table d.t"} {
		a.Must("begin")
		a.Must("select * from d.t")
		go func() {
			_, err := b.Run(context.Background(), sql)
			done <- err
		}()
		require.Eventually(t, func() bool {
			rows, err := c.Run(context.Background(), waiting)
			return err == nil && rows[0] == "1"
		}, testutil.Patience, time.Millisecond, sql)
		a.Must("commit")
		require.NoError(t, <-done)
	}
}

// TestParametersInText: a place holder is an error outside of prepared statements.
func TestParametersInText(t *testing.T) {
	c := New(t, Options{}).Connect(t, "")
	require.Equal(t, sqlerr.ErrParse, c.code("select ?"))
	require.Equal(t, sqlerr.ErrParse, c.code("do sleep(?)"))
	require.Equal(t, []string{"?|7"}, c.Must("select '?', 7 /* ? */ -- ?"))
	c.Must("prepare s from 'select ? + 1'")
	c.Must("set @a = 6")
	require.Equal(t, []string{"7"}, c.Must("execute s using @a"))
}
