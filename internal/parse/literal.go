package parse

import (
	"strconv"
	"strings"
	"unsafe"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// digitsOf strips x'..', 0x.., b'..' and 0b...
func digitsOf(s string) string {
	if len(s) >= 3 && s[1] == '\'' {
		return s[2 : len(s)-1]
	}
	if len(s) >= 2 && s[0] == '0' {
		return s[2:]
	}
	return s
}

// hexLiteral gives the bytes of x'41' or 0x41; an odd digit is only allowed in the second form.
func hexLiteral(s string) ([]byte, error) {
	return appendHex(make([]byte, 0, (len(digitsOf(s))+1)/2), s)
}

// appendHex appends them to dst.
func appendHex(dst []byte, s string) ([]byte, error) {
	quoted := len(s) > 1 && s[1] == '\''
	s = digitsOf(s)
	odd := len(s) % 2
	if odd != 0 && quoted {
		return nil, syntaxError(s, 1)
	}
	high := byte(0)
	for i := range len(s) {
		d, ok := hexDigit(s[i])
		if !ok {
			return nil, syntaxError(s, 1)
		}
		if (i+odd)%2 != 0 {
			dst = append(dst, high<<4|d)
		}
		high = d * byte(1-(i+odd)%2)
	}
	return dst, nil
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// bitLiteral gives the bytes of b'101' or 0b101, padded on the left.
func bitLiteral(s string) ([]byte, error) {
	s = digitsOf(s)
	out := make([]byte, (len(s)+7)/8)
	for i := range len(s) {
		c := s[len(s)-1-i]
		if c != '0' && c != '1' {
			return nil, syntaxError(s, 1)
		}
		out[len(out)-1-i/8] |= (c - '0') << (i % 8)
	}
	return out, nil
}

// setNumber makes n the number s, as the grammar would.
func (n *Value) setNumber(s string, negative bool) error {
	if strings.ContainsAny(s, ".eE") {
		n.kind, n.text = KindDecimal, s
		if strings.ContainsAny(s, "eE") {
			f, err := strconv.ParseFloat(s, 64)
			if err != nil {
				return sqlerr.New(sqlerr.ErrIllegalValueForType, "double", s)
			}
			n.SetValue(f)
		}
		if negative {
			n.text = "-" + n.text
		}
		return nil
	}
	v, err := strconv.ParseUint(s, 10, 64)
	switch {
	case err != nil, negative && v > 1<<63:
		n.kind, n.text = KindDecimal, s
		if negative {
			n.text = "-" + s
		}
	case negative:
		n.kind, n.num = KindInt, -v
	case v > 1<<63-1:
		n.kind, n.num = KindUint, v
	default:
		n.kind, n.num = KindInt, v
	}
	return nil
}

// unquote gives the text of a quoted string or identifier; without escapes it lies in s itself.
func unquote(s string, backslash bool) string {
	quote, text := s[0], s[1:len(s)-1]
	if strings.IndexByte(text, quote) < 0 && (!backslash || strings.IndexByte(text, '\\') < 0) {
		return text
	}
	b := appendUnquoted(make([]byte, 0, len(text)), s, backslash)
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// appendUnquoted appends it to dst.
func appendUnquoted(dst []byte, s string, backslash bool) []byte {
	quote := s[0]
	s = s[1 : len(s)-1]
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == quote:
			i++ // doubled
		case c == '\\' && backslash && i+1 < len(s):
			i++
			switch c = s[i]; c {
			case 'n':
				c = '\n'
			case '0':
				c = 0
			case 'b':
				c = 8
			case 'Z':
				c = 26
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			case '%', '_':
				dst = append(dst, '\\') // kept for LIKE
			}
		}
		dst = append(dst, c)
	}
	return dst
}
