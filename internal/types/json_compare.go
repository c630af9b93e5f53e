package types

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
)

// jsonRank orders values of different kinds, as the reference manual's "Comparison and Ordering of JSON Values" does.
func jsonRank(bin []byte) int {
	switch JSONKindOf(bin) {
	case JSONInt, JSONUint, JSONDouble, JSONDecimal:
		return 1
	case JSONString:
		return 2
	case JSONObject:
		return 3
	case JSONArray:
		return 4
	case JSONFalse, JSONTrue:
		return 5
	case JSONDate:
		return 6
	case JSONTime:
		return 7
	case JSONDateTime, JSONTimestamp:
		return 8
	case JSONOpaque:
		switch opaqueName(ProtocolByte(bin[1])) {
		case "BIT":
			return 10
		case "BLOB":
			return 11
		}
		return 9
	}
	return 0
}

// JSONCompare orders values as MySQL does: by kind, numbers by value whatever their kind, strings by bytes, arrays by
// their first difference; objects, for which MySQL promises equality only, by count and then by members.
func JSONCompare(a, b []byte) int {
	rankA, rankB := jsonRank(a), jsonRank(b)
	if rankA != rankB {
		return cmp.Compare(rankA, rankB)
	}
	switch kind := JSONKindOf(a); kind {
	case JSONNull:
		return 0
	case JSONFalse, JSONTrue:
		return cmp.Compare(a[0], b[0])
	case JSONInt, JSONUint, JSONDouble, JSONDecimal:
		return compareJSONNumbers(a, b)
	case JSONString:
		return bytes.Compare(jsonBytes(a), jsonBytes(b))
	case JSONArray:
		for i := range min(jsonCount(a), jsonCount(b)) {
			if c := JSONCompare(JSONElem(a, i), JSONElem(b, i)); c != 0 {
				return c
			}
		}
		return cmp.Compare(jsonCount(a), jsonCount(b))
	case JSONObject:
		return compareJSONObjects(a, b)
	case JSONOpaque:
		if a[1] != b[1] {
			return cmp.Compare(a[1], b[1])
		}
		return bytes.Compare(jsonBytes(a), jsonBytes(b))
	}
	return cmp.Compare(jsonInt64(a), jsonInt64(b))
}

func compareJSONObjects(a, b []byte) int {
	if n, m := jsonCount(a), jsonCount(b); n != m {
		return cmp.Compare(n, m)
	}
	for i := range jsonCount(a) {
		if c := compareJSONKeys(JSONKey(a, i), JSONKey(b, i)); c != 0 {
			return c
		}
		if c := JSONCompare(JSONElem(a, i), JSONElem(b, i)); c != 0 {
			return c
		}
	}
	return 0
}

// compareJSONNumbers compares decimal digits, for doubles the shortest ones that mean them, so that 0.1 is 0.1 whatever
// its kind, and integers are exact.
func compareJSONNumbers(a, b []byte) int {
	if a[0] == b[0] {
		switch JSONKind(a[0]) {
		case JSONInt:
			return cmp.Compare(jsonInt64(a), jsonInt64(b))
		case JSONUint:
			return cmp.Compare(uint64(jsonInt64(a)), uint64(jsonInt64(b)))
		case JSONDouble:
			return cmp.Compare(math.Float64frombits(uint64(jsonInt64(a))), math.Float64frombits(uint64(jsonInt64(b))))
		}
	}
	x, y := jsonDigits(a), jsonDigits(b)
	return compareScanned(&x, &y)
}

// jsonDigits is a number as digits, without zeros at either end; negative is false for 0.
func jsonDigits(bin []byte) scanned {
	var buf [MaxPrecision + 8]byte
	var text []byte
	if JSONKind(bin[0]) == JSONDouble {
		text = strconv.AppendFloat(buf[:0], math.Float64frombits(uint64(jsonInt64(bin))), 'e', -1, 64)
	} else {
		text = appendJSONScalar(buf[:0], bin, false)
	}
	s := scanNumber(text)
	for s.n > 0 && s.digits[s.n-1] == '0' {
		s.n--
	}
	if s.n == 0 {
		s.negative, s.point = false, 0
	}
	return s
}

func compareScanned(x, y *scanned) int {
	if sx, sy := x.sign(), y.sign(); sx != sy || sx == 0 {
		return cmp.Compare(sx, sy)
	}
	c := cmp.Compare(x.point, y.point)
	if c == 0 {
		c = bytes.Compare(x.digits[:x.n], y.digits[:y.n])
	}
	if x.negative {
		return -c
	}
	return c
}

func (s *scanned) sign() int {
	switch {
	case s.n == 0:
		return 0
	case s.negative:
		return -1
	}
	return 1
}

// AppendJSONSortKey appends a key whose order by memcmp is that of JSONCompare; no key is a prefix of another one, and
// equal values have equal keys, so grouping and hashing go by it.
func AppendJSONSortKey(dst, bin []byte) []byte {
	dst = append(dst, byte(jsonRank(bin)))
	switch kind := JSONKindOf(bin); kind {
	case JSONNull:
		return dst
	case JSONFalse, JSONTrue:
		return append(dst, byte(kind))
	case JSONInt, JSONUint, JSONDouble, JSONDecimal:
		s := jsonDigits(bin)
		return appendNumberKey(dst, &s)
	case JSONString:
		return appendTerminated(dst, jsonBytes(bin))
	case JSONArray:
		for i := range jsonCount(bin) {
			dst = AppendJSONSortKey(append(dst, 1), JSONElem(bin, i))
		}
		return append(dst, 0)
	case JSONObject:
		dst = binary.BigEndian.AppendUint32(dst, uint32(jsonCount(bin)))
		for i := range jsonCount(bin) {
			key := JSONKey(bin, i)
			dst = append(binary.BigEndian.AppendUint32(dst, uint32(len(key))), key...)
			dst = AppendJSONSortKey(dst, JSONElem(bin, i))
		}
		return dst
	case JSONOpaque:
		return appendTerminated(append(dst, bin[1]), jsonBytes(bin))
	}
	return binary.BigEndian.AppendUint64(dst, uint64(jsonInt64(bin))^1<<63)
}

// appendNumberKey writes sign, place of the point, digits and an end below any digit; inverted for negative numbers.
func appendNumberKey(dst []byte, s *scanned) []byte {
	if s.n == 0 {
		return append(dst, 1)
	}
	if s.negative {
		dst = append(dst, 0)
	} else {
		dst = append(dst, 2)
	}
	start := len(dst)
	dst = binary.BigEndian.AppendUint16(dst, uint16(s.point+math.MaxInt16))
	dst = append(dst, s.digits[:s.n]...)
	dst = append(dst, 0)
	if s.negative {
		for i := start; i < len(dst); i++ {
			dst[i] = ^dst[i]
		}
	}
	return dst
}

// appendTerminated writes bytes so that the end is below anything that follows: 0 becomes 0 255, the end is 0 0.
func appendTerminated(dst, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, 0)
		if i < 0 {
			dst = append(dst, b...)
			return append(dst, 0, 0)
		}
		dst = append(append(dst, b[:i]...), 0, 255)
		b = b[i+1:]
	}
}

// JSONContains is JSON_CONTAINS.
func JSONContains(target, candidate []byte) bool {
	targetKind, kind := JSONKindOf(target), JSONKindOf(candidate)
	switch {
	case targetKind == JSONArray && kind == JSONArray:
		for i := range jsonCount(candidate) {
			if !arrayContains(target, JSONElem(candidate, i)) {
				return false
			}
		}
		return true
	case targetKind == JSONArray:
		return arrayContains(target, candidate)
	case targetKind == JSONObject && kind == JSONObject:
		for i := range jsonCount(candidate) {
			v, ok := JSONMember(target, JSONKey(candidate, i))
			if !ok || !JSONContains(v, JSONElem(candidate, i)) {
				return false
			}
		}
		return true
	}
	return JSONCompare(target, candidate) == 0
}

func arrayContains(array, candidate []byte) bool {
	for i := range jsonCount(array) {
		if JSONContains(JSONElem(array, i), candidate) {
			return true
		}
	}
	return false
}

// JSONOverlaps is JSON_OVERLAPS.
func JSONOverlaps(a, b []byte) bool {
	kindA, kindB := JSONKindOf(a), JSONKindOf(b)
	switch {
	case kindA == JSONArray && kindB == JSONArray:
		return slices.ContainsFunc(jsonElems(a), func(e []byte) bool { return isMember(b, e) })
	case kindA == JSONArray:
		return isMember(a, b)
	case kindB == JSONArray:
		return isMember(b, a)
	case kindA == JSONObject && kindB == JSONObject:
		for i := range jsonCount(a) {
			if v, ok := JSONMember(b, JSONKey(a, i)); ok && JSONCompare(v, JSONElem(a, i)) == 0 {
				return true
			}
		}
		return false
	}
	return JSONCompare(a, b) == 0
}

// JSONMemberOf is value MEMBER OF(array); a target that is no array is taken as one of a single element.
func JSONMemberOf(value, target []byte) bool {
	if JSONKindOf(target) == JSONArray {
		return isMember(target, value)
	}
	return JSONCompare(value, target) == 0
}

func isMember(array, value []byte) bool {
	for i := range jsonCount(array) {
		if JSONCompare(JSONElem(array, i), value) == 0 {
			return true
		}
	}
	return false
}

// jsonElems are the elements of an array or the values of an object.
func jsonElems(bin []byte) [][]byte {
	out := make([][]byte, jsonCount(bin))
	for i := range out {
		out[i] = JSONElem(bin, i)
	}
	return out
}

func jsonKeys(bin []byte) [][]byte {
	out := make([][]byte, jsonCount(bin))
	for i := range out {
		out[i] = JSONKey(bin, i)
	}
	return out
}
