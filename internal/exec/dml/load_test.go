package dml

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
)

var (
	defaultFormat = physical.LoadFormat{Terminated: "\t", Escaped: `\`, LinesTerminated: "\n"}
	csvFormat     = physical.LoadFormat{Terminated: ",", Enclosed: `"`, Escaped: `\`, LinesTerminated: "\n"}
)

func TestLoadFormats(t *testing.T) {
	e := newEnv(t)
	e.expr.Strict = false
	with := func(f physical.LoadFormat, change func(f *physical.LoadFormat)) physical.LoadFormat {
		change(&f)
		return f
	}
	for _, c := range []struct {
		format physical.LoadFormat
		skip   uint64
		file   string
		want   []string
		warn   string
	}{
		{defaultFormat, 0, "1\tx\n2\ty\n", []string{"[1][x]", "[2][y]"}, ""},
		{defaultFormat, 0, "1\tx\n2\ty", []string{"[1][x]", "[2][y]"}, ""},
		{defaultFormat, 0, "", nil, ""},
		{defaultFormat, 0, "\\N\t\\\\N\na\\tb\t\\n\\0\\Z\\q\n", []string{`NULL[\N]`, "[a\tb][\n\x00\x1aq]"}, ""},
		{defaultFormat, 0, "NULL\tx\\\ny\n", []string{"[NULL][x\ny]"}, ""},
		{defaultFormat, 0, "1\n", []string{"[1]NULL"}, "1261 Row 1 doesn't contain data for all columns"},
		{defaultFormat, 0, "1\t2\t3\n4\t5\n", []string{"[1][2]", "[4][5]"},
			"1262 Row 1 was truncated; it contained more data than there were input columns"},
		{defaultFormat, 2, "head\nhead \\\n still\n1\t2\n", []string{"[1][2]"}, ""},
		{defaultFormat, 9, "1\t2\n", nil, ""},
		{csvFormat, 0, "\"a,b\",\"c\"\"d\"\n", []string{`[a,b][c"d]`}, ""},
		{csvFormat, 0, "\"a\nb\",NULL\n\"NULL\",x\n", []string{"[a\nb]NULL", "[NULL][x]"}, ""},
		{csvFormat, 0, "\"a\"b\",c\n", []string{`[a"b][c]`}, ""},
		{csvFormat, 0, "a\"b,c\"\n", []string{`[a"b][c"]`}, ""},
		{csvFormat, 0, "x,\"never closed\n", []string{"[x][\"never closed\n]"}, ""},
		{with(csvFormat, func(f *physical.LoadFormat) { f.Escaped = `"` }), 0, "\"a\"\"b\",c\"\"d\n",
			[]string{`[a"b][c"d]`}, ""},
		{with(csvFormat, func(f *physical.LoadFormat) { f.Terminated, f.LinesTerminated = "||", "\r\n" }), 0,
			"a|b||c\r\n\"d||\"||e\rf\r\n", []string{"[a|b][c]", "[d||][e\rf]"}, ""},
		{with(defaultFormat, func(f *physical.LoadFormat) { f.LinesStarting = ">>" }), 0,
			"x>>1\t2\nnot this\n>>3\t4\n", []string{"[1][2]", "[3][4]"}, ""},
		{with(defaultFormat, func(f *physical.LoadFormat) { f.LinesTerminated = "\t" }), 0, "1\t2\t3\t4",
			[]string{"[1][2]", "[3][4]"}, ""},
	} {
		for _, batch := range []int{0, 1} {
			for _, file := range []io.Reader{strings.NewReader(c.file),
				iotest.OneByteReader(strings.NewReader(c.file))} {
				e.warnings = nil
				n := loadNode(2, c.format)
				n.SkipLines = c.skip
				got, err := e.load(n, file, batch)
				require.NoError(t, err, "%q", c.file)
				require.Equal(t, c.want, got, "%q", c.file)
				require.Equal(t, c.warn, strings.Join(e.warnings, ";"), "%q", c.file)
			}
		}
	}
}

func TestLoadErrors(t *testing.T) {
	e := newEnv(t)
	_, err := e.load(loadNode(2, defaultFormat), strings.NewReader("1\n"), 0)
	require.EqualValues(t, 1261, sqlerr.CodeOf(err))
	_, err = e.load(loadNode(1, defaultFormat), strings.NewReader("1\t2\n"), 0)
	require.EqualValues(t, 1262, sqlerr.CodeOf(err))
	broken := errors.New("the wire is cut")
	_, err = e.load(loadNode(1, defaultFormat), io.MultiReader(strings.NewReader("1\n2"), iotest.ErrReader(broken)), 0)
	require.ErrorIs(t, err, broken)
	_, err = e.load(loadNode(1, physical.LoadFormat{LinesTerminated: "\n"}), strings.NewReader("1"), 0)
	require.EqualValues(t, 1235, sqlerr.CodeOf(err))
	e.expr.MaxPacket = 1 << 20
	_, err = e.load(loadNode(1, defaultFormat), strings.NewReader(strings.Repeat("x", 2<<20)), 0)
	require.EqualValues(t, 1153, sqlerr.CodeOf(err))
}

func TestLoadLongValues(t *testing.T) {
	e := newEnv(t)
	long := strings.Repeat("0123456789", 50_000)
	got, err := e.load(loadNode(2, defaultFormat), strings.NewReader(strings.Repeat("a\t"+long+"\n", 8)), 0)
	require.NoError(t, err)
	require.Len(t, got, 8)
	for _, row := range got {
		require.Equal(t, "[a]["+long+"]", row)
	}
}

// What is written with escapes comes back as it was, whatever the bytes.
func TestLoadRoundTrip(t *testing.T) {
	e := newEnv(t)
	r := testutil.Rand(t)
	var want []string
	var file bytes.Buffer
	for range 2000 {
		var row []string
		for c := range 2 {
			if c > 0 {
				file.WriteByte(',')
			}
			row = append(row, writeField(r, &file))
		}
		file.WriteByte('\n')
		want = append(want, strings.Join(row, ""))
	}
	got, err := e.load(loadNode(2, csvFormat), &file, 0)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func writeField(r *rand.Rand, file *bytes.Buffer) string {
	if r.IntN(10) == 0 {
		file.WriteString(`\N`)
		return "NULL"
	}
	b := make([]byte, r.IntN(12))
	for i := range b {
		b[i] = ",\"\\\nabN"[r.IntN(7)]
	}
	quoted := r.IntN(2) == 0
	if quoted {
		file.WriteByte('"')
	}
	for _, c := range b {
		switch {
		case c == '\n':
			file.WriteString(`\n`)
		case c == '"' && quoted:
			file.WriteString(`""`)
		case strings.IndexByte(",\"\\", c) >= 0:
			file.WriteByte('\\')
			file.WriteByte(c)
		default:
			file.WriteByte(c)
		}
	}
	if quoted {
		file.WriteByte('"')
	}
	return "[" + string(b) + "]"
}

// heapRows is a row buffer for tests.
type heapRows struct{}

func (heapRows) more(b []byte) ([]byte, error) { return append(b, make([]byte, len(b)+1)...), nil }

// FuzzLoad: any file in any format gives lines, and comes to an end.
func FuzzLoad(f *testing.F) {
	f.Add([]byte("1\tx\n\\N\ty\n"), "\t", "", `\`, "", "\n", false)
	f.Add([]byte("\"a,b\",\"c\"\"d\"\r\nx"), ",", `"`, `\`, "", "\r\n", false)
	f.Add([]byte("xxx\"abc\",1\nsomething xxx\"def\",2"), ",", `"`, `"`, "xxx", "\n", true)
	f.Fuzz(func(t *testing.T, file []byte, term, enclosed, escaped, starting, lines string, wide bool) {
		format := physical.LoadFormat{Terminated: term, Enclosed: enclosed, Escaped: escaped, LinesStarting: starting,
			LinesTerminated: lines}
		if checkFormat(&format) != nil {
			return
		}
		p := parser{in: byteReader{src: bytes.NewReader(file), buf: make([]byte, 2*maxTerminator)}, format: format,
			wide: wide, rows: heapRows{}, buf: make([]byte, 4)}
		p.prepare()
		for range len(file) + 1 {
			ok, _, err := p.line(3)
			require.NoError(t, err)
			if !ok {
				return
			}
			for _, f := range p.fields {
				require.True(t, f.start <= f.end && f.end <= p.used)
			}
		}
		t.Fatal("more lines than bytes")
	})
}
