package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
)

// startTimeout is how long a server may take until it answers, and until it has stopped.
const startTimeout = 30 * time.Second

// server is the program under test, in a process of its own.
type server struct {
	command *exec.Cmd
	addr    string
	log     string // path
}

// binary is the program SPILLWAY_BIN, else one that is built into dir.
func binary(dir string) (string, error) {
	if path := os.Getenv("SPILLWAY_BIN"); path != "" {
		return path, nil
	}
	path := filepath.Join(dir, "spillway")
	out, err := exec.Command("go", "build", "-o", path, "github.com/spillwaydb/spillway/cmd/spillway").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
}

// freePort is a port that nothing listens on at the moment.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// startServer starts a server with its data in dir and waits until it answers. The caller stops it.
func startServer(ctx context.Context, dir string) (*server, error) {
	program, err := binary(dir)
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &server{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), log: filepath.Join(dir, "server.log")}
	s.command = exec.Command(program, "serve", "-path", filepath.Join(dir, "data"), "-port", strconv.Itoa(port),
		"-status-port", "-1", "-log-file", s.log, "-set", "tidb_server_memory_limit=512MB")
	s.command.Stderr = os.Stderr
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	if err := s.wait(ctx); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// wait returns when the server answers.
func (s *server) wait(ctx context.Context) error {
	db, err := s.open()
	if err != nil {
		return err
	}
	defer db.Close()
	for deadline := time.Now().Add(startTimeout); ; {
		err := db.PingContext(ctx)
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// open returns a pool of connections without a database.
func (s *server) open() (*sql.DB, error) {
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr = "root", "tcp", s.addr
	c.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxIdleConns(0) // a connection's variables end with it
	return db, nil
}

// stop ends the server gracefully and says if that went wrong.
func (s *server) stop() error {
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	timer := time.AfterFunc(startTimeout, func() { _ = s.command.Process.Kill() })
	defer timer.Stop()
	if err := s.command.Wait(); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return nil
}
