package types

import (
	"errors"
	"time"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

var errStub = errors.New("not implemented")

// --- temporal values (temporal*.go)

// Parts are the fields of a DATE, DATETIME, TIMESTAMP or TIME.
type Parts struct {
	Negative             bool // TIME only
	Year, Month, Day     int
	Hour, Minute, Second int // Hour up to 838 for TIME
	Micro                int
}

// ParseResult tells how well a text was understood.
type ParseResult uint8

// The results of parsing.
const (
	ParseOK        ParseResult = iota
	ParseTruncated             // understood, but something was left: warning 1292, or a note where MySQL says so
	ParseInvalid               // not a value: the result is the zero value, error or warning 1292
)

// TemporalMode is what sql_mode says about dates.
type TemporalMode struct {
	NoZeroDate        bool // '0000-00-00' is invalid
	NoZeroInDate      bool // '2024-00-10' is invalid
	AllowInvalidDates bool // day up to 31 in every month
}

// PackDateTime packs the fields so that values order as integers.
func PackDateTime(year, month, day, hour, minute, second, micro int) int64 { return 0 }

// UnpackDateTime is the inverse of PackDateTime.
func UnpackDateTime(v int64) Parts { return Parts{} }

// PackTime returns signed microseconds.
func PackTime(negative bool, hour, minute, second, micro int) int64 { return 0 }

// UnpackTime is the inverse of PackTime.
func UnpackTime(us int64) Parts { return Parts{} }

// ParseDateTime reads all forms MySQL takes for a DATETIME, rounding to fsp digits.
func ParseDateTime(b []byte, fsp uint8, mode TemporalMode) (int64, ParseResult) {
	return 0, ParseInvalid
}

// ParseDate reads a date; a time part is cut off.
func ParseDate(b []byte, mode TemporalMode) (int64, ParseResult) { return 0, ParseInvalid }

// ParseTime reads all forms MySQL takes for a TIME, rounding to fsp digits and clamping to 838:59:59.
func ParseTime(b []byte, fsp uint8) (us int64, r ParseResult) { return 0, ParseInvalid }

// DateTimeFromNumber reads 20240105101112, 240105, 20240105.
func DateTimeFromNumber(n int64, mode TemporalMode) (int64, ParseResult) { return 0, ParseInvalid }

// TimeFromNumber reads 101112 as 10:11:12.
func TimeFromNumber(n int64) (us int64, r ParseResult) { return 0, ParseInvalid }

// DateToNumber is 20240105.
func DateToNumber(v int64) int64 { return 0 }

// DateTimeToNumber is 20240105101112.
func DateTimeToNumber(v int64) int64 { return 0 }

// TimeToNumber is 101112, with sign.
func TimeToNumber(us int64) int64 { return 0 }

// AppendDate writes 2024-01-05.
func AppendDate(buf []byte, v int64) []byte { return buf }

// AppendDateTime writes 2024-01-05 10:11:12.000000 with fsp fractional digits.
func AppendDateTime(buf []byte, v int64, fsp uint8) []byte { return buf }

// AppendTime writes -838:59:59.000000 with fsp fractional digits.
func AppendTime(buf []byte, us int64, fsp uint8) []byte { return buf }

// RoundDateTime rounds to fsp digits; ok is false past 9999-12-31.
func RoundDateTime(v int64, fsp uint8) (r int64, ok bool) { return v, true }

// TruncateDateTime cuts to fsp digits.
func TruncateDateTime(v int64, fsp uint8) int64 { return v }

// RoundTime rounds microseconds to fsp digits.
func RoundTime(us int64, fsp uint8) int64 { return us }

// TruncateTime cuts microseconds to fsp digits.
func TruncateTime(us int64, fsp uint8) int64 { return us }

// DatePart clears the time of day.
func DatePart(v int64) int64 { return v }

// TimePart returns the time of day in microseconds.
func TimePart(v int64) int64 { return v }

// CheckDate tells if the date exists and the mode allows it.
func CheckDate(v int64, mode TemporalMode) bool { return true }

// DayNumber counts days as TO_DAYS does: 0000-01-01 is 1 (MySQL's calc_daynr).
func DayNumber(year, month, day int) int { return 0 }

// FromDayNumber is the inverse, for 366 (0001-01-01) to 3652424 (9999-12-31); zeros outside.
func FromDayNumber(n int) (year, month, day int) { return 0, 0, 0 }

// Weekday is 0 for Monday.
func Weekday(year, month, day int) int { return 0 }

// DaysInMonth knows leap years; 0 for months outside 1-12.
func DaysInMonth(year, month int) int { return 0 }

// YearDay is 1 for January 1.
func YearDay(year, month, day int) int { return 0 }

// Week is the SQL function of that name with a mode from 0 to 7; YearWeek gives the year it belongs to as well.
func Week(v int64, mode int) int { return 0 }

// YearWeek is year*100 + week, as the SQL function YEARWEEK.
func YearWeek(v int64, mode int) int { return 0 }

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
)

// ParseUnit finds a unit by its SQL name in upper case, such as DAY_SECOND.
func ParseUnit(name string) (Unit, bool) { return 0, false }

func (u Unit) String() string { return "" }

// HasTime tells if the unit changes the time of day, so that DATE + INTERVAL becomes a DATETIME.
func (u Unit) HasTime() bool { return false }

// Interval is an amount of time: months and microseconds, both with the same sign.
type Interval struct {
	Months int64
	Days   int64
	Micros int64
}

// NewInterval is n units, of a simple unit; ok is false when it is too large.
func NewInterval(unit Unit, n int64) (i Interval, ok bool) { return }

// ParseInterval reads the text of any unit, such as '1 2:3:4' DAY_SECOND or '1.5' SECOND.
func ParseInterval(unit Unit, b []byte) (i Interval, ok bool) { return }

// Neg turns the interval around.
func (i Interval) Neg() Interval { return i }

// AddInterval adds n units to a DATE or DATETIME; ok is false outside 0000-9999 and for zero dates.
func AddInterval(v int64, unit Unit, n int64) (r int64, ok bool) { return }

// Add adds an interval to a DATE or DATETIME; ok is false outside 0000-9999 and for zero dates.
func (i Interval) Add(v int64) (r int64, ok bool) { return }

// DiffMicros returns a - b in microseconds.
func DiffMicros(a, b int64) int64 { return 0 }

// Diff is TIMESTAMPDIFF(unit, b, a): whole units from b to a.
func Diff(unit Unit, a, b int64) int64 { return 0 }

// DateFormat appends DATE_FORMAT(v, format); ok is false where it is NULL (name of month 0).
func DateFormat(buf []byte, v int64, format []byte) (out []byte, ok bool) { return buf, false }

// TimeFormat appends TIME_FORMAT(us, format).
func TimeFormat(buf []byte, us int64, format []byte) (out []byte, ok bool) { return buf, false }

// StrToDate is STR_TO_DATE: its parts and which of date and time the format has.
func StrToDate(b, format []byte) (p Parts, hasDate, hasTime bool, r ParseResult) { return }

// DateTimeFromTime packs the fields of t in its own location.
func DateTimeFromTime(t time.Time) int64 { return 0 }

// DateTimeToTime reads v as local time in loc; ok is false for zero dates. A time in the gap of a change to summer time
// becomes the moment of the change, as in MySQL; adjusted tells so.
func DateTimeToTime(v int64, loc *time.Location) (t time.Time, adjusted, ok bool) { return }

// TimestampToLocal converts a TIMESTAMP, which is in UTC, to the DATETIME that a session sees.
func TimestampToLocal(v int64, loc *time.Location) int64 { return v }

// TimestampFromLocal is the inverse; ok is false outside 1970-01-01 00:00:01 to 2038-01-19 03:14:07.999999 UTC.
func TimestampFromLocal(v int64, loc *time.Location) (r int64, adjusted, ok bool) {
	return v, false, true
}

// YearFromNumber applies the rules of YEAR: 0, 1901-2155, and two digits; isText makes 0 to 2000.
func YearFromNumber(n int64, isText bool) (year int64, ok bool) { return 0, false }

// ParseTimeZone reads SYSTEM, +hh:mm and named zones.
func ParseTimeZone(name string) (*time.Location, error) { return nil, errStub }

// --- JSON (json*.go)

// ParseJSON appends the binary form of a text to dst. Errors: *JSONSyntaxError, sqlerr 3157, 3150.
func ParseJSON(src, dst []byte) ([]byte, error) { return dst, errStub }

// AppendJSONText appends MySQL's text of a value: {"a": 1, "b": [1, 2]}.
func AppendJSONText(dst, bin []byte) []byte { return dst }

// --- numbers in texts (number.go)

// ParseIntPrefix reads the longest integer at the start of b after spaces. rest tells if anything but spaces follows;
// ok is false when there are no digits.
func ParseIntPrefix(b []byte) (v int64, rest, overflow, ok bool) { return }

// ParseUintPrefix is ParseIntPrefix for unsigned values; a minus sign overflows unless the value is 0.
func ParseUintPrefix(b []byte) (v uint64, rest, overflow, ok bool) { return }

// ParseFloatPrefix reads the longest number at the start of b after spaces.
func ParseFloatPrefix(b []byte) (v float64, rest, overflow, ok bool) { return }

// --- single values (datum.go, convert.go)

// Datum is one value with its type: a constant, a default, a parameter. The zero value is NULL.
type Datum struct {
	Type Type
	Kind Phys // PhysNull or Type.Phys()
	I    int64
	U    uint64
	F    float64
	D    Dec
	S    []byte
}

// IsNull tells if the value is NULL.
func (d Datum) IsNull() bool { return d.Kind == PhysNull }

// NullDatum is NULL of a type.
func NullDatum(t Type) Datum { return Datum{Type: t} }

// NewIntDatum is for types of PhysInt64.
func NewIntDatum(t Type, v int64) Datum { return Datum{Type: t, Kind: PhysInt64, I: v} }

// NewUintDatum is for types of PhysUint64.
func NewUintDatum(t Type, v uint64) Datum { return Datum{Type: t, Kind: PhysUint64, U: v} }

// NewFloatDatum is for types of PhysFloat64.
func NewFloatDatum(t Type, v float64) Datum { return Datum{Type: t, Kind: PhysFloat64, F: v} }

// NewDecDatum is for types of PhysDecimal.
func NewDecDatum(t Type, v Dec) Datum { return Datum{Type: t, Kind: PhysDecimal, D: v} }

// NewStringDatum is for types of PhysString; it keeps v.
func NewStringDatum(t Type, v []byte) Datum { return Datum{Type: t, Kind: PhysString, S: v} }

// ConvContext is what conversions need to know of the session and the column.
type ConvContext struct {
	Strict bool    // else values are clamped, with warnings
	Mode   SQLMode // for dates and padding
	Loc    *time.Location
	Warn   func(sqlerr.Warning) // may be nil
	Column string               // for messages
	Row    int64                // for messages, from 1
}

// Convert makes a value storable in a column of type to.
func Convert(d Datum, to Type, ctx *ConvContext) (Datum, error) { return Datum{}, errStub }

// AppendText appends the value as the text protocol has it. NULL appends nothing. loc is for TIMESTAMP; nil is UTC.
func (d Datum) AppendText(buf []byte, loc *time.Location) []byte { return buf }

// Compare compares two values of the same type; NULL comes first.
func (d Datum) Compare(o Datum) int { return 0 }

// --- texts by physical kind (text.go)

// AppendInt64Text appends the text of a value of PhysInt64. loc is for TIMESTAMP; nil is UTC.
func AppendInt64Text(buf []byte, v int64, t *Type, loc *time.Location) []byte { return buf }

// AppendUint64Text appends the text of a value of PhysUint64.
func AppendUint64Text(buf []byte, v uint64, t *Type) []byte { return buf }

// AppendFloat64Text appends the text of a value of PhysFloat64.
func AppendFloat64Text(buf []byte, v float64, t *Type) []byte { return buf }

// AppendDecText appends the text of a value of PhysDecimal.
func AppendDecText(buf []byte, v *Dec, t *Type) []byte { return buf }

// AppendStringText appends the text of a value of PhysString: JSON as text, others as they are.
func AppendStringText(buf, v []byte, t *Type) []byte { return buf }

// AppendFloat appends a DOUBLE, or with 32 bits a FLOAT, as MySQL prints it: shortest digits, exponent from 1e15.
func AppendFloat(buf []byte, v float64, bits int) []byte { return buf }

// WarnFunc takes a warning; nil drops it.
type WarnFunc func(sqlerr.Warning)
