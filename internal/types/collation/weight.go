package collation

import (
	"bytes"
	"strings"
)

// WeightZeros is about how many bytes of the weight string of n bytes are zero: about all those of text in ASCII whose
// weights are its code points.
func WeightZeros(id ID, n int) int {
	if rulesOf(id).kind == kindRunes {
		return n + len(spaceWeight16)
	}
	return 0
}

// WeightGuess is about how long the weight string of n bytes is, and exact for ASCII: what making it takes of memory.
func WeightGuess(id ID, n int) int {
	c := rulesOf(id)
	switch c.kind {
	case kindBytes:
		return n
	case kindPadBytes, kindTable:
		return n + len(spaceWeight16) + 1
	case kindRunes:
		return 2*n + len(spaceWeight16) + 1
	case kindUCA:
		switch {
		case strings.HasSuffix(c.name, "_ai_ci"):
			return 2 * n
		case strings.HasSuffix(c.name, "_as_ci"):
			return 4*n + 4
		}
		return 6*n + 8
	}
	return 4*n + 8 // twice while they are padded
}

// weightMargin is how far from the end of a text's beginning its weights may differ from those of the whole: a
// character is cut, or forms one unit with what follows, or the padding comes.
const weightMargin = 128

// WeightPrefix appends the first n bytes of the weight string of src, all of it if it is shorter. It takes memory in
// proportion to n, not to src, but for texts of nearly nothing but characters without weight.
func WeightPrefix(id ID, dst, src []byte, n int) []byte {
	c := rulesOf(id).ready()
	start := len(dst)
	for window := 2*n + weightMargin; window < len(src); window *= 2 {
		dst = WeightString(id, dst[:start], src[:window])
		first := dst[start:]
		if c.kind == kindUCA {
			first = firstLevel(first)
		}
		if len(first) >= n+weightMargin {
			return dst[:start+n]
		}
	}
	dst = WeightString(id, dst[:start], src)
	return dst[:min(len(dst), start+n)]
}

// firstLevel cuts what follows the weights of the first level, of two bytes each.
func firstLevel(w []byte) []byte {
	for i := 0; i+1 < len(w); i += 2 {
		if w[i] == 0 && w[i+1] == 0 {
			return w[:i]
		}
	}
	return w
}

// compareStep is how much of two weight strings is compared first; then four times as much, and so on.
const compareStep = 16 << 10

// compareWeights compares by weight strings, with as much memory as they have in common.
func compareWeights(id ID, buf *[2][]byte, a, b []byte) int {
	for n := compareStep; ; n *= 4 {
		buf[0] = WeightPrefix(id, buf[0][:0], a, n)
		buf[1] = WeightPrefix(id, buf[1][:0], b, n)
		if r := bytes.Compare(buf[0], buf[1]); r != 0 || len(buf[0]) < n && len(buf[1]) < n {
			return r
		}
	}
}
