package sessiontest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
)

// locking is a server with table t: id 1 to 9, a = 0, b = 10 id with an index, u = id with a unique one.
func locking(t testing.TB, sessions int) (*Rig, []*Client) {
	r := New(t, Options{})
	var clients []*Client
	for range sessions {
		clients = append(clients, r.Connect(t, ""))
	}
	clients[0].Must("create database d")
	for _, c := range clients {
		c.Must("use d")
	}
	clients[0].Must("create table t (id int primary key, a int not null, b int, u int, key (b), unique (u))")
	for id := 1; id < 10; id++ {
		clients[0].Must(fmt.Sprintf("insert into t values (%d, 0, %d, %d)", id, 10*id, id))
	}
	return r, clients
}

// result is what a statement in the background gave.
type result struct {
	rows []string
	err  error
}

// behind runs sql in the background and waits until it waits for a row.
func (c *Client) behind(sql string, waiters int64) <-chan result {
	c.t.Helper()
	done := make(chan result, 1)
	go func() {
		rows, err := c.Run(context.Background(), sql)
		done <- result{rows, err}
	}()
	require.Eventually(c.t, func() bool { return c.rig.Sessions.Store.Stats().Waiters == waiters }, testutil.Patience,
		time.Millisecond, "%s does not wait", sql)
	return done
}

func (c *Client) code(sql string) sqlerr.Code {
	c.t.Helper()
	_, err := c.Run(context.Background(), sql)
	return code(err)
}

func code(err error) sqlerr.Code {
	if err == nil {
		return 0
	}
	return sqlerr.Code(sqlerr.From(err).Code)
}

// A statement that changes or locks rows reads what is committed when it gets there, not the transaction's read view.
func TestLockingReadsAreCurrent(t *testing.T) {
	for _, where := range []string{
		"b between 20 and 40", "id between 2 and 4", "u between 2 and 4", "id in (2, 3, 4, 33)",
		"a < 100 and (b = 20 or b = 30 or b = 40)",
	} {
		t.Run(where, func(t *testing.T) {
			_, c := locking(t, 2)
			a, b := c[0], c[1]
			a.Must("begin")
			require.Equal(t, []string{"9"}, a.Must("select count(*) from t"))
			b.Must("delete from t where id = 3")
			b.Must("insert into t values (33, 5, 30, 3)")
			b.Must("update t set a = 7 where id = 4")
			require.Equal(t, []string{"2|0", "3|0", "4|0"}, a.Must("select id, a from t where id between 2 and 4"))
			for _, lock := range []string{"for update", "for share"} {
				rows := a.Must("select id, a from t where " + where + " order by id " + lock)
				want := []string{"2|0", "4|7", "33|5"}
				if strings.HasPrefix(where, "id between") {
					want = want[:2]
				}
				require.Equal(t, want, rows, lock)
			}
			a.Must("update t set a = a + 1 where " + where)
			rows := a.Must("select id, a from t where id in (2, 3, 4)")
			require.Equal(t, []string{"2|1", "3|0", "4|8"}, rows, "own changes over the read view")
			a.Must("commit")
			require.Equal(t, []string{"2|1", "4|8"}, a.Must("select id, a from t where id in (2, 3, 4)"))
			a.Must("begin")
			a.Must("select * from t limit 1")
			b.Must("insert into t values (3, 5, 30, 300)")
			if !strings.HasPrefix(where, "u ") {
				a.Must("delete from t where " + where)
				a.Must("commit")
				require.Empty(t, a.Must("select id from t where id between 2 and 4"))
			}
		})
	}
}

// What changes while a statement waits for a row decides: the condition is checked on what is there afterwards, rows
// that come into the range ahead of the scan are seen, those that leave it are not.
func TestWaitingStatementReadsAgain(t *testing.T) {
	for name, x := range map[string]struct {
		change, statement string
		want              []string // id|a of rows with a <> 0
	}{
		"condition": {"update t set a = 5 where id = 2",
			"update t set a = a + 1 where id = 2 and a = 0", []string{"2|5"}},
		"leaves by index": {"update t set b = 99 where id = 3",
			"update t set a = a + 1 where b between 20 and 40", []string{"2|1", "4|1"}},
		"moves within": {"update t set b = 35 where id = 3",
			"update t set a = a + 1 where b between 20 and 40", []string{"2|1", "3|1", "4|1"}},
		"comes in": {"update t set b = 32 where id in (3, 7)",
			"update t set a = a + 1 where b between 20 and 40", []string{"2|1", "3|1", "4|1", "7|1"}},
		"another key": {"update t set id = 30 where id = 3",
			"update t set a = a + 1 where id >= 3 and id < 5 or id = 30", []string{"4|1", "30|1"}},
		"is deleted": {"delete from t where id = 2", "update t set a = a + 1 where b < 40", []string{"1|1", "3|1"}},
		"is inserted": {"insert into t values (20, 5, 25, 20)", "update t set a = a + 1 where id >= 8",
			[]string{"8|1", "9|1", "20|6"}},
		"order by": {"update t set b = 5 where id in (3, 7)",
			"update t set a = a + 1 where b between 20 and 80 order by b limit 3", []string{"2|1", "4|1", "5|1"}},
		"descending": {"update t set b = 25 where id = 3",
			"update t set a = a + 1 where b between 20 and 40 order by b desc limit 2", []string{"3|1", "4|1"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, c := locking(t, 3)
			a, b := c[0], c[1]
			b.Must("begin")
			b.Must("select * from t")
			a.Must("begin")
			a.Must(x.change)
			if name == "is inserted" {
				a.Must("update t set a = 0 where id = 9")
				a.Must("select * from t where id = 8 for update")
			}
			done := b.behind(x.statement, 1)
			a.Must("commit")
			require.NoError(t, (<-done).err)
			b.Must("commit")
			require.Equal(t, x.want, c[2].Must("select id, a from t where a <> 0 order by id"))
		})
	}
	t.Run("rolled back", func(t *testing.T) {
		_, c := locking(t, 2)
		c[0].Must("begin")
		c[0].Must("update t set b = 99, a = 9 where id = 3")
		done := c[1].behind("update t set a = a + 1 where b between 20 and 40", 1)
		c[0].Must("rollback")
		require.NoError(t, (<-done).err)
		require.Equal(t, []string{"2|1", "3|1", "4|1"}, c[1].Must("select id, a from t where a <> 0 order by id"))
	})
}

// A row with a unique value that another transaction is about to give up is waited for.
func TestInsertWaitsForUniqueValue(t *testing.T) {
	_, c := locking(t, 2)
	for _, x := range []struct {
		change, end string
		want        sqlerr.Code
	}{
		{"delete from t where id = 5", "commit", 0},
		{"update t set u = 500 where id = 6", "commit", 0},
		{"update t set u = 700 where id = 7", "rollback", sqlerr.ErrDupEntry},
	} {
		u := x.change[len(x.change)-1:]
		c[0].Must("begin")
		c[0].Must(x.change)
		done := c[1].behind("insert into t values (100"+u+", 0, 0, "+u+")", 1)
		c[0].Must(x.end)
		require.Equal(t, x.want, code((<-done).err), x.change)
	}
}

func TestLockWaitOptions(t *testing.T) {
	_, c := locking(t, 2)
	a, b := c[0], c[1]
	a.Must("begin")
	a.Must("select * from t where b = 30 for update")
	require.Equal(t, sqlerr.ErrLockNowait, b.code("select * from t where b > 10 for update nowait"))
	require.Equal(t, sqlerr.ErrLockNowait, b.code("select * from t where id = 3 for share nowait"))
	b.Must("begin")
	require.Equal(t, []string{"2", "4"},
		b.Must("select id from t where b between 20 and 40 order by id for update skip locked"))
	require.Equal(t, []string{"1", "2", "4"}, b.Must("select id from t order by id limit 3 for share skip locked"))
	b.Must("rollback")
	b.Must("set innodb_lock_wait_timeout = 1")
	b.Must("begin")
	b.Must("update t set a = 1 where id = 9")
	require.Equal(t, sqlerr.ErrLockWaitTimeout, b.code("update t set a = 1 where b between 20 and 40"))
	b.Must("commit")
	require.Equal(t, []string{"9"}, b.Must("select id from t where a <> 0"), "only the statement is undone")
	a.Must("rollback")
}

// A statement with LIMIT locks no more rows than it needs: sessions that take work from a queue do not meet.
func TestLimitedLocks(t *testing.T) {
	for _, by := range []string{
		"order by id", "order by b", "", "where a = 0 order by id", "where b >= 10 order by b",
	} {
		_, c := locking(t, 3)
		var got []string
		for i := range 3 {
			c[i].Must("begin")
			rows := c[i].Must("select id from t " + by + " limit 2 for update skip locked")
			require.Len(t, rows, 2, by)
			got = append(got, rows...)
		}
		if by != "" {
			require.Equal(t, []string{"1", "2", "3", "4", "5", "6"}, got, by)
		}
		c[0].Must("update t set a = 1 where id <= 2 limit 2")
		c[0].Must("commit")
	}
}

// The transaction that a deadlock ends is undone as a whole; the other goes on.
func TestDeadlockOfRanges(t *testing.T) {
	_, c := locking(t, 2)
	a, b := c[0], c[1]
	a.Must("begin")
	b.Must("begin")
	a.Must("update t set a = 1 where b between 10 and 30")
	b.Must("update t set a = 2 where b between 70 and 90")
	done := a.behind("update t set a = 3 where id > 6", 1)
	second, err := b.Run(t.Context(), "update t set a = 4 where id < 3")
	first := <-done
	require.Empty(t, second)
	switch deadlock := sqlerr.ErrLockDeadlock; {
	case code(first.err) == deadlock && err == nil:
		b.Must("commit")
		require.Equal(t, []string{"1|4", "2|4", "7|2", "8|2", "9|2"}, a.Must("select id, a from t where a <> 0"))
	case code(err) == deadlock && first.err == nil:
		require.Empty(t, b.Must("select id from t where a <> 0"), "its transaction is gone")
		a.Must("commit")
		require.Equal(t, []string{"1|1", "2|1", "3|1", "7|3", "8|3", "9|3"},
			b.Must("select id, a from t where a <> 0"))
	default:
		t.Fatalf("%v and %v", first.err, err)
	}
}

func TestIsolationLevels(t *testing.T) {
	_, c := locking(t, 2)
	a, b := c[0], c[1]
	seen := func() string { return a.Must("select a from t where id = 1")[0] }
	for i, x := range []struct {
		set     string
		changed bool // the second statement of a transaction sees what was committed after the first
	}{
		{"set session transaction isolation level read committed", true},
		{"set session transaction isolation level repeatable read", false},
		{"set transaction isolation level read committed", true},
		{"select 1", false}, // SET TRANSACTION was for one
	} {
		a.Must(x.set)
		if strings.HasPrefix(x.set, "select") {
			a.Must("set transaction isolation level repeatable read")
		}
		a.Must("begin")
		before := seen()
		b.Must(fmt.Sprintf("update t set a = %d where id = 1", 100+i))
		require.Equal(t, x.changed, before != seen(), x.set)
		require.Equal(t, sqlerr.ErrCantChangeTxCharacteristics,
			a.code("set transaction isolation level read committed"))
		a.Must("commit")
	}
}

// N sessions add one to all rows of a range, in transactions of REPEATABLE READ that have a read view already, while
// others move rows about in the range: no update is lost, and none is made twice.
func TestNoLostUpdates(t *testing.T) {
	seed := testutil.Seed(t)
	const rows, adders, rounds = 60, 3, 12
	r := New(t, Options{})
	c := r.Connect(t, "")
	c.Must("create database d; use d; create table t (id int primary key, a int not null, b int, key (b))")
	for i := range rows {
		c.Must(fmt.Sprintf("insert into t values (%d, 0, %d)", i, i))
	}
	var group sync.WaitGroup
	stop := make(chan struct{})
	for w := range adders + 1 {
		x := r.Connect(t, "d")
		r := rand.New(rand.NewPCG(seed, uint64(w)))
		run := func(statements ...string) bool {
			for {
				var err error
				for _, sql := range statements {
					if _, err = x.Run(context.Background(), sql); err != nil {
						break
					}
				}
				switch code(err) {
				case 0:
					return true
				case sqlerr.ErrLockDeadlock:
					continue
				}
				t.Errorf("%v", err)
				return false
			}
		}
		if w == adders {
			group.Go(func() { // moves a row, and adds nothing
				for {
					select {
					case <-stop:
						return
					default:
					}
					if !run(fmt.Sprintf("update t set b = %d where id = %d", r.IntN(rows), r.IntN(rows))) {
						return
					}
				}
			})
			continue
		}
		group.Go(func() {
			for i := range rounds {
				how := "where b between 0 and 1000"
				if i%3 == 1 {
					how = "where id between 0 and 1000"
				} else if i%3 == 2 {
					how = "where b >= 0 order by b desc"
				}
				if !run("begin", "select count(*) from t", "update t set a = a + 1 "+how, "commit") {
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		group.Wait()
	}()
	require.Eventually(t, func() bool {
		s := c.Must("select min(a), max(a) from t")[0]
		return s == fmt.Sprintf("%d|%d", adders*rounds, adders*rounds)
	}, 30*time.Second, 20*time.Millisecond)
	close(stop)
	<-done
}
