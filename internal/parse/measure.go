package parse

// The bounds of a statement's shape. A level of parentheses costs the grammar, the binder and the evaluator a few stack
// frames each, as does every operator of a chain such as a+b+c+..., whose tree leans to one side.
const (
	MaxDepth = 1000
	MaxChain = 20000
)

// stackBytes is what an operator of a chain costs in stack, measured with a tree walk of the library: charged, because
// goroutine stacks lie in the heap.
const stackBytes = 512

// shape is what one pass over a statement finds out.
type shape struct {
	start, end int // of the statement, without the semicolon
	next       int // where the next one begins
	tokens     int // without those of cut-off rows
	chain      int // longest chain of operators
	params     int
	hintBytes  int
	rows       rowsShape
	lists      []listShape // of long INs
	longs      []longShape // literals
	into       span        // INTO @a, @b
	alias      span        // AS new (a, b) behind the rows of an INSERT
	work       span        // the word WORK
	first      [3]token
	words      int // of first that are set
}

type span struct{ start, end int }

func (s span) empty() bool { return s.end <= s.start }

// rowsShape describes the list of rows behind VALUES.
type rowsShape struct {
	span
	firstEnd int // end of the first row
	count    int
	tokens   int // of all rows but the first
	longest  int // bytes of the longest row, without long literals
	params   int
}

// measure scans one statement from s.pos on.
func measure(s *scanner) (shape, error) {
	m := measurer{s: s, shape: shape{start: s.pos}}
	for m.start < len(s.text) && classes[s.text[m.start]]&classSpace != 0 {
		m.start++
	}
	s.hintBytes = 0
	for t := s.next(); !m.ends(t); t = s.next() {
		m.count(t)
		rowsGoOn, err := m.token(t)
		if err != nil {
			return m.shape, err
		}
		if !rowsGoOn && m.depth == 0 && (m.state == rowsInside || m.state == rowsExpected) {
			m.endRows(t)
		}
	}
	m.hintBytes, m.longs = s.hintBytes, m.found.list
	return m.shape, nil
}

// measurer is a pass over a statement.
type measurer struct {
	s *scanner
	shape
	depth    int
	chains   [MaxDepth + 1]int32 // of each depth, the operators of the expression in work
	state    rowsState
	rowStart int // less the long literals of the row
	isSelect bool
	cutLists bool
	found    longs
}

// rowsState is where the pass is with the list of rows behind VALUES; each is followed by the next.
type rowsState uint8

const (
	rowsNone     rowsState = iota // no VALUES seen
	rowsExpected                  // VALUES seen, its first parenthesis comes
	rowsInside                    // within the list
	rowsDone                      // behind it
)

// ends says if the statement ends with a token.
func (m *measurer) ends(t token) bool {
	switch {
	case t.kind == tokEOF || t.kind == tokPunct && m.s.text[t.start] == ';':
		m.end, m.next = t.start, t.end
		return true
	case t.kind == tokInvalid:
		// The grammar finds the words for it.
		m.end, m.next = len(m.s.text), len(m.s.text)
		m.tokens++
		return true
	}
	return false
}

// count counts a token, and notes the first ones and long literals.
func (m *measurer) count(t token) {
	if m.words < len(m.first) {
		if m.words == 0 {
			m.isSelect = m.s.is(t, "SELECT") || m.s.is(t, "WITH")
			m.cutLists = listWord(m.s, t)
		}
		m.first[m.words] = t
		m.words++
	}
	if m.state == rowsInside && m.rows.count > 0 {
		m.rows.tokens++
	} else {
		m.tokens++
	}
	if m.cutLists {
		m.found.look(m.s, t, m.params, m.isSelect && m.depth == 0)
	}
	if m.state == rowsInside && m.s.isLong(t) {
		m.rowStart += t.end - t.start
	}
}

// token takes in what a token means. rowsGoOn: a list of rows that it is in does not end with it.
func (m *measurer) token(t token) (rowsGoOn bool, err error) {
	switch t.kind {
	case tokParam:
		m.params++
		if m.state == rowsInside {
			m.rows.params++
		}
	case tokWord:
		if m.state == rowsNone && m.depth == 0 && (m.s.is(t, "VALUES") || m.s.is(t, "VALUE")) &&
			insertWord(m.s, m.first[0]) {
			m.state = rowsExpected
			return true, nil
		}
		m.word(t)
	case tokPunct:
		switch m.s.text[t.start] {
		case '(':
			return true, m.open(t)
		case ')':
			m.close(t)
			return true, nil
		case ',':
			m.chains[m.depth] = 0
			return true, nil
		case '.', '{', '}', ':', '[', ']':
		default:
			m.operator()
		}
	}
	if m.chain > MaxChain {
		return false, tooDeep("operators in one expression", MaxChain)
	}
	return false, nil
}

// word takes in a word that does not begin a list of rows.
func (m *measurer) word(t token) {
	s := m.s
	switch {
	case m.depth == 0 && m.isSelect && m.into.empty() && s.is(t, "INTO"):
		m.into = s.intoVariables(t)
	case m.depth == 0 && m.state == rowsDone && s.is(t, "AS"):
		m.alias = s.rowAlias(t)
	case s.is(t, "WORK") && m.words == 2:
		m.work = span{t.start, t.end}
	case m.cutLists && m.state != rowsInside && len(m.lists) < maxLists && s.is(t, "IN"):
		m.operator()
		if l, ok := s.literalList(); ok {
			l.params = m.params
			m.lists = append(m.lists, l)
			m.tokens += 3 // its place
		}
	case chainWord(s, t):
		m.operator()
	}
}

// operator makes a chain longer.
func (m *measurer) operator() {
	m.chains[m.depth]++
	m.chain = max(m.chain, int(m.chains[m.depth]))
}

// open takes in a parenthesis; a row begins with it, if rows come.
func (m *measurer) open(t token) error {
	if m.state == rowsExpected {
		m.state = rowsInside
		m.rows.start = t.start
	}
	if m.state == rowsInside && m.depth == 0 {
		m.rowStart = t.start
	}
	m.depth++
	if m.depth > MaxDepth {
		return tooDeep("levels of parentheses", MaxDepth)
	}
	m.chains[m.depth] = 0
	return nil
}

// close takes in the end of a parenthesis; a row may end with it.
func (m *measurer) close(t token) {
	m.depth = max(m.depth-1, 0)
	if m.state != rowsInside || m.depth > 0 {
		return
	}
	m.rows.count++
	m.rows.end = t.end
	m.rows.longest = max(m.rows.longest, t.end-m.rowStart)
	if m.rows.count == 1 {
		m.rows.firstEnd = t.end
	}
}

// endRows ends the list of rows before a token, which is none of it: it goes on with a comma and a parenthesis only.
func (m *measurer) endRows(t token) {
	if m.state == rowsInside {
		m.rows.tokens = max(m.rows.tokens-1, 0)
		m.tokens++
	}
	m.state = rowsDone
	if m.s.is(t, "AS") {
		m.alias = m.s.rowAlias(t)
	}
}

func insertWord(s *scanner, t token) bool {
	return s.is(t, "INSERT") || s.is(t, "REPLACE") || s.is(t, "EXPLAIN") || s.is(t, "DESC") || s.is(t, "DESCRIBE")
}

// chainWord tells if the word is an operator, so that it deepens the tree.
func chainWord(s *scanner, t token) bool {
	switch t.end - t.start {
	case 2:
		return s.is(t, "OR") || s.is(t, "IS") || s.is(t, "IN")
	case 3:
		return s.is(t, "AND") || s.is(t, "NOT") || s.is(t, "XOR") || s.is(t, "DIV") || s.is(t, "MOD")
	case 4:
		return s.is(t, "LIKE") || s.is(t, "CASE") || s.is(t, "JOIN")
	case 5:
		return s.is(t, "UNION") || s.is(t, "RLIKE")
	case 6:
		return s.is(t, "REGEXP") || s.is(t, "BINARY")
	case 7:
		return s.is(t, "BETWEEN") || s.is(t, "COLLATE")
	}
	return false
}

// intoVariables takes INTO @a, @b and leaves the scanner behind it; empty if INTO is another one.
func (s *scanner) intoVariables(into token) span {
	save := *s
	out := span{into.start, into.start}
	for {
		if t := s.next(); t.kind != tokAt {
			*s = save
			return span{}
		}
		out.end = s.pos
		save = *s
		if t := s.next(); !s.punct(t, ',') {
			*s = save
			return out
		}
	}
}

// rowAlias takes AS name [(a, b, ...)] and leaves the scanner behind it.
func (s *scanner) rowAlias(as token) span {
	save := *s
	if t := s.next(); t.kind != tokWord && t.kind != tokQuoted {
		*s = save
		return span{}
	}
	out := span{as.start, s.pos}
	save = *s
	if t := s.next(); !s.punct(t, '(') {
		*s = save
		return out
	}
	for {
		t := s.next()
		if t.kind == tokEOF || t.kind == tokInvalid {
			*s = save
			return out
		}
		if s.punct(t, ')') {
			out.end = t.end
			return out
		}
	}
}
