package sessiontest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// EXPLAIN of every kind of statement that takes memory shows its minimum, and with that as its quota it runs, with any
// number of workers.
func TestExplainedMinimum(t *testing.T) {
	r := New(t, Options{})
	c := r.Connect(t, "")
	c.Must("create database d; use d; create table t (id int primary key, a int, s varchar(40))")
	insert(c, "t", 3000, func(i int) string { return fmt.Sprintf("(%d, %d, 'text %d')", i, i*7919%1000, i*31%97) })
	for _, s := range []struct{ sql, undo string }{
		{sql: "select s, count(*) from t group by s with rollup"},
		{sql: "insert into u select id, a, s from t order by s", undo: "truncate table u"},
		{sql: "replace into u select id, a, s from t", undo: "truncate table u"},
		{sql: "insert into u values (1, 2, 'x'), (2, 3, 'y')", undo: "truncate table u"},
		{sql: "update t set a = a + 1 where id in (select max(id) from (select * from t) x group by a)"},
		{sql: "delete from t where s > 'z' order by s limit 10"},
		{sql: "create index i on t (s, a)", undo: "drop index i on t"},
		{sql: "alter table t add unique key i (a, id)", undo: "drop index i on t"},
		{sql: "alter table t drop primary key, add primary key (a, id)",
			undo: "alter table t drop primary key, add primary key (id)"},
		{sql: "alter table t modify a bigint", undo: "alter table t modify a int"},
	} {
		c.Must("drop table if exists u; create table u like t")
		base := r.baseline()
		set(c, 1, 1, 0, 0, 0)
		plan := c.Must("explain " + s.sql)
		needs := int64(minimumOf(t, plan[0]) * (1 << 20))
		for workers := 1; workers <= 4; workers++ {
			set(c, needs, workers, 1, 0, 0)
			require.Equal(t, plan[0], c.Must("explain " + s.sql)[0])
			c.Must(s.sql)
			set(c, 1<<30, workers, 0, 0, 0)
			if s.undo != "" {
				c.Must(s.undo)
			}
		}
		clean(t, c, base, s.sql)
	}
	small := c.Must("explain create index i on t (a)")
	require.Contains(t, small[1], "IndexBuild_2|3000.00|root|table:t, index:i(a)|sorted by key")
	require.NotContains(t, strings.Join(small, "\n"), "spill")
	set(c, 800<<10, 1, 0, 0, 0)
	require.Contains(t, c.Must("explain create unique index i on t (a)")[1], "spill:expected")
	require.Contains(t, c.Must("desc load data infile 'x' into table t")[0], "statement minimum: ")
	require.NotContains(t, c.Must("explain alter table t comment 'x'")[0], "minimum")
	require.EqualValues(t, 1235, c.code("explain analyze create index i on t (a)"))
	require.EqualValues(t, 1072, c.code("explain create index i on t (nope)"))
	require.EqualValues(t, 1064, c.code("explain create table x (a int)"))
}
