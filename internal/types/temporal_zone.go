package types

import (
	"strings"
	"time"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// The bounds of TIMESTAMP: 1970-01-01 00:00:01 to 2038-01-19 03:14:07.999999 in UTC.
var (
	minTimestamp = PackDateTime(1970, 1, 1, 0, 0, 1, 0)
	maxTimestamp = PackDateTime(2038, 1, 19, 3, 14, 7, 999999)
)

// DateTimeFromTime packs the fields of t in its own location, cut to microseconds.
func DateTimeFromTime(t time.Time) int64 {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	return PackDateTime(year, int(month), day, hour, minute, second, t.Nanosecond()/1000)
}

// DateTimeToTime reads v as local time in loc; ok is false for dates with zeros. A time in the gap of a change to
// summer time becomes the moment of the change, as in MySQL; adjusted tells so.
func DateTimeToTime(v int64, loc *time.Location) (t time.Time, adjusted, ok bool) {
	p := UnpackDateTime(v)
	if p.Month == 0 || p.Day == 0 || p.Day > DaysInMonth(p.Year, p.Month) {
		return time.Time{}, false, false
	}
	t = time.Date(p.Year, time.Month(p.Month), p.Day, p.Hour, p.Minute, p.Second, p.Micro*1000, location(loc))
	got := DateTimeFromTime(t)
	if got == v {
		return t, false, true
	}
	// Go has moved the time by the width of the gap, to one side or the other.
	start, end := t.ZoneBounds()
	if got > v {
		return start, true, true
	}
	return end, true, true
}

func location(loc *time.Location) *time.Location {
	if loc == nil {
		return time.UTC
	}
	return loc
}

// TimestampToLocal converts a TIMESTAMP, which is in UTC, to the DATETIME that a session sees. The zero date stays.
func TimestampToLocal(v int64, loc *time.Location) int64 {
	if v == 0 || loc == nil || loc == time.UTC {
		return v
	}
	t, _, ok := DateTimeToTime(v, time.UTC)
	if !ok {
		return v
	}
	return DateTimeFromTime(t.In(loc))
}

// TimestampFromLocal is the inverse; ok is false outside of 1970-01-01 00:00:01 to 2038-01-19 03:14:07.999999 UTC. A
// time that does not exist is adjusted: warning 1299.
func TimestampFromLocal(v int64, loc *time.Location) (r int64, adjusted, ok bool) {
	if v == 0 {
		return 0, false, true
	}
	t, adjusted, ok := DateTimeToTime(v, loc)
	if !ok {
		return 0, false, false
	}
	r = DateTimeFromTime(t.UTC())
	if r < minTimestamp || r > maxTimestamp {
		return 0, false, false
	}
	return r, adjusted, true
}

// UnixMicros returns the microseconds since 1970 of a TIMESTAMP, 0 for the zero date.
func UnixMicros(v int64) int64 {
	if v == 0 {
		return 0
	}
	return DiffMicros(v, PackDateTime(1970, 1, 1, 0, 0, 0, 0))
}

// DateTimeFromUnixMicros is the inverse of UnixMicros; ok is false outside of 0001 to 9999.
func DateTimeFromUnixMicros(us int64) (v int64, ok bool) {
	return Interval{Days: us / microsPerDay, Micros: us % microsPerDay}.Add(PackDateTime(1970, 1, 1, 0, 0, 0, 0))
}

// zoneOffsetMax: -13:59 to +14:00.
const zoneOffsetMax = 14 * 60

// ParseTimeZone reads SYSTEM, +hh:mm and named zones. Error 1298.
func ParseTimeZone(name string) (*time.Location, error) {
	switch {
	case strings.EqualFold(name, "SYSTEM"):
		return time.Local, nil
	case name == "" || strings.EqualFold(name, "local"):
		return nil, sqlerr.New(sqlerr.ErrUnknownTimeZone, name)
	case name[0] == '+' || name[0] == '-':
		if seconds, ok := parseZoneOffset(name); ok {
			if seconds == 0 {
				return time.FixedZone("+00:00", 0), nil
			}
			return time.FixedZone(name, seconds), nil
		}
		return nil, sqlerr.New(sqlerr.ErrUnknownTimeZone, name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, sqlerr.Wrap(err, sqlerr.ErrUnknownTimeZone, name)
	}
	return loc, nil
}

func parseZoneOffset(s string) (seconds int, ok bool) {
	hours, minutes, found := strings.Cut(s[1:], ":")
	if !found || len(hours) < 1 || len(hours) > 2 || len(minutes) != 2 {
		return 0, false
	}
	for _, c := range hours + minutes {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	h := int(hours[len(hours)-1] - '0')
	if len(hours) == 2 {
		h += int(hours[0]-'0') * 10
	}
	m := int(minutes[0]-'0')*10 + int(minutes[1]-'0')
	total := h*60 + m
	if m > 59 || s[0] == '+' && total > zoneOffsetMax || s[0] == '-' && total >= zoneOffsetMax {
		return 0, false
	}
	if s[0] == '-' {
		total = -total
	}
	return total * 60, true
}
