package parse

import (
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// longList is the number of elements from which the list of an IN is cut off, if it has nothing but literals; lists
// bounds how many of one statement.
const (
	longList = 1024
	maxLists = 256
)

// maxListWidth bounds the values of an element such as (1, 2).
const maxListWidth = 16

// List is the list of a long IN (...) of literals. It is read from the statement's text, element by element, and
// nothing of it is kept. It belongs to one goroutine.
type List struct {
	scan  scanner
	count int
	width int
	row   bool
}

// listShape describes such a list within a statement.
type listShape struct {
	span   // between the parentheses
	count  int
	width  int
	row    bool // elements are rows: (1, 2)
	params int  // of the statement before the list
	tokens int
}

func newList(text string, m *listShape, like scanner) *List {
	like.text, like.pos, like.bang = text, 0, false
	return &List{scan: like, count: m.count, width: m.width, row: m.row}
}

// Count is the number of elements.
func (l *List) Count() int { return l.count }

// Width is the number of values of each element; 0: elements are single values and not rows.
func (l *List) Width() int {
	if l.row {
		return l.width
	}
	return 0
}

// Rewind starts again.
func (l *List) Rewind() { l.scan.pos = 0 }

// Next reads the next element into dst, which has max(Width, 1) values; false at the end. Texts may lie in the
// statement's text.
func (l *List) Next(dst []Value) (bool, error) {
	s := &l.scan
	t := s.next()
	if s.punct(t, ',') {
		t = s.next()
	}
	if t.kind == tokEOF {
		return false, nil
	}
	if l.row {
		t = s.next()
	}
	for i := range dst {
		if i > 0 {
			s.next() // the comma
			t = s.next()
		}
		dst[i] = Value{nameLen: -1}
		ok, err := s.literal(&dst[i], t)
		if err != nil {
			return false, err
		}
		if !ok {
			return false, sqlerr.AssertionError("parse: a list of literals has something else at %d", t.start)
		}
	}
	if l.row {
		s.next() // the parenthesis
	}
	return true, nil
}

// literalList goes over the list behind an IN if it is a long one of literals; else the scanner stays where it is.
func (s *scanner) literalList() (m listShape, ok bool) {
	save := *s
	defer func() {
		if !ok {
			*s = save
		}
	}()
	t := s.next()
	if !s.punct(t, '(') {
		return m, false
	}
	m.start = t.end
	for {
		n, row, ok := s.element(&m)
		if !ok || m.count > 0 && (n != m.width || row != m.row) {
			return m, false
		}
		m.width, m.row = n, row
		m.count++
		t := s.next()
		m.tokens++
		if s.punct(t, ')') {
			m.end = t.start
			break
		}
		if !s.punct(t, ',') {
			return m, false
		}
	}
	return m, m.count >= longList && s.bang == save.bang
}

// element goes over a literal, or a row of at least two.
func (s *scanner) element(m *listShape) (width int, row, ok bool) {
	t := s.next()
	m.tokens++
	if !s.punct(t, '(') {
		return 1, false, s.isLiteral(t, m)
	}
	for {
		if !s.isLiteral(s.next(), m) {
			return 0, true, false
		}
		width++
		m.tokens += 2
		t := s.next()
		if s.punct(t, ')') {
			return width, true, width > 1 && width <= maxListWidth
		}
		if !s.punct(t, ',') {
			return 0, true, false
		}
	}
}

// isLiteral says if a literal begins with t, one that literal takes, and goes over it.
func (s *scanner) isLiteral(t token, m *listShape) bool {
	switch t.kind {
	case tokString, tokHexBit:
		return true
	case tokNumber:
		return plainNumber(s.str(t))
	case tokPunct:
		if c := s.text[t.start]; c != '-' && c != '+' {
			return false
		}
		t = s.next()
		m.tokens++
		return t.kind == tokNumber && plainNumber(s.str(t))
	case tokWord:
		if s.is(t, "_binary") {
			m.tokens++
			return s.next().kind == tokString
		}
		return s.is(t, "NULL") || s.is(t, "TRUE") || s.is(t, "FALSE")
	}
	return false
}

// listWord says if a statement that begins with t may have its lists cut off: its text is not kept by the catalog.
func listWord(s *scanner, t token) bool {
	for _, w := range [...]string{"SELECT", "WITH", "UPDATE", "DELETE"} {
		if s.is(t, w) {
			return true
		}
	}
	return s.punct(t, '(') || insertWord(s, t)
}
