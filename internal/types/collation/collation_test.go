package collation

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/testutil"
)

func TestMain(m *testing.M) { testutil.Main(m) }

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

func TestRegistry(t *testing.T) {
	for name, id := range map[string]ID{
		"utf8mb4_0900_ai_ci": UTF8MB40900AICI, "UTF8MB4_BIN": UTF8MB4Bin, "utf8_general_ci": UTF8MB3GeneralCI,
		"binary": Binary, "latin1_swedish_ci": Latin1SwedishCI, "gbk_chinese_ci": GBKChineseCI,
		"ascii_general_ci": ASCIIGeneralCI, "utf8mb4_0900_bin": UTF8MB40900Bin, "utf8mb4_unicode_ci": UTF8MB4UnicodeCI,
		"utf8mb4_0900_as_cs": UTF8MB40900ASCS, "utf8mb4_0900_as_ci": UTF8MB40900ASCI,
	} {
		got, ok := ByName(name)
		require.True(t, ok, name)
		require.Equal(t, id, got, name)
	}
	_, ok := ByName("klingon_ci")
	require.False(t, ok)
	require.Equal(t, "", Name(9999))
	require.Len(t, Charsets(), 41)
	for _, cs := range Charsets() {
		require.True(t, Exists(cs.Default), cs.Name)
		require.True(t, Exists(cs.Bin), cs.Name)
		require.Equal(t, cs.Name, Charset(cs.Default))
		def, ok := DefaultOf(cs.Name)
		require.True(t, ok)
		require.Equal(t, cs.Default, def)
	}
	defaults := 0
	for _, c := range All() {
		if c.Default {
			defaults++
		}
	}
	require.Equal(t, 41, defaults)
	def, _ := DefaultOf("utf8")
	require.Equal(t, UTF8MB3GeneralCI, def)
	require.True(t, PadSpace(UTF8MB4Bin))
	require.False(t, PadSpace(UTF8MB40900AICI))
	require.False(t, PadSpace(Binary))
}

// TestCollate has cases from the reference manual and from MySQL 8.0.
func TestCollate(t *testing.T) {
	for _, c := range []struct {
		id   ID
		a, b string
		want int
	}{
		{Binary, "a", "a ", -1},
		{Binary, "a", "A", 1},
		{UTF8MB40900Bin, "a", "a ", -1},
		{UTF8MB4Bin, "a", "a  ", 0},
		{UTF8MB4Bin, "a", "a\t", 1}, // a space is above a tab
		{UTF8MB4Bin, "a\t", "a ", -1},
		{UTF8MB4Bin, "a", "A", 1},
		{UTF8MB4Bin, "é", "e", 1},
		{UTF8MB4GeneralCI, "a", "A ", 0},
		{UTF8MB4GeneralCI, "é", "E", 0},
		{UTF8MB4GeneralCI, "ß", "s", 0},
		{UTF8MB4GeneralCI, "ß", "ss", -1},
		{UTF8MB4GeneralCI, "😀", "😁", 0},
		{UTF8MB4GeneralCI, "a\x00", "a", -1},
		{UTF8MB4UnicodeCI, "ß", "ss", 0},
		{UTF8MB4UnicodeCI, "a", "Á  ", 0},
		{UTF8MB40900AICI, "a", "Á", 0},
		{UTF8MB40900AICI, "a", "a ", -1},
		{UTF8MB40900AICI, "ß", "ss", 0},
		{UTF8MB40900AICI, "😀", "😁", -1},
		{UTF8MB40900AICI, "résumé", "RESUME", 0},
		{UTF8MB40900AICI, "a-b", "ab", -1},
		{UTF8MB40900ASCI, "a", "Á", -1},
		{UTF8MB40900ASCI, "á", "Á", 0},
		{UTF8MB40900ASCS, "a", "A", -1},
		{Latin1SwedishCI, "a", "A  ", 0},
		{Latin1SwedishCI, "\xe4", "z", 1}, // ä comes after z in Swedish
		{ASCIIGeneralCI, "abc", "ABD", -1},
		{GBKChineseCI, "abc", "ABC ", 0},
		{GBKChineseCI, "\xb0\x61", "\xb0\x41", 1}, // the second byte is no letter
	} {
		got := Collate(c.id, []byte(c.a), []byte(c.b))
		require.Equal(t, c.want, sign(got), "%s %q %q", c.id, c.a, c.b)
		require.Equal(t, -c.want, sign(Collate(c.id, []byte(c.b), []byte(c.a))), "%s %q %q", c.id, c.b, c.a)
	}
}

// checkPair holds comparison, keys and their promises against each other.
func checkPair(t testing.TB, id ID, a, b []byte) {
	t.Helper()
	wa, wb := WeightString(id, nil, a), WeightString(id, nil, b)
	got := sign(Collate(id, a, b))
	if want := bytes.Compare(wa, wb); got != want {
		t.Fatalf("%s: %q and %q: %d by comparison, %d by keys %x %x", id, a, b, got, want, wa, wb)
	}
	if got != -sign(Collate(id, b, a)) {
		t.Fatalf("%s: %q and %q: not antisymmetric", id, a, b)
	}
	if PadSpace(id) && !bytes.Equal(wa, wb) && (bytes.HasPrefix(wa, wb) || bytes.HasPrefix(wb, wa)) {
		t.Fatalf("%s: %q and %q: a key is a prefix of the other", id, a, b)
	}
	if p := WeightString(id, []byte("xy"), a); !bytes.Equal(p[2:], wa) || string(p[:2]) != "xy" {
		t.Fatalf("%s: %q: the key depends on what is before it", id, a)
	}
	if PadSpace(id) && MinWidth(id) == 1 && ValidPrefix(id, a) == len(a) {
		if Collate(id, a, append(bytes.Clone(a), "   "...)) != 0 {
			t.Fatalf("%s: %q differs from itself with spaces", id, a)
		}
	}
}

func checkOne(t testing.TB, id ID, a []byte) {
	t.Helper()
	n := ValidPrefix(id, a)
	if n > len(a) || CharLength(id, a) > len(a) || PrefixLen(id, a, 3) > len(a) {
		t.Fatalf("%s: %q: lengths beyond the end", id, a)
	}
	Lower(id, nil, a)
	Upper(id, nil, a)
	out, _ := Convert(nil, a, Charset(id), "utf8mb4")
	if Exists(id) && id != Binary && Charset(id) != "utf8mb4" && !utf8.Valid(out) {
		t.Fatalf("%s: %q converts to invalid UTF-8 %q", id, a, out)
	}
	if !matches(t, NewLike(id, AppendRune(id, nil, '%'), 0), a) {
		t.Fatalf("%s: %q does not match %%", id, a)
	}
	if matches(t, NewLike(id, a, '\\'), a) != matches(t, textLike(id, a, '\\'), a) {
		t.Fatalf("%s: %q: LIKE itself, compiled and not", id, a)
	}
}

var alphabet = []string{
	" ", "  ", "\t", "\x00", "a", "A", "b", "ä", "Ä", "ß", "é", "e\u0301", "z", "-", "\x7f", "語", "😀", "\u00a0", "\xff",
	"\xc3", "\x81", "\x30", "\xd8\x00", "\u200b", "l\u00b7", "ch",
}

func randomText(r *rand.Rand) []byte {
	var out []byte
	for range r.IntN(7) {
		out = append(out, alphabet[r.IntN(len(alphabet))]...)
	}
	return out
}

func TestAllCollations(t *testing.T) {
	r := testutil.Rand(t)
	n := 60
	if testutil.Long() {
		n *= 100
	}
	for _, c := range All() {
		for range n {
			a, b := randomText(r), randomText(r)
			checkPair(t, c.ID, a, b)
			checkOne(t, c.ID, a)
		}
	}
}

func TestWeightPrefix(t *testing.T) {
	r := testutil.Rand(t)
	rounds := 1
	if testutil.Long() {
		rounds = 50
	}
	for _, c := range All() {
		for range rounds {
			var text []byte
			for len(text) < 2000 {
				text = append(text, bytes.Repeat(randomText(r), 1+r.IntN(60))...)
				text = append(text, ' ')
			}
			whole := WeightString(c.ID, nil, text)
			for _, n := range []int{1, 64, 300, 5000, 1 << 20} {
				got := WeightPrefix(c.ID, []byte("xy"), text, n)
				require.Equal(t, "xy", string(got[:2]))
				if !bytes.Equal(whole[:min(n, len(whole))], got[2:]) {
					t.Fatalf("%s: the first %d weights of %q: %x", c.ID, n, text, got[2:])
				}
			}
		}
	}
	a := bytes.Repeat([]byte("Aé"), 20_000)
	b := bytes.ToUpper(a)
	for _, id := range []ID{UTF8MB4UnicodeCI, UTF8MB40900AICI} {
		require.Zero(t, Collate(id, a, b), id)
		require.Negative(t, Collate(id, a, append(b, 'a')), id)
		require.Positive(t, Collate(id, append(bytes.Clone(a), 'c'), append(b, 'B')), id)
	}
	weights := WeightString(UTF8MB40900AICI, nil, bytes.Repeat([]byte("aB"), 50))
	require.Len(t, weights, WeightGuess(UTF8MB40900AICI, 100))
}

func TestPadRuns(t *testing.T) {
	long := bytes.Repeat([]byte(" "), 300)
	longer := bytes.Repeat([]byte(" "), 2000)
	for _, id := range []ID{UTF8MB4Bin, UTF8MB4GeneralCI, Latin1SwedishCI, UTF8MB4UnicodeCI, GBKChineseCI} {
		var texts [][]byte
		for _, run := range [][]byte{nil, []byte(" "), []byte("  "), long[:254], long[:255], long, longer} {
			for _, tail := range []string{"", "\t", "a", "\tb"} {
				texts = append(texts, append(append([]byte("x"), run...), tail...))
			}
		}
		for _, a := range texts {
			for _, b := range texts {
				checkPair(t, id, a, b)
			}
		}
	}
}

// FuzzCollate finds bytes on which a collation panics or keys and comparison disagree.
func FuzzCollate(f *testing.F) {
	for _, c := range All() {
		f.Add(uint16(c.ID), []byte("a \xff\x81"), []byte("\xd8\x00\xdc"))
	}
	f.Fuzz(func(t *testing.T, id uint16, a, b []byte) {
		checkPair(t, ID(id%600), a, b)
		checkOne(t, ID(id%600), a)
	})
}

func TestLengthsAndCase(t *testing.T) {
	require.Equal(t, 2, CharLength(UTF8MB40900AICI, []byte("é語")))
	require.Equal(t, 5, CharLength(Binary, []byte("é語")))
	require.Equal(t, 2, CharLength(GBKChineseCI, []byte("a\xb0\xa1")))
	require.Equal(t, 3, PrefixLen(UTF8MB40900AICI, []byte("aéb"), 2))
	require.Equal(t, 4, PrefixLen(UTF8MB40900AICI, []byte("aéb"), 9))
	require.Equal(t, "ÉA", string(Upper(UTF8MB40900AICI, nil, []byte("éa"))))
	require.Equal(t, "éa", string(Lower(UTF8MB40900AICI, nil, []byte("ÉA"))))
	require.Equal(t, "ÉA", string(Lower(Binary, nil, []byte("ÉA"))))
	require.Equal(t, "\xe9a", string(Lower(Latin1SwedishCI, nil, []byte("\xc9A"))))
	require.Equal(t, "a", string(TrimSpaces(UTF8MB4Bin, []byte("a  "))))
}

func TestValidAndConvert(t *testing.T) {
	require.True(t, Valid("utf8mb4", []byte("a😀")))
	require.False(t, Valid("utf8mb3", []byte("a😀")))
	require.False(t, Valid("utf8mb4", []byte("a\xff")))
	require.False(t, Valid("ascii", []byte("é")))
	require.True(t, Valid("latin1", []byte("\xe9")))
	require.True(t, Valid("binary", []byte("\xff")))
	require.Equal(t, 1, ValidPrefix(UTF8MB4Bin, []byte("a\xffb")))
	for _, c := range []struct {
		in, from, to, want string
		lost               int
	}{
		{"é", "utf8mb4", "latin1", "\xe9", 0},
		{"\xe9", "latin1", "utf8mb4", "é", 0},
		{"語", "utf8mb4", "latin1", "?", 1},
		{"😀a", "utf8mb4", "utf8mb3", "?a", 1},
		{"啊", "utf8mb4", "gbk", "\xb0\xa1", 0},
		{"\xb0\xa1", "gbk", "utf8mb4", "啊", 0},
		{"a", "utf8mb4", "utf16", "\x00a", 0},
		{"\x00a", "utf16", "utf8mb4", "a", 0},
		{"é", "utf8mb4", "ascii", "?", 1},
		{"\xff", "utf8mb4", "latin1", "?", 1},
		{"\xff", "utf8mb4", "binary", "\xff", 0},
		{"\x80", "latin1", "utf8mb4", "€", 0},
	} {
		out, lost := Convert(nil, []byte(c.in), c.from, c.to)
		require.Equal(t, c.want, string(out), "%q %s %s", c.in, c.from, c.to)
		require.Equal(t, c.lost, lost, "%q %s %s", c.in, c.from, c.to)
	}
}

func TestLike(t *testing.T) {
	for _, c := range []struct {
		id      ID
		text    string
		pattern string
		want    bool
	}{
		{UTF8MB40900AICI, "David!", "David_", true},
		{UTF8MB40900AICI, "David!", "%D%v%", true},
		{UTF8MB40900AICI, "David!", `David\_`, false},
		{UTF8MB40900AICI, "David_", `David\_`, true},
		{UTF8MB40900AICI, "abc", "ABC", true},
		{UTF8MB40900AICI, "äbc", "ABC", true},
		{UTF8MB4Bin, "abc", "ABC", false},
		{UTF8MB4Bin, "abc", "abc ", false}, // LIKE does not pad
		{UTF8MB40900AICI, "ß", "ss", false},
		{UTF8MB40900AICI, "", "", true},
		{UTF8MB40900AICI, "", "%", true},
		{UTF8MB40900AICI, "a", "", false},
		{UTF8MB40900AICI, "語学", "__", true},
		{UTF8MB40900AICI, "語学", "_", false},
		{Binary, "語", "___", true},
		{UTF8MB4Bin, "xabcabdz", "%abd%", true},
		{UTF8MB4Bin, "mississippi", "m%iss%ip_i", true},
		{UTF8MB4Bin, "mississippi", "m%iss%ip__i", false},
		{UTF8MB4GeneralCI, "ÀB", "a_", true},
		{Latin1SwedishCI, "\xe9X", "Ex", true},
		{GBKChineseCI, "\xb0\x61b", "_B", true},
		{UTF8MB4Bin, `a\`, `a\`, true},
		{UTF8MB4Bin, "a%", `a\%`, true},
		{UTF8MB4Bin, "ab", `a\%`, false},
		{UTF8MB4Bin, `ab`, `a\b`, true},
	} {
		got := matches(t, NewLike(c.id, []byte(c.pattern), '\\'), []byte(c.text))
		require.Equal(t, c.want, got, "%s: %q like %q", c.id, c.text, c.pattern)
		got = matches(t, textLike(c.id, []byte(c.pattern), '\\'), []byte(c.text))
		require.Equal(t, c.want, got, "%s: %q like %q, not compiled", c.id, c.text, c.pattern)
	}
	// 60 percent signs need no recursion.
	deep, text := bytes.Repeat([]byte("a%"), 60), bytes.Repeat([]byte("ab"), 60)
	for _, like := range []func(ID, []byte, rune) *Like{NewLike, textLike} {
		require.True(t, matches(t, like(UTF8MB4Bin, []byte("a|%b"), '|'), []byte("a%b")))
		require.True(t, matches(t, like(UTF8MB4Bin, []byte(`a\%`), 0), []byte(`a\b`)))
		require.True(t, matches(t, like(UTF8MB40900AICI, deep, '\\'), text))
	}
	p, exact := NewLike(UTF8MB4Bin, []byte("ab%c"), '\\').Prefix()
	require.Equal(t, "ab", string(p))
	require.False(t, exact)
}

// TestLikeKilled ends a match that would take hours.
func TestLikeKilled(t *testing.T) {
	killed := errors.New("killed")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(killed)
	text := bytes.Repeat([]byte("a"), 1<<20)
	for _, n := range []int{LikeCompileMax - 2, 256 << 10} {
		pattern := append(append([]byte("%"), bytes.Repeat([]byte("a"), n)...), 'b')
		_, err := NewLike(UTF8MB40900AICI, pattern, 0).Match(ctx, text)
		require.ErrorIs(t, err, killed)
	}
}

func matches(t testing.TB, l *Like, s []byte) bool {
	is, err := l.Match(t.Context(), s)
	require.NoError(t, err)
	return is
}

// textLike is a pattern that is not compiled.
func textLike(id ID, pattern []byte, escape rune) *Like {
	return &Like{c: rulesOf(id).ready(), escape: escape, text: append([]byte{}, pattern...), end: len(pattern)}
}

func TestAggregate(t *testing.T) {
	for _, c := range []struct {
		a     ID
		ca    Coercibility
		b     ID
		cb    Coercibility
		want  ID
		wants Coercibility
		fails bool
	}{
		{UTF8MB40900AICI, CoerceImplicit, UTF8MB40900AICI, CoerceCoercible, UTF8MB40900AICI, CoerceImplicit, false},
		{Latin1SwedishCI, CoerceImplicit, UTF8MB40900AICI, CoerceCoercible, Latin1SwedishCI, CoerceImplicit, false},
		{Latin1SwedishCI, CoerceImplicit, UTF8MB40900AICI, CoerceImplicit, UTF8MB40900AICI, CoerceImplicit, false},
		{UTF8MB4Bin, CoerceImplicit, UTF8MB4GeneralCI, CoerceImplicit, UTF8MB4Bin, CoerceImplicit, false},
		{UTF8MB4GeneralCI, CoerceImplicit, UTF8MB40900AICI, CoerceImplicit, UTF8MB4Bin, CoerceNone, false},
		{UTF8MB4GeneralCI, CoerceExplicit, UTF8MB40900AICI, CoerceExplicit, 0, 0, true},
		{UTF8MB4GeneralCI, CoerceExplicit, UTF8MB40900AICI, CoerceImplicit, UTF8MB4GeneralCI, CoerceExplicit, false},
		{Binary, CoerceImplicit, UTF8MB40900AICI, CoerceImplicit, Binary, CoerceImplicit, false},
		{Binary, CoerceCoercible, UTF8MB40900AICI, CoerceImplicit, UTF8MB40900AICI, CoerceImplicit, false},
		{UTF8MB40900AICI, CoerceIgnorable, Latin1SwedishCI, CoerceNumeric, Latin1SwedishCI, CoerceNumeric, false},
		{Latin1SwedishCI, CoerceImplicit, GBKChineseCI, CoerceImplicit, 0, 0, true},
	} {
		for range 2 {
			id, coerc, err := Aggregate(c.a, c.ca, c.b, c.cb)
			if c.fails {
				require.ErrorContains(t, err, "Illegal mix of collations")
			} else {
				require.NoError(t, err)
				require.Equal(t, c.want, id)
				require.Equal(t, c.wants, coerc)
			}
			c.a, c.ca, c.b, c.cb = c.b, c.cb, c.a, c.ca
		}
	}
}

func BenchmarkWeightString(b *testing.B) {
	text := []byte("the quick brown fox jumps over")
	var buf [256]byte
	for _, id := range []ID{UTF8MB40900AICI, UTF8MB4GeneralCI, UTF8MB4Bin, UTF8MB4UnicodeCI} {
		b.Run(Name(id), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				WeightString(id, buf[:0], text)
			}
		})
	}
}

func BenchmarkCollate(b *testing.B) {
	x, y := []byte("the quick brown fox jumps over"), []byte("the quick brown fox jumps ovér")
	for _, id := range []ID{UTF8MB40900AICI, UTF8MB4GeneralCI, UTF8MB4Bin, UTF8MB4UnicodeCI} {
		b.Run(Name(id), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Collate(id, x, x[:29])
				Collate(id, x, y)
			}
		})
	}
}

// BenchmarkLike matches a pattern that goes back often, compiled and read as it is.
func BenchmarkLike(b *testing.B) {
	row := bytes.Repeat([]byte("carefully final deposits "), 4)
	pattern := []byte("%final%pos_ts%requests%")
	for _, id := range []ID{UTF8MB4Bin, UTF8MB4GeneralCI, UTF8MB40900AICI, Latin1SwedishCI} {
		compiled, text := NewLike(id, pattern, 0), textLike(id, pattern, 0)
		for name, like := range map[string]*Like{"compiled": compiled, "text": text} {
			b.Run(id.String()+"/"+name, func(b *testing.B) {
				for b.Loop() {
					if is, err := like.Match(context.Background(), row); is || err != nil {
						b.Fatal(is, err)
					}
				}
			})
		}
	}
}
