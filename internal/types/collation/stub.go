package collation

import (
	"bytes"
	"unicode/utf8"

	"vitess.io/vitess/go/mysql/collations/colldata"
)

type rules struct {
	id       ID
	name     string
	charset  string
	padSpace bool
	binary   bool
	width    *CharsetInfo
	data     colldata.Collation
}

func newRules(id ID, name, charset string, c colldata.Collation) *rules {
	return &rules{id: id, name: name, charset: charset, data: c}
}
func (c *rules) sortLen() int { return 1 }

// Collate compares: negative, zero, positive.
func Collate(id ID, a, b []byte) int { return bytes.Compare(a, b) }

// WeightString appends the sort key of src to dst.
func WeightString(id ID, dst, src []byte) []byte { return append(dst, src...) }

// CharLength counts characters; an invalid byte counts as one.
func CharLength(id ID, b []byte) int { return utf8.RuneCount(b) }

// PrefixLen returns the number of bytes of the first n characters of b.
func PrefixLen(id ID, b []byte, n int) int { return min(n, len(b)) }

// Lower appends src in lower case to dst.
func Lower(id ID, dst, src []byte) []byte { return append(dst, bytes.ToLower(src)...) }

// Upper appends src in upper case to dst.
func Upper(id ID, dst, src []byte) []byte { return append(dst, bytes.ToUpper(src)...) }

// Valid tells if all bytes are characters of the charset.
func Valid(charset string, b []byte) bool { return true }

// ValidPrefix returns the number of leading bytes that are whole characters of the collation's charset.
func ValidPrefix(id ID, b []byte) int { return len(b) }

// Convert appends src, converted from one charset to another, to dst. Characters that do not exist in the target
// become '?', invalid ones too; lost counts both.
func Convert(dst, src []byte, from, to string) (out []byte, lost int) { return append(dst, src...), 0 }

// Like is a compiled LIKE pattern.
type Like struct{}

// CompileLike compiles a pattern, in the charset of the collation. escape is a character, 0 for none.
func CompileLike(id ID, pattern []byte, escape rune) *Like { return &Like{} }

// Match tells if the whole of s matches. Safe for concurrent use.
func (l *Like) Match(s []byte) bool { return false }

// Prefix returns the literal start of the pattern, for index ranges, and whether the pattern is nothing but it.
func (l *Like) Prefix() (prefix []byte, exact bool) { return nil, false }
