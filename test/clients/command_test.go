package clients

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/test/harness"
)

// commandTimeout ends a client program that hangs.
const commandTimeout = 30 * time.Minute

// client returns the command line of a client program as root, or with the user that args name.
func client(t *testing.T, s *harness.Server, program string, args ...string) *exec.Cmd {
	if _, err := exec.LookPath(program); err != nil {
		t.Fatalf("%v: tools/install-test-clients installs it", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	t.Cleanup(cancel)
	options := []string{"-h", s.Host, "-P", strconv.Itoa(s.Port)}
	if !strings.Contains(strings.Join(args, " "), "--user=") {
		options = append(options, "-u", "root")
	}
	if strings.HasPrefix(program, "mariadb") {
		options = append([]string{"--no-defaults"}, options...)
	}
	return exec.CommandContext(ctx, program, append(options, args...)...)
}

// run runs a client program that must succeed and returns its standard output.
func run(t *testing.T, s *harness.Server, program string, args ...string) string {
	t.Helper()
	c := client(t, s, program, args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	require.NoError(t, c.Run(), "%s: %s", program, errs.String())
	return out.String()
}

// mariadb runs SQL with the command line and returns its standard output.
func mariadb(t *testing.T, s *harness.Server, statements string, args ...string) string {
	t.Helper()
	return run(t, s, "mariadb", append(args, "--batch", "-e", statements)...)
}

// mariadbError runs SQL that must fail with "ERROR code (state)" and returns the message.
func mariadbError(t *testing.T, s *harness.Server, code int, state, statements string, args ...string) string {
	t.Helper()
	out, err := client(t, s, "mariadb", append(args, "--batch", "-e", statements)...).CombinedOutput()
	require.Error(t, err, "%.200s: %s", statements, out)
	require.Contains(t, string(out), fmt.Sprintf("ERROR %d (%s)", code, state), "%.200s", statements)
	return string(out)
}

// handlers numbers the readers that LOAD DATA takes its rows from: the driver keeps them in one table.
var handlers atomic.Int64

// load fills a table from rows that write makes, through LOAD DATA LOCAL INFILE.
func load(t *testing.T, db *sql.DB, table string, write func(w io.Writer) error) {
	t.Helper()
	name := fmt.Sprintf("rows%d", handlers.Add(1))
	mysql.RegisterReaderHandler(name, func() io.Reader {
		r, w := io.Pipe()
		go func() { _ = w.CloseWithError(write(w)) }()
		return r
	})
	defer mysql.DeregisterReaderHandler(name)
	_, err := db.Exec("LOAD DATA LOCAL INFILE 'Reader::" + name + "' INTO TABLE " + table + " FIELDS TERMINATED BY ','")
	require.NoError(t, err)
}

const createWide = `CREATE TABLE wide (id BIGINT PRIMARY KEY, k INT NOT NULL, d DECIMAL(20,4), at DATETIME(3), f DOUBLE,
	b VARBINARY(16), s VARCHAR(900) NOT NULL, KEY k (k))`

// rowBytes is about what a row of wide holds.
const rowBytes = 1000

// loadWide creates and fills the table wide with about n bytes.
func loadWide(t *testing.T, db *sql.DB, n int64) {
	harness.Exec(t, db, createWide)
	load(t, db, "wide", func(w io.Writer) error {
		r := rand.New(rand.NewPCG(1, 2))
		text := strings.Repeat("abcdefghijklmnopqrstuvwxyz ÄÖÜ ", 40)
		var line []byte
		for id := range n / rowBytes {
			line = fmt.Appendf(line[:0], "%d,%d,%d.%04d,2024-02-%02d 11:12:13.%03d,%d.5,x%x,%d%s\n", id, r.IntN(1000),
				r.IntN(1e9), r.IntN(1e4), 1+r.IntN(28), r.IntN(1000), r.IntN(1e6), r.Int64(), r.Uint64(), text[:850])
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		return nil
	})
}

// checksum is the number of rows of a table and a sum over what they hold.
func checksum(t *testing.T, db *sql.DB, table, columns string) string {
	t.Helper()
	var n, sum sql.NullString
	q := "SELECT COUNT(*), SUM(CRC32(CONCAT_WS('#', " + columns + "))) FROM " + table
	require.NoError(t, db.QueryRow(q).Scan(&n, &sum))
	return n.String + " " + sum.String
}

const wideColumns = "id, k, d, at, f, HEX(b), s"
