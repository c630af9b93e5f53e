package bind

import (
	"strconv"
	"strings"
	"unsafe"

	"github.com/spillwaydb/spillway/internal/expr"
	"github.com/spillwaydb/spillway/internal/parse"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// collation is collation_connection, that of literals.
func (b *binder) collation() collation.ID {
	if c := b.ctx.Env.Collation; c != 0 {
		return c
	}
	return collation.Default
}

// literal types a literal.
func (b *binder) literal(v *parse.Value) (expr.Expr, error) {
	switch v.Kind() {
	case parse.KindNull:
		return expr.NewNull(), nil
	case parse.KindInt:
		return expr.NewInt(v.Int()), nil
	case parse.KindBool:
		return expr.NewConst(types.NewIntDatum(types.NewBool().WithNullable(false), v.Int())), nil
	case parse.KindUint:
		return expr.NewConst(types.NewUintDatum(types.NewUBigInt().WithNullable(false), v.Uint())), nil
	case parse.KindFloat:
		f, err := strconv.ParseFloat(v.Literal(), 64)
		if err != nil {
			return nil, sqlerr.New(sqlerr.ErrIllegalValueForType, "double", v.Literal())
		}
		return expr.NewConst(types.NewFloatDatum(types.NewDouble().WithNullable(false), f)), nil
	case parse.KindDecimal:
		return decimalLiteral(v.Literal(), "")
	case parse.KindHex, parse.KindBit:
		return b.bytesLiteral(v)
	default:
		return b.stringLiteral(v)
	}
}

// decimalLiteral is a number with a point, or an integer that is too long for BIGINT.
func decimalLiteral(s, sign string) (expr.Expr, error) {
	whole, part, _ := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	scale := min(len(part), types.MaxScale)
	t := types.NewDecimal(max(len(strings.TrimLeft(whole, "0"))+scale, 1), scale).WithNullable(false)
	d, _, err := types.ParseDec([]byte(sign+s), t.Scale)
	if err != nil {
		return nil, sqlerr.New(sqlerr.ErrIllegalValueForType, "decimal", s)
	}
	return expr.NewConst(types.NewDecDatum(t, d)), nil
}

// negative is a number behind a minus, so that -1 is a literal and the smallest BIGINT an integer; nil for other
// values.
func (b *binder) negative(v *parse.Value) expr.Expr {
	switch v.Kind() {
	case parse.KindInt:
		return expr.NewInt(-v.Int())
	case parse.KindUint:
		if v.Uint() == 1<<63 {
			return expr.NewInt(-1 << 63)
		}
		if e, err := decimalLiteral(strconv.FormatUint(v.Uint(), 10), "-"); err == nil {
			return e
		}
	case parse.KindDecimal:
		if e, err := decimalLiteral(v.Literal(), "-"); err == nil {
			return e
		}
	case parse.KindFloat:
		if f, err := strconv.ParseFloat(v.Literal(), 64); err == nil {
			return expr.NewConst(types.NewFloatDatum(types.NewDouble().WithNullable(false), -f))
		}
	}
	return nil
}

func (b *binder) stringLiteral(v *parse.Value) (expr.Expr, error) {
	return b.text([]byte(v.Literal()), v.Introducer())
}

// text is a string with an introducer, or "".
func (b *binder) text(s []byte, cs string) (expr.Expr, error) {
	c := b.collation()
	if cs != "" {
		id, ok := defaultCollation(cs)
		if !ok {
			return nil, sqlerr.New(sqlerr.ErrUnknownCharacterSet, cs)
		}
		// _utf8mb4'x' keeps the connection's collation if that is one of utf8mb4.
		if collation.Charset(c) != collation.Charset(id) {
			c = id
		}
	}
	return stringConst(s, c), nil
}

// bytesLiteral is x'41' or b'1'.
func (b *binder) bytesLiteral(v *parse.Value) (expr.Expr, error) {
	return b.bytes([]byte(v.Literal()), v.Introducer())
}

// bytes is a binary string, or text with an introducer.
func (b *binder) bytes(s []byte, cs string) (expr.Expr, error) {
	if cs == "" {
		return expr.NewHex(s), nil
	}
	id, ok := defaultCollation(cs)
	if !ok {
		return nil, sqlerr.New(sqlerr.ErrUnknownCharacterSet, cs)
	}
	return stringConst(s, id), nil
}

// long is a literal that the tree does not have. Its value lies in the statement's text, or in pages: one copy a
// statement, or, in rows that are read from the text, until the next rows are read.
func (b *binder) long(l *parse.Long) (expr.Expr, error) {
	text, plain := l.Plain()
	s, ok := unsafe.Slice(unsafe.StringData(text), len(text)), plain
	if !ok {
		s, ok = b.longs[l]
	}
	if !ok {
		room, err := b.longRoom(l.Size())
		if err != nil {
			return nil, err
		}
		if s, err = l.Read(room[:0]); err != nil {
			return nil, err
		}
		if b.longs == nil {
			b.longs = map[*parse.Long][]byte{}
		}
		b.longs[l] = s
	}
	if l.Kind() == parse.KindHex {
		return b.bytes(s, l.Introducer())
	}
	return b.text(s, l.Introducer())
}

// longRoom is room for a long literal.
func (b *binder) longRoom(n int) ([]byte, error) {
	if b.inRows && b.ctx.RowPage != nil {
		return b.ctx.RowPage(n)
	}
	return listRoom{b.ctx}.Page(n)
}

// freeRows ends what the rows read so far have.
func (b *binder) freeRows() {
	b.longs = nil
	if b.ctx.FreeRowPages != nil {
		b.ctx.FreeRowPages()
	}
}

func stringConst(s []byte, c collation.ID) expr.Expr {
	t := types.NewVarChar(collation.CharLength(c, s), c)
	if c == collation.Binary {
		t = types.NewVarBinary(len(s))
	}
	return expr.NewConst(types.NewStringDatum(t.WithNullable(false), s))
}

func defaultCollation(charset string) (collation.ID, bool) { return collation.DefaultOf(charset) }

// param is a parameter's value; while a statement is prepared it is NULL of the type bound last.
func (b *binder) param(p *parse.Param) (expr.Expr, error) {
	if p.Long != nil {
		return b.long(p.Long)
	}
	if b.ctx.Params != nil {
		if p.Order >= len(b.ctx.Params) {
			return nil, sqlerr.New(sqlerr.ErrWrongArguments, "EXECUTE")
		}
		return expr.NewConst(b.ctx.Params[p.Order]), nil
	}
	if p.Order < len(b.ctx.ParamTypes) {
		return expr.NewConst(types.NullDatum(b.ctx.ParamTypes[p.Order])), nil
	}
	return expr.NewNull(), nil
}

func (b *binder) preparing() bool { return b.ctx.Params == nil && b.st.Params > 0 }
