package types

import (
	"bytes"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// legKind is one step of a path.
type legKind uint8

const (
	legMember    legKind = iota // .key
	legAnyMember                // .*
	legCell                     // [n], [last], [last-n]
	legRange                    // [m to n]
	legAnyCell                  // [*]
	legEllipsis                 // **
)

// jsonIndex is a place in an array, from the start or from its end.
type jsonIndex struct {
	n       int
	fromEnd bool
}

type jsonLeg struct {
	kind     legKind
	key      []byte
	from, to jsonIndex // to: legRange
}

// JSONPath is a parsed path such as $.a[1] or $**.b. Immutable, safe for concurrent use.
type JSONPath struct {
	legs []jsonLeg
}

// jsonPathLegsMax bounds the legs of a path: no document is deeper.
const jsonPathLegsMax = jsonDepthMax

// ParseJSONPath reads a path. Error: sqlerr 3143.
func ParseJSONPath(s []byte) (*JSONPath, error) {
	p := pathParser{src: s}
	p.skip()
	if p.next() != '$' {
		return nil, p.fail()
	}
	p.pos++
	path := &JSONPath{}
	for {
		p.skip()
		if p.pos == len(s) {
			break
		}
		leg, ok := p.leg()
		if !ok || len(path.legs) == jsonPathLegsMax {
			return nil, p.fail()
		}
		path.legs = append(path.legs, leg)
	}
	if n := len(path.legs); n > 0 && path.legs[n-1].kind == legEllipsis {
		return nil, p.fail() // ** must be followed by something
	}
	return path, nil
}

type pathParser struct {
	src []byte
	pos int
}

func (p *pathParser) fail() error {
	return sqlerr.New(sqlerr.ErrInvalidJSONPath, utf8.RuneCount(p.src[:p.pos]), "")
}

func (p *pathParser) next() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

func (p *pathParser) skip() { p.pos = skipSpaces(p.src, p.pos) }

// accept goes past a text if it is next.
func (p *pathParser) accept(text string) bool {
	if bytes.HasPrefix(p.src[p.pos:], []byte(text)) {
		p.pos += len(text)
		return true
	}
	return false
}

func (p *pathParser) leg() (leg jsonLeg, ok bool) {
	switch {
	case p.accept("**"):
		// *** means nothing.
		return jsonLeg{kind: legEllipsis}, p.next() != '*'
	case p.accept("."):
		p.skip()
		if p.accept("*") {
			return jsonLeg{kind: legAnyMember}, true
		}
		key, ok := p.key()
		return jsonLeg{kind: legMember, key: key}, ok
	case p.accept("["):
		return p.cell()
	}
	return jsonLeg{}, false
}

// key reads a name: a JSON string, or an identifier of ECMAScript.
func (p *pathParser) key() (key []byte, ok bool) {
	if p.next() == '"' {
		j := jsonParser{src: p.src, pos: p.pos}
		if err := j.text(); err != nil {
			return nil, false
		}
		p.pos = j.pos
		return j.dst, true
	}
	start := p.pos
	for p.pos < len(p.src) {
		r, n := utf8.DecodeRune(p.src[p.pos:])
		if !identifierRune(r, p.pos == start) {
			break
		}
		p.pos += n
	}
	return bytes.Clone(p.src[start:p.pos]), p.pos > start
}

func identifierRune(r rune, first bool) bool {
	if r == '$' || r == '_' || unicode.IsLetter(r) {
		return true
	}
	return !first && (unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Mc, r) ||
		r == '\u200c' || r == '\u200d')
}

func isIdentifier(key []byte) bool {
	for i, r := range string(key) {
		if r == utf8.RuneError || !identifierRune(r, i == 0) {
			return false
		}
	}
	return len(key) > 0
}

func (p *pathParser) cell() (leg jsonLeg, ok bool) {
	p.skip()
	if p.accept("*") {
		p.skip()
		return jsonLeg{kind: legAnyCell}, p.accept("]")
	}
	leg.kind = legCell
	if leg.from, ok = p.index(); !ok {
		return leg, false
	}
	before := p.pos
	p.skip()
	if p.pos > before && p.accept("to") {
		before = p.pos
		p.skip()
		leg.kind = legRange
		if p.pos == before {
			return leg, false
		}
		if leg.to, ok = p.index(); !ok || leg.emptyRange() {
			return leg, false
		}
		p.skip()
	}
	return leg, p.accept("]")
}

// emptyRange: a range must not end before it begins, where that can be told.
func (l *jsonLeg) emptyRange() bool {
	if l.from.fromEnd != l.to.fromEnd {
		return false
	}
	return l.from.fromEnd && l.from.n < l.to.n || !l.from.fromEnd && l.from.n > l.to.n
}

func (p *pathParser) index() (i jsonIndex, ok bool) {
	if p.accept("last") {
		i.fromEnd = true
		before := p.pos
		p.skip()
		if !p.accept("-") {
			p.pos = before
			return i, true
		}
		p.skip()
	}
	start := p.pos
	for isDigit(p.next()) {
		i.n = i.n*10 + int(p.next()-'0')
		if i.n > jsonSizeMax {
			return i, false
		}
		p.pos++
	}
	return i, p.pos > start
}

// in returns the place in an array of n elements; it may be below 0 or above n-1.
func (i jsonIndex) in(n int) int {
	if i.fromEnd {
		return n - 1 - i.n
	}
	return i.n
}

// Single tells that the path has no wildcard or range, so leads to one value at most.
func (p *JSONPath) Single() bool {
	return !slices.ContainsFunc(p.legs, func(l jsonLeg) bool { return l.kind != legMember && l.kind != legCell })
}

// Root tells that the path is $.
func (p *JSONPath) Root() bool { return len(p.legs) == 0 }

// EndsInCell tells that the last leg is a place in an array.
func (p *JSONPath) EndsInCell() bool { return len(p.legs) > 0 && p.legs[len(p.legs)-1].kind == legCell }

// String is the path as JSON_SEARCH writes it.
func (p *JSONPath) String() string {
	b := []byte{'$'}
	for _, l := range p.legs {
		switch l.kind {
		case legMember:
			b = appendPathKey(b, l.key)
		case legAnyMember:
			b = append(b, ".*"...)
		case legCell:
			b = append(appendPathIndex(append(b, '['), l.from), ']')
		case legRange:
			b = append(appendPathIndex(append(b, '['), l.from), " to "...)
			b = append(appendPathIndex(b, l.to), ']')
		case legAnyCell:
			b = append(b, "[*]"...)
		case legEllipsis:
			b = append(b, "**"...)
		}
	}
	return string(b)
}

func appendPathKey(b, key []byte) []byte {
	b = append(b, '.')
	if isIdentifier(key) {
		return append(b, key...)
	}
	return AppendJSONQuote(b, key)
}

func appendPathIndex(b []byte, i jsonIndex) []byte {
	if !i.fromEnd {
		return strconv.AppendInt(b, int64(i.n), 10)
	}
	b = append(b, "last"...)
	if i.n > 0 {
		b = strconv.AppendInt(append(b, '-'), int64(i.n), 10)
	}
	return b
}

// JSONFind calls f for each value the path leads to, in order of the document, until it returns false. A value that is
// no array counts as an array of one where a place is asked for. After **, a value is found once.
func JSONFind(bin []byte, p *JSONPath, f func(v []byte) bool) {
	if slices.ContainsFunc(p.legs, func(l jsonLeg) bool { return l.kind == legEllipsis }) {
		// Values are parts of bin, so that their distance from its end says which one it is.
		seen := map[int]bool{}
		inner := f
		f = func(v []byte) bool {
			at := cap(v)
			if seen[at] {
				return true
			}
			seen[at] = true
			return inner(v)
		}
	}
	jsonWalk(bin, p.legs, f)
}

// jsonWalk returns false when f did.
func jsonWalk(v []byte, legs []jsonLeg, f func(v []byte) bool) bool {
	if len(legs) == 0 {
		return f(v)
	}
	leg, rest := &legs[0], legs[1:]
	kind := JSONKindOf(v)
	switch leg.kind {
	case legMember:
		if m, ok := JSONMember(v, leg.key); ok {
			return jsonWalk(m, rest, f)
		}
		return true
	case legCell, legRange:
		return walkCells(v, leg, rest, f)
	case legEllipsis:
		if !jsonWalk(v, rest, f) {
			return false
		}
		if kind != JSONArray && kind != JSONObject {
			return true
		}
		for i := range jsonCount(v) {
			if !jsonWalk(JSONElem(v, i), legs, f) {
				return false
			}
		}
		return true
	}
	if leg.kind == legAnyMember && kind != JSONObject || leg.kind == legAnyCell && kind != JSONArray {
		return true
	}
	for i := range jsonCount(v) {
		if !jsonWalk(JSONElem(v, i), rest, f) {
			return false
		}
	}
	return true
}

func walkCells(v []byte, leg *jsonLeg, rest []jsonLeg, f func(v []byte) bool) bool {
	isArray := JSONKindOf(v) == JSONArray
	n := 1
	if isArray {
		n = jsonCount(v)
	}
	from := leg.from.in(n)
	to := from
	if leg.kind == legRange {
		to = leg.to.in(n)
		from = max(from, 0)
	}
	if from < 0 {
		return true
	}
	for i := from; i <= min(to, n-1); i++ {
		elem := v
		if isArray {
			elem = JSONElem(v, i)
		}
		if !jsonWalk(elem, rest, f) {
			return false
		}
	}
	return true
}

// JSONLookup returns the first value the path leads to.
func JSONLookup(bin []byte, p *JSONPath) (v []byte, ok bool) {
	JSONFind(bin, p, func(found []byte) bool {
		v, ok = found, true
		return false
	})
	return v, ok
}

// AppendJSONExtract is JSON_EXTRACT: the value, or an array of all when there are several paths or a wildcard. found is
// false, and nothing appended, when there is no value.
func AppendJSONExtract(dst, bin []byte, paths []*JSONPath) (out []byte, found bool) {
	var values [][]byte
	for _, p := range paths {
		JSONFind(bin, p, func(v []byte) bool {
			values = append(values, v)
			return true
		})
	}
	if len(values) == 0 {
		return dst, false
	}
	if len(paths) == 1 && paths[0].Single() {
		return append(dst, values[0]...), true
	}
	return AppendJSONArray(dst, values), true
}

// JSONSearch is JSON_SEARCH: paths of the strings for which match is true, all or the first one, below the given paths
// or in the whole document.
func JSONSearch(bin []byte, under []*JSONPath, all bool, match func(s []byte) bool) (paths []string) {
	seen := map[string]bool{}
	visit := func(path, v []byte) bool {
		if JSONKindOf(v) == JSONString && match(jsonBytes(v)) && !seen[string(path)] {
			seen[string(path)] = true
			paths = append(paths, string(path))
			return all
		}
		return true
	}
	if len(under) == 0 {
		searchWalk([]byte{'$'}, bin, []jsonLeg{{kind: legEllipsis}}, visit)
		return paths
	}
	for _, p := range under {
		legs := append(slices.Clone(p.legs), jsonLeg{kind: legEllipsis})
		if !searchWalk([]byte{'$'}, bin, legs, visit) {
			break
		}
	}
	return paths
}

// searchWalk is jsonWalk that knows where it is.
func searchWalk(path, v []byte, legs []jsonLeg, f func(path, v []byte) bool) bool {
	if len(legs) == 0 {
		return f(path, v)
	}
	leg, rest := &legs[0], legs[1:]
	kind := JSONKindOf(v)
	base := len(path)
	if leg.kind == legEllipsis && !searchWalk(path, v, rest, f) {
		return false
	}
	switch {
	case kind == JSONObject && leg.kind != legCell && leg.kind != legRange && leg.kind != legAnyCell:
		for i := range jsonCount(v) {
			if leg.kind == legMember && !bytes.Equal(leg.key, JSONKey(v, i)) {
				continue
			}
			next := rest
			if leg.kind == legEllipsis {
				next = legs
			}
			if !searchWalk(appendPathKey(path[:base], JSONKey(v, i)), JSONElem(v, i), next, f) {
				return false
			}
		}
	case kind == JSONArray && leg.kind != legMember && leg.kind != legAnyMember:
		n := jsonCount(v)
		from, to := 0, n-1
		next := rest
		switch leg.kind {
		case legCell:
			from, to = leg.from.in(n), leg.from.in(n)
		case legRange:
			from, to = leg.from.in(n), leg.to.in(n)
		case legEllipsis:
			next = legs
		}
		for i := max(from, 0); i <= min(to, n-1); i++ {
			cell := append(appendPathIndex(append(path[:base], '['), jsonIndex{n: i}), ']')
			if !searchWalk(cell, JSONElem(v, i), next, f) {
				return false
			}
		}
	case leg.kind == legCell && kind != JSONArray && leg.from.in(1) == 0:
		return searchWalk(path, v, rest, f)
	}
	return true
}
