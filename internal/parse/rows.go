package parse

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// chunkBytes is the heap of one chunk of rows: their values, and what the binder makes of them.
const chunkBytes = 256 << 10

// chunkValues bounds a chunk; a value costs its literal, a pointer and a bound constant.
const chunkValues = 1024

// Rows reads the rows of a long VALUES list from the statement's text. Rows of plain literals, which is what dumps are
// made of, never see the grammar; texts without escapes are not even copied, and long ones are left in the text.
type Rows struct {
	scan    scanner
	count   int
	row     int
	width   int
	paid    int // bytes of a row's text, without long literals, that the budget has paid for
	options Options
	parser  *parser.Parser
}

func newRows(text string, m *rowsShape, o Options) *Rows {
	s := NewScript(nil, o).scan
	s.text = text
	return &Rows{scan: s, count: m.count, paid: m.longest, options: o}
}

// Count is the number of rows.
func (r *Rows) Count() int { return r.count }

// Rewind starts again.
func (r *Rows) Rewind() { r.scan.pos, r.scan.bang, r.row = 0, false, 0 }

// Next appends up to limit rows to dst, none at the end. Texts of values may lie in the statement's text; long ones are
// a Param with a Long. Error 1136 for a row of another width than the first one.
func (r *Rows) Next(dst [][]ast.ExprNode, limit int) ([][]ast.ExprNode, error) {
	start := r.scan.pos
	for n := 0; n < limit && r.row < r.count && n*max(r.width, 1) < chunkValues && r.scan.pos-start < chunkBytes; n++ {
		row, err := r.literals()
		if err != nil {
			return nil, err
		}
		r.row++
		if r.row == 1 {
			r.width = len(row)
		} else if len(row) != r.width {
			return nil, sqlerr.New(sqlerr.ErrWrongValueCountOnRow, r.row)
		}
		dst = append(dst, row)
	}
	return dst, nil
}

// literals reads a row of plain literals, or hands it to the grammar.
func (r *Rows) literals() ([]ast.ExprNode, error) {
	s := &r.scan
	save := *s
	t := s.next()
	if s.punct(t, ',') {
		save = *s
		t = s.next()
	}
	row := make([]ast.ExprNode, 0, r.width)
	values := make([]Value, r.width)
	if !s.punct(t, '(') {
		return r.grammar(save)
	}
	t = s.next()
	for !s.punct(t, ')') || len(row) > 0 {
		var n *Value
		if len(row) < len(values) {
			n = &values[len(row)]
		} else {
			n = new(Value)
		}
		n.nameLen = -1
		if s.is(t, "DEFAULT") {
			row = append(row, &ast.DefaultExpr{})
		} else if long := s.long(t); long != nil {
			row = append(row, &Param{Long: long})
		} else {
			ok, err := s.literal(n, t)
			if err != nil {
				return nil, err
			}
			if !ok {
				return r.grammar(save)
			}
			row = append(row, n)
		}
		t = s.next()
		if s.punct(t, ')') {
			break
		}
		if !s.punct(t, ',') {
			return r.grammar(save)
		}
		t = s.next()
	}
	return row, nil
}

// long reads a long literal, which begins with t, and its introducer; nil if there is none.
func (s *scanner) long(t token) *Long {
	save := *s
	m := longShape{}
	if t.kind == tokWord {
		if m.charset = introducer(s.str(t)); m.charset != 0 {
			t = s.next()
		}
	}
	if s.isLong(t) {
		return newLong(s.str(t), &m, *s)
	}
	*s = save
	return nil
}

// literal reads one literal, which begins with t; false if it is none.
func (s *scanner) literal(n *Value, t token) (bool, error) {
	switch t.kind {
	case tokString:
		n.kind, n.text = KindString, unquote(s.str(t), s.backslash)
	case tokNumber:
		return plainNumber(s.str(t)), n.setNumber(s.str(t), false)
	case tokPunct:
		sign := s.text[t.start]
		if sign != '-' && sign != '+' {
			return false, nil
		}
		t = s.next()
		if t.kind != tokNumber || !plainNumber(s.str(t)) {
			return false, nil
		}
		return true, n.setNumber(s.str(t), sign == '-')
	case tokHexBit:
		var (
			b   []byte
			err error
		)
		text := s.str(t)
		if text[0] == 'x' || text[0] == 'X' || text[1] == 'x' || text[1] == 'X' {
			b, err = hexLiteral(text)
			n.kind = KindHex
		} else {
			b, err = bitLiteral(text)
			n.kind = KindBit
		}
		n.text = string(b)
		return true, err
	case tokWord:
		switch {
		case s.is(t, "NULL"):
			n.kind = KindNull
		case s.is(t, "TRUE"):
			n.kind, n.num = KindBool, 1
		case s.is(t, "FALSE"):
			n.kind = KindBool
		case s.is(t, "_binary"):
			t = s.next()
			if t.kind != tokString {
				return false, nil
			}
			n.kind, n.text, n.charset = KindString, unquote(s.str(t), s.backslash), binaryCharset
		default:
			return false, nil
		}
	default:
		return false, nil
	}
	return true, nil
}

// binaryCharset is the index of the introducer _binary.
var binaryCharset = func() uint8 {
	for i, name := range charsetNames {
		if name == "binary" {
			return uint8(i + 1)
		}
	}
	return 0
}()

// plainNumber tells if the scanner's number, which is generous, is one: digits, one point, one exponent.
func plainNumber(s string) bool {
	i, whole := digits(s, 0)
	part := 0
	if i < len(s) && s[i] == '.' {
		i, part = digits(s, i+1)
	}
	if whole+part == 0 {
		return false
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		if i++; i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		n := 0
		if i, n = digits(s, i); n == 0 {
			return false
		}
	}
	return i == len(s)
}

// digits goes over the digits of s from i on.
func digits(s string, i int) (end, n int) {
	end = i
	for end < len(s) && classes[s[end]]&classDigit != 0 {
		end++
	}
	return end, end - i
}

// grammar parses one row that is not made of plain literals.
func (r *Rows) grammar(from scanner) ([]ast.ExprNode, error) {
	s := from
	start, depth := s.pos, 0
	var found longs
	for {
		t := s.next()
		if t.kind == tokEOF || t.kind == tokInvalid {
			return nil, syntaxError(s.text[start:], 1)
		}
		found.look(&s, t, 0, false)
		if s.punct(t, '(') {
			if depth == 0 {
				start = t.start
			}
			depth++
		}
		if s.punct(t, ')') {
			if depth--; depth <= 0 {
				break
			}
		}
	}
	if r.parser == nil {
		r.parser = parser.New()
	}
	size := s.pos - start
	for _, l := range found.list {
		size -= l.end - l.start
	}
	if size > r.paid && r.options.Budget != nil {
		if err := r.options.Budget.Reserve(int64(size-r.paid) * textFactor); err != nil {
			return nil, err
		}
		r.paid = size
	}
	var b strings.Builder
	b.Grow(size + len(rowHead) + len(found.list))
	b.WriteString(rowHead)
	for _, l := range found.list {
		b.WriteString(s.text[start:l.start])
		b.WriteString("?")
		start = l.end
	}
	b.WriteString(s.text[start:s.pos])
	node, _, err := runGrammar(r.parser, b.String(), r.options.SQLMode)
	if size >= longStatement {
		r.parser = nil
	}
	if err != nil {
		return nil, err
	}
	insert, ok := node.(*ast.InsertStmt)
	if !ok || len(insert.Lists) != 1 {
		return nil, syntaxError(s.text[start:s.pos], 1)
	}
	var c paramCollector
	insert.Accept(&c)
	if len(c.params) != len(found.list) {
		return nil, sqlerr.AssertionError("parse: %d of %d long literals are in a row", len(c.params), len(found.list))
	}
	slices.SortFunc(c.params, func(a, b *Param) int { return a.offset - b.offset })
	for i, l := range found.list {
		c.params[i].Long = newLong(s.text[l.text.start:l.text.end], &l, s)
	}
	r.scan = s
	return insert.Lists[0], nil
}

// rowHead makes a row a statement.
const rowHead = "INSERT INTO t VALUES "
