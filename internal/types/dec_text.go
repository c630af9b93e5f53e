package types

import (
	"errors"
	"math/bits"
	"strconv"

	"github.com/holiman/uint256"
)

// The errors of ParseDec.
var (
	ErrNotNumber = errors.New("not a number")
	ErrDecRange  = errors.New("more than 65 digits")
)

// chunkDigits digits at a time go through 64-bit arithmetic.
const (
	chunkDigits = 19
	chunkBase   = 10_000_000_000_000_000_000
)

// Append writes the number in plain notation with exactly scale digits behind the point.
func (d Dec) Append(buf []byte, scale uint8) []byte {
	if scale == 0 && d.fitsInt64() {
		return strconv.AppendInt(buf, int64(d[0]), 10)
	}
	m, negative := d.magnitude()
	if negative {
		buf = append(buf, '-')
	}
	var digits [80]byte
	n := len(digits)
	for {
		var chunk uint64
		last := m.IsUint64() && m[0] < chunkBase
		if last {
			chunk = m[0]
		} else {
			chunk = divChunk(&m)
		}
		for i := 0; i < chunkDigits && (!last || chunk > 0); i++ {
			n--
			digits[n] = byte('0' + chunk%10)
			chunk /= 10
		}
		if last {
			break
		}
	}
	text := digits[n:]
	s := int(scale)
	if s == 0 {
		if len(text) == 0 {
			return append(buf, '0')
		}
		return append(buf, text...)
	}
	if len(text) <= s {
		buf = append(buf, '0', '.')
		for range s - len(text) {
			buf = append(buf, '0')
		}
		return append(buf, text...)
	}
	buf = append(buf, text[:len(text)-s]...)
	buf = append(buf, '.')
	return append(buf, text[len(text)-s:]...)
}

// divChunk divides m by 10^19 and returns the remainder.
func divChunk(m *uint256.Int) (rem uint64) {
	for i := 3; i >= 0; i-- {
		m[i], rem = bits.Div64(rem, m[i], chunkBase)
	}
	return rem
}

// scanned is a number as found in a text: 0.digits * 10^point.
type scanned struct {
	digits   [MaxPrecision + 2]byte // significant ones, without leading zeros; more are only remembered as lost
	n        int
	point    int  // digits before the point; may be negative or larger than n
	lost     bool // digits other than 0 follow those kept
	negative bool
	rest     bool // something but spaces follows the number
	ok       bool // there was a digit
	fraction int  // digits written behind the point, after the exponent; for literals
}

// exponentMax bounds exponents, so that sums with lengths of texts do not overflow.
const exponentMax = 1 << 30

// scanNumber reads spaces, sign, digits with an optional point, and an exponent.
func scanNumber(b []byte) (s scanned) {
	i := skipSpaces(b, 0)
	if i < len(b) && (b[i] == '+' || b[i] == '-') {
		s.negative = b[i] == '-'
		i++
	}
	seenPoint := false
	for ; i < len(b); i++ {
		c := b[i]
		if c == '.' && !seenPoint {
			seenPoint = true
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		s.ok = true
		s.addDigit(c, seenPoint)
	}
	if !s.ok {
		s.rest = i < len(b)
		return s
	}
	if exp, end, ok := scanExponent(b, i); ok {
		s.point += exp
		s.fraction = max(s.fraction-exp, 0)
		i = end
	}
	s.rest = skipSpaces(b, i) < len(b)
	return s
}

func (s *scanned) addDigit(c byte, behindPoint bool) {
	if behindPoint {
		s.fraction++
	}
	switch {
	case s.n == 0 && c == '0':
		if behindPoint {
			s.point--
		}
		return
	case s.n < len(s.digits):
		s.digits[s.n] = c
		s.n++
	default:
		s.lost = s.lost || c != '0'
	}
	if !behindPoint {
		s.point++
	}
}

// scanExponent reads e, sign and digits at b[i:]; without digits it is no exponent.
func scanExponent(b []byte, i int) (exp, end int, ok bool) {
	if i >= len(b) || b[i]|0x20 != 'e' {
		return 0, i, false
	}
	i++
	negative := false
	if i < len(b) && (b[i] == '+' || b[i] == '-') {
		negative = b[i] == '-'
		i++
	}
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		exp = min(exp*10+int(b[i]-'0'), exponentMax)
		ok = true
	}
	if negative {
		exp = -exp
	}
	return exp, i, ok
}

func skipSpaces(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// toDec rounds to a scale, half away from zero; rounded tells if digits were lost.
func (s *scanned) toDec(scale uint8) (d Dec, rounded bool, err error) {
	if s.n == 0 {
		return Dec{}, false, nil
	}
	take := s.point + int(scale) // digits of the result
	if take > MaxPrecision {
		return Dec{}, false, ErrDecRange
	}
	if take < 0 {
		return Dec{}, true, nil
	}
	var m uint256.Int
	for at := 0; at < take; {
		chunk, size := uint64(0), min(chunkDigits, take-at)
		for range size {
			chunk *= 10
			if at < s.n {
				chunk += uint64(s.digits[at] - '0')
			}
			at++
		}
		m.Mul(&m, &pow10[size])
		m.AddUint64(&m, chunk)
	}
	rounded = s.lost
	for i := take; i < s.n; i++ {
		rounded = rounded || s.digits[i] != '0'
	}
	if take < s.n && s.digits[take] >= '5' {
		m.AddUint64(&m, 1)
	}
	d, ok := fromMagnitude(&m, s.negative)
	if !ok {
		return Dec{}, rounded, ErrDecRange
	}
	return d, rounded, nil
}

// ParseDec reads a number with optional spaces, sign, point and exponent and rounds it to the scale. truncated: digits
// were rounded away or garbage follows. Errors: ErrNotNumber, ErrDecRange.
func ParseDec(b []byte, scale uint8) (d Dec, truncated bool, err error) {
	s := scanNumber(b)
	if !s.ok {
		return Dec{}, len(b) > 0, ErrNotNumber
	}
	d, rounded, err := s.toDec(scale)
	return d, rounded || s.rest, err
}

// ParseDecLiteral reads a literal such as 1.50 with the precision and scale that MySQL gives it: as written, at most 65
// and 30 digits. Errors: ErrNotNumber, ErrDecRange.
func ParseDecLiteral(b []byte) (d Dec, precision, scale uint8, err error) {
	s := scanNumber(b)
	if !s.ok || s.rest {
		return Dec{}, 0, 0, ErrNotNumber
	}
	scale = uint8(min(s.fraction, MaxScale))
	d, _, err = s.toDec(scale)
	if err != nil {
		return Dec{}, 0, 0, err
	}
	precision = uint8(max(d.Digits(), int(scale), 1))
	return d, precision, scale, nil
}
