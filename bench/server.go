package main

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/spillwaydb/spillway/internal/cgroup"
)

const (
	mib = 1 << 20
	// besideQuota is what a server needs beside the quota of a statement.
	besideQuota = 192 * mib
	// patience is how long a server may take to start or to stop.
	patience = time.Minute
	// ticks a second are the unit of processor time in /proc.
	ticks = 100
)

// server is a running server with an empty directory of its own.
type server struct {
	command *exec.Cmd
	dir     string
	port    int
	exited  chan struct{}
}

// start starts a server whose statements have a quota and so many workers.
func start(ctx context.Context, binary, parent string, quota int64, workers int) (*server, error) {
	dir, err := os.MkdirTemp(parent, "spillway-bench-")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, exited: make(chan struct{})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return nil, err
	}
	s.command = exec.CommandContext(ctx, binary, "serve", "--path", filepath.Join(dir, "data"),
		"--port", strconv.Itoa(s.port), "--status-port", "-1", "--log-file", filepath.Join(dir, "log"),
		"--set", fmt.Sprintf("tidb_server_memory_limit=%d", quota+besideQuota),
		"--set", fmt.Sprintf("tidb_mem_quota_query=%d", quota),
		"--set", fmt.Sprintf("tidb_executor_concurrency=%d", workers))
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = s.command.Wait()
		close(s.exited)
	}()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", s.address())
		if err == nil {
			_, err = c.Read(make([]byte, 1)) // the greeting
			_ = c.Close()
		}
		if err == nil {
			return s, nil
		}
		select {
		case <-s.exited:
			return nil, fmt.Errorf("the server did not start; %w", s.stop())
		default:
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the server does not answer: %w; %w", err, s.stop())
		}
	}
}

func (s *server) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// open returns connections to database bench, which is created.
func (s *server) open() (*sql.DB, error) {
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr, c.InterpolateParams = "root", "tcp", s.address(), true
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	admin := sql.OpenDB(connector)
	if _, err := admin.Exec("CREATE DATABASE IF NOT EXISTS bench"); err != nil {
		return nil, err
	}
	if err := admin.Close(); err != nil {
		return nil, err
	}
	c.DBName = "bench"
	if connector, err = mysql.NewConnector(c); err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// stop ends the server and removes its directory. The error has the end of its log, if it did not end well.
func (s *server) stop() error {
	_ = s.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(patience):
		_ = s.command.Process.Kill()
		<-s.exited
	}
	var err error
	if code := s.command.ProcessState.ExitCode(); code != 0 {
		text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		err = fmt.Errorf("the server ended with status %d: %s", code, text[max(len(text)-1000, 0):])
	}
	if removed := os.RemoveAll(s.dir); err == nil {
		err = removed
	}
	return err
}

// usage is what the process has used so far.
type usage struct {
	user, system time.Duration
	written      int64 // bytes that went to disks
	peak         int64 // VmHWM and VmSwap
}

func (s *server) usage() (usage, error) {
	pid := s.command.Process.Pid
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return usage{}, fmt.Errorf("/proc/%d/stat: %q", pid, text)
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return usage{}, err
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	if err != nil {
		return usage{}, err
	}
	memory, err := cgroup.System.ProcessMemory(pid)
	if err != nil {
		return usage{}, err
	}
	io, err := cgroup.System.ReadIO(pid)
	if err != nil {
		return usage{}, err
	}
	return usage{
		user: time.Duration(user) * time.Second / ticks, system: time.Duration(system) * time.Second / ticks,
		written: io.WriteBytes, peak: memory.HWM + memory.Swap,
	}, nil
}

// forget makes VmHWM begin anew.
func (s *server) forget() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.command.Process.Pid), []byte("5"), 0)
}
