package types

import (
	"math/bits"

	"github.com/holiman/uint256"
)

// Rescale goes from one scale to another, rounding half away from zero; ok is false beyond 65 digits.
func (d Dec) Rescale(from, to uint8) (r Dec, ok bool) {
	switch {
	case from == to:
		return d, true
	case from < to:
		return d.scaleUp(to - from)
	}
	return d.scaleDown(from-to, true), true
}

// TruncateTo goes to a smaller scale towards zero; a larger one leaves d as it is.
func (d Dec) TruncateTo(from, to uint8) Dec {
	if to >= from {
		return d
	}
	return d.scaleDown(from-to, false)
}

func (d Dec) scaleUp(by uint8) (Dec, bool) {
	if by <= int64DigitsMax && d.fitsInt64() {
		return mulInt64(int64(d[0]), int64(pow10Small[by])), true
	}
	if d.IsZero() {
		return d, true
	}
	if by > pow10Max {
		return Dec{}, false
	}
	m, negative := d.magnitude()
	if _, overflow := m.MulOverflow(&m, &pow10[by]); overflow {
		return Dec{}, false
	}
	return fromMagnitude(&m, negative)
}

func (d Dec) scaleDown(by uint8, round bool) Dec {
	if by > pow10Max {
		return Dec{}
	}
	if by <= int64DigitsMax && d.fitsInt64() {
		v, p := int64(d[0]), int64(pow10Small[by])
		q, rem := v/p, v%p
		if round {
			if rem >= p-rem {
				q++
			} else if -rem >= p+rem {
				q--
			}
		}
		return decFromInt64(q)
	}
	m, negative := d.magnitude()
	var rem uint256.Int
	m.DivMod(&m, &pow10[by], &rem)
	if round {
		// rem >= p - rem says half or more without overflow.
		var rest uint256.Int
		rest.Sub(&pow10[by], &rem)
		if !rem.Lt(&rest) {
			m.AddUint64(&m, 1)
		}
	}
	if negative {
		return Dec(m).Neg()
	}
	return Dec(m)
}

// DecDiv returns a / b at the scale resScale, rounded half away from zero; ok is false for b = 0 and beyond 65 digits.
func DecDiv(a Dec, aScale uint8, b Dec, bScale uint8, resScale uint8) (r Dec, ok bool) {
	if b.IsZero() {
		return Dec{}, false
	}
	ma, negA := a.magnitude()
	mb, negB := b.magnitude()
	// Twice the quotient, rounded down: its last bit tells whether to round up.
	exp := int(resScale) + int(bScale) - int(aScale)
	if exp > pow10Max-1 || exp < -pow10Max {
		return Dec{}, a.IsZero() || exp < 0
	}
	var q uint256.Int
	if exp >= 0 {
		var factor uint256.Int
		factor.Lsh(&pow10[exp], 1)
		if fast, done := divSmall(&ma, &factor, &mb); done {
			q = fast
		} else if _, overflow := q.MulDivOverflow(&ma, &factor, &mb); overflow {
			return Dec{}, false
		}
	} else {
		// floor(floor(2a / b) / 10^n) is floor(2a / (b * 10^n)).
		ma.Lsh(&ma, 1)
		q.Div(&ma, &mb)
		q.Div(&q, &pow10[-exp])
	}
	up := q[0]&1 == 1
	q.Rsh(&q, 1)
	if up {
		q.AddUint64(&q, 1)
	}
	return fromMagnitude(&q, negA != negB)
}

// divSmall is a * f / b when all three and the quotient fit 64 bits.
func divSmall(a, f, b *uint256.Int) (q uint256.Int, ok bool) {
	if !a.IsUint64() || !f.IsUint64() || !b.IsUint64() {
		return q, false
	}
	hi, lo := bits.Mul64(a[0], f[0])
	if hi >= b[0] {
		return q, false
	}
	q[0], _ = bits.Div64(hi, lo, b[0])
	return q, true
}

// DecMod returns the remainder with the sign of a, at the larger of both scales; ok is false for b = 0 and beyond 65
// digits.
func DecMod(a Dec, aScale uint8, b Dec, bScale uint8) (r Dec, ok bool) {
	if b.IsZero() {
		return Dec{}, false
	}
	ma, negative := a.magnitude()
	mb, _ := b.magnitude()
	switch {
	case aScale == bScale:
		ma.Mod(&ma, &mb)
	case aScale < bScale:
		up := bScale - aScale
		if up > pow10Max {
			return Dec{}, false
		}
		ma.MulMod(&ma, &pow10[up], &mb)
	default:
		up := aScale - bScale
		if up > pow10Max {
			return a, true
		}
		// When the scaled b is beyond 256 bits, it is larger than a.
		if _, overflow := mb.MulOverflow(&mb, &pow10[up]); !overflow {
			ma.Mod(&ma, &mb)
		}
	}
	return fromMagnitude(&ma, negative)
}

// DecCmp compares numbers of different scales: -1, 0, 1.
func DecCmp(a Dec, aScale uint8, b Dec, bScale uint8) int {
	if aScale == bScale {
		return a.Cmp(b)
	}
	if sa, sb := a.Sign(), b.Sign(); sa != sb || sa == 0 {
		return cmpInt(sa, sb)
	}
	if aScale > bScale {
		return -DecCmp(b, bScale, a, aScale)
	}
	ma, negative := a.magnitude()
	mb, _ := b.magnitude()
	up := bScale - aScale
	c := 1 // of the magnitudes: the scaled a is beyond 256 bits
	if up <= pow10Max {
		if _, overflow := ma.MulOverflow(&ma, &pow10[up]); !overflow {
			c = ma.Cmp(&mb)
		}
	}
	if negative {
		return -c
	}
	return c
}

func cmpInt(a, b int) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
