package parse

import "strings"

// longLiteral is the length, in bytes of text, from which a string is cut off; maxLongs bounds how many of one
// statement.
const (
	longLiteral = 64 << 10
	maxLongs    = 256
)

// Long is a long literal, '..', x'..' or 0x.., which the tree does not have. It is read from the statement's text.
type Long struct {
	text      string // with quotes or prefix
	kind      Kind   // KindString or KindHex
	charset   uint8  // as of Value
	backslash bool
}

// Kind is KindString or KindHex.
func (l *Long) Kind() Kind { return l.kind }

// Introducer is as of Value.
func (l *Long) Introducer() string { return (&Value{charset: l.charset}).Introducer() }

// Size is the number of bytes of the value, at most.
func (l *Long) Size() int {
	if l.kind == KindHex {
		return len(digitsOf(l.text))/2 + 1
	}
	return len(l.text) - len("''")
}

// Plain is the value where it is the same as its text, in which it lies then.
func (l *Long) Plain() (string, bool) {
	if l.kind == KindHex {
		return "", false
	}
	text := l.text[1 : len(l.text)-1]
	plain := strings.IndexByte(text, l.text[0]) < 0 && (!l.backslash || strings.IndexByte(text, '\\') < 0)
	return text, plain
}

// Read appends the value to dst, which has room for Size more bytes.
func (l *Long) Read(dst []byte) ([]byte, error) {
	if l.kind == KindHex {
		return appendHex(dst, l.text)
	}
	return appendUnquoted(dst, l.text, l.backslash), nil
}

// longShape describes such a literal within a statement.
type longShape struct {
	span         // with its introducer
	text    span // without
	charset uint8
	params  int // of the statement before it
}

// longs finds long literals in the tokens of a statement.
type longs struct {
	before [2]token // the last one, and the one ahead of it
	list   []longShape
}

// look notes t if it is a long literal in a place where the grammar takes any expression. params is the number of
// parameters so far. fields: there may be columns here that are named by their literals.
func (l *longs) look(s *scanner, t token, params int, fields bool) {
	before, ahead := l.before[0], l.before[1]
	l.before = [2]token{t, before}
	if !s.isLong(t) || len(l.list) >= maxLongs || s.bang {
		return
	}
	out := longShape{span: span{t.start, t.end}, text: span{t.start, t.end}, params: params}
	if before.kind == tokWord {
		if out.charset = introducer(s.str(before)); out.charset != 0 {
			out.start = before.start
			before = ahead
		}
	}
	if !s.isOperand(before) || fields && s.punct(before, ',') {
		return
	}
	peek := *s
	if peek.next().kind == tokString { // 'a' 'b'
		return
	}
	l.list = append(l.list, out)
}

// isLong says if t is a long literal, wherever it stands.
func (s *scanner) isLong(t token) bool {
	if t.kind != tokString && t.kind != tokHexBit || t.end-t.start < longLiteral {
		return false
	}
	c := s.text[t.start]
	return t.kind == tokString || c != 'b' && c != 'B' && s.text[t.start+1] != 'b'
}

// introducer is the index of a charset in charsetNames + 1, 0 if the word is none.
func introducer(word string) uint8 {
	if name, ok := strings.CutPrefix(strings.ToLower(word), "_"); ok {
		for i := range charsetNames {
			if charsetNames[i] == name {
				return uint8(i + 1)
			}
		}
	}
	return 0
}

// isOperand says if the token behind t is an operand. Behind other words it may be a name or a part of the syntax.
func (s *scanner) isOperand(t token) bool {
	if t.kind == tokPunct {
		return strings.IndexByte("(,=<>+-*/%&|^!", s.text[t.start]) >= 0
	}
	for _, w := range [...]string{"AND", "OR", "NOT", "LIKE", "REGEXP", "RLIKE", "BETWEEN", "WHEN", "THEN", "ELSE"} {
		if s.is(t, w) {
			return true
		}
	}
	return false
}

func newLong(text string, m *longShape, like scanner) *Long {
	l := &Long{text: text, kind: KindString, charset: m.charset, backslash: like.backslash}
	if c := text[0]; c != '\'' && c != '"' {
		l.kind = KindHex
	}
	return l
}
