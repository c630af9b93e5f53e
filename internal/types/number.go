package types

import (
	"errors"
	"math"
	"strconv"
)

// ParseIntPrefix reads the longest integer at the start of b after spaces, as CAST('12abc' AS SIGNED) does: no point,
// no exponent. rest tells if anything but spaces follows; ok is false when there are no digits; an overflow gives the
// nearest bound.
func ParseIntPrefix(b []byte) (v int64, rest, overflow, ok bool) {
	u, negative, rest, overflow, ok := scanInteger(b)
	switch {
	case negative && (overflow || u > 1<<63):
		return math.MinInt64, rest, true, ok
	case negative:
		return -int64(u), rest, false, ok
	case overflow || u > math.MaxInt64:
		return math.MaxInt64, rest, true, ok
	}
	return int64(u), rest, false, ok
}

// ParseUintPrefix is ParseIntPrefix for unsigned values; a minus sign overflows to 0 unless the value is 0.
func ParseUintPrefix(b []byte) (v uint64, rest, overflow, ok bool) {
	u, negative, rest, overflow, ok := scanInteger(b)
	switch {
	case negative && (overflow || u > 0):
		return 0, rest, true, ok
	case overflow:
		return math.MaxUint64, rest, true, ok
	}
	return u, rest, false, ok
}

// ParseIntWrapPrefix is CAST AS SIGNED of a text: values from 2^63 to 2^64-1 wrap around, smaller ones than -2^63 are
// clamped.
func ParseIntWrapPrefix(b []byte) (v int64, rest, overflow, ok bool) {
	u, negative, rest, overflow, ok := scanInteger(b)
	switch {
	case negative && (overflow || u > 1<<63):
		return math.MinInt64, rest, true, ok
	case negative:
		return -int64(u), rest, false, ok
	case overflow:
		return -1, rest, true, ok
	}
	return int64(u), rest, u > math.MaxInt64, ok
}

func scanInteger(b []byte) (u uint64, negative, rest, overflow, ok bool) {
	i := skipSpaces(b, 0)
	if i < len(b) && (b[i] == '+' || b[i] == '-') {
		negative = b[i] == '-'
		i++
	}
	for ; i < len(b) && isDigit(b[i]); i++ {
		ok = true
		d := uint64(b[i] - '0')
		if overflow || u > (math.MaxUint64-d)/10 {
			overflow = true
			continue
		}
		u = u*10 + d
	}
	return u, negative, skipSpaces(b, i) < len(b), overflow, ok
}

// ParseFloatPrefix reads the longest number at the start of b after spaces; ok is false when there are no digits, an
// overflow gives the largest double.
func ParseFloatPrefix(b []byte) (v float64, rest, overflow, ok bool) {
	start := skipSpaces(b, 0)
	end, ok := floatEnd(b, start)
	if !ok {
		return 0, skipSpaces(b, start) < len(b), false, false
	}
	v, err := strconv.ParseFloat(string(b[start:end]), 64)
	if errors.Is(err, strconv.ErrRange) && math.IsInf(v, 0) {
		v, overflow = math.Copysign(math.MaxFloat64, v), true
	}
	return v, skipSpaces(b, end) < len(b), overflow, true
}

// floatEnd finds where the number that starts at b[i] ends.
func floatEnd(b []byte, i int) (end int, ok bool) {
	if i < len(b) && (b[i] == '+' || b[i] == '-') {
		i++
	}
	point := false
	for ; i < len(b); i++ {
		if b[i] == '.' && !point {
			point = true
			continue
		}
		if !isDigit(b[i]) {
			break
		}
		ok = true
	}
	if !ok {
		return i, false
	}
	if _, e, isExp := scanExponent(b, i); isExp {
		i = e
	}
	return i, true
}

// The bounds of the integer types.
func intBounds(id ID) (low, high int64) {
	switch id {
	case TinyInt:
		return math.MinInt8, math.MaxInt8
	case SmallInt:
		return math.MinInt16, math.MaxInt16
	case MediumInt:
		return -1 << 23, 1<<23 - 1
	case Int:
		return math.MinInt32, math.MaxInt32
	}
	return math.MinInt64, math.MaxInt64
}

func uintBound(id ID) uint64 {
	switch id {
	case TinyInt:
		return math.MaxUint8
	case SmallInt:
		return math.MaxUint16
	case MediumInt:
		return 1<<24 - 1
	case Int:
		return math.MaxUint32
	}
	return math.MaxUint64
}

// IntRange returns the bounds of a signed integer type.
func (t Type) IntRange() (low, high int64) { return intBounds(t.ID) }

// UintMax returns the upper bound of an unsigned integer type, a BIT, an ENUM or a SET.
func (t Type) UintMax() uint64 {
	switch t.ID {
	case Bit:
		return bitMask(int(t.Length))
	case Set:
		return bitMask(t.Members.Len())
	case Enum:
		return uint64(t.Members.Len())
	}
	return uintBound(t.ID)
}

func bitMask(bits int) uint64 {
	if bits >= 64 {
		return math.MaxUint64
	}
	return 1<<max(bits, 0) - 1
}
