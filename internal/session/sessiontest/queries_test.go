package sessiontest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/testutil"
)

// query is a statement of the sweep.
type query struct {
	name    string
	sql     string
	ordered bool
	fetch   uint32 // rows a fetch, through a cursor; 0: none
	check   string // a data change: what to read after it; the change is rolled back
	undo    string // a definition: what takes it back
}

var queries = []*query{
	{name: "scan", sql: "select * from t"},
	{name: "index", sql: "select id, b from t where a between 10 and 30"},
	{name: "strings", sql: `select id, concat(upper(b), '-', repeat(s, 2)), replace(s, 'a', 'xyz')
		from t where concat(b, s) like '%a%' and length(repeat(b, 3)) > 3`},
	{name: "project", sql: "select a + 1, c * 2, d / 3, if(a > 20, b, s), substring(s, 2, 40) from t"},
	{name: "sort", sql: "select id, a, b from t order by a, b desc, id", ordered: true},
	{name: "sort wide", sql: "select * from t order by s, id", ordered: true},
	{name: "top", sql: "select id, a, s from t order by a desc, id limit 20, 30", ordered: true},
	{name: "group", sql: "select a, count(*), sum(c), min(b), max(s), avg(d) from t group by a"},
	{name: "groups", sql: "select b, s, count(*), sum(c) from t group by b, s"},
	{name: "distinct", sql: "select a, count(distinct b), max(distinct b) from t group by a"},
	{name: "concat", sql: "select a, group_concat(b order by id) from t group by a"},
	{name: "select distinct", sql: "select distinct a, b from t"},
	{name: "scalar",
		sql: "select count(*), sum(c), min(b), max(s), avg(d), group_concat(a order by id) from t"},
	{name: "stream", sql: "select id, count(*), max(s) from t group by id"},
	{name: "window", ordered: true,
		sql: `select id, rank() over w, sum(c) over (w range unbounded preceding), lag(s, 3) over (order by id),
		max(s) over (order by id rows between 40 preceding and 3 following), ntile(7) over (order by b, id)
		from t window w as (partition by a order by b) order by id`},
	{name: "window slides",
		sql: `select id, sum(d) over w, min(b) over w, count(*) over w from t
		window w as (order by a range between 2 preceding and 1 following)`},
	{name: "loop",
		sql: "select t.id, u.id, u.y from t join u on t.a < u.x and concat(t.b, u.y) like '%b%'"},
	{name: "left loop", sql: "select t.id, u.id, u.y from t left join u on t.a + 30 < u.x and t.b < u.y"},
	{name: "semi loop",
		sql: "select id, s from t where exists (select 1 from u where u.x > t.a + 20 and u.y > t.b)"},
	{name: "anti loop", sql: "select id from t where not exists (select 1 from u where u.x > t.a and u.y > t.b)"},
	{name: "outer semi", sql: "select id, t.a in (select x + 1 from u) or b > 'm' from t"},
	{name: "equal join",
		sql: "select t.id, t.s, v.id, v.s from t join t v on t.a = v.a and t.id < v.id where t.id < 200"},
	{name: "union", sql: "(select id, b from t limit 5) union all select id, y from u"},
	{name: "union distinct", sql: "select a, b from t union select x, y from u"},
	{name: "values", sql: "values row(1, 'a'), row(2, repeat('b', 2000)), row(3, null)"},
	{name: "limit", sql: "select id from t order by id limit 700, 1200", ordered: true},
	{name: "subquery", sql: "select id, (select max(y) from u where u.x < t.a) from t"},
	{name: "cursor", sql: "select id, s from t order by b, id", ordered: true, fetch: 113},
	{name: "insert", sql: "insert into w select id + 100000, a, repeat(b, 3) from t", check: "select * from w"},
	{name: "insert values", check: "select * from w",
		sql: "insert into w values (-5, 6, repeat('z', 300)), (-7, 8, null)"},
	{name: "replace", sql: "replace into w select id, a, s from t where a < 30", check: "select * from w"},
	{name: "duplicate", check: "select * from w",
		sql: "insert into w select id, a, b from t on duplicate key update v = concat(w.v, 'x')"},
	{name: "update", check: "select * from w",
		sql: "update w set v = concat(v, repeat('u', 20)), k = k + 1 where k < 40"},
	{name: "delete", sql: "delete from w where k > 15", check: "select * from w"},
}

// more are the operators that queries leaves out; sweeps of every operation run them in long runs only.
var more = []*query{
	{name: "hash join", sql: "select /*+ HASH_JOIN(t, v) */ t.id, v.id, v.s from t join t v on t.b = v.b"},
	{name: "left join", sql: "select /*+ HASH_JOIN(t, w) */ t.id, w.v from t left join w on t.b = w.v"},
	{name: "not in", sql: "select id from t where b not in (select v from w where k > 20)"},
	{name: "merge join", sql: "select /*+ MERGE_JOIN(t, w) */ t.id, t.s, w.v from t join w on t.id = w.id"},
	{name: "merge groups", sql: "select /*+ MERGE_JOIN(p, q) */ count(*) from w p join w q on p.k = q.k"},
	{name: "index join",
		sql: "select /*+ INL_JOIN(w) */ t.id, t.s, w.v from t join w on w.k = t.a where t.id < 60"},
	{name: "apply",
		sql: "select id, (select y from u where u.x > t.a order by u.y, u.id limit 1) from t where t.id < 300"},
	{name: "apply sort",
		sql: "select id, (select w.id from w where w.k > u.x order by w.v desc, w.id limit 40, 1) from u"},
	{name: "top n", sql: "select id, s from t order by s, id limit 100, 1500", ordered: true},
	{name: "several distinct",
		sql: `select a % 7, count(distinct b), sum(distinct c), group_concat(distinct d order by d) from t
		group by a % 7`},
	{name: "json_objectagg", sql: "select a, json_length(json_objectagg(id, s)) from t group by a"},
	{name: "scalar or none", sql: `select id, (select count(*) from w where w.k = u.x and w.v > u.y),
		(select max(v) from w where w.k = u.x having count(*) > 40) from u`},
	{name: "cross group", sql: "select p.x, count(*), max(q.v) from u p join w q on p.x <> q.k group by p.x"},
	{name: "catalog", ordered: true,
		sql: "select table_name, column_name from information_schema.columns where table_schema = 'd' order by 2, 1"},
	{name: "update of semi join", check: "select * from w",
		sql: "update w set v = concat(v, 'y'), k = k + 1 where exists (select 1 from t where t.b = w.v and t.a > 9)"},
	{name: "delete of semi join", sql: "delete from w where v in (select b from t where a > 25)",
		check: "select * from w"},
	{name: "load", sql: "load data local infile 'lines' replace into table w", check: "select * from w"},
	{name: "upsert of groups", check: "select * from w",
		sql: `insert into w select id - 40, n, b from (select b, min(id) id, count(*) n from t group by b, a) d
		on duplicate key update v = concat(w.v, values(v)), k = w.k + 1`},
	{name: "change column", sql: "alter table w modify k bigint", undo: "alter table w modify k int",
		check: "select * from w"},
	{name: "cursor of groups", sql: "select b, s, count(*) from t group by b, s", fetch: 113},
	{name: "json_arrayagg", sql: "select a, json_length(json_arrayagg(id)) from t group by a"},
	{name: "rollup", sql: "select a, b, count(*), sum(c) from t group by a, b with rollup"},
	{name: "intersect", sql: "select a, b from t intersect select k, v from w"},
	{name: "intersect all", sql: "select a, b from t intersect all select k, v from w where k < 40"},
	{name: "except", sql: "select a, b from t except select k, v from w where k < 20"},
	{name: "except all", sql: "select a from t except all select k from w where k < 20"},
	{name: "cte twice",
		sql: "with c as (select a, b, count(*) n from t group by a, b) select p.n, q.n from c p join c q on p.b = q.b"},
	{name: "recursive",
		sql: `with recursive r as (select id, s, 0 n from t where id < 300 union all
		select id, s, n + 1 from r where n < 6) select * from r`},
	{name: "recursive distinct",
		sql: "with recursive r as (select id from t union select id div 2 from r where id > 0) select * from r"},
	{name: "create index", sql: "create index made on t (s, b)", check: "select s, count(*) from t group by s",
		undo: "alter table t drop index made"},
}

// all are queries and more.
func all() []*query { return slices.Concat(queries, more) }

// swept are the queries of sweeps: all in long runs; short ones leave out more.
func swept() []*query {
	if testutil.Long() {
		return all()
	}
	return queries
}

// fill makes the tables that queries read: t with rows rows, u with a few, w as large as t.
func fill(t testing.TB, r *Rig, rows int) *Client {
	t.Helper()
	c := r.connect(t, "", true)
	c.Must("create database d")
	require.NoError(t, c.InitDB(t.Context(), "d"))
	c.Must(`create table t (id int primary key, a int, b varchar(40), c decimal(12, 2), d double, s varchar(300),
		key (a))`)
	c.Must("create table u (id int primary key, x int, y varchar(40))")
	c.Must("create table w (id int primary key, k int, v varchar(400), key (k))")
	random := rand.New(rand.NewPCG(1, 2))
	insert(c, "t", rows, func(i int) string {
		a, s := fmt.Sprint(random.IntN(50)), strings.Repeat(string(rune('a'+random.IntN(26))), random.IntN(100))
		if i%17 == 0 {
			a = "null"
		}
		return fmt.Sprintf("(%d, %s, '%c%d', %d.%02d, %d, '%s%d')", i, a, 'a'+i%26, random.IntN(rows), random.IntN(60),
			random.IntN(100)/50, random.IntN(1000), s, random.IntN(rows))
	})
	insert(c, "u", 60, func(i int) string { return fmt.Sprintf("(%d, %d, '%c%d')", i, i, 'a'+i%26, random.IntN(1000)) })
	c.Must("insert into w select id, a, b from t")
	return c
}

func insert(c *Client, table string, rows int, row func(i int) string) {
	const batch = 500
	for i := 0; i < rows; {
		var b strings.Builder
		b.WriteString("insert into " + table + " values ")
		for k := 0; k < batch && i < rows; k++ {
			if k > 0 {
				b.WriteByte(',')
			}
			b.WriteString(row(i))
			i++
		}
		c.Must(b.String())
	}
}

// run runs the query as it is meant: with a cursor, or in a transaction that is rolled back. during brackets the
// statement itself, without what is around it.
func (q *query) run(ctx context.Context, t testing.TB, c *Client, during func() (end func())) ([]string, error) {
	t.Helper()
	if during == nil {
		during = func() func() { return func() {} }
	}
	if q.fetch > 0 {
		end := during()
		defer end()
		return c.Fetched(ctx, q.sql, q.fetch)
	}
	if q.check == "" {
		end := during()
		defer end()
		return c.Run(ctx, q.sql)
	}
	if q.undo == "" {
		c.Must("begin")
		defer c.Must("rollback")
	}
	end := during()
	_, err := c.Run(ctx, q.sql)
	end()
	if err != nil {
		return nil, err
	}
	if q.undo != "" {
		defer c.Must(q.undo)
	}
	return c.Must(q.check), nil
}
