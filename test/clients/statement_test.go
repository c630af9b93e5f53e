package clients

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/test/harness"
)

// packet is what the large statements need.
const packet = 64 << 20

func large(c *mysql.Config) { c.MaxAllowedPacket = 2 * packet }

// TestLargeStatements sends statements that are large, long or deep: the right result or a clear error.
func TestLargeStatements(t *testing.T) {
	s := harness.Start(t, harness.Options{Variables: map[string]string{"max_allowed_packet": fmt.Sprint(packet)}})
	db := s.DB(t, "d", large)
	harness.Exec(t, db, "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(1000))")

	t.Run("insert of 60 MiB", func(t *testing.T) {
		var q strings.Builder
		q.WriteString("INSERT INTO t VALUES (0,'')")
		text := strings.Repeat("y", 1000)
		rows := 1
		for ; q.Len() < 60<<20; rows++ {
			fmt.Fprintf(&q, ",(%d,'%s')", rows, text)
		}
		_, err := db.Exec(q.String())
		requireClear(t, err)
		if err == nil {
			var n int
			require.NoError(t, db.QueryRow("SELECT COUNT(*) FROM t").Scan(&n))
			require.Equal(t, rows, n)
		}
	})
	t.Run("list of 100,000", func(t *testing.T) {
		list := make([]string, 100_000)
		for i := range list {
			list[i] = fmt.Sprint(i * 2)
		}
		var n, want int
		require.NoError(t, db.QueryRow("SELECT COUNT(*) FROM t WHERE MOD(id, 2) = 0 AND id < 200000").Scan(&want))
		err := db.QueryRow("SELECT COUNT(*) FROM t WHERE id IN (" + strings.Join(list, ",") + ")").Scan(&n)
		requireClear(t, err)
		if err == nil {
			require.Equal(t, want, n)
		}
	})
	t.Run("10,000 parentheses", func(t *testing.T) {
		var n int
		err := db.QueryRow("SELECT " + strings.Repeat("(", 10_000) + "1" + strings.Repeat(")", 10_000)).Scan(&n)
		requireClear(t, err)
		if err == nil {
			require.Equal(t, 1, n)
		}
	})
	t.Run("packet too large", func(t *testing.T) {
		err := db.QueryRow("SELECT '" + strings.Repeat("x", packet) + "'").Scan(new(sql.RawBytes))
		require.Error(t, err)
		require.NoError(t, db.Ping())
	})
}

// requireClear logs an error of the server; another one, or a lost connection, fails the test.
func requireClear(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		var e *mysql.MySQLError
		require.ErrorAs(t, err, &e)
		require.NotContains(t, e.Message, "assertion")
		t.Log(err)
	}
}

func TestLongValue(t *testing.T) {
	s := harness.Start(t, harness.Options{Variables: map[string]string{"max_allowed_packet": fmt.Sprint(packet)}})
	db := s.DB(t, "d", large)
	harness.Exec(t, db, "CREATE TABLE t (id INT PRIMARY KEY, b LONGBLOB)")
	want := strings.Repeat("0123456789abcdef", 17<<16) // 17 MiB: two packets
	_, err := db.Exec("INSERT INTO t VALUES (1, ?)", want)
	requireClear(t, err)
	if err != nil {
		require.NoError(t, db.Ping())
		return
	}
	var got string
	require.NoError(t, db.QueryRow("SELECT b FROM t").Scan(&got))
	require.True(t, want == got)
}

func TestMultiStatementsAndTLS(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	db := s.DB(t, "d", func(c *mysql.Config) { c.MultiStatements, c.TLSConfig = true, "skip-verify" })
	rows, err := db.Query("SELECT 1; SELECT 2")
	require.NoError(t, err)
	defer rows.Close()
	var got []int
	for more := true; more; more = rows.NextResultSet() {
		for rows.Next() {
			var n int
			require.NoError(t, rows.Scan(&n))
			got = append(got, n)
		}
	}
	require.NoError(t, rows.Err())
	require.Equal(t, []int{1, 2}, got)
}

// TestSecureTransport: once it is required, connections without TLS are refused.
func TestSecureTransport(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	harness.Exec(t, s.DB(t, "d"), "SET GLOBAL require_secure_transport = ON")
	open := func(tls string) error {
		return s.DB(t, "", func(c *mysql.Config) { c.TLSConfig = tls }).Ping()
	}
	var refused *mysql.MySQLError
	require.ErrorAs(t, open("false"), &refused)
	require.EqualValues(t, 3159, refused.Number)
	require.NoError(t, open("skip-verify"))
}

// TestTypes writes and reads each column type, by the text and the binary protocol.
func TestTypes(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	db := s.DB(t, "d")
	types := []struct{ name, value string }{
		{"TINYINT", "-128"}, {"TINYINT UNSIGNED", "255"}, {"SMALLINT", "-32768"}, {"SMALLINT UNSIGNED", "65535"},
		{"MEDIUMINT", "-8388608"}, {"MEDIUMINT UNSIGNED", "16777215"}, {"INT", "-2147483648"},
		{"INT UNSIGNED", "4294967295"}, {"BIGINT", "-9223372036854775808"}, {"BIGINT UNSIGNED", "18446744073709551615"},
		{"DECIMAL(65,30)", strings.Repeat("9", 35) + "." + strings.Repeat("8", 30)}, {"FLOAT", "1.5"},
		{"DOUBLE", "-2.25"}, {"CHAR(5)", "äöü"}, {"VARCHAR(20)", "日本語 🙂"}, {"BINARY(3)", "\x00\xff\x01"},
		{"VARBINARY(9)", "\xff\x00"}, {"TINYTEXT", "tiny"}, {"TEXT", "text"}, {"MEDIUMTEXT", "medium"},
		{"LONGTEXT", "long"}, {"TINYBLOB", "\x00"}, {"BLOB", "\xfe"}, {"MEDIUMBLOB", "m"}, {"LONGBLOB", ""},
		{"DATE", "2024-02-29"}, {"DATETIME", "9999-12-31 23:59:59"}, {"DATETIME(6)", "1000-01-01 00:00:00.000001"},
		{"TIMESTAMP(3)", "2024-05-06 07:08:09.123"}, {"TIME(2)", "-838:59:58.25"}, {"YEAR", "2155"},
		{"ENUM('a','b')", "b"}, {"SET('x','y','z')", "x,z"}, {"BIT(12)", "\x0a\xbc"}, {"JSON", `{"a": [1, null]}`},
	}
	var columns []string
	var marks []string
	var values []any
	for i, c := range types {
		columns = append(columns, fmt.Sprintf("c%d %s", i, c.name))
		marks = append(marks, "?")
		values = append(values, c.value)
	}
	harness.Exec(t, db, "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, "+strings.Join(columns, ", ")+")")
	for _, text := range []bool{false, true} {
		db := s.DB(t, "d", func(c *mysql.Config) { c.InterpolateParams = text })
		harness.Exec(t, db, "TRUNCATE t")
		// Text that the driver puts into the statement is utf8mb4, bytes get _binary.
		insert := strings.Join(marks, ", ")
		args := append([]any(nil), values...)
		for i, c := range types {
			if strings.Contains(c.name, "BINARY") || strings.Contains(c.name, "BLOB") || c.name == "BIT(12)" {
				args[i] = []byte(c.value)
			}
		}
		_, err := db.Exec("INSERT INTO t VALUES (NULL, "+insert+")", args...)
		require.NoError(t, err)
		_, err = db.Exec("INSERT INTO t (id) VALUES (NULL)")
		require.NoError(t, err)
		for _, condition := range []any{1, nil} {
			q := "SELECT * FROM t WHERE id > 0 ORDER BY id"
			args := []any(nil)
			if condition != nil {
				q, args = "SELECT * FROM t WHERE id >= ? ORDER BY id", []any{condition}
			}
			rows, err := db.Query(q, args...)
			require.NoError(t, err)
			got := make([]sql.NullString, len(types)+1)
			into := make([]any, len(got))
			for i := range got {
				into[i] = &got[i]
			}
			require.True(t, rows.Next())
			require.NoError(t, rows.Scan(into...))
			for i, c := range types {
				require.Equal(t, c.value, got[i+1].String, "%s, text %v, parameters %v", c.name, text, condition)
			}
			require.True(t, rows.Next())
			require.NoError(t, rows.Scan(into...))
			for i, c := range types {
				require.False(t, got[i+1].Valid && !strings.HasPrefix(c.name, "TIMESTAMP"), c.name)
			}
			require.NoError(t, rows.Close())
		}
	}
}
