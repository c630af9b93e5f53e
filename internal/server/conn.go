package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/protocol"
	"github.com/spillwaydb/spillway/internal/session"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// What a connection holds on the Go heap when idle, stack included (measured: 25 and 3 KiB).
const (
	tlsConnBytes   = 32 << 10
	plainConnBytes = 4 << 10
)

// netReadTimeout is what net_read_timeout is without a session: the longest wait within a packet.
const netReadTimeout = 30 * time.Second

func (c *conn) readTimeout() time.Duration {
	if s := c.sess.NetReadTimeoutSeconds(); s > 0 {
		return time.Duration(s) * time.Second
	}
	return netReadTimeout
}

// The states of a connection. Only the connection's goroutine moves it, except to closing.
const (
	stateHandshake int32 = iota // not authenticated; ended by the server's limits
	stateIdle                   // waits for a command; Shutdown closes it
	stateBusy                   // runs a command; Shutdown waits for it, then interrupts it
	stateClosing                // ends before its next command
)

// Why a connection's context ended.
var (
	errKilled     = errors.New("connection was killed")
	errClientGone = errors.New("client has left")
	errShutdown   = sqlerr.New(sqlerr.ErrServerShutdown)
)

// conn is one client.
type conn struct {
	srv    *Server
	id     uint64
	wire   *wire
	host   string // under which accounts know the client
	ip     string
	remote string
	local  bool // a socket of the file system
	// salt is of the greeting. It is that of COM_CHANGE_USER, too, as in MySQL: clients send the answer with the
	// command, and some stay with this salt even if they are sent another one.
	salt []byte

	seq  uint8
	in   *protocol.Reader
	out  *protocol.Writer
	room packetRoom
	bufs netBuffers
	send sender

	ctx    context.Context // ends with the connection
	cancel context.CancelCauseFunc

	work      context.Context // of commands; ends earlier at shutdown, so that clients can be told
	interrupt context.CancelCauseFunc

	state     atomic.Int32
	busySince atomic.Int64 // Unix nanoseconds, of the running command
	admitted  bool         // counted in Server.users; under its lock

	// Since authentication.
	caps      protocol.Capability
	account   privilege.Account
	owner     atomic.Pointer[privilege.Account] // account, for other goroutines
	collation collation.ID
	sess      session.Handler
	charged   int64
	stmts     map[uint32]*prepared
}

func (s *Server) newConn(ctx context.Context, nc net.Conn) (*conn, error) {
	w, err := newWire(nc)
	if err != nil {
		return nil, err
	}
	c := &conn{srv: s, id: s.opts.Registry.NextConnID(), wire: w, remote: nc.RemoteAddr().String()}
	c.host, c.ip, c.local = splitRemote(nc.RemoteAddr())
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	c.work, c.interrupt = context.WithCancelCause(c.ctx)
	c.bufs = netBuffers{heap: s.opts.Heap, acct: c.payer, size: c.netBufferBytes}
	c.send = sender{c: c}
	c.in = protocol.NewReader(w, &c.seq)
	c.out = protocol.NewWriter(&c.send, &c.bufs, &c.seq)
	c.out.Stop = c.send.stopped
	return c, nil
}

// kill ends the connection and whatever it does, from any goroutine.
func (c *conn) kill() { c.end(errKilled) }

func (c *conn) end(why error) {
	c.state.Store(stateClosing)
	c.cancel(why)
	c.wire.close()
}

// payer is the account of packets and buffers; nil before there is one.
func (c *conn) payer() *memory.Account {
	if c.sess == nil {
		return nil
	}
	return c.sess.Account()
}

func (c *conn) netBufferBytes() int {
	if c.sess == nil {
		return smallNetBuffer
	}
	return max(c.sess.NetBufferLength(), smallNetBuffer)
}

func (c *conn) setCapabilities(caps protocol.Capability) {
	c.caps = caps
	c.out.Capabilities = caps
}

// adopt makes a session the connection's.
func (c *conn) adopt(sess session.Handler, account privilege.Account, coll uint16) error {
	n := int64(plainConnBytes)
	if c.wire.tls != nil {
		n = tlsConnBytes
	}
	if h := c.srv.opts.Heap; h != nil && sess.Account() != nil {
		if err := h.Reserve(sess.Account(), n); err != nil {
			return err
		}
		c.charged = n
	}
	c.out.Release() // the session pays for the next one
	c.sess, c.account, c.collation = sess, account, collation.ID(coll)
	c.owner.Store(&account)
	c.out.Account = sess.Account()
	c.room.spool = protocol.MakeSpool(sess.Account())
	c.stmts = nil
	return nil
}

// leave ends the session.
func (c *conn) leave() {
	if c.sess == nil {
		return
	}
	c.forgetStatements()
	c.room.Reset()
	c.out.Release()
	if c.charged > 0 {
		c.srv.opts.Heap.Release(c.sess.Account(), c.charged)
		c.charged = 0
	}
	sess := c.sess
	c.sess, c.out.Account = nil, nil
	if err := c.guard("close", func() error { return sess.Close() }); err != nil {
		c.srv.log.Warn("session did not close", "conn", c.id, "err", err)
	}
}

// serve is the whole life of the connection.
func (c *conn) serve() {
	defer c.srv.forget(c)
	defer c.cancel(nil)
	defer c.wire.close()
	defer c.leave()
	err := c.guard("handshake", c.greet)
	if err != nil {
		c.srv.log.Debug("handshake failed", "conn", c.id, "client", c.remote, "err", err)
		return
	}
	for {
		// run has a guard of its own; what panics outside of it ends the connection.
		if err := c.guard("command loop", c.command); err != nil {
			if !errors.Is(err, errQuit) {
				c.srv.log.Debug("connection ended", "conn", c.id, "client", c.remote, "err", err)
			}
			return
		}
	}
}

func (c *conn) greet() error {
	timeout := c.srv.opts.ConnectTimeout()
	ctx, cancel := context.WithTimeout(c.ctx, timeout)
	defer cancel()
	if err := c.wire.conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	h := &handshake{c: c, ctx: ctx}
	h.room.srv = c.srv
	if err := h.run(); err != nil {
		return err
	}
	c.in.Timeout = c.readTimeout()
	return c.wire.conn.SetDeadline(time.Time{})
}

// command waits for the next command and runs it. An error ends the connection.
func (c *conn) command() error {
	n, err := c.await()
	if err != nil {
		return err
	}
	c.busySince.Store(time.Now().UnixNano())
	if !c.state.CompareAndSwap(stateIdle, stateBusy) {
		return errShutdown
	}
	c.out.MaxPayload = c.sess.MaxAllowedPacket()
	c.in.Timeout = c.readTimeout()
	b, err := c.in.Read(n, c.sess.MaxAllowedPacket(), &c.room)
	var refused *protocol.RefusedError
	switch {
	case errors.As(err, &refused):
		if err := c.fail(refused.Err); err != nil {
			return err
		}
	case err != nil:
		return err
	case len(b) == 0:
		if err := c.fail(sqlerr.New(sqlerr.ErrUnknownCom)); err != nil {
			return err
		}
	default:
		if err := c.run(protocol.Command(b[0]), b[1:]); err != nil {
			return err
		}
	}
	if err := c.out.Flush(); err != nil {
		return err
	}
	if !c.state.CompareAndSwap(stateBusy, stateIdle) {
		return errShutdown
	}
	return nil
}

// await waits for a command's first packet, holding no buffers.
func (c *conn) await() (payloadBytes int, err error) {
	c.state.CompareAndSwap(stateHandshake, stateIdle)
	c.room.Reset()
	if !c.wire.buffered() {
		c.out.Release()
		c.wire.giveInput()
	}
	c.sess.SetCommand(protocol.ComSleep.String())
	var deadline time.Time
	if s := c.sess.WaitTimeoutSeconds(); s > 0 {
		deadline = time.Now().Add(time.Duration(s) * time.Second)
	}
	if err := c.wire.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	c.seq = 0
	n, err := c.in.Next()
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, c.refuse(sqlerr.New(sqlerr.ErrClientInteractionTimeout))
	case sqlerr.Is(err, sqlerr.ErrNetPacketsOutOfOrder):
		return 0, c.refuse(err)
	}
	return 0, err
}

// run runs one command. A statement's error goes to the client; the error returned ends the connection.
func (c *conn) run(cmd protocol.Command, b []byte) error {
	c.sess.SetCommand(cmd.String())
	err := c.guard(cmd.String(), func() error { return c.dispatch(c.work, cmd, b) })
	switch {
	case errors.Is(err, errQuit):
		return err
	case err != nil:
		return c.fail(err)
	}
	return nil
}

// fail sends an ERR packet. The error returned ends the connection.
func (c *conn) fail(err error) error {
	if c.out.Broken() {
		return fmt.Errorf("a row was sent in part: %w", err)
	}
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	if dead := c.send.dead; dead != nil {
		return dead
	}
	if err := c.out.Err(sqlerr.From(err)); err != nil {
		return err
	}
	return c.out.Flush()
}

// refuse sends an ERR packet to a client that is about to be disconnected, and returns the error.
func (c *conn) refuse(err error) error {
	if c.out.Err(sqlerr.From(err)) == nil {
		_ = c.out.Flush() // the client may have left already
	}
	return err
}

// guard turns a panic into an error: a bug in one command must not end the others.
func (c *conn) guard(what string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.srv.log.Error("panic", "conn", c.id, "command", what, "panic", p, "stack", string(debug.Stack()))
			c.out.Abandon()
			err = sqlerr.Newf(sqlerr.ErrUnknown, "internal error in %s: %v", what, p)
		}
	}()
	return f()
}
