package types

// maxDayNumber is 9999-12-31.
const maxDayNumber = 3652424

var daysInMonth = [13]int{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// isLeap: year 0 is none in MySQL.
func isLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0 && year != 0) }

func daysInYear(year int) int {
	if isLeap(year) {
		return 366
	}
	return 365
}

// DaysInMonth knows leap years; 0 for months outside 1-12.
func DaysInMonth(year, month int) int {
	if month < 1 || month > 12 {
		return 0
	}
	if month == 2 && isLeap(year) {
		return 29
	}
	return daysInMonth[month]
}

// DayNumber counts days as TO_DAYS does: 0000-01-01 is 1. The date may be partly zero; the zero date is 0.
func DayNumber(year, month, day int) int {
	if year == 0 && month == 0 {
		return 0
	}
	n := 365*year + 31*(month-1) + day
	if month <= 2 {
		year--
	} else {
		n -= (month*4 + 23) / 10
	}
	return n + year/4 - (year/100+1)*3/4
}

// FromDayNumber is the inverse, for 366 (0001-01-01) to 3652424 (9999-12-31); zeros outside.
func FromDayNumber(n int) (year, month, day int) {
	if n <= 365 || n > maxDayNumber {
		return 0, 0, 0
	}
	year = n * 100 / 36525
	dayOfYear := n - year*365 - (year-1)/4 + ((year-1)/100+1)*3/4
	for dayOfYear > daysInYear(year) {
		dayOfYear -= daysInYear(year)
		year++
	}
	month = 1
	for dayOfYear > DaysInMonth(year, month) {
		dayOfYear -= DaysInMonth(year, month)
		month++
	}
	return year, month, dayOfYear
}

// Weekday is 0 for Monday.
func Weekday(year, month, day int) int { return weekday(DayNumber(year, month, day), false) }

func weekday(dayNumber int, sundayFirst bool) int {
	if sundayFirst {
		dayNumber++
	}
	return (dayNumber + 5) % 7
}

// YearDay is 1 for January 1.
func YearDay(year, month, day int) int {
	return DayNumber(year, month, day) - DayNumber(year, 1, 1) + 1
}

// The bits of a week mode, once normalized.
const (
	weekMondayFirst  = 1
	weekYear         = 2 // 1-53, else 0-53
	weekFirstWeekday = 4 // week 1 is the first with the first weekday in it, else the first with four days
)

// weekMode turns the mode of WEEK() into bits.
func weekMode(mode int) int {
	mode &= 7
	if mode&weekMondayFirst == 0 {
		mode ^= weekFirstWeekday
	}
	return mode
}

// week returns the number of the week and the year that it belongs to.
func week(p *Parts, bits int) (n, year int) {
	dayNumber := DayNumber(p.Year, p.Month, p.Day)
	first := DayNumber(p.Year, 1, 1)
	firstWeekday := bits&weekFirstWeekday != 0
	withYear := bits&weekYear != 0
	day := weekday(first, bits&weekMondayFirst == 0)
	year = p.Year
	late := func() bool { return firstWeekday && day != 0 || !firstWeekday && day >= 4 }
	if p.Month == 1 && p.Day <= 7-day {
		if !withYear && late() {
			return 0, year
		}
		withYear = true
		year--
		days := daysInYear(year)
		first -= days
		day = (day + 53*7 - days) % 7
	}
	days := dayNumber - (first - day)
	if late() {
		days = dayNumber - (first + 7 - day)
	}
	if withYear && days >= 52*7 {
		day = (day + daysInYear(year)) % 7
		if !late() {
			return 1, year + 1
		}
	}
	return days/7 + 1, year
}

// Week is the SQL function of that name with a mode from 0 to 7.
func Week(v int64, mode int) int {
	p := UnpackDateTime(v)
	n, _ := week(&p, weekMode(mode))
	return n
}

// YearWeek is year*100 + week, as the SQL function YEARWEEK.
func YearWeek(v int64, mode int) int {
	p := UnpackDateTime(v)
	n, year := week(&p, weekMode(mode)|weekYear)
	return year*100 + n
}
