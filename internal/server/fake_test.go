package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/protocol"
	"github.com/spillwaydb/spillway/internal/session"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// registry is a fake: its sessions know a few words instead of SQL.
type registry struct {
	pool *memory.Pool
	next atomic.Uint64

	mu       sync.Mutex
	sessions map[uint64]*fake
	refuse   error // of Connect
	users    *privilege.Manager
}

func (r *registry) NextConnID() uint64 { return r.next.Add(1) }

func (r *registry) Connect(_ context.Context, info session.ConnInfo) (session.Handler, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse != nil {
		return nil, r.refuse
	}
	if info.Database == "missing" {
		return nil, sqlerr.New(sqlerr.ErrBadDB, info.Database)
	}
	f := &fake{
		r: r, info: info, acct: r.pool.Server().Child("session " + strconv.FormatUint(info.ID, 10)), db: info.Database,
		prepared: map[uint32]string{},
	}
	f.maxPacket.Store(64 << 20)
	f.writeTimeout.Store(60)
	f.readTimeout.Store(30)
	f.waitTimeout.Store(28800)
	r.sessions[info.ID] = f
	return f, nil
}

func (r *registry) Kill(id uint64, queryOnly bool) error {
	f := r.session(id)
	if f == nil {
		return sqlerr.New(sqlerr.ErrNoSuchThread, id)
	}
	f.mu.Lock()
	cancel := f.cancel
	f.mu.Unlock()
	if cancel != nil {
		cancel(sqlerr.New(sqlerr.ErrQueryInterrupted))
	}
	if !queryOnly {
		f.info.Close()
	}
	return nil
}

func (r *registry) session(id uint64) *fake {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sessions[id]
}

// only is the one session that there is.
func (r *registry) only() *fake {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.sessions {
		return f
	}
	return nil
}

type fake struct {
	r            *registry
	info         session.ConnInfo
	acct         *memory.Account
	maxPacket    atomic.Int64
	readTimeout  atomic.Int64
	writeTimeout atomic.Int64
	waitTimeout  atomic.Int64
	prepared     map[uint32]string
	fetched      int

	mu      sync.Mutex
	db      string
	command string
	cancel  context.CancelCauseFunc
	stmt    *memory.Statement
	rows    int // sent so far
	pauses  int
	ended   error
}

var _ session.Handler = (*fake)(nil)

func (f *fake) ID() uint64                            { return f.info.ID }
func (f *fake) CloseStatement(id uint32)              { delete(f.prepared, id) }
func (f *fake) ResetStatement(uint32) error           { return nil }
func (f *fake) ResetConnection(context.Context) error { f.prepared = map[uint32]string{}; return nil }
func (f *fake) Statistics() string                    { return "Uptime: 1" }
func (f *fake) SetOption(bool)                        {}
func (f *fake) StatusFlags() uint16                   { return protocol.StatusAutocommit }
func (f *fake) Account() *memory.Account              { return f.acct }
func (f *fake) MaxAllowedPacket() int                 { return int(f.maxPacket.Load()) }
func (f *fake) NetBufferLength() int                  { return 16 << 10 }
func (f *fake) NetReadTimeoutSeconds() int            { return int(f.readTimeout.Load()) }
func (f *fake) NetWriteTimeoutSeconds() int           { return int(f.writeTimeout.Load()) }
func (f *fake) WaitTimeoutSeconds() int               { return int(f.waitTimeout.Load()) }
func (f *fake) StatementParams(id uint32) (int, bool) {
	sql, ok := f.prepared[id]
	return strings.Count(sql, "?"), ok
}

func (f *fake) InitDB(_ context.Context, name string) error {
	if name == "missing" {
		return sqlerr.New(sqlerr.ErrBadDB, name)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.db = name
	return nil
}

func (f *fake) FieldList(context.Context, string, string) ([]session.Column, error) {
	return []session.Column{{Name: "a", Type: types.NewInt()}}, nil
}

func (f *fake) SetCommand(c string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.command = c
}

func (f *fake) Close() error {
	f.r.mu.Lock()
	delete(f.r.sessions, f.info.ID)
	f.r.mu.Unlock()
	f.acct.Close()
	return nil
}

func (f *fake) waiting() memory.WaitReason {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stmt == nil {
		return ""
	}
	return f.stmt.Waiting()
}

func (f *fake) progress() (rows, pauses int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rows, f.pauses
}

func (f *fake) Query(ctx context.Context, sql []byte, out session.ResultWriter) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	f.mu.Lock()
	f.cancel, f.rows = cancel, 0
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.cancel, f.ended = nil, err
		f.mu.Unlock()
		cancel(nil)
	}()
	word, rest, _ := bytes.Cut(sql, []byte(" "))
	n, _ := strconv.Atoi(string(rest))
	switch strings.ToUpper(string(word)) {
	case "ROWS":
		return f.sendRows(ctx, out, n, 20, session.Status{Flags: protocol.StatusAutocommit}, nil)
	case "FAIL":
		return f.sendRows(ctx, out, n, 20, session.Status{}, sqlerr.New(sqlerr.ErrQueryInterrupted))
	case "BIG":
		return f.sendRows(ctx, out, 2, n, session.Status{}, nil)
	case "MANY":
		return f.sendRows(ctx, out, 100, n, session.Status{}, nil)
	case "TWO":
		if err := f.sendRows(ctx, out, 1, 5, session.Status{More: true}, nil); err != nil {
			return err
		}
		return f.sendRows(ctx, out, 3, 5, session.Status{}, nil)
	case "SLEEP":
		<-ctx.Done()
		return context.Cause(ctx)
	case "LENGTH":
		return out.OK(session.Status{AffectedRows: uint64(len(sql))})
	case "LOAD":
		r, err := out.LocalInfile(ctx, string(rest))
		if err != nil {
			return err
		}
		n, err := io.Copy(io.Discard, r)
		if err := r.Close(); err != nil {
			return err
		}
		if err != nil {
			return err
		}
		return out.OK(session.Status{AffectedRows: uint64(n)})
	case "REFUSE":
		r, err := out.LocalInfile(ctx, string(rest))
		if err != nil {
			return err
		}
		if err := r.Close(); err != nil {
			return err
		}
		return sqlerr.New(sqlerr.ErrBadDB, "x")
	case "PANIC":
		var none *fake
		none.db = "x"
	case "DO", "SET", "COMMIT", "START", "ROLLBACK":
		return out.OK(session.Status{AffectedRows: 1, LastInsertID: 7, Info: "done"})
	case "SELECT":
		return f.sendRows(ctx, out, 1, 5, session.Status{}, nil)
	}
	return sqlerr.New(sqlerr.ErrParse, "You have an error in your SQL syntax;", string(sql), 1)
}

var fakeColumns = []session.Column{
	{Name: "id", Table: "t", DB: "d", Type: types.NewBigInt()},
	{Name: "text", Table: "t", DB: "d", Type: types.NewVarChar(1<<20, collation.Default)},
}

// sendRows sends n rows of a number and a text of width bytes, and then last.
func (f *fake) sendRows(
	ctx context.Context, out session.ResultWriter, n, width int, end session.Status, last error,
) error {
	stmt := f.r.pool.NewStatement(f.acct, memory.StatementOptions{Name: "rows"})
	f.mu.Lock()
	f.stmt = stmt
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.stmt = nil
		f.mu.Unlock()
		stmt.Close()
	}()
	stmt.AddWorkers(1)
	defer stmt.AddWorkers(-1)
	if err := stmt.Admit(ctx, 1<<20); err != nil {
		return err
	}
	op, err := stmt.Operator("source", 1<<20)
	if err != nil {
		return err
	}
	defer op.Close()
	b, err := vector.NewBatch(op, []types.Type{fakeColumns[0].Type, fakeColumns[1].Type}, 100, 0)
	if err != nil {
		return err
	}
	defer b.Close()
	if err := out.Columns(fakeColumns); err != nil {
		return err
	}
	for sent := 0; sent < n; sent += b.Len {
		b.Reset()
		b.Len = min(n-sent, b.Cap())
		for i := range b.Len {
			b.Cols[0].I64[i], b.Cols[0].Null[i] = int64(sent+i), 0
			b.Cols[1].Null[i] = 0
			if b.Cols[1].Str[i], err = b.Arena().Put(bytes.Repeat([]byte{byte('a' + (sent+i)%26)}, width)); err != nil {
				return err
			}
		}
		pause := func() error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.pauses++
			return nil
		}
		if err := out.Rows(ctx, stmt, pause, b); err != nil {
			return err
		}
		f.mu.Lock()
		f.rows += b.Len
		f.mu.Unlock()
	}
	if last != nil {
		return last
	}
	return out.EOF(end)
}

func (f *fake) Prepare(_ context.Context, sql []byte) (*session.PreparedInfo, error) {
	if bytes.HasPrefix(sql, []byte("BAD")) {
		return nil, sqlerr.New(sqlerr.ErrParse, "You have an error", string(sql), 1)
	}
	id := uint32(len(f.prepared) + 1)
	f.prepared[id] = string(sql)
	info := &session.PreparedInfo{ID: id, Params: bytes.Count(sql, []byte("?"))}
	if bytes.HasPrefix(sql, []byte("SELECT")) {
		info.Columns = echoColumns
	}
	return info, nil
}

var echoColumns = []session.Column{{Name: "p", Type: types.NewVarChar(1<<20, collation.Default)}}

// Execute sends the parameters back as texts, one a row.
func (f *fake) Execute(
	ctx context.Context, id uint32, params []types.Datum, cursor bool, out session.ResultWriter,
) error {
	if !strings.HasPrefix(f.prepared[id], "SELECT") {
		return out.OK(session.Status{AffectedRows: uint64(len(params))})
	}
	if err := out.Columns(echoColumns); err != nil {
		return err
	}
	if cursor {
		f.fetched = 0
		return out.EOF(session.Status{Flags: protocol.StatusCursorExists})
	}
	texts := make([]string, len(params))
	for i, p := range params {
		texts[i] = echo(p)
	}
	if err := f.sendTexts(ctx, out, texts); err != nil {
		return err
	}
	return out.EOF(session.Status{})
}

func echo(d types.Datum) string {
	switch d.Kind {
	case types.PhysInt64:
		return fmt.Sprintf("%v:%d", d.Type, d.I)
	case types.PhysUint64:
		return fmt.Sprintf("%v:%d", d.Type, d.U)
	case types.PhysFloat64:
		return fmt.Sprintf("%v:%g", d.Type, d.F)
	case types.PhysString:
		return string(d.S)
	}
	return "NULL"
}

func (f *fake) sendTexts(ctx context.Context, out session.ResultWriter, texts []string) error {
	b, err := vector.NewBatch(f.acct, []types.Type{echoColumns[0].Type}, max(len(texts), 1), 0)
	if err != nil {
		return err
	}
	defer b.Close()
	b.Len = len(texts)
	for i, t := range texts {
		b.Cols[0].Null[i] = 0
		if b.Cols[0].Str[i], err = b.Arena().Put([]byte(t)); err != nil {
			return err
		}
	}
	return out.Rows(ctx, nil, nil, b)
}

func (f *fake) Fetch(ctx context.Context, _, rows uint32, out session.ResultWriter) error {
	var texts []string
	for range rows {
		if f.fetched == 5 {
			break
		}
		f.fetched++
		texts = append(texts, "row "+strconv.Itoa(f.fetched))
	}
	if err := f.sendTexts(ctx, out, texts); err != nil {
		return err
	}
	flags := protocol.StatusCursorExists
	if f.fetched == 5 {
		flags |= protocol.StatusLastRowSent
	}
	return out.EOF(session.Status{Flags: flags})
}

// served is a running server with a fake behind it.
type served struct {
	*Server
	r    *registry
	addr string
	pool *memory.Pool
}

// start runs a server; it is shut down, and its pool checked, when the test ends.
func start(t testing.TB, change func(*Options)) *served {
	pool, err := memory.NewPool(memory.Options{LimitBytes: 256 << 20, HeapLedgerBytes: 64 << 20})
	require.NoError(t, err)
	users, err := privilege.New(t.Context(), privilege.Options{Store: &privilege.MemStore{}})
	require.NoError(t, err)
	r := &registry{pool: pool, sessions: map[uint64]*fake{}, users: users}
	o := Options{
		Registry: r, Privileges: users, Heap: pool.Heap(), ShutdownGrace: -1, WatchInterval: 20 * time.Millisecond,
	}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Serve(context.Background(), l); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(func() {
		require.NoError(t, s.Shutdown(context.Background()))
		wg.Wait()
		require.Zero(t, pool.Stats().HeapReserved)
		require.NoError(t, pool.Close())
	})
	return &served{Server: s, r: r, addr: l.Addr().String(), pool: pool}
}

func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	require.Eventually(t, f, testutil.Patience, 5*time.Millisecond, what)
}
