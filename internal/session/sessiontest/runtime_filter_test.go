package sessiontest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Scans that are filtered by the keys of a join's other side give what a join without such a filter gives: one whose
// conditions are no equalities. Keys are of all types, columns of indexes that ranges are narrowed on among them.
func TestRuntimeFilters(t *testing.T) {
	r := New(t, Options{})
	c := r.Connect(t, "")
	c.Must(`create database d; use d;
		create table p (id int primary key, tiny tinyint, day date, at datetime, price decimal(10,2), ratio double,
			name varchar(20) collate utf8mb4_general_ci, big bigint unsigned, back int, half float,
			key tiny (tiny), key day (day), key at (at), key big (big), key back (back desc), key half (half));
		create table b (id int primary key, tiny bigint, day date, at datetime(3), price decimal(10,2), ratio double,
			name varchar(20) collate utf8mb4_general_ci, big bigint unsigned, back int, half double)`)
	fill := func(table string, from, n, step int) {
		var v []string
		for i := from; i < from+n*step; i += step {
			x := []string{
				fmt.Sprint(i%240 - 119), fmt.Sprintf("date_add('2020-01-01', interval %d day)", i%900),
				fmt.Sprintf("date_add('2020-01-01', interval %d hour)", i), fmt.Sprintf("%d.25", i),
				fmt.Sprintf("%d", i-700), fmt.Sprintf("'Name %d'", i), fmt.Sprint(uint64(1)<<63 + uint64(i)),
				fmt.Sprint(i), fmt.Sprintf("%d.5", i),
			}
			if i%17 == 0 {
				x[i/17%len(x)] = "NULL"
			}
			v = append(v, fmt.Sprintf("(%d,%s)", i, strings.Join(x, ",")))
		}
		c.Must("insert into " + table + " values " + strings.Join(v, ","))
	}
	fill("p", 0, 700, 1)
	fill("b", 400, 50, 3)
	c.Must("insert into b (id, tiny, ratio, back) values (90000, 100000, -0.0, -5), " +
		"(90001, -100000, 1e300, 2147483647)")
	indexed := map[string]bool{"tiny": true, "day": true, "at": true, "big": true, "back": true, "half": true}
	dropped := 0
	for _, column := range []string{
		"id", "tiny", "day", "at", "price", "ratio", "name", "big", "back", "half",
	} {
		for i, where := range []string{" and b.id < 90000", "", " and b.id < 0", " and b.back between 450 and 500"} {
			const sums = "count(*), sum(p.id), sum(p.back + b.back)"
			between := fmt.Sprintf("p.%[1]s >= b.%[1]s and p.%[1]s <= b.%[1]s", column) + where
			want := c.Must("select " + sums + " from p join b on " + between)
			equal := fmt.Sprintf(" join b on p.%[1]s = b.%[1]s", column) + where
			froms := []string{" from p" + equal}
			if indexed[column] {
				froms = append(froms, " from p use index ("+column+")"+equal)
			}
			for _, from := range froms {
				for _, hint := range []string{"HASH_JOIN(p, b)", "HASH_JOIN(p, b) MEMORY_QUOTA(1 MB)"} {
					sql := "select /*+ " + hint + " */ " + sums + from
					require.Equal(t, want, c.Must(sql), sql)
					if i == 0 {
						plan := strings.Join(c.Must("explain analyze "+sql), "\n")
						dropped += strings.Count(plan, "dropped by runtime filter")
					}
				}
			}
			in := fmt.Sprintf("%[1]s in (select %[1]s from b", column) + strings.Replace(where, "and", "where", 1) + ")"
			require.Equal(t,
				c.Must("select count(*), sum(id) from p where exists (select 1 from b where "+between+")"),
				c.Must("select count(*), sum(id) from p where "+in), in)
		}
	}
	require.Greater(t, dropped, 20, "scans that dropped rows")
	require.Equal(t,
		c.Must("select count(*), sum(p.id) from p, b where p.tiny >= b.tiny and p.tiny <= b.tiny or "+
			"p.tiny is null and b.tiny is null"),
		c.Must("select count(*), sum(p.id) from p join b on p.tiny <=> b.tiny"))
}

// Rows are filtered below other joins, projections and selections, by every join above that has the column, and a scan
// that is to lock rows locks all of them.
func TestRuntimeFilterPlans(t *testing.T) {
	r := New(t, Options{})
	c := r.Connect(t, "")
	c.Must(`create database d; use d;
		create table f (id int primary key, a int, b int);
		create table x (id int primary key, v int); create table y (id int primary key, v int)`)
	var f, x []string
	for i := range 2000 {
		f = append(f, fmt.Sprintf("(%d,%d,%d)", i, i%100, i%40))
		if i < 100 {
			x = append(x, fmt.Sprintf("(%d,%d)", i, i%10))
		}
	}
	c.Must("insert into f values " + strings.Join(f, ",") + "; insert into x values " + strings.Join(x, ",") +
		"; insert into y select * from x")
	explain := func(sql string) string { return strings.Join(c.Must("explain "+sql), "\n") }
	star := "select /*+ HASH_JOIN(f, x, y) */ count(*), sum(f.id) from f join x on f.a = x.id join y on f.b = y.id " +
		"where x.v = 3 and y.v = 3"
	require.Contains(t, explain(star), "runtime filter: bloom(b), min/max(b), runtime filter: bloom(a), min/max(a)")
	require.Equal(t, []string{"200|199600"}, c.Must(star))
	// Scans of UNION ALL, and the outer side of an index join, are filtered too.
	for sql, scans := range map[string]int{
		"select /*+ HASH_JOIN(x) */ count(*), sum(g.id) from (select * from f union all select * from f where b > 2 " +
			"union all select 3, 3, 3) g join x on g.a = x.id where x.v = 3": 2,
		"select /*+ INL_JOIN(y) HASH_JOIN(x) */ count(*), sum(f.id) from f straight_join y on y.id = f.b " +
			"straight_join x on x.id = f.a where x.v = 3": 1,
		"select /*+ INL_JOIN(y) HASH_JOIN(x) */ count(*), sum(f.id) from f left join y on y.id = f.b and y.v > 2 " +
			"join x on x.id = f.a where x.v = 3": 1,
	} {
		plan := strings.Join(c.Must("explain analyze "+sql), "\n")
		require.Equal(t, scans, strings.Count(plan, "dropped by runtime filter"), "%s\n%s", sql, plan)
		nested := strings.ReplaceAll(strings.ReplaceAll(sql, "x on ", "x on 0 + "), "HASH_JOIN(x)", "")
		nested = strings.ReplaceAll(nested, "x.id", "x.id + rand() * 0")
		require.Equal(t, c.Must(nested), c.Must(sql), sql)
	}
	for sql, filtered := range map[string]bool{
		"select * from f left join x on f.a = x.id":                                     false,
		"select * from f where a not in (select id from x)":                             false,
		"select * from f where a in (select v from x where id < 50)":                    true,
		"select /*+ HASH_JOIN(f, x) */ * from f join x on f.a = x.id":                   true,
		"select /*+ HASH_JOIN(f, x) */ * from f join x on f.a = x.id for update":        false,
		"select * from f where a in (select v from x where id < 50) lock in share mode": false,
	} {
		plan := explain(sql)
		require.Equal(t, filtered, strings.Contains(plan, "runtime filter: bloom("), "%s\n%s", sql, plan)
	}
}
