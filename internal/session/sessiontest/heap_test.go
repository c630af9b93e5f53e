package sessiontest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/testutil"
)

// heapGrowth is how much more of the Go heap a statement may use for ten times the rows.
const heapGrowth = 2 << 20

// TestHeapDoesNotGrow: what grows with data lies in pages. Short: 10 k and 100 k rows, long: 1 M and 10 M.
func TestHeapDoesNotGrow(t *testing.T) {
	rows := 10_000
	if testutil.Long() {
		rows = 1_000_000
	}
	r := New(t, Options{})
	c := r.Connect(t, "")
	c.Must("create database d")
	require.NoError(t, c.InitDB(t.Context(), "d"))
	for _, name := range []string{"few", "many"} {
		c.Must("create table " + name + " (id int primary key, a int, s varchar(60))")
	}
	c.Must("create table u (x int)")
	c.Must("insert into u values (1), (5), (700)")
	number := func(i int) string { return fmt.Sprintf("(%d,%d,'%d')", i, (i*7919)%(10*rows), i*31) }
	insert(c, "few", rows, number)
	insert(c, "many", 10*rows, number)
	c.Must("set tidb_mem_quota_query = 8388608")
	for _, sql := range []string{
		"select * from T",
		"select id, concat(s, 'x') from T where length(s) > 2",
		"select * from T order by a, s",
		"select * from T order by a limit 10",
		"select a, count(*), max(s) from T group by a",
		"select count(*), max(s) from T",
		"select id, count(*) from T group by id",
		"select T.id from T left join u on T.a < u.x",
	} {
		few := heapPeak(t, c, strings.ReplaceAll(sql, "T", "few"))
		many := heapPeak(t, c, strings.ReplaceAll(sql, "T", "many"))
		t.Logf("%s: %d KiB, with ten times the rows %d KiB", sql, few>>10, many>>10)
		require.Less(t, many, few+heapGrowth, sql)
	}
}

// heapPeak runs sql and returns the most live heap that was seen at its batches, less what there was before.
func heapPeak(t *testing.T, c *Client, sql string) int64 {
	t.Helper()
	before := testutil.LiveHeap()
	var peak int64
	batches := 0
	out := Rows{Drop: true, OnBatch: func() error {
		if batches++; batches&(batches-1) == 0 { // 1, 2, 4, ...
			peak = max(peak, testutil.LiveHeap()-before)
		}
		return nil
	}}
	require.NoError(t, c.Query(t.Context(), []byte(sql), &out))
	require.NotZero(t, out.Count)
	return peak
}
