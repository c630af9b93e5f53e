package types

import "strconv"

var (
	monthNames = [13]string{
		"", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
		"November", "December",
	}
	monthShort = [13]string{"", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
	dayNames   = [7]string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
	dayShort   = [7]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}
)

// MonthName is January for 1; "" for 0.
func MonthName(month int) string {
	if month < 0 || month > 12 {
		return ""
	}
	return monthNames[month]
}

// DayName is Monday for 0.
func DayName(weekday int) string {
	if weekday < 0 || weekday > 6 {
		return ""
	}
	return dayNames[weekday]
}

// DateFormat appends DATE_FORMAT(v, format) with English names; ok is false where it is NULL: names of month 0,
// weekdays of dates with zeros.
func DateFormat(buf []byte, v int64, format []byte) (out []byte, ok bool) {
	p := UnpackDateTime(v)
	return formatParts(buf, &p, format, false)
}

// TimeFormat appends TIME_FORMAT(us, format): hours may be above 23, the date is zero.
func TimeFormat(buf []byte, us int64, format []byte) (out []byte, ok bool) {
	p := UnpackTime(us)
	if p.Negative {
		buf = append(buf, '-')
	}
	return formatParts(buf, &p, format, true)
}

func formatParts(buf []byte, p *Parts, format []byte, isTime bool) (out []byte, ok bool) {
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			buf = append(buf, format[i])
			continue
		}
		i++
		if buf, ok = formatOne(buf, p, format[i], isTime); !ok {
			return buf, false
		}
	}
	return buf, true
}

// formatOne writes one specifier of DATE_FORMAT.
func formatOne(buf []byte, p *Parts, spec byte, isTime bool) ([]byte, bool) {
	hour12 := (p.Hour%24+11)%12 + 1
	switch spec {
	case 'M', 'b':
		if p.Month == 0 {
			return buf, false
		}
		if spec == 'M' {
			return append(buf, monthNames[p.Month]...), true
		}
		return append(buf, monthShort[p.Month]...), true
	case 'W', 'a', 'w':
		return formatWeekday(buf, p, spec, isTime)
	case 'D':
		buf = strconv.AppendInt(buf, int64(p.Day), 10)
		return append(buf, ordinalSuffix(p.Day)...), true
	case 'Y':
		return append4(buf, p.Year), true
	case 'y':
		return append2(buf, p.Year%100), true
	case 'm':
		return append2(buf, p.Month), true
	case 'c':
		return strconv.AppendInt(buf, int64(p.Month), 10), true
	case 'd':
		return append2(buf, p.Day), true
	case 'e':
		return strconv.AppendInt(buf, int64(p.Day), 10), true
	case 'f':
		return appendMicros(buf, p.Micro, MaxFsp), true
	case 'H':
		return appendAtLeast2(buf, p.Hour), true
	case 'h', 'I':
		return append2(buf, hour12), true
	case 'i':
		return append2(buf, p.Minute), true
	case 'j':
		n := YearDay(p.Year, p.Month, p.Day)
		if isTime {
			n = 0
		}
		return append2(append(buf, byte('0'+n/100%10)), n%100), true
	case 'k':
		return strconv.AppendInt(buf, int64(p.Hour), 10), true
	case 'l':
		return strconv.AppendInt(buf, int64(hour12), 10), true
	case 'p':
		return append(buf, amPM(p.Hour)...), true
	case 'r':
		buf = append(append2(buf, hour12), ':')
		buf = append(append2(buf, p.Minute), ':')
		buf = append(append2(buf, p.Second), ' ')
		return append(buf, amPM(p.Hour)...), true
	case 'S', 's':
		return append2(buf, p.Second), true
	case 'T':
		buf = append(appendAtLeast2(buf, p.Hour), ':')
		buf = append(append2(buf, p.Minute), ':')
		return append2(buf, p.Second), true
	case 'U', 'u', 'V', 'v', 'X', 'x':
		return formatWeek(buf, p, spec, isTime)
	}
	return append(buf, spec), true
}

// appendAtLeast2 is for hours, which may have three digits.
func appendAtLeast2(buf []byte, n int) []byte {
	if n >= 100 {
		return strconv.AppendInt(buf, int64(n), 10)
	}
	return append2(buf, n)
}

func amPM(hour int) string {
	if hour%24 < 12 {
		return "AM"
	}
	return "PM"
}

func ordinalSuffix(day int) string {
	if day >= 10 && day <= 19 {
		return "th"
	}
	switch day % 10 {
	case 1:
		return "st"
	case 2:
		return "nd"
	case 3:
		return "rd"
	}
	return "th"
}

func formatWeekday(buf []byte, p *Parts, spec byte, isTime bool) ([]byte, bool) {
	if isTime || p.Month == 0 && p.Year == 0 {
		return buf, false
	}
	day := Weekday(p.Year, p.Month, p.Day)
	switch spec {
	case 'W':
		return append(buf, dayNames[day]...), true
	case 'a':
		return append(buf, dayShort[day]...), true
	}
	return append(buf, byte('0'+(day+1)%7)), true
}

func formatWeek(buf []byte, p *Parts, spec byte, isTime bool) ([]byte, bool) {
	if isTime {
		return buf, false
	}
	bits := map[byte]int{
		'U': weekFirstWeekday, 'u': weekMondayFirst, 'V': weekYear | weekFirstWeekday, 'v': weekYear | weekMondayFirst,
		'X': weekYear | weekFirstWeekday, 'x': weekYear | weekMondayFirst,
	}[spec]
	n, year := week(p, bits)
	if spec == 'X' || spec == 'x' {
		return append4(buf, max(year, 0)), true
	}
	return append2(buf, n), true
}
