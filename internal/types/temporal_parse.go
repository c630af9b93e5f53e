package types

// ParseResult tells how well a text or number was understood.
type ParseResult uint8

// The results of parsing.
const (
	ParseOK        ParseResult = iota
	ParseTruncated             // understood, but something was left over or clamped: warning 1292
	ParseInvalid               // not a value: the result is zero, error or warning 1292
)

// The fields of a text with date and time, in order.
const (
	fieldYear = iota
	fieldMonth
	fieldDay
	fieldHour
	fieldMinute
	fieldSecond
	fieldFraction
	fieldCount
)

// centuryPivot: two-digit years below it are in 20xx.
const centuryPivot = 70

// parsedDateTime is a text taken apart.
type parsedDateTime struct {
	Parts
	nanos     int  // the seventh to ninth digit of the fraction, for rounding
	fields    int  // how many there were
	clock     bool // there are delimiters, and neither T nor spaces before the hour: rather a time of day
	zero      bool // all fields were 0
	rest      bool // something but spaces follows
	hasOffset bool
	offset    int // minutes east of UTC
}

// scanDateTime follows MySQL's str_to_datetime: with delimiters any punctuation will do, without them the number of
// digits says where the fields are.
func scanDateTime(b []byte) (p parsedDateTime, ok bool) {
	i := skipSpaces(b, 0)
	if i == len(b) || !isDigit(b[i]) {
		return p, false
	}
	run := i
	for run < len(b) && (isDigit(b[run]) || b[run] == 'T') {
		run++
	}
	digits := run - i
	compact := run == len(b) || b[run] == '.'
	yearLength := 4
	if compact && digits != 4 && digits != 8 && digits < 14 {
		yearLength = 2
	}
	var values [fieldCount]int
	var delimited, apart bool
	field := fieldYear
	for field < fieldFraction && i < len(b) && isDigit(b[i]) {
		limit := 2
		if field == fieldYear {
			limit = yearLength
		}
		start := i
		for i < len(b) && isDigit(b[i]) && i-start < limit {
			values[field] = values[field]*10 + int(b[i]-'0')
			i++
		}
		if field == fieldYear && !compact {
			yearLength = i - start
		}
		field++
		if field < fieldFraction {
			next := skipDelimiter(b, i, field == fieldHour)
			delimited = delimited || next > i
			apart = apart || field == fieldHour && next > i && !isPunct(b[i])
			i = next
		}
	}
	if field == fieldFraction && i+1 < len(b) && b[i] == '.' && isDigit(b[i+1]) {
		values[fieldFraction], p.nanos, i = scanFraction(b, i+1)
	}
	p.fields, p.clock = field, delimited && !apart
	p.Parts = Parts{
		Year: values[0], Month: values[1], Day: values[2], Hour: values[3], Minute: values[4], Second: values[5],
		Micro: values[6],
	}
	p.zero = p.Parts == Parts{} && p.nanos == 0
	if p.fields < fieldHour {
		return p, false
	}
	if yearLength == 2 && !p.zero {
		p.Year = fullYear(p.Year)
	}
	i = p.scanOffset(b, i)
	p.rest = skipSpaces(b, i) < len(b)
	return p, true
}

// skipDelimiter goes to the next field: over T or spaces between date and time, over punctuation anywhere. Where no
// digit follows it stays, so that the rest counts as left over.
func skipDelimiter(b []byte, i int, beforeHour bool) int {
	j := i
	if beforeHour && j < len(b) && b[j] == 'T' {
		j++
	}
	for j < len(b) && (isPunct(b[j]) || beforeHour && isSpace(b[j])) {
		j++
	}
	if j == len(b) || !isDigit(b[j]) {
		return i
	}
	return j
}

// scanFraction reads the digits behind the point: six of microseconds and three more to round by.
func scanFraction(b []byte, i int) (micro, nanos, end int) {
	for scale := 100_000_000; i < len(b) && isDigit(b[i]); i++ {
		nanos += int(b[i]-'0') * scale
		scale /= 10
	}
	return nanos / 1000, nanos % 1000, i
}

func fullYear(year int) int {
	if year < centuryPivot {
		return year + 2000
	}
	return year + 1900
}

// scanOffset reads +hh:mm or -hh:mm behind a time, up to 14 hours.
func (p *parsedDateTime) scanOffset(b []byte, i int) int {
	if p.fields <= fieldSecond || len(b)-i < 6 || b[i] != '+' && b[i] != '-' || b[i+3] != ':' {
		return i
	}
	for _, at := range [...]int{1, 2, 4, 5} {
		if !isDigit(b[i+at]) {
			return i
		}
	}
	minutes := (int(b[i+1]-'0')*10+int(b[i+2]-'0'))*60 + int(b[i+4]-'0')*10 + int(b[i+5]-'0')
	if minutes > 14*60 || b[i+4] > '5' || b[i] == '-' && minutes == 0 {
		return i
	}
	p.hasOffset, p.offset = true, minutes
	if b[i] == '-' {
		p.offset = -minutes
	}
	return i + 6
}

func isPunct(c byte) bool {
	return c >= '!' && c <= '/' || c >= ':' && c <= '@' || c >= '[' && c <= '`' || c >= '{' && c <= '~'
}

// finish checks the date, applies an offset (to UTC) and rounds.
func (p *parsedDateTime) finish(fsp uint8, mode TemporalMode) (int64, ParseResult) {
	if p.zero {
		if mode.NoZeroDate {
			return 0, ParseInvalid
		}
		return 0, p.result()
	}
	if !checkDate(&p.Parts, mode) {
		return 0, ParseInvalid
	}
	v := p.Pack()
	if mode.TruncateFractional {
		return TruncateDateTime(v, fsp), p.result()
	}
	if fsp >= MaxFsp && p.nanos >= 500 {
		if r, ok := (Interval{Micros: 1}).Add(v); ok {
			v = r
		}
		return v, p.result()
	}
	v, ok := RoundDateTime(v, fsp)
	if !ok {
		return 0, ParseInvalid
	}
	return v, p.result()
}

func (p *parsedDateTime) result() ParseResult {
	if p.rest {
		return ParseTruncated
	}
	return ParseOK
}

// ParseDateTime reads all forms MySQL takes for a DATETIME, rounding to fsp digits: '2024-1-5', '20240105', '24-01-05
// 10:11:12.5', '2024/01/05T10.11.12', '20240105101112'. A time zone offset behind the time is taken off, so the result
// is in UTC then; use ParseDateTimeOffset to know.
func ParseDateTime(b []byte, fsp uint8, mode TemporalMode) (int64, ParseResult) {
	v, _, r := ParseDateTimeOffset(b, fsp, mode)
	return v, r
}

// ParseDateTimeOffset is ParseDateTime that tells if the text had an offset, which makes the result a time in UTC.
func ParseDateTimeOffset(b []byte, fsp uint8, mode TemporalMode) (v int64, utc bool, r ParseResult) {
	p, ok := scanDateTime(b)
	if !ok {
		return 0, false, ParseInvalid
	}
	v, r = p.finish(fsp, mode)
	if r == ParseInvalid || !p.hasOffset {
		return v, false, r
	}
	if p.Month == 0 || p.Day == 0 {
		return 0, false, ParseInvalid
	}
	v, ok = Interval{Micros: -int64(p.offset) * microsPerMinute}.Add(v)
	if !ok {
		return 0, false, ParseInvalid
	}
	return v, true, r
}

// ParseDate reads a date; a time part is cut off.
func ParseDate(b []byte, mode TemporalMode) (int64, ParseResult) {
	mode.TruncateFractional = true
	p, ok := scanDateTime(b)
	if !ok {
		return 0, ParseInvalid
	}
	v, r := p.finish(MaxFsp, mode)
	return DatePart(v), r
}

// datetimeLengthMin: texts of that length may be a whole date and time in TIME context.
const datetimeLengthMin = 12

// ParseTime reads all forms MySQL takes for a TIME, rounding to fsp digits and clamping to 838:59:59: '1 2:3:4.5',
// '-12:30', '101112', '12', or a date with a time.
func ParseTime(b []byte, fsp uint8) (us int64, r ParseResult) {
	return parseTime(b, fsp, false)
}

func parseTime(b []byte, fsp uint8, truncate bool) (us int64, r ParseResult) {
	i := skipSpaces(b, 0)
	if len(b)-i >= datetimeLengthMin {
		if p, ok := scanDateTime(b); ok && p.fields > fieldHour && !p.clock && checkDate(&p.Parts, TemporalMode{}) {
			return roundParsedTime(p.PackTime(), p.nanos, fsp, truncate), p.result()
		}
	}
	negative := i < len(b) && b[i] == '-'
	if negative {
		i++
	}
	var f [5]int64 // days, hours, minutes, seconds, microseconds
	nanos := 0
	end, ok := scanTimeFields(b, i, &f)
	if !ok {
		return 0, ParseInvalid
	}
	if end < len(b) && b[end] == '.' {
		var micro int
		micro, nanos, end = scanFraction(b, end+1)
		f[4] = int64(micro)
	}
	if f[2] > 59 || f[3] > 59 {
		return 0, ParseInvalid
	}
	hours := f[0]*24 + f[1]
	r = ParseOK
	if skipSpaces(b, end) < len(b) {
		r = ParseTruncated
	}
	if hours > 838 {
		us, r = MaxTimeMicros, ParseTruncated
	} else {
		us = PackTime(false, int(hours), int(f[2]), int(f[3]), int(f[4]))
		if us > MaxTimeMicros {
			us, r = MaxTimeMicros, ParseTruncated
		}
	}
	us = roundParsedTime(us, nanos, fsp, truncate)
	if negative {
		us = -us
	}
	return us, r
}

func roundParsedTime(us int64, nanos int, fsp uint8, truncate bool) int64 {
	switch {
	case truncate:
		return TruncateTime(us, fsp)
	case fsp >= MaxFsp && nanos >= 500:
		us++
	}
	return RoundTime(us, fsp)
}

// timeFieldMax bounds each number so that sums do not overflow; anything near it is clamped anyway.
const timeFieldMax = 1 << 40

// scanTimeFields reads [D ]HH:MM[:SS], D HH, or digits HHMMSS.
func scanTimeFields(b []byte, i int, f *[5]int64) (end int, ok bool) {
	number := func() (n int64, ok bool) {
		start := i
		for ; i < len(b) && isDigit(b[i]); i++ {
			n = min(n*10+int64(b[i]-'0'), timeFieldMax)
		}
		return n, i > start
	}
	// colons reads :n up to the seconds, starting after field at.
	colons := func(at int) {
		for at < 3 && i+1 < len(b) && b[i] == ':' && isDigit(b[i+1]) {
			i++
			at++
			f[at], _ = number()
		}
	}
	n, ok := number()
	if !ok {
		return i, false
	}
	space := skipSpaces(b, i)
	switch {
	case space > i && space < len(b) && isDigit(b[space]):
		i = space
		f[0] = n
		f[1], _ = number()
		colons(1)
	case i+1 < len(b) && b[i] == ':' && isDigit(b[i+1]):
		f[1] = n
		colons(1)
	default:
		f[1], f[2], f[3] = n/10000, n/100%100, n%100
	}
	return i, true
}

// DateTimeFromNumber reads 20240105101112, 240105101112, 20240105, 240105 and 0.
func DateTimeFromNumber(n int64, mode TemporalMode) (int64, ParseResult) {
	switch {
	case n == 0:
		if mode.NoZeroDate {
			return 0, ParseInvalid
		}
		return 0, ParseOK
	case n < 101:
		return 0, ParseInvalid
	case n <= (centuryPivot-1)*10000+1231:
		n = (n + 20000000) * 1000000
	case n < centuryPivot*10000+101:
		return 0, ParseInvalid
	case n <= 991231:
		n = (n + 19000000) * 1000000
	case n <= 99991231:
		n *= 1000000
	case n < 101000000:
		return 0, ParseInvalid
	case n <= (centuryPivot-1)*10000000000+1231235959:
		n += 20000000000000
	case n < centuryPivot*10000000000+101000000:
		return 0, ParseInvalid
	case n <= 991231235959:
		n += 19000000000000
	case n > 99991231235959:
		return 0, ParseInvalid
	}
	p := Parts{
		Year: int(n / 10000000000), Month: int(n / 100000000 % 100), Day: int(n / 1000000 % 100),
		Hour: int(n / 10000 % 100), Minute: int(n / 100 % 100), Second: int(n % 100),
	}
	if !checkDate(&p, mode) {
		return 0, ParseInvalid
	}
	return p.Pack(), ParseOK
}

// TimeFromNumber reads 101112 as 10:11:12, and a date with a time as its time.
func TimeFromNumber(n int64) (us int64, r ParseResult) {
	negative := n < 0
	if negative && n >= -timeFieldMax {
		n = -n
	}
	if n > 8385959 || n < 0 {
		if n >= 10000000000 {
			if v, r := DateTimeFromNumber(n, TemporalMode{}); r == ParseOK {
				return TimePart(v), ParseOK
			}
		}
		if negative {
			return -MaxTimeMicros, ParseTruncated
		}
		return MaxTimeMicros, ParseTruncated
	}
	if n%100 > 59 || n/100%100 > 59 {
		return 0, ParseInvalid
	}
	return PackTime(negative, int(n/10000), int(n/100%100), int(n%100), 0), ParseOK
}
