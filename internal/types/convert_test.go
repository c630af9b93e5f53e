package types

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// conversion is a case of INSERT: the value in lenient mode, the code of the error in strict mode (0: none), and the
// code of the warning or note that the lenient mode leaves.
type conversion struct {
	from   Datum
	to     Type
	want   string
	strict sqlerr.Code
	warn   sqlerr.Code
}

func runConversions(t *testing.T, cases []conversion) {
	t.Helper()
	for _, c := range cases {
		name := c.from.String() + " (" + c.from.Type.String() + ") to " + c.to.String()
		var warnings []sqlerr.Warning
		ctx := &ConvContext{
			Mode: ModeDefault &^ ModeStrictTransTables, Loc: time.UTC, Column: "c", Row: 1,
			Warn: func(w sqlerr.Warning) { warnings = append(warnings, w) },
		}
		d, err := Convert(c.from, c.to, ctx)
		require.NoError(t, err, name)
		require.Equal(t, c.want, d.String(), name)
		require.True(t, d.Type.Equal(c.to), name)
		if c.warn == 0 {
			require.Empty(t, warnings, name)
		} else {
			require.NotEmpty(t, warnings, name)
			require.EqualValues(t, c.warn, warnings[0].Code, name)
		}
		ctx.Strict, ctx.Mode = true, ModeDefault
		d, err = Convert(c.from, c.to, ctx)
		require.Equal(t, c.strict, sqlerr.CodeOf(err), "%s: %v", name, err)
		if c.strict == 0 {
			require.Equal(t, c.want, d.String(), name)
		}
	}
}

const (
	codeRange     = sqlerr.ErrWarnDataOutOfRange          // 1264
	codeTruncated = sqlerr.WarnDataTruncated              // 1265
	codeWrong     = sqlerr.ErrTruncatedWrongValue         // 1292
	codeIncorrect = sqlerr.ErrTruncatedWrongValueForField // 1366
	codeTooLong   = sqlerr.ErrDataTooLong                 // 1406
)

func text(s string) Datum { return StringDatum(s) }

func double(f float64) Datum { return NewFloatDatum(NewDouble(), f) }

func decimal(t *testing.T, s string, scale uint8) Datum {
	return NewDecDatum(NewDecimal(MaxPrecision, int(scale)), dec(t, s, scale))
}

func TestConvertIntegers(t *testing.T) {
	runConversions(t, []conversion{
		{NullDatum(NewInt()), NewBigInt(), "NULL", 0, 0},
		{IntDatum(127), NewTinyInt(), "127", 0, 0},
		{IntDatum(128), NewTinyInt(), "127", codeRange, codeRange},
		{IntDatum(-129), NewTinyInt(), "-128", codeRange, codeRange},
		{IntDatum(-1), NewUInt(), "0", codeRange, codeRange},
		{IntDatum(1 << 40), NewUInt(), "4294967295", codeRange, codeRange},
		{UintDatum(math.MaxUint64), NewBigInt(), "9223372036854775807", codeRange, codeRange},
		{text("12"), NewInt(), "12", 0, 0},
		{text(" 12 "), NewInt(), "12", 0, 0},
		{text("12abc"), NewInt(), "12", codeTruncated, codeTruncated},
		{text("abc"), NewInt(), "0", codeIncorrect, codeIncorrect},
		{text(""), NewInt(), "0", codeIncorrect, codeIncorrect},
		{text("1.5"), NewInt(), "2", 0, 0},
		{text("-1.5"), NewInt(), "-2", 0, 0},
		{text("1e3"), NewInt(), "1000", 0, 0},
		{text("1e100"), NewInt(), "2147483647", codeRange, codeRange},
		{text("-1e999"), NewInt(), "-2147483648", codeRange, codeRange},
		{text("18446744073709551615"), NewUBigInt(), "18446744073709551615", 0, 0},
		{text("9223372036854775807.4"), NewBigInt(), "9223372036854775807", 0, 0},
		{double(2.5), NewInt(), "2", 0, 0},
		{double(-1e300), NewBigInt(), "-9223372036854775808", codeRange, codeRange},
		{double(9223372036854775808), NewBigInt(), "9223372036854775807", codeRange, codeRange},
		{double(-0.4), NewUInt(), "0", 0, 0},
		{decimal(t, "2.5", 1), NewInt(), "3", 0, 0},
		{decimal(t, "99999999999999999999", 0), NewUBigInt(), "18446744073709551615", codeRange, codeRange},
		{NewIntDatum(NewDateTime(1), date(t, "2024-01-05 10:11:12.5")), NewBigInt(), "20240105101113", 0, 0},
		{NewIntDatum(NewTime(0), PackTime(true, 1, 2, 3, 0)), NewInt(), "-10203", 0, 0},
		{NewUintDatum(NewEnum(members, collation.Default), 2), NewInt(), "2", 0, 0},
		{NewStringDatum(NewJSON(), parseJSON(t, `12.5`)), NewInt(), "12", 0, 0},
		{NewStringDatum(NewJSON(), parseJSON(t, `"7"`)), NewInt(), "7", 0, 0},
		{NewStringDatum(NewJSON(), parseJSON(t, `true`)), NewInt(), "1", 0, 0},
		{NewStringDatum(NewJSON(), parseJSON(t, `[1]`)), NewInt(), "0", sqlerr.ErrInvalidJSONValueForCast,
			sqlerr.ErrInvalidJSONValueForCast},
		{IntDatum(69), NewYear(), "2069", 0, 0},
		{text("0"), NewYear(), "2000", 0, 0},
		{text("0000"), NewYear(), "0000", 0, 0},
		{IntDatum(0), NewYear(), "0000", 0, 0},
		{text("2156"), NewYear(), "0000", codeRange, codeRange},
		{NewIntDatum(NewDate(), date(t, "2024-05-06")), NewYear(), "2024", 0, 0},
	})
}

func TestConvertFractions(t *testing.T) {
	fixed := NewDouble()
	fixed.Precision, fixed.Scale = 5, 2
	unsigned := NewDouble()
	unsigned.Unsigned = true
	unsignedDec := NewDecimal(5, 2)
	unsignedDec.Unsigned = true
	runConversions(t, []conversion{
		{text("1.5e2x"), NewDouble(), "150", codeTruncated, codeTruncated},
		{text("abc"), NewDouble(), "0", codeTruncated, codeTruncated},
		{text("1e999"), NewDouble(), "1.7976931348623157e308", codeRange, codeRange},
		{text("0.1"), NewDouble(), "0.1", 0, 0},
		{text("1.5e-300"), NewDouble(), "1.5e-300", 0, 0},
		{text("1e-999"), NewDouble(), "0", 0, 0},
		{double(1e300), NewFloat(), "3.40282e38", codeRange, codeRange},
		{double(0.1), NewFloat(), "0.1", 0, 0},
		{double(-1), unsigned, "0", codeRange, codeRange},
		{double(1234.567), fixed, "999.99", codeRange, codeRange},
		{double(1.005), fixed, "1.00", 0, 0},
		{decimal(t, "1.25", 2), NewDouble(), "1.25", 0, 0},
		{text("1.005"), NewDecimal(5, 2), "1.01", 0, codeTruncated},
		{text("abc"), NewDecimal(5, 2), "0.00", codeIncorrect, codeIncorrect},
		{text("12abc"), NewDecimal(5, 2), "12.00", codeIncorrect, codeIncorrect},
		{text("1000"), NewDecimal(5, 2), "999.99", codeRange, codeRange},
		{text("-1e70"), NewDecimal(5, 2), "-999.99", codeRange, codeRange},
		{double(0.125), NewDecimal(5, 2), "0.13", 0, 0},
		{IntDatum(-5), unsignedDec, "0.00", codeRange, codeRange},
		{UintDatum(7), NewDecimal(5, 2), "7.00", 0, 0},
		{decimal(t, "999.995", 3), NewDecimal(5, 2), "999.99", codeRange, codeRange},
		{decimal(t, "1.500", 3), NewDecimal(5, 1), "1.5", 0, 0},
	})
}

func TestConvertStrings(t *testing.T) {
	latin := NewStringDatum(NewVarChar(5, collation.Latin1SwedishCI), []byte("\xe9"))
	runConversions(t, []conversion{
		{text("abc"), NewVarChar(3, collation.Default), "abc", 0, 0},
		{text("abcd"), NewVarChar(3, collation.Default), "abc", codeTooLong, codeTruncated},
		{text("äöüß"), NewVarChar(3, collation.Default), "äöü", codeTooLong, codeTruncated},
		{text("abc  "), NewVarChar(3, collation.Default), "abc", 0, codeTruncated},
		{text("abc  "), NewChar(3, collation.Default), "abc", 0, 0},
		{text("a  "), NewChar(3, collation.Default), "a", 0, 0},
		{text("a  "), NewVarChar(3, collation.Default), "a  ", 0, 0},
		{text("a\xff"), NewVarChar(3, collation.Default), "a", codeIncorrect, codeIncorrect},
		{latin, NewVarChar(3, collation.Default), "é", 0, 0},
		{text("é"), NewVarChar(3, collation.Latin1SwedishCI), "\xe9", 0, 0},
		{text("語"), NewVarChar(3, collation.Latin1SwedishCI), "?", codeIncorrect, codeIncorrect},
		{text("ab"), NewBinary(4), "ab\x00\x00", 0, 0},
		{text("abcde"), NewBinary(4), "abcd", codeTooLong, codeTruncated},
		{text("abcde"), NewVarBinary(4), "abcd", codeTooLong, codeTruncated},
		{text(strings.Repeat("ä", 200)), NewText(TinyText, collation.Default), strings.Repeat("ä", 127),
			codeTooLong, codeTruncated},
		{IntDatum(12345), NewVarChar(3, collation.Default), "123", codeTooLong, codeTruncated},
		{double(1e20), NewVarChar(10, collation.Default), "1e20", 0, 0},
		{NewStringDatum(NewJSON(), parseJSON(t, `{"a":1}`)), NewVarChar(20, collation.Default), `{"a": 1}`, 0, 0},
		{NewIntDatum(NewDate(), date(t, "2024-01-05")), NewVarChar(20, collation.Default), "2024-01-05", 0, 0},
		{NewStringDatum(NewVarBinary(5), []byte("\xff")), NewVarChar(5, collation.Default), "", codeIncorrect,
			codeIncorrect},
	})
	_, err := Convert(text("a\xffb"), NewVarChar(9, collation.Default), &ConvContext{Strict: true, Column: "c", Row: 2})
	require.EqualError(t, err, `Incorrect string value: '\xFFb' for column 'c' at row 2`)
}

func TestConvertMembers(t *testing.T) {
	e, s := NewEnum(members, collation.Default), NewSet(members, collation.Default)
	runConversions(t, []conversion{
		{text("SMALL"), e, "small", 0, 0},
		{text("Large  "), e, "Large", 0, 0},
		{text("2"), e, "it's", 0, 0},
		{text("4"), e, "", codeTruncated, codeTruncated},
		{text("x"), e, "", codeTruncated, codeTruncated},
		{IntDatum(3), e, "Large", 0, 0},
		{IntDatum(0), e, "", codeTruncated, codeTruncated},
		{IntDatum(4), e, "", codeTruncated, codeTruncated},
		{text("large,small"), s, "small,Large", 0, 0},
		{text(""), s, "", 0, 0},
		{text("small,x"), s, "small", codeTruncated, codeTruncated},
		{text("5"), s, "small,Large", 0, 0},
		{IntDatum(3), s, "small,it's", 0, 0},
		{IntDatum(9), s, "small", codeTruncated, codeTruncated},
		{NewUintDatum(e, 3), s, "Large", 0, 0},
		{IntDatum(3), NewBit(2), "\x03", 0, 0},
		{IntDatum(4), NewBit(2), "\x03", codeTooLong, codeRange},
		{IntDatum(-1), NewBit(64), "\xff\xff\xff\xff\xff\xff\xff\xff", 0, 0},
		{text("a"), NewBit(7), "a", 0, 0},
		{text("\x01a"), NewBit(9), "\x01a", 0, 0},
		{text("123456789"), NewBit(64), "\xff\xff\xff\xff\xff\xff\xff\xff", codeTooLong, codeRange},
	})
}

func TestConvertTemporal(t *testing.T) {
	v := date(t, "2024-01-05 10:11:12.5")
	runConversions(t, []conversion{
		{text("2024-1-5"), NewDate(), "2024-01-05", 0, 0},
		{text("2024-01-05 10:00:00"), NewDate(), "2024-01-05", 0, codeTruncated},
		{text("2024-02-30"), NewDate(), "0000-00-00", codeWrong, codeWrong},
		{text("0000-00-00"), NewDate(), "0000-00-00", codeWrong, codeRange},
		{text("2024-00-10"), NewDate(), "0000-00-00", codeWrong, codeWrong},
		{text("abc"), NewDateTime(0), "0000-00-00 00:00:00", codeWrong, codeWrong},
		{text("2024-01-05x"), NewDateTime(0), "2024-01-05 00:00:00", codeWrong, codeTruncated},
		{text("2024-01-05 10:11:12.55"), NewDateTime(1), "2024-01-05 10:11:12.6", 0, 0},
		{text("2024-01-05 10:11:12+01:00"), NewDateTime(0), "2024-01-05 09:11:12", 0, 0},
		{IntDatum(20240105), NewDateTime(0), "2024-01-05 00:00:00", 0, 0},
		{decimal(t, "20240105101112.5", 1), NewDateTime(1), "2024-01-05 10:11:12.5", 0, 0},
		{IntDatum(-5), NewDateTime(0), "0000-00-00 00:00:00", codeWrong, codeWrong},
		{double(20240105), NewDate(), "2024-01-05", 0, 0},
		{NewIntDatum(NewDateTime(1), v), NewDate(), "2024-01-05", 0, codeTruncated},
		{NewIntDatum(NewDateTime(1), v), NewDateTime(0), "2024-01-05 10:11:13", 0, 0},
		{NewIntDatum(NewDateTime(1), v), NewTime(1), "10:11:12.5", 0, codeTruncated},
		{NewIntDatum(NewDate(), DatePart(v)), NewTimestamp(0), "2024-01-05 00:00:00", 0, 0},
		{text("1960-01-01"), NewTimestamp(0), "0000-00-00 00:00:00", codeWrong, codeWrong},
		{text("2038-01-19 03:14:08"), NewTimestamp(0), "0000-00-00 00:00:00", codeWrong, codeWrong},
		{text("10:11:12.55"), NewTime(1), "10:11:12.6", 0, 0},
		{text("839:00:00"), NewTime(0), "838:59:59", codeWrong, codeRange},
		{text("10:99:00"), NewTime(0), "00:00:00", codeWrong, codeWrong},
		{text("10:11x"), NewTime(0), "10:11:00", codeWrong, codeTruncated},
		{IntDatum(101112), NewTime(0), "10:11:12", 0, 0},
		{decimal(t, "-101112.5", 1), NewTime(1), "-10:11:12.5", 0, 0},
		{NewStringDatum(NewJSON(), parseJSON(t, `"2024-01-05"`)), NewDate(), "2024-01-05", 0, 0},
		{NewStringDatum(NewJSON(), AppendJSONTemporal(nil, DateTime, v)), NewDateTime(1), "2024-01-05 10:11:12.5", 0,
			0},
		{NewIntDatum(NewTime(0), 0), NewDateTime(0), "0000-00-00 00:00:00", codeWrong, codeWrong},
	})
	now := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	ctx := &ConvContext{Strict: true, Mode: ModeDefault, Column: "c", Row: 1, Now: now}
	d, err := Convert(NewIntDatum(NewTime(0), PackTime(false, 25, 0, 0, 0)), NewDateTime(0), ctx)
	require.NoError(t, err)
	require.Equal(t, "2024-05-07 01:00:00", d.String(), "a time gets the current date")
	_, err = Convert(text("abc"), NewDate(), ctx)
	require.EqualError(t, err, "Incorrect date value: 'abc' for column 'c' at row 1")
	_, err = Convert(text("0000-00-00"), NewDate(), ctx)
	require.Error(t, err)
	ctx.Mode = ModeStrictTransTables
	_, err = Convert(text("0000-00-00"), NewDate(), ctx)
	require.NoError(t, err)
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	ctx.Loc = berlin
	d, err = Convert(text("2024-07-01 12:00:00"), NewTimestamp(0), ctx)
	require.NoError(t, err)
	require.Equal(t, "2024-07-01 10:00:00", d.String(), "stored in UTC")
	require.Equal(t, "2024-07-01 12:00:00", string(d.AppendText(nil, berlin)))
	back, err := Convert(d, NewDateTime(0), ctx)
	require.NoError(t, err)
	require.Equal(t, "2024-07-01 12:00:00", back.String())
	d, err = Convert(text("2024-07-01 12:00:00+00:00"), NewTimestamp(0), ctx)
	require.NoError(t, err)
	require.Equal(t, "2024-07-01 12:00:00", d.String())
	_, err = Convert(text("2024-03-31 02:30:00"), NewTimestamp(0), ctx)
	require.Equal(t, codeWrong, sqlerr.CodeOf(err), "the hour that summer time skips")
}

func TestConvertJSON(t *testing.T) {
	runConversions(t, []conversion{
		{text(`{"b":1,"a":2}`), NewJSON(), `{"a": 2, "b": 1}`, 0, 0},
		{IntDatum(5), NewJSON(), `5`, 0, 0},
		{double(5), NewJSON(), `5.0`, 0, 0},
		{decimal(t, "1.50", 2), NewJSON(), `1.50`, 0, 0},
		{NewIntDatum(NewDate(), date(t, "2024-01-05")), NewJSON(), `"2024-01-05"`, 0, 0},
	})
	_, err := Convert(text(`{"a"`), NewJSON(), &ConvContext{Column: "c", Row: 1})
	require.EqualError(t, err, `Invalid JSON text: "Missing a colon after a name of object member." at position 4 in `+
		`value for column 'c'.`)
	_, err = Convert(NewStringDatum(NewVarBinary(3), []byte("1")), NewJSON(), &ConvContext{})
	require.Equal(t, sqlerr.ErrInvalidJSONCharset, sqlerr.CodeOf(err))
}

// FuzzConvert looks for panics and for values that are not of their type.
func FuzzConvert(f *testing.F) {
	targets := []Type{
		NewTinyInt(), NewUInt(), NewBigInt(), NewUBigInt(), NewFloat(), NewDouble(), NewDecimal(10, 2),
		NewDecimal(65, 30),
		NewDate(), NewDateTime(3), NewTimestamp(0), NewTime(6), NewYear(), NewChar(3, collation.Default),
		NewVarChar(4, collation.Latin1SwedishCI), NewVarBinary(4), NewText(TinyText, collation.UTF8MB4Bin),
		NewEnum(members, collation.Default), NewSet(members, collation.Default), NewBit(12), NewJSON(),
	}
	f.Add("12abc", uint8(0), false)
	f.Add("2024-01-05 10:11:12.5", uint8(9), true)
	f.Fuzz(func(t *testing.T, s string, target uint8, strict bool) {
		to := targets[int(target)%len(targets)]
		ctx := &ConvContext{Strict: strict, Mode: ModeDefault, Loc: time.UTC, Column: "c", Row: 1}
		d, err := Convert(text(s), to, ctx)
		if err != nil {
			return
		}
		// What was stored can be stored again, as it is and through every other type.
		again, err := Convert(d, to, ctx)
		if err != nil || again.Compare(d) != 0 {
			t.Fatalf("%q as %s: %s becomes %s: %v", s, to, d, again, err)
		}
		ctx.Strict = false
		for _, other := range targets {
			if _, err := Convert(d, other, ctx); err != nil && other.ID != JSON {
				t.Fatalf("%q as %s: %s to %s: %v", s, to, d, other, err)
			}
		}
	})
}
