package types

import (
	"errors"
	"fmt"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// string converts to character and binary strings and to JSON.
func (c *converter) string() ([]byte, error) {
	if c.to.ID == JSON {
		return c.json()
	}
	text := c.from.S // the value itself: a copy of a long one would be on the heap
	if !c.isText() {
		text = c.text()
	}
	if c.to.Collation == collation.Binary {
		return c.binary(text)
	}
	text, err := c.recode(text)
	if err != nil {
		return nil, err
	}
	return c.fitChars(text)
}

// recode brings text into the charset of the target and checks it there.
func (c *converter) recode(text []byte) ([]byte, error) {
	to := collation.Charset(c.to.Collation)
	from := to
	switch {
	case c.isText():
		from = collation.Charset(c.from.Type.Collation)
	default:
		from = collation.Charset(collation.Default) // texts that we make
	}
	if from != to && from != "binary" {
		out, lost := collation.Convert(nil, text, from, to)
		if lost > 0 {
			if err := c.incorrect("string", hexTail(text, 0)); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	valid := collation.ValidPrefix(c.to.Collation, text)
	if valid == len(text) {
		return text, nil
	}
	return text[:valid], c.incorrect("string", hexTail(text, valid))
}

// hexTailMax is how many bytes of a bad string a message shows.
const hexTailMax = 6

// hexTail shows what is wrong in a string from a place on, as MySQL does: \xFF\xFE...
func hexTail(text []byte, at int) []byte {
	tail := text[at:]
	var out []byte
	for i, b := range tail {
		if i == hexTailMax {
			return append(out, "..."...)
		}
		if b >= 0x20 && b < 0x7f {
			out = append(out, b)
		} else {
			out = fmt.Appendf(out, "\\x%02X", b)
		}
	}
	return out
}

// fitChars cuts to the length of the type: spaces beyond it silently (CHAR) or with a note.
func (c *converter) fitChars(text []byte) ([]byte, error) {
	id := c.to.Collation
	if c.to.ID == Char {
		text = collation.TrimSpaces(id, text) // they come back, or not, when a CHAR is read
	}
	end := len(text)
	if c.to.IsBlob() {
		if end > int(c.to.Length) {
			end = collation.ValidPrefix(id, text[:c.to.Length])
		}
	} else if end > int(c.to.Length) {
		end = collation.PrefixLen(id, text, int(c.to.Length))
	}
	if end == len(text) {
		return text, nil
	}
	if len(collation.TrimSpaces(id, text[end:])) > 0 {
		text, err := text[:end], c.tooLong()
		if c.to.ID == Char {
			text = collation.TrimSpaces(id, text)
		}
		return text, err
	}
	c.note(c.errTruncated())
	return text[:end], nil
}

// binary cuts to the length of the type; BINARY(n) is filled up with zeros.
func (c *converter) binary(b []byte) ([]byte, error) {
	n := int(c.to.Length)
	if len(b) > n {
		return b[:n], c.tooLong()
	}
	if c.to.ID == Binary && len(b) < n {
		out := make([]byte, n) // at most 255
		copy(out, b)
		return out, nil
	}
	return b, nil
}

// json parses texts; other values become their JSON counterparts.
func (c *converter) json() ([]byte, error) {
	if c.from.Type.ID == JSON {
		return c.from.S, nil
	}
	d := c.from
	switch {
	case c.isText() && d.Type.Collation == collation.Binary:
		return nil, sqlerr.New(sqlerr.ErrInvalidJSONCharset, "binary")
	case c.isText():
		text := d.S
		if cs := collation.Charset(d.Type.Collation); cs != "utf8mb4" && cs != "utf8mb3" {
			text, _ = collation.Convert(nil, text, cs, "utf8mb4")
		}
		bin, err := ParseJSON(text, nil)
		var syntax *JSONSyntaxError
		if errors.As(err, &syntax) {
			column := c.ctx.Column
			if c.ctx.Table != "" {
				column = c.ctx.Table + "." + column
			}
			return nil, sqlerr.New(sqlerr.ErrInvalidJSONText, syntax.Reason, syntax.Pos, column)
		}
		return bin, err
	case d.Type.ID == Timestamp:
		d.I = TimestampToLocal(d.I, c.ctx.Loc)
	}
	return DatumToJSON(nil, d, false)
}

// jsonNumber is a JSON value as a number: strings are parsed, arrays and objects are none.
func (c *converter) jsonNumber(kind string) (number, error) {
	bin := c.from.S
	switch JSONKindOf(bin) {
	case JSONString:
		return c.textNumber(kind, jsonBytes(bin))
	case JSONTrue, JSONFalse:
		return number{kind: PhysInt64, i: truth(JSONKindOf(bin) == JSONTrue)}, nil
	case JSONNull, JSONArray, JSONObject, JSONOpaque:
		if kind == "" {
			kind = "double"
		}
		e := sqlerr.New(sqlerr.ErrInvalidJSONValueForCast, "", kind, c.ctx.Column, c.ctx.Row)
		return number{kind: PhysInt64}, c.bad(e)
	}
	d, ok := JSONToDatum(bin)
	if !ok {
		return number{kind: PhysInt64}, c.bad(sqlerr.New(sqlerr.ErrInvalidJSONBinaryData))
	}
	inner := converter{ctx: c.ctx, from: d, to: c.to}
	return inner.number(kind)
}
