package types

import (
	"math"
	"math/bits"
	"strconv"

	"github.com/holiman/uint256"
)

// Dec is the value of a DECIMAL without its scale: a signed 256-bit integer in two's complement, words in little-endian
// order. The number is Dec / 10^scale, the scale being that of the Type. It has at most 65 digits, which need 216 bits,
// so sums never wrap around; each operation says if its result has more.
type Dec [4]uint64

// pow10Max is the largest exponent whose power of ten fits 256 bits.
const pow10Max = 77

var pow10 = func() (t [pow10Max + 1]uint256.Int) {
	t[0].SetUint64(1)
	ten := uint256.NewInt(10)
	for i := 1; i < len(t); i++ {
		t[i].Mul(&t[i-1], ten)
	}
	return t
}()

// pow10Small has the powers that fit an uint64.
var pow10Small = func() (t [20]uint64) {
	t[0] = 1
	for i := 1; i < len(t); i++ {
		t[i] = t[i-1] * 10
	}
	return t
}()

// int64DigitsMax: any number of that many digits fits an int64.
const int64DigitsMax = 18

// fitsInt64 tells if the upper words only extend the sign.
func (d *Dec) fitsInt64() bool {
	s := uint64(int64(d[0]) >> 63)
	return d[1] == s && d[2] == s && d[3] == s
}

func decFromInt64(v int64) Dec {
	s := uint64(v >> 63)
	return Dec{uint64(v), s, s, s}
}

func (d *Dec) negative() bool { return int64(d[3]) < 0 }

// magnitude returns |d| and the sign.
func (d *Dec) magnitude() (m uint256.Int, negative bool) {
	if d.negative() {
		return uint256.Int(d.Neg()), true
	}
	return uint256.Int(*d), false
}

// fromMagnitude puts the sign back; ok is false beyond 65 digits.
func fromMagnitude(m *uint256.Int, negative bool) (Dec, bool) {
	if m[3] != 0 && !m.Lt(&pow10[MaxPrecision]) {
		return Dec{}, false
	}
	if negative {
		return Dec(*m).Neg(), true
	}
	return Dec(*m), true
}

// inRange tells if d has at most 65 digits.
func (d *Dec) inRange() bool {
	if d[3] == 0 || d[3] == math.MaxUint64 {
		return true // below 2^192
	}
	m, _ := d.magnitude()
	return m.Lt(&pow10[MaxPrecision])
}

// DecFromInt64 returns v * 10^scale; scale at most MaxScale.
func DecFromInt64(v int64, scale uint8) Dec {
	r, _ := decFromInt64(v).Rescale(0, min(scale, MaxScale)) // 19 + 30 digits always fit
	return r
}

// DecFromUint64 returns v * 10^scale; scale at most MaxScale.
func DecFromUint64(v uint64, scale uint8) Dec {
	r, _ := Dec{v}.Rescale(0, min(scale, MaxScale))
	return r
}

// DecFromFloat64 rounds the shortest text of f half away from zero, as MySQL does; ok is false when the value has more
// than 65 digits, is NaN or infinite.
func DecFromFloat64(f float64, scale uint8) (d Dec, ok bool) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Dec{}, false
	}
	var buf [32]byte
	d, _, err := ParseDec(strconv.AppendFloat(buf[:0], f, 'e', -1, 64), scale)
	return d, err == nil
}

// Add returns d + o, same scale; ok is false beyond 65 digits.
func (d Dec) Add(o Dec) (r Dec, ok bool) {
	var carry uint64
	r[0], carry = bits.Add64(d[0], o[0], 0)
	r[1], carry = bits.Add64(d[1], o[1], carry)
	r[2], carry = bits.Add64(d[2], o[2], carry)
	r[3], _ = bits.Add64(d[3], o[3], carry)
	return r, r.inRange()
}

// Sub returns d - o, same scale; ok is false beyond 65 digits.
func (d Dec) Sub(o Dec) (r Dec, ok bool) {
	var borrow uint64
	r[0], borrow = bits.Sub64(d[0], o[0], 0)
	r[1], borrow = bits.Sub64(d[1], o[1], borrow)
	r[2], borrow = bits.Sub64(d[2], o[2], borrow)
	r[3], _ = bits.Sub64(d[3], o[3], borrow)
	return r, r.inRange()
}

// Mul returns d * o with the sum of both scales; ok is false beyond 65 digits.
func (d Dec) Mul(o Dec) (r Dec, ok bool) {
	if d.fitsInt64() && o.fitsInt64() {
		return mulInt64(int64(d[0]), int64(o[0])), true
	}
	a, negA := d.magnitude()
	b, negB := o.magnitude()
	var m uint256.Int
	if _, overflow := m.MulOverflow(&a, &b); overflow {
		return Dec{}, false
	}
	return fromMagnitude(&m, negA != negB)
}

// mulInt64 is exact: 126 bits at most.
func mulInt64(a, b int64) Dec {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	// From the unsigned to the signed product: take off what the sign bits added.
	hi -= uint64(a>>63)&uint64(b) + uint64(b>>63)&uint64(a)
	s := uint64(int64(hi) >> 63)
	return Dec{lo, hi, s, s}
}

// Neg returns -d.
func (d Dec) Neg() Dec {
	var r Dec
	var borrow uint64
	r[0], borrow = bits.Sub64(0, d[0], 0)
	r[1], borrow = bits.Sub64(0, d[1], borrow)
	r[2], borrow = bits.Sub64(0, d[2], borrow)
	r[3], _ = bits.Sub64(0, d[3], borrow)
	return r
}

// Abs returns |d|.
func (d Dec) Abs() Dec {
	if d.negative() {
		return d.Neg()
	}
	return d
}

// Cmp compares numbers of the same scale: -1, 0, 1.
func (d Dec) Cmp(o Dec) int {
	if d[3] != o[3] {
		if int64(d[3]) < int64(o[3]) {
			return -1
		}
		return 1
	}
	for i := 2; i >= 0; i-- {
		if d[i] != o[i] {
			if d[i] < o[i] {
				return -1
			}
			return 1
		}
	}
	return 0
}

// Sign is -1, 0 or 1.
func (d Dec) Sign() int {
	switch {
	case d.negative():
		return -1
	case d.IsZero():
		return 0
	}
	return 1
}

// IsZero is Sign() == 0.
func (d Dec) IsZero() bool { return d[0]|d[1]|d[2]|d[3] == 0 }

// Digits is the number of decimal digits of the integer, 1 for 0.
func (d Dec) Digits() int {
	m, _ := d.magnitude()
	// log10(2) = 0.30103: an estimate from the bits that is right or one too low.
	n := m.BitLen() * 1233 >> 12
	if n <= pow10Max && !m.Lt(&pow10[n]) {
		n++
	}
	return max(n, 1)
}

// DecFits tells if d has at most precision digits.
func DecFits(d Dec, precision uint8) bool {
	if precision > MaxPrecision {
		precision = MaxPrecision
	}
	m, _ := d.magnitude()
	return m.Lt(&pow10[precision])
}

// DecMax is the largest number of that many digits: 99...9.
func DecMax(precision uint8) Dec {
	m := pow10[min(precision, MaxPrecision)]
	m.SubUint64(&m, 1)
	return Dec(m)
}

// ToInt64 rounds half away from zero; out of range gives the nearest bound and false.
func (d Dec) ToInt64(scale uint8) (int64, bool) {
	r, _ := d.Rescale(scale, 0)
	if r.fitsInt64() {
		return int64(r[0]), true
	}
	if r.negative() {
		return math.MinInt64, false
	}
	return math.MaxInt64, false
}

// ToUint64 rounds half away from zero; out of range gives the nearest bound and false.
func (d Dec) ToUint64(scale uint8) (uint64, bool) {
	r, _ := d.Rescale(scale, 0)
	switch {
	case r.negative():
		return 0, false
	case r[1]|r[2]|r[3] != 0:
		return math.MaxUint64, false
	}
	return r[0], true
}

// floatExactMax and float10Max: a quotient of an integer below 2^53 and a power of ten up to 10^22 is rounded once.
const (
	floatExactMax = 1 << 53
	float10Max    = 22
)

var pow10Float = [float10Max + 1]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
	1e21, 1e22,
}

// ToFloat64 returns the nearest float64.
func (d Dec) ToFloat64(scale uint8) float64 {
	if v := int64(d[0]); d.fitsInt64() && v <= floatExactMax && v >= -floatExactMax && scale <= float10Max {
		return float64(v) / pow10Float[scale]
	}
	var buf [MaxPrecision + 16]byte
	f, err := strconv.ParseFloat(string(d.Append(buf[:0], scale)), 64)
	if err != nil {
		return math.NaN() // not reached: Append writes a number far below 1e308
	}
	return f
}
