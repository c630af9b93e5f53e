package clients

import (
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/test/harness"
)

// TestTruncatedCommands: each command, cut at each byte, is answered or ends its connection; others never notice, and
// nothing is left of it.
func TestTruncatedCommands(t *testing.T) {
	if testing.Short() {
		t.Skip("short mode")
	}
	s := harness.Start(t, harness.Options{})
	other := dialRaw(t, s, "")
	require.NoError(t, other.query(t, "CREATE DATABASE d"))
	require.NoError(t, other.query(t, "CREATE TABLE d.t (a INT, b VARCHAR(20))"))
	c := dialRaw(t, s, "d")
	id := binary.LittleEndian.AppendUint32(nil, c.prepare(t, "INSERT INTO t VALUES (?, ?)", 2))
	execute := append(append([]byte{}, id...), 0, 1, 0, 0, 0, 0, 1, 3, 0, 253, 0, 7, 0, 0, 0, 3, 'x', 'y', 'z')
	none := []byte{0x19, 0x18} // commands without an answer
	for _, command := range []struct {
		code byte
		body []byte
	}{
		{0x02, []byte("d")}, {comQuery, []byte("SELECT 1")}, {0x04, []byte("t\x00%")}, {comPing, []byte("x")},
		{comPrepare, []byte("SELECT ?")}, {comExecute, execute}, {comClose, []byte{9, 9, 9, 9}},
		{0x18, append(append([]byte{}, id...), 1, 0, 'a', 'b')}, {comReset, id}, {comFetch, append(id, 1, 0, 0, 0)},
		{0x11, []byte("root\x00\x00d\x00\x21\x00mysql_native_password\x00")},
		{0x1b, []byte{0, 0}}, {0x0c, []byte{255, 255, 0, 0}}, {0x99, []byte("what")},
	} {
		for n := range len(command.body) + 1 {
			c.command(t, command.code, command.body[:n])
			if !strings.ContainsRune(string(none), rune(command.code)) {
				// After COM_CHANGE_USER the server may ask for a password.
				if !c.answered(t) || command.code == 0x11 {
					c.close()
					c = dialRaw(t, s, "d")
					c.prepare(t, "INSERT INTO t VALUES (?, ?)", 2) // it has the same number
					continue
				}
			}
			c.requireAlive(t)
		}
	}
	other.requireAlive(t)
	c.close()
	other.close()
	s.AssertRest(t)
}

// answered reads whatever the server says within a short time; false if it ended the connection.
func (c *rawConn) answered(t *testing.T) bool {
	t.Helper()
	_, err := c.readPacket()
	if err != nil {
		return false
	}
	for {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		_, err := c.readPacket()
		require.NoError(t, c.SetReadDeadline(time.Now().Add(rawTimeout)))
		if err == nil {
			continue
		}
		return errors.Is(err, os.ErrDeadlineExceeded)
	}
}

// TestPacketLimit: max_allowed_packet is the longest statement and the longest result, and the connection lives.
func TestPacketLimit(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	c := dialRaw(t, s, "")
	require.NoError(t, c.query(t, "SET GLOBAL max_allowed_packet = 65536"))
	c = dialRaw(t, s, "")
	fill := func(n int) string { return "SELECT '" + strings.Repeat("x", n-len("SELECT ''")) + "'" }
	require.NoError(t, c.query(t, fill(65535)))
	requireError(t, c.query(t, fill(65537)), 1153, "08S01")
	c.requireAlive(t)
	require.NoError(t, c.query(t, "SELECT LENGTH(REPEAT('x', 65536)), REPEAT('x', 65537) IS NULL"))
	c.requireAlive(t)
}

// TestProcessListStates: what a statement waits for is its state.
func TestProcessListStates(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	admin := s.DB(t, "")
	holder, waiter, reader := dialRaw(t, s, ""), dialRaw(t, s, ""), dialRaw(t, s, "")
	for _, q := range []string{
		"CREATE DATABASE d", "CREATE TABLE d.t (a INT PRIMARY KEY, b VARCHAR(4000))",
		"INSERT INTO d.t VALUES (1, 'x')", "BEGIN", "UPDATE d.t SET b = 'y' WHERE a = 1",
	} {
		require.NoError(t, holder.query(t, q))
	}
	state := func(want string) {
		t.Helper()
		require.Eventually(t, func() bool {
			const list = "SELECT COUNT(*) FROM information_schema.processlist WHERE STATE LIKE ?"
			var n int
			return admin.QueryRow(list, want).Scan(&n) == nil && n > 0
		}, harness.Timeout, 20*time.Millisecond, want)
	}
	waiter.command(t, comQuery, []byte("UPDATE d.t SET b = 'z' WHERE a = 1"))
	state("%lock%")
	require.NoError(t, holder.query(t, "COMMIT"))
	require.NoError(t, rawError(waiter.read(t)))
	reader.shrinkReceiveBuffer(t)
	reader.command(t, comQuery, []byte("SELECT REPEAT('x', 4000) FROM information_schema.collations a, "+
		"information_schema.collations b"))
	state("Sending to client")
	reader.close()
	waiter.command(t, comQuery, []byte("SELECT SLEEP(2)"))
	state("User sleep")
	waiter.readColumns(t)
	waiter.readRows(t)
	waiter.requireAlive(t)
}
