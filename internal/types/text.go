package types

import (
	"math"
	"math/bits"
	"strconv"
	"time"
)

// AppendInt64Text appends the text of a value of PhysInt64. loc is for TIMESTAMP; nil is UTC.
func AppendInt64Text(buf []byte, v int64, t *Type, loc *time.Location) []byte {
	switch t.ID {
	case Date:
		return AppendDate(buf, v)
	case DateTime:
		return AppendDateTime(buf, v, t.Scale)
	case Timestamp:
		return AppendDateTime(buf, TimestampToLocal(v, loc), t.Scale)
	case Time:
		return AppendTime(buf, v, t.Scale)
	case Year:
		return append4(buf, int(v))
	}
	return strconv.AppendInt(buf, v, 10)
}

// AppendUint64Text appends the text of a value of PhysUint64.
func AppendUint64Text(buf []byte, v uint64, t *Type) []byte {
	switch t.ID {
	case Bit:
		for i := (int(t.Length) + 7) / 8; i > 0; i-- {
			buf = append(buf, byte(v>>(8*(i-1))))
		}
		return buf
	case Enum:
		if v == 0 || v > uint64(t.Members.Len()) {
			return buf
		}
		return append(buf, t.Members.names[v-1]...)
	case Set:
		for first := true; v != 0; v &= v - 1 {
			i := bits.TrailingZeros64(v)
			if i >= t.Members.Len() {
				break
			}
			if !first {
				buf = append(buf, ',')
			}
			first = false
			buf = append(buf, t.Members.names[i]...)
		}
		return buf
	}
	start := len(buf)
	buf = strconv.AppendUint(buf, v, 10)
	if t.ZeroFill {
		return zeroFill(buf, start, t.DisplayLength())
	}
	return buf
}

// zeroFill widens buf[start:] with zeros on the left.
func zeroFill(buf []byte, start, width int) []byte {
	missing := width - (len(buf) - start)
	if missing <= 0 {
		return buf
	}
	for range missing {
		buf = append(buf, '0')
	}
	copy(buf[start+missing:], buf[start:len(buf)-missing])
	for i := range missing {
		buf[start+i] = '0'
	}
	return buf
}

// AppendFloat64Text appends the text of a value of PhysFloat64.
func AppendFloat64Text(buf []byte, v float64, t *Type) []byte {
	start := len(buf)
	switch {
	case t.Scale < NotFixed:
		buf = strconv.AppendFloat(buf, v, 'f', int(t.Scale), 64)
	case t.ID == Float:
		buf = AppendFloat(buf, v, 32)
	default:
		buf = AppendFloat(buf, v, 64)
	}
	if t.ZeroFill {
		return zeroFill(buf, start, t.DisplayLength())
	}
	return buf
}

// AppendDecText appends the text of a value of PhysDecimal.
func AppendDecText(buf []byte, v *Dec, t *Type) []byte {
	start := len(buf)
	buf = v.Append(buf, t.Scale)
	if t.ZeroFill {
		return zeroFill(buf, start, t.DisplayLength())
	}
	return buf
}

// AppendStringText appends the text of a value of PhysString: JSON as text, others as they are.
func AppendStringText(buf, v []byte, t *Type) []byte {
	if t.ID == JSON {
		return AppendJSONText(buf, v)
	}
	return append(buf, v...)
}

const (
	// floatDigits is how many significant digits MySQL prints of a FLOAT (FLT_DIG): 16777216 reads 16777200.
	floatDigits = 6
	// pointMax: numbers are written without exponent when the point is at most this far from the first digit.
	pointMax = 15
)

// AppendFloat appends a DOUBLE, or with 32 bits a FLOAT, as MySQL prints it: the shortest digits that mean the DOUBLE,
// at most six for a FLOAT; an exponent from 1e15 up and from 1e-15 down.
func AppendFloat(buf []byte, v float64, bitSize int) []byte {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return append(buf, '0') // there are no others in SQL
	}
	precision := -1
	if bitSize == 32 {
		precision = floatDigits - 1
	}
	var scratch [32]byte
	text := strconv.AppendFloat(scratch[:0], v, 'e', precision, 64)
	if text[0] == '-' {
		buf = append(buf, '-')
		text = text[1:]
	}
	var digits [24]byte
	n, i := 0, 0
	for ; text[i] != 'e'; i++ {
		if text[i] != '.' {
			digits[n] = text[i]
			n++
		}
	}
	for n > 1 && digits[n-1] == '0' {
		n--
	}
	exp := 0
	for _, c := range text[i+2:] {
		exp = exp*10 + int(c-'0')
	}
	if text[i+1] == '-' {
		exp = -exp
	}
	return appendDigits(buf, digits[:n], exp)
}

// appendDigits writes d.ddd * 10^exp.
func appendDigits(buf, digits []byte, exp int) []byte {
	point := exp + 1 // digits before the point
	switch {
	case point <= 1-pointMax || point > pointMax:
		buf = append(buf, digits[0])
		if len(digits) > 1 {
			buf = append(buf, '.')
			buf = append(buf, digits[1:]...)
		}
		buf = append(buf, 'e')
		return strconv.AppendInt(buf, int64(exp), 10)
	case point <= 0:
		buf = append(buf, '0', '.')
		for range -point {
			buf = append(buf, '0')
		}
		return append(buf, digits...)
	case point >= len(digits):
		buf = append(buf, digits...)
		for range point - len(digits) {
			buf = append(buf, '0')
		}
		return buf
	}
	buf = append(buf, digits[:point]...)
	buf = append(buf, '.')
	return append(buf, digits[point:]...)
}
