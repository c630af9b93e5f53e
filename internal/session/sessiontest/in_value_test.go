package sessiontest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// IN and NOT IN of correlated queries, as values and as conditions, are what EXISTS says of matches, and of those that
// are unknown.
func TestCorrelatedIn(t *testing.T) {
	r := New(t, Options{})
	c := r.Connect(t, "")
	c.Must("create database d; use d; create table l (id int primary key, a int, b int, c int, x int)")
	c.Must("create table r (id int primary key, a int, b int, c int, x int)")
	value := func(n, null, values int) string {
		if n%null == 0 {
			return "NULL"
		}
		return fmt.Sprint(n % values)
	}
	for k, table := range []string{"l", "r"} {
		var v []string
		for i := range 300 {
			n := i*(7+4*k) + 50*k
			v = append(v, fmt.Sprintf("(%d,%s,%s,%s,%d)",
				i, value(n/3, 31, 40), value(n/5, 17, 5), value(n, 16, 3), n%9))
		}
		c.Must("insert into " + table + " values " + strings.Join(v, ","))
	}
	for _, where := range []string{
		"r.a = l.a", "r.a = l.a and r.x > l.x", "r.a = l.a and r.id % 4 = l.id % 3", "r.a <=> l.a",
	} {
		for _, x := range []struct{ list, equal, maybe string }{
			{"b", "r.b = l.b", "(r.b = l.b or r.b is null or l.b is null)"},
			{
				"(b, c)", "r.b = l.b and r.c = l.c",
				"(r.b = l.b or r.b is null or l.b is null) and (r.c = l.c or r.c is null or l.c is null)",
			},
		} {
			exists := func(cond string) string {
				return "exists (select 1 from r where " + where + " and " + cond + ")"
			}
			want := c.Must("select id, case when " + exists(x.equal) + " then 1 when " + exists(x.maybe) +
				" then null else 0 end v from l order by id")
			list := strings.ReplaceAll(strings.ReplaceAll(x.list, "b", "l.b"), "c", "l.c")
			in := list + " in (select " + strings.Trim(x.list, "()") + " from r where " + where + ")"
			for _, hint := range []string{"", "/*+ MEMORY_QUOTA(1 MB) */"} {
				sql := "select " + hint + " id, " + in + " from l order by id"
				require.Contains(t, strings.Join(c.Must("explain "+sql), "\n"), "HashJoin", sql)
				require.Equal(t, want, c.Must(sql), sql)
			}
			var not []string
			for _, row := range want {
				if id, v, _ := strings.Cut(row, "|"); v == "0" {
					not = append(not, id)
				}
			}
			require.NotEmpty(t, not)
			require.Equal(t, not, c.Must("select id from l where not "+in+" order by id"), in)
		}
	}
}
