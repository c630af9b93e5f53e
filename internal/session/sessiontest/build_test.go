package sessiontest

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/testutil/faulty"
)

// buildTable makes table b of n rows: n even; k in no order, unique; s in no order, with few values; w long texts.
func buildTable(c *Client, n int) {
	c.Must("create database d; use d; create table b (id int primary key, k int not null, s varchar(30), w text)")
	for i := 0; i < n; i += 500 {
		var v strings.Builder
		for j := i; j < i+500; j++ {
			if v.Len() > 0 {
				v.WriteByte(',')
			}
			s := fmt.Sprintf("'Text %d'", j%97)
			if j%50 == 7 {
				s = "NULL"
			}
			fmt.Fprintf(&v, "(%d,%d,%s,'%s')", j, j*7919%n, s, strings.Repeat("w", j%300))
		}
		c.Must("insert into b values " + v.String())
	}
}

// sum is the table by its rows; along an index it must be the same.
func sum(c *Client, hint string) string {
	return c.Must("select count(*), sum(id), sum(k), count(s), sum(length(w)) from b " + hint)[0]
}

// Indexes and copies go through an external sort, within small quotas, and have what rows have.
func TestBuildIndexes(t *testing.T) {
	const n = 12_000
	r := New(t, Options{})
	c := r.Connect(t, "")
	buildTable(c, n)
	c.Must("set tidb_mem_quota_query = 1048576")
	want := sum(c, "")
	for i, x := range []struct {
		sql     string
		spills  bool
		indexes []string
	}{
		{"alter table b add unique key k (k), add key s (s, w(20))", true, []string{"k", "s"}},
		{"create index sk on b (s desc, k)", true, []string{"sk", "k"}},
		{"alter table b modify k bigint not null, add x int not null default 3", false, []string{"k", "s", "sk"}},
		{"alter table b drop primary key, add primary key (k, id)", true, []string{"k", "s"}},
		{"alter table b drop primary key", true, []string{"k", "s", "sk"}},
		{"alter table b add a bigint unsigned not null auto_increment, add unique key a (a)", true, []string{"a", "s"}},
		{"alter table b convert to character set utf8mb4 collate utf8mb4_bin, drop index sk", true, []string{"s"}},
	} {
		base, written := r.baseline(), r.Spill.Stats().Writes
		c.Must(x.sql)
		require.Equal(t, base, r.baseline(), x.sql)
		if x.spills {
			require.Greater(t, r.Spill.Stats().Writes, written, "%s must spill", x.sql)
		}
		require.Equal(t, want, sum(c, ""), x.sql)
		for _, index := range x.indexes {
			require.Equal(t, want, sum(c, "force index ("+index+")"), "%s: %s", x.sql, index)
		}
		c.Must(fmt.Sprintf("update b set w = concat(w, 'x') where id = %d", 1000+i))
		c.Must(fmt.Sprintf("delete from b where id = %d", 2000+i))
		want = sum(c, "")
	}
	require.Equal(t, []string{"11993|11995"}, c.Must("select count(*), max(a) from b"))
	require.Equal(t, "0 files", r.leftovers(), "files of runs")
}

// leftovers counts files of runs that were not ingested.
func (r *Rig) leftovers() string {
	list, err := r.FS.List("data/ingest")
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d files", len(list))
}

// The error about a duplicate shows the value, and leaves the table as it was.
func TestBuildDuplicates(t *testing.T) {
	r := New(t, Options{})
	c := r.Connect(t, "")
	buildTable(c, 2000)
	c.Must("insert into b values (5000, 5000, 'TEXT 3', ''), (5001, -7, null, '')")
	before := c.Must("show create table b")
	for sql, want := range map[string]string{
		"create unique index u on b (s)":                         "Duplicate entry 'Text 0' for key 'b.u'",
		"alter table b add unique key u (s(4))":                  "Duplicate entry 'Text' for key 'b.u'",
		"alter table b drop primary key, add primary key (s)":    "Invalid use of NULL value",
		"alter table b drop primary key, add primary key (w(1))": "Duplicate entry '' for key 'b.PRIMARY'",
		"alter table b add x int not null unique":                "Duplicate entry '0' for key 'b.x'",
		"alter table b modify k tinyint":                         "Out of range value for column 'k' at row 2",
	} {
		base := r.baseline()
		_, err := c.Run(t.Context(), sql)
		require.ErrorContains(t, err, want, sql)
		require.Equal(t, base, r.baseline(), sql)
		require.Equal(t, before, c.Must("show create table b"), sql)
		require.Equal(t, "0 files", r.leftovers(), sql)
		require.Equal(t, []string{"2002"}, c.Must("select count(*) from b"))
	}
}

// Whatever fails, a definition leaves the table and its indexes as they were, and nothing else.
func TestBuildSweep(t *testing.T) {
	r := New(t, Options{})
	c := r.Connect(t, "")
	buildTable(c, 8000)
	c.Must("set tidb_mem_quota_query = 786432")
	written := r.Spill.Stats().Writes
	want, before := sum(c, ""), c.Must("show create table b")
	base := r.baseline()
	for _, x := range [][2]string{
		{"alter table b add key s (s), add unique key k (k)", "alter table b drop key s, drop key k"},
		{"alter table b drop primary key, add primary key (k)", "alter table b drop primary key, add primary key (id)"},
	} {
		for _, m := range diskModes {
			if m.name == "minimum" {
				continue // fills no pages that are not granted
			}
			for n := int64(1); ; n = each(2 * n) {
				var count, touched atomic.Int64
				m.arm(r, func() bool {
					k := count.Add(1)
					if k != n && (k < n || !m.onwards) {
						return false
					}
					touched.Add(1)
					return true
				})
				_, err := c.Run(t.Context(), x[0])
				m.disarm(r)
				what := fmt.Sprintf("%s: %s %d", x[0], m.name, n)
				switch {
				case err == nil:
					c.Must(x[1])
				case m.mustRun || touched.Load() == 0:
					require.NoError(t, err, what)
				default:
					requireClear(t, err, what)
				}
				clean(t, c, base, what)
				require.Equal(t, before, c.Must("show create table b"), what)
				require.Equal(t, want, sum(c, ""), what)
				require.Equal(t, "0 files", r.leftovers(), what)
				if touched.Load() == 0 {
					break
				}
			}
		}
	}
	require.Greater(t, r.Spill.Stats().Writes, written, "it must spill")
}

// A build is seen in the process list, with its progress and memory, and KILL ends it; readers go on meanwhile, writers
// wait.
func TestBuildIsVisible(t *testing.T) {
	r := New(t, Options{})
	c, other := r.Connect(t, ""), r.Connect(t, "")
	buildTable(c, 8000)
	other.Must("use d; set lock_wait_timeout = 1")
	stall, reached := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	c.Must("set tidb_mem_quota_query = 786432")
	r.FailFiles(func(op faulty.Op, _ int) error {
		if op == faulty.Write && once.CompareAndSwap(false, true) {
			close(reached)
			<-stall
		}
		return nil
	})
	defer r.FailFiles(nil)
	done := make(chan error, 1)
	go func() {
		_, err := c.Run(context.Background(), "create index s on b (s)")
		done <- err
	}()
	select {
	case <-reached:
	case <-time.After(testutil.Patience):
		t.Fatal("it does not spill")
	}
	line := other.Must("select state, mem > 0 from information_schema.processlist where info like 'create%'")
	require.Len(t, line, 1)
	require.Regexp(t, `^altering table: \d+ rows read\|1$`, line[0])
	require.Equal(t, []string{"8000"}, other.Must("select count(*) from b"))
	require.Equal(t, sqlerr.ErrLockWaitTimeout, other.code("delete from b where id = 1"))
	require.NoError(t, r.Sessions.Kill(c.ID(), true))
	close(stall)
	select {
	case err := <-done:
		require.Equal(t, sqlerr.ErrQueryInterrupted, code(err))
	case <-time.After(testutil.Patience):
		t.Fatal("KILL does not end it")
	}
	other.Must("delete from b where id = 1")
	require.Equal(t, "0 files", r.leftovers())
}

// A build waits for its memory, like any statement, and its minimum is refused where the quota is smaller.
func TestBuildMinimum(t *testing.T) {
	r := New(t, Options{})
	c := r.Connect(t, "")
	buildTable(c, 500)
	c.Must("set tidb_mem_quota_query = 131072")
	_, err := c.Run(t.Context(), "create index s on b (s)")
	require.ErrorContains(t, err, "quota")
	c.Must("set tidb_mem_quota_query = 0")
	r.Refuse(func(op memory.Op, _ string, _ int) error {
		if op == memory.OpAdmit {
			return noRoom
		}
		return nil
	})
	_, err = c.Run(t.Context(), "create index s on b (s)")
	r.Refuse(nil)
	requireClear(t, err, "admission")
	r.FailFiles(func(faulty.Op, int) error { return unix.EIO })
	c.Must("create index s on b (s)") // needs no files
	r.FailFiles(nil)
}
