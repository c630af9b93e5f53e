package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/protocol"
)

// A Server serves MySQL clients on any number of listeners. Safe for concurrent use.
type Server struct {
	opts  Options
	log   *slog.Logger
	auth  *authenticator
	large chan struct{} // tokens: clients with a large packet before they have authenticated

	base context.Context // of all connections
	stop context.CancelCauseFunc
	done sync.WaitGroup // connections, accept loops, watcher

	mu        sync.Mutex // protects following
	listeners map[net.Listener]bool
	conns     map[uint64]*conn
	halfOpen  []*conn // not authenticated, the oldest first
	users     int     // authenticated connections
	closing   bool
	watching  bool
}

// New checks the options. Nothing runs yet.
func New(o Options) (*Server, error) {
	if o.Registry == nil || o.Privileges == nil {
		return nil, errors.New("server: Registry and Privileges are required")
	}
	o.ensureDefaults()
	if o.TLS != nil {
		// A send hands over one record at a time (wire.push).
		o.TLS = o.TLS.Clone()
		o.TLS.DynamicRecordSizingDisabled = true
	}
	s := &Server{
		opts:      o,
		log:       o.Logger,
		auth:      newAuthenticator(),
		large:     make(chan struct{}, largeHandshakes),
		listeners: map[net.Listener]bool{},
		conns:     map[uint64]*conn{},
	}
	s.base, s.stop = context.WithCancelCause(context.Background())
	return s, nil
}

// ErrClosed is what Serve returns once Shutdown was called.
var ErrClosed = errors.New("server: closed")

// Serve accepts connections until Shutdown, whose result is then nil, or until the listener fails or ctx ends. It owns
// the listener. The end of ctx ends accepting, not the connections.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if !s.enroll(l) {
		return errors.Join(ErrClosed, l.Close())
	}
	defer s.done.Done()
	defer s.dismiss(l)
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	for {
		nc, err := l.Accept()
		if err == nil {
			s.start(nc)
			continue
		}
		switch {
		case s.isClosing():
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !temporary(err):
			return err
		}
		// Out of file descriptors, most likely: others will be closed.
		s.log.Warn("accept failed", "err", err)
		select {
		case <-time.After(acceptPause):
		case <-ctx.Done():
		case <-s.base.Done():
		}
	}
}

// acceptPause is the wait after an accept that failed for want of resources.
const acceptPause = 50 * time.Millisecond

func temporary(err error) bool {
	var n net.Error
	return errors.As(err, &n) && (n.Timeout() || !errors.Is(err, net.ErrClosed))
}

func (s *Server) enroll(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.listeners[l] = true
	s.done.Add(1)
	if !s.watching {
		s.watching = true
		s.done.Go(func() { s.watch(s.base) })
	}
	return true
}

func (s *Server) dismiss(l net.Listener) {
	_ = l.Close() // it has failed or is closed already
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// start serves a new connection. Beyond MaxHandshakes the oldest one that has not authenticated must go.
func (s *Server) start(nc net.Conn) {
	c, err := s.newConn(s.base, nc)
	if err != nil {
		s.log.Warn("connection refused", "err", err)
		_ = nc.Close()
		return
	}
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		c.end(errShutdown)
		return
	}
	var oldest *conn
	if len(s.halfOpen) >= s.opts.MaxHandshakes {
		oldest = s.halfOpen[0]
		s.halfOpen = slices.Delete(s.halfOpen, 0, 1)
	}
	s.halfOpen = append(s.halfOpen, c)
	s.conns[c.id] = c
	s.done.Go(c.serve)
	s.mu.Unlock()
	if oldest != nil {
		oldest.end(errHandshakes)
	}
}

var errHandshakes = errors.New("too many connections that have not authenticated")

// admit counts a connection among those that have authenticated, unless there are max_connections already. One more is
// for accounts that can end others.
func (s *Server) admit(c *conn, privileged bool) bool {
	limit := s.opts.MaxConnections()
	if privileged {
		limit++
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.admitted {
		return true // COM_CHANGE_USER
	}
	if s.users >= limit {
		return false
	}
	s.dropHalfOpen(c)
	s.users++
	c.admitted = true
	return true
}

// full says if nobody can be admitted.
func (s *Server) full() bool {
	limit := s.opts.MaxConnections() + 1
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.users >= limit
}

func (s *Server) dropHalfOpen(c *conn) {
	if i := slices.Index(s.halfOpen, c); i >= 0 {
		s.halfOpen = slices.Delete(s.halfOpen, i, i+1)
	}
}

// forget is the end of a connection.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c.id)
	s.dropHalfOpen(c)
	if c.admitted {
		s.users--
	}
}

// ownerOf is the account of a connection; nil: there is none.
func (s *Server) ownerOf(id uint64) *privilege.Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.conns[id]; c != nil {
		return c.owner.Load()
	}
	return nil
}

func (s *Server) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*conn, 0, len(s.conns))
	for _, c := range s.conns {
		list = append(list, c)
	}
	return list
}

func (s *Server) capabilities() protocol.Capability {
	if s.opts.TLS != nil {
		return protocol.ServerCapabilities | protocol.SSL
	}
	return protocol.ServerCapabilities
}

// Stats are the server's figures.
type Stats struct {
	Connections int // authenticated
	HalfOpen    int // not authenticated yet
	Running     int // of Connections, those that run a command
}

// Stats counts connections.
func (s *Server) Stats() Stats {
	st := Stats{}
	for _, c := range s.all() {
		switch {
		case c.owner.Load() == nil:
			st.HalfOpen++
			continue
		case c.state.Load() == stateBusy:
			st.Running++
		}
		st.Connections++
	}
	return st
}

// shutdownAnswer is how long cancelled statements have to undo what they did, and clients to read why.
const shutdownAnswer = 2 * time.Second

// drainPoll is how often Shutdown looks for connections that became idle.
const drainPoll = 10 * time.Millisecond

// Shutdown stops accepting, closes idle connections, gives running statements Options.ShutdownGrace or until ctx ends,
// then cancels them with error 1053, which their clients have shutdownAnswer to read, and returns when all connections
// are gone. It may be called repeatedly. The error is ctx's if statements had to be cancelled because of it.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	for l := range s.listeners {
		_ = l.Close() // Serve sees it
	}
	s.mu.Unlock()
	err := s.drain(ctx, s.opts.ShutdownGrace)
	for _, c := range s.all() {
		c.interrupt(errShutdown)
	}
	if err == nil {
		err = s.drain(ctx, shutdownAnswer)
	}
	for _, c := range s.all() {
		c.end(errShutdown)
	}
	s.stop(errShutdown)
	s.done.Wait()
	return err
}

// drain ends connections that run nothing until there are none left, or time is up.
func (s *Server) drain(ctx context.Context, grace time.Duration) error {
	late := time.NewTimer(max(grace, 0))
	defer late.Stop()
	poll := time.NewTicker(drainPoll)
	defer poll.Stop()
	for {
		left := 0
		for _, c := range s.all() {
			idle := c.state.CompareAndSwap(stateIdle, stateClosing) ||
				c.state.CompareAndSwap(stateHandshake, stateClosing)
			if idle || c.state.Load() == stateClosing {
				c.end(errShutdown)
				continue
			}
			left++
		}
		if left == 0 {
			return nil
		}
		select {
		case <-poll.C:
		case <-late.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
