package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/test/harness"
)

func TestCommandLine(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	file := filepath.Join(t.TempDir(), "rows.tsv")
	var rows strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&rows, "%d\tname %d\t%d.25\n", i, i, i)
	}
	require.NoError(t, os.WriteFile(file, []byte(rows.String()), 0o600))
	mariadb(t, s, "CREATE DATABASE d; USE d; CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(40), d DECIMAL(10,2))")
	mariadb(t, s, "LOAD DATA LOCAL INFILE '"+file+"' INTO TABLE t", "--local-infile=1", "d")
	require.Equal(t, "COUNT(*)\tSUM(d)\n5000\t12498750.00\n", mariadb(t, s, "SELECT COUNT(*), SUM(d) FROM t", "d"))
	require.Equal(t, rows.String(), mariadb(t, s, "SELECT * FROM t ORDER BY id", "d", "--quick", "--skip-column-names"))
	require.Contains(t, mariadb(t, s, "SHOW TABLES; DESCRIBE t; SHOW CREATE TABLE t", "d"), "PRIMARY KEY (`id`)")
}

func TestErrors(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	mariadb(t, s, `CREATE DATABASE d; USE d;
		CREATE TABLE t (id INT PRIMARY KEY, n TINYINT NOT NULL, s VARCHAR(3), d DATE, e DECIMAL(4,2), u INT UNIQUE);
		INSERT INTO t VALUES (1, 1, 'a', '2024-01-01', 1.5, 1);
		CREATE USER native@'%' IDENTIFIED WITH mysql_native_password BY 'right';
		CREATE USER sha@'%' IDENTIFIED WITH caching_sha2_password BY 'right';`)
	for _, c := range []struct {
		code      int
		state     string
		statement string
	}{
		{1049, "42000", "USE missing"},
		{1146, "42S02", "SELECT * FROM missing"},
		{1054, "42S22", "SELECT missing FROM t"},
		{1064, "42000", "SELEC 1"},
		{1007, "HY000", "CREATE DATABASE d"},
		{1008, "HY000", "DROP DATABASE missing"},
		{1050, "42S01", "CREATE TABLE t (a INT)"},
		{1051, "42S02", "DROP TABLE missing"},
		{1062, "23000", "INSERT INTO t VALUES (1, 1, 'a', '2024-01-01', 1, 2)"},
		{1062, "23000", "INSERT INTO t VALUES (2, 1, 'a', '2024-01-01', 1, 1)"},
		{1366, "HY000", "INSERT INTO t VALUES (2, 'x', 'a', '2024-01-01', 1, 2)"},
		{1292, "22007", "INSERT INTO t VALUES (2, 1, 'a', '2024-13-01', 1, 2)"},
		{1264, "22003", "INSERT INTO t VALUES (2, 128, 'a', '2024-01-01', 1, 2)"},
		{1264, "22003", "INSERT INTO t VALUES (2, 1, 'a', '2024-01-01', 1000, 2)"},
		{1406, "22001", "INSERT INTO t VALUES (2, 1, 'abcd', '2024-01-01', 1, 2)"},
		{1048, "23000", "INSERT INTO t VALUES (2, NULL, 'a', '2024-01-01', 1, 2)"},
		{1364, "HY000", "INSERT INTO t (id) VALUES (2)"},
		{1136, "21S01", "INSERT INTO t VALUES (2)"},
		{1690, "22003", "SELECT 9223372036854775807 + 1"},
		{1242, "21000", "INSERT INTO t (id, n) VALUES (3, 3), (4, 4); SELECT (SELECT id FROM t)"},
		{1094, "HY000", "KILL 999999"},
		{1193, "HY000", "SET missing_variable = 1"},
	} {
		mariadbError(t, s, c.code, c.state, c.statement, "d")
	}
	for _, user := range []string{"native", "sha", "nobody"} {
		mariadbError(t, s, 1045, "28000", "SELECT 1", "--user="+user, "--password=wrong")
	}
	for _, user := range []string{"native", "sha"} {
		require.Equal(t, "1\n1\n", mariadb(t, s, "SELECT 1", "--user="+user, "--password=right"))
	}
	require.Equal(t, "id\n1\n3\n4\n", mariadb(t, s, "SELECT id FROM t ORDER BY id", "d"))
}

func TestBrokenLoadData(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	mariadb(t, s, "CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, n TINYINT NOT NULL)")
	dir := t.TempDir()
	if out, err := client(t, s, "mariadb", "--local-infile=1", "d", "-e",
		"LOAD DATA LOCAL INFILE '"+filepath.Join(dir, "missing")+"' INTO TABLE t").CombinedOutput(); err == nil {
		t.Errorf("a missing file: %s", out)
	}
	bad := filepath.Join(dir, "bad")
	require.NoError(t, os.WriteFile(bad, []byte("1\t1\nx\ty\n2\t1000\n3\n\x00\xff\xfe\n"), 0o600))
	out, err := client(t, s, "mariadb", "--local-infile=1", "d", "-e",
		"LOAD DATA LOCAL INFILE '"+bad+"' INTO TABLE t").CombinedOutput()
	rows := mariadb(t, s, "SELECT id FROM t WHERE id = 1", "d", "--skip-column-names")
	if err != nil { // all or nothing
		require.Contains(t, string(out), "ERROR 1261 (01000)")
		require.Empty(t, rows)
		return
	}
	require.Equal(t, "1\n", rows)
}

// TestSecondServer: a data directory is one server's, with temporary storage of their own or within it.
func TestSecondServer(t *testing.T) {
	withData := []string{"--tmp-storage-path", ""}
	s := harness.Start(t, harness.Options{Args: withData})
	mariadb(t, s, "CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY); INSERT INTO d.t VALUES (7)")
	for _, args := range [][]string{nil, withData} {
		code, output := harness.StartFailing(t, harness.Options{Data: s.Data, Args: args})
		require.NotZero(t, code)
		require.Contains(t, output, "data directory "+s.Data)
		require.Contains(t, output, "in use by another server")
	}
	require.Equal(t, "id\n7\n", mariadb(t, s, "SELECT * FROM d.t"))
}

// TestOtherFormat starts on a data directory that another version wrote.
func TestOtherFormat(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.MkdirAll(filepath.Join(data, "store"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(data, "store", "SPILLWAY_FORMAT"), []byte("spillway 99\n"), 0o600))
	code, output := harness.StartFailing(t, harness.Options{Data: data})
	require.NotZero(t, code)
	require.Contains(t, output, "spillway 99")
}
