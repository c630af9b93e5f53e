package types

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

func parseJSON(t testing.TB, s string) []byte {
	t.Helper()
	bin, err := ParseJSON([]byte(s), nil)
	require.NoError(t, err, s)
	require.NoError(t, ValidateJSON(bin), s)
	return bin
}

func jsonPath(t testing.TB, s string) *JSONPath {
	t.Helper()
	p, err := ParseJSONPath([]byte(s))
	require.NoError(t, err, s)
	return p
}

func jsonText(bin []byte) string { return string(AppendJSONText(nil, bin)) }

func TestJSONText(t *testing.T) {
	for in, want := range map[string]string{
		`{"b":[1,2],"a":1}`:             `{"a": 1, "b": [1, 2]}`,
		`{"bb":1,"a":2,"b":3,"":4}`:     `{"": 4, "a": 2, "b": 3, "bb": 1}`,
		`{"a":1,"a":[2],"b":0,"a":"x"}`: `{"a": "x", "b": 0}`,
		`[]`:                            `[]`,
		`{}`:                            `{}`,
		` [ 1 , -1.5e0 , 1e2 , 1e20 ] `: `[1, -1.5, 100.0, 1e20]`,
		`[9223372036854775807,9223372036854775808,18446744073709551616,-9223372036854775808,-0]`://
		`[9223372036854775807, 9223372036854775808, 1.8446744073709552e19, -9223372036854775808, 0]`,
		`"a\u00e4\n\"\\\/\u001f\ud83d\ude00"`: `"aä\n\"\\/\u001f😀"`,
		`[true,false,null]`:                   `[true, false, null]`,
		`0.1`:                                 `0.1`,
		`1e-7`:                                `0.0000001`,
		`1e-15`:                               `1e-15`,
	} {
		require.Equal(t, want, jsonText(parseJSON(t, in)), in)
	}
}

func TestJSONErrors(t *testing.T) {
	for in, want := range map[string]string{
		``:                "The document is empty.",
		`  `:              "The document is empty.",
		`{`:               "Missing a name for object member.",
		`{"a"}`:           "Missing a colon after a name of object member.",
		`{"a":1 "b"}`:     "Missing a comma or } after an object member.",
		`[1 2]`:           "Missing a comma or ] after an array element.",
		`[1,]`:            "Invalid value.",
		`tru`:             "Invalid value.",
		`1 2`:             "The document root must not be followed by other values.",
		`"abc`:            "Missing a closing quotation mark in string.",
		`"\x"`:            "Invalid escape character in string.",
		`"\u12g4"`:        "Incorrect hex digit after \\u escape in string.",
		`"\ud800"`:        "The surrogate pair in string is invalid.",
		"\"\xff\"":        "Invalid encoding in string.",
		"\"\x01\"":        "Invalid encoding in string.",
		`1.`:              "Miss fraction part in number.",
		`1e`:              "Miss exponent in number.",
		`1e999`:           "Number too big to be stored in double.",
		`-`:               "Invalid value.",
		`01`:              "The document root must not be followed by other values.",
		`{"a":1,"a":2,}`:  "Missing a name for object member.",
		`[[1],{"x":[]}}]`: "Missing a comma or ] after an array element.",
	} {
		_, err := ParseJSON([]byte(in), nil)
		var syntax *JSONSyntaxError
		require.ErrorAs(t, err, &syntax, in)
		require.Equal(t, want, syntax.Reason, in)
	}
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	_, err := ParseJSON([]byte(deep), nil)
	require.NoError(t, err)
	_, err = ParseJSON([]byte("["+deep+"]"), nil)
	require.True(t, sqlerr.Is(err, sqlerr.ErrJSONDocumentTooDeep))
	_, err = ParseJSON([]byte(strings.Repeat("[", 100)+"1"+strings.Repeat("]", 100)), nil)
	require.True(t, sqlerr.Is(err, sqlerr.ErrJSONDocumentTooDeep))
	_, err = ParseJSON([]byte(`{"`+strings.Repeat("k", 65536)+`":1}`), nil)
	require.True(t, sqlerr.Is(err, sqlerr.ErrJSONKeyTooBig))
}

func TestJSONPaths(t *testing.T) {
	doc := `{"a":1,"b":[10,20,[30,40]],"c":{"d":{"a":5}},"e f":6}`
	for _, c := range []struct{ path, want string }{
		{"$", `{"a": 1, "b": [10, 20, [30, 40]], "c": {"d": {"a": 5}}, "e f": 6}`},
		{"$.a", `1`},
		{" $ . a ", `1`},
		{"$.b[1]", `20`},
		{"$.b[last]", `[30, 40]`},
		{"$.b[last - 1]", `20`},
		{"$.b[2][0]", `30`},
		{"$.b[3]", ``},
		{"$.b[last-3]", ``},
		{"$.a[0]", `1`},
		{"$.a[last]", `1`},
		{"$.a[1]", ``},
		{"$.b[0 to 1]", `[10, 20]`},
		{"$.b[1 to last]", `[20, [30, 40]]`},
		{"$.b[*]", `[10, 20, [30, 40]]`},
		{"$.a[*]", ``},
		{"$.*", `[1, [10, 20, [30, 40]], {"d": {"a": 5}}, 6]`},
		{"$**.a", `[1, 5]`},
		{"$.c**.a", `[5]`},
		{"$**[0]", ``},
		{`$."e f"`, `6`},
		{`$.c.d.a`, `5`},
		{`$.x`, ``},
		{`$.b.a`, ``},
	} {
		if c.path == "$**[0]" {
			continue // below
		}
		got, found := AppendJSONExtract(nil, parseJSON(t, doc), []*JSONPath{jsonPath(t, c.path)})
		require.Equal(t, c.want != "", found, c.path)
		if found {
			require.Equal(t, c.want, jsonText(got), c.path)
		}
	}
	got, _ := AppendJSONExtract(nil, parseJSON(t, `[1]`), []*JSONPath{jsonPath(t, "$**[0]")})
	require.Equal(t, `[1]`, jsonText(got), "found twice, shown once")
	got, _ = AppendJSONExtract(nil, parseJSON(t, doc), []*JSONPath{jsonPath(t, "$.a"), jsonPath(t, "$.x")})
	require.Equal(t, `[1]`, jsonText(got))
	for _, s := range []string{"", "a", "$.", "$[", "$[a]", "$**", "$***.a", "$.1a", "$[1 to 0]", "$[last to last-x]",
		"$a", "$[-1]", "$ x", `$."a`, "$[99999999999]"} {
		_, err := ParseJSONPath([]byte(s))
		require.True(t, sqlerr.Is(err, sqlerr.ErrInvalidJSONPath), s)
	}
	for _, s := range []string{"$", "$.a[1]", "$[last]", "$[last-2]"} {
		require.True(t, jsonPath(t, s).Single())
		require.Equal(t, s, jsonPath(t, s).String())
	}
	for _, s := range []string{"$.*", "$[*]", "$**.a", "$[1 to 2]", `$."e f"[*]`} {
		require.Equal(t, s, jsonPath(t, s).String())
	}
}

func TestJSONModify(t *testing.T) {
	for _, c := range []struct {
		doc, path, value string
		mode             JSONModifyMode
		want             string
	}{
		{`{"a":1,"b":[2,3]}`, "$.a", `10`, JSONModifySet, `{"a": 10, "b": [2, 3]}`},
		{`{"a":1,"b":[2,3]}`, "$.c", `"x"`, JSONModifySet, `{"a": 1, "b": [2, 3], "c": "x"}`},
		{`{"a":1}`, "$.a", `10`, JSONModifyInsert, `{"a": 1}`},
		{`{"a":1}`, "$.c", `10`, JSONModifyReplace, `{"a": 1}`},
		{`[1,2]`, "$[5]", `3`, JSONModifySet, `[1, 2, 3]`},
		{`[1,2]`, "$[last]", `3`, JSONModifySet, `[1, 3]`},
		{`[1,2]`, "$[last-5]", `3`, JSONModifySet, `[3, 1, 2]`},
		{`1`, "$[0]", `3`, JSONModifySet, `3`},
		{`1`, "$[1]", `3`, JSONModifySet, `[1, 3]`},
		{`{"a":1}`, "$.a.b", `3`, JSONModifySet, `{"a": 1}`},
		{`{"a":{"b":[1]}}`, "$.a.b[0]", `{"z":1}`, JSONModifySet, `{"a": {"b": [{"z": 1}]}}`},
		{`{"a":1}`, "$.x.y", `3`, JSONModifySet, `{"a": 1}`},
		{`1`, "$", `2`, JSONModifySet, `2`},
		{`1`, "$", `2`, JSONModifyInsert, `1`},
	} {
		got, err := AppendJSONModify(nil, parseJSON(t, c.doc), jsonPath(t, c.path), parseJSON(t, c.value), c.mode)
		require.NoError(t, err)
		require.NoError(t, ValidateJSON(got))
		require.Equal(t, c.want, jsonText(got), "%s %s", c.doc, c.path)
	}
	_, err := AppendJSONModify(nil, parseJSON(t, `1`), jsonPath(t, "$.*"), parseJSON(t, `1`), JSONModifySet)
	require.True(t, sqlerr.Is(err, sqlerr.ErrInvalidJSONPathWildcard))
	for _, c := range [][3]string{
		{`["a",["b","c"],"d"]`, "$[1]", `["a", "d"]`},
		{`{"a":{"b":1,"c":2}}`, "$.a.b", `{"a": {"c": 2}}`},
		{`{"a":1}`, "$.b", `{"a": 1}`},
		{`[1,2,3]`, "$[last]", `[1, 2]`},
		{`[1]`, "$[4]", `[1]`},
		{`1`, "$[0]", `1`},
	} {
		got, err := AppendJSONRemove(nil, parseJSON(t, c[0]), jsonPath(t, c[1]))
		require.NoError(t, err)
		require.Equal(t, c[2], jsonText(got), c[0])
	}
	_, err = AppendJSONRemove(nil, parseJSON(t, `1`), jsonPath(t, "$"))
	require.True(t, sqlerr.Is(err, sqlerr.ErrJSONVacuousPath))
	got, err := AppendJSONArrayAppend(nil, parseJSON(t, `["a",["b","c"],"d"]`), jsonPath(t, "$[0]"), parseJSON(t, `1`))
	require.NoError(t, err)
	require.Equal(t, `[["a", 1], ["b", "c"], "d"]`, jsonText(got))
	doc := parseJSON(t, `["a",{"b":[1,2]},[3,4]]`)
	got, err = AppendJSONArrayInsert(nil, doc, jsonPath(t, "$[1].b[0]"), parseJSON(t, `"x"`))
	require.NoError(t, err)
	require.Equal(t, `["a", {"b": ["x", 1, 2]}, [3, 4]]`, jsonText(got))
	got, err = AppendJSONArrayInsert(nil, parseJSON(t, `["a"]`), jsonPath(t, "$[100]"), parseJSON(t, `"x"`))
	require.NoError(t, err)
	require.Equal(t, `["a", "x"]`, jsonText(got))
	_, err = AppendJSONArrayInsert(nil, parseJSON(t, `[]`), jsonPath(t, "$.a"), parseJSON(t, `1`))
	require.True(t, sqlerr.Is(err, sqlerr.ErrInvalidJSONPathArrayCell))
	for _, c := range [][4]string{
		{`[1,2]`, `[true,false]`, `[1, 2, true, false]`, `[true, false]`},
		{`{"name":"x"}`, `{"id":47}`, `{"id": 47, "name": "x"}`, `{"id": 47, "name": "x"}`},
		{`{"a":1,"b":2}`, `{"a":3,"c":4}`, `{"a": [1, 3], "b": 2, "c": 4}`, `{"a": 3, "b": 2, "c": 4}`},
		{`1`, `true`, `[1, true]`, `true`},
		{`{"a":1,"b":2}`, `{"b":null}`, `{"a": 1, "b": [2, null]}`, `{"a": 1}`},
		{`{"a":{"x":1}}`, `{"a":{"y":2,"n":null}}`, `{"a": {"n": null, "x": 1, "y": 2}}`, `{"a": {"x": 1, "y": 2}}`},
	} {
		got, err := AppendJSONMergePreserve(nil, parseJSON(t, c[0]), parseJSON(t, c[1]))
		require.NoError(t, err)
		require.Equal(t, c[2], jsonText(got))
		got, err = AppendJSONMergePatch(nil, parseJSON(t, c[0]), parseJSON(t, c[1]))
		require.NoError(t, err)
		require.Equal(t, c[3], jsonText(got))
	}
}

func TestJSONContains(t *testing.T) {
	for _, c := range []struct {
		target, candidate  string
		contains, overlaps bool
	}{
		{`{"a":1,"b":2,"c":{"d":4}}`, `{"a":1}`, true, true},
		{`{"a":1,"b":2,"c":{"d":4}}`, `{"c":{"d":4}}`, true, true},
		{`{"a":1}`, `{"a":2}`, false, false},
		{`[1,2,[3]]`, `[1,3]`, true, true},
		{`[1,2]`, `1`, true, true},
		{`1`, `[1]`, false, true},
		{`[1,2]`, `[4]`, false, false},
		{`1`, `1.0`, true, true},
		{`"1"`, `1`, false, false},
		{`[{"a":1,"b":2}]`, `{"a":1}`, true, false},
	} {
		target, candidate := parseJSON(t, c.target), parseJSON(t, c.candidate)
		require.Equal(t, c.contains, JSONContains(target, candidate), "%s %s", c.target, c.candidate)
		require.Equal(t, c.overlaps, JSONOverlaps(target, candidate), "%s %s", c.target, c.candidate)
	}
	require.True(t, JSONMemberOf(parseJSON(t, `17`), parseJSON(t, `[23,"abc",17,"ab",10]`)))
	require.False(t, JSONMemberOf(parseJSON(t, `[1]`), parseJSON(t, `[1]`)))
}

func TestJSONFunctions(t *testing.T) {
	doc := parseJSON(t, `["abc",[{"k":"10"},"def"],{"x":"abc"},{"y z":"bcd"}]`)
	is := func(want string) func([]byte) bool { return func(s []byte) bool { return string(s) == want } }
	require.Equal(t, []string{"$[0]", "$[2].x"}, JSONSearch(doc, nil, true, is("abc")))
	require.Equal(t, []string{"$[0]"}, JSONSearch(doc, nil, false, is("abc")))
	require.Equal(t, []string{`$[3]."y z"`}, JSONSearch(doc, nil, true, is("bcd")))
	require.Equal(t, []string{"$[1][0].k"}, JSONSearch(doc, []*JSONPath{jsonPath(t, "$[1]")}, true, is("10")))
	require.Empty(t, JSONSearch(doc, []*JSONPath{jsonPath(t, "$[2]")}, true, is("10")))
	require.Equal(t, 4, JSONLen(doc))
	require.Equal(t, 4, JSONDepth(doc))
	require.Equal(t, 1, JSONLen(parseJSON(t, `1`)))
	keys, ok := AppendJSONKeys(nil, parseJSON(t, `{"b":1,"a":{"c":2}}`))
	require.True(t, ok)
	require.Equal(t, `["a", "b"]`, jsonText(keys))
	_, ok = AppendJSONKeys(nil, doc)
	require.False(t, ok)
	require.Equal(t, `"a\"b\n"`, string(AppendJSONQuote(nil, []byte("a\"b\n"))))
	require.Equal(t, "a\"b", string(AppendJSONUnquote(nil, parseJSON(t, `"a\"b"`))))
	out, err := UnquoteJSONText(nil, []byte(`"\t\u0032"`))
	require.NoError(t, err)
	require.Equal(t, "\t2", string(out))
	out, err = UnquoteJSONText(nil, []byte(`abc"`))
	require.NoError(t, err)
	require.Equal(t, `abc"`, string(out))
	_, err = UnquoteJSONText(nil, []byte(`"a"b"`))
	require.Error(t, err)
	pretty := string(AppendJSONPretty(nil, parseJSON(t, `{"a":[1,{}]}`)))
	require.Equal(t, "{\n  \"a\": [\n    1,\n    {}\n  ]\n}", pretty)
	for in, want := range map[string]string{
		`1`: "INTEGER", `18446744073709551615`: "UNSIGNED INTEGER", `1.5`: "DOUBLE", `"a"`: "STRING", `true`: "BOOLEAN",
		`null`: "NULL", `[]`: "ARRAY", `{}`: "OBJECT",
	} {
		require.Equal(t, want, JSONTypeName(parseJSON(t, in)))
	}
	v := date(t, "2015-01-15 23:24:25")
	bin := AppendJSONTemporal(nil, DateTime, v)
	require.Equal(t, `"2015-01-15 23:24:25.000000"`, jsonText(bin))
	require.Equal(t, "DATETIME", JSONTypeName(bin))
	require.Equal(t, `"2015-01-15"`, jsonText(AppendJSONTemporal(nil, Date, DatePart(v))))
	require.Equal(t, `"23:24:25.000000"`, jsonText(AppendJSONTemporal(nil, Time, TimePart(v))))
	bin = AppendJSONOpaque(nil, ProtocolBlob, []byte("ab"))
	require.Equal(t, `"base64:type252:YWI="`, jsonText(bin))
	require.Equal(t, "BLOB", JSONTypeName(bin))
	bin = AppendJSONDecimal(nil, dec(t, "1.50", 2), 2)
	require.Equal(t, `1.50`, jsonText(bin))
	require.Equal(t, "DECIMAL", JSONTypeName(bin))
	require.Equal(t, `null`, jsonText(AppendJSONDouble(nil, math.NaN())))
	d, err := DatumToJSON(nil, StringDatum(`[1]`), true)
	require.NoError(t, err)
	require.Equal(t, `[1]`, jsonText(d))
	d, err = DatumToJSON(nil, StringDatum(`[1]`), false)
	require.NoError(t, err)
	require.Equal(t, `"[1]"`, jsonText(d))
	_, err = DatumToJSON(nil, NewStringDatum(NewVarBinary(3), []byte("1")), true)
	require.True(t, sqlerr.Is(err, sqlerr.ErrInvalidJSONCharset))
}

// TestJSONOrder has values in ascending order; equal ones share a line.
func TestJSONOrder(t *testing.T) {
	lines := [][]string{
		{`null`},
		{`-1e300`}, {`-2`, `-2.0`}, {`-1.5`}, {`0`, `0.0`, `-0.0`}, {`0.1`}, {`1`, `1.0`, `1e0`}, {`1.5`}, {`2`},
		{`10`},
		{`9007199254740993`}, {`18446744073709551615`}, {`1e300`},
		{`""`}, {`"\u0000"`}, {`"\u0000a"`}, {`"a"`}, {`"a\u0000"`}, {`"ab"`}, {`"b"`},
		{`{}`}, {`{"a":1}`, `{"a":1.0}`}, {`{"a":2}`}, {`{"b":1}`}, {`{"a":1,"b":1}`, `{"b":1,"a":1}`},
		{`[]`}, {`[1]`}, {`[1,2]`}, {`[2]`}, {`[[]]`},
		{`false`}, {`true`},
	}
	for i, line := range lines {
		for j, other := range lines {
			for _, x := range line {
				for _, y := range other {
					a, b := parseJSON(t, x), parseJSON(t, y)
					require.Equal(t, cmpInt(i, j), JSONCompare(a, b), "%s %s", x, y)
					keyA, keyB := AppendJSONSortKey(nil, a), AppendJSONSortKey(nil, b)
					require.Equal(t, cmpInt(i, j), bytes.Compare(keyA, keyB), "%s %s", x, y)
				}
			}
		}
	}
	a := AppendJSONDecimal(nil, dec(t, "0.100", 3), 3)
	require.Zero(t, JSONCompare(a, parseJSON(t, `0.1`)))
}

// FuzzJSONText holds the parser against encoding/json and the text against itself.
func FuzzJSONText(f *testing.F) {
	f.Add([]byte(`{"b":[1,2.5,-1e-3],"a":{"x":null,"x":true},"\u00e4":"\ud83d\ude00"}`), "$.a[last-1]")
	f.Add([]byte(`[[[]]]`), "$**.a[1 to 2].*")
	f.Fuzz(func(t *testing.T, src []byte, path string) {
		bin, err := ParseJSON(src, nil)
		if err != nil {
			var syntax *JSONSyntaxError
			if errors.As(err, &syntax) && (syntax.Pos < 0 || syntax.Pos > len(src)) {
				t.Fatalf("%q: position %d", src, syntax.Pos)
			}
			// encoding/json takes more: invalid UTF-8, lone surrogates, deeper nesting, larger numbers.
			return
		}
		var std any
		if err := json.Unmarshal(src, &std); err != nil {
			t.Fatalf("%q: accepted, but %v", src, err)
		}
		if err := ValidateJSON(bin); err != nil {
			t.Fatalf("%q: not valid: %x", src, bin)
		}
		text := AppendJSONText(nil, bin)
		back, err := ParseJSON(text, nil)
		if err != nil || JSONCompare(bin, back) != 0 {
			t.Fatalf("%q: %q does not come back: %v", src, text, err)
		}
		if !bytes.Equal(AppendJSONSortKey(nil, bin), AppendJSONSortKey(nil, back)) {
			t.Fatalf("%q: keys differ", src)
		}
		useJSON(t, bin, path)
	})
}

// useJSON lets all functions loose on a document.
func useJSON(t *testing.T, bin []byte, path string) {
	AppendJSONText(nil, bin)
	AppendJSONPretty(nil, bin)
	AppendJSONUnquote(nil, bin)
	AppendJSONKeys(nil, bin)
	JSONTypeName(bin)
	JSONToDatum(bin)
	if JSONCompare(bin, bin) != 0 || !JSONContains(bin, bin) {
		t.Fatalf("%s is not itself", jsonText(bin))
	}
	p, err := ParseJSONPath([]byte(path))
	if err != nil {
		return
	}
	if again, err := ParseJSONPath([]byte(p.String())); err != nil || again.String() != p.String() {
		t.Fatalf("%q: %q does not come back: %v", path, p.String(), err)
	}
	AppendJSONExtract(nil, bin, []*JSONPath{p})
	if !p.Single() {
		return
	}
	out, err := AppendJSONModify(nil, bin, p, AppendJSONInt(nil, 7), JSONModifySet)
	if err == nil && ValidateJSON(out) != nil {
		t.Fatalf("%s set at %s is not valid", jsonText(bin), path)
	}
	if out, err = AppendJSONRemove(nil, bin, p); err == nil && ValidateJSON(out) != nil {
		t.Fatalf("%s without %s is not valid", jsonText(bin), path)
	}
	if out, err = AppendJSONArrayAppend(nil, bin, p, AppendJSONNull(nil)); err == nil && ValidateJSON(out) != nil {
		t.Fatalf("%s appended to at %s is not valid", jsonText(bin), path)
	}
}

// FuzzJSONBinary holds the check of foreign bytes against the functions that trust it.
func FuzzJSONBinary(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5,"x"],"bb":null}`, `[[],{}]`, `"abc"`, `1`} {
		bin, err := ParseJSON([]byte(s), nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bin, "$.a[0]")
	}
	f.Add(AppendJSONDecimal(nil, Dec{150}, 2), "$")
	f.Add(AppendJSONTemporal(nil, DateTime, 0), "$")
	f.Add(AppendJSONOpaque(nil, ProtocolBit, []byte{1}), "$")
	f.Fuzz(func(t *testing.T, bin []byte, path string) {
		if ValidateJSON(bin) == nil {
			useJSON(t, bin, path)
		}
	})
}

func BenchmarkParseJSON(b *testing.B) {
	src := []byte(`{"id":12345,"name":"some name","tags":["a","b","c"],"price":12.5,"nested":{"x":1,"y":[1,2,3]},` +
		`"text":"the quick brown fox jumps over the lazy dog"}`)
	var dst []byte
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = ParseJSON(src, dst[:0])
	}
}
