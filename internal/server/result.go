package server

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/protocol"
	"github.com/spillwaydb/spillway/internal/session"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// endRoom is kept free behind rows, so that the packet which ends them needs no wait: by then the statement still holds
// its memory and cannot be parked.
const endRoom = 1 << 10

// Presenter is what a session.Handler may know of how values are shown to its client.
type Presenter interface {
	// TimeZone is where TIMESTAMPs are shown; nil: UTC.
	TimeZone() *time.Location
	// ResultCollation is that of character_set_results; 0: strings are sent as they are.
	ResultCollation() collation.ID
}

// results is the collation in which the client gets strings.
func (c *conn) results() collation.ID {
	if p, ok := c.sess.(Presenter); ok {
		return p.ResultCollation()
	}
	return 0
}

func (c *conn) zone() *time.Location {
	if p, ok := c.sess.(Presenter); ok {
		return p.TimeZone()
	}
	return nil
}

// resultWriter writes the answers of one command.
type resultWriter struct {
	c       *conn
	rows    protocol.RowEncoder
	binary  bool
	columns bool // definitions were sent and have not been ended
	// fetching: the client knows the columns from EXECUTE.
	fetching bool
}

var _ session.ResultWriter = (*resultWriter)(nil)

func (c *conn) writer(binary bool) *resultWriter { return &resultWriter{c: c, binary: binary} }

func protocolColumn(col *session.Column) *protocol.Column {
	p := protocol.Column(*col)
	return &p
}

func result(s session.Status) protocol.Result {
	r := protocol.Result{
		AffectedRows: s.AffectedRows, LastInsertID: s.LastInsertID, Status: s.Flags, Warnings: s.Warnings, Info: s.Info,
	}
	if s.More {
		r.Status |= protocol.StatusMoreResults
	}
	return r
}

// OK implements session.ResultWriter.
func (w *resultWriter) OK(s session.Status) error {
	if err := w.c.out.OK(result(s)); err != nil {
		return err
	}
	return w.more(s)
}

// Columns implements session.ResultWriter.
func (w *resultWriter) Columns(cols []session.Column) error {
	c := w.c
	w.rows = protocol.RowEncoder{Binary: w.binary, Zone: c.zone(), Results: c.results()}
	for i := range cols {
		w.rows.Declared = append(w.rows.Declared, cols[i].Type)
	}
	if w.fetching {
		return nil
	}
	if err := c.out.ColumnCount(len(cols)); err != nil {
		return err
	}
	for i := range cols {
		if err := c.out.Column(protocolColumn(&cols[i]), c.results(), false); err != nil {
			return err
		}
	}
	w.columns = true
	return nil
}

// Rows implements session.ResultWriter.
func (w *resultWriter) Rows(ctx context.Context, stmt *memory.Statement, pause func() error, b *vector.Batch) error {
	c := w.c
	if b.Rows() == 0 {
		return nil
	}
	if w.fetching && !w.columns {
		w.rows = protocol.RowEncoder{Binary: w.binary, Zone: c.zone(), Results: c.results()}
		w.columns = true
	}
	c.send.begin(ctx, stmt, pause)
	defer c.send.end()
	if err := w.endColumns(); err != nil {
		return err
	}
	if err := c.out.Rows(&w.rows, b); err != nil {
		return err
	}
	if err := c.send.stopped(); err != nil {
		return err
	}
	return c.out.Reserve(endRoom)
}

func (w *resultWriter) endColumns() error {
	if !w.columns || w.fetching {
		return nil
	}
	w.columns = false
	return w.c.out.EndOfColumns(w.c.sess.StatusFlags(), 0)
}

// EOF implements session.ResultWriter.
func (w *resultWriter) EOF(s session.Status) error {
	if s.Flags&protocol.StatusCursorExists != 0 && w.columns {
		w.columns = false // one packet ends the definitions and tells of the cursor
	} else if err := w.endColumns(); err != nil {
		return err
	}
	if err := w.c.out.EndOfRows(result(s)); err != nil {
		return err
	}
	return w.more(s)
}

// more sends a result that another follows, as far as the socket takes it: the next one may be long in coming.
func (w *resultWriter) more(s session.Status) error {
	if !s.More {
		return nil
	}
	w.c.send.noWait = true
	defer func() { w.c.send.noWait = false }()
	if err := w.c.out.Flush(); err != nil && !errors.Is(err, errFull) {
		return err
	}
	return nil
}

// codeLocalInfile is ER_CLIENT_LOCAL_FILES_DISABLED.
const codeLocalInfile sqlerr.Code = 3948

// LocalInfile implements session.ResultWriter.
func (w *resultWriter) LocalInfile(ctx context.Context, name string) (io.ReadCloser, error) {
	c := w.c
	if c.caps&protocol.LocalFiles == 0 {
		return nil, sqlerr.Newf(codeLocalInfile,
			"Loading local data is disabled; this must be enabled on both the client and server sides")
	}
	if err := c.out.LocalInfile(name); err != nil {
		return nil, err
	}
	if err := c.out.Flush(); err != nil {
		return nil, err
	}
	return &infile{c: c, ctx: ctx}, nil
}
