package collation

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// codecOf returns nil for an unknown charset.
func codecOf(name string) *codec {
	id, ok := DefaultOf(name)
	if !ok {
		return nil
	}
	return rulesOf(id).codec
}

// Valid tells if all bytes are characters of the charset. Unknown charsets have no valid bytes.
func Valid(charset string, b []byte) bool {
	c := codecOf(charset)
	return c != nil && c.validPrefix(b) == len(b) || len(b) == 0
}

// ValidPrefix returns the number of leading bytes that are whole characters of the collation's charset.
func ValidPrefix(id ID, b []byte) int { return rulesOf(id).codec.validPrefix(b) }

// CharLength counts characters; an invalid byte counts as one.
func CharLength(id ID, b []byte) int {
	c := rulesOf(id).codec
	switch {
	case c.single:
		return len(b)
	case c.name == "utf8mb4":
		return utf8.RuneCount(b)
	}
	count := 0
	for len(b) > 0 {
		b = b[c.step(b):]
		count++
	}
	return count
}

// PrefixLen returns the number of bytes of the first n characters of b, all of them when b has fewer.
func PrefixLen(id ID, b []byte, n int) int {
	c := rulesOf(id).codec
	if c.single || n <= 0 {
		return min(max(n, 0), len(b))
	}
	at := 0
	for ; n > 0 && at < len(b); n-- {
		at += c.step(b[at:])
	}
	return at
}

// CharLen returns the number of bytes of the first character of b, 1 for an invalid byte, 0 for none.
func CharLen(id ID, b []byte) int { return rulesOf(id).codec.step(b) }

// DecodeRune returns the first character of b in Unicode and its bytes; an invalid byte is utf8.RuneError.
func DecodeRune(id ID, b []byte) (r rune, n int) {
	c := rulesOf(id).codec
	n = c.step(b)
	if n == 0 || c.charLen(b) == 0 {
		return utf8.RuneError, n
	}
	r, ok := c.decode(b[:n])
	if !ok {
		return utf8.RuneError, n
	}
	return r, n
}

// AppendRune appends a character in the charset of the collation, '?' when it has none.
func AppendRune(id ID, dst []byte, r rune) []byte {
	c := rulesOf(id).codec
	var p [4]byte
	n := c.encode(p[:], r)
	if n == 0 {
		n = c.encode(p[:], '?')
	}
	return append(dst, p[:n]...)
}

// Convert appends src, converted from one charset to another, to dst. Characters that do not exist in the target become
// '?', invalid bytes too; lost counts both. To and from binary, and between unknown charsets, bytes stay as they are.
func Convert(dst, src []byte, from, to string) (out []byte, lost int) {
	f, t := codecOf(from), codecOf(to)
	if f == nil || t == nil || f == t || f.name == "binary" || t.name == "binary" || sameBytes(f, t, src) {
		return append(dst, src...), 0
	}
	var p [4]byte
	for len(src) > 0 {
		n := f.step(src)
		r, ok := rune(utf8.RuneError), false
		if f.charLen(src) > 0 {
			r, ok = f.decode(src[:n])
		}
		src = src[n:]
		w := 0
		if ok {
			w = t.encode(p[:], r)
		}
		if w == 0 {
			lost++
			w = t.encode(p[:], '?')
		}
		dst = append(dst, p[:w]...)
	}
	return dst, lost
}

// sameBytes tells that both charsets write this text the same way.
func sameBytes(f, t *codec, src []byte) bool {
	if f.name == "utf8mb3" && t.name == "utf8mb4" {
		return utf8.Valid(src)
	}
	return asciiCompatible(f.name) && asciiCompatible(t.name) && isASCII(src)
}

// asciiCompatible excludes charsets in which bytes below 0x80 are not ASCII.
func asciiCompatible(charset string) bool {
	switch charset {
	case "ucs2", "utf16", "utf16le", "utf32", "swe7":
		return false
	}
	return true
}

func isASCII(b []byte) bool {
	for len(b) >= 8 {
		if (b[0]|b[1]|b[2]|b[3]|b[4]|b[5]|b[6]|b[7])&0x80 != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Lower appends src in lower case to dst, character by character; binary strings have no case.
func Lower(id ID, dst, src []byte) []byte { return mapCase(id, dst, src, unicode.ToLower, 'A', 'Z') }

// Upper appends src in upper case to dst, character by character; binary strings have no case.
func Upper(id ID, dst, src []byte) []byte { return mapCase(id, dst, src, unicode.ToUpper, 'a', 'z') }

func mapCase(id ID, dst, src []byte, to func(rune) rune, low, high byte) []byte {
	c := rulesOf(id).codec
	if c.name == "binary" {
		return append(dst, src...)
	}
	ascii := asciiCompatible(c.name)
	for len(src) > 0 {
		if b := src[0]; ascii && b < utf8.RuneSelf {
			if b >= low && b <= high {
				b ^= 0x20
			}
			dst = append(dst, b)
			src = src[1:]
			continue
		}
		n := c.step(src)
		char := src[:n]
		src = src[n:]
		if c.charLen(char) == 0 {
			dst = append(dst, char...)
			continue
		}
		r, ok := c.decode(char)
		var p [4]byte
		if m := to(r); ok && m != r {
			if w := c.encode(p[:], m); w > 0 {
				char = p[:w]
			}
		}
		dst = append(dst, char...)
	}
	return dst
}

// TrimSpaces cuts trailing spaces off a string of the collation's charset.
func TrimSpaces(id ID, b []byte) []byte {
	c := rulesOf(id)
	if c.width.MinWidth == 1 {
		return bytes.TrimRight(b, " ")
	}
	space := AppendRune(id, nil, ' ')
	for bytes.HasSuffix(b, space) && len(b)%len(space) == 0 {
		b = b[:len(b)-len(space)]
	}
	return b
}
