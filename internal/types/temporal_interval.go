package types

import "math"

// Unit is the unit of an INTERVAL.
type Unit uint8

// The units.
const (
	UnitMicrosecond Unit = iota
	UnitSecond
	UnitMinute
	UnitHour
	UnitDay
	UnitWeek
	UnitMonth
	UnitQuarter
	UnitYear
	UnitSecondMicrosecond
	UnitMinuteMicrosecond
	UnitMinuteSecond
	UnitHourMicrosecond
	UnitHourSecond
	UnitHourMinute
	UnitDayMicrosecond
	UnitDaySecond
	UnitDayMinute
	UnitDayHour
	UnitYearMonth
	unitEnd
)

var unitNames = [unitEnd]string{
	"MICROSECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "SECOND_MICROSECOND",
	"MINUTE_MICROSECOND", "MINUTE_SECOND", "HOUR_MICROSECOND", "HOUR_SECOND", "HOUR_MINUTE", "DAY_MICROSECOND",
	"DAY_SECOND", "DAY_MINUTE", "DAY_HOUR", "YEAR_MONTH",
}

// ParseUnit finds a unit by its SQL name in upper case, such as DAY_SECOND.
func ParseUnit(name string) (Unit, bool) {
	for u, n := range unitNames {
		if n == name {
			return Unit(u), true
		}
	}
	return 0, false
}

func (u Unit) String() string {
	if u >= unitEnd {
		return "unknown"
	}
	return unitNames[u]
}

// HasTime tells if the unit changes the time of day, so that DATE + INTERVAL becomes a DATETIME.
func (u Unit) HasTime() bool {
	return u <= UnitHour || u >= UnitSecondMicrosecond && u != UnitYearMonth
}

// HasMicros tells if the unit has fractional seconds.
func (u Unit) HasMicros() bool {
	switch u {
	case UnitMicrosecond, UnitSecondMicrosecond, UnitMinuteMicrosecond, UnitHourMicrosecond, UnitDayMicrosecond:
		return true
	}
	return false
}

// Interval is an amount of time. Only one of Months, or Days and Micros, is used; both of these have one sign.
type Interval struct {
	Months int64
	Days   int64
	Micros int64
}

// unitField says how many months, days or microseconds one unit of a simple kind is.
func unitField(u Unit) Interval {
	switch u {
	case UnitMicrosecond:
		return Interval{Micros: 1}
	case UnitSecond:
		return Interval{Micros: microsPerSecond}
	case UnitMinute:
		return Interval{Micros: microsPerMinute}
	case UnitHour:
		return Interval{Micros: microsPerHour}
	case UnitDay:
		return Interval{Days: 1}
	case UnitWeek:
		return Interval{Days: 7}
	case UnitMonth:
		return Interval{Months: 1}
	case UnitQuarter:
		return Interval{Months: 3}
	case UnitYear:
		return Interval{Months: 12}
	}
	return Interval{}
}

// NewInterval is n units, of a simple unit; ok is false when it is too large for any date.
func NewInterval(unit Unit, n int64) (i Interval, ok bool) {
	f := unitField(unit)
	if f.Micros > 0 && n != math.MinInt64 {
		// Whole days are split off, so that 2^63 seconds are no overflow yet.
		return intervalFromMicros(n, f.Micros)
	}
	months, ok1 := mulOK(f.Months, n)
	days, ok2 := mulOK(f.Days, n)
	return Interval{Months: months, Days: days}, ok1 && ok2
}

// intervalFromMicros is n units of that many microseconds.
func intervalFromMicros(n, unit int64) (Interval, bool) {
	perDay := microsPerDay / unit
	return Interval{Days: n / perDay, Micros: n % perDay * unit}, true
}

func mulOK(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	r := a * b
	return r, r/b == a && !(b == -1 && a == math.MinInt64)
}

func addOK(a, b int64) (int64, bool) {
	r := a + b
	return r, (a >= 0) != (b >= 0) || (r >= 0) == (a >= 0)
}

// Neg turns the interval around.
func (i Interval) Neg() Interval {
	return Interval{Months: -i.Months, Days: -i.Days, Micros: -i.Micros}
}

// IsZero tells if adding the interval changes nothing.
func (i Interval) IsZero() bool { return i == Interval{} }

// intervalMax bounds what can be added to any date.
const intervalMax = 10000 * 366

// Add adds an interval to a DATE or DATETIME; ok is false outside of 0001 to 9999 and, for days and shorter units, for
// dates with zeros.
func (i Interval) Add(v int64) (r int64, ok bool) {
	p := UnpackDateTime(v)
	if i.Months != 0 {
		if i.Months > intervalMax || i.Months < -intervalMax {
			return 0, false
		}
		n := int64(p.Year)*12 + int64(p.Month) - 1 + i.Months
		if n < 0 || n >= 120000 || p.Month == 0 {
			return 0, false
		}
		p.Year, p.Month = int(n/12), int(n%12)+1
		p.Day = min(p.Day, DaysInMonth(p.Year, p.Month))
	}
	if i.Days == 0 && i.Micros == 0 {
		return p.Pack(), true
	}
	if p.Month == 0 || p.Day == 0 {
		return 0, false
	}
	micros, ok := addOK(p.PackTime(), i.Micros)
	if !ok || i.Days > intervalMax || i.Days < -intervalMax {
		return 0, false
	}
	days := int64(DayNumber(p.Year, p.Month, p.Day)) + i.Days + floorDiv(micros, microsPerDay)
	if days <= 365 || days > maxDayNumber {
		return 0, false
	}
	t := UnpackTime(micros - floorDiv(micros, microsPerDay)*microsPerDay)
	t.Year, t.Month, t.Day = FromDayNumber(int(days))
	return t.Pack(), true
}

// TimeMicros is the interval as an amount that can be added to a TIME; ok is false for months.
func (i Interval) TimeMicros() (us int64, ok bool) {
	days, ok := mulOK(i.Days, microsPerDay)
	if !ok || i.Months != 0 {
		return 0, false
	}
	return addOK(days, i.Micros)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// AddInterval adds n units to a DATE or DATETIME; ok as for Interval.Add.
func AddInterval(v int64, unit Unit, n int64) (r int64, ok bool) {
	i, ok := NewInterval(unit, n)
	if !ok {
		return 0, false
	}
	return i.Add(v)
}

// absMicros is the time since day 0; 9999 years are 3.2e17 microseconds.
func absMicros(p *Parts) int64 {
	return int64(DayNumber(p.Year, p.Month, p.Day))*microsPerDay + p.PackTime()
}

// DiffMicros returns a - b in microseconds.
func DiffMicros(a, b int64) int64 {
	p, q := UnpackDateTime(a), UnpackDateTime(b)
	return absMicros(&p) - absMicros(&q)
}

// DiffDays is DATEDIFF(a, b).
func DiffDays(a, b int64) int64 {
	p, q := UnpackDateTime(a), UnpackDateTime(b)
	return int64(DayNumber(p.Year, p.Month, p.Day) - DayNumber(q.Year, q.Month, q.Day))
}

// Diff is TIMESTAMPDIFF(unit, b, a): whole units from b to a.
func Diff(unit Unit, a, b int64) int64 {
	f := unitField(unit)
	if f.Months == 0 {
		per := max(f.Micros, f.Days*microsPerDay, 1)
		return DiffMicros(a, b) / per
	}
	negative := a < b
	if negative {
		a, b = b, a
	}
	p, q := UnpackDateTime(a), UnpackDateTime(b)
	months := int64(p.Year-q.Year)*12 + int64(p.Month-q.Month)
	// The last month is whole when day and time of day have come round.
	if p.Day < q.Day || p.Day == q.Day && p.PackTime() < q.PackTime() {
		months--
	}
	if negative {
		months = -months
	}
	return months / f.Months
}

// intervalFields are the parts of a compound unit in microseconds, from left to right, and whether the last one is a
// fraction of a second.
func intervalFields(u Unit) (fields []int64, fraction bool) {
	const d, h, m, s = microsPerDay, microsPerHour, microsPerMinute, microsPerSecond
	switch u {
	case UnitSecondMicrosecond:
		return []int64{s, 1}, true
	case UnitMinuteMicrosecond:
		return []int64{m, s, 1}, true
	case UnitMinuteSecond:
		return []int64{m, s}, false
	case UnitHourMicrosecond:
		return []int64{h, m, s, 1}, true
	case UnitHourSecond:
		return []int64{h, m, s}, false
	case UnitHourMinute:
		return []int64{h, m}, false
	case UnitDayMicrosecond:
		return []int64{d, h, m, s, 1}, true
	case UnitDaySecond:
		return []int64{d, h, m, s}, false
	case UnitDayMinute:
		return []int64{d, h, m}, false
	case UnitDayHour:
		return []int64{d, h}, false
	}
	return nil, false
}

// ParseInterval reads the text of any unit, such as '1 2:3:4' DAY_SECOND, '1.5' SECOND or '-3' MONTH. Numbers may be
// separated by anything; missing ones are missing on the left. ok is false when there are too many or too large ones.
func ParseInterval(unit Unit, b []byte) (i Interval, ok bool) {
	switch {
	case unit == UnitSecond:
		s := scanNumber(b)
		d, _, err := s.toDec(MaxFsp)
		if err != nil {
			return Interval{}, false
		}
		us, ok := d.ToInt64(0)
		if !ok {
			return Interval{}, false
		}
		return intervalFromMicros(us, 1)
	case unit < UnitSecondMicrosecond:
		n, _, overflow, _ := ParseIntPrefix(b)
		if overflow {
			return Interval{}, false
		}
		return NewInterval(unit, n)
	}
	negative, values, lastDigits, ok := scanIntervalNumbers(b)
	if !ok {
		return Interval{}, false
	}
	i, ok = compoundInterval(unit, values, lastDigits)
	if negative {
		i = i.Neg()
	}
	return i, ok
}

// intervalNumbersMax is the most numbers that any unit has.
const intervalNumbersMax = 5

// scanIntervalNumbers finds the numbers in a text, and how many digits the last one has.
func scanIntervalNumbers(b []byte) (negative bool, values []int64, lastDigits int, ok bool) {
	i := skipSpaces(b, 0)
	if i < len(b) && b[i] == '-' {
		negative = true
		i++
	}
	for i < len(b) {
		if !isDigit(b[i]) {
			i++
			continue
		}
		start, n := i, int64(0)
		for ; i < len(b) && isDigit(b[i]); i++ {
			if n > (math.MaxInt64-9)/10 {
				return false, nil, 0, false
			}
			n = n*10 + int64(b[i]-'0')
		}
		lastDigits = i - start
		values = append(values, n)
		if len(values) > intervalNumbersMax {
			return false, nil, 0, false
		}
	}
	return negative, values, lastDigits, true
}

func compoundInterval(unit Unit, values []int64, lastDigits int) (i Interval, ok bool) {
	if unit == UnitYearMonth {
		if len(values) > 2 {
			return Interval{}, false
		}
		for _, n := range values {
			var ok1, ok2 bool
			i.Months, ok1 = mulOK(i.Months, 12)
			i.Months, ok2 = addOK(i.Months, n)
			if !ok1 || !ok2 {
				return Interval{}, false
			}
		}
		return i, true
	}
	fields, fraction := intervalFields(unit)
	if len(values) > len(fields) {
		return Interval{}, false
	}
	fields = fields[len(fields)-len(values):]
	for at, n := range values {
		if fraction && at == len(values)-1 {
			// .5 is half a second: digits count from the left.
			for range MaxFsp - lastDigits {
				n *= 10
			}
		}
		part, _ := intervalFromMicros(n, fields[at])
		var ok1 bool
		i.Days, ok1 = addOK(i.Days, part.Days)
		i.Micros += part.Micros // less than a day each
		if !ok1 {
			return Interval{}, false
		}
	}
	return i, true
}

// AddTime adds two TIMEs; the result is clamped, ok tells if it was not.
func AddTime(a, b int64) (us int64, ok bool) {
	us, fits := addOK(a, b)
	if !fits {
		us = math.MaxInt64
		if a < 0 {
			us = math.MinInt64
		}
	}
	switch {
	case us > MaxTimeMicros:
		return MaxTimeMicros, false
	case us < -MaxTimeMicros:
		return -MaxTimeMicros, false
	}
	return us, true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
