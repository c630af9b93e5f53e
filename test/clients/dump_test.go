package clients

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/test/harness"
)

// dumpBytes is the size of the dumped table; dumpStall is how long the clients that stall do so at least.
func dumpBytes() (size int64, stall time.Duration) {
	if testutil.Long() {
		return 2 << 30, time.Minute
	}
	return 64 << 20, 3 * time.Second
}

// stalledClients are connections that have read one row of a query and read no more.
const stalledClients = 8

// zombieLimit bounds the memtables that are kept for readers only: two of the 4 MiB that 256 MiB allows.
const zombieLimit = 8 << 20

// load around a dump: clients that stall in the middle of a result, one that writes, one that reads by key.
type background struct {
	stop      context.CancelFunc
	done      sync.WaitGroup
	stalled   []*rawConn
	zombies   atomic.Int64 // largest number of bytes seen
	questions atomic.Int64
	inserts   atomic.Int64
}

func startBackground(t *testing.T, s *harness.Server, db *sql.DB) *background {
	ctx, stop := context.WithCancel(context.Background())
	b := &background{stop: stop}
	for range stalledClients {
		c := dialRaw(t, s, "d")
		c.shrinkReceiveBuffer(t)
		c.command(t, comQuery, []byte("SELECT * FROM wide"))
		c.readFirstRow(t)
		b.stalled = append(b.stalled, c)
	}
	require.Eventually(t, func() bool { return sending(t, db) == stalledClients }, harness.Timeout, 50*time.Millisecond,
		"the process list shows the stalled clients")
	harness.Exec(t, db, "CREATE TABLE side (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(500))")
	work := func(f func() error) {
		b.done.Go(func() {
			for ctx.Err() == nil {
				if err := f(); err != nil && ctx.Err() == nil {
					t.Errorf("beside the dump: %v", err)
					return
				}
			}
		})
	}
	work(func() error {
		b.inserts.Add(1)
		_, err := db.ExecContext(ctx, "INSERT INTO side (s) VALUES "+strings.Repeat("(REPEAT('x', 400)),", 99)+"('y')")
		return err
	})
	work(func() error {
		var k int
		id := b.questions.Add(1) % 1000
		return db.QueryRowContext(ctx, "SELECT k FROM wide WHERE id = ?", id).Scan(&k)
	})
	work(func() error {
		st := s.ReadStatus(t)
		b.zombies.Store(max(b.zombies.Load(), st.Storage.ZombieMemtableBytes))
		time.Sleep(50 * time.Millisecond)
		return nil
	})
	return b
}

// sending counts the connections that wait for their client to read.
func sending(t *testing.T, db *sql.DB) (n int) {
	err := db.QueryRow("SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'Sending to client'").Scan(&n)
	require.NoError(t, err)
	return n
}

// end stops the load and asserts what it has seen. A stalled client must still get all of its rows.
func (b *background) end(t *testing.T, rows int) {
	b.stop()
	b.done.Wait()
	for i, c := range b.stalled {
		if i == 0 {
			c.growReceiveBuffer(t)
			require.Equal(t, rows-1, c.readRows(t))
		}
		c.close()
	}
	t.Logf("beside the dump: %d point queries, %d inserts of 100 rows, zombie memtables %d KiB", b.questions.Load(),
		b.inserts.Load(), b.zombies.Load()>>10)
	assert.LessOrEqual(t, b.zombies.Load(), int64(zombieLimit), "zombie memtables")
	assert.Greater(t, b.questions.Load(), int64(10))
	assert.Greater(t, b.inserts.Load(), int64(2))
}

// testDump dumps a table while other clients stall, write and read, restores it, and compares checksums.
func testDump(t *testing.T, dump func(s *harness.Server, dir string), restore func(s *harness.Server, dir string)) {
	size, stall := dumpBytes()
	s := harness.Start(t, harness.Options{})
	db := s.DB(t, "d")
	start := time.Now()
	loadWide(t, db, size)
	t.Logf("loaded %d MiB in %v, peak %d MiB", size>>20, time.Since(start).Round(time.Millisecond),
		s.Memory(t).HWM>>20)
	before := checksum(t, db, "wide", wideColumns)
	require.True(t, strings.HasPrefix(before, fmt.Sprint(size/rowBytes, " ")), before)

	b := startBackground(t, s, db)
	dir := t.TempDir()
	start = time.Now()
	dump(s, dir)
	took := time.Since(start)
	time.Sleep(stall - took)
	assert.Equal(t, stalledClients, sending(t, db), "clients that stall to the end")
	b.end(t, int(size/rowBytes))
	t.Logf("dumped in %v, peak %d MiB", took.Round(time.Millisecond), s.Memory(t).HWM>>20)

	start = time.Now()
	restore(s, dir)
	t.Logf("restored in %v", time.Since(start).Round(time.Millisecond))
	restored := s.DB(t, "restored")
	assert.Equal(t, before, checksum(t, restored, "wide", wideColumns))
}

func TestMydumper(t *testing.T) {
	testDump(t, func(s *harness.Server, dir string) {
		run(t, s, "mydumper", "-B", "d", "-x", `^d\.wide$`, "-o", dir, "-t", "2", "--trx-consistency-only")
	}, func(s *harness.Server, dir string) {
		run(t, s, "myloader", "-B", "restored", "-d", dir, "-t", "2", "-s", "d", "-q", "100")
	})
}

func TestMariadbDump(t *testing.T) {
	testDump(t, func(s *harness.Server, dir string) {
		run(t, s, "mariadb-dump", "--quick", "--single-transaction", "--hex-blob",
			"--result-file="+filepath.Join(dir, "wide.sql"), "d", "wide")
	}, func(s *harness.Server, dir string) {
		mariadb(t, s, "CREATE DATABASE restored")
		f, err := os.Open(filepath.Join(dir, "wide.sql"))
		require.NoError(t, err)
		defer f.Close()
		c := client(t, s, "mariadb", "restored")
		c.Stdin = io.Reader(f)
		out, err := c.CombinedOutput()
		require.NoError(t, err, "%s", out)
	})
}
