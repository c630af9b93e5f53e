package sessiontest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/session"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Client is a connection.
type Client struct {
	session.Handler
	rig *Rig
	t   testing.TB
}

// Connect opens a connection as root, which ends with the test.
func (r *Rig) Connect(t testing.TB, database string) *Client {
	t.Helper()
	return r.connect(t, database, false)
}

// connect is Connect for a client that may send files, or may not.
func (r *Rig) connect(t testing.TB, database string, files bool) *Client {
	t.Helper()
	h, err := r.Sessions.Connect(context.Background(), session.ConnInfo{
		ID: r.Sessions.NextConnID(), User: "root", Account: "root@localhost", Host: "localhost:1", Database: database,
		MultiStmts: true, LocalFiles: files,
	})
	require.NoError(t, err)
	closing(t, h.Close)
	return &Client{Handler: h, rig: r, t: t}
}

// Run runs sql and returns the rows of all its results.
func (c *Client) Run(ctx context.Context, sql string) ([]string, error) {
	var out Rows
	err := c.Query(ctx, []byte(sql), &out)
	return out.Lines, err
}

// Must runs sql, which must not fail.
func (c *Client) Must(sql string) []string {
	c.t.Helper()
	rows, err := c.Run(context.Background(), sql)
	if err != nil {
		c.t.Fatalf("%v\nin %.200s", err, sql)
	}
	return rows
}

// Fetched executes sql as a prepared statement with a cursor and fetches count rows at a time.
func (c *Client) Fetched(ctx context.Context, sql string, count uint32) ([]string, error) {
	p, err := c.Prepare(ctx, []byte(sql))
	if err != nil {
		return nil, err
	}
	defer c.CloseStatement(p.ID)
	var out Rows
	if err := c.Execute(ctx, p.ID, nil, true, &out); err != nil {
		return nil, err
	}
	const lastRowSent = 128
	for out.Status.Flags&lastRowSent == 0 {
		if err := c.Fetch(ctx, p.ID, count, &out); err != nil {
			return nil, err
		}
	}
	return out.Lines, nil
}

// Rows is a session.ResultWriter that keeps rows as texts, their values separated by bars.
type Rows struct {
	Lines  []string
	Count  int  // of rows
	Drop   bool // rows are only counted
	Status session.Status
	// OnBatch is called before each batch; nil: not.
	OnBatch func() error
	// Stall is what the client waits for before it reads a batch; nil: nothing.
	Stall <-chan struct{}
}

var _ session.ResultWriter = (*Rows)(nil)

// OK implements session.ResultWriter.
func (r *Rows) OK(s session.Status) error {
	r.Status = s
	return nil
}

// Columns implements session.ResultWriter.
func (r *Rows) Columns([]session.Column) error { return nil }

// EOF implements session.ResultWriter.
func (r *Rows) EOF(s session.Status) error {
	r.Status = s
	return nil
}

// LocalInfile implements session.ResultWriter. The client has one file, lines of a number, a small one and a text.
func (r *Rows) LocalInfile(_ context.Context, name string) (io.ReadCloser, error) {
	if name != "lines" {
		return nil, errors.New("sessiontest: no such file")
	}
	var b strings.Builder
	for i := range 200 {
		fmt.Fprintf(&b, "%d\t%d\t%s\n", i*7919%4000, i%50, strings.Repeat(string(rune('a'+i%26)), i%60))
	}
	return io.NopCloser(strings.NewReader(b.String())), nil
}

// Rows implements session.ResultWriter.
func (r *Rows) Rows(ctx context.Context, stmt *memory.Statement, pause func() error, b *vector.Batch) error {
	if r.OnBatch != nil {
		if err := r.OnBatch(); err != nil {
			return err
		}
	}
	if r.Stall != nil {
		if err := r.wait(ctx, stmt, pause); err != nil {
			return err
		}
	}
	r.Count += b.Rows()
	if r.Drop {
		return nil
	}
	for k := range b.Rows() {
		i := k
		if b.Sel != nil {
			i = int(b.Sel[k])
		}
		var line strings.Builder
		for c, v := range b.Cols {
			if c > 0 {
				line.WriteByte('|')
			}
			line.WriteString(text(v.Datum(b.Base(), i)))
		}
		r.Lines = append(r.Lines, line.String())
	}
	return nil
}

func text(d types.Datum) string {
	if d.IsNull() {
		return "NULL"
	}
	return string(d.AppendText(nil, time.UTC))
}

// wait is what the server does while its client does not read.
func (r *Rows) wait(ctx context.Context, stmt *memory.Statement, pause func() error) error {
	if pause != nil {
		if err := pause(); err != nil {
			return err
		}
	}
	return stmt.Wait(ctx, session.WaitClient, func(ctx context.Context) error {
		select {
		case <-r.Stall:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
}
