package parse

import "strings"

// tokenKind is the kind of a token.
type tokenKind uint8

const (
	tokEOF     tokenKind = iota
	tokWord              // keyword or plain identifier
	tokQuoted            // `identifier`
	tokString            // 'text' or "text", x'..' and b'..' are tokHexBit
	tokNumber            // 1, 1.5, 1e3
	tokHexBit            // x'41', 0x41, b'1', 0b1
	tokParam             // ?
	tokAt                // @name, @@name
	tokPunct             // one byte of an operator or a bracket
	tokInvalid           // a string, identifier or comment without end
)

// token is a piece of the text.
type token struct {
	kind       tokenKind
	start, end int
}

// scanner cuts a text into tokens without allocating. It agrees with the grammar's lexer about where strings, comments
// and statements end; it is coarser elsewhere (an operator of two bytes is two tokens).
type scanner struct {
	text      string
	pos       int
	backslash bool // \ escapes in strings
	ansi      bool // "x" is an identifier
	bang      bool // within /*! ... */
	hintBytes int  // of optimizer hints, which are parsed as well
}

const (
	classSpace = 1 << iota
	classIdent
	classDigit
)

var classes = func() (t [256]uint8) {
	for c := range 256 {
		switch b := byte(c); {
		case b == ' ' || b >= '\t' && b <= '\r':
			t[c] = classSpace
		case b >= '0' && b <= '9':
			t[c] = classDigit | classIdent
		case b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b == '$' || b >= 0x80:
			t[c] = classIdent
		}
	}
	return t
}()

// next returns the next token.
func (s *scanner) next() token {
	if !s.skip() {
		return token{tokInvalid, s.pos, len(s.text)}
	}
	start := s.pos
	if start >= len(s.text) {
		return token{tokEOF, start, start}
	}
	c := s.text[start]
	switch {
	case c == '\'', c == '"':
		kind := tokString
		if c == '"' && s.ansi {
			kind = tokQuoted
		}
		return s.quoted(kind, start, c, s.backslash && kind == tokString)
	case c == '`':
		return s.quoted(tokQuoted, start, c, false)
	case classes[c]&classDigit != 0, c == '.' && s.digitAt(start+1):
		return s.number(start)
	case (c == 'x' || c == 'X' || c == 'b' || c == 'B') && start+1 < len(s.text) && s.text[start+1] == '\'':
		s.pos++
		return s.quoted(tokHexBit, start, '\'', false)
	case classes[c]&classIdent != 0:
		for s.pos < len(s.text) && classes[s.text[s.pos]]&classIdent != 0 {
			s.pos++
		}
		return token{tokWord, start, s.pos}
	case c == '@':
		return s.variable(start)
	case c == '?':
		s.pos++
		return token{tokParam, start, s.pos}
	}
	s.pos++
	return token{tokPunct, start, s.pos}
}

func (s *scanner) digitAt(i int) bool { return i < len(s.text) && classes[s.text[i]]&classDigit != 0 }

// quoted ends a token at its closing quote, from s.pos, which is at the opening one.
func (s *scanner) quoted(kind tokenKind, start int, quote byte, backslash bool) token {
	i := s.pos + 1
	for i < len(s.text) {
		j := strings.IndexByte(s.text[i:], quote)
		if j < 0 {
			break
		}
		if backslash {
			if k := strings.IndexByte(s.text[i:i+j], '\\'); k >= 0 {
				i += k + 2
				continue
			}
		}
		i += j + 1
		if i < len(s.text) && s.text[i] == quote {
			i++ // doubled
			continue
		}
		s.pos = i
		return token{kind, start, i}
	}
	s.pos = len(s.text)
	return token{tokInvalid, start, s.pos}
}

// number takes digits, point, exponent, and letters that make it an identifier (1a) or a hexadecimal literal.
func (s *scanner) number(start int) token {
	i, kind := start, tokNumber
	for i < len(s.text) {
		c := s.text[i]
		if classes[c]&classIdent == 0 && c != '.' {
			exponent := (c == '+' || c == '-') && (s.text[i-1] == 'e' || s.text[i-1] == 'E') && i > start
			if !exponent || !s.digitAt(i+1) || strings.ContainsAny(s.text[start:i-1], "xXbBeE") {
				break
			}
		}
		i++
	}
	s.pos = i
	word := s.text[start:i]
	switch {
	case len(word) > 2 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X' || word[1] == 'b'):
		kind = tokHexBit
	default:
		for j := range len(word) {
			c := word[j]
			if classes[c]&classDigit == 0 && !strings.ContainsRune(".eE+-", rune(c)) {
				kind = tokWord
				break
			}
		}
	}
	return token{kind, start, i}
}

func (s *scanner) variable(start int) token {
	for s.pos < len(s.text) && s.text[s.pos] == '@' {
		s.pos++
	}
	if s.pos < len(s.text) {
		switch c := s.text[s.pos]; {
		case c == '`' || c == '\'' || c == '"':
			return s.quoted(tokAt, start, c, s.backslash && c != '`')
		default:
			for s.pos < len(s.text) && (classes[s.text[s.pos]]&classIdent != 0 || s.text[s.pos] == '.') {
				s.pos++
			}
		}
	}
	return token{tokAt, start, s.pos}
}

// skip goes over blanks and comments; false at a comment without end. The content of /*! */ counts as text.
func (s *scanner) skip() bool {
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		switch {
		case classes[c]&classSpace != 0:
			s.pos++
		case c == '#':
			s.line()
		case c == '-' && s.at(1) == '-' && (s.pos+2 >= len(s.text) || classes[s.text[s.pos+2]]&classSpace != 0):
			s.line()
		case c == '*' && s.bang && s.at(1) == '/':
			s.bang = false
			s.pos += 2
		case c == '/' && s.at(1) == '*':
			if s.at(2) == '!' || s.at(2) == 'T' && s.at(3) == '!' {
				s.bang = true
				s.pos += 3
				for n := 0; n < 6 && s.digitAt(s.pos); n++ {
					s.pos++
				}
				continue
			}
			from := s.pos
			end := strings.Index(s.text[min(s.pos+2, len(s.text)):], "*/")
			if end < 0 {
				return false
			}
			if s.at(2) == '+' {
				s.hintBytes += end
			}
			s.pos = from + 2 + end + 2
		default:
			return true
		}
	}
	return true
}

func (s *scanner) at(n int) byte {
	if s.pos+n >= len(s.text) {
		return 0
	}
	return s.text[s.pos+n]
}

func (s *scanner) line() {
	if i := strings.IndexByte(s.text[s.pos:], '\n'); i >= 0 {
		s.pos += i + 1
		return
	}
	s.pos = len(s.text)
}

// is tells if the token is that word, in any case.
func (s *scanner) is(t token, word string) bool {
	return t.kind == tokWord && t.end-t.start == len(word) && strings.EqualFold(s.text[t.start:t.end], word)
}

// punct tells if the token is that byte.
func (s *scanner) punct(t token, c byte) bool { return t.kind == tokPunct && s.text[t.start] == c }

func (s *scanner) str(t token) string { return s.text[t.start:t.end] }

// name is an identifier's name.
func (s *scanner) name(t token) string {
	if t.kind == tokQuoted {
		return unquote(s.str(t), false)
	}
	return s.str(t)
}
