package sessiontest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// shownView is the statement of SHOW CREATE VIEW v.
func shownView(c *Client) string {
	fields := strings.Split(c.Must("show create view v")[0], "|")
	return strings.Join(fields[1:len(fields)-2], "|")
}

// TestViewText creates views in the ways that clients and dumps do. Each gives the rows of its query under other modes
// than it was created with, and what SHOW CREATE VIEW says makes the same view again.
func TestViewText(t *testing.T) {
	r := New(t, Options{})
	c := r.Connect(t, "")
	c.Must(`create database d; create database e; use d; create table p (a int, b varchar(20), c varchar(20)
			default (concat('x\\y', '"')));
		insert into p (a, b) values (1, 'x'), (2, 'a_b'), (3, 'a\\b'), (4, 'b')`)
	require.Equal(t, []string{`x\y"`}, c.Must(`select distinct c from p`))
	for _, x := range []struct {
		name, mode, sql string
		want            []string
	}{
		{"dumped", "", "/*!50001 CREATE ALGORITHM=UNDEFINED */ /*!50013 DEFINER=`root`@`localhost` " +
			"SQL SECURITY DEFINER */ /*!50001 VIEW v AS SELECT a, b FROM p WHERE a < 3 */", []string{"1|x", "2|a_b"}},
		{"comment", "", "create view v as select a from p where a = 1 -- last", []string{"1"}},
		{"quotes", "ansi_quotes", `create view v as select "a", 'q"' from "p" where "b" = 'x'`, []string{`1|q"`}},
		{"pipes", "pipes_as_concat", "create view v as select b || a from p where a = 1", []string{"x1"}},
		{"escapes", "", `create view v as select a from p where b like 'a\\_b' or b = 'a\\b'`, []string{"2", "3"}},
		{"no escapes", "no_backslash_escapes", `create view v as select a from p where b = 'a\b'`, []string{"3"}},
		{"names of texts", "", "create view v as select x.`a + 1` from (select a + 1 from p where a = 1) x",
			[]string{"2"}},
		{"types of literals", "", "create view v as select 1e3 / 3 > 333.33333, _binary 'a' = 'A', x'41', " +
			"_utf8mb4 x'41' = 'a'", []string{"1|0|A|1"}},
		{"tables of a WITH", "", "create view v as with p as (select 7 a) select a from p", []string{"7"}},
		{"another database", "", "create view e.v as with x as (select a from p) select max(x.a) from x, p",
			[]string{"4"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			c.Must("use d; set sql_mode = '" + x.mode + "'")
			c.Must(x.sql)
			db := "d"
			if strings.Contains(x.sql, "e.v") {
				db = "e"
			}
			c.Must("use e; set sql_mode = 'ansi_quotes'")
			require.Equal(t, x.want, c.Must("select * from "+db+".v"))
			c.Must("set sql_mode = default; use " + db)
			created := shownView(c)
			c.Must("drop view v")
			c.Must(created)
			require.Equal(t, x.want, c.Must("select * from v"))
			require.Equal(t, created, shownView(c))
			c.Must("drop view v")
		})
	}
	c.Must("use d")
	_, err := c.Run(t.Context(), "create view v as select a + @x from p")
	require.Equal(t, sqlerr.ErrViewSelectVariable, sqlerr.CodeOf(err))
}
