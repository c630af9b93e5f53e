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
	row   *finishing // of waits within a row; nil: there was none

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
	ctx := s.ctx
	if s.c.out.InRow() {
		if s.row == nil {
			s.row = newFinishing(s)
		}
		ctx = s.row.ctx
		if s.row.late {
			return s.waitSocket(ctx) // the statement is not parked: its pages would not come back
		}
	}
	if s.stmt == nil {
		return s.waitSocket(ctx)
	}
	return s.stmt.Wait(ctx, session.WaitClient, s.waitSocket)
}

// begin and end are around the Rows of a statement.
func (s *sender) begin(ctx context.Context, stmt *memory.Statement, pause func() error) {
	s.ctx, s.stmt, s.pause = ctx, stmt, pause
}

// stopped is the error of a statement that was cancelled.
func (s *sender) stopped() error {
	if s.ctx != nil && s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	return nil
}

func (s *sender) end() {
	if s.row != nil {
		s.row.close()
	}
	s.ctx, s.stmt, s.pause, s.row = nil, nil, nil, nil
}

// finishing is a context for the rest of a row that only the statement has: it ends some time after the statement's, so
// that a client that reads gets the row whole, and then the error. The statement does not fail before.
type finishing struct {
	s      *sender
	ctx    context.Context
	cancel context.CancelCauseFunc
	stop   func() bool
	before context.Context // what the statement followed: not the Rows' own for a cursor, which outlives it
	late   bool            // the statement had failed already
}

func newFinishing(s *sender) *finishing {
	f := &finishing{s: s}
	parent, grace := s.ctx, s.c.srv.opts.RowGrace
	f.ctx, f.cancel = context.WithCancelCause(context.WithoutCancel(parent))
	f.stop = context.AfterFunc(parent, func() {
		late := time.NewTimer(grace)
		defer late.Stop()
		select {
		case <-late.C:
			f.cancel(context.Cause(parent))
		case <-f.ctx.Done():
		}
	})
	if s.stmt != nil {
		before, ok := s.stmt.Follow(f.ctx)
		f.before, f.late = before, !ok
	}
	return f
}

func (f *finishing) close() {
	if f.before != nil {
		f.s.stmt.Follow(f.before)
	}
	f.stop()
	f.cancel(nil)
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
