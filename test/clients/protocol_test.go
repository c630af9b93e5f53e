package clients

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/test/harness"
)

// halfOpen is how many connections log in only halfway.
const halfOpen = 500

func TestHalfOpenConnections(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	var open []net.Conn
	for range halfOpen {
		c, err := net.Dial("tcp", s.Addr())
		require.NoError(t, err)
		open = append(open, c)
	}
	peak := s.Memory(t)
	require.Less(t, peak.RSS+peak.Swap, s.Limit)
	for i, c := range open {
		if i%2 == 0 {
			_, _ = c.Write([]byte{200, 0, 0, 1, 'x'}) // the first byte of 200
		}
		_ = c.Close()
	}
	require.Eventually(t, func() bool { return s.ReadStatus(t).Connections == 0 }, harness.Timeout, 50*time.Millisecond)
	dialRaw(t, s, "").requireAlive(t)
}

func TestWrongStatements(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	c := dialRaw(t, s, "")
	number := func(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }
	for _, command := range []byte{comExecute, comReset, comFetch} {
		c.command(t, command, append(number(12345), make([]byte, 10)...))
		requireError(t, rawError(c.read(t)), 1243, "HY000")
		c.requireAlive(t)
	}
	c.command(t, comClose, number(12345)) // has no answer
	c.requireAlive(t)

	id := c.prepare(t, "SELECT ? + ?", 2)
	body := append(number(id), 0, 1, 0, 0, 0) // no cursor, one iteration
	c.command(t, comExecute, body)            // no parameters at all
	requireError(t, rawError(c.read(t)), 1835, "HY000")
	c.requireAlive(t)
	c.command(t, comExecute, append(body, 0, 1, 8, 0)) // one type of two
	requireError(t, rawError(c.read(t)), 1835, "HY000")
	c.requireAlive(t)
	c.command(t, comExecute, append(body, 0, 0)) // types that were never sent
	err := rawError(c.read(t))
	requireError(t, err, 1210, "HY000")
	require.ErrorContains(t, err, "Incorrect arguments to mysqld_stmt_execute")
	c.requireAlive(t)
	c.command(t, 0x18, append(number(id), 2, 0, 'x')) // the third of two parameters; has no answer
	c.command(t, comExecute, append(body, 3, 1, 6, 0, 6, 0))
	err = rawError(c.read(t))
	requireError(t, err, 1210, "HY000")
	require.ErrorContains(t, err, "Incorrect arguments to mysqld_stmt_send_long_data")
	c.requireAlive(t)
	require.NoError(t, c.query(t, "PREPARE s FROM 'SELECT ?'"))
	requireError(t, c.query(t, "EXECUTE s"), 1210, "HY000")
	require.NoError(t, c.query(t, "SET @a = 1, @b = 2"))
	requireError(t, c.query(t, "EXECUTE s USING @a, @b"), 1210, "HY000")
	err = c.query(t, "EXECUTE none")
	requireError(t, err, 1243, "HY000")
	require.ErrorContains(t, err, "Unknown prepared statement handler (none) given to EXECUTE")
}

// TestErrorBehindColumns: an error that shows when the first row is made comes behind the end of the definitions.
func TestErrorBehindColumns(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	c := dialRaw(t, s, "")
	c.command(t, comQuery, []byte("SELECT EXP(1000)"))
	require.Equal(t, 1, c.readColumns(t))
	requireError(t, rawError(c.read(t)), 1690, "22003")
	c.requireAlive(t)
	id := binary.LittleEndian.AppendUint32(nil, c.prepare(t, "SELECT EXP(1000)", 0))
	c.command(t, comExecute, append(id[:4:4], 0, 1, 0, 0, 0))
	require.Equal(t, 1, c.readColumns(t))
	requireError(t, rawError(c.read(t)), 1690, "22003")
	c.requireAlive(t)
}

// prepare returns a statement's id.
func (c *rawConn) prepare(t *testing.T, q string, params int) uint32 {
	t.Helper()
	c.command(t, comPrepare, []byte(q))
	head := c.read(t)
	require.NoError(t, rawError(head))
	columns := int(binary.LittleEndian.Uint16(head[5:]))
	require.EqualValues(t, params, binary.LittleEndian.Uint16(head[7:]))
	for _, n := range []int{params, columns} {
		for i := range n {
			c.read(t)
			if i == n-1 {
				c.read(t) // EOF
			}
		}
	}
	return binary.LittleEndian.Uint32(head[1:])
}

func TestCursor(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	c := dialRaw(t, s, "")
	require.NoError(t, c.query(t, "CREATE DATABASE d"))
	require.NoError(t, c.query(t, "CREATE TABLE d.t (id INT PRIMARY KEY)"))
	require.NoError(t, c.query(t, "INSERT INTO d.t VALUES (1), (2), (3), (4), (5)"))
	id := binary.LittleEndian.AppendUint32(nil, c.prepare(t, "SELECT id FROM d.t ORDER BY id", 0))
	c.command(t, comExecute, append(id[:4:4], 1, 1, 0, 0, 0)) // a read-only cursor
	require.Equal(t, 1, c.readColumns(t))
	for _, rows := range []int{2, 2, 1} {
		c.command(t, comFetch, append(id[:4:4], 2, 0, 0, 0))
		require.Equal(t, rows, c.readRows(t))
	}
	c.command(t, comReset, id)
	require.NoError(t, rawError(c.read(t)))
	c.command(t, comResetSession, nil)
	require.NoError(t, rawError(c.read(t)))
	c.command(t, comExecute, append(id[:4:4], 0, 1, 0, 0, 0))
	requireError(t, rawError(c.read(t)), 1243, "HY000")
	c.requireAlive(t)
}
