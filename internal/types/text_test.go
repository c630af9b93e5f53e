package types

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/types/collation"
)

// TestAppendFloat has what MySQL 8.0 prints.
func TestAppendFloat(t *testing.T) {
	for _, c := range []struct {
		v    float64
		bits int
		want string
	}{
		{0, 64, "0"}, {math.Copysign(0, -1), 64, "0"}, {1, 64, "1"}, {-1.5, 64, "-1.5"}, {0.1, 64, "0.1"},
		{100, 64, "100"}, {1e14, 64, "100000000000000"}, {123456789012345, 64, "123456789012345"},
		{1e15, 64, "1e15"}, {1e20, 64, "1e20"}, {123456789012345678, 64, "1.2345678901234568e17"},
		{1e-5, 64, "0.00001"}, {1e-14, 64, "0.00000000000001"}, {1e-15, 64, "1e-15"}, {1.5e-20, 64, "1.5e-20"},
		{math.MaxFloat64, 64, "1.7976931348623157e308"}, {1.0 / 3, 64, "0.3333333333333333"},
		{16777216, 32, "16777200"}, {float64(float32(0.1)), 32, "0.1"}, {float64(float32(3.14159274)), 32, "3.14159"},
		{float64(float32(1.17549e-38)), 32, "1.17549e-38"}, {1e10, 32, "10000000000"}, {999999.5, 32, "1000000"},
	} {
		require.Equal(t, c.want, string(AppendFloat([]byte{}, c.v, c.bits)), "%v", c.v)
	}
}

func TestAppendText(t *testing.T) {
	zerofill := NewInteger(Int, true)
	zerofill.ZeroFill, zerofill.Length = true, 5
	plain := NewInteger(Int, true)
	plain.ZeroFill = true
	fixed := NewDouble()
	fixed.Precision, fixed.Scale = 8, 3
	e, s := NewEnum(members, collation.Default), NewSet(members, collation.Default)
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	v := date(t, "2024-07-01 10:11:12.5")
	for _, c := range []struct {
		d    Datum
		want string
	}{
		{NullDatum(NewInt()), ""},
		{IntDatum(math.MinInt64), "-9223372036854775808"},
		{UintDatum(math.MaxUint64), "18446744073709551615"},
		{NewUintDatum(zerofill, 42), "00042"},
		{NewUintDatum(zerofill, 1234567), "1234567"},
		{NewUintDatum(plain, 42), "0000000042"},
		{NewFloatDatum(fixed, 1.5), "1.500"},
		{NewFloatDatum(NewDouble(), 1.5), "1.5"},
		{NewDecDatum(NewDecimal(10, 2), dec(t, "-1.5", 2)), "-1.50"},
		{NewIntDatum(NewDate(), DatePart(v)), "2024-07-01"},
		{NewIntDatum(NewDateTime(1), v), "2024-07-01 10:11:12.5"},
		{NewIntDatum(NewTimestamp(0), TruncateDateTime(v, 0)), "2024-07-01 12:11:12"},
		{NewIntDatum(NewTime(3), -PackTime(false, 100, 2, 3, 4000)), "-100:02:03.004"},
		{NewIntDatum(NewYear(), 0), "0000"},
		{NewUintDatum(e, 2), "it's"},
		{NewUintDatum(e, 0), ""},
		{NewUintDatum(s, 5), "small,Large"},
		{NewUintDatum(s, 0), ""},
		{NewUintDatum(NewBit(9), 0x141), "\x01\x41"},
		{StringDatum("abc"), "abc"},
		{NewStringDatum(NewJSON(), parseJSON(t, `{"a":1}`)), `{"a": 1}`},
	} {
		require.Equal(t, c.want, string(c.d.AppendText(nil, berlin)), c.d.Type.String())
	}
	require.Equal(t, "NULL", NullDatum(NewInt()).String())
}

func TestPrefixes(t *testing.T) {
	for _, c := range []struct {
		in                 string
		v                  int64
		rest, overflow, ok bool
	}{
		{"12abc", 12, true, false, true}, {"  -5 ", -5, false, false, true}, {"+7", 7, false, false, true},
		{"", 0, false, false, false}, {"abc", 0, true, false, false}, {"1.9", 1, true, false, true},
		{"9223372036854775808", math.MaxInt64, false, true, true},
		{"-9223372036854775808", math.MinInt64, false, false, true},
		{"-9223372036854775809", math.MinInt64, false, true, true},
		{"99999999999999999999999", math.MaxInt64, false, true, true}, {"-", 0, false, false, false},
	} {
		v, rest, overflow, ok := ParseIntPrefix([]byte(c.in))
		require.Equal(t, c.v, v, c.in)
		require.Equal(t, []bool{c.rest, c.overflow, c.ok}, []bool{rest, overflow, ok}, c.in)
	}
	u, _, overflow, _ := ParseUintPrefix([]byte("18446744073709551615"))
	require.EqualValues(t, uint64(math.MaxUint64), u)
	require.False(t, overflow)
	u, _, overflow, _ = ParseUintPrefix([]byte("18446744073709551616"))
	require.EqualValues(t, uint64(math.MaxUint64), u)
	require.True(t, overflow)
	u, _, overflow, _ = ParseUintPrefix([]byte("-1"))
	require.Zero(t, u)
	require.True(t, overflow)
	_, _, overflow, _ = ParseUintPrefix([]byte("-0"))
	require.False(t, overflow)
	i, _, overflow, _ := ParseIntWrapPrefix([]byte("18446744073709551615"))
	require.EqualValues(t, -1, i)
	require.True(t, overflow)
	for _, c := range []struct {
		in                 string
		v                  float64
		rest, overflow, ok bool
	}{
		{"1.5e3abc", 1500, true, false, true}, {" -.5 ", -0.5, false, false, true}, {"1e", 1, true, false, true},
		{"1e999", math.MaxFloat64, false, true, true}, {"-1e999", -math.MaxFloat64, false, true, true},
		{"abc", 0, true, false, false}, {"", 0, false, false, false}, {"1e-999", 0, false, false, true},
		{"0x10", 0, true, false, true}, {"inf", 0, true, false, false}, {"1_000", 1, true, false, true},
	} {
		v, rest, overflow, ok := ParseFloatPrefix([]byte(c.in))
		require.Equal(t, c.v, v, c.in)
		require.Equal(t, []bool{c.rest, c.overflow, c.ok}, []bool{rest, overflow, ok}, c.in)
	}
}

func TestDatumCompare(t *testing.T) {
	null := NullDatum(NewInt())
	require.Zero(t, null.Compare(null))
	require.Equal(t, -1, null.Compare(IntDatum(-5)))
	require.Equal(t, 1, IntDatum(5).Compare(IntDatum(-5)))
	require.Zero(t, StringDatum("a").Compare(StringDatum("A")))
	short, long := NewDecDatum(NewDecimal(5, 1), dec(t, "1.5", 1)), NewDecDatum(NewDecimal(5, 3), dec(t, "1.5", 3))
	require.Zero(t, short.Compare(long))
	require.Equal(t, -1, NewFloatDatum(NewDouble(), 1).Compare(NewFloatDatum(NewDouble(), 2)))
	j := func(s string) Datum { return NewStringDatum(NewJSON(), parseJSON(t, s)) }
	require.Zero(t, j(`1`).Compare(j(`1.0`)))
	d := StringDatum("a")
	c := d.Clone()
	d.S[0] = 'b'
	require.Equal(t, "a", string(c.S))
}

func BenchmarkAppendDateTime(b *testing.B) {
	v := date(b, "2024-07-01 10:11:12")
	var buf [32]byte
	for b.Loop() {
		AppendDateTime(buf[:0], v, 0)
	}
}
