package parse

import (
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// Budget pays for trees before they are built.
type Budget interface {
	// Reserve asks for n more bytes. They are given back by whoever made the budget, when the statement ends.
	Reserve(n int64) error
}

// Options say how a text is read.
type Options struct {
	SQLMode uint64 // MySQL's bits of the modes that concern the grammar; others are ignored
	Budget  Budget // nil: unlimited
}

// The costs of a tree, in bytes of heap: measured, see the package comment.
const (
	tokenBytes = 40
	textFactor = 3
)

// longStatement is the size from which rows are cut off and the parser object is dropped.
const longStatement = 64 << 10

// grammarModes are the modes that the lexer and the grammar know, the same bits in the library.
const grammarModes = mysql.ModeRealAsFloat | mysql.ModePipesAsConcat | mysql.ModeANSIQuotes | mysql.ModeIgnoreSpace |
	mysql.ModeNoBackslashEscapes | mysql.ModeHighNotPrecedence

// Statement is one statement of a text.
type Statement struct {
	Text  string       // as written, trimmed; of long statements it lies in the text that the script was made of
	Node  ast.StmtNode // nil if Extra is set
	Extra *Extra       // a statement that the grammar lacks
	// Rows are the rows of a long INSERT ... VALUES; Node has only the first one. Nil for others.
	Rows *Rows
	// IntoVars are the names of SELECT ... INTO @a, @b.
	IntoVars []string
	// RowAlias and RowColumns are those of INSERT ... VALUES (...) AS alias (columns).
	RowAlias   string
	RowColumns []string
	Params     int     // number of parameters; their Order is set
	Persist    bool    // SET PERSIST: also SET GLOBAL in Node
	Warnings   []error // of optimizer hints that are unknown
	Tokens     int     // without those of Rows; what is made of the tree is paid for by them
	Bytes      int64   // what was reserved for it
}

// Script gives the statements of a text one by one.
type Script struct {
	options Options
	scan    scanner
	parser  *parser.Parser
	next    *shape // looked at by More
	err     error
}

// NewScript reads sql, which must stay unchanged until the last of its statements, their Rows included, is done with.
func NewScript(sql []byte, o Options) *Script {
	s := &Script{options: o}
	s.scan.text = unsafe.String(unsafe.SliceData(sql), len(sql))
	mode := mysql.SQLMode(o.SQLMode)
	s.scan.backslash = mode&mysql.ModeNoBackslashEscapes == 0
	s.scan.ansi = mode&mysql.ModeANSIQuotes != 0
	return s
}

// More tells if there is another statement, an erroneous one included.
func (s *Script) More() bool {
	for s.next == nil && s.err == nil {
		if s.scan.pos >= len(s.scan.text) {
			return false
		}
		m, err := measure(&s.scan)
		if err != nil {
			s.err = err
			break
		}
		s.scan.pos = m.next
		if m.words == 0 && m.tokens == 0 {
			continue // blanks and comments
		}
		s.next = &m
	}
	return true
}

// Next returns the next statement, or nil at the end. After an error there are no more.
func (s *Script) Next() (*Statement, error) {
	if !s.More() {
		return nil, nil
	}
	if s.err != nil {
		s.scan.pos, s.next = len(s.scan.text), nil
		err := s.err
		s.err = nil
		return nil, err
	}
	m := s.next
	s.next = nil
	st, err := s.parse(m)
	if err != nil {
		s.scan.pos, s.parser = len(s.scan.text), nil
		return nil, err
	}
	return st, nil
}

// Parse returns all statements of a text. Error 1065 if there is none.
func Parse(sql []byte, o Options) ([]*Statement, error) {
	var out []*Statement
	for s := NewScript(sql, o); ; {
		st, err := s.Next()
		if err != nil {
			return nil, err
		}
		if st == nil {
			break
		}
		out = append(out, st)
	}
	if len(out) == 0 {
		return nil, sqlerr.New(sqlerr.ErrEmptyQuery)
	}
	return out, nil
}

// parse makes the statement of a shape.
func (s *Script) parse(m *shape) (*Statement, error) {
	raw := strings.TrimRight(s.scan.text[m.start:m.end], " \t\r\n\v\f")
	st := &Statement{Params: m.params}
	cutRows := len(raw) >= longStatement && m.rows.count > 1 && m.rows.params == 0
	if cutRows { // all rows are read from the text; the grammar has the first one, too
		m.longs = slices.DeleteFunc(m.longs, func(l longShape) bool {
			return l.start >= m.rows.firstEnd && l.start < m.rows.end
		})
	}
	cuts := m.cuts(cutRows)
	size := len(raw)
	for _, c := range cuts {
		size -= c.end - c.start - len(c.place)
	}
	if !cutRows {
		m.tokens += m.rows.tokens
	}
	st.Tokens = m.tokens
	st.Bytes = int64(m.tokens)*tokenBytes + int64(size)*textFactor + int64(m.hintBytes)*tokenBytes
	if m.chain > 1000 {
		st.Bytes += int64(m.chain) * stackBytes
	}
	if cutRows {
		st.Bytes += chunkBytes + int64(m.rows.longest)*textFactor
	}
	if s.options.Budget != nil {
		if err := s.options.Budget.Reserve(st.Bytes); err != nil {
			return nil, err
		}
	}
	// The tree refers to this copy, never to the caller's text.
	var b strings.Builder
	b.Grow(size)
	from := 0
	for _, c := range cuts {
		b.WriteString(raw[from : c.start-m.start])
		b.WriteString(c.place)
		from = c.end - m.start
	}
	b.WriteString(raw[from:])
	st.Text = b.String()
	if len(cuts) > 0 {
		st.Text = raw
	}
	text := s.edit(b.String(), m, cuts, st)
	if extra := parseExtra(text, s.scan); extra != nil {
		st.Extra = extra
		return st, nil
	}
	text = editWords(text, s.scan, st)
	if cutRows {
		st.Rows = newRows(s.scan.text[m.rows.start:m.rows.end], &m.rows, s.options)
	}
	explain, text := explained(text, s.scan)
	node, warnings, err := s.grammar(text, len(raw) >= longStatement)
	if err != nil {
		return nil, err
	}
	if explain != nil {
		explain.Stmt = node
		node = explain
	}
	st.Node, st.Warnings = node, warnings
	if m.params+len(m.lists)+len(m.longs) > 0 {
		err = s.numberParams(node, m)
	}
	return st, err
}

// cut is a piece of a statement that the grammar does not see, and what it sees instead.
type cut struct {
	span
	place string
}

// cuts are the pieces, in order.
func (m *shape) cuts(rows bool) []cut {
	var out []cut
	for _, p := range m.places() {
		out = append(out, cut{p.span, "?"})
	}
	if rows {
		out = append(out, cut{span{m.rows.firstEnd, m.rows.end}, ""})
	}
	slices.SortFunc(out, func(a, b cut) int { return a.start - b.start })
	return out
}

// edit blanks what the grammar lacks, and notes it in the statement. Positions of m behind cut-off pieces move.
func (s *Script) edit(text string, m *shape, cuts []cut, st *Statement) string {
	at := func(sp span) span {
		moved := 0
		for _, c := range cuts {
			if sp.start >= c.end {
				moved += c.end - c.start - len(c.place)
			}
		}
		return span{sp.start - moved - m.start, min(sp.end-moved-m.start, len(text))}
	}
	if !m.into.empty() {
		sub := s.scan
		sub.text, sub.pos, sub.bang = s.scan.text[m.into.start:m.into.end], 0, false
		for t := sub.next(); t.kind != tokEOF && t.kind != tokInvalid; t = sub.next() {
			if t.kind == tokAt {
				st.IntoVars = append(st.IntoVars, variableName(sub.str(t)))
			}
		}
		text = blank(text, at(m.into))
	}
	if !m.alias.empty() {
		sub := s.scan
		sub.text, sub.pos, sub.bang = strings.Clone(s.scan.text[m.alias.start:m.alias.end]), 0, false
		sub.next() // AS
		st.RowAlias = sub.name(sub.next())
		for t := sub.next(); t.kind != tokEOF && t.kind != tokInvalid; t = sub.next() {
			if t.kind == tokWord || t.kind == tokQuoted {
				st.RowColumns = append(st.RowColumns, sub.name(t))
			}
		}
		text = blank(text, at(m.alias))
	}
	if !m.work.empty() {
		if f := m.first[0]; s.scan.is(f, "BEGIN") || s.scan.is(f, "COMMIT") || s.scan.is(f, "ROLLBACK") {
			text = blank(text, at(m.work))
		}
	}
	return text
}

// variableName strips the @ and the quotes of @name.
func variableName(s string) string {
	s = strings.TrimLeft(s, "@")
	if len(s) >= 2 && (s[0] == '`' || s[0] == '\'' || s[0] == '"') {
		s = unquote(s, false)
	}
	return strings.ToLower(s)
}

func blank(text string, sp span) string {
	if sp.empty() || sp.start < 0 || sp.end > len(text) {
		return text
	}
	return text[:sp.start] + strings.Repeat(" ", sp.end-sp.start) + text[sp.end:]
}

// grammar runs the library's parser on one statement.
func (s *Script) grammar(text string, long bool) (node ast.StmtNode, warnings []error, err error) {
	p := s.parser
	if p == nil || long {
		p = parser.New()
	}
	s.parser = nil
	if !long {
		defer func() { s.parser = p }()
	}
	return runGrammar(p, text, s.options.SQLMode)
}

func runGrammar(p *parser.Parser, text string, mode uint64) (node ast.StmtNode, warnings []error, err error) {
	defer func() {
		// The library panics on some texts; to the client they are syntax errors.
		if r := recover(); r != nil {
			node, err = nil, sqlerr.Wrap(fmt.Errorf("parser: %v", r), sqlerr.ErrParse, syntaxText, text, 1)
		}
	}()
	p.Reset()
	p.SetSQLMode(mysql.SQLMode(mode) & grammarModes)
	p.SetStrictDoubleTypeCheck(true)
	nodes, warnings, err := p.ParseSQL(text, parser.CharsetConnection(mysql.UTF8MB4Charset),
		parser.CollationConnection(connection), parser.CharsetClient(mysql.UTF8MB4Charset))
	if err != nil {
		return nil, nil, translate(err, text)
	}
	if len(nodes) != 1 {
		return nil, nil, syntaxError(text, 1)
	}
	return nodes[0], warnings, nil
}

// place is a piece that a place holder stands for.
type place struct {
	span
	params int // ahead of it
	list   *listShape
	long   *longShape
}

// places are those of lists and of long literals, in order.
func (m *shape) places() []place {
	var out []place
	for i := range m.lists {
		l := &m.lists[i]
		out = append(out, place{span: l.span, params: l.params, list: l})
	}
	for i := range m.longs {
		l := &m.longs[i]
		out = append(out, place{span: l.span, params: l.params, long: l})
	}
	slices.SortFunc(out, func(a, b place) int { return a.start - b.start })
	return out
}

// numberParams gives parameters their order in the text, and lists and long literals to what stands for them.
func (s *Script) numberParams(node ast.Node, m *shape) error {
	var c paramCollector
	node.Accept(&c)
	slices.SortFunc(c.params, func(a, b *Param) int { return a.offset - b.offset })
	places := m.places()
	if len(places) > 0 && len(c.params) != m.params+len(places) {
		return sqlerr.AssertionError("parse: %d of %d places are in the tree", len(c.params), m.params+len(places))
	}
	taken := 0
	for i, p := range c.params {
		if taken == len(places) || places[taken].params+taken != i {
			p.Order = i - taken
			continue
		}
		switch at := &places[taken]; {
		case at.list != nil:
			p.List = newList(s.scan.text[at.start:at.end], at.list, s.scan)
		default:
			p.Long = newLong(s.scan.text[at.long.text.start:at.long.text.end], at.long, s.scan)
		}
		taken++
	}
	return nil
}

type paramCollector struct{ params []*Param }

func (c *paramCollector) Enter(n ast.Node) (ast.Node, bool) {
	if p, ok := n.(*Param); ok {
		c.params = append(c.params, p)
	}
	return n, false
}

func (c *paramCollector) Leave(n ast.Node) (ast.Node, bool) { return n, true }
