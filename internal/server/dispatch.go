package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/protocol"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// errQuit ends the connection by the client's will.
var errQuit = errors.New("quit")

// dispatch runs one command; b is without the command byte. What is written is flushed by the caller.
func (c *conn) dispatch(ctx context.Context, cmd protocol.Command, b []byte) error {
	switch cmd {
	case protocol.ComQuit:
		return errQuit
	case protocol.ComPing:
		return c.ok()
	case protocol.ComQuery:
		sql, err := protocol.DecodeQuery(b, c.caps)
		if err != nil {
			return err
		}
		w := c.writer(false)
		return c.statement(ctx, w, func(ctx context.Context) error { return c.sess.Query(ctx, sql, w) })
	case protocol.ComInitDB:
		if len(b) == 0 {
			return sqlerr.New(sqlerr.ErrNoDB)
		}
		if err := c.sess.InitDB(ctx, string(b)); err != nil {
			return err
		}
		return c.ok()
	case protocol.ComFieldList:
		return c.fieldList(ctx, b)
	case protocol.ComStatistics:
		return c.out.Text(c.sess.Statistics())
	case protocol.ComProcessKill:
		return c.processKill(b)
	case protocol.ComDebug:
		return c.out.EndOfRows(protocol.Result{Status: c.sess.StatusFlags()})
	case protocol.ComSetOption:
		return c.setOption(b)
	case protocol.ComResetConnection:
		c.forgetStatements()
		if err := c.sess.ResetConnection(ctx); err != nil {
			return err
		}
		return c.ok()
	case protocol.ComChangeUser:
		return c.changeUser(ctx, b)
	case protocol.ComStmtPrepare:
		return c.prepare(ctx, b)
	case protocol.ComStmtExecute:
		return c.execute(ctx, b)
	case protocol.ComStmtSendLongData:
		c.sendLongData(b)
		return nil
	case protocol.ComStmtClose:
		c.closeStatement(b)
		return nil
	case protocol.ComStmtReset:
		return c.resetStatement(b)
	case protocol.ComStmtFetch:
		return c.fetch(ctx, b)
	}
	return sqlerr.New(sqlerr.ErrUnknownCom)
}

func (c *conn) ok() error { return c.out.OK(protocol.Result{Status: c.sess.StatusFlags()}) }

// statement gives a command, whose answer goes to w, a context of its own. An error behind column definitions comes
// behind their end, which clients without DeprecateEOF wait for.
func (c *conn) statement(ctx context.Context, w *resultWriter, f func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := f(ctx)
	if err != nil && c.ctx.Err() == nil && c.send.dead == nil && !c.out.Broken() {
		if failed := w.endColumns(); failed != nil {
			return errors.Join(err, failed)
		}
	}
	return err
}

func (c *conn) fieldList(ctx context.Context, b []byte) error {
	table, wildcard, _ := bytes.Cut(b, []byte{0})
	cols, err := c.sess.FieldList(ctx, string(table), string(wildcard))
	if err != nil {
		return err
	}
	for i := range cols {
		if err := c.out.Column(protocolColumn(&cols[i]), c.results(), true); err != nil {
			return err
		}
	}
	return c.out.EndOfRows(protocol.Result{Status: c.sess.StatusFlags()})
}

// processKill ends another connection: one of the same account, or any with CONNECTION_ADMIN or SUPER.
func (c *conn) processKill(b []byte) error {
	if len(b) < 4 {
		return sqlerr.New(sqlerr.ErrMalformedPacket)
	}
	id := uint64(binary.LittleEndian.Uint32(b))
	owner := c.srv.ownerOf(id)
	if owner == nil {
		return sqlerr.New(sqlerr.ErrNoSuchThread, id)
	}
	may := *owner == c.account ||
		c.srv.opts.Privileges.HasAny(c.account, privilege.ConnectionAdmin, privilege.Super)
	if !may {
		return sqlerr.New(sqlerr.ErrKillDenied, id)
	}
	if err := c.srv.opts.Registry.Kill(id, false); err != nil {
		return err
	}
	return c.ok()
}

func (c *conn) setOption(b []byte) error {
	if len(b) < 2 {
		return sqlerr.New(sqlerr.ErrMalformedPacket)
	}
	switch binary.LittleEndian.Uint16(b) {
	case 0:
		c.sess.SetOption(true)
	case 1:
		c.sess.SetOption(false)
	default:
		return sqlerr.New(sqlerr.ErrUnknownCom)
	}
	return c.out.EndOfRows(protocol.Result{Status: c.sess.StatusFlags()})
}

// changeUser is a new handshake on the old connection. When it fails the connection ends, as in MySQL.
func (c *conn) changeUser(ctx context.Context, b []byte) error {
	r, err := protocol.DecodeChangeUser(b, c.caps, uint16(c.collation))
	if err != nil {
		return err
	}
	timeout := c.srv.opts.ConnectTimeout()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c.leave() // the registry must not see the connection twice
	h := &handshake{c: c, ctx: ctx}
	h.room.srv = c.srv
	defer h.room.release()
	if err := c.wire.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return quitBy(err)
	}
	if err := h.enter(r); err != nil {
		return quitBy(err)
	}
	return nil
}

// quitBy ends the connection; the client has got its error.
func quitBy(err error) error { return errors.Join(errQuit, err) }
