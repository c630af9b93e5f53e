package sessiontest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// truth is a truth value of SQL.
type truth int

const (
	no truth = iota
	unknown
	yes
)

func and(list ...truth) truth {
	out := yes
	for _, t := range list {
		out = min(out, t)
	}
	return out
}

func or(list ...truth) truth {
	out := no
	for _, t := range list {
		out = max(out, t)
	}
	return out
}

// row is the values of columns a, b and c; -1 is NULL.
type row [3]int

// by is a comparison of two values.
func by(says func(x, y int) bool) func(x, y int) truth {
	return func(x, y int) truth {
		switch {
		case x < 0 || y < 0:
			return unknown
		case says(x, y):
			return yes
		}
		return no
	}
}

var (
	eq = by(func(x, y int) bool { return x == y })
	gt = by(func(x, y int) bool { return x > y })
)

func isNull(x int) truth {
	if x < 0 {
		return yes
	}
	return no
}

// matching is a condition that rows of l look for in r, as an expression and as what it says.
type matching struct {
	sql  string
	says func(l, r row) truth // nil: always
	// where is the part of it that is a WHERE: unknown is no match.
	where func(l, r row) truth
}

// matchings have no equality that is true of all pairs that count.
var matchings = []matching{
	{
		sql:  "(l.a, l.b) in (select a, b from r)",
		says: func(l, r row) truth { return and(eq(l[0], r[0]), eq(l[1], r[1])) },
	},
	{
		sql:  "(l.a, l.b + 1, l.c) in (select a, b + 1, c from r)",
		says: func(l, r row) truth { return and(eq(l[0], r[0]), eq(l[1], r[1]), eq(l[2], r[2])) },
	},
	{
		sql:   "l.a in (select b from r where r.c > l.c)",
		says:  func(l, r row) truth { return eq(l[0], r[1]) },
		where: func(l, r row) truth { return gt(r[2], l[2]) },
	},
	{
		sql:   "(l.a, l.b) in (select b, a from r where r.c > l.c)",
		says:  func(l, r row) truth { return and(eq(l[0], r[1]), eq(l[1], r[0])) },
		where: func(l, r row) truth { return gt(r[2], l[2]) },
	},
	{
		sql:   "l.a in (select b from r where l.c > 0)",
		says:  func(l, r row) truth { return eq(l[0], r[1]) },
		where: func(l, r row) truth { return gt(l[2], 0) },
	},
	{
		sql:   "exists (select 1 from r where r.a = l.a or r.b = l.b)",
		where: func(l, r row) truth { return or(eq(l[0], r[0]), eq(l[1], r[1])) },
	},
	{
		sql: "exists (select 1 from r where r.a = l.a and r.c > l.c or r.b = l.b or r.c is null and l.c is null)",
		where: func(l, r row) truth {
			return or(and(eq(l[0], r[0]), gt(r[2], l[2])), eq(l[1], r[1]), and(isNull(r[2]), isNull(l[2])))
		},
	},
	{
		sql:   "exists (select 1 from r where r.a = l.a or l.c = 1)",
		where: func(l, r row) truth { return or(eq(l[0], r[0]), eq(l[2], 1)) },
	},
	{
		sql: "exists (select 1 from r where (r.a = l.a or r.b = 2 or l.c = 1) and r.c > l.b)",
		where: func(l, r row) truth {
			return and(or(eq(l[0], r[0]), eq(r[1], 2), eq(l[2], 1)), gt(r[2], l[1]))
		},
	},
	{
		sql:   "l.a in (select b from r where r.a = l.a or r.c = l.c)",
		says:  func(l, r row) truth { return eq(l[0], r[1]) },
		where: func(l, r row) truth { return or(eq(l[0], r[0]), eq(l[2], r[2])) },
	},
}

// value is what a matching says of l.
func (m *matching) value(l row, rs []row) truth {
	out := no
	for _, r := range rs {
		if m.where != nil && m.where(l, r) != yes {
			continue
		}
		if m.says == nil {
			return yes
		}
		out = max(out, m.says(l, r))
	}
	return out
}

// Semi joins that are split are what the definition of their predicates says, whatever is NULL.
func TestSplitJoins(t *testing.T) {
	r := New(t, Options{})
	c := r.Connect(t, "")
	c.Must("create database d; use d")
	random := rand.New(rand.NewPCG(5, 9))
	rows := func(n, values, nulls int) []row {
		out := make([]row, n)
		for i := range out {
			for k := range out[i] {
				if out[i][k] = random.IntN(values); random.IntN(100) < nulls {
					out[i][k] = -1
				}
			}
		}
		return out
	}
	// Each combination of values and NULLs.
	var every []row
	for i := range 27 {
		every = append(every, row{i%3 - 1, i/3%3 - 1, i/9 - 1})
	}
	sets := map[string]struct{ l, r []row }{
		"every": {every, rows(6, 3, 20)}, "empty": {every, nil}, "one": {every, []row{{1, 0, 2}}},
		"null": {every, []row{{-1, -1, -1}}}, "half null": {every, []row{{1, -1, 1}, {0, 0, 0}}},
		"other half": {every, []row{{-1, 1, 1}, {0, 1, -1}}}, "none null": {rows(60, 6, 0), rows(40, 6, 0)},
		"no left null": {rows(60, 6, 0), rows(40, 6, 10)}, "many": {rows(300, 9, 8), rows(200, 9, 4)},
		"few": {rows(300, 40, 3), rows(300, 40, 1)}, "nothing": {nil, every},
	}
	for name, set := range sets {
		for table, list := range map[string][]row{"l": set.l, "r": set.r} {
			c.Must("drop table if exists " + table)
			c.Must("create table " + table + " (id int primary key, a int, b int, c int, key (b))")
			for i, x := range list {
				text := strings.ReplaceAll(fmt.Sprintf("(%d,%d,%d,%d)", i, x[0], x[1], x[2]), "-1", "NULL")
				c.Must("insert into " + table + " values " + text)
			}
		}
		for _, m := range matchings {
			var values, is, not []string
			for i, l := range set.l {
				v := m.value(l, set.r)
				values = append(values, fmt.Sprintf("%d|%s", i, []string{"0", "NULL", "1"}[v]))
				switch v {
				case yes:
					is = append(is, fmt.Sprint(i))
				case no:
					not = append(not, fmt.Sprint(i))
				}
			}
			for _, hint := range []string{"", "/*+ MEMORY_QUOTA(1 MB) */"} {
				in := name + ": " + m.sql + hint
				require.Equal(t, values, c.Must("select "+hint+" id, "+m.sql+" from l order by id"), in)
				require.Equal(t, is, c.Must("select "+hint+" id from l where "+m.sql+" order by id"), in)
				require.Equal(t, not, c.Must("select "+hint+" id from l where not "+m.sql+" order by id"), in)
			}
		}
	}
}

// Split joins write what they have no room for, be it rows with NULLs, and give what nested loops give.
func TestSplitJoinsSpill(t *testing.T) {
	r := New(t, Options{})
	c := r.Connect(t, "")
	c.Must("create database d; use d")
	for k, table := range []string{"l", "r"} {
		c.Must("create table " + table + " (id int primary key, a int, b int, c int)")
		c.Must("set cte_max_recursion_depth = 100000")
		c.Must(fmt.Sprintf("insert into %s with recursive n (i) as (select 0 union all select i + 1 from n "+
			"where i < 2999) select i, if(i %% 3 = %d, null, i * 7 %% 900), "+
			"if(i %% 5 < 2, null, i * %d %% 700), i %% 50 from n",
			table, k, 11+2*k))
	}
	const same = "coalesce(r.a = l.a, 1) and coalesce(r.b = l.b, 1)"
	for _, x := range []struct{ split, reference string }{
		{
			"(l.a, l.b) not in (select a, b from r where id % 100 < 90 and (id % 3 > 1 or id % 5 > 1))",
			"not exists (select 1 from r where id % 100 < 90 and (id % 3 > 1 or id % 5 > 1) and " + same + ")",
		},
		{
			"l.b not in (select b from r where r.c > l.c + 45)",
			"not exists (select 1 from r where r.c > l.c + 45 and coalesce(r.b = l.b, 1))",
		},
		{
			"exists (select 1 from r where r.a = l.b or r.b = l.a and r.c > l.c)",
			"exists (select 1 from r where coalesce(r.a = l.b, 0) or coalesce(r.b = l.a, 0) and r.c > l.c)",
		},
	} {
		sql := "select id from l where "
		c.Must("set tidb_mem_quota_query = default, tidb_executor_concurrency = default, " +
			"spillway_force_spill = 0, spillway_hash_zero = 0")
		require.Contains(t, strings.Join(c.Must("explain "+sql+x.split), "\n"), "HashJoin")
		require.NotContains(t, strings.Join(c.Must("explain "+sql+x.reference), "\n"), "HashJoin")
		want := c.Must(sql + x.reference + " order by id")
		require.NotEmpty(t, want)
		require.Equal(t, want, c.Must(sql+x.split+" order by id"), x.split)
		least := c.minimum(t, sql+x.split+" order by id")
		for force := range 2 {
			for workers := 1; workers <= 3; workers += 2 {
				written := r.Spill.Stats().Writes
				set(c, least+int64(workers-1)<<16, workers, force, force, 0)
				require.Equal(t, want, c.Must(sql+x.split+" order by id"), "%s %d %d", x.split, workers, force)
				if force > 0 {
					require.Greater(t, r.Spill.Stats().Writes, written, "it must spill")
				}
			}
		}
	}
}
