package expr

import (
	"bytes"
	"errors"
	"regexp"
	"regexp/syntax"
	"strings"
	"time"

	"github.com/dlclark/regexp2/v2"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// Regular expressions. Patterns go to Go's regexp, which is linear in the length of the text; those it refuses (look
// around, back references, possessive quantifiers) to regexp2, with limits on time and stack, as regexp_time_limit and
// regexp_stack_limit are in MySQL.

const (
	maxPatternBytes  = 16 << 10
	regexpTimeLimit  = time.Second
	regexpStackLimit = 1 << 20 // entries
)

func defineRegexp(t table) {
	t["regexp_like"] = definition{2, 3, func(b *builder, args []Expr) (Expr, error) {
		return b.regexp(regexpLike, "Ss", args, types.NewBool())
	}}
	t.alias("regexp", "regexp_like")
	t.alias("rlike", "regexp_like")
	t["not regexp"] = definition{2, 2, func(b *builder, args []Expr) (Expr, error) {
		return b.negated(NewCall("regexp_like", args, b.env))
	}}
	t["regexp_instr"] = definition{2, 6, func(b *builder, args []Expr) (Expr, error) {
		return b.regexp(regexpInstr, "SSiiis", args, types.NewBigInt())
	}}
	t["regexp_substr"] = definition{2, 5, func(b *builder, args []Expr) (Expr, error) {
		return b.regexp(regexpSubstr, "SSiis", args, stringType(textLength(args[0].Type())))
	}}
	t["regexp_replace"] = definition{3, 6, func(b *builder, args []Expr) (Expr, error) {
		return b.regexp(regexpReplace, "SSSiis", args, types.NewText(types.LongText, 0))
	}}
}

var (
	regexpLike    = &function{name: "regexp_like", flags: boolean, row: rowRegexpLike}
	regexpInstr   = &function{name: "regexp_instr", row: rowRegexpInstr}
	regexpSubstr  = &function{name: "regexp_substr", flags: mayNull, row: rowRegexpSubstr}
	regexpReplace = &function{name: "regexp_replace", row: rowRegexpReplace}
)

func (b *builder) regexp(fn *function, kinds string, args []Expr, t types.Type) (Expr, error) {
	c, err := b.aggregateCompare(args[:2])
	if err != nil {
		return nil, err
	}
	if kinds == "Ss" {
		kinds = "SSs"
	}
	out, _, coerc, err := b.castArgs(kinds, args)
	if err != nil {
		return nil, err
	}
	// The pattern's type carries the collation, which says if case counts.
	if pt := out[1].Type(); pt.Collation != c {
		pt.Collation = c
		out[1] = relabel(out[1], pt)
	}
	return b.call(fn, out, t, c, coerc), nil
}

// regexpState keeps the latest pattern compiled.
type regexpState struct {
	pattern []byte
	flags   []byte
	coll    collation.ID
	re      *regexp.Regexp
	slow    *regexp2.Regexp // if re is nil
	text    []byte          // the subject in utf8mb4, if it is in another charset
}

// compiled returns the pattern of argument 1 with the match type of argument flagsAt, if there is one.
func (r *row) compiled(flagsAt int) (*regexpState, error) {
	s, _ := r.nd.state.(*regexpState)
	if s == nil {
		s = &regexpState{}
		r.nd.state = s
	}
	var flags []byte
	if r.nargs() > flagsAt {
		flags = r.str(flagsAt)
	}
	pattern, c := r.str(1), r.argType(1).Collation
	if (s.re != nil || s.slow != nil) && bytes.Equal(s.pattern, pattern) && bytes.Equal(s.flags, flags) {
		return s, nil
	}
	s.re, s.slow = nil, nil
	s.pattern, s.flags, s.coll = append(s.pattern[:0], pattern...), append(s.flags[:0], flags...), c
	if len(pattern) == 0 {
		return nil, sqlerr.New(sqlerr.ErrRegexpIllegalArgument)
	}
	if len(pattern) > maxPatternBytes {
		return nil, sqlerr.New(sqlerr.ErrRegexpPatternTooBig)
	}
	return s, s.compile()
}

func (s *regexpState) compile() error {
	ignoreCase := strings.HasSuffix(collation.Name(s.coll), "_ci")
	multi, dot := false, false
	for _, f := range s.flags {
		switch f {
		case 'c':
			ignoreCase = false
		case 'i':
			ignoreCase = true
		case 'm':
			multi = true
		case 'n':
			dot = true
		case 'u':
		default:
			return sqlerr.New(sqlerr.ErrWrongArguments, "regexp_like")
		}
	}
	text := string(s.utf8(s.pattern))
	prefix := ""
	for _, f := range []struct {
		on     bool
		letter string
	}{{ignoreCase, "i"}, {multi, "m"}, {dot, "s"}} {
		if f.on {
			prefix += f.letter
		}
	}
	if prefix != "" {
		prefix = "(?" + prefix + ")"
	}
	var err error
	if s.re, err = regexp.Compile(prefix + text); err == nil {
		return nil
	}
	s.re = nil
	var options regexp2.RegexOptions
	if ignoreCase {
		options |= regexp2.IgnoreCase
	}
	if multi {
		options |= regexp2.Multiline
	}
	if dot {
		options |= regexp2.Singleline
	}
	slow, err2 := regexp2.Compile(text, options, regexp2.OptionMaxBacktrackingStackSize(regexpStackLimit))
	if err2 != nil {
		return regexpSyntax(err)
	}
	slow.MatchTimeout = regexpTimeLimit
	s.slow = slow
	return nil
}

func regexpSyntax(err error) error {
	var e *syntax.Error
	code := sqlerr.ErrRegexpIllegalArgument
	if errors.As(err, &e) {
		switch e.Code {
		case syntax.ErrMissingParen, syntax.ErrUnexpectedParen:
			code = sqlerr.ErrRegexpMismatchedParen
		case syntax.ErrMissingBracket:
			code = sqlerr.ErrRegexpMissingCloseBracket
		case syntax.ErrInvalidCharRange:
			code = sqlerr.ErrRegexpInvalidRange
		case syntax.ErrInvalidRepeatSize:
			code = sqlerr.ErrRegexpBadInterval
		case syntax.ErrInvalidEscape, syntax.ErrTrailingBackslash:
			code = sqlerr.ErrRegexpBadEscapeSequence
		case syntax.ErrLarge, syntax.ErrNestingDepth:
			code = sqlerr.ErrRegexpPatternTooBig
		default:
			return sqlerr.New(sqlerr.ErrRegexpRuleSyntax, 1, 1)
		}
	}
	return sqlerr.New(code)
}

// utf8 converts from the pattern's charset if that is not UTF-8.
func (s *regexpState) utf8(b []byte) []byte {
	switch cs := collation.Charset(s.coll); cs {
	case "utf8mb4", "utf8mb3", "ascii", "binary":
		return b
	default:
		s.text, _ = collation.Convert(s.text[:0], b, cs, "utf8mb4")
		return s.text
	}
}

// each calls f for the matches in b at or behind byte from, at most limit of them (< 0: all): offsets of the match and
// of its groups, -1 for groups without a match. Each match begins where the one before ended. The search sees nothing
// before from, so there ^ matches at from.
func (s *regexpState) each(b []byte, from, limit int, f func(m []int)) error {
	if s.re != nil {
		for _, m := range s.re.FindAllSubmatchIndex(b[from:], limit) {
			for i := range m {
				if m[i] >= 0 {
					m[i] += from
				}
			}
			f(m)
		}
		return nil
	}
	m, err := s.slow.FindStringMatchStartingAt(string(b), from)
	for n := 0; m != nil && err == nil && n != limit; n++ {
		var out []int
		for _, g := range m.Groups() {
			if len(g.Captures) == 0 {
				out = append(out, -1, -1)
				continue
			}
			at, length := g.ByteRange()
			out = append(out, at, at+length)
		}
		f(out)
		m, err = s.slow.FindNextMatch(m)
	}
	switch {
	case errors.Is(err, regexp2.ErrBacktrackingStackLimit):
		return sqlerr.New(sqlerr.ErrRegexpStackOverflow)
	case err != nil:
		return sqlerr.New(sqlerr.ErrRegexpTimeOut)
	}
	return nil
}

func rowRegexpLike(r *row) error {
	s, err := r.compiled(2)
	if err != nil {
		return err
	}
	b := s.utf8(r.str(0))
	if s.re != nil {
		return r.setBool(s.re.Match(b))
	}
	found := false
	if err := s.each(b, 0, 1, func([]int) { found = true }); err != nil {
		return err
	}
	return r.setBool(found)
}

// position reads the arguments pos (from 1, in characters) and occurrence at index at; b is in UTF-8.
func (r *row) position(at int, b []byte) (from int, occurrence int64, err error) {
	occurrence = 1
	if r.nargs() > at {
		pos := r.i64(at)
		chars := collation.CharLength(collation.UTF8MB4Bin, b)
		if pos < 1 || pos > int64(chars)+1 {
			return 0, 0, sqlerr.New(sqlerr.ErrRegexpIndexOutOfBounds)
		}
		from = collation.PrefixLen(collation.UTF8MB4Bin, b, int(pos-1))
	}
	if r.nargs() > at+1 {
		occurrence = r.i64(at + 1)
	}
	return from, occurrence, nil
}

// maxMatches bounds how many matches of a text are looked at.
const maxMatches = 1 << 24

// nth finds the occurrence-th match; nil if there is none.
func (r *row) nth(s *regexpState, b []byte, from int, occurrence int64) ([]int, error) {
	n := int(min(max(occurrence, 1), maxMatches))
	if err := r.payMatches(s, b, from, n); err != nil {
		return nil, err
	}
	var found []int
	k := 0
	err := s.each(b, from, n, func(m []int) {
		if k++; k == n {
			found = m
		}
	})
	return found, err
}

// match finds the match that arguments 2 and 3, position and occurrence, ask for; nil if there is none. b is the text
// in UTF-8.
func (r *row) match(flagsAt int) (s *regexpState, b []byte, m []int, err error) {
	if s, err = r.compiled(flagsAt); err != nil {
		return nil, nil, nil, err
	}
	b = s.utf8(r.str(0))
	from, occurrence, err := r.position(2, b)
	if err != nil {
		return nil, nil, nil, err
	}
	m, err = r.nth(s, b, from, occurrence)
	return s, b, m, err
}

func rowRegexpInstr(r *row) error {
	_, b, m, err := r.match(5)
	if err != nil {
		return err
	}
	if m == nil {
		return r.setI64(0)
	}
	at := m[0]
	if r.nargs() > 4 && r.i64(4) == 1 {
		at = m[1]
	}
	return r.setI64(int64(collation.CharLength(collation.UTF8MB4Bin, b[:at])) + 1)
}

func rowRegexpSubstr(r *row) error {
	s, b, m, err := r.match(4)
	if err != nil {
		return err
	}
	if m == nil {
		return r.setNull()
	}
	return r.setConverted(s, b[m[0]:m[1]])
}

// setConverted stores UTF-8 text in the charset of the result.
func (r *row) setConverted(s *regexpState, b []byte) error {
	switch cs := collation.Charset(s.coll); cs {
	case "utf8mb4", "utf8mb3", "ascii", "binary":
		return r.setStr(b)
	default:
		r.ev.conv, _ = collation.Convert(r.ev.conv[:0], b, "utf8mb4", cs)
		return r.setStr(r.ev.conv)
	}
}

func rowRegexpReplace(r *row) error {
	s, err := r.compiled(5)
	if err != nil {
		return err
	}
	b := s.utf8(r.str(0))
	if err := r.ev.borrow(2 * len(b)); err != nil {
		return err
	}
	if len(s.text) > 0 {
		b = bytes.Clone(b) // the replacement is converted in the same place
	}
	with := bytes.Clone(s.utf8(r.str(2)))
	from, occurrence, err := r.position(3, b)
	if err != nil {
		return err
	}
	if r.nargs() <= 4 {
		occurrence = 0
	}
	if s.re != nil && occurrence == 0 && bytes.IndexByte(with, '$') < 0 {
		return r.replaceAll(s, b, from, expandGroups(nil, with, nil, nil))
	}
	limit := maxMatches
	if occurrence > 0 {
		limit = int(min(occurrence, maxMatches))
	}
	if err := r.payMatches(s, b, from, limit); err != nil {
		return err
	}
	var out []byte
	done, k, paid := 0, int64(0), 0
	most := r.ev.maxPacket()
	var refused error
	each := s.each(b, from, limit, func(m []int) {
		if k++; refused != nil || occurrence > 0 && k != occurrence || int64(len(out)) > most {
			return
		}
		if need := len(out) + m[0] - done; need >= paid {
			paid = 2*need + scratchFree
			if refused = r.ev.borrow(2 * paid); refused != nil {
				return
			}
		}
		out = append(out, b[done:m[0]]...)
		out = expandGroups(out, with, b, m)
		done = m[1]
	})
	if err := errFirst(refused, each); err != nil {
		return err
	}
	if err := r.ev.borrow(len(out) + len(b) - done); err != nil {
		return err
	}
	out = append(out, b[done:]...)
	return r.setConverted(s, out)
}

func errFirst(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// payMatches pays for the places of matches, which are found all at once, or for regexp2's copy of the text.
func (r *row) payMatches(s *regexpState, b []byte, from, limit int) error {
	if s.re == nil {
		return r.ev.borrow(6 * len(b))
	}
	n := min(len(b)-from+1, limit)
	const placeBytes = 2 * (24 + 16)
	if n*placeBytes > scratchFree {
		count, _ := s.count(b[from:])
		n = min(n, count)
	}
	return r.ev.borrow(n * (placeBytes + 32*s.re.NumSubexp()))
}

// count finds how many matches there are, and of how many bytes.
func (s *regexpState) count(b []byte) (n, matched int) {
	s.re.ReplaceAllFunc(b, func(m []byte) []byte {
		n++
		matched += len(m)
		return nil
	})
	return n, matched
}

// replaceAll replaces all matches behind byte from by one text. Matches are handed over one by one, as parts of b.
func (r *row) replaceAll(s *regexpState, b []byte, from int, with []byte) error {
	rest := b[from:]
	n, matched := s.count(rest)
	size := int64(len(b)) - int64(matched) + int64(n)*int64(len(with))
	if r.tooLong(size) {
		return r.setNull()
	}
	if err := r.ev.borrow(int(size)); err != nil {
		return err
	}
	out := append(make([]byte, 0, size), b[:from]...)
	done := 0
	s.re.ReplaceAllFunc(rest, func(m []byte) []byte {
		at := cap(rest) - cap(m)
		out = append(append(out, rest[done:at]...), with...)
		done = at + len(m)
		return nil
	})
	return r.setConverted(s, append(out, rest[done:]...))
}

// expandGroups appends a replacement: $1 is a group, \x is x.
func expandGroups(out, with, b []byte, m []int) []byte {
	for i := 0; i < len(with); i++ {
		c := with[i]
		switch {
		case c == '\\' && i+1 < len(with):
			i++
			out = append(out, with[i])
		case c == '$' && i+1 < len(with) && with[i+1] >= '0' && with[i+1] <= '9':
			i++
			g := int(with[i] - '0')
			if 2*g+1 < len(m) && m[2*g] >= 0 {
				out = append(out, b[m[2*g]:m[2*g+1]]...)
			}
		default:
			out = append(out, c)
		}
	}
	return out
}
