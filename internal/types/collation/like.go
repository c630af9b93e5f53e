package collation

import (
	"bytes"
	"context"
)

// likeOp is what one element of a pattern matches.
type likeOp uint8

const (
	likeChar likeOp = iota // a character of the same weight
	likeOne                // any character: _
	likeMany               // any number of them: %
)

type likeElem struct {
	op     likeOp
	char   []byte // likeChar: the bytes of the character
	weight []byte // likeChar of kinds that weigh by Vitess; not compiled: of the last that was compared
}

// Like is a LIKE pattern. Immutable, safe for concurrent use.
//
// Characters are compared one by one, as MySQL does: contractions and trailing spaces play no role. Matching takes
// O(text * pattern) steps at worst, no recursion and no memory.
type Like struct {
	c        *rules
	escape   rune
	elems    []likeElem // of a compiled pattern
	text     []byte     // of one that is not compiled
	end      int        // elements, or bytes of text
	prefix   []byte     // of a compiled pattern: literal characters before the first wildcard
	exact    bool       // of a compiled pattern: no wildcard at all
	contains []byte     // of the pattern %literal% under a binary collation, compiled, else nil
}

// LikeCompileMax is the length of the longest pattern that is compiled, which takes some 100 bytes a byte.
const LikeCompileMax = 4 << 10

// likeSteps is how many steps are made before the next look if somebody has ended the statement.
const likeSteps = 1 << 16

// NewLike compiles a pattern, in the charset of the collation. One of more than LikeCompileMax bytes is kept instead,
// and read as it is: the same steps, but each takes longer. After the escape character, 0 for none, the next one stands
// for itself; at the end of the pattern the escape character does.
func NewLike(id ID, pattern []byte, escape rune) *Like {
	l := &Like{c: rulesOf(id).ready(), escape: escape}
	if len(pattern) > LikeCompileMax {
		l.text, l.end = pattern, len(pattern)
	} else {
		l.compile(pattern)
	}
	return l
}

func (l *Like) compile(pattern []byte) {
	l.exact = true
	for at := 0; at < len(pattern); {
		op, char, next := likeAt(l.c.id, pattern, l.escape, at)
		at = next
		switch op {
		case likeOne:
			l.elems = append(l.elems, likeElem{op: likeOne})
			l.exact = false
		case likeMany:
			l.exact = false
			if len(l.elems) == 0 || l.elems[len(l.elems)-1].op != likeMany {
				l.elems = append(l.elems, likeElem{op: likeMany})
			}
		default:
			l.addChar(char)
		}
	}
	l.end = len(l.elems)
	l.findContains()
}

// likeAt is the element of a pattern at a place, and where the next one is.
func likeAt(id ID, pattern []byte, escape rune, at int) (op likeOp, char []byte, next int) {
	r, n := DecodeRune(id, pattern[at:])
	next = at + n
	switch {
	case escape != 0 && r == escape && next < len(pattern):
		_, n = DecodeRune(id, pattern[next:])
		return likeChar, pattern[next : next+n], next + n
	case r == '_':
		return likeOne, nil, next
	case r == '%':
		return likeMany, nil, next
	}
	return likeChar, pattern[at:next], next
}

func (l *Like) addChar(char []byte) {
	e := likeElem{op: likeChar, char: bytes.Clone(char)}
	if l.c.kind == kindUCA || l.c.kind == kindWeights {
		e.weight = l.c.weights(nil, char)
	}
	if l.exact {
		l.prefix = append(l.prefix, char...)
	}
	l.elems = append(l.elems, e)
}

// findContains recognises %literal%, which is a search for bytes where characters cannot begin within others.
func (l *Like) findContains() {
	n := len(l.elems)
	if n < 3 || l.elems[0].op != likeMany || l.elems[n-1].op != likeMany || !l.c.binary ||
		!l.c.codec.single && l.c.charset != "utf8mb4" && l.c.charset != "utf8mb3" {
		return
	}
	var literal []byte
	for _, e := range l.elems[1 : n-1] {
		if e.op != likeChar || !l.c.codec.single && l.c.codec.charLen(e.char) == 0 {
			return
		}
		literal = append(literal, e.char...)
	}
	l.contains = literal
}

// Prefix returns the literal characters at the start of the pattern, for index ranges, and whether there is nothing
// else.
func (l *Like) Prefix() (prefix []byte, exact bool) { return l.prefix, l.exact }

// Match tells if the whole of s matches. The error is that ctx was cancelled.
func (l *Like) Match(ctx context.Context, s []byte) (bool, error) {
	if l.contains != nil {
		return bytes.Contains(s, l.contains), nil
	}
	// On a mismatch, the last % takes one character more: an earlier one never needs to.
	at, back, backPos := 0, -1, 0
	pos, steps := 0, 0
	var room likeElem
	for pos < len(s) {
		if at < l.end {
			e, next := &room, at+1
			if l.text == nil {
				e = &l.elems[at]
			} else {
				next = l.read(e, at)
			}
			if e.op == likeMany {
				if next == l.end {
					return true, nil
				}
				at, back, backPos = next, next, pos
				continue
			}
			n := l.c.codec.step(s[pos:])
			if e.op == likeOne || l.equal(e, s[pos:pos+n]) {
				at = next
				pos += n
				continue
			}
		}
		if back < 0 {
			return false, nil
		}
		if steps += pos - backPos + 1; steps > likeSteps {
			if ctx.Err() != nil {
				return false, context.Cause(ctx)
			}
			steps = 0
		}
		backPos += l.c.codec.step(s[backPos:])
		at, pos = back, backPos
	}
	return l.onlyMany(at), nil
}

// onlyMany says if the rest of the pattern is percent signs.
func (l *Like) onlyMany(at int) bool {
	for at < l.end {
		op, next := likeMany, at+1
		if l.text == nil {
			op = l.elems[at].op
		} else {
			op, _, next = likeAt(l.c.id, l.text, l.escape, at)
		}
		if op != likeMany {
			return false
		}
		at = next
	}
	return true
}

// read reads the element at a place of a pattern that is not compiled, and gives the next place.
func (l *Like) read(e *likeElem, at int) (next int) {
	e.op, e.char, next = likeAt(l.c.id, l.text, l.escape, at)
	return next
}

// equal compares one character of the text with one of the pattern.
func (l *Like) equal(e *likeElem, char []byte) bool {
	if bytes.Equal(e.char, char) {
		return true
	}
	switch c := l.c; c.kind {
	case kindBytes, kindPadBytes:
		return false
	case kindTable:
		return len(e.char) == 1 && len(char) == 1 && c.bytes[e.char[0]] == c.bytes[char[0]]
	case kindRunes:
		a, _ := c.runes.next(e.char)
		b, _ := c.runes.next(char)
		return a == b
	case kindOwnCI:
		return len(e.char) == 1 && len(char) == 1 && e.char[0]|0x20 == char[0]|0x20 && isLetter(char[0])
	default:
		if l.text != nil {
			e.weight = c.weights(e.weight[:0], e.char)
		}
		if c.fast && len(char) == 1 && char[0] < 0x80 {
			w := c.ascii[char[0]]
			return len(e.weight) == 2 && w == uint16(e.weight[0])<<8|uint16(e.weight[1]) || w == 0 && len(e.weight) == 0
		}
		var buf [64]byte
		return bytes.Equal(e.weight, c.weights(buf[:0], char))
	}
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
