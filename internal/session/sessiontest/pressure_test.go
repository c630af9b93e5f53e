package sessiontest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWritersBesideLeases: statements that take all the surplus there is, sorts and aggregates without a quota, do not
// make other sessions' changes, commits and rollbacks fail: what those pin is covered by minimums, and admission waits.
func TestWritersBesideLeases(t *testing.T) {
	r := New(t, Options{LimitBytes: 16 << 20})
	c := r.Connect(t, "")
	c.Must("create database d")
	require.NoError(t, c.InitDB(t.Context(), "d"))
	c.Must("create table big (id int primary key, a int, s varchar(200))")
	insert(c, "big", 1000, func(i int) string {
		return fmt.Sprintf("(%d, %d, repeat('%c', 180))", i+1, i, 'a'+i%26)
	})
	for n := 1000; n < 32_000; n *= 2 { // 6 MB
		c.Must(fmt.Sprintf("insert into big select id + %d, a * 7 + 1, s from big", n))
	}
	c.Must("create table w (id int primary key, n int, s varchar(2000))")
	const writers, rounds = 4, 12
	var done atomic.Bool
	var readers, all sync.WaitGroup
	for i, q := range []string{
		"select count(*) from (select * from big order by s, a limit 100000) x",
		"select /*+ HASH_AGG() */ a, s, count(*) from big group by a, s",
		"select id, a, s from big order by a, s, id",
	} {
		c := r.Connect(t, "d")
		readers.Go(func() {
			for !done.Load() {
				rows := Rows{Drop: true}
				if err := c.Query(t.Context(), []byte(q), &rows); err != nil {
					t.Errorf("reader %d: %v", i, err)
					return
				}
			}
		})
	}
	for i := range writers {
		c := r.Connect(t, "d")
		all.Go(func() {
			for j := range rounds {
				if err := c.transaction(t, i*rounds+j); err != nil {
					t.Errorf("writer %d: %v", i, err)
					return
				}
			}
		})
	}
	all.Wait()
	done.Store(true)
	readers.Wait()
	want := fmt.Sprintf("%d|%d", writers*rounds, writers*rounds)
	require.Equal(t, []string{want}, c.Must("select count(*), sum(n) from w"))
	require.Positive(t, r.Pool.Stats().Evictions)
}

// transaction changes rows in several statements and leaves row number n, of which n is 1.
func (c *Client) transaction(t *testing.T, n int) error {
	for _, sql := range []string{
		"begin",
		fmt.Sprintf("insert into w values (%d, 0, repeat('x', 1900)), (%d, 5, '')", n, -n-1),
		fmt.Sprintf("update w set n = n + 1, s = repeat('y', 1000) where id = %d", n),
		"savepoint a",
		fmt.Sprintf("update w set n = 77 where id = %d", n),
		fmt.Sprintf("select count(*) from w where id between %d and %d for update", n, n),
		"rollback to a",
		fmt.Sprintf("delete from w where id = %d", -n-1),
		"commit",
		"begin",
		fmt.Sprintf("delete from w where id = %d", n),
		"rollback",
	} {
		if _, err := c.Run(t.Context(), sql); err != nil {
			return fmt.Errorf("%w in %s", err, sql)
		}
	}
	return nil
}
