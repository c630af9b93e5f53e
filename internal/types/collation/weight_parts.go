package collation

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// weightPart is about how much of a text is weighed at a time, by WeightParts.
const weightPart = 8 << 10

// WeightParts gives the weight string of src in parts, in order, and ends with the first error of give. A part lives
// until give returns. It takes memory for a part, not for all, but for texts in whose middle no place is found where
// weights do not depend on what is before it. buf is room for a part; it is returned, perhaps grown.
func WeightParts(id ID, buf, src []byte, give func(part []byte) error) ([]byte, error) {
	c := rulesOf(id).ready()
	levels := 1
	switch {
	case len(src) <= weightPart, c.kind == kindWeights && !strings.HasPrefix(c.charset, "utf8") &&
		c.codec.validPrefix(src) < len(src), // where characters begin is not sure
		c.kind == kindUCA && c.levels() == 0:
		buf = WeightString(id, buf[:0], src)
		return buf, give(buf)
	case c.kind == kindBytes:
		return buf, give(src)
	case c.kind == kindUCA:
		levels = c.levels()
	}
	spaces := 0
	for level := range levels {
		if level > 0 {
			if err := give([]byte{0, 0}); err != nil {
				return buf, err
			}
		}
		for rest := src; len(rest) > 0; {
			n := c.cut(rest)
			buf = c.someWeights(buf[:0], rest[:n], &spaces)
			rest = rest[n:]
			if err := give(levelOf(buf, level, levels)); err != nil {
				return buf, err
			}
		}
	}
	if c.kind == kindUCA || len(c.spaceWeight()) == 0 {
		return buf, nil
	}
	buf = append(append(buf[:0], c.spaceWeight()...), padEnd)
	return buf, give(buf)
}

// levels is how many levels of weights a 0900 collation has; 0: there are more than come in turn.
func (c *rules) levels() int {
	switch {
	case strings.HasPrefix(c.name, "utf8mb4_ja_"):
		return 0
	case strings.HasSuffix(c.name, "_ai_ci"):
		return 1
	case strings.HasSuffix(c.name, "_as_ci"):
		return 2
	case strings.HasSuffix(c.name, "_as_cs"):
		return 3
	}
	return 0
}

// levelOf cuts one of the levels out of weights.
func levelOf(w []byte, level, levels int) []byte {
	if levels == 1 {
		return w
	}
	for range level {
		w = w[min(len(w), len(firstLevel(w))+2):]
	}
	return firstLevel(w)
}

// someWeights appends the weights of a part of a text, without the padding of its end. spaces are those before it that
// are not written yet.
func (c *rules) someWeights(dst, src []byte, spaces *int) []byte {
	start := len(dst)
	switch c.kind {
	case kindPadBytes:
		return padSomeBytes(dst, src, spaces)
	case kindTable:
		return c.padSomeTable(dst, src, spaces)
	case kindRunes:
		return c.runes.padSome(dst, src, spaces)
	case kindUCA:
		if c.fast && isASCII(src) {
			return c.weightASCII(dst, src)
		}
		return c.weights(dst, src)
	case kindOwnCI:
		return padSomeWeights(c.ownWeights(dst, src), start, spaceByte, spaces)
	}
	if dst = c.weights(dst, src); len(c.space) == 0 {
		return dst
	}
	return padSomeWeights(dst, start, c.space, spaces)
}

// spaceWeight is the weight of a space where strings are padded.
func (c *rules) spaceWeight() []byte {
	switch c.kind {
	case kindPadBytes, kindOwnCI:
		return spaceByte
	case kindTable:
		return []byte{c.bytes[' ']}
	case kindRunes:
		return spaceWeight16
	case kindWeights:
		return c.space
	}
	return nil
}

// cut is where the first part of a text may end, at a character whose weights do not depend on those before it.
func (c *rules) cut(src []byte) int {
	if len(src) <= weightPart {
		return len(src)
	}
	if c.kind == kindPadBytes || c.kind == kindTable {
		return weightPart
	}
	// From the start in turn: in some charsets a byte in the middle of a character is like one that begins one.
	utf8Text := strings.HasPrefix(c.charset, "utf8")
	at, last := 0, 0
	if utf8Text {
		for at = weightPart; at < len(src) && !utf8.RuneStart(src[at]); at++ {
		}
		if at > weightPart+utf8.UTFMax {
			return len(src) // no text
		}
		if c.kind == kindRunes {
			return at
		}
		last = weightPart / 2
	}
	for at < len(src) {
		if at >= weightPart && c.begins(src, last, at, utf8Text) {
			return at
		}
		last, at = at, at+max(1, c.codec.step(src[at:]))
	}
	return len(src)
}

// begins says whether the weights of the character at a place do not depend on the one before it, at last.
func (c *rules) begins(src []byte, last, at int, utf8Text bool) bool {
	if c.kind == kindOwnCI {
		return true
	}
	if !utf8Text {
		return c.data != nil && c.kind == kindWeights && !strings.HasPrefix(c.charset, "u") && src[at] < utf8.RuneSelf
	}
	r, _ := utf8.DecodeRune(src[at:])
	before, _ := utf8.DecodeLastRune(src[:at])
	if last < 0 || r == utf8.RuneError || before == utf8.RuneError {
		return false
	}
	// Contractions are of letters with marks, or, in some languages, of letters.
	letters := unicode.IsLetter(r) && unicode.IsLetter(before)
	return !unicode.In(r, unicode.M) && (!letters || c.fast && plain(r) && plain(before))
}

// plain says that a letter is of a script without contractions and reordering in the root collation.
func plain(r rune) bool {
	return unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Han, unicode.Hiragana,
		unicode.Katakana)
}
