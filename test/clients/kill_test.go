package clients

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/test/harness"
)

// manyRows makes a table whose square is a result of a million rows.
func manyRows(t *testing.T, db *sql.DB) {
	harness.Exec(t, db, "CREATE TABLE m (id INT PRIMARY KEY, s VARCHAR(100))",
		"INSERT INTO m VALUES (0, 'x')"+repeatRows(1000))
}

func repeatRows(n int) string {
	var rows strings.Builder
	for id := range n - 1 {
		fmt.Fprintf(&rows, ", (%d, '%s')", id+1, strings.Repeat("x", 90))
	}
	return rows.String()
}

// endless is a statement that computes for hours.
const endless = "SELECT COUNT(*) FROM m a JOIN m b JOIN m c JOIN m d WHERE a.id + b.id + c.id + d.id < 0"

func requireMySQLError(t *testing.T, err error, code uint16, state string) {
	t.Helper()
	var e *mysql.MySQLError
	require.True(t, errors.As(err, &e), "%v", err)
	require.Equal(t, fmt.Sprint(code, " ", state), fmt.Sprint(e.Number, " ", string(e.SQLState[:])), e.Message)
}

func connectionID(t *testing.T, c *sql.Conn) (id int64) {
	require.NoError(t, c.QueryRowContext(context.Background(), "SELECT CONNECTION_ID()").Scan(&id))
	return id
}

func TestKill(t *testing.T) {
	ctx := context.Background()
	s := harness.Start(t, harness.Options{})
	db := s.DB(t, "d")
	manyRows(t, db)

	_, err := db.Exec("KILL QUERY 999999")
	requireMySQLError(t, err, 1094, "HY000")

	c := harness.Conn(t, db)
	id := connectionID(t, c)
	harness.Exec(t, db, fmt.Sprint("KILL QUERY ", id)) // idle: its next statement is not hit
	require.Equal(t, id, connectionID(t, c))

	failed := make(chan error, 1)
	go func() {
		var n int
		failed <- c.QueryRowContext(ctx, endless).Scan(&n)
	}()
	time.Sleep(300 * time.Millisecond)
	start := time.Now()
	harness.Exec(t, db, fmt.Sprint("KILL QUERY ", id))
	requireMySQLError(t, <-failed, 1317, "70100")
	require.Less(t, time.Since(start), harness.Timeout)
	require.Equal(t, id, connectionID(t, c))

	_, err = c.ExecContext(ctx, "SET max_execution_time = 200")
	require.NoError(t, err)
	var n int
	requireMySQLError(t, c.QueryRowContext(ctx, endless).Scan(&n), 3024, "HY000")

	harness.Exec(t, db, fmt.Sprint("KILL ", id))
	require.Error(t, c.PingContext(ctx))
}

func TestKillStalledSend(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	db := s.DB(t, "d")
	manyRows(t, db)
	c := dialRaw(t, s, "d")
	c.shrinkReceiveBuffer(t)
	c.command(t, comQuery, []byte("SELECT a.* FROM m a JOIN m b"))
	c.readFirstRow(t)
	require.Eventually(t, func() bool { return sending(t, db) == 1 }, harness.Timeout, 20*time.Millisecond)
	var id int64
	require.NoError(t, db.QueryRow(
		"SELECT id FROM information_schema.processlist WHERE state = 'Sending to client'").Scan(&id))
	harness.Exec(t, db, fmt.Sprint("KILL QUERY ", id))
	c.growReceiveBuffer(t)
	for {
		if err := rawError(c.read(t)); err != nil {
			requireError(t, err, 1317, "70100")
			break
		}
	}
	c.requireAlive(t)
}

func TestVanishedClient(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	db := s.DB(t, "d")
	manyRows(t, db)
	c := dialRaw(t, s, "d")
	c.command(t, comQuery, []byte(endless))
	time.Sleep(300 * time.Millisecond)
	c.close()
	running := func() (n int) {
		q := "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%a.id + b.id + c.id%' " +
			"AND id <> CONNECTION_ID()"
		require.NoError(t, db.QueryRow(q).Scan(&n))
		return n
	}
	require.Eventually(t, func() bool { return running() == 0 }, harness.Timeout, 100*time.Millisecond)
}

// TestLoadDataVanishes breaks a connection in the middle of LOAD DATA: no row may stay.
func TestLoadDataVanishes(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	db := s.DB(t, "d")
	harness.Exec(t, db, "CREATE TABLE t (id INT PRIMARY KEY)", "SET GLOBAL local_infile = ON")
	c := dialRaw(t, s, "d")
	c.command(t, comQuery, []byte("LOAD DATA LOCAL INFILE 'x' INTO TABLE t"))
	require.EqualValues(t, 0xfb, c.read(t)[0])
	id := 0
	for range 200 {
		var rows []byte
		for range 1000 {
			rows = fmt.Appendf(rows, "%d\n", id)
			id++
		}
		c.write(t, rows)
	}
	c.close()
	require.NoError(t, db.Close())
	s.AssertRest(t)
	var n int
	require.NoError(t, s.DB(t, "d").QueryRow("SELECT COUNT(*) FROM t").Scan(&n))
	require.Zero(t, n)
}

func TestShutdownWhileBusy(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	db := s.DB(t, "d")
	manyRows(t, db)
	c := dialRaw(t, s, "d")
	c.command(t, comQuery, []byte(endless))
	time.Sleep(200 * time.Millisecond)
	s.Terminate(t)
}

// TestShutdownEndsStatements: statements that compute are told why they end, a change among them is undone, and the
// server does not wait for them.
func TestShutdownEndsStatements(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	db := s.DB(t, "d")
	manyRows(t, db)
	harness.Exec(t, db, "CREATE TABLE target(n BIGINT)")
	ended := make(chan error, 2)
	for _, q := range []string{"SELECT SLEEP(1000)", "INSERT INTO target " + endless} {
		go func() {
			_, err := db.Exec(q)
			ended <- err
		}()
	}
	var running int
	require.Eventually(t, func() bool {
		return db.QueryRow("SELECT COUNT(*) FROM information_schema.processlist WHERE command = 'Query' "+
			"AND (info LIKE '%SLEEP(1000)' OR info LIKE 'INSERT%')").Scan(&running) == nil && running == 2
	}, harness.Timeout, 10*time.Millisecond)
	start := time.Now()
	s.Terminate(t)
	require.Less(t, time.Since(start), harness.Timeout)
	for range 2 {
		var e *mysql.MySQLError
		require.ErrorAs(t, <-ended, &e)
		require.EqualValues(t, 1053, e.Number, e.Message)
		require.Equal(t, "08S01", string(e.SQLState[:]))
	}
}

// TestKillOfOthers: without a privilege one may end one's own sessions only.
func TestKillOfOthers(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	admin := harness.Conn(t, s.DB(t, ""))
	_, err := admin.ExecContext(t.Context(), "CREATE USER other@'%'")
	require.NoError(t, err)
	var id, own uint64
	require.NoError(t, admin.QueryRowContext(t.Context(), "SELECT CONNECTION_ID()").Scan(&id))
	db, err := sql.Open("mysql", "other@tcp("+s.Addr()+")/")
	require.NoError(t, err)
	defer db.Close()
	other, second := harness.Conn(t, db), harness.Conn(t, db)
	for _, kill := range []string{"KILL", "KILL QUERY", "KILL CONNECTION"} {
		_, err = other.ExecContext(t.Context(), fmt.Sprintf("%s %d", kill, id))
		require.ErrorContains(t, err, fmt.Sprintf("Error 1095 (HY000): You are not owner of thread %d", id))
	}
	require.NoError(t, admin.QueryRowContext(t.Context(), "SELECT CONNECTION_ID()").Scan(&id))
	require.NoError(t, second.QueryRowContext(t.Context(), "SELECT CONNECTION_ID()").Scan(&own))
	_, err = other.ExecContext(t.Context(), fmt.Sprintf("KILL %d", own))
	require.NoError(t, err)
	require.NoError(t, other.QueryRowContext(t.Context(), "SELECT CONNECTION_ID()").Scan(&own))
	_, err = admin.ExecContext(t.Context(), fmt.Sprintf("KILL %d", own))
	require.NoError(t, err)
}
