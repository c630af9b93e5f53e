package collation

import (
	"bytes"
	"strings"
	"sync"

	"vitess.io/vitess/go/mysql/collations/colldata"
)

// kind is the way in which a collation weighs strings.
type kind uint8

const (
	kindBytes    kind = iota // bytes as they are, NO PAD
	kindPadBytes             // bytes as they are, PAD SPACE
	kindTable                // one weight a byte, PAD SPACE
	kindRunes                // one 16-bit weight a character, PAD SPACE: utf8mb3/4_general_ci
	kindUCA                  // Vitess, NO PAD: the 0900 collations
	kindWeights              // Vitess, PAD SPACE: all others
	kindOwnCI                // multi-byte charsets that Vitess lacks: ASCII without case, the rest by code
)

// rules are all that is known of a collation. Immutable but for the tables, which are built once.
type rules struct {
	id       ID
	name     string
	charset  string
	kind     kind
	padSpace bool
	binary   bool // compares by bytes
	codec    *codec
	width    *CharsetInfo
	data     colldata.Collation // nil for our own

	once  sync.Once
	bytes [256]byte    // kindTable: weight of a byte
	ascii [128]uint16  // kindUCA with one level: weight of an ASCII character, 0 is ignored
	fast  bool         // ascii may be used
	runes *runeWeights // kindRunes
	space []byte       // weight of a space, PAD SPACE only
}

func newRules(id ID, name, charset string, data colldata.Collation) *rules {
	c := &rules{id: id, name: name, charset: charset, data: data, padSpace: true}
	if data != nil {
		c.codec = newCodec(charset, data.Charset())
	} else {
		c.codec = ownCodec(charset)
	}
	c.binary = strings.HasSuffix(name, "_bin") || name == "binary"
	wide := charset == "ucs2" || charset == "utf16" || charset == "utf16le" || charset == "utf32"
	switch {
	case name == "binary" || name == "utf8mb4_0900_bin":
		c.kind, c.padSpace = kindBytes, false
	case strings.Contains(name, "_0900_"):
		c.kind, c.padSpace = kindUCA, false
	case c.binary && !wide:
		c.kind = kindPadBytes
	case name == "utf8mb4_general_ci" || name == "utf8mb3_general_ci":
		c.kind = kindRunes
	case data == nil:
		c.kind = kindOwnCI
	case c.codec.single:
		c.kind = kindTable
	default:
		c.kind = kindWeights
	}
	return c
}

// ready builds the tables at first use.
func (c *rules) ready() *rules {
	c.once.Do(c.build)
	return c
}

func (c *rules) build() {
	switch c.kind {
	case kindTable:
		for i := range c.bytes {
			c.bytes[i] = c.data.WeightString(nil, []byte{byte(i)}, 0)[0]
		}
	case kindUCA:
		// Languages have contractions of ASCII letters (Spanish ch); the root collation has none.
		c.fast = c.name == "utf8mb4_0900_ai_ci"
		for i := range c.ascii {
			if w := c.data.WeightString(nil, []byte{byte(i)}, 0); len(w) == 2 {
				c.ascii[i] = uint16(w[0])<<8 | uint16(w[1])
			}
		}
	case kindRunes:
		c.runes = newRuneWeights(c.data)
	case kindWeights:
		c.space = c.data.WeightString(nil, AppendRune(c.id, nil, ' '), 0)
	}
}

// sortLen is the column Sortlen of SHOW COLLATION.
func (c *rules) sortLen() int {
	switch {
	case c.kind == kindUCA:
		return 0
	case c.kind == kindWeights && (strings.HasPrefix(c.charset, "utf") || c.charset == "ucs2") && !c.binary &&
		!strings.HasSuffix(c.name, "_general_ci"):
		return 8
	}
	return 1
}

// weights appends the weights of src without padding. Bytes that are no characters are replaced first, because Vitess
// panics on them in some collations and stops in others.
func (c *rules) weights(dst, src []byte) []byte {
	if c.codec.validPrefix(src) < len(src) {
		src = c.codec.sanitize(nil, src)
	}
	return c.data.WeightString(dst, src, 0)
}

// ownWeight folds the case of ASCII; the bytes of other characters are their weight.
func (c *rules) ownWeights(dst, src []byte) []byte {
	for len(src) > 0 {
		n := c.codec.step(src)
		if b := src[0]; n == 1 && b >= 'a' && b <= 'z' {
			dst = append(dst, b&^0x20)
		} else {
			dst = append(dst, src[:n]...)
		}
		src = src[n:]
	}
	return dst
}

// Collate compares two strings: negative, zero or positive.
func Collate(id ID, a, b []byte) int {
	c := rulesOf(id)
	switch c.kind {
	case kindBytes:
		return bytes.Compare(a, b)
	case kindPadBytes:
		return comparePadBytes(a, b)
	case kindTable:
		return c.ready().compareTable(a, b)
	case kindRunes:
		return c.ready().runes.compare(a, b)
	case kindUCA:
		if c.ready().fast {
			if r, ok := c.compareASCII(a, b); ok {
				return r
			}
		}
		if c.codec.validPrefix(a) == len(a) && c.codec.validPrefix(b) == len(b) {
			return c.data.Collate(a, b, false)
		}
	}
	return compareKeys(id, a, b)
}

// keyBuffers are for compareKeys: Vitess is behind an interface, so buffers on the stack would escape.
var keyBuffers = sync.Pool{New: func() any { return new([2][]byte) }}

// keyBufferMax is the capacity above which a buffer is not kept.
const keyBufferMax = 64 << 10

func compareKeys(id ID, a, b []byte) int {
	if bytes.Equal(a, b) {
		return 0
	}
	buf, ok := keyBuffers.Get().(*[2][]byte)
	if !ok {
		buf = new([2][]byte)
	}
	r := compareWeights(id, buf, a, b)
	if cap(buf[0])+cap(buf[1]) <= keyBufferMax {
		keyBuffers.Put(buf)
	}
	return r
}

// WeightString appends the sort key of src to dst; keys compare by memcmp.
func WeightString(id ID, dst, src []byte) []byte {
	c := rulesOf(id)
	switch c.kind {
	case kindBytes:
		return append(dst, src...)
	case kindPadBytes:
		return padBytes(dst, src)
	case kindTable:
		return c.ready().padTable(dst, src)
	case kindRunes:
		return c.ready().runes.pad(dst, src)
	case kindUCA:
		if c.ready().fast && isASCII(src) {
			return c.weightASCII(dst, src)
		}
		return c.weights(dst, src)
	case kindOwnCI:
		start := len(dst)
		return padWeights(c.ownWeights(dst, src), start, spaceByte)
	}
	start := len(dst)
	return padWeights(c.ready().weights(dst, src), start, c.space)
}

// weightASCII is for text that is ASCII.
func (c *rules) weightASCII(dst, src []byte) []byte {
	for _, b := range src {
		if w := c.ascii[b&0x7f]; w != 0 {
			dst = append(dst, byte(w>>8), byte(w))
		}
	}
	return dst
}

// compareASCII decides as long as it sees ASCII. It looks one byte ahead, as a following combining character may form
// one unit with the letter before it.
func (c *rules) compareASCII(a, b []byte) (r int, ok bool) {
	i, j := 0, 0
	for {
		wa, nextA, okA := c.nextASCII(a, i)
		wb, nextB, okB := c.nextASCII(b, j)
		if !okA || !okB {
			return 0, false
		}
		if wa != wb {
			return int(wa) - int(wb), true
		}
		if wa == 0 {
			return 0, true
		}
		i, j = nextA, nextB
	}
}

// nextASCII returns the next weight that is not ignored, 0 at the end.
func (c *rules) nextASCII(s []byte, i int) (w uint16, next int, ok bool) {
	for ; i < len(s); i++ {
		if s[i] >= 0x80 || i+1 < len(s) && s[i+1] >= 0x80 {
			return 0, i, false
		}
		if w := c.ascii[s[i]]; w != 0 {
			return w, i + 1, true
		}
	}
	return 0, i, true
}
