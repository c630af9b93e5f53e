package types

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/testutil"
)

func TestMain(m *testing.M) { testutil.Main(m) }

var modeDates = ModeDefault.Temporal()

func TestParseDateTime(t *testing.T) {
	for _, c := range []struct {
		in   string
		fsp  uint8
		want string
		r    ParseResult
	}{
		{"2024-01-05 10:11:12", 0, "2024-01-05 10:11:12", ParseOK},
		{"2024-1-5", 0, "2024-01-05 00:00:00", ParseOK},
		{"20240105", 0, "2024-01-05 00:00:00", ParseOK},
		{"240105", 0, "2024-01-05 00:00:00", ParseOK},
		{"700105", 0, "1970-01-05 00:00:00", ParseOK},
		{"20240105101112", 0, "2024-01-05 10:11:12", ParseOK},
		{"240105101112", 0, "2024-01-05 10:11:12", ParseOK},
		{"20240105101112.5", 1, "2024-01-05 10:11:12.5", ParseOK},
		{"24-01-05 10:11:12.5", 1, "2024-01-05 10:11:12.5", ParseOK},
		{"2024-01-05T10:11:12", 0, "2024-01-05 10:11:12", ParseOK},
		{"20240105T101112", 0, "2024-01-05 10:11:12", ParseOK},
		{"2024/01/05 10.11.12", 0, "2024-01-05 10:11:12", ParseOK},
		{"2024^01^05", 0, "2024-01-05 00:00:00", ParseOK},
		{"  2024-01-05  ", 0, "2024-01-05 00:00:00", ParseOK},
		{"2024-01-05 10:11", 0, "2024-01-05 10:11:00", ParseOK},
		{"2024-01-05 10", 0, "2024-01-05 10:00:00", ParseOK},
		{"2024-01-05 10:11:12.999999", 0, "2024-01-05 10:11:13", ParseOK},
		{"2024-12-31 23:59:59.5", 0, "2025-01-01 00:00:00", ParseOK},
		{"2024-01-05 10:11:12.1234567", 6, "2024-01-05 10:11:12.123457", ParseOK},
		{"2024-01-05 10:11:12.9999996", 6, "2024-01-05 10:11:13.000000", ParseOK},
		{"2024-01-05 10:11:12+05:30", 0, "2024-01-05 04:41:12", ParseOK},
		{"2024-01-05 10:11:12abc", 0, "2024-01-05 10:11:12", ParseTruncated},
		{"2024-01-05abc", 0, "2024-01-05 00:00:00", ParseTruncated},
		{"2024-02-30", 0, "", ParseInvalid},
		{"2023-02-29", 0, "", ParseInvalid},
		{"2024-13-01", 0, "", ParseInvalid},
		{"2024-01-05 25:00:00", 0, "", ParseInvalid},
		{"2024-01-05 10:60:00", 0, "", ParseInvalid},
		{"2024-01", 0, "", ParseInvalid},
		{"2024-00-10", 0, "", ParseInvalid},
		{"0000-00-00", 0, "", ParseInvalid},
		{"", 0, "", ParseInvalid},
		{"abc", 0, "", ParseInvalid},
		{"9999-12-31 23:59:59.9", 0, "", ParseInvalid},
	} {
		v, r := ParseDateTime([]byte(c.in), c.fsp, modeDates)
		require.Equal(t, c.r, r, c.in)
		if r != ParseInvalid {
			require.Equal(t, c.want, string(AppendDateTime(nil, v, c.fsp)), c.in)
		}
	}
	v, r := ParseDateTime([]byte("0000-00-00"), 0, TemporalMode{})
	require.Equal(t, ParseOK, r)
	require.Zero(t, v)
	v, r = ParseDateTime([]byte("2024-00-10"), 0, TemporalMode{})
	require.Equal(t, ParseOK, r)
	require.Equal(t, "2024-00-10", string(AppendDate(nil, v)))
	_, r = ParseDateTime([]byte("2023-02-31"), 0, TemporalMode{AllowInvalidDates: true})
	require.Equal(t, ParseOK, r)
	v, r = ParseDateTime([]byte("2024-01-01 00:00:00.9"), 0, TemporalMode{TruncateFractional: true})
	require.Equal(t, ParseOK, r)
	require.Equal(t, "2024-01-01 00:00:00", string(AppendDateTime(nil, v, 0)))
	_, utc, _ := ParseDateTimeOffset([]byte("2024-01-01 00:00:00-01:00"), 0, modeDates)
	require.True(t, utc)
	v, r = ParseDate([]byte("2024-01-01 23:59:59.9"), modeDates)
	require.Equal(t, ParseOK, r)
	require.Equal(t, "2024-01-01", string(AppendDate(nil, v)))
}

func TestParseTime(t *testing.T) {
	for _, c := range []struct {
		in   string
		fsp  uint8
		want string
		r    ParseResult
	}{
		{"10:11:12", 0, "10:11:12", ParseOK},
		{"10:11", 0, "10:11:00", ParseOK},
		{"101112", 0, "10:11:12", ParseOK},
		{"1112", 0, "00:11:12", ParseOK},
		{"12", 0, "00:00:12", ParseOK},
		{"1 10:11:12", 0, "34:11:12", ParseOK},
		{"1 10", 0, "34:00:00", ParseOK},
		{"1 10:11", 0, "34:11:00", ParseOK},
		{"-10:11:12.5", 1, "-10:11:12.5", ParseOK},
		{"10:11:12.5", 0, "10:11:13", ParseOK},
		{"-838:59:59", 0, "-838:59:59", ParseOK},
		{"839:00:00", 0, "838:59:59", ParseTruncated},
		{"-99995959", 0, "-838:59:59", ParseTruncated},
		{"838:59:59.9", 0, "838:59:59", ParseTruncated},
		{"10:60:00", 0, "", ParseInvalid},
		{"109960", 0, "", ParseInvalid},
		{"10:11:12abc", 0, "10:11:12", ParseTruncated},
		{"2024-01-05 10:11:12", 0, "10:11:12", ParseOK},
		{"20240105101112.5", 1, "10:11:12.5", ParseOK},
		{"abc", 0, "", ParseInvalid},
		{"", 0, "", ParseInvalid},
		{"8:2:3", 0, "08:02:03", ParseOK},
		{"12:00:00.123456", 6, "12:00:00.123456", ParseOK},
		{"12:00:00.123456", 0, "12:00:00", ParseOK},
		{"23:59:59.999999999", 3, "24:00:00.000", ParseOK},
		{"2024-01-05T10:11:12.25", 2, "10:11:12.25", ParseOK},
		{"24-01-05 10:11", 0, "10:11:00", ParseOK},
	} {
		us, r := ParseTime([]byte(c.in), c.fsp)
		require.Equal(t, c.r, r, c.in)
		if r != ParseInvalid {
			require.Equal(t, c.want, string(AppendTime(nil, us, c.fsp)), c.in)
		}
	}
}

func TestTemporalNumbers(t *testing.T) {
	for n, want := range map[int64]string{
		20240105101112: "2024-01-05 10:11:12", 240105101112: "2024-01-05 10:11:12", 20240105: "2024-01-05 00:00:00",
		240105: "2024-01-05 00:00:00", 700101: "1970-01-01 00:00:00", 101: "2000-01-01 00:00:00",
		99991231235959: "9999-12-31 23:59:59", 100: "", 691332: "", 20241301: "", 20240105106112: "", -1: "",
	} {
		v, r := DateTimeFromNumber(n, modeDates)
		if want == "" {
			require.Equal(t, ParseInvalid, r, n)
			continue
		}
		require.Equal(t, ParseOK, r, n)
		require.Equal(t, want, string(AppendDateTime(nil, v, 0)), n)
	}
	us, r := TimeFromNumber(-101112)
	require.Equal(t, ParseOK, r)
	require.Equal(t, "-10:11:12", string(AppendTime(nil, us, 0)))
	require.EqualValues(t, -101112, TimeToNumber(us))
	_, r = TimeFromNumber(106000)
	require.Equal(t, ParseInvalid, r)
	us, r = TimeFromNumber(9000000)
	require.Equal(t, ParseTruncated, r)
	require.EqualValues(t, MaxTimeMicros, us)
	us, r = TimeFromNumber(20240105101112)
	require.Equal(t, ParseOK, r)
	require.EqualValues(t, 101112, TimeToNumber(us))
	v := PackDateTime(2024, 1, 5, 10, 11, 12, 0)
	require.EqualValues(t, 20240105, DateToNumber(v))
	require.EqualValues(t, 20240105101112, DateTimeToNumber(v))
	for n, want := range map[int64]int64{0: 0, 1: 2001, 69: 2069, 70: 1970, 99: 1999, 1901: 1901, 2155: 2155} {
		y, ok := YearFromNumber(n, false)
		require.True(t, ok)
		require.Equal(t, want, y)
	}
	for _, n := range []int64{-1, 100, 1900, 2156} {
		_, ok := YearFromNumber(n, false)
		require.False(t, ok, n)
	}
	y, _ := YearFromNumber(0, true)
	require.EqualValues(t, 2000, y)
}

func date(t testing.TB, s string) int64 {
	t.Helper()
	v, r := ParseDateTime([]byte(s), 6, TemporalMode{})
	require.Equal(t, ParseOK, r, s)
	return v
}

func TestCalendar(t *testing.T) {
	require.Equal(t, 728779, DayNumber(1995, 5, 1)) // TO_DAYS in the manual
	require.Equal(t, 1, DayNumber(0, 1, 1))
	require.Equal(t, 719528, DayNumber(1970, 1, 1))
	base := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	for n := 366; n <= maxDayNumber; n += 17 {
		y, m, d := FromDayNumber(n)
		require.Equal(t, n, DayNumber(y, m, d))
		want := base.AddDate(0, 0, n-366)
		require.True(t, want.Year() == y && int(want.Month()) == m && want.Day() == d, n)
		require.Equal(t, (int(want.Weekday())+6)%7, Weekday(y, m, d))
		require.Equal(t, want.YearDay(), YearDay(y, m, d))
		isoYear, isoWeek := want.ISOWeek()
		v := PackDateTime(y, m, d, 0, 0, 0, 0)
		require.Equal(t, isoYear*100+isoWeek, YearWeek(v, 3), want)
	}
	y, m, d := FromDayNumber(365)
	require.Zero(t, y|m|d)
	// The manual's examples.
	require.Equal(t, 7, Week(date(t, "1998-02-20"), 0))
	require.Equal(t, 8, Week(date(t, "1998-02-20"), 1))
	require.Equal(t, 53, Week(date(t, "1998-12-31"), 1))
	require.Equal(t, 0, Week(date(t, "2000-01-01"), 0))
	require.Equal(t, 52, Week(date(t, "2000-01-01"), 2))
	require.Equal(t, 198652, YearWeek(date(t, "1987-01-01"), 0))
}

func TestIntervals(t *testing.T) {
	for _, c := range []struct {
		from string
		unit Unit
		text string
		want string // "" when it cannot be
	}{
		{"2018-12-31 23:59:59", UnitSecond, "1", "2019-01-01 00:00:00.000000"},
		{"2018-12-31 23:59:59", UnitDay, "1", "2019-01-01 23:59:59.000000"},
		{"2100-12-31 23:59:59", UnitMinuteSecond, "1:1", "2101-01-01 00:01:00.000000"},
		{"2025-01-01 00:00:00", UnitDaySecond, "-1 1:1:1", "2024-12-30 22:58:59.000000"},
		{"1900-01-01 00:00:00", UnitDayHour, "-1 10", "1899-12-30 14:00:00.000000"},
		{"1992-12-31 23:59:59.000002", UnitSecondMicrosecond, "1.999999", "1993-01-01 00:00:01.000001"},
		{"2024-01-31", UnitMonth, "1", "2024-02-29 00:00:00.000000"},
		{"2024-02-29", UnitYear, "1", "2025-02-28 00:00:00.000000"},
		{"2024-01-31", UnitQuarter, "-1", "2023-10-31 00:00:00.000000"},
		{"2024-01-31", UnitYearMonth, "1-2", "2025-03-31 00:00:00.000000"},
		{"2024-01-31", UnitWeek, "2", "2024-02-14 00:00:00.000000"},
		{"2024-01-31", UnitSecond, "1.5", "2024-01-31 00:00:01.500000"},
		{"2024-01-31", UnitSecondMicrosecond, "1.5", "2024-01-31 00:00:01.500000"},
		{"2024-01-31", UnitDayMicrosecond, "10", "2024-01-31 00:00:00.100000"},
		{"2024-01-31", UnitMicrosecond, "10", "2024-01-31 00:00:00.000010"},
		{"9999-12-31", UnitDay, "1", ""},
		{"2024-01-31", UnitYear, "8000", ""},
		{"2024-01-31", UnitDay, "9223372036854775807", ""},
		{"2024-01-31", UnitDay, "99999999999999999999", ""},
		{"2024-01-31", UnitHour, "9223372036854775807", ""},
		{"0000-00-00", UnitDay, "1", ""},
	} {
		i, ok := ParseInterval(c.unit, []byte(c.text))
		var v int64
		if ok {
			v, ok = i.Add(date(t, c.from))
		}
		require.Equal(t, c.want != "", ok, "%s + %s %s", c.from, c.text, c.unit)
		if ok {
			require.Equal(t, c.want, string(AppendDateTime(nil, v, 6)), "%s + %s %s", c.from, c.text, c.unit)
		}
	}
	for u := range unitEnd {
		got, ok := ParseUnit(u.String())
		require.True(t, ok)
		require.Equal(t, u, got)
	}
	_, ok := AddInterval(date(t, "2024-01-01"), UnitDay, -9223372036854775808)
	require.False(t, ok)
	require.EqualValues(t, 3, Diff(UnitMonth, date(t, "2003-05-01"), date(t, "2003-02-01")))
	require.EqualValues(t, -1, Diff(UnitYear, date(t, "2001-01-01"), date(t, "2002-05-01")))
	require.EqualValues(t, 128885, Diff(UnitMinute, date(t, "2003-05-01 12:05:55"), date(t, "2003-02-01")))
	require.EqualValues(t, 0, Diff(UnitMonth, date(t, "2024-02-29"), date(t, "2024-01-31")))
	require.EqualValues(t, -31, DiffDays(date(t, "2010-11-30 23:59:59"), date(t, "2010-12-31")))
}

func TestDateFormat(t *testing.T) {
	for _, c := range []struct{ in, format, want string }{
		{"2009-10-04 22:23:00", "%W %M %Y", "Sunday October 2009"},
		{"2007-10-04 22:23:00", "%H:%i:%s", "22:23:00"},
		{"1900-10-04 22:23:00", "%D %y %a %d %m %b %j", "4th 00 Thu 04 10 Oct 277"},
		{"1997-10-04 22:23:00", "%H %k %I %r %T %S %w", "22 22 10 10:23:00 PM 22:23:00 00 6"},
		{"1999-01-01", "%X %V", "1998 52"},
		{"2006-06-00", "%d", "00"},
		{"2024-01-05 01:02:03.000045", "%f %l %e %c %p %% %q %", "000045 1 5 1 AM % q %"},
		{"2008-12-31", "%v %x %u %U", "01 2009 53 52"},
	} {
		got, ok := DateFormat(nil, date(t, c.in), []byte(c.format))
		require.True(t, ok)
		require.Equal(t, c.want, string(got))
	}
	_, ok := DateFormat(nil, 0, []byte("%M"))
	require.False(t, ok)
	_, ok = DateFormat(nil, 0, []byte("%W"))
	require.False(t, ok)
	got, ok := TimeFormat(nil, PackTime(false, 100, 0, 0, 0), []byte("%H %k %h %I %l"))
	require.True(t, ok)
	require.Equal(t, "100 100 04 04 4", string(got))
}

func TestStrToDate(t *testing.T) {
	for _, c := range []struct{ in, format, want string }{
		{"01,5,2013", "%d,%m,%Y", "2013-05-01 00:00:00.000000"},
		{"May 1, 2013", "%M %d,%Y", "2013-05-01 00:00:00.000000"},
		{"a09:30:17", "a%h:%i:%s", "0000-00-00 09:30:17.000000"},
		{"09:30:17a", "%h:%i:%s", "0000-00-00 09:30:17.000000"},
		{"abc", "abc", "0000-00-00 00:00:00.000000"},
		{"9", "%m", "0000-09-00 00:00:00.000000"},
		{"200442 Monday", "%X%V %W", "2004-10-18 00:00:00.000000"},
		{"10:11:12 PM", "%r", "0000-00-00 22:11:12.000000"},
		{"2024-01-05 22:23:24.5", "%Y-%m-%d %T.%f", "2024-01-05 22:23:24.500000"},
		{"2024 060", "%Y %j", "2024-02-29 00:00:00.000000"},
		{"04/31/2004", "%m/%d/%Y", "2004-04-31 00:00:00.000000"},
		{"12:30 AM", "%h:%i %p", "0000-00-00 00:30:00.000000"},
	} {
		p, _, _, r := StrToDate([]byte(c.in), []byte(c.format))
		require.NotEqual(t, ParseInvalid, r, c.in)
		require.Equal(t, c.want, string(AppendDateTime(nil, p.Pack(), 6)), c.in)
	}
	for _, c := range [][2]string{{"a09:30:17", "%h:%i:%s"}, {"2024-13-01", "%Y-%m-%d"}, {"x", "%Y"}} {
		_, _, _, r := StrToDate([]byte(c[0]), []byte(c[1]))
		require.Equal(t, ParseInvalid, r, c[0])
	}
	_, hasDate, hasTime, r := StrToDate([]byte("2024-01-01x"), []byte("%Y-%m-%d"))
	require.True(t, hasDate)
	require.False(t, hasTime)
	require.Equal(t, ParseTruncated, r)
}

func TestTimeZones(t *testing.T) {
	berlin, err := ParseTimeZone("Europe/Berlin")
	require.NoError(t, err)
	v, adjusted, ok := TimestampFromLocal(date(t, "2024-07-01 12:00:00"), berlin)
	require.True(t, ok)
	require.False(t, adjusted)
	require.Equal(t, "2024-07-01 10:00:00", string(AppendDateTime(nil, v, 0)))
	require.Equal(t, date(t, "2024-07-01 12:00:00"), TimestampToLocal(v, berlin))
	v, adjusted, ok = TimestampFromLocal(date(t, "2024-03-31 02:30:00"), berlin)
	require.True(t, ok)
	require.True(t, adjusted)
	require.Equal(t, "2024-03-31 03:00:00", string(AppendDateTime(nil, TimestampToLocal(v, berlin), 0)))
	for _, s := range []string{"1969-12-31 23:59:59", "1970-01-01 00:00:00", "2038-01-19 03:14:08", "2024-00-01"} {
		_, _, ok := TimestampFromLocal(date(t, s), time.UTC)
		require.False(t, ok, s)
	}
	_, _, ok = TimestampFromLocal(0, time.UTC)
	require.True(t, ok)
	for _, s := range []string{"+05:30", "-13:59", "+14:00", "SYSTEM", "+5:30", "UTC"} {
		_, err := ParseTimeZone(s)
		require.NoError(t, err, s)
	}
	for _, s := range []string{"", "+14:01", "-14:00", "+1", "Mars/Olympus", "+aa:bb", "local", "../etc"} {
		_, err := ParseTimeZone(s)
		require.Error(t, err, s)
	}
	us := UnixMicros(date(t, "2024-01-01 00:00:00.5"))
	require.EqualValues(t, 1704067200500000, us)
	back, ok := DateTimeFromUnixMicros(us)
	require.True(t, ok)
	require.Equal(t, date(t, "2024-01-01 00:00:00.5"), back)
}

func FuzzTemporal(f *testing.F) {
	f.Add("2024-01-05 10:11:12.5", "%Y-%m-%d", uint8(3), uint8(5))
	f.Add("1 2:3:4", "%X%V %W", uint8(6), uint8(15))
	f.Fuzz(func(t *testing.T, text, format string, fsp, unit uint8) {
		fsp %= 7
		for _, mode := range []TemporalMode{{}, modeDates, {AllowInvalidDates: true, TruncateFractional: true}} {
			if v, r := ParseDateTime([]byte(text), fsp, mode); r != ParseInvalid {
				if !CheckDate(v, mode) {
					t.Fatalf("%q gives a bad date %v", text, UnpackDateTime(v))
				}
				if p := UnpackDateTime(v); p.Pack() != v {
					t.Fatalf("%q: %d does not pack back", text, v)
				}
				back, r := ParseDateTime(AppendDateTime(nil, v, fsp), fsp, mode)
				if r != ParseOK || back != v {
					t.Fatalf("%q: %d comes back as %d", text, v, back)
				}
				DateFormat(nil, v, []byte(format))
				if i, ok := ParseInterval(Unit(unit)%unitEnd, []byte(format)); ok {
					if sum, ok := i.Add(v); ok && !CheckDate(sum, TemporalMode{}) {
						t.Fatalf("%v + %v is %v", v, i, UnpackDateTime(sum))
					}
				}
			}
		}
		if us, r := ParseTime([]byte(text), fsp); r != ParseInvalid {
			if us > MaxTimeMicros || us < -MaxTimeMicros {
				t.Fatalf("%q is out of range: %d", text, us)
			}
			TimeFormat(nil, us, []byte(format))
		}
		StrToDate([]byte(text), []byte(format))
		_, _ = ParseTimeZone(text)
	})
}
