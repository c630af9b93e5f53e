package parse

import (
	"errors"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/terror"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

const syntaxText = "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server " +
	"version for the right syntax to use"

// syntaxError is 1064.
func syntaxError(near string, line int) error {
	return sqlerr.New(sqlerr.ErrParse, syntaxText, near, line)
}

// ErrTooDeep is the refusal of a statement that nests too deeply or chains too many operators; the code is MySQL's
// for a stack that would overrun.
func tooDeep(what string, limit int) error {
	return sqlerr.Newf(sqlerr.ErrStackOverrunNeedMore, "Statement is too complex: more than %d %s", limit, what)
}

// translate makes a library error one of MySQL's. Syntax errors come as text, "line 1 column 5 near "rest" ".
func translate(err error, text string) error {
	for e := err; e != nil; {
		var te *terror.Error
		if errors.As(e, &te) {
			se := terror.ToSQLError(te)
			if se.Code == uint16(sqlerr.ErrParse) {
				break
			}
			if se.Code == uint16(sqlerr.ErrSyntax) {
				return syntaxError(atDoubleLength(text))
			}
			return sqlerr.Newf(sqlerr.Code(se.Code), "%s", se.Message)
		}
		c, ok := e.(interface{ Cause() error })
		if !ok {
			break
		}
		if next := c.Cause(); next != e {
			e = next
			continue
		}
		break
	}
	var own *sqlerr.Error
	if errors.As(err, &own) {
		return own
	}
	_, near, ok := strings.Cut(err.Error(), "near \"")
	if !ok {
		return syntaxError("", 1)
	}
	// near begins with the rest of the text, cut at 2,048 bytes; what follows it is not the text's.
	rest := ""
	for n := min(len(text), 2048); n >= 0; n-- {
		if strings.HasPrefix(near, text[len(text)-n:]) && strings.HasPrefix(near[n:], "\"") {
			rest = text[len(text)-n:]
			break
		}
	}
	at := len(text) - len(rest)
	if rest == "" && len(near) > 2048 {
		rest = near[:2048]
		at = max(strings.Index(text, rest), 0)
	}
	return syntaxError(rest, 1+strings.Count(text[:at], "\n"))
}

// atDoubleLength finds what MySQL does not understand in DOUBLE(5), the parenthesis in the place of a comma: the text
// from there and its line. The library's error does not tell.
func atDoubleLength(text string) (near string, line int) {
	w := newWords(text, scanner{backslash: true})
	for ; !w.end() && w.t.kind != tokInvalid; w.t = w.s.next() {
		if w.any("DOUBLE", "REAL") == "" {
			continue
		}
		w.take("PRECISION")
		if !w.s.punct(w.t, '(') {
			continue
		}
		w.t = w.s.next()
		if _, ok := w.number(); ok && w.s.punct(w.t, ')') {
			return text[w.t.start:], 1 + strings.Count(text[:w.t.start], "\n")
		}
	}
	return "", 1
}
