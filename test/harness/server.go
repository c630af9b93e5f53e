package harness

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/cgroup"
)

// BinaryVariable names the environment variable with the program under test.
const BinaryVariable = "SPILLWAY_BIN"

// Timeout is how long a server may take to answer after its start, to come to rest, and to stop.
const Timeout = 60 * time.Second

// DefaultLimit is the server's memory limit, in bytes, unless a test says otherwise: the dumps' figure.
const DefaultLimit = 256 << 20

// Options are what a test may choose. The zero value is a server on an empty data directory with DefaultLimit.
type Options struct {
	Limit     int64             // tidb_server_memory_limit in bytes; 0: DefaultLimit
	Variables map[string]string // initial values of global system variables
	Args      []string          // further arguments of "spillway serve"
	Data      string            // data directory; "": a new one
	NoGroup   bool              // no cgroup: for tests whose page cache matters
	// AllowLog are texts that excuse a suspicious line of the log.
	AllowLog []string
	// AllowPeak is by how many bytes the peak may pass the limit.
	AllowPeak int64
}

// Server is a running server.
type Server struct {
	Host    string // 127.0.0.1
	Port    int
	Status  string // URL of the status port
	Data    string // data directory
	LogPath string
	Limit   int64 // bytes

	options Options
	command *exec.Cmd
	group   group
	stderr  bytes.Buffer
	exited  chan struct{} // closed when the process has ended
	exit    error         // its status; read after exited
	stopped bool
}

// binary builds the program once where SPILLWAY_BIN does not name it.
var binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv(BinaryVariable); path != "" {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "spillway-bin-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "spillway")
	out, err := exec.Command("go", "build", "-o", path, "github.com/spillwaydb/spillway/cmd/spillway").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

// Binary is the path of the program under test.
func Binary(t testing.TB) string {
	path, err := binary()
	require.NoError(t, err)
	return path
}

// Start starts a server and has it stopped and checked when the test ends.
func Start(t testing.TB, o Options) *Server {
	s := prepare(t, o)
	s.launch(t)
	t.Cleanup(func() { s.Stop(t) })
	require.NoError(t, s.waitReady())
	return s
}

func prepare(t testing.TB, o Options) *Server {
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	s := &Server{Host: "127.0.0.1", Data: o.Data, Limit: o.Limit, options: o, exited: make(chan struct{})}
	dir := t.TempDir()
	if s.Data == "" {
		s.Data = filepath.Join(dir, "data")
	}
	s.LogPath = filepath.Join(dir, "server.log")
	ports := freePorts(t, 2)
	s.Port, s.Status = ports[0], fmt.Sprintf("http://127.0.0.1:%d", ports[1])

	args := []string{
		Binary(t), "serve", "--path", s.Data, "--port", strconv.Itoa(s.Port), "--status-port", strconv.Itoa(ports[1]),
		"--tmp-storage-path", filepath.Join(dir, "tmp"), "--log-file", s.LogPath,
		"--set", fmt.Sprintf("tidb_server_memory_limit=%d", o.Limit),
	}
	for name, value := range o.Variables {
		args = append(args, "--set", name+"="+value)
	}
	args = append(args, o.Args...)
	if !o.NoGroup {
		s.group = newGroup(t, o.Limit)
		args = s.group.wrap(args)
	}
	s.command = exec.Command(args[0], args[1:]...)
	s.command.Stderr = &s.stderr
	return s
}

func (s *Server) launch(t testing.TB) {
	require.NoError(t, s.command.Start())
	go func() {
		s.exit = s.command.Wait()
		close(s.exited)
	}()
}

// StartFailing runs a server that must refuse to start, and returns its exit status and what it wrote.
func StartFailing(t testing.TB, o Options) (code int, output string) {
	o.NoGroup = true // it could not say why it stopped
	s := prepare(t, o)
	s.launch(t)
	select {
	case <-s.exited:
	case <-time.After(Timeout):
		_ = s.command.Process.Kill()
		<-s.exited
		t.Fatal("the server runs, it should have refused to")
	}
	log, _ := os.ReadFile(s.LogPath)
	return s.command.ProcessState.ExitCode(), s.stderr.String() + string(log)
}

// freePorts are n ports that nothing listens on at the moment.
func freePorts(t testing.TB, n int) []int {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// waitReady returns when the server answers.
func (s *Server) waitReady() error {
	deadline := time.Now().Add(Timeout)
	for {
		c, err := net.Dial("tcp", s.Addr())
		if err == nil {
			_, err = c.Read(make([]byte, 1)) // the greeting
			_ = c.Close()
		}
		if err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("the server did not start: %w\n%s\n%s", s.exit, s.stderr.String(), s.Log())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server does not answer: %w\n%s", err, s.Log())
		}
	}
}

// Addr is host:port.
func (s *Server) Addr() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// PID is the process.
func (s *Server) PID() int { return s.command.Process.Pid }

// Log is what the server has logged so far.
func (s *Server) Log() string {
	text, _ := os.ReadFile(s.LogPath)
	return string(text)
}

// Config returns the driver's configuration for root and a database ("": none).
func (s *Server) Config(database string) *mysql.Config {
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr, c.DBName = "root", "tcp", s.Addr(), database
	c.Logger = &mysql.NopLogger{}
	return c
}

// DB opens a pool of connections as root; options change its configuration. A database that is not there is created.
// The pool is closed before the server stops.
func (s *Server) DB(t testing.TB, database string, options ...func(*mysql.Config)) *sql.DB {
	if database != "" {
		admin := s.DB(t, "")
		_, err := admin.Exec("CREATE DATABASE IF NOT EXISTS `" + database + "`")
		require.NoError(t, err)
		require.NoError(t, admin.Close())
	}
	c := s.Config(database)
	for _, option := range options {
		option(c)
	}
	connector, err := mysql.NewConnector(c)
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Conn returns one connection of db, closed when the test ends.
func Conn(t testing.TB, db *sql.DB) *sql.Conn {
	c, err := db.Conn(context.Background())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Exec runs statements that must succeed.
func Exec(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, q := range statements {
		_, err := db.Exec(q)
		require.NoError(t, err, "%.200s", q)
	}
}

// Memory is what the process holds, and held at most (HWM).
func (s *Server) Memory(t testing.TB) cgroup.Memory {
	m, err := cgroup.System.ProcessMemory(s.PID())
	require.NoError(t, err)
	return m
}

// IO is what the process has read and written.
func (s *Server) IO(t testing.TB) cgroup.IO {
	io, err := cgroup.System.ReadIO(s.PID())
	require.NoError(t, err)
	return io
}

// Stop makes the checks of the package comment and stops the server; only the first call does anything.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if s.stopped {
		return
	}
	s.stopped = true
	select {
	case <-s.exited:
		t.Errorf("the server died: %v\n%s\n%s", s.exit, s.stderr.String(), tail(s.Log()))
	default:
		s.checkRest(t)
		s.checkPeak(t)
		s.terminate(t)
	}
	s.checkLog(t)
	if err := s.group.remove(); err != nil {
		t.Errorf("cgroup: %v", err)
	}
}

// Terminate sends SIGTERM and asserts exit status 0, without the checks that need an idle server.
func (s *Server) Terminate(t testing.TB) {
	t.Helper()
	s.stopped = true
	s.terminate(t)
	s.checkLog(t)
	if err := s.group.remove(); err != nil {
		t.Errorf("cgroup: %v", err)
	}
}

func (s *Server) terminate(t testing.TB) {
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("SIGTERM: %v", err)
	}
	select {
	case <-s.exited:
	case <-time.After(Timeout):
		_ = s.command.Process.Signal(syscall.SIGQUIT) // the stacks say what it waits for
		<-s.exited
		t.Errorf("the server did not stop within %v\n%s", Timeout, tail(s.stderr.String()))
		return
	}
	if s.exit != nil {
		t.Errorf("exit: %v\n%s\n%s", s.exit, tail(s.stderr.String()), tail(s.Log()))
	}
}

// Kill ends the process without a chance to clean up, as a crash would.
func (s *Server) Kill(t testing.TB) {
	s.stopped = true
	require.NoError(t, s.command.Process.Kill())
	<-s.exited
	require.NoError(t, s.group.remove())
}

func (s *Server) checkPeak(t testing.TB) {
	m, err := cgroup.System.ProcessMemory(s.PID())
	if err != nil {
		t.Errorf("memory: %v", err)
		return
	}
	peak := m.HWM + m.Swap
	t.Logf("peak %.1f MiB of %d MiB", float64(peak)/(1<<20), s.Limit>>20)
	if peak > s.Limit+s.options.AllowPeak {
		t.Errorf("VmHWM + VmSwap is %d, the limit is %d", peak, s.Limit)
	}
}

// suspicious are the texts that no log may have.
var suspicious = []string{"panic", "assertion failed", "leak", "runtime error", "DATA RACE", "fatal error"}

func (s *Server) checkLog(t testing.TB) {
	for line := range strings.Lines(s.Log() + s.stderr.String()) {
		bad := func(text string) bool { return strings.Contains(line, text) }
		if slices.ContainsFunc(suspicious, bad) && !slices.ContainsFunc(s.options.AllowLog, bad) {
			t.Errorf("log: %s", strings.TrimSpace(line))
		}
	}
}

// tail is the end of a long text.
func tail(text string) string {
	const most = 8 << 10
	return text[max(0, len(text)-most):]
}
