package deptest

import (
	"errors"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/spillwaydb/spillway"

// rules is the table, ready to be asked.
type rules struct {
	known map[string]bool            // packages below internal/
	may   map[string]map[string]bool // what each may import, without the helpers
	tests map[string]bool            // packages that only tests import
}

// expand resolves "x/*" among the known packages.
func expand(name string, known map[string]bool) []string {
	prefix, ok := strings.CutSuffix(name, "*")
	if !ok {
		return []string{name}
	}
	var out []string
	for p := range known {
		if strings.HasPrefix(p, prefix) {
			out = append(out, p)
		}
	}
	return out
}

func newRules() rules {
	r := rules{known: map[string]bool{}, may: map[string]map[string]bool{}, tests: map[string]bool{}}
	var before []string // the packages of the rows above
	for i, row := range slices.Concat(table, supportTable) {
		packages := strings.Fields(row.packages)
		if i < len(table) {
			for _, p := range packages {
				r.known[p] = true
			}
		}
		may := map[string]bool{}
		for _, word := range strings.Fields(row.may) {
			if word == above {
				for _, p := range before {
					may[p] = true
				}
				continue
			}
			without, remove := strings.CutPrefix(word, "-")
			for _, p := range expand(without, r.known) {
				may[p] = !remove
			}
		}
		if may["types"] {
			may["types/collation"] = true
		}
		for _, p := range packages {
			r.may[p] = may
			r.tests[p] = i >= len(table)
		}
		if i < len(table) {
			before = append(before, packages...)
		}
	}
	for p := range r.tests {
		r.known[p] = true
	}
	return r
}

// check says what is wrong with one import, or nothing. from and to are paths below the module's root for our own
// packages ("internal/memory"); to is an import path otherwise.
func (r rules) check(from, to string, inTest bool) string {
	pkg, internal := strings.CutPrefix(from, "internal/")
	dep, depInternal := strings.CutPrefix(to, "internal/")
	support := internal && r.tests[pkg]
	switch {
	case depInternal && !r.known[dep]:
		return "is not in the table"
	case depInternal && r.tests[dep] && !inTest && !support && !free(from):
		return "is for tests only"
	case inTest || free(from):
		return ""
	case !internal:
		return "nothing may be imported here: no row for this folder"
	case depInternal:
		if r.may[pkg][dep] || slices.Contains(strings.Fields(helpers), dep) {
			return ""
		}
		return "is not among what the row of " + pkg + " may import"
	case strings.HasPrefix(to, "cmd/") || strings.HasPrefix(to, "test/"):
		return "is above every package"
	case !strings.Contains(strings.SplitN(to, "/", 2)[0], "."):
		return "" // standard library
	case support:
		return ""
	}
	var best *library
	for i := range libraries {
		l := &libraries[i]
		fits := to == l.path || !l.exact && strings.HasPrefix(to, l.path+"/")
		if fits && (best == nil || len(l.path) > len(best.path) || l.exact && len(l.path) == len(best.path)) {
			best = l
		}
	}
	if best == nil {
		return "is a library without a row"
	}
	for _, where := range strings.Fields(best.where) {
		if slices.Contains(expand(where, r.known), pkg) {
			return ""
		}
	}
	return "is a library for: " + strings.Join(strings.Fields(best.where), ", ")
}

// free tells if a folder may import everything: the binary, the benchmarks and the end-to-end tests.
func free(folder string) bool {
	return folder == "cmd/spillway" || folder == "bench" || folder == "test" || strings.HasPrefix(folder, "test/")
}

// TestImports reads the imports of every Go file of the module, whatever its build tags.
func TestImports(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	r := newRules()
	files := 0
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a temporary file that has gone
		}
		if err != nil {
			return err
		}
		if d.IsDir() {
			if skipFolder(root, name, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		files++
		relative, err := filepath.Rel(root, name)
		require.NoError(t, err)
		from := path.Dir(filepath.ToSlash(relative))
		inTest := strings.HasSuffix(name, "_test.go")
		if pkg, ok := strings.CutPrefix(from, "internal/"); ok && !r.known[pkg] {
			t.Errorf("%s: package %s is not in the table; add a row to table_test.go", relative, pkg)
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.ImportsOnly)
		if err != nil {
			t.Errorf("%s: %v", relative, err)
			return nil
		}
		for _, spec := range file.Imports {
			to, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			to = strings.TrimPrefix(to, module+"/")
			if wrong := r.check(from, to, inTest); wrong != "" {
				t.Errorf("%s:%d: %s %s", relative, set.Position(spec.Pos()).Line, to, wrong)
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.NotZero(t, files)
}

func skipFolder(root, name, base string) bool {
	if name == root {
		return false
	}
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "bin" {
		return true
	}
	_, err := os.Stat(filepath.Join(name, "go.mod")) // a module of its own
	return err == nil
}

// TestTableIsReal: a row of a package that is gone would allow what nobody decided.
func TestTableIsReal(t *testing.T) {
	for p := range newRules().known {
		require.DirExists(t, filepath.Join("..", filepath.FromSlash(p)))
	}
}

// TestTablePointsDown proves that the table allows no cycle: a row names only rows above it, or its own packages.
func TestTablePointsDown(t *testing.T) {
	r := newRules()
	level := map[string]int{}
	for i, row := range slices.Concat(table, supportTable) {
		for _, p := range strings.Fields(row.packages) {
			require.NotContains(t, level, p, "two rows")
			level[p] = i
		}
	}
	level["testutil"] = level["spill"] // support, but low
	for p, may := range r.may {
		if p == "testutil" {
			continue
		}
		for dep, ok := range may {
			if ok {
				require.Contains(t, level, dep, "row of %s", p)
				require.LessOrEqual(t, level[dep], level[p], "%s may import %s", p, dep)
			}
		}
	}
	for _, l := range libraries {
		for _, where := range strings.Fields(l.where) {
			for _, p := range expand(where, r.known) {
				require.Contains(t, r.known, p, "library %s", l.path)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	r := newRules()
	tests := []struct {
		from, to string
		inTest   bool
		ok       bool
	}{
		{"internal/memory", "internal/sqlerr", false, true},
		{"internal/memory", "internal/invariants", false, true},
		{"internal/memory", "internal/cgroup", false, true},
		{"internal/memory", "internal/spill", false, false},
		{"internal/memory", "internal/spill", true, true},
		{"internal/memory", "internal/testutil", true, true},
		{"internal/memory", "internal/testutil", false, false},
		{"internal/memory", "internal/nowhere", true, false},
		{"internal/memory", "unsafe", false, true},
		{"internal/memory", "golang.org/x/sys/unix", false, true},
		{"internal/memory", "github.com/cockroachdb/pebble/v2", false, false},
		{"internal/memory", "example.com/unknown", false, false},
		{"internal/schema", "internal/types/collation", false, true},
		{"internal/exec/sort", "internal/exec", false, true},
		{"internal/exec/sort", "internal/rows", false, true},
		{"internal/exec/sort", "internal/exec/join", false, false},
		{"internal/exec/sort", "internal/exec/build", false, false},
		{"internal/exec", "internal/exec/sort", false, false},
		{"internal/exec/build", "internal/exec/sort", false, true},
		{"internal/exec/exectest", "internal/testutil", false, true},
		{"internal/exec", "internal/exec/exectest", false, false},
		{"internal/plan", "internal/plan/bind", false, true},
		{"internal/plan/rewrite", "internal/plan/logical", false, true},
		{"internal/plan/logical", "internal/catalog", false, false},
		{"internal/session", "internal/exec/build", false, true},
		{"internal/session", "internal/kv", false, true},
		{"internal/session", "internal/kv/local", false, false},
		{"internal/session", "internal/spill", false, false},
		{"internal/protocol", "internal/schema", false, false},
		{"internal/server", "cmd/spillway", false, false},
		{"cmd/spillway", "internal/kv/local", false, true},
		{"cmd/spillway", "github.com/BurntSushi/toml", false, true},
		{"test/sql", "internal/testutil", true, true},
		{"bench", "internal/cgroup", false, true},
		{"tool", "internal/memory", false, false},
		{"internal/parse", parserLibrary, false, true},
		{"internal/plan/bind", parserLibrary, false, false},
		{"internal/plan/bind", parserLibrary + "/ast", false, true},
		{"internal/plan/rewrite", parserLibrary + "/ast", false, false},
		{"internal/server", parserLibrary + "/auth", false, true},
		{"internal/server", parserLibrary + "/mysql", false, false},
		{"internal/session", parserLibrary + "/auth", false, true},
		{"internal/infoschema", parserLibrary + "/auth", false, false},
		{"internal/kv/local", "github.com/cockroachdb/pebble/v2/vfs", false, true},
		{"internal/telemetry", "github.com/cockroachdb/pebble/v2", false, false},
		{"internal/types/collation", "vitess.io/vitess/go/mysql/collations/colldata", false, true},
		{"internal/types", "vitess.io/vitess/go/mysql/collations", false, false},
	}
	for _, test := range tests {
		wrong := r.check(test.from, test.to, test.inTest)
		require.Equal(t, test.ok, wrong == "", "%s imports %s: %s", test.from, test.to, wrong)
	}
}
