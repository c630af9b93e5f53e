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
	m := shape{start: s.pos}
	for m.start < len(s.text) && classes[s.text[m.start]]&classSpace != 0 {
		m.start++
	}
	var (
		depth    int
		chains   [MaxDepth + 1]int32
		rowStart int // less the long literals of the row
		state    = rowsNone
		isSelect bool
		cutLists bool
		found    longs
	)
	s.hintBytes = 0
	for {
		t := s.next()
		if t.kind == tokEOF || t.kind == tokPunct && s.text[t.start] == ';' {
			m.end, m.next = t.start, t.end
			break
		}
		if t.kind == tokInvalid {
			// The grammar finds the words for it.
			m.end, m.next = len(s.text), len(s.text)
			m.tokens++
			break
		}
		if m.words < len(m.first) {
			if m.words == 0 {
				isSelect = s.is(t, "SELECT") || s.is(t, "WITH")
				cutLists = listWord(s, t)
			}
			m.first[m.words] = t
			m.words++
		}
		if state == rowsInside && m.rows.count > 0 {
			m.rows.tokens++
		} else {
			m.tokens++
		}
		if cutLists {
			found.look(s, t, m.params, isSelect && depth == 0)
		}
		if state == rowsInside && s.isLong(t) {
			rowStart += t.end - t.start
		}
		switch t.kind {
		case tokParam:
			m.params++
			if state == rowsInside {
				m.rows.params++
			}
		case tokWord:
			switch {
			case depth == 0 && isSelect && m.into.empty() && s.is(t, "INTO"):
				m.into = s.intoVariables(t)
			case depth == 0 && state == rowsNone && (s.is(t, "VALUES") || s.is(t, "VALUE")) &&
				insertWord(s, m.first[0]):
				state = rowsExpected
				continue
			case depth == 0 && state == rowsDone && s.is(t, "AS"):
				m.alias = s.rowAlias(t)
			case s.is(t, "WORK") && m.words == 2:
				m.work = span{t.start, t.end}
			case cutLists && state != rowsInside && len(m.lists) < maxLists && s.is(t, "IN"):
				chains[depth]++
				m.chain = max(m.chain, int(chains[depth]))
				if l, ok := s.literalList(); ok {
					l.params = m.params
					m.lists = append(m.lists, l)
					m.tokens += 3 // its place
				}
			default:
				if chainWord(s, t) {
					chains[depth]++
					m.chain = max(m.chain, int(chains[depth]))
				}
			}
		case tokPunct:
			switch c := s.text[t.start]; c {
			case '(':
				if state == rowsExpected {
					state = rowsInside
					m.rows.start = t.start
				}
				if state == rowsInside && depth == 0 {
					rowStart = t.start
				}
				depth++
				if depth > MaxDepth {
					return m, tooDeep("levels of parentheses", MaxDepth)
				}
				chains[depth] = 0
				continue
			case ')':
				depth = max(depth-1, 0)
				if state == rowsInside && depth == 0 {
					m.rows.count++
					m.rows.end = t.end
					m.rows.longest = max(m.rows.longest, t.end-rowStart)
					if m.rows.count == 1 {
						m.rows.firstEnd = t.end
					}
				}
				continue
			case ',':
				chains[depth] = 0
				continue
			case '.', '{', '}', ':', '[', ']':
			default:
				chains[depth]++
				m.chain = max(m.chain, int(chains[depth]))
			}
		}
		if m.chain > MaxChain {
			return m, tooDeep("operators in one expression", MaxChain)
		}
		// A row list goes on with a comma and a parenthesis only.
		if depth == 0 && (state == rowsInside || state == rowsExpected) {
			if state == rowsInside {
				m.rows.tokens = max(m.rows.tokens-1, 0)
				m.tokens++
			}
			state = rowsDone
			if s.is(t, "AS") {
				m.alias = s.rowAlias(t)
			}
		}
	}
	m.hintBytes, m.longs = s.hintBytes, found.list
	return m, nil
}

const (
	rowsNone     = iota // no VALUES seen
	rowsExpected        // VALUES seen, its first parenthesis comes
	rowsInside          // within the list
	rowsDone            // behind it
)

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
