package types

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// jsonCollation is what JSON strings compare by.
const jsonCollation = collation.UTF8MB4Bin

func charsetOf(t Type) string { return collation.Charset(t.Collation) }

func toUTF8(text []byte, charset string) []byte {
	out, _ := collation.Convert(nil, text, charset, "utf8mb4")
	return out
}

// JSONSyntaxError says what is wrong in a JSON text.
type JSONSyntaxError struct {
	Reason string // in MySQL's words
	Pos    int    // byte, from 0
}

func (e *JSONSyntaxError) Error() string { return e.Reason }

// jsonParser turns a text into the binary form in one pass. Places of elements wait on a stack until their container
// ends.
type jsonParser struct {
	src    []byte
	pos    int
	dst    []byte
	depth  int
	places []uint32    // of elements of open arrays
	fields []jsonField // of members of open objects
}

// jsonLongText is the length from which a text's elements are counted first.
const jsonLongText = 64 << 10

// jsonField is a member, places counted from the start of its object.
type jsonField struct{ key, keyLength, value int }

// JSONParseBytes is what ParseJSON of a text takes of the heap: the binary form, and places of elements and members.
func JSONParseBytes(text []byte) int {
	return 6*len(text) + 24*bytes.Count(text, []byte(",")) + 60*bytes.Count(text, []byte(":"))
}

// ParseJSON appends the binary form of a text to dst. Errors: *JSONSyntaxError; sqlerr 3157 beyond 100 levels, 3151 for
// long keys, 3150 beyond 1 GiB.
func ParseJSON(src, dst []byte) ([]byte, error) {
	p := jsonParser{src: src, dst: dst}
	p.skip()
	if p.pos == len(src) {
		return dst, p.fail("The document is empty.")
	}
	if len(src) > jsonLongText {
		// Long buffers do not double.
		n := bytes.Count(src, []byte(","))
		p.places = make([]uint32, 0, n+1)
		p.dst = slices.Grow(dst, len(src)+16*n)
	}
	start := len(dst)
	if err := p.value(); err != nil {
		return dst, err
	}
	p.skip()
	if p.pos < len(src) {
		return dst, p.fail("The document root must not be followed by other values.")
	}
	if len(p.dst)-start > jsonSizeMax {
		return dst, sqlerr.New(sqlerr.ErrJSONValueTooBig)
	}
	return p.dst, nil
}

func (p *jsonParser) fail(reason string) error { return &JSONSyntaxError{Reason: reason, Pos: p.pos} }

func (p *jsonParser) skip() {
	for p.pos < len(p.src) {
		switch p.src[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// next returns the byte at the position, 0 at the end.
func (p *jsonParser) next() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

func (p *jsonParser) value() error {
	switch c := p.next(); {
	case c == '{':
		return p.nested(p.object)
	case c == '[':
		return p.nested(p.array)
	case c == '"':
		return p.string()
	case c == '-' || isDigit(c):
		return p.number()
	case c == 't':
		return p.word("true", JSONTrue)
	case c == 'f':
		return p.word("false", JSONFalse)
	case c == 'n':
		return p.word("null", JSONNull)
	}
	return p.fail("Invalid value.")
}

func (p *jsonParser) word(text string, kind JSONKind) error {
	if !bytes.HasPrefix(p.src[p.pos:], []byte(text)) {
		return p.fail("Invalid value.")
	}
	p.pos += len(text)
	p.dst = append(p.dst, byte(kind))
	return nil
}

// nested bounds the depth: an empty container is one level, what is in it one more.
func (p *jsonParser) nested(parse func() error) error {
	p.depth++
	if p.depth > jsonDepthMax {
		return sqlerr.New(sqlerr.ErrJSONDocumentTooDeep)
	}
	p.pos++
	p.skip()
	err := parse()
	p.depth--
	return err
}

func (p *jsonParser) array() error {
	start, base := len(p.dst), len(p.places)
	p.dst = appendJSONHeader(p.dst, JSONArray)
	for first := true; ; first = false {
		if first && p.next() == ']' {
			break
		}
		if p.depth == jsonDepthMax {
			return sqlerr.New(sqlerr.ErrJSONDocumentTooDeep)
		}
		p.places = append(p.places, uint32(len(p.dst)-start))
		if err := p.value(); err != nil {
			return err
		}
		p.skip()
		if p.next() == ']' {
			break
		}
		if p.next() != ',' {
			return p.fail("Missing a comma or ] after an array element.")
		}
		p.pos++
		p.skip()
	}
	p.pos++
	for _, at := range p.places[base:] {
		p.dst = binary.LittleEndian.AppendUint32(p.dst, at)
	}
	p.dst = finishJSON(p.dst, start, len(p.places)-base)
	p.places = p.places[:base]
	return nil
}

func (p *jsonParser) object() error {
	start, base := len(p.dst), len(p.fields)
	p.dst = appendJSONHeader(p.dst, JSONObject)
	for first := true; ; first = false {
		if first && p.next() == '}' {
			break
		}
		if p.depth == jsonDepthMax {
			return sqlerr.New(sqlerr.ErrJSONDocumentTooDeep)
		}
		if err := p.member(start); err != nil {
			return err
		}
		p.skip()
		if p.next() == '}' {
			break
		}
		if p.next() != ',' {
			return p.fail("Missing a comma or } after an object member.")
		}
		p.pos++
		p.skip()
	}
	p.pos++
	p.finishObject(start, base)
	return nil
}

func (p *jsonParser) member(start int) error {
	if p.next() != '"' {
		return p.fail("Missing a name for object member.")
	}
	field := jsonField{key: len(p.dst) - start}
	if err := p.text(); err != nil {
		return err
	}
	field.keyLength = len(p.dst) - start - field.key
	if field.keyLength > jsonKeyMax {
		return sqlerr.New(sqlerr.ErrJSONKeyTooBig)
	}
	p.skip()
	if p.next() != ':' {
		return p.fail("Missing a colon after a name of object member.")
	}
	p.pos++
	p.skip()
	field.value = len(p.dst) - start
	p.fields = append(p.fields, field)
	return p.value()
}

// finishObject orders the members and writes the table.
func (p *jsonParser) finishObject(start, base int) {
	object := p.dst[start:]
	key := func(f jsonField) []byte { return object[f.key : f.key+f.keyLength] }
	fields := p.fields[base:]
	slices.SortStableFunc(fields, func(a, b jsonField) int { return compareJSONKeys(key(a), key(b)) })
	p.fields = p.fields[:base]
	for i := 1; i < len(fields); i++ {
		if bytes.Equal(key(fields[i-1]), key(fields[i])) {
			p.rebuildObject(start, fields)
			return
		}
	}
	for _, f := range fields {
		p.dst = appendJSONEntry(p.dst, f.key, f.keyLength, f.value)
	}
	p.dst = finishJSON(p.dst, start, len(fields))
}

// rebuildObject drops all but the last of equal keys, with their values, for which there is no place in the form.
func (p *jsonParser) rebuildObject(start int, fields []jsonField) {
	object := bytes.Clone(p.dst[start:])
	keys, values := make([][]byte, len(fields)), make([][]byte, len(fields))
	for i, f := range fields {
		keys[i] = object[f.key : f.key+f.keyLength]
		values[i] = jsonAt(object, f.value)
	}
	p.dst = AppendJSONObject(p.dst[:start], keys, values)
}

func (p *jsonParser) string() error {
	start := len(p.dst)
	p.dst = append(p.dst, byte(JSONString), 0, 0, 0, 0)
	if err := p.text(); err != nil {
		return err
	}
	binary.LittleEndian.PutUint32(p.dst[start+1:], uint32(len(p.dst)-start-jsonStringHead))
	return nil
}

// text appends the characters of a string in quotes.
func (p *jsonParser) text() error {
	open := p.pos
	p.pos++
	for {
		run := p.pos
		ascii := true
		for p.pos < len(p.src) && p.src[p.pos] != '"' && p.src[p.pos] != '\\' && p.src[p.pos] >= 0x20 {
			ascii = ascii && p.src[p.pos] < utf8.RuneSelf
			p.pos++
		}
		if chunk := p.src[run:p.pos]; ascii || utf8.Valid(chunk) {
			p.dst = append(p.dst, chunk...)
		} else {
			p.pos = run
			return p.fail("Invalid encoding in string.")
		}
		switch {
		case p.pos == len(p.src):
			p.pos = open
			return p.fail("Missing a closing quotation mark in string.")
		case p.src[p.pos] == '"':
			p.pos++
			return nil
		case p.src[p.pos] < 0x20:
			return p.fail("Invalid encoding in string.")
		}
		if err := p.escape(); err != nil {
			return err
		}
	}
}

// escape reads what follows a backslash.
func (p *jsonParser) escape() error {
	p.pos++
	c := p.next()
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return p.unicode()
	default:
		p.pos--
		return p.fail("Invalid escape character in string.")
	}
	p.pos++
	p.dst = append(p.dst, c)
	return nil
}

func (p *jsonParser) unicode() error {
	start := p.pos - 1
	r, ok := p.hex4()
	if !ok {
		p.pos = start
		return p.fail("Incorrect hex digit after \\u escape in string.")
	}
	if utf16.IsSurrogate(r) {
		if p.next() == '\\' && p.pos+1 < len(p.src) && p.src[p.pos+1] == 'u' {
			p.pos++
			low, ok := p.hex4()
			if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
				p.dst = utf8.AppendRune(p.dst, r)
				return nil
			}
		}
		p.pos = start
		return p.fail("The surrogate pair in string is invalid.")
	}
	p.dst = utf8.AppendRune(p.dst, r)
	return nil
}

// hex4 reads uXXXX.
func (p *jsonParser) hex4() (r rune, ok bool) {
	p.pos++
	if p.pos+4 > len(p.src) {
		return 0, false
	}
	for _, c := range p.src[p.pos : p.pos+4] {
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	p.pos += 4
	return r, true
}

func (p *jsonParser) digits() bool {
	start := p.pos
	for isDigit(p.next()) {
		p.pos++
	}
	return p.pos > start
}

func (p *jsonParser) number() error {
	start := p.pos
	if p.next() == '-' {
		p.pos++
	}
	zero := p.next() == '0'
	if zero {
		p.pos++
	} else if !p.digits() {
		return p.fail("Invalid value.")
	}
	whole := true
	if p.next() == '.' {
		whole = false
		p.pos++
		if !p.digits() {
			return p.fail("Miss fraction part in number.")
		}
	}
	if p.next()|0x20 == 'e' {
		whole = false
		p.pos++
		if c := p.next(); c == '+' || c == '-' {
			p.pos++
		}
		if !p.digits() {
			return p.fail("Miss exponent in number.")
		}
	}
	text := p.src[start:p.pos]
	if whole {
		if v, _, overflow, ok := ParseIntPrefix(text); ok && !overflow {
			p.dst = AppendJSONInt(p.dst, v)
			return nil
		}
		if v, _, overflow, ok := ParseUintPrefix(text); ok && !overflow {
			p.dst = AppendJSONUint(p.dst, v)
			return nil
		}
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil && math.IsInf(f, 0) {
		p.pos = start
		return p.fail("Number too big to be stored in double.")
	}
	p.dst = AppendJSONDouble(p.dst, f)
	return nil
}
