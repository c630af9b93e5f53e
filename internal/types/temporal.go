package types

// Temporal values are integers that order as time does:
//
//	DATE, DATETIME, TIMESTAMP   (((year*13+month)<<5|day)<<17 | hour<<12 | minute<<6 | second)<<24 | microsecond
//	TIME                        signed microseconds
//
// as MySQL packs them. Month and day may be 0, the zero date is 0. A TIMESTAMP is in UTC; sessions see local time.

// The places of the fields in a packed value.
const (
	microBits = 24
	timeBits  = microBits + 17
	microMask = 1<<microBits - 1
	timeMask  = 1<<timeBits - 1
)

// Microseconds in longer units.
const (
	microsPerSecond = 1_000_000
	microsPerMinute = 60 * microsPerSecond
	microsPerHour   = 60 * microsPerMinute
	microsPerDay    = 24 * microsPerHour
)

// MaxTimeMicros is 838:59:59, the bound of TIME on both sides.
const MaxTimeMicros = 838*microsPerHour + 59*microsPerMinute + 59*microsPerSecond

// Parts are the fields of a DATE, DATETIME, TIMESTAMP or TIME.
type Parts struct {
	Negative             bool // TIME only
	Year, Month, Day     int
	Hour, Minute, Second int // Hour up to 838 for TIME
	Micro                int
}

// Pack is PackDateTime of the parts.
func (p Parts) Pack() int64 {
	return PackDateTime(p.Year, p.Month, p.Day, p.Hour, p.Minute, p.Second, p.Micro)
}

// PackTime is the TIME of the parts.
func (p Parts) PackTime() int64 { return PackTime(p.Negative, p.Hour, p.Minute, p.Second, p.Micro) }

// PackDateTime packs the fields so that values order as integers.
func PackDateTime(year, month, day, hour, minute, second, micro int) int64 {
	ymd := (int64(year)*13+int64(month))<<5 | int64(day)
	hms := int64(hour)<<12 | int64(minute)<<6 | int64(second)
	return (ymd<<17|hms)<<microBits | int64(micro)
}

// UnpackDateTime is the inverse of PackDateTime.
func UnpackDateTime(v int64) Parts {
	ymd, hms := v>>timeBits, v>>microBits&(1<<17-1)
	ym := ymd >> 5
	return Parts{
		Year: int(ym / 13), Month: int(ym % 13), Day: int(ymd & 31),
		Hour: int(hms >> 12), Minute: int(hms >> 6 & 63), Second: int(hms & 63),
		Micro: int(v & microMask),
	}
}

// PackTime returns signed microseconds.
func PackTime(negative bool, hour, minute, second, micro int) int64 {
	us := int64(hour)*microsPerHour + int64(minute)*microsPerMinute + int64(second)*microsPerSecond + int64(micro)
	if negative {
		return -us
	}
	return us
}

// UnpackTime is the inverse of PackTime.
func UnpackTime(us int64) Parts {
	p := Parts{Negative: us < 0}
	if us < 0 {
		us = -us
	}
	p.Hour = int(us / microsPerHour)
	p.Minute = int(us / microsPerMinute % 60)
	p.Second = int(us / microsPerSecond % 60)
	p.Micro = int(us % microsPerSecond)
	return p
}

// DatePart clears the time of day.
func DatePart(v int64) int64 { return v &^ timeMask }

// TimePart returns the time of day in microseconds.
func TimePart(v int64) int64 { return UnpackDateTime(v).PackTime() }

// TemporalMode is what sql_mode says about dates.
type TemporalMode struct {
	NoZeroDate         bool // '0000-00-00' is invalid
	NoZeroInDate       bool // '2024-00-10' is invalid
	AllowInvalidDates  bool // day up to 31 in every month
	TruncateFractional bool // fractional seconds are cut, not rounded
}

// CheckDate tells if the date exists and the mode allows it.
func CheckDate(v int64, mode TemporalMode) bool {
	p := UnpackDateTime(v)
	return checkDate(&p, mode)
}

func checkDate(p *Parts, mode TemporalMode) bool {
	if p.Month > 12 || p.Day > 31 || p.Year > 9999 || p.Hour > 23 || p.Minute > 59 || p.Second > 59 {
		return false
	}
	if p.Year|p.Month|p.Day == 0 {
		return !mode.NoZeroDate
	}
	if p.Month == 0 || p.Day == 0 {
		return !mode.NoZeroInDate
	}
	return mode.AllowInvalidDates || p.Day <= DaysInMonth(p.Year, p.Month)
}

// fspUnit[fsp] is one unit of the last digit kept, in microseconds.
var fspUnit = [MaxFsp + 1]int64{1000000, 100000, 10000, 1000, 100, 10, 1}

// RoundDateTime rounds to fsp digits; ok is false past 9999-12-31 and where a zero date would have to carry.
func RoundDateTime(v int64, fsp uint8) (r int64, ok bool) {
	unit := fspUnit[min(fsp, MaxFsp)]
	micro := v & microMask
	rest := micro % unit
	if rest == 0 {
		return v, true
	}
	v -= rest
	if rest*2 < unit {
		return v, true
	}
	if micro-rest+unit < microsPerSecond {
		return v + unit, true
	}
	v &^= microMask
	return Interval{Micros: microsPerSecond}.Add(v)
}

// TruncateDateTime cuts to fsp digits.
func TruncateDateTime(v int64, fsp uint8) int64 { return v - v&microMask%fspUnit[min(fsp, MaxFsp)] }

// RoundTime rounds microseconds to fsp digits, half away from zero, within the bounds of TIME.
func RoundTime(us int64, fsp uint8) int64 {
	unit := fspUnit[min(fsp, MaxFsp)]
	half := unit / 2
	if us < 0 {
		half = -half
	}
	us = (us + half) / unit * unit
	return min(max(us, -MaxTimeMicros), MaxTimeMicros)
}

// TruncateTime cuts microseconds to fsp digits.
func TruncateTime(us int64, fsp uint8) int64 { return us - us%fspUnit[min(fsp, MaxFsp)] }

// DateToNumber is 20240105.
func DateToNumber(v int64) int64 {
	p := UnpackDateTime(v)
	return int64(p.Year)*10000 + int64(p.Month)*100 + int64(p.Day)
}

// DateTimeToNumber is 20240105101112, without fractional seconds.
func DateTimeToNumber(v int64) int64 {
	p := UnpackDateTime(v)
	return DateToNumber(v)*1000000 + int64(p.Hour)*10000 + int64(p.Minute)*100 + int64(p.Second)
}

// TimeToNumber is 101112, with sign, without fractional seconds.
func TimeToNumber(us int64) int64 {
	p := UnpackTime(us)
	n := int64(p.Hour)*10000 + int64(p.Minute)*100 + int64(p.Second)
	if p.Negative {
		return -n
	}
	return n
}

// YearFromNumber applies the rules of YEAR: 0, 1901-2155, and two digits. A text '0' is 2000, the number 0 is 0000.
func YearFromNumber(n int64, isText bool) (year int64, ok bool) {
	switch {
	case n == 0 && !isText:
		return 0, true
	case n >= 0 && n < 70:
		return 2000 + n, true
	case n >= 70 && n < 100:
		return 1900 + n, true
	case n >= 1901 && n <= 2155:
		return n, true
	}
	return 0, false
}
