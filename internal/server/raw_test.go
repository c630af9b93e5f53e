package server

import (
	"bytes"
	"crypto/sha1"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/protocol"
)

// rawClient speaks packets, for what no driver does.
type rawClient struct {
	t    testing.TB
	conn net.Conn
	seq  byte
}

const rawCapabilities = protocol.Protocol41 | protocol.SecureConnection | protocol.PluginAuth | protocol.LocalFiles |
	protocol.MultiResults

func dialRaw(t testing.TB, addr string) *rawClient {
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	return &rawClient{t: t, conn: conn}
}

func (c *rawClient) write(payload []byte) {
	c.t.Helper()
	head := []byte{byte(len(payload)), byte(len(payload) >> 8), byte(len(payload) >> 16), c.seq}
	_, err := c.conn.Write(append(head, payload...))
	require.NoError(c.t, err)
	c.seq++
}

func (c *rawClient) tryRead() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(c.conn, head[:]); err != nil {
		return nil, err
	}
	c.seq = head[3] + 1
	b := make([]byte, int(head[0])|int(head[1])<<8|int(head[2])<<16)
	_, err := io.ReadFull(c.conn, b)
	return b, err
}

func (c *rawClient) read() []byte {
	c.t.Helper()
	b, err := c.tryRead()
	require.NoError(c.t, err)
	return b
}

func (c *rawClient) command(cmd protocol.Command, arg ...byte) {
	c.seq = 0
	c.write(append([]byte{byte(cmd)}, arg...))
}

func (c *rawClient) query(sql string) { c.command(protocol.ComQuery, []byte(sql)...) }

func (c *rawClient) expectOK() { c.t.Helper(); require.Equal(c.t, byte(0), c.read()[0]) }

func (c *rawClient) expectErr(code int) {
	c.t.Helper()
	b := c.read()
	require.Equal(c.t, byte(0xff), b[0], "%q", b)
	require.EqualValues(c.t, code, binary.LittleEndian.Uint16(b[1:]), "%s", b)
}

func (c *rawClient) expectClosed() {
	c.t.Helper()
	_, err := c.tryRead()
	require.Error(c.t, err)
}

func response(caps protocol.Capability, user string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(caps))
	b = binary.LittleEndian.AppendUint32(b, 1<<24)
	b = append(append(b, 45), make([]byte, 23)...)
	b = append(append(b, user...), 0, 0)
	return append(append(b, "caching_sha2_password"...), 0)
}

// login is root without a password.
func login(t testing.TB, addr string) *rawClient {
	t.Helper()
	c := dialRaw(t, addr)
	c.read()
	c.write(response(rawCapabilities, "root"))
	c.expectOK()
	return c
}

func loginTLS(t testing.TB, addr string) *rawClient {
	t.Helper()
	c := dialRaw(t, addr)
	c.read()
	c.write(response(rawCapabilities|protocol.SSL, "root")[:32])
	c.conn = tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
	c.write(response(rawCapabilities|protocol.SSL, "root"))
	c.expectOK()
	return c
}

// drainRows reads packets up to EOF or ERR and returns the last one and the number of those before it.
func (c *rawClient) drainRows() (n int, last []byte) {
	c.t.Helper()
	for eofs := 0; ; n++ {
		b := c.read()
		if b[0] == 0xff {
			return n, b
		}
		if b[0] == 0xfe && len(b) == 5 {
			if eofs++; eofs == 2 {
				return n, b
			}
		}
	}
}

func TestStalledClient(t *testing.T) {
	config, err := TLSConfig(TLSFiles{AutoDir: t.TempDir()})
	require.NoError(t, err)
	for name, dial := range map[string]func(testing.TB, string) *rawClient{"plain": login, "tls": loginTLS} {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(o *Options) { o.TLS = config })
			c := dial(t, s.addr)
			f := s.r.only()
			c.query("ROWS 1000000")
			eventually(t, "waits for the client", func() bool { return f.waiting() == "Sending to client" })
			before := -1
			eventually(t, "the producer stops", func() bool { // the kernel's buffers grow at first
				time.Sleep(50 * time.Millisecond)
				rows, pauses := f.progress()
				stopped := rows == before && pauses > 0
				before = rows
				return stopped
			})
			require.Less(t, before, 500000)
			// KILL QUERY ends the statement at once, although the client still does not read.
			require.NoError(t, s.r.Kill(f.ID(), true))
			eventually(t, "statement ends", func() bool { return f.waiting() == "" })
			n, last := c.drainRows()
			require.Equal(t, byte(0xff), last[0])
			require.EqualValues(t, 1317, binary.LittleEndian.Uint16(last[1:]))
			require.Greater(t, n, 1000)
			c.command(protocol.ComPing)
			c.expectOK()
			// A client that reads on gets everything.
			c.query("ROWS 100000")
			eventually(t, "waits for the client", func() bool { return f.waiting() == "Sending to client" })
			n, last = c.drainRows()
			require.Equal(t, byte(0xfe), last[0])
			require.Equal(t, 100000+4, n)
		})
	}
}

func TestStalledClientInLargeRow(t *testing.T) {
	s := start(t, func(o *Options) { o.RowGrace = time.Millisecond })
	c := login(t, s.addr)
	f := s.r.only()
	c.query("BIG 30000000")
	eventually(t, "waits for the client", func() bool { return f.waiting() != "" })
	require.NoError(t, s.r.Kill(f.ID(), true))
	eventually(t, "session ends: the rest of the row is lost", func() bool { return s.r.only() == nil })
}

// A statement that is killed in the middle of a large row costs a client that reads nothing but the rows behind it.
func TestKillInLargeRow(t *testing.T) {
	s := start(t, func(o *Options) { o.RowGrace = time.Hour })
	// By way of a page; streamed; in several packets.
	for _, sql := range []string{"MANY 200000", "BIG 3000000", "BIG 17000000"} {
		c := login(t, s.addr)
		f := s.r.only()
		c.query(sql)
		eventually(t, "waits for the client", func() bool { return f.waiting() != "" })
		require.NoError(t, s.r.Kill(f.ID(), true))
		n, last := c.drainRows()
		require.Equal(t, byte(0xff), last[0])
		require.EqualValues(t, 1317, binary.LittleEndian.Uint16(last[1:]))
		require.Less(t, n, 4+10, "the statement ends behind the row, not behind the batch")
		c.command(protocol.ComPing)
		c.expectOK()
		require.NoError(t, c.conn.Close())
		eventually(t, "session ends", func() bool { return s.r.only() == nil })
	}
}

func TestStalledClientIsKilled(t *testing.T) {
	s := start(t, nil)
	c := login(t, s.addr)
	f := s.r.only()
	c.query("ROWS 1000000")
	eventually(t, "waits for the client", func() bool { return f.waiting() != "" })
	require.NoError(t, s.r.Kill(f.ID(), false))
	eventually(t, "session ends", func() bool { return s.r.only() == nil })
}

func TestNetWriteTimeout(t *testing.T) {
	s := start(t, nil)
	c := login(t, s.addr)
	f := s.r.only()
	f.writeTimeout.Store(1)
	c.query("ROWS 1000000")
	eventually(t, "session ends", func() bool { return s.r.only() == nil })
	f.mu.Lock()
	defer f.mu.Unlock()
	require.ErrorContains(t, f.ended, "timeout writing")
}

func TestShutdownEndsStalledSend(t *testing.T) {
	s := start(t, nil)
	c := login(t, s.addr)
	f := s.r.only()
	c.query("ROWS 1000000")
	eventually(t, "waits for the client", func() bool { return f.waiting() != "" })
	require.NoError(t, s.Shutdown(t.Context()))
	require.Nil(t, s.r.only())
}

func TestClientLeavesWithBytesUnread(t *testing.T) {
	s := start(t, nil)
	c := login(t, s.addr)
	c.query("SLEEP")
	c.query("ROWS 1") // pipelined: must neither be eaten nor hide the end
	eventually(t, "runs", func() bool { return s.Stats().Running == 1 })
	require.NoError(t, c.conn.Close())
	eventually(t, "session ends", func() bool { return s.r.only() == nil })
}

func TestPipelinedCommands(t *testing.T) {
	s := start(t, nil)
	c := login(t, s.addr)
	c.query("SLEEP")
	c.command(protocol.ComPing)
	c.command(protocol.ComPing)
	f := s.r.only()
	eventually(t, "runs", func() bool { return s.Stats().Running == 1 })
	time.Sleep(100 * time.Millisecond) // the watcher has looked
	require.NoError(t, s.r.Kill(f.ID(), true))
	c.expectErr(1317)
	c.expectOK()
	c.expectOK()
}

func TestHalfOpen(t *testing.T) {
	s := start(t, func(o *Options) {
		o.MaxHandshakes = 20
		o.ConnectTimeout = func() time.Duration { return 2 * time.Second }
	})
	var silent []*rawClient
	for range 50 {
		silent = append(silent, dialRaw(t, s.addr))
	}
	eventually(t, "a bounded number", func() bool { return s.Stats().HalfOpen <= 20 })
	silent[0].read() // greeting
	silent[0].expectClosed()
	login(t, s.addr)
	eventually(t, "all end", func() bool { return s.Stats().HalfOpen == 0 })
	require.Equal(t, 1, s.Stats().Connections)
}

func TestMalformedPackets(t *testing.T) {
	s := start(t, nil)
	for _, b := range [][]byte{{}, {1}, bytes.Repeat([]byte{0xff}, 40), bytes.Repeat([]byte{0xff}, 32)} {
		c := dialRaw(t, s.addr)
		c.read()
		c.write(b)
		c.expectErr(1043)
		c.expectClosed()
	}
	c := dialRaw(t, s.addr)
	c.read()
	c.write(make([]byte, 70<<10))
	c.expectErr(1153)
	c.expectClosed()

	c = dialRaw(t, s.addr)
	c.read()
	c.seq = 7
	c.write(response(rawCapabilities, "root"))
	c.seq = 1
	c.expectErr(1043)
	c.expectClosed()

	c = login(t, s.addr)
	c.seq = 0
	c.write(nil)
	c.expectErr(1047)
	for _, cmd := range []protocol.Command{0x00, 0x05, 0x06, 0x07, 0x08, 0x0a, 0x0b, 0x0f, 0x12, 0x1d, 0x20, 0xff} {
		c.command(cmd, 1, 2, 3)
		c.expectErr(1047)
	}
	for _, cmd := range []protocol.Command{
		protocol.ComProcessKill, protocol.ComSetOption, protocol.ComStmtExecute, protocol.ComStmtFetch,
		protocol.ComStmtReset,
	} {
		c.command(cmd, 1)
		c.expectErr(1835)
	}
	c.command(protocol.ComStmtClose, 1)
	c.command(protocol.ComStmtSendLongData, 1)
	c.command(protocol.ComStmtExecute, 9, 0, 0, 0, 0, 1, 0, 0, 0)
	c.expectErr(1243)
	c.command(protocol.ComPing)
	c.expectOK()
	c.seq = 3
	c.write([]byte{byte(protocol.ComPing)})
	c.expectErr(1156)
	c.expectClosed()
}

func TestSmallCommands(t *testing.T) {
	s := start(t, nil)
	c := login(t, s.addr)
	c.command(protocol.ComStatistics)
	require.Equal(t, "Uptime: 1", string(c.read()))
	c.command(protocol.ComDebug)
	require.Equal(t, byte(0xfe), c.read()[0])
	c.command(protocol.ComSetOption, 0, 0)
	require.Equal(t, byte(0xfe), c.read()[0])
	c.command(protocol.ComInitDB, []byte("missing")...)
	c.expectErr(1049)
	c.command(protocol.ComInitDB)
	c.expectErr(1046)
	c.command(protocol.ComInitDB, []byte("d")...)
	c.expectOK()
	c.command(protocol.ComResetConnection)
	c.expectOK()
	c.command(protocol.ComFieldList, []byte("t\x00%")...)
	require.Contains(t, string(c.read()), "def")
	require.Equal(t, byte(0xfe), c.read()[0])
	c.command(protocol.ComProcessKill, 99, 0, 0, 0)
	c.expectErr(1094)
	other := login(t, s.addr)
	c.command(protocol.ComProcessKill, 2, 0, 0, 0)
	c.expectOK()
	other.expectClosed()
	c.command(protocol.ComQuit)
	c.expectClosed()
}

func TestCursor(t *testing.T) {
	s := start(t, nil)
	c := login(t, s.addr)
	c.command(protocol.ComStmtPrepare, []byte("SELECT x")...)
	c.expectOK()
	c.read() // the column
	c.read() // EOF
	c.command(protocol.ComStmtExecute, 1, 0, 0, 0, protocol.CursorReadOnly, 1, 0, 0, 0)
	require.Equal(t, []byte{1}, c.read())
	c.read()
	eof := c.read()
	require.Equal(t, byte(0xfe), eof[0])
	require.EqualValues(t, protocol.StatusCursorExists, binary.LittleEndian.Uint16(eof[3:]))
	for _, want := range []int{2, 2, 1} {
		c.command(protocol.ComStmtFetch, 1, 0, 0, 0, 2, 0, 0, 0)
		for range want {
			require.Contains(t, string(c.read()), "row ")
		}
		eof = c.read()
		require.Equal(t, byte(0xfe), eof[0])
	}
	require.EqualValues(t, protocol.StatusCursorExists|protocol.StatusLastRowSent, binary.LittleEndian.Uint16(eof[3:]))
}

func TestLongData(t *testing.T) {
	s := start(t, nil)
	c := login(t, s.addr)
	c.command(protocol.ComStmtPrepare, []byte("SELECT ?")...)
	c.expectOK()
	for range 4 {
		c.read()
	}
	exec := []byte{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0xfe, 0}
	c.command(protocol.ComStmtSendLongData, 1, 0, 0, 0, 0, 0, 'a', 'b')
	c.command(protocol.ComStmtSendLongData, 1, 0, 0, 0, 0, 0)
	c.command(protocol.ComStmtSendLongData, append([]byte{1, 0, 0, 0, 0, 0}, bytes.Repeat([]byte{'c'}, 100000)...)...)
	c.command(protocol.ComStmtExecute, exec...)
	c.read()
	c.read()
	c.read()
	row := c.read()
	require.Equal(t, 2+4+100002, len(row))
	require.Equal(t, "abcc", string(row[6:10]))
	c.read()
	// A parameter that does not exist is an error of EXECUTE, once.
	c.command(protocol.ComStmtSendLongData, 1, 0, 0, 0, 5, 0, 'a')
	c.command(protocol.ComStmtExecute, exec...)
	c.expectErr(1210)
	c.command(protocol.ComStmtReset, 1, 0, 0, 0)
	c.expectOK()
	c.command(protocol.ComStmtExecute, exec[:9]...)
	c.expectErr(1835)
	c.command(protocol.ComPing)
	c.expectOK()
}

// TestChangeUser: the answers of COM_CHANGE_USER are for the salt of the greeting, unasked or not.
func TestChangeUser(t *testing.T) {
	s := start(t, nil)
	_, err := s.r.users.CreateUser(t.Context(), []privilege.UserSpec{
		{Account: at("native", "localhost"), Plugin: ptr("mysql_native_password"), Password: ptr("pw")},
	}, false)
	require.NoError(t, err)
	c := dialRaw(t, s.addr)
	_, rest, _ := bytes.Cut(c.read(), []byte{0})            // behind the version
	salt := append(bytes.Clone(rest[4:12]), rest[31:43]...) // between them: a zero, capabilities and the like
	c.write(response(rawCapabilities, "root"))
	c.expectOK()
	change := func(user string, auth []byte, database, plugin string) {
		b := append([]byte(user+"\x00"), byte(len(auth)))
		b = append(append(b, auth...), database+"\x00\x2d\x00"+plugin+"\x00"...)
		c.command(protocol.ComChangeUser, b...)
	}
	change("root", nil, "d", "caching_sha2_password")
	c.expectOK()
	f := s.r.only()
	require.Equal(t, "d", f.info.Database)
	require.EqualValues(t, 1, f.ID())
	change("native", nativeAnswer(salt, "pw"), "", "mysql_native_password")
	c.expectOK()
	change("native", make([]byte, 32), "", "caching_sha2_password")
	require.Equal(t, "\xfemysql_native_password\x00"+string(salt)+"\x00", string(c.read()))
	c.write(nativeAnswer(salt, "pw"))
	c.expectOK()
	require.Equal(t, "native", s.r.only().info.User)
	c.command(protocol.ComPing)
	c.expectOK()
	change("native", nativeAnswer(salt, "bad"), "", "mysql_native_password")
	c.expectErr(1045)
	c.expectClosed()
	eventually(t, "session ends", func() bool { return s.r.only() == nil })
	c = login(t, s.addr)
	c.command(protocol.ComChangeUser, []byte("nobody\x00\x00\x00")...)
	c.expectErr(1045)
	c.expectClosed()
}

// nativeAnswer is what mysql_native_password sends for a password.
func nativeAnswer(salt []byte, password string) []byte {
	once := sha1.Sum([]byte(password))
	twice := sha1.Sum(once[:])
	mask := sha1.Sum(append(bytes.Clone(salt), twice[:]...))
	for i := range once {
		once[i] ^= mask[i]
	}
	return once[:]
}

func TestWaitTimeout(t *testing.T) {
	s := start(t, nil)
	c := login(t, s.addr)
	s.r.only().waitTimeout.Store(1)
	c.command(protocol.ComPing)
	c.expectOK()
	c.expectErr(4031)
	c.expectClosed()
}

func TestIdleConnectionHoldsNoBuffers(t *testing.T) {
	s := start(t, nil)
	c := login(t, s.addr)
	c.query("ROWS 1000")
	c.drainRows()
	eventually(t, "idle", func() bool { return s.Stats().Running == 0 })
	eventually(t, "charged for itself only", func() bool { return s.pool.Stats().HeapReserved == plainConnBytes })
	var held int64
	for _, x := range s.all() {
		eventually(t, "no net buffer", func() bool { return x.state.Load() == stateIdle })
		held += x.sess.Account().Stats().Current
	}
	require.Zero(t, held)
}
