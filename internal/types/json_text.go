package types

import (
	"bytes"
	"encoding/base64"
	"math"
	"strconv"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// AppendJSONText appends MySQL's text of a value: {"a": 1, "b": [1, 2]}.
func AppendJSONText(dst, bin []byte) []byte {
	switch JSONKindOf(bin) {
	case JSONArray:
		dst = append(dst, '[')
		for i := range jsonCount(bin) {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = AppendJSONText(dst, JSONElem(bin, i))
		}
		return append(dst, ']')
	case JSONObject:
		dst = append(dst, '{')
		for i := range jsonCount(bin) {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(AppendJSONQuote(dst, JSONKey(bin, i)), ": "...)
			dst = AppendJSONText(dst, JSONElem(bin, i))
		}
		return append(dst, '}')
	}
	return appendJSONScalar(dst, bin, true)
}

// appendJSONScalar writes a scalar, strings and temporal values with or without quotes.
func appendJSONScalar(dst, bin []byte, quoted bool) []byte {
	quote := func(inner []byte) []byte {
		if quoted {
			return AppendJSONQuote(dst, inner)
		}
		return append(dst, inner...)
	}
	var buf [64]byte
	switch JSONKindOf(bin) {
	case JSONFalse:
		return append(dst, "false"...)
	case JSONTrue:
		return append(dst, "true"...)
	case JSONInt:
		return strconv.AppendInt(dst, jsonInt64(bin), 10)
	case JSONUint:
		return strconv.AppendUint(dst, uint64(jsonInt64(bin)), 10)
	case JSONDouble:
		return appendJSONDouble(dst, math.Float64frombits(uint64(jsonInt64(bin))))
	case JSONDecimal:
		d, scale := jsonDecimal(bin)
		return d.Append(dst, scale)
	case JSONString:
		return quote(jsonBytes(bin))
	case JSONDate:
		return quote(AppendDate(buf[:0], jsonInt64(bin)))
	case JSONDateTime, JSONTimestamp:
		return quote(AppendDateTime(buf[:0], jsonInt64(bin), MaxFsp))
	case JSONTime:
		return quote(AppendTime(buf[:0], jsonInt64(bin), MaxFsp))
	case JSONOpaque:
		text := append(buf[:0], "base64:type"...)
		text = append(strconv.AppendUint(text, uint64(bin[1]), 10), ':')
		return quote(base64.StdEncoding.AppendEncode(text, jsonBytes(bin)))
	}
	return append(dst, "null"...)
}

// appendJSONDouble writes 1.0 for 1, so that the text is a double again.
func appendJSONDouble(dst []byte, f float64) []byte {
	start := len(dst)
	if f == 0 && math.Signbit(f) {
		dst = append(dst, '-')
	}
	dst = AppendFloat(dst, f, 64)
	if !bytes.ContainsAny(dst[start:], ".e") {
		dst = append(dst, ".0"...)
	}
	return dst
}

const hexDigits = "0123456789abcdef"

// AppendJSONQuote is JSON_QUOTE.
func AppendJSONQuote(dst, s []byte) []byte {
	dst = append(dst, '"')
	for _, c := range s {
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			if c < 0x20 {
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			} else {
				dst = append(dst, c)
			}
		}
	}
	return append(dst, '"')
}

// AppendJSONUnquote is JSON_UNQUOTE of a JSON value: strings and temporal values without quotes, others as text.
func AppendJSONUnquote(dst, bin []byte) []byte {
	switch JSONKindOf(bin) {
	case JSONArray, JSONObject:
		return AppendJSONText(dst, bin)
	}
	return appendJSONScalar(dst, bin, false)
}

// UnquoteJSONText is JSON_UNQUOTE of a text: unescaped if it is in double quotes, else as it is. Error: sqlerr 3141.
func UnquoteJSONText(dst, s []byte) ([]byte, error) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return append(dst, s...), nil
	}
	p := jsonParser{src: s, dst: dst}
	err := p.text()
	if err == nil && p.pos < len(s) {
		err = p.fail("The document root must not be followed by other values.")
	}
	if err != nil {
		return dst, sqlerr.New(sqlerr.ErrInvalidJSONTextInParam, 1, "json_unquote", err.Error(), p.pos, "")
	}
	return p.dst, nil
}

// AppendJSONPretty is JSON_PRETTY.
func AppendJSONPretty(dst, bin []byte) []byte { return appendPretty(dst, bin, 0) }

func appendPretty(dst, bin []byte, level int) []byte {
	kind := JSONKindOf(bin)
	if kind != JSONArray && kind != JSONObject {
		return appendJSONScalar(dst, bin, true)
	}
	open, closing := byte('['), byte(']')
	if kind == JSONObject {
		open, closing = '{', '}'
	}
	dst = append(dst, open)
	for i := range jsonCount(bin) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendIndent(dst, level+1)
		if kind == JSONObject {
			dst = append(AppendJSONQuote(dst, JSONKey(bin, i)), ": "...)
		}
		dst = appendPretty(dst, JSONElem(bin, i), level+1)
	}
	if jsonCount(bin) > 0 {
		dst = appendIndent(dst, level)
	}
	return append(dst, closing)
}

func appendIndent(dst []byte, level int) []byte {
	dst = append(dst, '\n')
	for range level {
		dst = append(dst, "  "...)
	}
	return dst
}
