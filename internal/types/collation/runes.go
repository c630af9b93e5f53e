package collation

import (
	"unicode/utf8"

	"vitess.io/vitess/go/mysql/collations/colldata"
)

// runeWeights is the table of utf8mb3/4_general_ci: a 16-bit weight for each character of the basic plane. Characters
// beyond it all weigh the same, as in MySQL. A page that is nil maps characters to themselves.
type runeWeights struct {
	pages [256]*[256]uint16
	ascii [128]uint16
}

const supplementaryWeight = 0xfffd

func newRuneWeights(data colldata.Collation) *runeWeights {
	t := &runeWeights{}
	var char [utf8.UTFMax]byte
	for page := range t.pages {
		var weights [256]uint16
		identical := true
		for i := range weights {
			r := rune(page<<8 | i)
			weights[i] = uint16(r)
			if utf8.ValidRune(r) {
				n := utf8.EncodeRune(char[:], r)
				if w := data.WeightString(nil, char[:n], 0); len(w) == 2 {
					weights[i] = uint16(w[0])<<8 | uint16(w[1])
				}
			}
			identical = identical && weights[i] == uint16(r)
		}
		if !identical {
			t.pages[page] = &weights
		}
	}
	for i := range t.ascii {
		t.ascii[i] = t.weight(rune(i))
	}
	return t
}

func (t *runeWeights) weight(r rune) uint16 {
	if r > 0xffff {
		return supplementaryWeight
	}
	if p := t.pages[r>>8]; p != nil {
		return p[r&0xff]
	}
	return uint16(r)
}

// next returns the weight of the first character; an invalid byte is utf8.RuneError.
func (t *runeWeights) next(s []byte) (w uint16, n int) {
	if s[0] < utf8.RuneSelf {
		return t.ascii[s[0]], 1
	}
	r, n := utf8.DecodeRune(s)
	return t.weight(r), n
}

func (t *runeWeights) compare(a, b []byte) int {
	for len(a) > 0 && len(b) > 0 {
		wa, na := t.next(a)
		wb, nb := t.next(b)
		if wa != wb {
			return int(wa) - int(wb)
		}
		a, b = a[na:], b[nb:]
	}
	return t.compareTail(a) - t.compareTail(b)
}

func (t *runeWeights) compareTail(s []byte) int {
	for len(s) > 0 {
		w, n := t.next(s)
		if w < ' ' {
			return -1
		}
		if w > ' ' {
			return 1
		}
		s = s[n:]
	}
	return 0
}

var spaceWeight16 = []byte{0, ' '}

// pad appends the weights in padded form (see pad.go).
func (t *runeWeights) pad(dst, src []byte) []byte {
	spaces := 0
	return append(t.padSome(dst, src, &spaces), 0, ' ', padEnd)
}

// padSome is pad without the end, behind so many spaces that are not written yet.
func (t *runeWeights) padSome(dst, src []byte, run *int) []byte {
	spaces := *run
	for len(src) > 0 {
		w, n := t.next(src)
		src = src[n:]
		if w == ' ' {
			spaces++
			continue
		}
		if spaces > 0 {
			dst = appendRun(dst, spaceWeight16, spaces, w > ' ')
			spaces = 0
		}
		dst = append(dst, byte(w>>8), byte(w))
	}
	*run = spaces
	return dst
}
