package server

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/protocol"
	"github.com/spillwaydb/spillway/internal/session"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// errFull says that a send which must not wait would have to.
var errFull = errors.New("socket is full")

// sender is the connection's sink: it sends without blocking, and waits for a full socket on behalf of a statement if
// there is one.
type sender struct {
	c    *conn
	dead error // the socket failed: nothing more can be sent

	// Of the running Rows.
	ctx   context.Context // nil: none is running
	stmt  *memory.Statement
	pause func() error

	noWait bool
}

var _ protocol.Sink = (*sender)(nil)

// Send implements protocol.Sink. b may lie in pages of the statement: it is touched only while the statement is not
// waiting.
func (s *sender) Send(b []byte) (int, error) {
	if s.dead != nil {
		return 0, s.dead
	}
	sent := 0
	for {
		n, full, err := s.c.wire.push(b[sent:])
		sent += n
		switch {
		case err != nil:
			s.dead = err
			return sent, err
		case sent == len(b) && !full:
			return sent, nil
		case s.noWait:
			return sent, errFull
		}
		if err := s.wait(); err != nil {
			return sent, err
		}
	}
}

// wait waits until the socket takes more.
func (s *sender) wait() error {
	if s.ctx == nil {
		return s.waitSocket(s.c.ctx)
	}
	if s.pause != nil {
		if err := s.pause(); err != nil {
			return err
		}
	}
	if s.stmt == nil {
		return s.waitSocket(s.ctx)
	}
	return s.stmt.Wait(s.ctx, session.WaitClient, s.waitSocket)
}

// waitSocket ends by the socket, by ctx or by net_write_timeout, which is the end of the client.
func (s *sender) waitSocket(ctx context.Context) error {
	w := s.c.wire
	deadline := time.Now().Add(s.c.writeTimeout())
	if err := w.conn.SetWriteDeadline(deadline); err != nil {
		return s.broken(err)
	}
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		w.interruptWrite()
		close(interrupted)
	})
	err := w.waitWritable()
	if !stop() {
		<-interrupted // or it would end a later wait
	}
	// A deadline that has passed makes even writes fail that need no wait.
	if err := w.conn.SetWriteDeadline(time.Time{}); err != nil {
		return s.broken(err)
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return s.broken(sqlerr.Wrap(err, sqlerr.ErrNetWriteInterrupted))
	case err != nil:
		return s.broken(err)
	}
	return nil
}

func (s *sender) broken(err error) error {
	s.dead = err
	return err
}

// writeTimeout is net_write_timeout, or what is left of the handshake.
func (c *conn) writeTimeout() time.Duration {
	if c.sess == nil {
		return c.srv.opts.ConnectTimeout()
	}
	if s := c.sess.NetWriteTimeoutSeconds(); s > 0 {
		return time.Duration(s) * time.Second
	}
	return time.Minute
}
