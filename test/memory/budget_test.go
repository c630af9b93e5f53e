package memory_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/test/harness"
)

// TestBudget holds a server under everything at once to the table of docs/memory.md.
func TestBudget(t *testing.T) {
	limits, length := []int64{208, 256}, 3*time.Second
	if testutil.Long() {
		limits, length = []int64{192, 208, 256, 1024}, 40*time.Second
	}
	for _, limit := range limits {
		t.Run(fmt.Sprintf("%dMiB", limit), func(t *testing.T) {
			s := harness.Start(t, harness.Options{Limit: limit * mib, Variables: map[string]string{
				"tidb_mem_quota_query": "0", // the pool is the only limit
			}})
			b := &budgetLoad{t: t, s: s, db: s.DB(t, "test", overTLS)}
			b.idleClients(60)
			b.run(length)
			require.NoError(t, b.db.Close())
		})
	}
}

// overTLS makes the driver use TLS, whatever the server's certificate.
func overTLS(c *mysql.Config) { c.TLSConfig = "skip-verify" }

// budgetLoad is the load on one server.
type budgetLoad struct {
	t    *testing.T
	s    *harness.Server
	db   *sql.DB
	rows atomic.Int64 // inserted, ids below it are taken
	done atomic.Int64 // statements
}

// idleClients opens connections that do nothing for the rest of the test.
func (b *budgetLoad) idleClients(n int) {
	for range n {
		c := harness.Conn(b.t, b.db)
		require.NoError(b.t, c.PingContext(b.t.Context()))
	}
	var cipher, value string
	require.NoError(b.t, b.db.QueryRow("SHOW STATUS LIKE 'Ssl_cipher'").Scan(&cipher, &value))
	require.NotEmpty(b.t, value, "TLS")
	b.look("idle clients")
}

// run loads the server for a time with writers, LOAD DATA, sorts and aggregates that want more than the pool.
func (b *budgetLoad) run(length time.Duration) {
	pages := b.s.ReadStatus(b.t).Budget.Pool
	harness.Exec(b.t, b.db, "CREATE TABLE l (id BIGINT PRIMARY KEY, k INT, s VARCHAR(300), KEY (k))",
		"CREATE TABLE big (id BIGINT PRIMARY KEY, k INT, s VARCHAR(300))")
	b.load("big", 20_000)
	for n := int64(20_000); n*300 < pages; n *= 2 { // sorted or grouped, it is larger than the pool
		harness.Exec(b.t, b.db, fmt.Sprintf("INSERT INTO big SELECT id + %d, k + %d, s FROM big", n, n))
	}
	b.look("filled")
	ctx, cancel := context.WithTimeout(b.t.Context(), length)
	defer cancel()
	var all sync.WaitGroup
	for i, work := range []func(context.Context, *sql.Conn) error{
		b.query("SELECT COUNT(*) FROM (SELECT id FROM big ORDER BY s, k DESC LIMIT 1000000000) d"),
		b.query("SELECT id, s FROM big ORDER BY s, k, id"),
		b.query("SELECT COUNT(*), SUM(c) FROM (SELECT /*+ HASH_AGG() */ COUNT(*) c FROM big GROUP BY k, s) d"),
		b.insert, b.insert, b.loadData,
	} {
		c := harness.Conn(b.t, b.db)
		all.Go(func() {
			for ctx.Err() == nil {
				if err := work(ctx, c); err != nil && ctx.Err() == nil {
					b.t.Errorf("load %d: %v", i, err)
					return
				}
				b.done.Add(1)
			}
		})
	}
	for ctx.Err() == nil {
		b.look("load")
		time.Sleep(100 * time.Millisecond)
	}
	all.Wait()
	b.look("end")
	st := b.s.ReadStatus(b.t)
	require.Positive(b.t, st.Pool.Evictions)
	require.GreaterOrEqual(b.t, st.Watched.PagesPeak*10, st.Budget.Pool*9, "the pool was never at its limit")
	b.t.Logf("%d statements, %d rows inserted; %d trims; peaks in MiB: %s", b.done.Load(), b.rows.Load(),
		st.Storage.Trims, peaks(st.Watched))
}

func peaks(w memory.Watched) string {
	m := func(n int64) string { return strconv.FormatFloat(float64(n)/mib, 'f', 1, 64) }
	p := w.Peak
	return fmt.Sprintf("RSS %s, files %s, Go %s, malloc %s, %s in use, pages %s, drift %s",
		m(p.RSS), m(p.FileMappings), m(p.GoTotal), m(p.Malloc), m(p.MallocUsed), m(w.PagesPeak), m(w.DriftPeak))
}

func (b *budgetLoad) query(q string) func(context.Context, *sql.Conn) error {
	return func(ctx context.Context, c *sql.Conn) error {
		_, err := drain(ctx, c, q)
		return err
	}
}

// insert changes rows of l in one transaction.
func (b *budgetLoad) insert(ctx context.Context, c *sql.Conn) error {
	const rows = 50
	end := b.rows.Add(rows)
	tx, err := c.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for id := end - rows; id < end; id++ {
		_, err := tx.ExecContext(ctx, "INSERT INTO l VALUES (?, ?, REPEAT('v', 200))", id, id%97)
		if err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, "UPDATE l SET k = k + 1 WHERE id = ?", end-1); err != nil {
		return err
	}
	return tx.Commit()
}

var loads atomic.Int64

// loadData replaces rows of l by LOAD DATA LOCAL INFILE.
func (b *budgetLoad) loadData(ctx context.Context, c *sql.Conn) error {
	const rows = 5_000
	end := b.rows.Add(rows)
	return loadRows(ctx, c, "l", end-rows, end)
}

func (b *budgetLoad) load(table string, rows int64) {
	require.NoError(b.t, loadRows(b.t.Context(), harness.Conn(b.t, b.db), table, 0, rows))
}

func loadRows(ctx context.Context, c *sql.Conn, table string, from, to int64) error {
	name := fmt.Sprintf("budget%d", loads.Add(1))
	mysql.RegisterReaderHandler(name, func() io.Reader {
		var lines strings.Builder
		for id := from; id < to; id++ {
			fmt.Fprintf(&lines, "%d\t%d\t%s\n", id, id, strings.Repeat(string(rune('a'+id*7%26)), 200+int(id%50)))
		}
		return strings.NewReader(lines.String())
	})
	defer mysql.DeregisterReaderHandler(name)
	_, err := c.ExecContext(ctx, "LOAD DATA LOCAL INFILE 'Reader::"+name+"' INTO TABLE "+table)
	return err
}

// look asserts the budget's table for what was seen so far, the files' pages that are not resident counted as if they
// were.
func (b *budgetLoad) look(state string) {
	t := b.t
	t.Helper()
	st, m := b.s.ReadStatus(t), b.s.Memory(t)
	size, resident := fileMappings(t, b.s.PID())
	w, d := st.Watched, st.Budget
	require.LessOrEqual(t, size, d.Files, "%s: files", state)
	require.LessOrEqual(t, m.HWM+m.Swap+size-resident, st.Limit, "%s: the process: %s", state, peaks(w))
	require.LessOrEqual(t, w.Peak.GoTotal, d.Heap, "%s: H", state)
	require.LessOrEqual(t, w.Peak.MallocUsed, d.Storage, "%s: S: %s", state, peaks(w))
	// Between two looks the holes grow by what is freed meanwhile.
	require.LessOrEqual(t, w.Peak.Malloc, d.Storage+d.Margin/2, "%s: S with holes: %s", state, peaks(w))
	require.LessOrEqual(t, w.PagesPeak, d.Pool, "%s: P", state)
	require.LessOrEqual(t, w.Last.Buffers, d.Buffers, "%s: buffers", state)
	require.LessOrEqual(t, w.DriftPeak, d.Margin/2, "%s: bytes that nobody counts", state)
}

// fileMappings sums the sizes of the mapped files of a process, and what of them is resident.
func fileMappings(t testing.TB, pid int) (size, resident int64) {
	f, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "smaps"))
	require.NoError(t, err)
	defer f.Close()
	file := false
	in := bufio.NewScanner(f)
	for in.Scan() {
		fields := strings.Fields(in.Text())
		switch {
		case len(fields) >= 5 && strings.Contains(fields[0], "-"): // address mode offset device inode [path]
			file = len(fields) >= 6 && strings.HasPrefix(fields[5], "/")
		case file && (fields[0] == "Size:" || fields[0] == "Rss:"):
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			require.NoError(t, err)
			if fields[0] == "Size:" {
				size += kib << 10
			} else {
				resident += kib << 10
			}
		}
	}
	require.NoError(t, in.Err())
	require.Positive(t, size)
	return size, resident
}
