package server

import (
	"context"
	"encoding/binary"
	"strconv"

	"github.com/spillwaydb/spillway/internal/protocol"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// prepared is what the connection knows of a prepared statement: what came from the client for its parameters.
type prepared struct {
	types []protocol.ParamType // of the last execution
	long  map[int]*protocol.Spool
	err   error // of SEND_LONG_DATA, which has no answer: it is told by EXECUTE
}

func (p *prepared) freeLong() {
	for _, s := range p.long {
		s.Free()
	}
	p.long, p.err = nil, nil
}

// paramsFree is the number of parameters that a connection's own charge covers; datumBytes are charged for more.
const (
	paramsFree = 64
	datumBytes = 136 // a Datum with its ParamType
)

func (c *conn) prepare(ctx context.Context, sql []byte) error {
	info, err := c.sess.Prepare(ctx, sql)
	if err != nil {
		return err
	}
	if c.stmts == nil {
		c.stmts = map[uint32]*prepared{}
	}
	c.stmts[info.ID] = &prepared{}
	if err := c.out.Prepared(info.ID, len(info.Columns), info.Params, info.Warnings); err != nil {
		return err
	}
	status := c.sess.StatusFlags()
	if info.Params > 0 {
		param := protocol.ParamColumn()
		for range info.Params {
			if err := c.out.Column(&param, 0, false); err != nil {
				return err
			}
		}
		if err := c.out.EndOfColumns(status, 0); err != nil {
			return err
		}
	}
	if len(info.Columns) > 0 {
		for i := range info.Columns {
			if err := c.out.Column(protocolColumn(&info.Columns[i]), c.results(), false); err != nil {
				return err
			}
		}
		return c.out.EndOfColumns(status, 0)
	}
	return nil
}

// known finds a statement and its number of parameters. Error 1243.
func (c *conn) known(id uint32, caller string) (*prepared, int, error) {
	n, ok := c.sess.StatementParams(id)
	p := c.stmts[id]
	if !ok || p == nil {
		return nil, 0, sqlerr.New(sqlerr.ErrUnknownStmtHandler, strconv.FormatUint(uint64(id), 10), caller)
	}
	return p, n, nil
}

func (c *conn) execute(ctx context.Context, b []byte) error {
	e, err := protocol.DecodeExecute(b)
	if err != nil {
		return err
	}
	p, n, err := c.known(e.ID, "mysqld_stmt_execute")
	if err != nil {
		return err
	}
	defer p.freeLong()
	if p.err != nil {
		return p.err
	}
	if h, a := c.srv.opts.Heap, c.payer(); n > paramsFree && h != nil && a != nil {
		if err := h.Reserve(a, int64(n)*datumBytes); err != nil {
			return err
		}
		defer h.Release(a, int64(n)*datumBytes)
	}
	decoder := protocol.Params{Count: n, Collation: c.collation, Types: p.types}
	if len(p.long) > 0 {
		decoder.Long = make([][]byte, n)
		for i, s := range p.long {
			if i >= n {
				return sqlerr.New(sqlerr.ErrWrongArguments, "mysqld_stmt_send_long_data")
			}
			if decoder.Long[i], err = s.Pin(); err != nil {
				return err
			}
		}
	}
	params := make([]types.Datum, n)
	if err := decoder.Decode(e, c.caps, params); err != nil {
		return err
	}
	p.types = decoder.Types
	cursor := e.Flags&protocol.CursorReadOnly != 0
	w := c.writer(true)
	return c.statement(ctx, w, func(ctx context.Context) error {
		return c.sess.Execute(ctx, e.ID, params, cursor, w)
	})
}

func (c *conn) fetch(ctx context.Context, b []byte) error {
	if len(b) < 8 {
		return sqlerr.New(sqlerr.ErrMalformedPacket)
	}
	id, rows := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	if _, _, err := c.known(id, "mysqld_stmt_fetch"); err != nil {
		return err
	}
	w := c.writer(true)
	w.fetching = true
	return c.statement(ctx, w, func(ctx context.Context) error { return c.sess.Fetch(ctx, id, rows, w) })
}

// sendLongData appends to a parameter. There is no answer, so an error waits for EXECUTE.
func (c *conn) sendLongData(b []byte) {
	if len(b) < 6 {
		return
	}
	id, param := binary.LittleEndian.Uint32(b), int(binary.LittleEndian.Uint16(b[4:]))
	p, n, err := c.known(id, "mysql_stmt_send_long_data")
	if err != nil || p.err != nil {
		return
	}
	if param >= n {
		p.err = sqlerr.New(sqlerr.ErrWrongArguments, "mysqld_stmt_send_long_data")
		return
	}
	s := p.long[param]
	if s == nil {
		if p.long == nil {
			p.long = map[int]*protocol.Spool{}
		}
		spool := protocol.MakeSpool(c.sess.Account())
		s = &spool
		p.long[param] = s
	}
	data := b[6:]
	if s.Len()+len(data) > c.sess.MaxAllowedPacket() {
		p.err = sqlerr.Newf(sqlerr.ErrUnknown, "Parameter of prepared statement which is set through "+
			"mysql_send_long_data() is longer than 'max_allowed_packet' bytes")
	} else {
		p.err = s.Append(data, len(data))
	}
	if err := p.err; err != nil {
		p.freeLong()
		p.err = err
	}
}

func (c *conn) closeStatement(b []byte) {
	if len(b) < 4 {
		return
	}
	id := binary.LittleEndian.Uint32(b)
	if p := c.stmts[id]; p != nil {
		p.freeLong()
		delete(c.stmts, id)
	}
	c.sess.CloseStatement(id)
}

func (c *conn) resetStatement(b []byte) error {
	if len(b) < 4 {
		return sqlerr.New(sqlerr.ErrMalformedPacket)
	}
	id := binary.LittleEndian.Uint32(b)
	p, _, err := c.known(id, "mysqld_stmt_reset")
	if err != nil {
		return err
	}
	p.freeLong()
	if err := c.sess.ResetStatement(id); err != nil {
		return err
	}
	return c.ok()
}

// forgetStatements drops what was kept of all statements.
func (c *conn) forgetStatements() {
	for _, p := range c.stmts {
		p.freeLong()
	}
	c.stmts = nil
}
