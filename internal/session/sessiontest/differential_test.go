package sessiontest

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/session/sessiontest/querygen"
	"github.com/spillwaydb/spillway/internal/testutil"
)

// knownDifferences are texts of queries for which MariaDB may answer other than this server does, by the reason.
var knownDifferences = map[string]*regexp.Regexp{
	"quotients and averages have other scales":             regexp.MustCompile(` / |AVG\(`),
	"times made by functions have other fractions, limits": regexp.MustCompile(`TIME\(`),
	"other texts of JSON":                                  regexp.MustCompile(`JSON`),
	"there the total of no rows is not shown":              regexp.MustCompile(`ROLLUP`),
	"there variances of integers are decimals":             regexp.MustCompile(`VAR|STD`),
	"there LIMIT of DISTINCT constants has wrong rows":     regexp.MustCompile(`DISTINCT .* LIMIT`),
	"there comparisons of rows are never unknown":          regexp.MustCompile(`IS (UNKNOWN|NOT TRUE|NULL)`),
	"there the extreme of a constant of no rows is it":     regexp.MustCompile(`SELECT (MIN|MAX)\(`),
}

// TestDifferential compares the rows of generated queries with those that a MariaDB server gives.
func TestDifferential(t *testing.T) {
	if !testutil.Long() {
		t.Skipf("only with %s", testutil.LongVariable)
	}
	server, err := exec.LookPath("mariadbd")
	if err != nil {
		t.Skip("no server to compare with: mariadbd is not installed")
	}
	db := startOther(t, server)
	seed := testutil.Seed(t)
	compared, differ := 0, 0
	for i := range uint64(40) {
		g := &generated{
			t: t, r: rand.New(rand.NewPCG(seed, i)), refused: map[string]int{},
			options: querygen.Options{Portable: true},
		}
		g.schema = querygen.NewSchema(g.r, g.options)
		rig := New(t, Options{LimitBytes: 64 << 20})
		g.c = rig.Connect(t, "")
		g.c.Must("create database indexed; use indexed; set names utf8mb4 collate utf8mb4_general_ci, " +
			"max_execution_time = 3000")
		g.base = rig.baseline()
		for _, s := range append([]string{
			"drop database if exists indexed", "create database indexed character set utf8mb4", "use indexed",
		}, g.schema.Statements(true)...) {
			_, err := db.ExecContext(t.Context(), s)
			require.NoError(t, err, s)
			if !strings.Contains(s, " database ") && s != "use indexed" {
				g.c.Must(s)
			}
		}
		for range 60 {
			q := querygen.New(g.r, g.schema, g.options)
			broken := func(n *querygen.Node) error {
				text := n.Text("")
				for _, known := range knownDifferences {
					if known.MatchString(text) {
						return nil
					}
				}
				want, err := otherRows(t.Context(), db, text)
				if err != nil {
					return nil // refused there: nothing to compare with
				}
				got, err, wrong := g.run(n, defaults)
				if err != nil || wrong != nil {
					return wrong
				}
				compared++
				return same(want, got, false, true, true)
			}
			if broken(q.Root) != nil {
				differ++
				g.fail(q.Root, plainText, broken)
			}
		}
	}
	t.Logf("%d results compared, %d queries differ", compared, differ)
}

// startOther starts a MariaDB server, which ends with the test, and connects to it.
func startOther(t *testing.T, server string) *sql.DB {
	dir := t.TempDir()
	out, err := exec.Command("mariadb-install-db", "--no-defaults", "--datadir="+filepath.Join(dir, "data"),
		"--auth-root-authentication-method=normal", "--skip-test-db", "--user=root").CombinedOutput()
	require.NoError(t, err, string(out))
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(server, "--no-defaults", "--user=root", "--datadir="+filepath.Join(dir, "data"),
		"--socket="+socket, "--skip-networking", "--character-set-server=utf8mb4",
		"--collation-server=utf8mb4_general_ci", "--max-statement-time=3", "--group-concat-max-len=1024",
		"--sql-mode=ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,TIME_ROUND_FRACTIONAL")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Errorf("ending the other server: %v", err)
		}
		_ = cmd.Wait() // it was killed
	})
	db, err := sql.Open("mysql", "root@unix("+socket+")/?charset=utf8mb4&collation=utf8mb4_general_ci")
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	closing(t, db.Close)
	require.Eventually(t, func() bool { return db.Ping() == nil }, time.Minute, 100*time.Millisecond)
	return db
}

// otherRows are the rows of a query as Rows has them.
func otherRows(ctx context.Context, db *sql.DB, text string) ([]string, error) {
	rows, err := db.QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	var out []string
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		cells := make([]string, len(values))
		for i, v := range values {
			cells[i] = "NULL"
			if v.Valid {
				cells[i] = v.String
			}
		}
		out = append(out, strings.Join(cells, "|"))
	}
	return out, rows.Err()
}
