package collation

import (
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"vitess.io/vitess/go/mysql/collations/charset"
)

// A codec splits bytes of a charset into characters and maps them to Unicode and back.
type codec struct {
	name string
	// charLen returns the bytes of the first character of b, 0 when they are none. b is not empty. The form is checked,
	// not that the code has a meaning.
	charLen func(b []byte) int
	// decode maps one whole character; ok is false when the code has no meaning.
	decode func(char []byte) (r rune, ok bool)
	// encode writes a character to p, which has four bytes at least, and returns its length, 0 when there is none.
	encode func(p []byte, r rune) int
	// single: every character is one byte.
	single bool
}

// charLens has the multi-byte charsets other than UTF-8, with the ranges of MySQL's ctype files.
var charLens = map[string]func(b []byte) int{
	"gbk":     twoBytes(func(l byte) bool { return l >= 0x81 && l <= 0xfe }, trailGBK, asciiOnly),
	"big5":    twoBytes(func(l byte) bool { return l >= 0xa1 && l <= 0xf9 }, trailBig5, asciiOnly),
	"gb2312":  twoBytes(func(l byte) bool { return l >= 0xa1 && l <= 0xf7 }, trailHigh, asciiOnly),
	"euckr":   twoBytes(func(l byte) bool { return l >= 0x81 && l <= 0xfe }, trailEUCKR, asciiOnly),
	"sjis":    twoBytes(leadSJIS, trailSJIS, singleSJIS),
	"cp932":   twoBytes(leadSJIS, trailSJIS, singleSJIS),
	"ujis":    charLenUJIS,
	"eucjpms": charLenUJIS,
	"gb18030": charLenGB18030,
	"ucs2":    func(b []byte) int { return ifLen(b, 2) },
	"utf16":   func(b []byte) int { return charLenUTF16(b, 0) },
	"utf16le": func(b []byte) int { return charLenUTF16(b, 1) },
	"utf32":   charLenUTF32,
	"utf8mb3": charLenUTF8MB3,
	"utf8mb4": charLenUTF8MB4,
}

func ifLen(b []byte, n int) int {
	if len(b) < n {
		return 0
	}
	return n
}

func asciiOnly(c byte) bool  { return c < 0x80 }
func trailGBK(c byte) bool   { return c >= 0x40 && c <= 0x7e || c >= 0x80 && c <= 0xfe }
func trailBig5(c byte) bool  { return c >= 0x40 && c <= 0x7e || c >= 0xa1 && c <= 0xfe }
func trailHigh(c byte) bool  { return c >= 0xa1 && c <= 0xfe }
func trailSJIS(c byte) bool  { return c >= 0x40 && c <= 0x7e || c >= 0x80 && c <= 0xfc }
func leadSJIS(c byte) bool   { return c >= 0x81 && c <= 0x9f || c >= 0xe0 && c <= 0xfc }
func singleSJIS(c byte) bool { return c < 0x80 || c >= 0xa1 && c <= 0xdf }
func trailEUCKR(c byte) bool {
	return c >= 0x41 && c <= 0x5a || c >= 0x61 && c <= 0x7a || c >= 0x81 && c <= 0xfe
}

func twoBytes(lead, trail, single func(byte) bool) func([]byte) int {
	return func(b []byte) int {
		switch {
		case single(b[0]):
			return 1
		case len(b) >= 2 && lead(b[0]) && trail(b[1]):
			return 2
		}
		return 0
	}
}

func charLenUJIS(b []byte) int {
	switch {
	case b[0] < 0x80:
		return 1
	case len(b) >= 2 && b[0] == 0x8e && b[1] >= 0xa0 && b[1] <= 0xdf:
		return 2
	case len(b) >= 3 && b[0] == 0x8f && trailHigh(b[1]) && trailHigh(b[2]):
		return 3
	case len(b) >= 2 && trailHigh(b[0]) && trailHigh(b[1]):
		return 2
	}
	return 0
}

func charLenGB18030(b []byte) int {
	switch {
	case b[0] < 0x80:
		return 1
	case len(b) < 2 || b[0] == 0x80 || b[0] == 0xff:
		return 0
	case trailGBK(b[1]):
		return 2
	case len(b) >= 4 && isDigit(b[1]) && b[2] >= 0x81 && b[2] <= 0xfe && isDigit(b[3]):
		return 4
	}
	return 0
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// charLenUTF16 is for both byte orders; high is the place of the upper byte in a unit.
func charLenUTF16(b []byte, high int) int {
	if len(b) < 2 {
		return 0
	}
	switch b[high] & 0xfc {
	case 0xd8:
		if len(b) >= 4 && b[2+high]&0xfc == 0xdc {
			return 4
		}
		return 0
	case 0xdc:
		return 0
	}
	return 2
}

func charLenUTF32(b []byte) int {
	if len(b) < 4 || b[0] != 0 || b[1] > 0x10 {
		return 0
	}
	return 4
}

func charLenUTF8MB4(b []byte) int {
	if b[0] < utf8.RuneSelf {
		return 1
	}
	r, n := utf8.DecodeRune(b)
	if r == utf8.RuneError && n <= 1 {
		return 0
	}
	return n
}

func charLenUTF8MB3(b []byte) int {
	if n := charLenUTF8MB4(b); n <= 3 {
		return n
	}
	return 0
}

func charLenOne([]byte) int { return 1 }

// newCodec is for a charset that Vitess has.
func newCodec(name string, cs charset.Charset) *codec {
	c := &codec{name: name, charLen: charLens[name]}
	if c.charLen == nil {
		c.charLen = charLenOne
		c.single = true
	}
	switch name {
	case "utf8mb4", "utf8mb3":
		c.decode = func(char []byte) (rune, bool) {
			r, n := utf8.DecodeRune(char)
			return r, n == len(char)
		}
	case "ascii":
		c.decode = func(char []byte) (rune, bool) { return rune(char[0]), char[0] < utf8.RuneSelf }
	case "binary":
		c.decode = func(char []byte) (rune, bool) { return rune(char[0]), true }
	default:
		c.decode = func(char []byte) (rune, bool) {
			r, _ := cs.DecodeRune(char)
			return r, r != charset.RuneError && utf8.ValidRune(r)
		}
	}
	c.encode = func(p []byte, r rune) int { return max(cs.EncodeRune(p, r), 0) }
	if name == "binary" {
		c.encode = utf8.EncodeRune
	}
	return c
}

// ownCodec is for a charset that Vitess lacks.
func ownCodec(name string) *codec {
	var e encoding.Encoding
	switch name {
	case "gbk":
		e = simplifiedchinese.GBK
	case "gb18030":
		e = simplifiedchinese.GB18030
	case "big5":
		e = traditionalchinese.Big5
	default:
		e = charmap.Windows874 // tis620 with a few more characters
	}
	c := &codec{name: name, charLen: charLens[name]}
	if c.charLen == nil {
		c.charLen = charLenOne
		c.single = true
	}
	c.decode = func(char []byte) (rune, bool) {
		if char[0] < utf8.RuneSelf {
			return rune(char[0]), true
		}
		out, err := e.NewDecoder().Bytes(char)
		if err != nil {
			return utf8.RuneError, false
		}
		r, _ := utf8.DecodeRune(out)
		return r, r != utf8.RuneError
	}
	c.encode = func(p []byte, r rune) int {
		if r < utf8.RuneSelf {
			p[0] = byte(r)
			return 1
		}
		out, err := e.NewEncoder().Bytes(utf8.AppendRune(nil, r))
		if err != nil || len(out) > len(p) {
			return 0
		}
		return copy(p, out)
	}
	return c
}

// validPrefix returns the number of leading bytes that are characters.
func (c *codec) validPrefix(b []byte) int {
	switch c.name {
	case "utf8mb4":
		if utf8.Valid(b) {
			return len(b)
		}
	case "binary":
		return len(b)
	}
	i := 0
	for i < len(b) {
		n := c.charLen(b[i:])
		if n == 0 {
			break
		}
		if b[i] >= utf8.RuneSelf || n > 1 {
			if _, ok := c.decode(b[i : i+n]); !ok {
				break
			}
		}
		i += n
	}
	return i
}

// step is charLen that takes an invalid byte as a character.
func (c *codec) step(b []byte) int {
	if c.single || len(b) == 0 {
		return min(1, len(b))
	}
	return max(c.charLen(b), 1)
}

// replacement appends what stands for an invalid byte.
func (c *codec) replacement(dst []byte) []byte {
	var p [4]byte
	n := c.encode(p[:], utf8.RuneError)
	if n == 0 {
		n = c.encode(p[:], '?')
	}
	return append(dst, p[:n]...)
}

// sanitize appends b with a replacement for each invalid byte.
func (c *codec) sanitize(dst, b []byte) []byte {
	for len(b) > 0 {
		if n := c.validPrefix(b); n > 0 {
			dst = append(dst, b[:n]...)
			b = b[n:]
			continue
		}
		dst = c.replacement(dst)
		b = b[1:]
	}
	return dst
}
