package lint

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// columnsMax is the longest line, in runes; a tab at the start of a line counts as tabColumns.
const (
	columnsMax = 120
	tabColumns = 4
)

var (
	// A leftover needs at least three words that say what is missing and why it is not there.
	todo       = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)
	todoReason = regexp.MustCompile(`\bTODO(\([^)]+\))?: \S+\s+\S+\s+\S+`)

	// Spelled in pieces, so that no file of the project contains them.
	machinePath = regexp.MustCompile(`(^|[^a-zA-Z0-9._-])/(wo` + `rk|fa` + `rm|ro` + `ot|ho` + `me)/`)
	authorWords = regexp.MustCompile(`(?i)\b(chat` + `gpt|cla` + `ude|anth` + `ropic|open` + `ai|copi` + `lot` +
		`|assis` + `tant|chat` + `bot|language mo` + `del|ll` + `ms?)\b`)

	url       = regexp.MustCompile(`https?://\S+`)
	generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)
	lifted    = regexp.MustCompile(`^//\s*lint:(?:ignore )?([a-z]+)\b(.*)$`)
)

// reports collects what the rules find, as "file:line: rule: text".
type reports []string

// source is one parsed file and what its comments lift.
type source struct {
	name   string // path from the root, with slashes
	text   []byte
	set    *token.FileSet
	file   *ast.File
	lifted map[string][]lineRange
	out    *reports
}

type lineRange struct{ first, last int }

func (s *source) report(line int, rule, format string, args ...any) {
	for _, r := range s.lifted[rule] {
		if r.first <= line && line <= r.last {
			return
		}
	}
	*s.out = append(*s.out, fmt.Sprintf("%s:%d: %s: %s", s.name, line, rule, fmt.Sprintf(format, args...)))
}

func (s *source) line(p token.Pos) int { return s.set.Position(p).Line }

// parse reads one file; nil for generated ones.
func parse(name string, text []byte, out *reports) (*source, error) {
	s := &source{name: name, text: text, set: token.NewFileSet(), lifted: map[string][]lineRange{}, out: out}
	if generated.Match(text) {
		return nil, nil
	}
	var err error
	s.file, err = parser.ParseFile(s.set, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	declarations := map[int]int{} // first line, with its comment, to last line
	for _, d := range s.file.Decls {
		declarations[s.line(d.Pos())] = s.line(d.End())
	}
	for _, group := range s.file.Comments {
		for _, c := range group.List {
			m := lifted.FindStringSubmatch(c.Text)
			if m == nil {
				continue
			}
			first := s.line(c.Pos())
			r := lineRange{first, first + 1}
			if last, ok := declarations[s.line(group.End())+1]; ok {
				r.last = last
			}
			s.lifted[m[1]] = append(s.lifted[m[1]], r)
			if m[1] != "long" && strings.TrimSpace(m[2]) == "" {
				s.report(first, "lint", "say why the rule %s is lifted", m[1])
			}
		}
	}
	return s, nil
}

// isTest is for test files, the packages that only tests import, and the folders that are no part of the product.
func (s *source) isTest() bool {
	for _, folder := range []string{
		"test/", "bench/", "internal/testutil/", "internal/kv/kvtest/", "internal/exec/exectest/",
	} {
		if strings.HasPrefix(s.name, folder) {
			return true
		}
	}
	return strings.HasSuffix(s.name, "_test.go")
}

func (s *source) check() {
	s.checkComments()
	s.checkCalls()
	s.checkLines()
}

func (s *source) checkComments() {
	for _, group := range s.file.Comments {
		for _, c := range group.List {
			for i, text := range strings.Split(c.Text, "\n") {
				if todo.MatchString(text) && !todoReason.MatchString(text) {
					s.report(s.line(c.Pos())+i, "todo", "write \"TODO: what is missing and why\", or do it")
				}
			}
		}
	}
}

// checkCalls looks at calls of panic, os.IsNotExist and its kin, and time.Sleep.
func (s *source) checkCalls() {
	ast.Inspect(s.file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch name := calledName(call); name {
		case "panic":
			if !s.isTest() && !strings.HasPrefix(s.name, "internal/invariants/") && panicsWithText(call) {
				s.report(s.line(call.Pos()), "panic", "return an error, or use invariants.Assertf")
			}
		case "os.IsNotExist", "os.IsExist", "os.IsPermission", "os.IsTimeout":
			s.report(s.line(call.Pos()), "osis", "use errors.Is with fs.Err%s", strings.TrimPrefix(name, "os.Is"))
		case "time.Sleep":
			if !s.isTest() {
				s.report(s.line(call.Pos()), "sleep", "wait for an event or a timer that cancellation ends")
			}
		}
		return true
	})
}

// calledName returns "f" or "pkg.f".
func calledName(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			return x.Name + "." + f.Sel.Name
		}
	}
	return ""
}

// panicsWithText tells if a panic's argument is a text made on the spot.
func panicsWithText(call *ast.CallExpr) bool {
	text := false
	for _, arg := range call.Args {
		ast.Inspect(arg, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				text = text || n.Kind == token.STRING
			case *ast.FuncLit:
				return false
			}
			return true
		})
	}
	return text
}

func (s *source) checkLines() {
	// Texts over several lines are not ours to break.
	texts := map[int]bool{}
	ast.Inspect(s.file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && s.line(lit.Pos()) != s.line(lit.End()) {
			for line := s.line(lit.Pos()); line <= s.line(lit.End()); line++ {
				texts[line] = true
			}
		}
		return true
	})
	number := 0
	for line := range bytes.Lines(s.text) {
		number++
		line = bytes.TrimRight(line, "\r\n")
		if columns := columns(line); columns > columnsMax && !texts[number] && !url.Match(line) {
			s.report(number, "long", "%d columns, %d at most; lint:long is for tables", columns, columnsMax)
		}
		checkWords(line, func(text string) { s.report(number, "words", "%s", text) })
	}
}

func columns(line []byte) int {
	tabs := 0
	for tabs < len(line) && line[tabs] == '\t' {
		tabs++
	}
	return tabs*tabColumns + utf8.RuneCount(line[tabs:])
}

// checkWords finds what must not be in any file, Go or not.
func checkWords(line []byte, report func(text string)) {
	if machinePath.Match(line) {
		report("a path of somebody's machine")
	}
	if word := authorWords.Find(line); word != nil {
		report(fmt.Sprintf("%q has no place here", word))
	}
}

// packages finds folders without a package comment. One in a test file counts where there are only test files.
type packages map[string]*packageFiles

type packageFiles struct {
	first         string // a file to name in the report
	code          bool   // there are files other than tests
	commented     bool   // a file of the code has the comment
	testCommented bool   // a test has it
}

func (p packages) add(s *source) {
	folder := filepath.ToSlash(filepath.Dir(s.name))
	if p[folder] == nil {
		p[folder] = &packageFiles{first: s.name}
	}
	f := p[folder]
	hasComment := s.file.Doc != nil
	if strings.HasSuffix(s.name, "_test.go") {
		f.testCommented = f.testCommented || hasComment
	} else {
		f.code = true
		f.commented = f.commented || hasComment
	}
}

func (p packages) report(out *reports) {
	for _, f := range p {
		if !f.commented && (f.code || !f.testCommented) {
			*out = append(*out, f.first+":1: doc: no package comment: what it owns, what not, invariants, concurrency")
		}
	}
}

// textEndings are the other files that checkWords reads.
var textEndings = []string{".md", ".sh", ".toml", ".yml", ".yaml", ".s", ".c", ".h", ".sql", "/Makefile", "/run"}

func TestHouseRules(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	var out reports
	seen := packages{}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a temporary file that has gone
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		require.NoError(t, err)
		name = filepath.ToSlash(name)
		base := d.Name()
		if d.IsDir() {
			if base == "testdata" || base == "bin" || base == "spillway-data" || base == "node_modules" ||
				strings.HasPrefix(base, ".") && base != ".ci" && name != "." || strings.HasPrefix(base, "_") {
				return filepath.SkipDir
			}
			return nil
		}
		isGo := strings.HasSuffix(base, ".go")
		isText := slices.ContainsFunc(textEndings, func(e string) bool { return strings.HasSuffix("/"+name, e) })
		if !isGo && !isText {
			return nil
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if !isGo {
			number := 0
			for line := range bytes.Lines(text) {
				number++
				checkWords(line, func(what string) {
					out = append(out, fmt.Sprintf("%s:%d: words: %s", name, number, what))
				})
			}
			return nil
		}
		s, err := parse(name, text, &out)
		if err != nil {
			out = append(out, err.Error())
			return nil
		}
		if s != nil {
			s.check()
			seen.add(s)
		}
		return nil
	})
	require.NoError(t, err)
	seen.report(&out)
	slices.Sort(out)
	for _, line := range out {
		t.Error(line)
	}
}
