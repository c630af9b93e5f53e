package sessiontest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFound runs queries that generated tests found to fail once, with the settings under which they did.
func TestFound(t *testing.T) {
	r := New(t, Options{})
	c := r.Connect(t, "")
	c.Must(`create database d; use d; create table p (id int primary key, k int); create table q (s varchar(10));
		insert into p values (1, 1), (2, null), (10, 3); insert into q values ('a')`)
	base := r.baseline()
	for _, x := range []struct {
		name, settings, sql string
		want                []string
	}{
		{
			"more points than rows of a batch", "set spillway_batch_rows = 1",
			"select * from p left join q on p.id > length(q.s) where p.id in (1, 10)", []string{"1|1|NULL", "10|3|a"},
		},
	} {
		set(c, 1<<30, 2, 0, 0, 0)
		c.Must(x.settings)
		got, err := c.Run(t.Context(), x.sql)
		require.NoError(t, err, x.name)
		requireRows(t, x.want, got, false, x.name)
		clean(t, c, base, x.name)
	}
}

// TestWideSortedRows calculates with the rows of a sort that are so wide that its batches are shorter than others: they
// have to be no longer than the calculation has room for, also at quotas that allow large pages.
func TestWideSortedRows(t *testing.T) {
	c := New(t, Options{}).Connect(t, "")
	c.Must("create database d; use d")
	var names, values, maxima, want []string
	for i := range 12 {
		names = append(names, fmt.Sprintf("s%d", i))
		values = append(values, fmt.Sprintf("concat('v', n %% %d)", i+2))
		maxima = append(maxima, fmt.Sprintf("max(upper(s%d))", i))
		want = append(want, fmt.Sprintf("V%d", min(i+1, 9)))
	}
	list := strings.Join(names, ", ")
	c.Must("create table t (" + strings.Join(names, " varchar(20), ") + " varchar(20))")
	c.Must("set cte_max_recursion_depth = 3000")
	c.Must("insert into t with recursive r (n) as (select 1 union all select n + 1 from r where n < 3000) select " +
		strings.Join(values, ", ") + " from r")
	for _, quota := range []int64{4 << 20, 16 << 20, 1 << 30} {
		for workers := 1; workers <= 2; workers++ {
			set(c, quota, workers, 0, 0, 0)
			rows, err := c.Run(t.Context(), "select "+strings.Join(maxima, ", ")+
				" from (select * from t order by "+list+" limit 2999) x")
			require.NoError(t, err, "quota %d, workers %d", quota, workers)
			require.Equal(t, []string{strings.Join(want, "|")}, rows)
		}
	}
}
