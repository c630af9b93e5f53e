package sessiontest

import (
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
