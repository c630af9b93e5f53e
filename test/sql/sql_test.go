package sql

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/testutil"
	"github.com/spillwaydb/spillway/test/harness"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// configuration is a way to run a script that may not change its results.
type configuration struct {
	name      string
	variables []string
	prepared  bool
}

// configurations begins with the server's defaults.
var configurations = []configuration{
	{name: "default"},
	{name: "tiny_quota", variables: []string{"SET tidb_mem_quota_query = 4194304"}},
	{name: "force_spill", variables: []string{"SET spillway_force_spill = 1"}},
	{name: "tiny_batch", variables: []string{"SET spillway_batch_rows = 16"}},
	{name: "hash_zero", variables: []string{"SET spillway_hash_zero = 1"}},
	{name: "one_worker", variables: []string{"SET tidb_executor_concurrency = 1"}},
	{name: "prepared", prepared: true},
}

// looseGroupBy is for scripts written for engines that let a query select what GROUP BY does not determine.
const looseGroupBy = "SET sql_mode = REPLACE(@@sql_mode, 'ONLY_FULL_GROUP_BY', '')"

// maxFailures is how many failures of a script are shown.
const maxFailures = 10

func chosen(names string) []configuration {
	return slices.DeleteFunc(slices.Clone(configurations), func(c configuration) bool {
		return !slices.Contains(strings.Split(names, ","), c.name)
	})
}

// TestScripts runs the scripts of testdata.
func TestScripts(t *testing.T) {
	configs := configurations
	if names := os.Getenv("SPILLWAY_SLT_CONFIG"); names != "" {
		configs = chosen(names)
	}
	if os.Getenv("SPILLWAY_SLT_REWRITE") != "" {
		configs = configs[:1]
	}
	runFolder(t, "testdata", configs)
}

// TestFolder runs the scripts of SPILLWAY_SLT_DIR.
func TestFolder(t *testing.T) {
	folder := os.Getenv("SPILLWAY_SLT_DIR")
	if folder == "" {
		t.Skip("SPILLWAY_SLT_DIR is not set")
	}
	configs := configurations[:1]
	if names := os.Getenv("SPILLWAY_SLT_CONFIG"); names != "" {
		configs = chosen(names)
	}
	runFolder(t, folder, configs)
}

// runFolder runs all scripts below a folder, two at a time, on one server.
func runFolder(t *testing.T, folder string, configs []configuration) {
	s := harness.Start(t, harness.Options{})
	known, err := readKnown(filepath.Join(folder, "known-mysql-differences.txt"))
	require.NoError(t, err)
	var scripts []string
	require.NoError(t, filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".test") {
			scripts = append(scripts, path)
		}
		return err
	}))
	require.NotEmpty(t, scripts)
	for i, path := range scripts {
		name, err := filepath.Rel(folder, path)
		require.NoError(t, err)
		records, err := readScript(path)
		require.NoError(t, err)
		for j, c := range configs {
			t.Run(strings.TrimSuffix(name, ".test")+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				if folder != "testdata" || strings.HasPrefix(name, "upstream/") {
					c.variables = append([]string{looseGroupBy}, c.variables...)
				}
				x := script{path: path, name: name, database: fmt.Sprintf("slt_%d_%d", i, j), records: records}
				x.run(t, s, c, known)
			})
		}
	}
}

// script is one script of a folder.
type script struct {
	path, name string // name is the path below the folder
	database   string
	records    []record
}

func (x *script) run(t *testing.T, s *harness.Server, c configuration, known map[string]bool) {
	db := s.DB(t, "")
	db.SetMaxIdleConns(0) // a connection's variables end with it
	r := &runner{db: db, database: x.database, variables: c.variables, prepared: c.prepared}
	if os.Getenv("SPILLWAY_SLT_REWRITE") != "" && !strings.HasPrefix(x.name, "upstream/") {
		r.rewritten = map[int][]string{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, err := r.run(ctx, x.records)
	expected := 0
	for i, f := range out.failures {
		switch {
		case known[x.name+":"+strconv.Itoa(f.line)]:
			expected++
		case i-expected < maxFailures:
			t.Errorf("%s:%d: %s", x.path, f.line, f.text)
		}
	}
	require.NoError(t, err)
	t.Logf("%s: %d passed, %d failed, %d failed as known", x.name, out.passed, len(out.failures)-expected, expected)
	if r.rewritten != nil && !t.Failed() {
		require.NoError(t, rewrite(x.path, r.rewritten))
	}
}

var knownLine = regexp.MustCompile(`^(\S+:\d+) (.*)$`)

// readKnown reads the records that MySQL does not satisfy either: "script:line reason".
func readKnown(path string) (map[string]bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	known := map[string]bool{}
	in := bufio.NewScanner(f)
	for in.Scan() {
		m := knownLine.FindStringSubmatch(in.Text())
		if m != nil && !strings.Contains(m[2], "TiDB passes") {
			known[m[1]] = true
		}
	}
	return known, in.Err()
}

// rewrite replaces the results of the queries that begin at these lines.
func rewrite(path string, results map[int][]string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var out []string
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		result, ok := results[i+1]
		if !ok {
			out = append(out, lines[i])
			continue
		}
		for ; i < len(lines) && lines[i] != "" && lines[i] != "----"; i++ {
			out = append(out, lines[i])
		}
		for i < len(lines) && lines[i] != "" {
			i++
		}
		out = append(append(append(out, "----"), result...), "")
	}
	return os.WriteFile(path, []byte(strings.TrimRight(strings.Join(out, "\n"), "\n")+"\n"), 0o644)
}
