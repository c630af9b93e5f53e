package sessiontest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
)

// TestLongRows runs every operator over rows with strings of which few fit into the quota, and compares its rows with
// those of the same statement over tables that have short strings in the same order.
func TestLongRows(t *testing.T) {
	type size struct{ length, quota, rows, workers int }
	sizes := []size{{70_000, 3 << 20, 14, 1}, {70_000, 3 << 20, 14, 4}}
	if testutil.Long() {
		sizes = append(sizes, size{100_000, 16 << 20, 200, 1}, size{100_000, 16 << 20, 200, 4},
			size{1_000_000, 16 << 20, 20, 1}, size{1_000_000, 64 << 20, 80, 4}, size{4_000_000, 64 << 20, 20, 1},
			size{4_000_000, 64 << 20, 20, 4}, size{4_000_000, 16 << 20, 12, 1}, size{4_000_000, 16 << 20, 12, 4},
			size{15_728_000, 64 << 20, 6, 4})
	}
	for _, z := range sizes {
		t.Run(fmt.Sprintf("%d at %d with %d", z.length, z.quota, z.workers), func(t *testing.T) {
			r := New(t, Options{LimitBytes: int64(z.quota) + 62<<20})
			c := r.Connect(t, "")
			c.Must("create database d")
			c.Must("use d")
			createLong(c, "l", z.length, z.rows)
			createLong(c, "s", 0, z.rows)
			for i := range longStatements {
				o := &longStatements[i]
				if z.quota < o.copies*z.length {
					continue
				}
				t.Run(o.name, func(t *testing.T) {
					c := &Client{Handler: c.Handler, rig: r, t: t}
					require.Equal(t, o.run(c, "s", 1<<30, 1), o.run(c, "l", z.quota, z.workers))
				})
			}
		})
	}
}

// longStatement is one of an operator. {P} stands for the prefix of the tables: those with long strings, and those
// with the tags of the strings alone, which order and compare in the same way.
type longStatement struct {
	name    string
	before  []string
	change  string // what is measured, if it is not the query
	query   string
	surplus bool // it needs more than its minimum: for longer strings than it reads, or for whole rows of a build
	copies  int  // how many times the length of a string the quota must be; 0: about four
}

// run returns the query's sorted rows, without what makes their strings long.
func (o *longStatement) run(c *Client, prefix string, quota, workers int) []string {
	set(c, 1<<30, 1, 0, 0, 0)
	for _, sql := range o.before {
		c.Must(strings.ReplaceAll(sql, "{P}", prefix))
	}
	set(c, int64(quota), workers, 0, 0, 0)
	if o.change != "" {
		c.Must(strings.ReplaceAll(o.change, "{P}", prefix))
	}
	if o.change != "" {
		set(c, 1<<30, 1, 0, 0, 0)
	}
	lines := c.Must(strings.ReplaceAll(o.query, "{P}", prefix))
	set(c, 1<<30, 1, 0, 0, 0)
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], longText, "")
	}
	slices.Sort(lines)
	return lines
}

// longText is what strings are made long with; it is not in their tags.
const longText = "x"

var longStatements = []longStatement{
	{name: "scan", query: "select id, right(s, 6), length(t) from {P}a where right(s, 1) <> 'q'"},
	{name: "index", query: "select id, right(s, 6) from {P}a force index (g) where g = 1"},
	{name: "prefix index", query: "select id from {P}a force index (p) where s like 'b%' order by id"},
	{name: "values", surplus: true, copies: 8,
		query: "select right(concat(s, 'x', s), 4), length(concat(s, t)) > 1 from {P}a"},
	{name: "sort", query: "select id, right(s, 6) from (select id, s, t from {P}a order by s, id limit 100000) d"},
	{name: "sort desc", query: "select id, right(s, 6) from {P}a order by s desc, id"},
	{name: "sort payload", query: "select id, s from {P}a order by v, id"},
	{name: "sort wide", query: "select id, concat(s), t from {P}a order by v, id"},
	{name: "sort ci", query: "select id, right(s, 6) from {P}a order by s collate utf8mb4_general_ci, id"},
	{name: "sort 0900", query: "select id, right(s, 6) from {P}a order by s collate utf8mb4_0900_ai_ci, id"},
	{name: "top", query: "select id, right(s, 6) from {P}a order by s desc, id limit 5"},
	{name: "top payload", query: "select id, right(s, 6) from {P}a order by v, id limit 7, 9"},
	{name: "group", query: "select right(s, 6), count(*), sum(v) from {P}a group by s"},
	{name: "group stream", query: "select /*+ STREAM_AGG() */ right(s, 6), count(*), sum(v) from {P}a group by s"},
	{name: "group two", query: "select right(s, 6), right(t, 3), count(*) from {P}a group by s, t"},
	{name: "min max", query: "select g, right(min(s), 6), right(max(s), 6) from {P}a group by g"},
	{name: "min max all", copies: 6, query: "select right(min(s), 6), right(max(s), 6), count(distinct s) from {P}a"},
	{name: "any", query: "select id, right(any_value(s), 6), right(min(s), 6) from {P}a group by id"},
	{name: "rollup", copies: 6, query: "select g, right(s, 6), count(*) from {P}a group by g, s with rollup"},
	{name: "distinct", query: "select right(s, 6) from (select distinct s from {P}a) d"},
	{name: "count distinct", query: "select g, count(distinct s) from {P}a group by g"},
	{name: "group_concat", surplus: true, copies: 8, before: []string{"set group_concat_max_len = 1000000000"},
		query: "select g, right(group_concat(s order by id), 6) from {P}a where id < 6 group by g"},
	{name: "group_concat cut", before: []string{"set group_concat_max_len = 20"},
		query: "select g, length(group_concat(s order by s desc)) > 0 from {P}a group by g"},
	{name: "hash join", query: "select /*+ HASH_JOIN(x, y) */ x.id, y.id, right(x.s, 6) " +
		"from {P}a x join {P}b y on x.s = y.s"},
	{name: "hash join payload", query: "select /*+ HASH_JOIN(x, y) */ x.id, y.id, right(x.s, 6), right(y.s, 6) " +
		"from {P}a x join {P}b y on x.v = y.v"},
	{name: "left join", query: "select /*+ HASH_JOIN(x, y) */ x.id, y.id, right(x.s, 6), right(y.s, 6) " +
		"from {P}a x left join {P}b y on x.s = y.s and x.id < y.id"},
	{name: "merge join", query: "select /*+ MERGE_JOIN(x, y) */ x.id, y.id, right(x.s, 6) " +
		"from {P}a x join {P}b y on x.s = y.s"},
	{name: "merge join payload", query: "select /*+ MERGE_JOIN(x, y) */ x.id, y.id, right(x.s, 6), right(y.s, 6) " +
		"from {P}a x join {P}b y on x.v = y.v"},
	{name: "nested loop", query: "select x.id, y.id, right(y.s, 6) " +
		"from {P}a x join {P}b y on x.s > y.s and x.id < 6"},
	{name: "index join", copies: 6, query: "select /*+ INL_JOIN(y) */ x.id, y.id, right(x.s, 6), right(y.s, 6) " +
		"from {P}a x join {P}b y on x.v = y.id"},
	{name: "semi join", query: "select id, right(s, 6) from {P}a where s in (select s from {P}b)"},
	{name: "anti join", query: "select id, right(s, 6) from {P}a x where not exists " +
		"(select 1 from {P}b y where x.s = y.s)"},
	{name: "apply", query: "select x.id, right((select max(y.s) from {P}b y where y.id > x.id), 6) from {P}a x " +
		"where x.id < 5"},
	{name: "lag", copies: 6,
		query: "select id, right(lag(s) over (order by id), 6), right(lead(s, 2) over (order by id), 6) " +
			"from {P}a"},
	{name: "first_value", query: "select id, right(first_value(s) over (partition by g order by v, id), 6), " +
		"right(last_value(s) over (partition by g order by v, id), 6) from {P}a"},
	{name: "partition", query: "select id, right(s, 6), row_number() over (partition by s order by id) from {P}a"},
	{name: "window order", query: "select id, rank() over (order by s) from {P}a"},
	{name: "window max", copies: 6,
		query: "select id, right(max(s) over (partition by g order by id rows 2 preceding), 6) " +
			"from {P}a"},
	{name: "union", query: "select right(s, 6) from (select s from {P}a union select s from {P}b) d"},
	{name: "union all", query: "select right(s, 6) from " +
		"(select s from {P}a union all select s from {P}b order by s) d"},
	{name: "intersect", query: "select right(s, 6) from (select s from {P}a intersect select s from {P}b) d"},
	{name: "except", query: "select right(s, 6) from (select s from {P}a except all select s from {P}b) d"},
	{name: "cte", query: "with c as (select id, s from {P}a where id >= 0) " +
		"select x.id, right(x.s, 6), right(y.s, 6) from c x join c y on x.id = y.id + 1"},
	{name: "recursive", query: "with recursive r as (select 0 n, s from {P}a where id < 3 union all " +
		"select n + 1, s from r where n < 6) select n, right(s, 6) from r"},
	{name: "recursive distinct", query: "with recursive r as (select 0 n, s from {P}a where id < 3 union " +
		"select (n + 1) % 5, s from r where n < 9) select n, right(s, 6) from r"},
	{name: "insert select", before: []string{"delete from {P}c"}, change: "insert into {P}c select * from {P}a",
		query: "select id, right(s, 6), right(t, 3) from {P}c order by s, id"},
	{name: "replace select", change: "replace into {P}c select * from {P}a where id < 9",
		query: "select id, right(s, 6), right(t, 3) from {P}c"},
	{name: "on duplicate", change: "insert into {P}c select * from {P}a x where x.id < 9 " +
		"on duplicate key update s = concat(values(s), '1'), t = '1'",
		query: "select id, right(s, 6), t from {P}c"},
	{name: "update", change: "update {P}c set s = concat('u', s), v = v + 1 where id < 9",
		query: "select id, v, left(s, 1), right(s, 5) from {P}c"},
	{name: "update key", change: "update {P}c set id = id + 1000, g = g + 1 order by s desc",
		query: "select id, g, right(s, 6) from {P}c"},
	{name: "update subquery", change: "update {P}c set s = (select y.s from {P}a y where y.id = {P}c.id - 1000)",
		query: "select id, right(s, 6) from {P}c"},
	{name: "create index", change: "create index q on {P}c (v, s(9))",
		query: "select id, right(s, 6) from {P}c force index (q) where v >= 0"},
	{name: "drop index", change: "alter table {P}c drop index q", query: "select id from {P}c"},
	{name: "alter", surplus: true, change: "alter table {P}c add column z int default 1, algorithm=copy",
		query: "select id, right(s, 6), z from {P}c"},
	{name: "alter back", surplus: true, change: "alter table {P}c drop column z",
		query: "select id, right(s, 6) from {P}c"},
	{name: "delete", change: "delete from {P}c where right(s, 2) > '' order by s limit 7",
		query: "select id, right(s, 6) from {P}c"},
	{name: "delete in", change: "delete from {P}c where s in (select y.s from {P}a y where y.g = 1)",
		query: "select id, right(s, 6) from {P}c"},
}

// createLong makes the tables of a prefix: strings of about length bytes, half of which differ only at their ends.
func createLong(c *Client, prefix string, length, rows int) {
	for i, t := range []string{"a", "b", "c"} {
		c.Must(fmt.Sprintf("create table %s%s (id int primary key, g int, v int, s longtext collate utf8mb4_bin, "+
			"t varchar(40), key g (g), key p (s(20)))", prefix, t))
		for id := range rows {
			if t == "c" {
				break // changes fill it
			}
			tag := (id + i*rows/2) * 7 % rows
			first := 'a'
			if tag%2 == 0 {
				first = rune('b' + tag%20)
			}
			c.Must(fmt.Sprintf("insert into %s%s values (%d, %d, %d, concat('%c', repeat('%s', %d), '%06d'), '%s')",
				prefix, t, id, id%3, (id*5+3)%rows, first, longText, length, tag, strings.Repeat("y", id%40)))
		}
	}
}

// TestLongRowRefused: the error of a value for which there is no memory says how long it is, and which quota would do.
func TestLongRowRefused(t *testing.T) {
	c := New(t, Options{}).Connect(t, "")
	c.Must("create database d")
	c.Must("use d")
	createLong(c, "l", 1_000_000, 2)
	set(c, 3<<20, 1, 0, 0, 0)
	_, err := c.Run(context.Background(), "select right(concat(s, s, s, s), 3) from la")
	require.Equal(t, sqlerr.ErrOutOfResources, sqlerr.CodeOf(err))
	require.Regexp(t, `with the 4\.0 MiB for it the statement needs about [5-9] MiB; `+
		`the quota tidb_mem_quota_query is 3 MiB$`, sqlerr.From(err).Message)
}

// TestLongRowsAtMinimum runs the same statements with strings of just under 64 KiB, within the minimum that EXPLAIN
// shows.
func TestLongRowsAtMinimum(t *testing.T) {
	const length, rows = 65_000, 9
	r := New(t, Options{})
	c := r.Connect(t, "")
	c.Must("create database d")
	c.Must("use d")
	createLong(c, "l", length, rows)
	createLong(c, "s", 0, rows)
	for i := range longStatements {
		o := &longStatements[i]
		if o.surplus {
			continue
		}
		t.Run(o.name, func(t *testing.T) {
			c := &Client{Handler: c.Handler, rig: r, t: t}
			want := o.run(c, "s", 1<<30, 1)
			measured := o.query
			if o.change != "" {
				measured = o.change
			}
			set(c, 1, 1, 0, 0, 0)
			plan := strings.Join(c.Must("explain "+strings.ReplaceAll(measured, "{P}", "l")), "\n")
			const rounding = 1.01
			minimum := 1 << 20
			if strings.Contains(plan, "statement minimum") {
				minimum = int(minimumOf(t, plan) * rounding * (1 << 20))
			}
			require.Equal(t, want, o.run(c, "l", minimum, 1), "minimum %d", minimum)
		})
	}
}
