package dml

import (
	"github.com/spillwaydb/spillway/internal/plan/physical"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// maxTerminator is the longest terminator or prefix; the input buffer is larger.
const maxTerminator = 1024

// field is one value of a line, in the row's buffer.
type field struct {
	start, end int
	null       bool
}

// rowBuffer is where the bytes of a row are gathered.
type rowBuffer interface {
	// more returns a larger buffer with the same contents, or a refusal.
	more(b []byte) ([]byte, error)
}

// parser cuts a LOAD DATA file into lines and fields, as MySQL's READ_INFO does. Its rules, where the manual is vague:
//
//   - a field whose first byte is the enclosing one ends with an enclosing byte before a terminator; enclosing bytes
//     within it are doubled, or stand for themselves if no terminator follows;
//   - an escape before N alone is NULL; so is the bare word NULL if fields may be enclosed;
//   - an enclosing byte that is the escape byte too only doubles;
//   - what follows the last field wanted is skipped to the end of the line.
type parser struct {
	in     byteReader
	format physical.LoadFormat
	// wide: a byte from 0x81 on begins a character of two bytes, whose second one is never special.
	wide bool

	// special has the bytes that may mean something else than themselves.
	special *[256]bool

	rows    rowBuffer
	buf     []byte
	used    int
	fields  []field
	lineEnd bool // of the line in work was met
	eof     bool
}

// check refuses formats that cannot be parsed.
func checkFormat(f *physical.LoadFormat) error {
	if f.Terminated == "" && f.Enclosed == "" {
		return sqlerr.New(sqlerr.ErrNotSupportedYet, "LOAD DATA with rows of fixed size")
	}
	if len(f.Enclosed) > 1 || len(f.Escaped) > 1 {
		return sqlerr.New(sqlerr.ErrWrongFieldTerminators)
	}
	if max(len(f.Terminated), len(f.LinesTerminated), len(f.LinesStarting)) > maxTerminator {
		return sqlerr.New(sqlerr.ErrWrongFieldTerminators)
	}
	return nil
}

// prepare is called once, before the first line.
func (p *parser) prepare() {
	p.special = new([256]bool)
	for _, text := range []string{p.format.Escaped, p.format.Enclosed, p.format.Terminated, p.lineTerm()} {
		if text != "" {
			p.special[text[0]] = true
		}
	}
	for c := 0x81; p.wide && c <= 0xFF; c++ {
		p.special[c] = true
	}
}

// plain copies the bytes up to the next special one, as far as they are in the input buffer.
func (p *parser) plain() error {
	in := p.in.buf[p.in.r:p.in.w]
	n := 0
	for n < len(in) && !p.special[in[n]] {
		n++
	}
	for p.used+n > len(p.buf) {
		b, err := p.rows.more(p.buf)
		if err != nil {
			return err
		}
		p.buf = b
	}
	p.used += copy(p.buf[p.used:], in[:n])
	p.in.r += n
	return nil
}

func (p *parser) isEscape(c byte) bool { return p.format.Escaped != "" && p.format.Escaped[0] == c }

func (p *parser) isEnclosing(c byte) bool {
	return p.format.Enclosed != "" && p.format.Enclosed[0] == c
}

// lineTerm is the line's terminator; one that is the field's too ends no lines.
func (p *parser) lineTerm() string {
	if p.format.LinesTerminated == p.format.Terminated {
		return ""
	}
	return p.format.LinesTerminated
}

// put adds a byte to the row.
func (p *parser) put(c byte) error {
	if p.used == len(p.buf) {
		b, err := p.rows.more(p.buf)
		if err != nil {
			return err
		}
		p.buf = b
	}
	p.buf[p.used] = c
	p.used++
	return nil
}

// line reads a line of at most n fields; false at the end of the file. cut: there was more in the line.
func (p *parser) line(n int) (ok, cut bool, err error) {
	p.fields, p.used, p.lineEnd = p.fields[:0], 0, false
	if !p.start() {
		return false, false, p.in.failure()
	}
	for len(p.fields) < n && !p.lineEnd {
		if _, more := p.in.peek(); !more {
			p.eof, p.lineEnd = true, true
			break
		}
		if err := p.field(); err != nil {
			return false, false, err
		}
	}
	if err := p.in.failure(); err != nil {
		return false, false, err
	}
	if len(p.fields) == 0 {
		return false, false, nil
	}
	if !p.lineEnd {
		cut = p.skipLine()
	}
	return true, cut, p.in.failure()
}

// start goes behind the prefix that lines begin with.
func (p *parser) start() bool {
	if p.format.LinesStarting == "" {
		return true
	}
	for !p.in.accept(p.format.LinesStarting) {
		if _, ok := p.in.next(); !ok {
			return false
		}
	}
	return true
}

// skipLine goes to the next line and says if it passed over anything.
func (p *parser) skipLine() (cut bool) {
	term := p.lineTerm()
	if term == "" {
		return false
	}
	for {
		if p.in.accept(term) {
			return cut
		}
		c, ok := p.in.next()
		if !ok {
			p.eof = true
			return cut
		}
		cut = true
		if p.isEscape(c) {
			p.in.next()
		}
	}
}

// unescape is the meaning of a byte behind an escape.
func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case '0':
		return 0
	case 'b':
		return '\b'
	case 'Z':
		return 26
	}
	return c
}

// field reads one field, with its terminator.
func (p *parser) field() error {
	f := field{start: p.used}
	enclosed := false
	if c, ok := p.in.peek(); ok && p.isEnclosing(c) {
		p.in.next()
		enclosed = true
	}
	closed, null, err := p.body(enclosed)
	if err != nil {
		return err
	}
	f.end = p.used
	if enclosed && !closed {
		// The file ended within the field: it was no enclosed one, its first byte counts.
		if err := p.put(0); err != nil {
			return err
		}
		copy(p.buf[f.start+1:p.used], p.buf[f.start:p.used-1])
		p.buf[f.start] = p.format.Enclosed[0]
		f.end = p.used
	}
	text := p.buf[f.start:f.end]
	f.null = null && len(text) == 1 || !closed && p.format.Enclosed != "" && string(text) == "NULL"
	p.fields = append(p.fields, f)
	return nil
}

// body reads to the end of a field. closed: an enclosed one ended as it should. null: an escaped N was met.
func (p *parser) body(enclosed bool) (closed, null bool, err error) {
	for {
		if err := p.plain(); err != nil {
			return false, null, err
		}
		if !enclosed && p.ended() {
			return false, null, nil
		}
		c, ok := p.in.next()
		if !ok {
			p.eof, p.lineEnd = true, true
			return false, null, nil
		}
		switch {
		case p.isEscape(c) && !p.isEnclosing(c):
			e, ok := p.in.next()
			if !ok {
				p.eof, p.lineEnd = true, true
				return false, null, p.put(c)
			}
			null = null || e == 'N'
			c = unescape(e)
		case enclosed && p.isEnclosing(c):
			if n, ok := p.in.peek(); ok && n == c {
				p.in.next()
				break
			}
			if p.ended() {
				return true, null, nil
			}
			if _, ok := p.in.peek(); !ok {
				p.eof, p.lineEnd = true, true
				return true, null, nil
			}
		case p.isEscape(c):
			// Escape and enclosing byte are the same one, in a field that is not enclosed: it doubles.
			if n, ok := p.in.peek(); ok && n == c {
				p.in.next()
			}
		case p.wide && c >= 0x81:
			if err := p.put(c); err != nil {
				return false, null, err
			}
			if c, ok = p.in.next(); !ok {
				continue
			}
		}
		if err := p.put(c); err != nil {
			return false, null, err
		}
	}
}

// ended takes a terminator of the field or the line, if one comes next.
func (p *parser) ended() bool {
	if p.in.accept(p.lineTerm()) {
		p.lineEnd = true
		return true
	}
	return p.in.accept(p.format.Terminated)
}
