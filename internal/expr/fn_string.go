package expr

import (
	"bytes"

	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// String functions. Positions and lengths are in characters of the argument's charset. Pieces of an argument share its
// bytes (row.setSub); what has a length known beforehand is built in place (row.build).

func defineString(t table) {
	t.simple("concat", "S", 1, -1, returnsJoined(0), function{row: rowConcat})
	t.simple("concat_ws", "S", 2, -1, returnsJoined(1), function{flags: seesNull, row: rowConcatWS})
	t.simple("length", "s", 1, 1, returnsInt, function{vec: evalLength})
	t.alias("octet_length", "length")
	t.simple("bit_length", "s", 1, 1, returnsInt, function{row: func(r *row) error {
		return r.setI64(8 * int64(len(r.str(0))))
	}})
	t.simple("char_length", "s", 1, 1, returnsInt, function{row: func(r *row) error {
		return r.setI64(int64(r.chars(0, r.str(0))))
	}})
	t.alias("character_length", "char_length")
	t.simple("lower", "s", 1, 1, returnsLike(0, 1), function{row: rowLower})
	t.alias("lcase", "lower")
	t.simple("upper", "s", 1, 1, returnsLike(0, 1), function{row: rowUpper})
	t.alias("ucase", "upper")
	// TRIM(LEADING x FROM s) is ltrim(s, x), TRAILING rtrim, BOTH trim.
	t.simple("trim", "S", 1, 2, returnsLike(0, 1), function{row: func(r *row) error { return r.trim(true, true) }})
	t.simple("ltrim", "S", 1, 2, returnsLike(0, 1), function{row: func(r *row) error { return r.trim(true, false) }})
	t.simple("rtrim", "S", 1, 2, returnsLike(0, 1), function{row: func(r *row) error { return r.trim(false, true) }})
	t.simple("left", "si", 2, 2, returnsPrefix, function{row: rowLeft})
	t.simple("right", "si", 2, 2, returnsPrefix, function{row: rowRight})
	t.simple("substring", "si", 2, 3, returnsLike(0, 1), function{row: rowSubstring})
	t.alias("substr", "substring")
	t.alias("mid", "substring")
	t.simple("substring_index", "SSi", 3, 3, returnsLike(0, 1), function{row: rowSubstringIndex})
	t.simple("replace", "S", 3, 3, returnsReplaced, function{row: rowReplace})
	t.simple("instr", "S", 2, 2, returnsInt, function{row: func(r *row) error {
		return r.setI64(int64(r.find(r.str(0), r.str(1), 1)))
	}})
	t.simple("locate", "SSi", 2, 3, returnsInt, function{row: rowLocate})
	t.alias("position", "locate")
	t.simple("lpad", "SiS", 3, 3, returnsPadded, function{row: func(r *row) error { return r.pad(true) }})
	t.simple("rpad", "SiS", 3, 3, returnsPadded, function{row: func(r *row) error { return r.pad(false) }})
	t.simple("repeat", "si", 2, 2, returnsRepeated, function{row: rowRepeat})
	t.simple("space", "i", 1, 1, returnsSpaces, function{row: rowSpace})
	t.simple("reverse", "s", 1, 1, returnsLike(0, 1), function{row: rowReverse})
	t.simple("insert", "SiiS", 4, 4, returnsJoined(0), function{row: rowInsert})
	t.simple("elt", "iS", 2, -1, returnsLongest, function{flags: seesNull | mayNull, row: rowElt})
	t.simple("find_in_set", "S", 2, 2, returnsInt, function{row: rowFindInSet})
	t.simple("make_set", "uS", 2, -1, returnsJoined(1), function{flags: seesNull, row: rowMakeSet})
	t.simple("export_set", "uSSSi", 3, 5, returnsText(2048), function{row: rowExportSet})
	t.simple("quote", "s", 1, 1, returnsLike(0, 2), function{flags: seesNull, row: rowQuote})
	t["field"] = definition{2, -1, buildField}
	t["like"] = definition{2, 3, buildLike}
	t["not like"] = definition{2, 3, func(b *builder, args []Expr) (Expr, error) {
		return b.negated(buildLike(b, args))
	}}
}

// Types of results.

func returnsJoined(from int) resultType {
	return func(_ *builder, args []Expr) types.Type {
		n := int64(0)
		for i, a := range args {
			if t := a.Type(); i >= from && t.IsString() {
				n += int64(textLength(t))
			}
		}
		if from == 1 && len(args) > 2 && args[0].Type().IsString() {
			n += int64(textLength(args[0].Type())) * int64(len(args)-2)
		}
		return stringType(int(min(n, types.MaxLongBlob)))
	}
}

func returnsLongest(_ *builder, args []Expr) types.Type {
	n := 0
	for _, a := range args[1:] {
		n = max(n, textLength(a.Type()))
	}
	return stringType(n)
}

func returnsPrefix(_ *builder, args []Expr) types.Type {
	n := textLength(args[0].Type())
	if v, ok := literalInt(args[1]); ok {
		n = min(n, int(max(v, 0)))
	}
	return stringType(n)
}

// unknownLength is for results whose length depends on values.
const unknownLength = types.MaxMediumBlob

func returnsPadded(_ *builder, args []Expr) types.Type {
	if v, ok := literalInt(args[1]); ok {
		return stringType(int(min(max(v, 0), types.MaxLongBlob)))
	}
	return stringType(unknownLength)
}

func returnsSpaces(b *builder, args []Expr) types.Type {
	n := int64(unknownLength)
	if v, ok := literalInt(args[0]); ok {
		n = min(max(v, 0), types.MaxLongBlob)
	}
	return types.NewVarChar(int(n), connection(b.env))
}

func returnsRepeated(_ *builder, args []Expr) types.Type {
	if v, ok := literalInt(args[1]); ok {
		n := int64(textLength(args[0].Type()))
		return stringType(int(min(max(v, 0)*n, types.MaxLongBlob)))
	}
	return stringType(unknownLength)
}

func returnsReplaced(_ *builder, args []Expr) types.Type {
	n := int64(textLength(args[0].Type()))
	if to := int64(textLength(args[2].Type())); to > 1 {
		n *= to
	}
	return stringType(int(min(n, types.MaxLongBlob)))
}

// chars counts the characters of b, which is in the charset of argument k.
func (r *row) chars(k int, b []byte) int {
	c := r.argType(k).Collation
	if collation.MaxWidth(c) == 1 {
		return len(b)
	}
	return collation.CharLength(c, b)
}

// prefix is the number of bytes of the first n characters.
func (r *row) prefix(k int, b []byte, n int) int {
	c := r.argType(k).Collation
	if collation.MaxWidth(c) == 1 || n >= len(b) {
		return min(n, len(b))
	}
	return collation.PrefixLen(c, b, n)
}

func evalLength(_ *Evaluator, nd *node, rs rows) error {
	orNulls(nd.out.Null, nd.av, rs)
	v, out := nd.av[0], nd.out.I64
	m := mask(v)
	for k := range rs.n {
		i := rs.at(k)
		out[i] = int64(v.Str[i&m].Len())
	}
	return nil
}

func rowConcat(r *row) error {
	n := int64(0)
	for k := range r.nargs() {
		n += int64(len(r.str(k)))
	}
	return r.build(n, func(dst []byte) {
		for k := range r.nargs() {
			dst = dst[copy(dst, r.str(k)):]
		}
	})
}

func rowConcatWS(r *row) error {
	if r.isNull(0) {
		return r.setNull()
	}
	sep, n, parts := r.str(0), int64(0), 0
	for k := 1; k < r.nargs(); k++ {
		if !r.isNull(k) {
			n += int64(len(r.str(k)))
			parts++
		}
	}
	n += int64(max(parts-1, 0)) * int64(len(sep))
	return r.build(n, func(dst []byte) {
		first := true
		for k := 1; k < r.nargs(); k++ {
			if r.isNull(k) {
				continue
			}
			if !first {
				dst = dst[copy(dst, sep):]
			}
			first = false
			dst = dst[copy(dst, r.str(k)):]
		}
	})
}

func rowLower(r *row) error {
	c := r.argType(0).Collation
	if c == collation.Binary {
		return r.setSub(0, 0, len(r.str(0)))
	}
	return r.setBuf(collation.Lower(c, r.bufFor(len(r.str(0))), r.str(0)))
}

func rowUpper(r *row) error {
	c := r.argType(0).Collation
	if c == collation.Binary {
		return r.setSub(0, 0, len(r.str(0)))
	}
	return r.setBuf(collation.Upper(c, r.bufFor(len(r.str(0))), r.str(0)))
}

func (r *row) trim(left, right bool) error {
	s, cut := r.str(0), []byte{' '}
	if r.nargs() > 1 {
		cut = r.str(1)
	}
	lo, hi := 0, len(s)
	if len(cut) > 0 {
		for left && bytes.HasPrefix(s[lo:hi], cut) {
			lo += len(cut)
		}
		for right && bytes.HasSuffix(s[lo:hi], cut) {
			hi -= len(cut)
		}
	}
	return r.setSub(0, lo, hi)
}

func clampInt(v int64) int { return int(min(max(v, -1<<31), 1<<31-1)) }

func rowLeft(r *row) error {
	n := clampInt(r.i64(1))
	return r.setSub(0, 0, r.prefix(0, r.str(0), max(n, 0)))
}

func rowRight(r *row) error {
	s, n := r.str(0), max(clampInt(r.i64(1)), 0)
	lo := r.prefix(0, s, max(r.chars(0, s)-n, 0))
	return r.setSub(0, lo, len(s))
}

func rowSubstring(r *row) error {
	s, pos := r.str(0), clampInt(r.i64(1))
	n := 1<<31 - 1
	if r.nargs() > 2 {
		n = clampInt(r.i64(2))
	}
	if pos < 0 {
		pos += r.chars(0, s) + 1
	}
	if pos <= 0 || n <= 0 {
		return r.setSub(0, 0, 0)
	}
	lo := r.prefix(0, s, pos-1)
	return r.setSub(0, lo, lo+r.prefix(0, s[lo:], n))
}

func rowSubstringIndex(r *row) error {
	s, delim, n := r.str(0), r.str(1), clampInt(r.i64(2))
	if len(delim) == 0 || n == 0 {
		return r.setSub(0, 0, 0)
	}
	if n > 0 {
		at := 0
		for ; n > 0; n-- {
			i := bytes.Index(s[at:], delim)
			if i < 0 {
				return r.setSub(0, 0, len(s))
			}
			at += i + len(delim)
		}
		return r.setSub(0, 0, at-len(delim))
	}
	at := len(s)
	for ; n < 0; n++ {
		i := bytes.LastIndex(s[:at], delim)
		if i < 0 {
			return r.setSub(0, 0, len(s))
		}
		at = i
	}
	return r.setSub(0, at+len(delim), len(s))
}

func rowReplace(r *row) error {
	s, from, to := r.str(0), r.str(1), r.str(2)
	count := 0
	if len(from) > 0 {
		count = bytes.Count(s, from)
	}
	if count == 0 {
		return r.setSub(0, 0, len(s))
	}
	n := int64(len(s)) + int64(count)*int64(len(to)-len(from))
	return r.build(n, func(dst []byte) {
		rest := s
		for range count {
			i := bytes.Index(rest, from)
			dst = dst[copy(dst, rest[:i]):]
			dst = dst[copy(dst, to):]
			rest = rest[i+len(from):]
		}
		copy(dst, rest)
	})
}

// find is the position in characters, from 1, of sub in s at or behind position pos; 0: none.
func (r *row) find(s, sub []byte, pos int) int {
	c := r.argType(0).Collation
	if c2 := r.argType(1).Collation; c2 != c {
		c = r.nd.compareCollation()
	}
	if pos < 1 {
		return 0
	}
	lo := collation.PrefixLen(c, s, pos-1)
	if lo < len(s) || pos-1 == collation.CharLength(c, s) {
		s = s[lo:]
	} else {
		return 0
	}
	if len(sub) == 0 {
		return pos
	}
	if collation.IsBinary(c) {
		i := bytes.Index(s, sub)
		if i < 0 {
			return 0
		}
		return pos + collation.CharLength(c, s[:i])
	}
	chars := collation.CharLength(c, sub)
	for len(s) > 0 {
		n := collation.PrefixLen(c, s, chars)
		if collation.Collate(c, s[:n], sub) == 0 {
			return pos
		}
		step := max(collation.PrefixLen(c, s, 1), 1)
		s = s[min(step, len(s)):]
		pos++
	}
	return 0
}

func rowLocate(r *row) error {
	pos := 1
	if r.nargs() > 2 {
		pos = clampInt(r.i64(2))
	}
	return r.setI64(int64(r.find(r.str(1), r.str(0), pos)))
}

func (r *row) pad(left bool) error {
	s, pad, want := r.str(0), r.str(2), clampInt(r.i64(1))
	if want < 0 {
		return r.setNull()
	}
	have := r.chars(0, s)
	if want <= have {
		return r.setSub(0, 0, r.prefix(0, s, want))
	}
	if len(pad) == 0 {
		return r.setStr(nil)
	}
	padChars := r.chars(2, pad)
	whole, rest := (want-have)/padChars, (want-have)%padChars
	tail := pad[:r.prefix(2, pad, rest)]
	n := int64(len(s)) + int64(whole)*int64(len(pad)) + int64(len(tail))
	return r.build(n, func(dst []byte) {
		if !left {
			dst = dst[copy(dst, s):]
		}
		for range whole {
			dst = dst[copy(dst, pad):]
		}
		dst = dst[copy(dst, tail):]
		if left {
			copy(dst, s)
		}
	})
}

func rowRepeat(r *row) error {
	s, n := r.str(0), max(r.i64(1), 0)
	if len(s) == 0 || n == 0 {
		return r.setStr(nil)
	}
	n = min(n, 1<<32)
	return r.build(n*int64(len(s)), func(dst []byte) {
		done := copy(dst, s)
		for done < len(dst) {
			done += copy(dst[done:], dst[:done])
		}
	})
}

func rowSpace(r *row) error {
	n := min(max(r.i64(0), 0), 1<<32)
	return r.build(n, func(dst []byte) {
		for i := range dst {
			dst[i] = ' '
		}
	})
}

func rowReverse(r *row) error {
	s, c := r.str(0), r.argType(0).Collation
	return r.build(int64(len(s)), func(dst []byte) {
		at := len(dst)
		for len(s) > 0 {
			n := min(max(collation.PrefixLen(c, s, 1), 1), len(s))
			at -= n
			copy(dst[at:], s[:n])
			s = s[n:]
		}
	})
}

func rowInsert(r *row) error {
	s, pos, n, with := r.str(0), clampInt(r.i64(1)), clampInt(r.i64(2)), r.str(3)
	have := r.chars(0, s)
	if pos < 1 || pos > have {
		return r.setSub(0, 0, len(s))
	}
	if n < 0 || n > have-pos+1 {
		n = have - pos + 1
	}
	lo := r.prefix(0, s, pos-1)
	hi := lo + r.prefix(0, s[lo:], n)
	return r.build(int64(len(s)-hi+lo+len(with)), func(dst []byte) {
		dst = dst[copy(dst, s[:lo]):]
		dst = dst[copy(dst, with):]
		copy(dst, s[hi:])
	})
}

func rowElt(r *row) error {
	if r.isNull(0) {
		return r.setNull()
	}
	k := r.i64(0)
	if k < 1 || k >= int64(r.nargs()) || r.isNull(int(k)) {
		return r.setNull()
	}
	return r.setSub(int(k), 0, len(r.str(int(k))))
}

func rowFindInSet(r *row) error {
	s, set, c := r.str(0), r.str(1), r.nd.compareCollation()
	if len(set) == 0 || bytes.IndexByte(s, ',') >= 0 {
		return r.setI64(0)
	}
	for k := int64(1); ; k++ {
		i := bytes.IndexByte(set, ',')
		part := set
		if i >= 0 {
			part = set[:i]
		}
		if collation.Collate(c, part, s) == 0 {
			return r.setI64(k)
		}
		if i < 0 {
			return r.setI64(0)
		}
		set = set[i+1:]
	}
}

func rowMakeSet(r *row) error {
	if r.isNull(0) {
		return r.setNull()
	}
	bits := r.u64(0)
	var parts [][]byte
	for k := 1; k < r.nargs() && k <= 64; k++ {
		if bits&(1<<(k-1)) != 0 && !r.isNull(k) {
			parts = append(parts, r.str(k))
		}
	}
	return r.join(parts, []byte{','})
}

// join makes the result of parts and what is between them.
func (r *row) join(parts [][]byte, sep []byte) error {
	n := int64(len(sep)) * int64(max(len(parts)-1, 0))
	for _, p := range parts {
		n += int64(len(p))
	}
	return r.build(n, func(dst []byte) {
		for k, p := range parts {
			if k > 0 {
				dst = dst[copy(dst, sep):]
			}
			dst = dst[copy(dst, p):]
		}
	})
}

func rowExportSet(r *row) error {
	sep, n := []byte{','}, 64
	if r.nargs() > 3 {
		sep = r.str(3)
	}
	if r.nargs() > 4 {
		if v := r.i64(4); v >= 0 && v < 64 {
			n = int(v)
		}
	}
	parts := make([][]byte, n)
	for k := range parts {
		if r.u64(0)&(1<<k) != 0 {
			parts[k] = r.str(1)
		} else {
			parts[k] = r.str(2)
		}
	}
	return r.join(parts, sep)
}

func rowQuote(r *row) error {
	if r.isNull(0) {
		return r.setStr([]byte("NULL"))
	}
	out := append(r.bufFor(2*len(r.str(0))+2), '\'')
	for _, c := range r.str(0) {
		switch c {
		case '\'', '\\':
			out = append(out, '\\', c)
		case 0:
			out = append(out, '\\', '0')
		case 26:
			out = append(out, '\\', 'Z')
		default:
			out = append(out, c)
		}
	}
	return r.setBuf(append(out, '\''))
}

// FIELD compares as strings if all arguments are strings, else as numbers.

var (
	fieldText = &function{name: "field", flags: seesNull, row: rowFieldText}
	fieldReal = &function{name: "field", flags: seesNull, row: rowFieldReal}
)

func buildField(b *builder, args []Expr) (Expr, error) {
	text := true
	for _, a := range args {
		t := a.Type()
		text = text && (isText(t) || t.ID == types.Null)
	}
	t := types.NewBigInt().WithNullable(false)
	if !text {
		cast, _, _, err := b.castArgs("f", args)
		return b.call(fieldReal, cast, t, 0, 0), err
	}
	if _, err := b.aggregateCompare(args); err != nil {
		return nil, err
	}
	cast, _, _, err := b.castArgs("S", args)
	if err != nil {
		return nil, err
	}
	return b.call(fieldText, cast, t, 0, 0), nil
}

func rowFieldText(r *row) error {
	if r.isNull(0) {
		return r.setI64(0)
	}
	c := r.nd.compareCollation()
	for k := 1; k < r.nargs(); k++ {
		if !r.isNull(k) && collation.Collate(c, r.str(0), r.str(k)) == 0 {
			return r.setI64(int64(k))
		}
	}
	return r.setI64(0)
}

func rowFieldReal(r *row) error {
	if r.isNull(0) {
		return r.setI64(0)
	}
	for k := 1; k < r.nargs(); k++ {
		if !r.isNull(k) && r.f64(0) == r.f64(k) {
			return r.setI64(int64(k))
		}
	}
	return r.setI64(0)
}
