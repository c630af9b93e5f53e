package sessiontest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLongInLists: a list that is cut out of the statement gives what the same list in short pieces gives.
func TestLongInLists(t *testing.T) {
	r := New(t, Options{LimitBytes: 64 << 20})
	c := r.Connect(t, "")
	c.Must("create database d")
	require.NoError(t, c.InitDB(t.Context(), "d"))
	c.Must(`create table t (id int primary key, a int, b tinyint unsigned, s varchar(20), de decimal(8,2), dt date,
		ts datetime, e enum('x', 'y3', '7'), f double, key(a), key(b, a), key(s), key(de), key(dt), key(ts))`)
	c.Must(`create table plain (id int, a int, b tinyint unsigned,
		s varchar(20), de decimal(8,2), dt date, ts datetime, e enum('x', 'y3', '7'), f double)`)
	row := func(i int) string {
		a := fmt.Sprint(i * 2)
		if i%10 == 0 {
			a = "null"
		}
		b := fmt.Sprint(i % 7)
		if i%31 == 0 {
			b = "null"
		}
		return fmt.Sprintf("(%d,%s,%s,'s%d',%d.%d,date_add('2000-01-01', interval %d day),"+
			"date_add('2000-01-01', interval %d hour),%d,%d.5)", i, a, b, i, i, i%4*25, i, i, i%3+1, i)
	}
	const rows = 1400
	insert(c, "t", rows, row)
	c.Must("insert into plain select * from t")
	const n = 1100
	list := func(element func(i int) string) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = element(i)
		}
		return out
	}
	format := func(f string) []string {
		return list(func(i int) string { return strings.ReplaceAll(f, "#", fmt.Sprint(i)) })
	}
	for _, test := range []struct {
		value string
		list  []string
	}{
		{"a", format("#")},
		{"a", append(format("#"), "null")},
		{"a", format("-#")},
		{"a", format("#.0")},
		{"a", format("'#'")},
		{"a", format("#e0")},
		{"a", list(func(i int) string { return []string{"%d", "'%d'", "%d.00", "%de0", "- %d"}[i%5] })},
		{"a + 0", format("#")},
		{"b", format("#")},
		{"b", format("-#")},
		{"b", format("1844674407370955#")},
		{"s", format("'S#'")},
		{"s", format("'s#  '")},
		{"s", format(`'\s#'`)},
		{"s", format("_binary's#'")},
		{"s", format("#")},
		{"de", format("#.25")},
		{"de", format("#.250")},
		{"de", format("#")},
		{"de", format("10000000#.25")},
		{"dt", list(func(i int) string { return fmt.Sprintf("'20%02d-%02d-%02d'", i/336%50, i/28%12+1, i%28+1) })},
		{"dt", list(func(i int) string { return fmt.Sprintf("'20%02d-%02d-%02d 7:00'", i/336%50, i/28%12+1, i%28+1) })},
		{"ts", list(func(i int) string { return fmt.Sprintf("'2000-01-%02d %02d:00:00'", i/24%31+1, i%24) })},
		{"ts", list(func(i int) string { return fmt.Sprintf("'2000-01-%02d %02d:00:00.5'", i/24%31+1, i%24) })},
		{"e", format("'y#'")},
		{"e", format("#")},
		{"f", format("#.5")},
		{"5", format("#")},
		{"null", format("#")},
		{"(b, a)", list(func(i int) string { return fmt.Sprintf("(%d,%d)", i%7, 2*i) })},
		{"(b, a)", list(func(i int) string { return fmt.Sprintf("(%d,%d)", i%7, 4*i) })},
		{"(b, a)", list(func(i int) string { return []string{"(%d,0)", "(1,null)", "(null,2)"}[min(i%1000, 2)] })},
		{"(a, s)", list(func(i int) string { return fmt.Sprintf("(%d, 's%d')", 2*i, i) })},
	} {
		for i, e := range test.list {
			if strings.Contains(e, "%") {
				test.list[i] = strings.ReplaceAll(e, "%d", fmt.Sprint(i))
			}
		}
		var pieces []string
		for rest := test.list; len(rest) > 0; {
			k := min(len(rest), 500)
			pieces = append(pieces, test.value+" in ("+strings.Join(rest[:k], ",")+")")
			rest = rest[k:]
		}
		long := test.value + " in (" + strings.Join(test.list, ",") + ")"
		short := "(" + strings.Join(pieces, " or ") + ")"
		name := long[:60]
		want := c.Must("select id, " + short + " from plain order by id")
		require.Equal(t, want, c.Must("select id, "+long+" from plain order by id"), name)
		notWant := c.Must("select id from plain where not " + short + " order by id")
		require.Equal(t, notWant, c.Must("select id from plain where not ("+long+") order by id"), name)
		for _, table := range []string{"t", "plain"} {
			for _, where := range []string{"%s", "%s and b = 3", "b = 3 and a > 50 and %s", "%s and e in ('x')"} {
				sql := "select id from " + table + " where " + where + " order by id"
				want := c.Must(fmt.Sprintf(strings.ReplaceAll(sql, " t ", " plain "), short))
				require.Equal(t, want, c.Must(fmt.Sprintf(sql, long)), name)
			}
			want := c.Must("select a, id from plain where " + short + " order by a desc, id limit 20")
			sql := "select a, id from " + table + " where " + long + " order by a desc, id limit 20"
			require.Equal(t, want, c.Must(sql), name)
		}
		want = c.Must("select id from plain where " + short + " order by id")
		if test.value == "s" && !strings.Contains(test.list[0], "'") {
			continue // a change refuses texts that are no numbers
		}
		c.Must("begin")
		c.Must("update t set f = -1 where " + long)
		require.Equal(t, want, c.Must("select id from t where f = -1 order by id"), name)
		c.Must("rollback")
		c.Must("begin")
		c.Must("delete from t where " + long)
		require.Equal(t, []string{fmt.Sprint(rows - len(want))}, c.Must("select count(*) from t"), name)
		c.Must("rollback")
	}
}

// TestLongInListsWithin: lists beside parameters, rows, several of them, and ones that are no lists of literals.
func TestLongInListsWithin(t *testing.T) {
	r := New(t, Options{LimitBytes: 64 << 20})
	c := r.Connect(t, "")
	c.Must("create database d")
	require.NoError(t, c.InitDB(t.Context(), "d"))
	c.Must("create table t (id int primary key, a int, key(a))")
	insert(c, "t", 4000, func(i int) string { return fmt.Sprintf("(%d,%d)", i, i%100) })
	var b strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&b, ",%d", i)
	}
	list := b.String()[1:]
	one := func(want, sql string) {
		t.Helper()
		require.Equal(t, []string{want}, c.Must(strings.ReplaceAll(sql, "LIST", list)))
	}
	one("100", "select count(*) from t where id in (LIST) and a in (LIST) and id < 100")
	one("2000", "select count(*) from t where id in (LIST, a)")
	one("2000", "select count(*) from t where id in (LIST) or id in (LIST, 1+1)")
	one("2000", "select count(*) from t where id in ( /* c */ LIST -- x\n)")
	one("1", "select count(*) from (select id from t where id in (LIST)) x where id in (7)")
	one("4000", "select count(*) from t where a in (select a from t where id in (LIST))")
	one("2|7", "select 1+1, id from t where id in (LIST) and id = 7")
	one("2000", "prepare p from 'select count(*) from t where id >= ? and id in (LIST) and id < ?';"+
		"set @a = 0, @b = 9999; execute p using @a, @b")
	one("10", "set @a = 5, @b = 15; execute p using @a, @b")
	c.Must("create table w (x int, y int)")
	c.Must("insert into w values " + strings.Repeat("(1, 2),", 12000) + "(3, 3 in (" + list + "))")
	one("1", "select y from w where x = 3")
	sql := "insert into w select id, a in (LIST) from t where id in (LIST) and id > 1990"
	c.Must(strings.ReplaceAll(sql, "LIST", list))
	one("9", "select count(*) from w where x > 1990 and y = 1")
	for sql, text := range map[string]string{
		"select count(*) from t where (id, a) in (LIST)":         "Operand should contain 2 column(s)",
		"select count(*) from t where id in (LIST,)":             "You have an error in your SQL syntax",
		"select count(*) from t where id in (LIST":               "You have an error in your SQL syntax",
		"select count(*) from t where nope in (LIST)":            "Unknown column 'nope' in 'where clause'",
		"select count(*) from t where id in (LIST) and nope = 1": "Unknown column 'nope' in 'where clause'",
	} {
		_, err := c.Run(t.Context(), strings.ReplaceAll(sql, "LIST", list))
		require.ErrorContains(t, err, text)
	}
}
