package collation

import (
	"bytes"
	"encoding/binary"
)

// PAD SPACE makes strings compare as if both went on with spaces for ever. Cutting trailing spaces is not enough for
// keys that compare by memcmp: "a\t" comes before "a". So spaces are written with what follows them. With S the weight
// of a space, a run of k spaces is written as
//
//	S 1 k  c...   when the next weight c is smaller than S: the more spaces, the larger
//	S 2           when the string ends, also without any space
//	S 3 ^k c...   when c is larger: the more spaces, the smaller
//
// k is one byte up to 254, else 255 and four bytes; ^ inverts its bytes. All other weights stand for themselves.
const (
	padBelow = 1
	padEnd   = 2
	padAbove = 3

	padShortMax = 254
)

var spaceByte = []byte{' '}

// appendRun writes k spaces, k > 0, that end before a weight below or above S.
func appendRun(dst, space []byte, k int, above bool) []byte {
	dst = append(dst, space...)
	mask := byte(0)
	if above {
		dst = append(dst, padAbove)
		mask = 0xff
	} else {
		dst = append(dst, padBelow)
	}
	if k <= padShortMax {
		return append(dst, byte(k)^mask)
	}
	dst = append(dst, 0xff^mask)
	n := uint32(k)
	if above {
		n = ^n
	}
	return binary.BigEndian.AppendUint32(dst, n)
}

// padWeights replaces the weights in dst[start:], units of len(space) bytes, by their padded form.
func padWeights(dst []byte, start int, space []byte) []byte {
	if len(space) == 0 {
		return dst
	}
	spaces := 0
	dst = padSomeWeights(dst, start, space, &spaces)
	return append(append(dst, space...), padEnd)
}

// padSomeWeights is padWeights without the end, behind so many spaces that are not written yet.
func padSomeWeights(dst []byte, start int, space []byte, run *int) []byte {
	unit := len(space)
	raw := len(dst)
	spaces := *run
	for i := start; i < raw; i += unit {
		w := dst[i:min(i+unit, raw)]
		if bytes.Equal(w, space) {
			spaces++
			continue
		}
		if spaces > 0 {
			dst = appendRun(dst, space, spaces, bytes.Compare(dst[i:min(i+unit, raw)], space) > 0)
			spaces = 0
		}
		dst = append(dst, dst[i:min(i+unit, raw)]...)
	}
	*run = spaces
	n := copy(dst[start:], dst[raw:])
	return dst[:start+n]
}

// padBytes is padWeights for weights that are the bytes themselves.
func padBytes(dst, src []byte) []byte {
	spaces := 0
	return append(padSomeBytes(dst, src, &spaces), ' ', padEnd)
}

// padSomeBytes is padBytes without the end, behind so many spaces that are not written yet.
func padSomeBytes(dst, src []byte, spaces *int) []byte {
	for len(src) > 0 {
		k := 0
		for k < len(src) && src[k] == ' ' {
			k++
		}
		if *spaces += k; k == len(src) {
			break
		}
		src = src[k:]
		if *spaces > 0 {
			dst = appendRun(dst, spaceByte, *spaces, src[0] > ' ')
			*spaces = 0
		}
		i := bytes.IndexByte(src, ' ')
		if i < 0 {
			i = len(src)
		}
		dst = append(dst, src[:i]...)
		src = src[i:]
	}
	return dst
}

// comparePadBytes compares bytes, the shorter string padded.
func comparePadBytes(a, b []byte) int {
	n := min(len(a), len(b))
	if r := bytes.Compare(a[:n], b[:n]); r != 0 {
		return r
	}
	return compareTail(a[n:], ' ') - compareTail(b[n:], ' ')
}

// compareTail compares what is left of a string with spaces: -1, 0, 1.
func compareTail(tail []byte, space byte) int {
	for _, c := range tail {
		if c < space {
			return -1
		}
		if c > space {
			return 1
		}
	}
	return 0
}

func (c *rules) compareTable(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if wa, wb := c.bytes[a[i]], c.bytes[b[i]]; wa != wb {
			return int(wa) - int(wb)
		}
	}
	return c.compareTableTail(a[n:]) - c.compareTableTail(b[n:])
}

func (c *rules) compareTableTail(tail []byte) int {
	space := c.bytes[' ']
	for _, b := range tail {
		if w := c.bytes[b]; w < space {
			return -1
		} else if w > space {
			return 1
		}
	}
	return 0
}

func (c *rules) padTable(dst, src []byte) []byte {
	spaces := 0
	return append(c.padSomeTable(dst, src, &spaces), c.bytes[' '], padEnd)
}

// padSomeTable is padTable without the end, behind so many spaces that are not written yet.
func (c *rules) padSomeTable(dst, src []byte, run *int) []byte {
	space := c.bytes[' ']
	spaces := *run
	unit := []byte{space}
	for _, b := range src {
		w := c.bytes[b]
		if w == space {
			spaces++
			continue
		}
		if spaces > 0 {
			dst = appendRun(dst, unit, spaces, w > space)
			spaces = 0
		}
		dst = append(dst, w)
	}
	*run = spaces
	return dst
}
