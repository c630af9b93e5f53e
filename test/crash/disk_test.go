package crash

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/test/harness"
)

const (
	diskBytes = 200 << 20
	diskFull  = 1021 // ER_DISK_FULL
)

// smallDisk is a file system of diskBytes; without the right to mount one, the test is skipped.
func smallDisk(t testing.TB) string {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, fmt.Sprintf("size=%d", diskBytes)); err != nil {
		t.Skipf("no file system of a chosen size: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// TestDiskFull fills the disk of the data: by commits, by a large commit and by an index build; each fails with error
// 1021, the server lives and answers, what was acknowledged is there, and once there is room, things go on.
func TestDiskFull(t *testing.T) {
	disk := smallDisk(t)
	other := filepath.Join(disk, "other")
	occupy(t, other, diskBytes/4)
	s := harness.Start(t, harness.Options{Data: filepath.Join(disk, "data"), NoGroup: true})
	db := s.DB(t, "full")
	db.SetMaxIdleConns(4)
	harness.Exec(t, db,
		"create table seed (id int primary key, r varbinary(1000))",
		"create table victim (id int primary key, r varbinary(1000))",
		"create table t (n bigint auto_increment primary key, r varbinary(1000), c int)",
		"create table bulk (n int, id int, r varbinary(1000), primary key (n, id))")
	random := rand.NewChaCha8([32]byte{1})
	for n := 0; n < 4096; n += 64 {
		var rows []any
		for i := range 64 {
			r := make([]byte, 900)
			_, _ = random.Read(r)
			rows = append(rows, n+i, r)
		}
		_, err := db.Exec("insert into seed values (?, ?)"+strings.Repeat(", (?, ?)", 63), rows...)
		require.NoError(t, err)
	}
	harness.Exec(t, db, "insert into victim select * from seed")

	var acknowledged atomic.Int64
	until := time.Now().Add(harness.Timeout)
	for n := 0; ; n++ {
		_, err := db.Exec("insert into bulk select ?, id, r from seed", n)
		if err != nil {
			requireFull(t, err)
			break
		}
		acknowledged.Store(int64(n + 1))
		require.True(t, time.Now().Before(until), "the disk does not get full")
	}
	check := func() {
		t.Helper()
		w := &work{db: db}
		require.EqualValues(t, acknowledged.Load()*4096, w.number1(t, "select count(*) from bulk"))
		require.EqualValues(t, 4096, w.number1(t, "select count(*) from seed"))
	}
	check()
	// What another program leaves is less than what the server keeps free.
	rest := filepath.Join(disk, "rest")
	var free syscall.Statfs_t
	require.NoError(t, syscall.Statfs(disk, &free))
	occupy(t, rest, max(0, int64(free.Bavail)*free.Bsize-48<<20))
	for _, q := range []string{
		"insert into t (r) values ('one row')",
		"create index r on seed (r)",
		"alter table seed add a int auto_increment unique",
		"create table more (id int)",
		"update seed set r = 'x' where id = 1",
	} {
		_, err := db.Exec(q)
		requireFull(t, err, q)
	}
	check()

	// Tables can be dropped, which makes room. What the engine writes in the background may leave too little for a
	// moment.
	require.Eventually(t, func() bool {
		_, err := db.Exec("drop table if exists victim")
		if err != nil {
			requireFull(t, err)
		}
		return err == nil
	}, 30*time.Second, 50*time.Millisecond, "a table can be dropped")
	require.NoError(t, os.Remove(rest))
	if testutil.Long() { // else the engine's patience with deletions is not waited for
		harness.Exec(t, db, "truncate table bulk")
		acknowledged.Store(0)
	} else {
		require.NoError(t, os.Remove(other))
	}
	require.Eventually(t, func() bool {
		_, err := db.Exec("insert into t (r) values ('one row')")
		return err == nil
	}, 30*time.Second, 50*time.Millisecond, "there is room again")
	harness.Exec(t, db, "create index r on seed (r(20))")
	check()
	require.NoError(t, db.Close())
	s.Stop(t)
	s = harness.Start(t, harness.Options{Data: filepath.Join(disk, "data"), NoGroup: true})
	db = s.DB(t, "full")
	check()
	require.NoError(t, db.Close())
	s.Stop(t)
}

// occupy writes a file of n bytes.
func occupy(t testing.TB, path string, n int64) {
	f, err := os.Create(path)
	require.NoError(t, err)
	_, err = io.CopyN(f, zeros{}, n)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func requireFull(t testing.TB, err error, what ...any) {
	t.Helper()
	var e *mysql.MySQLError
	require.True(t, errors.As(err, &e), "%v %v", err, what)
	require.EqualValues(t, diskFull, e.Number, "%v %v", err, what)
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
