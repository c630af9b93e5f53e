package sessiontest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestManyJoins joins 60 tables within a small quota: at most some of the joins hold memory at once.
func TestManyJoins(t *testing.T) {
	const tables = 60
	r := New(t, Options{})
	c := r.Connect(t, "")
	c.Must("create database test")
	c.Must("use test")
	// Two rows a table; the chain of keys is a permutation at each step, so that each row goes a way of its own.
	for i := range tables {
		c.Must(fmt.Sprintf("create table t%d (a int, b int, c varchar(20))", i))
		c.Must(fmt.Sprintf("insert into t%d values (1, 2, 'x%d'), (2, 1, 'y%d')", i, i, i))
	}
	c.Must("create table one (a int)")
	c.Must("insert into one values (7)")
	var equal, last strings.Builder
	equal.WriteString("t0")
	cross := "one x0"
	for i := 1; i < tables; i++ {
		fmt.Fprintf(&equal, " join t%d on t%d.a = t%d.b", i, i, i-1)
		cross += fmt.Sprintf(" join one x%d", i)
	}
	fmt.Fprintf(&last, "select t0.c, t%d.c from ", tables-1)
	for _, quota := range []int{16 << 20, 3 << 20} {
		for workers := 1; workers <= 2; workers++ {
			set(c, int64(quota), workers, 0, 0, 0)
			require.Equal(t, []string{"2"}, c.Must("select count(*) from "+equal.String()))
			require.Equal(t, []string{"1"}, c.Must("select count(*) from "+cross))
			require.ElementsMatch(t, []string{"x0|y59", "y0|x59"}, c.Must(last.String()+equal.String()))
			require.Empty(t, c.Must(last.String()+equal.String()+" where t30.c = 'none'"))
		}
	}
	plan := strings.Join(c.Must("explain analyze select count(*) from "+equal.String()), "\n")
	require.Contains(t, plan, "materialized:1", "pipelines are cut")
}
