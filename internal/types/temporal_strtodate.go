package types

// dateScan is the state of STR_TO_DATE.
type dateScan struct {
	Parts
	text             []byte
	i                int
	hasDate, hasTime bool
	afternoon        int // -1 unknown, 0 AM, 1 PM
	hour12           bool
	yearDay          int // %j
	weekday          int // 1 Monday to 7; 0 unknown
	weekNumber       int // -1 unknown
	weekSpec         byte
	weekYear         int // %X, %x; -1 unknown
	weekYearSpec     byte
}

// StrToDate is STR_TO_DATE: its parts and which of date and time the format has. ParseTruncated: text is left over.
// Whether the date exists is for the caller to check.
func StrToDate(b, format []byte) (p Parts, hasDate, hasTime bool, r ParseResult) {
	s := dateScan{text: b, afternoon: -1, weekNumber: -1, weekYear: -1}
	for at := 0; at < len(format); at++ {
		c := format[at]
		switch {
		case s.i >= len(b):
			// A text that ends early leaves the rest of the fields zero.
			for ; at < len(format); at++ {
				if format[at] == '%' && at+1 < len(format) {
					at++
					s.note(format[at])
				}
			}
		case c == '%' && at+1 < len(format):
			at++
			if !s.specifier(format[at]) {
				return Parts{}, false, false, ParseInvalid
			}
		case isSpace(c):
			s.i = skipSpaces(b, s.i)
		default:
			s.i = skipSpaces(b, s.i)
			if s.i >= len(b) || b[s.i] != c {
				return Parts{}, false, false, ParseInvalid
			}
			s.i++
		}
	}
	if !s.resolve() {
		return Parts{}, false, false, ParseInvalid
	}
	if skipSpaces(b, s.i) < len(b) {
		r = ParseTruncated
	}
	return s.Parts, s.hasDate, s.hasTime, r
}

// note remembers what kind of field the format has.
func (s *dateScan) note(spec byte) {
	switch spec {
	case 'H', 'h', 'I', 'k', 'l', 'i', 'S', 's', 'f', 'p', 'r', 'T':
		s.hasTime = true
	case '%', '.', '@', '#':
	default:
		s.hasDate = true
	}
}

// number reads up to width digits.
func (s *dateScan) number(width int) (n int, ok bool) {
	start := s.i
	for s.i < len(s.text) && s.i-start < width && isDigit(s.text[s.i]) {
		n = n*10 + int(s.text[s.i]-'0')
		s.i++
	}
	return n, s.i > start
}

func (s *dateScan) field(to *int, width, low, high int) bool {
	n, ok := s.number(width)
	*to = n
	return ok && n >= low && n <= high
}

// name reads one of the names, without regard to case, and returns its place.
func (s *dateScan) name(names []string) (at int, ok bool) {
	for at, n := range names {
		if n != "" && len(s.text)-s.i >= len(n) && equalFoldASCII(s.text[s.i:s.i+len(n)], n) {
			s.i += len(n)
			return at, true
		}
	}
	return 0, false
}

func equalFoldASCII(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		x, y := b[i], s[i]
		if x != y && (x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}

func (s *dateScan) specifier(spec byte) bool {
	s.note(spec)
	if spec != '%' && spec != '.' && spec != '@' && spec != '#' {
		s.i = skipSpaces(s.text, s.i)
	}
	switch spec {
	case 'Y':
		start := s.i
		ok := s.field(&s.Year, 4, 0, 9999)
		if s.i-start == 2 {
			s.Year = fullYear(s.Year)
		}
		return ok
	case 'y':
		ok := s.field(&s.Year, 2, 0, 99)
		s.Year = fullYear(s.Year)
		return ok
	case 'm', 'c':
		return s.field(&s.Month, 2, 0, 12)
	case 'M', 'b':
		names := monthNames[:]
		if spec == 'b' {
			names = monthShort[:]
		}
		at, ok := s.name(names)
		s.Month = at
		return ok
	case 'd', 'e':
		return s.field(&s.Day, 2, 0, 31)
	case 'D':
		ok := s.field(&s.Day, 2, 0, 31)
		s.i = min(s.i+2, len(s.text))
		return ok
	case 'h', 'I', 'l':
		s.hour12 = true
		return s.field(&s.Hour, 2, 1, 12)
	case 'H', 'k':
		return s.field(&s.Hour, 2, 0, 23)
	case 'i':
		return s.field(&s.Minute, 2, 0, 59)
	case 'S', 's':
		return s.field(&s.Second, 2, 0, 59)
	case 'f':
		return s.fraction()
	case 'p':
		at, ok := s.name([]string{"AM", "PM"})
		s.afternoon = at
		return ok && s.hour12
	case 'r':
		return s.sequence("I:i:S p")
	case 'T':
		return s.sequence("H:i:S")
	case '%':
		return s.literal('%')
	case '.':
		for s.i < len(s.text) && isPunct(s.text[s.i]) {
			s.i++
		}
		return true
	case '@':
		for s.i < len(s.text) && s.text[s.i]|0x20 >= 'a' && s.text[s.i]|0x20 <= 'z' {
			s.i++
		}
		return true
	case '#':
		for s.i < len(s.text) && isDigit(s.text[s.i]) {
			s.i++
		}
		return true
	}
	return s.weekSpecifier(spec)
}

// weekSpecifier is for what says a day by its week or its place in the year.
func (s *dateScan) weekSpecifier(spec byte) bool {
	switch spec {
	case 'W', 'a':
		names := dayNames[:]
		if spec == 'a' {
			names = dayShort[:]
		}
		at, ok := s.name(names)
		s.weekday = at + 1
		return ok
	case 'w':
		ok := s.field(&s.weekday, 1, 0, 6)
		if s.weekday == 0 {
			s.weekday = 7
		}
		return ok
	case 'j':
		return s.field(&s.yearDay, 3, 1, 366)
	case 'U', 'u', 'V', 'v':
		s.weekSpec = spec
		low := 0
		if spec == 'V' || spec == 'v' {
			low = 1
		}
		return s.field(&s.weekNumber, 2, low, 53)
	case 'X', 'x':
		s.weekYearSpec = spec
		return s.field(&s.weekYear, 4, 0, 9999)
	}
	return false
}

func (s *dateScan) literal(c byte) bool {
	if s.i >= len(s.text) || s.text[s.i] != c {
		return false
	}
	s.i++
	return true
}

// sequence reads specifiers with literal : and space between them.
func (s *dateScan) sequence(format string) bool {
	for _, c := range []byte(format) {
		if s.i >= len(s.text) {
			return true
		}
		ok := true
		switch c {
		case ':':
			ok = s.literal(':')
		case ' ':
			s.i = skipSpaces(s.text, s.i)
		default:
			ok = s.specifier(c)
		}
		if !ok {
			return false
		}
	}
	return true
}

func (s *dateScan) fraction() bool {
	start := s.i
	n, ok := s.number(MaxFsp)
	for range MaxFsp - (s.i - start) {
		n *= 10
	}
	s.Micro = n
	return ok
}

// resolve computes the hour and the date from what was read.
func (s *dateScan) resolve() bool {
	if s.hour12 {
		s.Hour %= 12
		if s.afternoon == 1 {
			s.Hour += 12
		}
	}
	if s.yearDay > 0 {
		n := DayNumber(s.Year, 1, 1) + s.yearDay - 1
		if n <= 0 || n > maxDayNumber {
			return false
		}
		s.Year, s.Month, s.Day = FromDayNumber(n)
	}
	if s.weekNumber >= 0 && s.weekday > 0 {
		return s.resolveWeek()
	}
	return true
}

// resolveWeek finds the day from year, week and weekday.
func (s *dateScan) resolveWeek() bool {
	// %V and %v go with the year of their week, %U and %u with the calendar's.
	strict := s.weekSpec == 'V' || s.weekSpec == 'v'
	sunday := s.weekSpec == 'U' || s.weekSpec == 'V'
	year := s.Year
	if strict {
		if s.weekYear < 0 || sunday != (s.weekYearSpec == 'X') {
			return false
		}
		year = s.weekYear
	} else if s.weekYear >= 0 {
		return false
	}
	first := DayNumber(year, 1, 1)
	day := weekday(first, sunday)
	n := first
	if sunday {
		if day != 0 {
			n += 7
		}
		n += (s.weekNumber-1)*7 - day + s.weekday%7
	} else {
		if day > 3 {
			n += 7
		}
		n += (s.weekNumber-1)*7 - day + s.weekday - 1
	}
	if n <= 0 || n > maxDayNumber {
		return false
	}
	s.Year, s.Month, s.Day = FromDayNumber(n)
	return true
}
