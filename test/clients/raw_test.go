package clients

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/test/harness"
)

// Command bytes of the protocol.
const (
	comQuery        = 0x03
	comPing         = 0x0e
	comPrepare      = 0x16
	comExecute      = 0x17
	comClose        = 0x19
	comReset        = 0x1a
	comFetch        = 0x1c
	comResetSession = 0x1f
)

// Capabilities: long passwords, found rows, a database, local files, 4.1, transactions, authentication, multiple
// statements and results.
const rawCapabilities = 0x1 | 0x2 | 0x8 | 0x80 | 0x200 | 0x2000 | 0x8000 | 0x10000 | 0x20000 | 0x80000

// rawTimeout ends a test whose server does not answer.
const rawTimeout = time.Minute

// rawConn is a connection that sees packets.
type rawConn struct {
	net.Conn
	sequence byte
}

// dialGreeting connects and reads the greeting, no more.
func dialGreeting(t *testing.T, s *harness.Server) *rawConn {
	n, err := net.Dial("tcp", s.Addr())
	require.NoError(t, err)
	c := &rawConn{Conn: n}
	t.Cleanup(c.close)
	require.NoError(t, n.SetDeadline(time.Now().Add(rawTimeout)))
	greeting := c.read(t)
	require.EqualValues(t, 10, greeting[0], "protocol version")
	return c
}

// dialRaw logs in as root, who has no password.
func dialRaw(t *testing.T, s *harness.Server, database string) *rawConn {
	c := dialGreeting(t, s)
	login := binary.LittleEndian.AppendUint32(nil, rawCapabilities)
	login = binary.LittleEndian.AppendUint32(login, 1<<24)
	login = append(login, 255) // utf8mb4_0900_ai_ci
	login = append(login, make([]byte, 23)...)
	login = append(login, "root\x00\x00"+database+"\x00mysql_native_password\x00"...)
	c.write(t, login)
	for {
		p := c.read(t)
		switch p[0] {
		case 0x00:
			return c
		case 0xfe: // another method: its answer to an empty password is empty
			c.write(t, nil)
		case 0x01: // more data of caching_sha2_password
		default:
			t.Fatalf("login: %q", p)
		}
	}
}

func (c *rawConn) close() { _ = c.Close() }

// shrinkReceiveBuffer makes the kernel hold little of a result that is not read.
func (c *rawConn) shrinkReceiveBuffer(t *testing.T) {
	require.NoError(t, c.Conn.(*net.TCPConn).SetReadBuffer(16<<10))
}

// growReceiveBuffer ends that: a small window makes a long result slow. The time that a test has begins anew.
func (c *rawConn) growReceiveBuffer(t *testing.T) {
	require.NoError(t, c.Conn.(*net.TCPConn).SetReadBuffer(4<<20))
	require.NoError(t, c.SetDeadline(time.Now().Add(rawTimeout)))
}

func (c *rawConn) write(t *testing.T, payload []byte) {
	t.Helper()
	n := len(payload)
	_, err := c.Conn.Write(append([]byte{byte(n), byte(n >> 8), byte(n >> 16), c.sequence}, payload...))
	require.NoError(t, err)
	c.sequence++
}

// readPacket returns the next packet's payload.
func (c *rawConn) readPacket() ([]byte, error) {
	var header [4]byte
	if _, err := io.ReadFull(c.Conn, header[:]); err != nil {
		return nil, err
	}
	c.sequence = header[3] + 1
	payload := make([]byte, int(header[0])|int(header[1])<<8|int(header[2])<<16)
	_, err := io.ReadFull(c.Conn, payload)
	return payload, err
}

func (c *rawConn) read(t *testing.T) []byte {
	t.Helper()
	p, err := c.readPacket()
	require.NoError(t, err)
	require.NotEmpty(t, p)
	return p
}

// command starts a command.
func (c *rawConn) command(t *testing.T, command byte, body []byte) {
	t.Helper()
	c.sequence = 0
	c.write(t, append([]byte{command}, body...))
}

// readColumns reads a result's head.
func (c *rawConn) readColumns(t *testing.T) int {
	t.Helper()
	head := c.read(t)
	require.NoError(t, rawError(head))
	for range int(head[0]) {
		c.read(t)
	}
	require.EqualValues(t, 0xfe, c.read(t)[0], "EOF after the columns")
	return int(head[0])
}

func (c *rawConn) readFirstRow(t *testing.T) {
	t.Helper()
	c.readColumns(t)
	require.NoError(t, rawError(c.read(t)))
}

// readRows counts the rows up to the end of the result.
func (c *rawConn) readRows(t *testing.T) (n int) {
	t.Helper()
	for ; ; n++ {
		if n%1000 == 0 {
			require.NoError(t, c.SetDeadline(time.Now().Add(rawTimeout)))
		}
		p := c.read(t)
		require.NoError(t, rawError(p), "after %d rows", n)
		if p[0] == 0xfe && len(p) < 9 {
			return n
		}
	}
}

// query runs a statement and returns its error.
func (c *rawConn) query(t *testing.T, q string) error {
	t.Helper()
	c.command(t, comQuery, []byte(q))
	p := c.read(t)
	if err := rawError(p); err != nil || p[0] == 0 {
		return err
	}
	for range int(p[0]) {
		c.read(t)
	}
	c.read(t)
	for {
		p := c.read(t)
		if err := rawError(p); err != nil || p[0] == 0xfe && len(p) < 9 {
			return err
		}
	}
}

// rawErr is an ERR packet.
type rawErr struct {
	code    int
	state   string
	message string
}

func (e *rawErr) Error() string { return fmt.Sprintf("ERROR %d (%s): %s", e.code, e.state, e.message) }

// rawError returns the error that a packet is, or nil.
func rawError(p []byte) error {
	if p[0] != 0xff || len(p) < 3 {
		return nil
	}
	e := &rawErr{code: int(binary.LittleEndian.Uint16(p[1:])), message: string(p[3:])}
	if strings.HasPrefix(e.message, "#") && len(e.message) >= 6 {
		e.state, e.message = e.message[1:6], e.message[6:]
	}
	return e
}

// requireError asserts code and SQLSTATE.
func requireError(t *testing.T, err error, code int, state string) {
	t.Helper()
	var e *rawErr
	require.ErrorAs(t, err, &e)
	require.Equal(t, fmt.Sprint(code, " ", state), fmt.Sprint(e.code, " ", e.state), e.message)
}

// requireAlive asserts that the connection still answers.
func (c *rawConn) requireAlive(t *testing.T) {
	t.Helper()
	require.NoError(t, c.query(t, "SELECT 1"))
}
