package types

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/testutil"
)

func dec(t testing.TB, s string, scale uint8) Dec {
	t.Helper()
	d, truncated, err := ParseDec([]byte(s), scale)
	require.NoError(t, err)
	require.False(t, truncated, s)
	return d
}

func TestParseDec(t *testing.T) {
	for _, c := range []struct {
		in        string
		scale     uint8
		want      string
		truncated bool
		err       error
	}{
		{"0", 0, "0", false, nil},
		{"-0", 2, "0.00", false, nil},
		{"1.5", 0, "2", true, nil},
		{"-1.5", 0, "-2", true, nil},
		{"1.4999999999999999999999999999999999999999999999999999999999999999999999999999", 0, "1", true, nil},
		{"1.005", 2, "1.01", true, nil},
		{" \t12.30abc", 2, "12.30", true, nil},
		{"12.30  ", 2, "12.30", false, nil},
		{".5", 1, "0.5", false, nil},
		{"5.", 1, "5.0", false, nil},
		{"1e3", 0, "1000", false, nil},
		{"1.234E-2", 5, "0.01234", false, nil},
		{"1e", 0, "1", true, nil},
		{"1e+", 0, "1", true, nil},
		{"1e-400", 30, "0.000000000000000000000000000000", true, nil},
		{"0.05", 0, "0", true, nil},
		{"0.5", 0, "1", true, nil},
		{"9999999999999999999", 0, "9999999999999999999", false, nil},
		{"10000000000000000000", 0, "10000000000000000000", false, nil},
		{"", 0, "0", false, ErrNotNumber},
		{"abc", 0, "0", true, ErrNotNumber},
		{".", 0, "0", true, ErrNotNumber},
		{"1e66", 0, "0", false, ErrDecRange},
		{"0e999999999999999", 0, "0", false, nil},
		{"99999999999999999999999999999999999999999999999999999999999999999", 0,
			"99999999999999999999999999999999999999999999999999999999999999999", false, nil},
		{"99999999999999999999999999999999999999999999999999999999999999999.5", 0, "0", true, ErrDecRange},
		{"-99999999999999999999999999999999999.999999999999999999999999999999", 30,
			"-99999999999999999999999999999999999.999999999999999999999999999999", false, nil},
		{"000000000000000000000000000000000000000000000000000000000000000000000000000000001", 0, "1", false, nil},
	} {
		d, truncated, err := ParseDec([]byte(c.in), c.scale)
		require.ErrorIs(t, err, c.err, c.in)
		require.Equal(t, c.want == "0" && c.err != nil, err != nil, c.in)
		require.Equal(t, c.truncated, truncated, c.in)
		require.Equal(t, c.want, string(d.Append(nil, c.scale)), c.in)
	}
}

func TestParseDecLiteral(t *testing.T) {
	for _, c := range []struct {
		in               string
		precision, scale uint8
	}{
		{"1", 1, 0}, {"1.50", 3, 2}, {"0.001", 3, 3}, {"10", 2, 0}, {".5", 1, 1}, {"123.4", 4, 1},
	} {
		_, p, s, err := ParseDecLiteral([]byte(c.in))
		require.NoError(t, err)
		require.Equal(t, c.precision, p, c.in)
		require.Equal(t, c.scale, s, c.in)
	}
}

func TestDecDivMod(t *testing.T) {
	for _, c := range []struct {
		a, b         string
		as, bs, rs   uint8
		quotient     string
		rem          string
		remScale     uint8
		divisionFits bool
	}{
		{"2", "3", 0, 0, 4, "0.6667", "2", 0, true},
		{"-2", "3", 0, 0, 4, "-0.6667", "-2", 0, true},
		{"1", "3", 0, 0, 4, "0.3333", "1", 0, true},
		{"10.5", "0.25", 1, 2, 5, "42.00000", "0.00", 2, true},
		{"1", "0.0001", 0, 4, 4, "10000.0000", "0.0000", 4, true},
		{"5.5", "-2", 1, 0, 5, "-2.75000", "1.5", 1, true},
		{"99999999999999999999999999999999999999999999999999999999999999999", "0.0001", 0, 4, 4, "", "0.0000", 4,
			false},
	} {
		q, ok := DecDiv(dec(t, c.a, c.as), c.as, dec(t, c.b, c.bs), c.bs, c.rs)
		require.Equal(t, c.divisionFits, ok)
		if ok {
			require.Equal(t, c.quotient, string(q.Append(nil, c.rs)))
		}
		r, ok := DecMod(dec(t, c.a, c.as), c.as, dec(t, c.b, c.bs), c.bs)
		require.True(t, ok)
		require.Equal(t, c.rem, string(r.Append(nil, c.remScale)))
	}
	_, ok := DecDiv(dec(t, "1", 0), 0, Dec{}, 0, 4)
	require.False(t, ok)
	_, ok = DecMod(dec(t, "1", 0), 0, Dec{}, 0)
	require.False(t, ok)
}

func TestDecConversions(t *testing.T) {
	i, ok := dec(t, "9223372036854775807.4", 1).ToInt64(1)
	require.True(t, ok)
	require.EqualValues(t, 9223372036854775807, i)
	i, ok = dec(t, "9223372036854775807.5", 1).ToInt64(1)
	require.False(t, ok)
	require.EqualValues(t, 9223372036854775807, i)
	i, ok = dec(t, "-2.5", 1).ToInt64(1)
	require.True(t, ok)
	require.EqualValues(t, -3, i)
	u, ok := dec(t, "-0.4", 1).ToUint64(1)
	require.True(t, ok)
	require.Zero(t, u)
	_, ok = dec(t, "-0.5", 1).ToUint64(1)
	require.False(t, ok)
	require.Equal(t, 0.1, dec(t, "0.1", 1).ToFloat64(1))
	require.Equal(t, 1e64, dec(t, "1e64", 0).ToFloat64(0))
	d, ok := DecFromFloat64(1.005, 2)
	require.True(t, ok)
	require.Equal(t, "1.01", string(d.Append(nil, 2)), "shortest text, then half away from zero")
	_, ok = DecFromFloat64(1e66, 0)
	require.False(t, ok)
	require.Equal(t, "-5.00", string(DecFromInt64(-5, 2).Append(nil, 2)))
	require.Equal(t, "18446744073709551615.0", string(DecFromUint64(18446744073709551615, 1).Append(nil, 1)))
}

// toBig and fromBig tie the code to math/big.
func toBig(d Dec) *big.Int {
	m, negative := d.magnitude()
	b := m.ToBig()
	if negative {
		b.Neg(b)
	}
	return b
}

var bigLimit = new(big.Int).Exp(big.NewInt(10), big.NewInt(MaxPrecision), nil)

// check holds a result against the right one.
func checkBig(t testing.TB, name string, want *big.Int, got Dec, ok bool) {
	t.Helper()
	fits := new(big.Int).Abs(want).Cmp(bigLimit) < 0
	if fits != ok {
		t.Fatalf("%s: %v fits: %v, got %v", name, want, fits, ok)
	}
	if ok && toBig(got).Cmp(want) != 0 {
		t.Fatalf("%s: want %v, got %v", name, want, toBig(got))
	}
}

// divRound divides half away from zero.
func divRound(a, b *big.Int) *big.Int {
	sign := a.Sign() * b.Sign()
	x, y := new(big.Int).Abs(a), new(big.Int).Abs(b)
	x.Lsh(x, 1).Add(x, y)
	q := x.Quo(x, y.Lsh(y, 1))
	if sign < 0 {
		q.Neg(q)
	}
	return q
}

func bigPow(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

func checkDec(t testing.TB, a, b Dec, as, bs, rs uint8) {
	t.Helper()
	x, y := toBig(a), toBig(b)
	r, ok := a.Add(b)
	checkBig(t, "add", new(big.Int).Add(x, y), r, ok)
	r, ok = a.Sub(b)
	checkBig(t, "sub", new(big.Int).Sub(x, y), r, ok)
	r, ok = a.Mul(b)
	checkBig(t, "mul", new(big.Int).Mul(x, y), r, ok)
	require.Equal(t, x.Cmp(y), a.Cmp(b))
	require.Equal(t, max(len(new(big.Int).Abs(x).String()), 1), a.Digits())
	r, ok = a.Rescale(as, rs)
	if rs >= as {
		checkBig(t, "up", new(big.Int).Mul(x, bigPow(int(rs-as))), r, ok)
	} else {
		checkBig(t, "down", divRound(x, bigPow(int(as-rs))), r, ok)
		checkBig(t, "truncate", new(big.Int).Quo(x, bigPow(int(as-rs))), a.TruncateTo(as, rs), true)
	}
	s := max(as, bs)
	xs, ys := new(big.Int).Mul(x, bigPow(int(s-as))), new(big.Int).Mul(y, bigPow(int(s-bs)))
	require.Equal(t, xs.Cmp(ys), DecCmp(a, as, b, bs))
	if !b.IsZero() {
		r, ok = DecDiv(a, as, b, bs, rs)
		checkBig(t, "div", divRound(new(big.Int).Mul(xs, bigPow(int(rs))), ys), r, ok)
		r, ok = DecMod(a, as, b, bs)
		checkBig(t, "mod", new(big.Int).Rem(xs, ys), r, ok)
	}
	back, truncated, err := ParseDec(a.Append(nil, as), as)
	require.NoError(t, err)
	require.False(t, truncated)
	require.Equal(t, a, back)
	f, _ := new(big.Rat).SetFrac(x, bigPow(int(as))).Float64()
	require.Equal(t, f, a.ToFloat64(as))
}

func randomDec(r *rand.Rand) Dec {
	var text []byte
	if r.IntN(2) == 0 {
		text = append(text, '-')
	}
	for range 1 + r.IntN(MaxPrecision) {
		text = append(text, byte('0'+r.IntN(10)))
	}
	d, _, _ := ParseDec(text, 0)
	return d
}

func TestDecAgainstBig(t *testing.T) {
	r := testutil.Rand(t)
	n := 20000
	if testutil.Long() {
		n *= 100
	}
	for range n {
		checkDec(t, randomDec(r), randomDec(r), uint8(r.IntN(31)), uint8(r.IntN(31)), uint8(r.IntN(31)))
	}
}

func FuzzDec(f *testing.F) {
	f.Add("1.5", "-99999999999999999999999999999999999999999999999999999999999999999", uint8(3), uint8(0), uint8(30))
	f.Fuzz(func(t *testing.T, a, b string, as, bs, rs uint8) {
		as, bs, rs = as%31, bs%31, rs%31
		x, _, err := ParseDec([]byte(a), as)
		if err != nil {
			return
		}
		y, _, err := ParseDec([]byte(b), bs)
		if err != nil {
			return
		}
		checkDec(t, x, y, as, bs, rs)
	})
}

func BenchmarkDecDiv(b *testing.B) {
	x, y := dec(b, "12345678901234567890123", 0), dec(b, "98765432109876543", 0)
	for b.Loop() {
		DecDiv(x, 4, y, 4, 8)
	}
}

func BenchmarkDecAppend(b *testing.B) {
	x := dec(b, "12345678901.23", 2)
	var buf [64]byte
	for b.Loop() {
		x.Append(buf[:0], 2)
	}
}
