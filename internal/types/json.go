package types

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// A JSON value is stored as one string of bytes that is read in place:
//
//	null, false, true            kind
//	integer, unsigned, double    kind, 8 bytes
//	date, datetime, ..., time    kind, 8 bytes: as in a vector; TIMESTAMP in local time
//	decimal                      kind, scale, 32 bytes
//	string                       kind, u32 length, UTF-8
//	opaque                       kind, protocol type byte, u32 length, bytes
//	array                        kind, u32 size, u32 count, elements, table of u32 places
//	object                       kind, u32 size, u32 count, keys and values, table of u32 key place, key length, place
//
// Numbers are little-endian. size is that of the whole value; places count from its first byte. The table is at the
// end, so that a text is converted in one pass. That of an object is ordered by length of key, then by its bytes; no
// key is there twice. Keys and elements do not overlap.

// JSONKind is the kind of a JSON value.
type JSONKind uint8

// The kinds; the numbers are the first byte of the binary form.
const (
	JSONNull JSONKind = iota
	JSONFalse
	JSONTrue
	JSONInt
	JSONUint
	JSONDouble
	JSONString
	JSONDecimal
	JSONDate
	JSONDateTime
	JSONTimestamp
	JSONTime
	JSONOpaque // bytes of another type: BLOB, BIT
	JSONArray
	JSONObject
	jsonKindEnd
)

const (
	// jsonDepthMax: a scalar has depth 1.
	jsonDepthMax = 100
	// jsonSizeMax is the largest value, that of max_allowed_packet.
	jsonSizeMax = 1 << 30
	// jsonKeyMax is the longest key.
	jsonKeyMax = math.MaxUint16

	jsonHeader      = 9 // of arrays and objects
	jsonArrayEntry  = 4
	jsonObjectEntry = 12
	jsonStringHead  = 5
	jsonOpaqueHead  = 6
	jsonDecimalSize = 2 + 32
	jsonNumberSize  = 9
)

func le32(b []byte, at int) int { return int(binary.LittleEndian.Uint32(b[at:])) }

// jsonSize is the size of the value at the start of bin.
func jsonSize(bin []byte) int {
	switch JSONKind(bin[0]) {
	case JSONNull, JSONFalse, JSONTrue:
		return 1
	case JSONString:
		return jsonStringHead + le32(bin, 1)
	case JSONDecimal:
		return jsonDecimalSize
	case JSONOpaque:
		return jsonOpaqueHead + le32(bin, 2)
	case JSONArray, JSONObject:
		return le32(bin, 1)
	}
	return jsonNumberSize
}

// JSONKindOf returns the kind of a value; JSONNull for no bytes.
func JSONKindOf(bin []byte) JSONKind {
	if len(bin) == 0 {
		return JSONNull
	}
	return JSONKind(bin[0])
}

// JSONTypeName is JSON_TYPE.
func JSONTypeName(bin []byte) string {
	switch JSONKindOf(bin) {
	case JSONFalse, JSONTrue:
		return "BOOLEAN"
	case JSONInt:
		return "INTEGER"
	case JSONUint:
		return "UNSIGNED INTEGER"
	case JSONDouble:
		return "DOUBLE"
	case JSONString:
		return "STRING"
	case JSONDecimal:
		return "DECIMAL"
	case JSONDate:
		return "DATE"
	case JSONDateTime, JSONTimestamp:
		return "DATETIME"
	case JSONTime:
		return "TIME"
	case JSONOpaque:
		return opaqueName(ProtocolByte(bin[1]))
	case JSONArray:
		return "ARRAY"
	case JSONObject:
		return "OBJECT"
	}
	return "NULL"
}

func opaqueName(t ProtocolByte) string {
	switch t {
	case ProtocolBit:
		return "BIT"
	case ProtocolTinyBlob, ProtocolMediumBlob, ProtocolLongBlob, ProtocolBlob, ProtocolVarString, ProtocolString,
		ProtocolVarChar:
		return "BLOB"
	}
	return "OPAQUE"
}

// jsonCount is the number of elements or members.
func jsonCount(bin []byte) int { return le32(bin, 5) }

// jsonInt64 is the payload of integers, doubles and temporal values.
func jsonInt64(bin []byte) int64 { return int64(binary.LittleEndian.Uint64(bin[1:])) }

// jsonBytes returns the text of a string or the bytes of an opaque value.
func jsonBytes(bin []byte) []byte {
	if JSONKind(bin[0]) == JSONOpaque {
		return bin[jsonOpaqueHead : jsonOpaqueHead+le32(bin, 2)]
	}
	return bin[jsonStringHead : jsonStringHead+le32(bin, 1)]
}

func jsonDecimal(bin []byte) (d Dec, scale uint8) {
	for i := range d {
		d[i] = binary.LittleEndian.Uint64(bin[2+8*i:])
	}
	return d, bin[1]
}

// value cuts out the value at a place.
func jsonAt(bin []byte, at int) []byte { return bin[at : at+jsonSize(bin[at:])] }

// JSONLen is JSON_LENGTH: elements, members, 1 for scalars.
func JSONLen(bin []byte) int {
	switch JSONKindOf(bin) {
	case JSONArray, JSONObject:
		return jsonCount(bin)
	}
	return 1
}

// JSONElem returns the i-th element of an array or value of an object, nil outside.
func JSONElem(bin []byte, i int) []byte {
	switch kind := JSONKindOf(bin); {
	case kind != JSONArray && kind != JSONObject, i < 0 || i >= jsonCount(bin):
		return nil
	case kind == JSONArray:
		return jsonAt(bin, le32(bin, jsonSize(bin)-(jsonCount(bin)-i)*jsonArrayEntry))
	}
	return jsonAt(bin, le32(bin, jsonEntry(bin, i)+8))
}

// jsonEntry is the place of the i-th entry in the table of an object.
func jsonEntry(bin []byte, i int) int { return jsonSize(bin) - (jsonCount(bin)-i)*jsonObjectEntry }

// JSONKey returns the i-th key of an object, nil outside.
func JSONKey(bin []byte, i int) []byte {
	if JSONKindOf(bin) != JSONObject || i < 0 || i >= jsonCount(bin) {
		return nil
	}
	e := jsonEntry(bin, i)
	at := le32(bin, e)
	return bin[at : at+le32(bin, e+4)]
}

// compareKeys orders keys by length, then by bytes.
func compareJSONKeys(a, b []byte) int {
	if len(a) != len(b) {
		return cmpInt(len(a), len(b))
	}
	return bytes.Compare(a, b)
}

// jsonFind returns the place of a key among the members, and whether it is there.
func jsonFind(bin, key []byte) (i int, ok bool) {
	low, high := 0, jsonCount(bin)
	for low < high {
		mid := (low + high) / 2
		switch c := compareJSONKeys(JSONKey(bin, mid), key); {
		case c == 0:
			return mid, true
		case c < 0:
			low = mid + 1
		default:
			high = mid
		}
	}
	return low, false
}

// JSONMember finds a member of an object.
func JSONMember(bin, key []byte) (v []byte, ok bool) {
	if JSONKindOf(bin) != JSONObject {
		return nil, false
	}
	i, ok := jsonFind(bin, key)
	if !ok {
		return nil, false
	}
	return JSONElem(bin, i), true
}

// JSONDepth is JSON_DEPTH.
func JSONDepth(bin []byte) int {
	deepest := 0
	switch JSONKindOf(bin) {
	case JSONArray, JSONObject:
		for i := range jsonCount(bin) {
			deepest = max(deepest, JSONDepth(JSONElem(bin, i)))
		}
	}
	return deepest + 1
}

// The builders append the binary form of a value.

// AppendJSONNull appends null.
func AppendJSONNull(dst []byte) []byte { return append(dst, byte(JSONNull)) }

// AppendJSONBool appends true or false.
func AppendJSONBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, byte(JSONTrue))
	}
	return append(dst, byte(JSONFalse))
}

func appendJSON64(dst []byte, kind JSONKind, v uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, byte(kind)), v)
}

// AppendJSONInt appends a signed integer.
func AppendJSONInt(dst []byte, v int64) []byte { return appendJSON64(dst, JSONInt, uint64(v)) }

// AppendJSONUint appends an unsigned integer.
func AppendJSONUint(dst []byte, v uint64) []byte { return appendJSON64(dst, JSONUint, v) }

// AppendJSONDouble appends a floating point number; NaN and infinities, which JSON lacks, become null.
func AppendJSONDouble(dst []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return AppendJSONNull(dst)
	}
	return appendJSON64(dst, JSONDouble, math.Float64bits(v))
}

// AppendJSONDecimal appends a decimal number.
func AppendJSONDecimal(dst []byte, d Dec, scale uint8) []byte {
	dst = append(dst, byte(JSONDecimal), scale)
	for _, w := range d {
		dst = binary.LittleEndian.AppendUint64(dst, w)
	}
	return dst
}

// AppendJSONString appends a string, in utf8mb4; invalid bytes become U+FFFD.
func AppendJSONString(dst []byte, s []byte) []byte {
	if !utf8.Valid(s) {
		s = bytes.ToValidUTF8(s, []byte("\uFFFD"))
	}
	dst = binary.LittleEndian.AppendUint32(append(dst, byte(JSONString)), uint32(len(s)))
	return append(dst, s...)
}

// AppendJSONTemporal appends a value of type Date, DateTime, Timestamp (in the session's local time) or Time.
func AppendJSONTemporal(dst []byte, id ID, v int64) []byte {
	kind := JSONDateTime
	switch id {
	case Date:
		kind = JSONDate
	case Timestamp:
		kind = JSONTimestamp
	case Time:
		kind = JSONTime
	}
	return appendJSON64(dst, kind, uint64(v))
}

// AppendJSONOpaque appends bytes of a type that JSON does not know; t is the protocol's byte of the type.
func AppendJSONOpaque(dst []byte, t ProtocolByte, b []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(append(dst, byte(JSONOpaque), byte(t)), uint32(len(b)))
	return append(dst, b...)
}

// AppendJSONArray appends an array of values in binary form.
func AppendJSONArray(dst []byte, elems [][]byte) []byte {
	start := len(dst)
	dst = appendJSONHeader(dst, JSONArray)
	for _, e := range elems {
		dst = append(dst, e...)
	}
	at := jsonHeader
	for _, e := range elems {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(at))
		at += len(e)
	}
	return finishJSON(dst, start, len(elems))
}

// AppendJSONObject appends an object; keys in any order, the last of equal ones wins.
func AppendJSONObject(dst []byte, keys, values [][]byte) []byte {
	order := make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return compareJSONKeys(keys[a], keys[b]) })
	last := order[:0]
	for i, at := range order {
		if i+1 == len(order) || !bytes.Equal(keys[at], keys[order[i+1]]) {
			last = append(last, at)
		}
	}
	start := len(dst)
	dst = appendJSONHeader(dst, JSONObject)
	for _, at := range last {
		dst = append(dst, keys[at]...)
		dst = append(dst, values[at]...)
	}
	place := jsonHeader
	for _, at := range last {
		dst = appendJSONEntry(dst, place, len(keys[at]), place+len(keys[at]))
		place += len(keys[at]) + len(values[at])
	}
	return finishJSON(dst, start, len(last))
}

func appendJSONHeader(dst []byte, kind JSONKind) []byte {
	return append(dst, byte(kind), 0, 0, 0, 0, 0, 0, 0, 0)
}

func appendJSONEntry(dst []byte, key, keyLength, value int) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(key))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(keyLength))
	return binary.LittleEndian.AppendUint32(dst, uint32(value))
}

// finishJSON fills in the header of the array or object in dst[start:].
func finishJSON(dst []byte, start, count int) []byte {
	binary.LittleEndian.PutUint32(dst[start+1:], uint32(len(dst)-start))
	binary.LittleEndian.PutUint32(dst[start+5:], uint32(count))
	return dst
}

// AppendJSONKeys appends an array of an object's keys; ok is false for other kinds.
func AppendJSONKeys(dst, bin []byte) (out []byte, ok bool) {
	if JSONKindOf(bin) != JSONObject {
		return dst, false
	}
	var keys [][]byte
	for i := range jsonCount(bin) {
		keys = append(keys, AppendJSONString(nil, JSONKey(bin, i)))
	}
	return AppendJSONArray(dst, keys), true
}

// DatumToJSON appends the JSON value of a Datum, null for NULL. Texts are parsed when parse is set (CAST AS JSON), else
// taken as strings (arguments of JSON_ARRAY). A TIMESTAMP must have been brought to local time. Errors: those of
// ParseJSON, 3144 for binary strings to be parsed.
func DatumToJSON(dst []byte, d Datum, parse bool) ([]byte, error) {
	switch d.Kind {
	case PhysNull:
		return AppendJSONNull(dst), nil
	case PhysInt64:
		if d.Type.IsTemporal() {
			return AppendJSONTemporal(dst, d.Type.ID, d.I), nil
		}
		return AppendJSONInt(dst, d.I), nil
	case PhysUint64:
		switch d.Type.ID {
		case Bit:
			return AppendJSONOpaque(dst, ProtocolBit, AppendUint64Text(nil, d.U, &d.Type)), nil
		case Enum, Set:
			return AppendJSONString(dst, AppendUint64Text(nil, d.U, &d.Type)), nil
		}
		return AppendJSONUint(dst, d.U), nil
	case PhysFloat64:
		return AppendJSONDouble(dst, d.F), nil
	case PhysDecimal:
		return AppendJSONDecimal(dst, d.D, d.Type.Scale), nil
	}
	switch {
	case d.Type.ID == JSON:
		return append(dst, d.S...), nil
	case d.Type.IsBinaryString() && parse:
		return dst, sqlerr.New(sqlerr.ErrInvalidJSONCharset, "binary")
	case d.Type.IsBinaryString():
		return AppendJSONOpaque(dst, d.Type.ProtocolType(0).Byte, d.S), nil
	}
	text := d.S
	if cs := charsetOf(d.Type); !strings.HasPrefix(cs, "utf8") {
		text = toUTF8(text, cs)
	}
	if parse {
		return ParseJSON(text, dst)
	}
	return AppendJSONString(dst, text), nil
}

// JSONToDatum returns a number, boolean (as integer), string or temporal value; ok is false for the others.
func JSONToDatum(bin []byte) (d Datum, ok bool) {
	switch JSONKindOf(bin) {
	case JSONFalse, JSONTrue:
		return NewIntDatum(NewBool(), truth(JSONKind(bin[0]) == JSONTrue)), true
	case JSONInt:
		return NewIntDatum(NewBigInt(), jsonInt64(bin)), true
	case JSONUint:
		return NewUintDatum(NewUBigInt(), uint64(jsonInt64(bin))), true
	case JSONDouble:
		return NewFloatDatum(NewDouble(), math.Float64frombits(uint64(jsonInt64(bin)))), true
	case JSONString:
		return NewStringDatum(NewText(LongText, jsonCollation), jsonBytes(bin)), true
	case JSONDecimal:
		v, scale := jsonDecimal(bin)
		return NewDecDatum(NewDecimal(MaxPrecision, int(scale)), v), true
	case JSONDate:
		return NewIntDatum(NewDate(), jsonInt64(bin)), true
	case JSONDateTime, JSONTimestamp:
		return NewIntDatum(NewDateTime(MaxFsp), jsonInt64(bin)), true
	case JSONTime:
		return NewIntDatum(NewTime(MaxFsp), jsonInt64(bin)), true
	}
	return Datum{}, false
}
