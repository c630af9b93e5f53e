package server

import (
	"context"
	"crypto/tls"
	"database/sql"
	"fmt"
	"io"
	"log"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

func (s *served) config() *mysql.Config {
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr = "root", "tcp", s.addr
	c.AllowNativePasswords = true
	c.Logger = log.New(io.Discard, "", 0)
	return c
}

// open is one connection of database/sql.
func open(t testing.TB, c *mysql.Config) *sql.Conn {
	t.Helper()
	conn, err := tryOpen(t, c)
	require.NoError(t, err)
	return conn
}

func tryOpen(t testing.TB, c *mysql.Config) (*sql.Conn, error) {
	connector, err := mysql.NewConnector(c)
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	conn, err := db.Conn(context.Background())
	if err == nil {
		t.Cleanup(func() { _ = conn.Close() })
	}
	return conn, err
}

func code(t testing.TB, err error) uint16 {
	t.Helper()
	var e *mysql.MySQLError
	require.ErrorAs(t, err, &e)
	return e.Number
}

// count reads all rows.
func count(rows *sql.Rows) (n int, err error) {
	for rows.Next() {
		var id int64
		var text []byte
		if err := rows.Scan(&id, &text); err != nil {
			return n, err
		}
		if id != int64(n) || len(text) == 0 || text[0] != byte('a'+n%26) || text[len(text)-1] != text[0] {
			return n, fmt.Errorf("row %d is %d %.20q", n, id, text)
		}
		n++
	}
	return n, rows.Err()
}

func query(t testing.TB, c *sql.Conn, text string, args ...any) (int, error) {
	rows, err := c.QueryContext(t.Context(), text, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	return count(rows)
}

func TestQueries(t *testing.T) {
	s := start(t, nil)
	c := open(t, s.config())
	for _, n := range []int{0, 1, 99, 100, 101, 20000} {
		got, err := query(t, c, fmt.Sprint("ROWS ", n))
		require.NoError(t, err)
		require.Equal(t, n, got)
	}
	r, err := c.ExecContext(t.Context(), "DO 1")
	require.NoError(t, err)
	id, _ := r.LastInsertId()
	require.EqualValues(t, 7, id)
	_, err = c.ExecContext(t.Context(), "NONSENSE")
	require.EqualValues(t, 1064, code(t, err))
	require.NoError(t, c.PingContext(t.Context()))
}

func TestErrorInMidResultKeepsConnection(t *testing.T) {
	s := start(t, nil)
	c := open(t, s.config())
	for _, n := range []int{0, 1, 5000} {
		got, err := query(t, c, fmt.Sprint("FAIL ", n))
		require.EqualValues(t, 1317, code(t, err))
		require.Equal(t, n, got)
		require.NoError(t, c.PingContext(t.Context()))
	}
	require.EqualValues(t, 1, s.r.only().ID())
}

func TestPanicKeepsConnection(t *testing.T) {
	s := start(t, func(o *Options) { o.Logger = quiet() })
	c := open(t, s.config())
	_, err := c.ExecContext(t.Context(), "PANIC")
	require.EqualValues(t, 1105, code(t, err))
	require.NoError(t, c.PingContext(t.Context()))
	require.EqualValues(t, 1, s.r.only().ID())
}

func TestLargeRows(t *testing.T) {
	s := start(t, nil)
	cfg := s.config()
	cfg.MaxAllowedPacket = 64 << 20
	c := open(t, cfg)
	for _, n := range shorter([]int{
		250, 251, 16000, 16384, 20000, 65535, 65536, 300000, copyLimit - 20, copyLimit + 20, 1<<24 - 11, 1<<24 - 10,
		1<<24 - 9, 1<<24 - 8, 1<<24 - 7, 1<<24 - 6, 1<<24 - 5, 1<<24 - 4, 1 << 24, 40 << 20,
	}) {
		got, err := query(t, c, fmt.Sprint("BIG ", n))
		require.NoError(t, err, n)
		require.Equal(t, 2, got)
	}
	s.r.only().maxPacket.Store(4 << 20)
	_, err := query(t, c, fmt.Sprint("BIG ", 5<<20))
	require.EqualValues(t, 1153, code(t, err))
	require.NoError(t, c.PingContext(t.Context()))
}

// shorter leaves out what takes long under the race detector.
func shorter(sizes []int) []int {
	if testing.Short() {
		return slices.DeleteFunc(sizes, func(n int) bool { return n > 2<<20 })
	}
	return sizes
}

const copyLimit = 1 << 20 // protocol's limit of rows that are copied

func TestLargePackets(t *testing.T) {
	s := start(t, nil)
	cfg := s.config()
	cfg.MaxAllowedPacket = 70 << 20
	c := open(t, cfg)
	for _, n := range shorter([]int{
		500, 510, 512, 513, 16000, 16384, 16385, 70000, 1<<24 - 2, 1<<24 - 1, 1 << 24, 20 << 20,
	}) {
		text := "LENGTH " + strings.Repeat("x", n-8)
		r, err := c.ExecContext(t.Context(), text)
		require.NoError(t, err)
		got, _ := r.RowsAffected()
		require.EqualValues(t, len(text), got)
	}
	s.r.only().maxPacket.Store(4 << 20)
	_, err := c.ExecContext(t.Context(), "LENGTH "+strings.Repeat("x", 5<<20))
	require.EqualValues(t, 1153, code(t, err))
	require.NoError(t, c.PingContext(t.Context()))
	require.EqualValues(t, 1, s.r.only().ID())
	// What the pool has not got is refused, and the connection lives.
	s.r.only().maxPacket.Store(64 << 20)
	s.pool.SetLimit(2 << 20)
	_, err = c.ExecContext(t.Context(), "LENGTH "+strings.Repeat("x", 8<<20))
	require.EqualValues(t, 8176, code(t, err))
	require.NoError(t, c.PingContext(t.Context()))
}

func TestMultiResults(t *testing.T) {
	s := start(t, nil)
	cfg := s.config()
	cfg.MultiStatements = true
	c := open(t, cfg)
	rows, err := c.QueryContext(t.Context(), "TWO")
	require.NoError(t, err)
	defer rows.Close()
	n, err := count(rows)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.True(t, rows.NextResultSet())
	n, err = count(rows)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.False(t, rows.NextResultSet())
	require.True(t, s.r.only().info.MultiStmts)
}

func TestPrepared(t *testing.T) {
	s := start(t, nil)
	c := open(t, s.config())
	st, err := c.PrepareContext(t.Context(), "SELECT ?, ?, ?, ?, ?, ?")
	require.NoError(t, err)
	defer st.Close()
	for range 2 { // the second time without types
		rows, err := st.QueryContext(t.Context(), int64(-5), uint64(1<<63), 1.5, "text", nil, []byte{1, 2})
		require.NoError(t, err)
		var got []string
		for rows.Next() {
			var text string
			require.NoError(t, rows.Scan(&text))
			got = append(got, text)
		}
		require.NoError(t, rows.Err())
		want := []string{"bigint:-5", "bigint unsigned:9223372036854775808", "double:1.5", "text", "NULL", "\x01\x02"}
		require.Equal(t, want, got)
	}
	_, err = c.PrepareContext(t.Context(), "BAD")
	require.EqualValues(t, 1064, code(t, err))
	// The driver sends long arguments by SEND_LONG_DATA.
	long := strings.Repeat("long ", 1<<20)
	rows, err := st.QueryContext(t.Context(), 1, 2, 3, long, 4, 5)
	require.NoError(t, err)
	i := 0
	for ; rows.Next(); i++ {
		var text string
		require.NoError(t, rows.Scan(&text))
		if i == 3 {
			require.Equal(t, long, text)
		}
	}
	require.NoError(t, rows.Err())
	require.Equal(t, 6, i)
}

func TestLocalInfile(t *testing.T) {
	s := start(t, nil)
	c := open(t, s.config())
	for i, n := range []int{0, 1, 100000, 5 << 20} {
		name := fmt.Sprint("file", i)
		mysql.RegisterReaderHandler(name, func() io.Reader { return strings.NewReader(strings.Repeat("x", n)) })
		r, err := c.ExecContext(t.Context(), "LOAD Reader::"+name)
		require.NoError(t, err)
		got, _ := r.RowsAffected()
		require.EqualValues(t, n, got)
		_, err = c.ExecContext(t.Context(), "REFUSE Reader::"+name)
		require.EqualValues(t, 1049, code(t, err))
		require.NoError(t, c.PingContext(t.Context()))
	}
	require.EqualValues(t, 1, s.r.only().ID())
}

func ptr[T any](v T) *T { return &v }

func at(user, host string) privilege.Account { return privilege.Account{User: user, Host: host} }

func TestAuthentication(t *testing.T) {
	config, err := TLSConfig(TLSFiles{AutoDir: t.TempDir()})
	require.NoError(t, err)
	s := start(t, func(o *Options) { o.TLS = config })
	_, err = s.r.users.CreateUser(t.Context(), []privilege.UserSpec{
		{Account: at("native", "localhost"), Plugin: ptr("mysql_native_password"), Password: ptr("pw1")},
		{Account: privilege.Account{User: "sha2", Host: "%"}, Password: ptr("pw2")},
		{Account: privilege.Account{User: "locked", Host: "%"}, Locked: ptr(true)},
		{Account: privilege.Account{User: "secure", Host: "%"}, RequireTLS: ptr(true)},
		{Account: privilege.Account{User: "far", Host: "10.%"}},
	}, false)
	require.NoError(t, err)
	for _, test := range []struct {
		user, password, db string
		tls                bool
		code               int
		text               string
	}{
		{user: "root"},
		{user: "root", tls: true},
		{user: "root", db: "d"},
		{user: "root", db: "missing", code: 1049},
		{user: "root", password: "x", code: 1045, text: "denied for user 'root'@'localhost' (using password: YES)"},
		{user: "native", password: "pw1"},
		{user: "native", password: "pw1", tls: true},
		{user: "native", password: "pw1", db: "d", code: 1044},
		{user: "native", password: "bad", code: 1045},
		{user: "native", code: 1045, text: "Access denied for user 'native'@'localhost' (using password: NO)"},
		{user: "sha2", password: "bad", code: 1045},
		{user: "sha2", password: "pw2"}, // by RSA
		{user: "sha2", password: "pw2"}, // by the cache
		{user: "sha2", password: "bad", code: 1045},
		{user: "sha2", password: "pw2", tls: true},
		{user: "sha2", code: 1045},
		{user: "locked", code: 3118},
		{user: "secure", code: 1045},
		{user: "secure", tls: true},
		{user: "far", code: 1045},
		{user: "nobody", password: "x", code: 1045},
		{user: "nobody", code: 1045},
	} {
		t.Run(fmt.Sprint(test.user, test.password, test.tls, test.db), func(t *testing.T) {
			cfg := s.config()
			cfg.User, cfg.Passwd, cfg.DBName = test.user, test.password, test.db
			if test.tls {
				cfg.TLS = &tls.Config{InsecureSkipVerify: true}
			}
			c, err := tryOpen(t, cfg)
			if test.code != 0 {
				require.EqualValues(t, test.code, code(t, err), err)
				if test.text != "" {
					require.ErrorContains(t, err, test.text)
				}
				return
			}
			require.NoError(t, err)
			n, err := query(t, c, "ROWS 3000")
			require.NoError(t, err)
			require.Equal(t, 3000, n)
			require.NoError(t, c.Close())
		})
	}
	// A full check leaves a digest; a new password makes it worthless.
	require.NoError(t, s.r.users.SetPassword(t.Context(), privilege.Account{User: "sha2", Host: "%"}, "new"))
	cfg := s.config()
	cfg.User, cfg.Passwd = "sha2", "pw2"
	_, err = tryOpen(t, cfg)
	require.EqualValues(t, 1045, code(t, err))
	cfg.Passwd = "new"
	open(t, cfg)
}

func TestMaxConnections(t *testing.T) {
	s := start(t, func(o *Options) { o.MaxConnections = func() int { return 1 } })
	_, err := s.r.users.CreateUser(t.Context(), []privilege.UserSpec{{Account: at("u", "%")}}, false)
	require.NoError(t, err)
	cfg := s.config()
	cfg.User = "u"
	first := open(t, cfg)
	_, err = tryOpen(t, cfg)
	require.EqualValues(t, 1040, code(t, err))
	open(t, s.config()) // one more for root
	_, err = tryOpen(t, s.config())
	require.EqualValues(t, 1040, code(t, err))
	require.NoError(t, first.PingContext(t.Context()))
}

func TestConnectRefused(t *testing.T) {
	s := start(t, nil)
	s.r.mu.Lock()
	s.r.refuse = sqlerr.New(sqlerr.ErrConCount)
	s.r.mu.Unlock()
	_, err := tryOpen(t, s.config())
	require.EqualValues(t, 1040, code(t, err))
}

func TestKillQueryWhileItComputes(t *testing.T) {
	s := start(t, nil)
	c := open(t, s.config())
	time.AfterFunc(50*time.Millisecond, func() { _ = s.r.Kill(1, true) })
	_, err := c.ExecContext(t.Context(), "SLEEP")
	require.EqualValues(t, 1317, code(t, err))
	require.NoError(t, c.PingContext(t.Context()))
}

func TestKillConnection(t *testing.T) {
	s := start(t, nil)
	c := open(t, s.config())
	time.AfterFunc(50*time.Millisecond, func() { _ = s.r.Kill(1, false) })
	_, err := c.ExecContext(t.Context(), "SLEEP")
	require.Error(t, err)
	eventually(t, "session ends", func() bool { return s.r.only() == nil })
}

func TestClientLeavesWhileStatementComputes(t *testing.T) {
	s := start(t, nil)
	c := open(t, s.config())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := c.ExecContext(ctx, "SLEEP") // the driver closes the socket
	require.Error(t, err)
	eventually(t, "session ends", func() bool { return s.r.only() == nil })
}

func TestShutdown(t *testing.T) {
	s := start(t, func(o *Options) { o.ShutdownGrace = 100 * time.Millisecond })
	open(t, s.config())
	busy := open(t, s.config())
	done := make(chan error)
	go func() {
		_, err := busy.ExecContext(context.Background(), "SLEEP")
		done <- err
	}()
	eventually(t, "a statement runs", func() bool { return s.Stats().Running == 1 })
	require.NoError(t, s.Shutdown(t.Context()))
	var e *mysql.MySQLError
	require.ErrorAs(t, <-done, &e)
	require.EqualValues(t, 1053, e.Number)
	require.Equal(t, "08S01", string(e.SQLState[:]))
	require.Equal(t, Stats{}, s.Stats())
}
