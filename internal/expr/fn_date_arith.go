package expr

import (
	"bytes"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// Date arithmetic: DATE_ADD(d, INTERVAL n unit) is date_add(d, n, 'unit'). A string gives a string: of a date if that
// is what it says and the unit has no time of day.

func defineDateArithmetic(t table) {
	add := definition{2, 3, func(b *builder, args []Expr) (Expr, error) { return b.shifted(args, false) }}
	sub := definition{2, 3, func(b *builder, args []Expr) (Expr, error) { return b.shifted(args, true) }}
	t["date_add"], t["adddate"] = add, add
	t["date_sub"], t["subdate"] = sub, sub
	t["timestampadd"] = definition{3, 3, func(b *builder, args []Expr) (Expr, error) {
		return b.shifted([]Expr{args[2], args[1], args[0]}, false)
	}}
	t["timestampdiff"] = definition{3, 3, buildTimestampDiff}
	t.simple("datediff", "d", 2, 2, returnsInt, function{flags: mayNull, row: rowDateDiff})
	t["timediff"] = definition{2, 2, buildTimeDiff}
	t["addtime"] = definition{2, 2, func(b *builder, args []Expr) (Expr, error) { return b.timeSum(addTime, args) }}
	t["subtime"] = definition{2, 2, func(b *builder, args []Expr) (Expr, error) { return b.timeSum(subTime, args) }}
	t.simple("makedate", "i", 2, 2, returns(types.NewDate()), function{flags: mayNull, row: rowMakeDate})
	t["maketime"] = definition{3, 3, buildMakeTime}
	t["sec_to_time"] = definition{1, 1, buildSecToTime}
	t.simple("from_days", "i", 1, 1, returns(types.NewDate()), function{row: rowFromDays})
	t["unix_timestamp"] = definition{0, 1, buildUnixTimestamp}
	t["from_unixtime"] = definition{1, 2, buildFromUnixtime}
	t["convert_tz"] = definition{3, 3, buildConvertTZ}
	t.simple("period_add", "i", 2, 2, returnsInt, function{row: func(r *row) error {
		m := periodMonths(r.i64(0)) + r.i64(1)
		return r.setI64(m/12*100 + m%12 + 1)
	}})
	t.simple("period_diff", "i", 2, 2, returnsInt, function{row: func(r *row) error {
		return r.setI64(periodMonths(r.i64(0)) - periodMonths(r.i64(1)))
	}})
}

// periodMonths counts months of YYYYMM or YYMM.
func periodMonths(p int64) int64 {
	year, month := p/100, p%100
	switch {
	case year < 70:
		year += 2000
	case year < 100:
		year += 1900
	}
	return year*12 + month - 1
}

var (
	addInterval = &function{name: "date_add", flags: mayNull, nodes: 2, row: func(r *row) error {
		return r.addInterval(false)
	}}
	subInterval = &function{name: "date_sub", flags: mayNull, nodes: 2, row: func(r *row) error {
		return r.addInterval(true)
	}}
)

func (b *builder) shifted(args []Expr, minus bool) (Expr, error) {
	if len(args) == 2 { // ADDDATE(d, days)
		args = []Expr{args[0], args[1], NewString("DAY", collation.UTF8MB4Bin)}
	}
	unit, err := b.unitOf(args[2])
	if err != nil {
		return nil, err
	}
	fn := addInterval
	if minus {
		fn = subInterval
	}
	n, fsp := b.intervalAmount(args[1], unit)
	d := args[0]
	t := d.Type()
	var result types.Type
	switch {
	case t.ID == types.Date && !unit.HasTime():
		result = types.NewDate()
	case t.ID == types.Time && unit.HasTime():
		result = types.NewTime(max(int(t.Scale), fsp))
	case t.IsTemporal():
		d = toDateTime(d)
		result = types.NewDateTime(max(int(t.Scale), fsp))
	case t.IsString() || t.ID == types.Null:
		d = b.toString(d)
		result = types.NewVarChar(29, connection(b.env))
	default:
		d = toDateTime(d)
		result = types.NewDateTime(max(int(d.Type().Scale), fsp))
	}
	return b.call(fn, []Expr{d, n, args[2]}, result, result.Collation, collation.CoerceCoercible), nil
}

// intervalAmount casts the amount to BIGINT or, if the unit takes more than a whole number, to a string.
func (b *builder) intervalAmount(n Expr, unit types.Unit) (Expr, int) {
	t := n.Type()
	whole := t.IsInteger() || t.ID == types.Year || t.ID == types.Bit
	simpleUnit := unit <= types.UnitYear
	fsp := 0
	switch {
	case unit == types.UnitMicrosecond || unit >= types.UnitSecondMicrosecond && hasMicros(unit):
		fsp = types.MaxFsp
	case unit == types.UnitSecond && t.ID == types.Decimal:
		fsp = min(int(t.Scale), types.MaxFsp)
	case unit == types.UnitSecond && !whole && t.ID != types.Null:
		fsp = types.MaxFsp
	}
	if simpleUnit && (whole || t.IsNumeric() && unit != types.UnitSecond) || t.ID == types.Null {
		return NewCast(n, types.NewBigInt()), fsp
	}
	return b.toString(n), fsp
}

func hasMicros(u types.Unit) bool {
	switch u {
	case types.UnitMicrosecond, types.UnitSecondMicrosecond, types.UnitMinuteMicrosecond, types.UnitHourMicrosecond,
		types.UnitDayMicrosecond:
		return true
	}
	return false
}

// amount reads the interval of argument 1; ok is false if it is too large or no number.
func (r *row) amount(unit types.Unit) (types.Interval, bool) {
	if r.argType(1).Phys() == types.PhysString {
		return types.ParseInterval(unit, r.str(1))
	}
	return types.NewInterval(unit, r.i64(1))
}

func (r *row) dateOverflow() error {
	if err := r.ev.warn(sqlerr.New(sqlerr.ErrDatetimeFunctionOverflow, "datetime")); err != nil {
		return err
	}
	return r.setNull()
}

func (r *row) addInterval(minus bool) error {
	unit := r.unit()
	n, ok := r.amount(unit)
	if !ok {
		return r.dateOverflow()
	}
	if minus {
		n = n.Neg()
	}
	if r.out.Type.ID == types.Time {
		us := r.i64(0) + n.Days*86400e6 + n.Micros
		if us < -maxTime || us > maxTime {
			return r.dateOverflow()
		}
		return r.setI64(us)
	}
	text := r.argType(0).Phys() == types.PhysString
	v, isDate := int64(0), false
	if text {
		s := r.str(0)
		var res types.ParseResult
		if v, res = types.ParseDateTime(s, types.MaxFsp, types.TemporalMode{}); res == types.ParseInvalid {
			if err := r.ev.incorrect("datetime", s); err != nil {
				return err
			}
			return r.setNull()
		}
		isDate = dateOnly(s) && !unit.HasTime()
	} else {
		v = r.local(0)
	}
	if p := types.UnpackDateTime(v); p.Month == 0 || p.Day == 0 {
		if err := r.ev.incorrect("datetime", types.AppendDateTime(nil, v, 0)); err != nil {
			return err
		}
		return r.setNull()
	}
	if v, ok = n.Add(v); !ok {
		return r.dateOverflow()
	}
	switch {
	case !text:
		return r.setI64(v)
	case isDate:
		return r.setBuf(types.AppendDate(r.buf(), v))
	}
	fsp := uint8(0)
	if types.UnpackDateTime(v).Micro != 0 {
		fsp = types.MaxFsp
	}
	return r.setBuf(types.AppendDateTime(r.buf(), v, fsp))
}

// maxTime is 838:59:59 in microseconds.
const maxTime = (838*3600 + 59*60 + 59) * int64(1e6)

// dateOnly says if a text that is a date or datetime has no time of day.
func dateOnly(s []byte) bool {
	s = bytes.TrimSpace(s)
	if bytes.ContainsAny(s, "-/.") {
		return len(s) <= 10
	}
	return len(s) <= 8
}

// looksLikeDate says if a text is a date or datetime rather than a time.
func looksLikeDate(s []byte) bool {
	s = bytes.TrimSpace(s)
	if len(s) > 0 && s[0] == '-' {
		return false
	}
	return bytes.ContainsAny(s, "-/") || len(s) >= 14 && bytes.IndexByte(s, ':') < 0
}

var timestampDiff = &function{name: "timestampdiff", flags: mayNull, nodes: 2, row: rowTimestampDiff}

func buildTimestampDiff(b *builder, args []Expr) (Expr, error) {
	if _, err := b.unitOf(args[0]); err != nil {
		return nil, err
	}
	return b.call(timestampDiff, []Expr{toDateTime(args[1]), toDateTime(args[2]), args[0]}, types.NewBigInt(),
		0, 0), nil
}

func zeroDate(v int64) bool {
	p := types.UnpackDateTime(v)
	return p.Month == 0 || p.Day == 0
}

func rowTimestampDiff(r *row) error {
	a, b := r.local(0), r.local(1)
	if zeroDate(a) || zeroDate(b) {
		return r.setNull()
	}
	return r.setI64(types.Diff(r.unit(), b, a))
}

func rowDateDiff(r *row) error {
	a, b := r.local(0), r.local(1)
	if zeroDate(a) || zeroDate(b) {
		return r.setNull()
	}
	p, q := types.UnpackDateTime(a), types.UnpackDateTime(b)
	return r.setI64(int64(types.DayNumber(p.Year, p.Month, p.Day) - types.DayNumber(q.Year, q.Month, q.Day)))
}

var timeDiff = &function{name: "timediff", flags: mayNull, row: rowTimeDiff}

func buildTimeDiff(b *builder, args []Expr) (Expr, error) {
	out := make([]Expr, 2)
	fsp := 0
	for i, a := range args {
		out[i] = a
		fsp = max(fsp, temporalFsp(a))
		switch t := a.Type(); {
		case t.ID == types.Timestamp:
			out[i] = toDateTime(a)
		case !t.IsTemporal() && !t.IsString():
			out[i] = toTime(a)
		}
	}
	return b.call(timeDiff, out, types.NewTime(fsp), 0, 0), nil
}

// moment reads argument k as a DATETIME (date true) or a TIME.
func (r *row) moment(k int) (v int64, date, ok bool) {
	d := r.datum(k)
	switch {
	case d.Type.ID == types.Time:
		return d.I, false, true
	case d.Type.HasDate():
		return d.I, true, true
	}
	if looksLikeDate(d.S) {
		v, res := types.ParseDateTime(d.S, types.MaxFsp, types.TemporalMode{})
		return v, true, res != types.ParseInvalid
	}
	v, res := types.ParseTime(d.S, types.MaxFsp)
	return v, false, res != types.ParseInvalid
}

func rowTimeDiff(r *row) error {
	a, aDate, ok1 := r.moment(0)
	b, bDate, ok2 := r.moment(1)
	if !ok1 || !ok2 || aDate != bDate {
		return r.setNull()
	}
	us := a - b
	if aDate {
		us = types.DiffMicros(a, b)
	}
	return r.setTime(us)
}

// setTime stores a TIME, clamped with a warning.
func (r *row) setTime(us int64) error {
	if us > maxTime || us < -maxTime {
		if err := r.ev.truncated("time", types.AppendTime(nil, us, 0)); err != nil {
			return err
		}
		us = min(max(us, -maxTime), maxTime)
	}
	return r.setI64(us)
}

var (
	addTime = &function{name: "addtime", flags: mayNull, row: func(r *row) error { return r.timeSum(1) }}
	subTime = &function{name: "subtime", flags: mayNull, row: func(r *row) error { return r.timeSum(-1) }}
)

func (b *builder) timeSum(fn *function, args []Expr) (Expr, error) {
	x, y := args[0], toTime(args[1])
	fsp := max(temporalFsp(x), int(y.Type().Scale))
	var t types.Type
	switch xt := x.Type(); {
	case xt.HasDate():
		x, t = toDateTime(x), types.NewDateTime(fsp)
	case xt.ID == types.Time:
		t = types.NewTime(fsp)
	case xt.IsString():
		t = types.NewVarChar(29, connection(b.env))
	default:
		x, t = toTime(x), types.NewTime(fsp)
	}
	return b.call(fn, []Expr{x, y}, t, t.Collation, collation.CoerceCoercible), nil
}

func (r *row) timeSum(sign int64) error {
	v, date, ok := r.moment(0)
	if !ok {
		return r.setNull()
	}
	us := sign * r.i64(1)
	if date {
		if v, ok = addMicros(v, us); !ok {
			return r.dateOverflow()
		}
	} else {
		v += us
	}
	if r.out.Type.Phys() != types.PhysString {
		if r.out.Type.ID == types.Time {
			return r.setTime(v)
		}
		return r.setI64(v)
	}
	fsp := uint8(0)
	if date {
		if types.UnpackDateTime(v).Micro != 0 {
			fsp = types.MaxFsp
		}
		return r.setBuf(types.AppendDateTime(r.buf(), v, fsp))
	}
	v = min(max(v, -maxTime), maxTime)
	if v%1e6 != 0 {
		fsp = types.MaxFsp
	}
	return r.setBuf(types.AppendTime(r.buf(), v, fsp))
}

func rowMakeDate(r *row) error {
	year, n := r.i64(0), r.i64(1)
	switch {
	case year < 0 || year > 9999 || n < 1:
		return r.setNull()
	case year < 70:
		year += 2000
	case year < 100:
		year += 1900
	}
	if n > 4e6 {
		return r.setNull()
	}
	y, m, d := types.FromDayNumber(types.DayNumber(int(year), 1, 1) + int(n) - 1)
	if y == 0 {
		return r.setNull()
	}
	return r.setI64(types.PackDateTime(y, m, d, 0, 0, 0, 0))
}

var makeTime = &function{name: "maketime", flags: mayNull, row: rowMakeTime}

func buildMakeTime(b *builder, args []Expr) (Expr, error) {
	fsp := temporalFsp(args[2])
	out := []Expr{
		NewCast(args[0], types.NewBigInt()), NewCast(args[1], types.NewBigInt()), NewCast(args[2],
			types.NewDecimal(20, fsp)),
	}
	return b.call(makeTime, out, types.NewTime(fsp), 0, 0), nil
}

func rowMakeTime(r *row) error {
	hour, minute := r.i64(0), r.i64(1)
	micros, ok := scaled(r.dec(2), r.argType(2).Scale)
	if !ok || minute < 0 || minute > 59 || micros < 0 || micros >= 60e6 {
		return r.setNull()
	}
	if hour > 838 || hour < -838 {
		sign := int64(1)
		if hour < 0 {
			sign = -1
		}
		return r.setTime(sign * (maxTime + 1e6))
	}
	us := minute*60e6 + micros
	if hour < 0 {
		us = hour*3600e6 - us
	} else {
		us += hour * 3600e6
	}
	return r.setTime(us)
}

// scaled is a decimal in millionths.
func scaled(v types.Dec, scale uint8) (int64, bool) {
	v, ok := v.Rescale(scale, 6)
	if !ok {
		return 0, false
	}
	return v.ToInt64(0)
}

var secToTime = &function{name: "sec_to_time", row: func(r *row) error {
	us, ok := scaled(r.dec(0), r.argType(0).Scale)
	if !ok {
		us = maxTime + 1e6
		if r.dec(0).Sign() < 0 {
			us = -us
		}
	}
	return r.setTime(us)
}}

func buildSecToTime(b *builder, args []Expr) (Expr, error) {
	fsp := temporalFsp(args[0])
	return b.call(secToTime, []Expr{NewCast(args[0], types.NewDecimal(30, fsp))}, types.NewTime(fsp), 0, 0), nil
}

func rowFromDays(r *row) error {
	n := r.i64(0)
	if n < 366 || n > 3652424 {
		return r.setI64(0)
	}
	y, m, d := types.FromDayNumber(int(n))
	return r.setI64(types.PackDateTime(y, m, d, 0, 0, 0, 0))
}

var (
	unixNow   = &function{name: "unix_timestamp", row: func(r *row) error { return r.setI64(r.ev.env.Now.Unix()) }}
	unixWhole = &function{name: "unix_timestamp", row: rowUnixTimestamp}
	unixExact = &function{name: "unix_timestamp", row: rowUnixTimestamp}
)

func buildUnixTimestamp(b *builder, args []Expr) (Expr, error) {
	if len(args) == 0 {
		return b.call(unixNow, nil, types.NewBigInt(), 0, 0), nil
	}
	e := args[0]
	if e.Type().ID != types.Timestamp {
		e = toDateTime(e)
	}
	fsp := int(e.Type().Scale)
	if fsp == 0 {
		return b.call(unixWhole, []Expr{e}, types.NewBigInt(), 0, 0), nil
	}
	return b.call(unixExact, []Expr{e}, types.NewDecimal(12+fsp, fsp), 0, 0), nil
}

// rowUnixTimestamp is 0 outside of the range of TIMESTAMP.
func rowUnixTimestamp(r *row) error {
	v, loc := r.i64(0), r.ev.location()
	if r.argType(0).ID == types.Timestamp {
		loc = nil
	}
	us := int64(0)
	if loc == nil {
		if t, _, ok := types.DateTimeToTime(v, utcLocation); ok {
			us = t.UnixMicro()
		}
	} else if t, _, ok := types.DateTimeToTime(v, loc); ok && t.Unix() > 0 && t.Unix() <= maxUnixTime {
		us = t.UnixMicro()
	}
	if r.out.Type.ID != types.Decimal {
		return r.setI64(us / 1e6)
	}
	d := types.DecFromInt64(us, 0)
	return r.setDec(d.TruncateTo(6, r.out.Type.Scale))
}

// maxUnixTime is the end of year 3000, where UNIX_TIMESTAMP and FROM_UNIXTIME end since 8.0.28.
const maxUnixTime = 32536771199

var fromUnixtime = &function{name: "from_unixtime", flags: mayNull, row: rowFromUnixtime}

func buildFromUnixtime(b *builder, args []Expr) (Expr, error) {
	fsp := temporalFsp(args[0])
	e := b.call(fromUnixtime, []Expr{NewCast(args[0], types.NewDecimal(30, fsp))}, types.NewDateTime(fsp), 0, 0)
	if len(args) == 1 {
		return e, nil
	}
	return NewCall("date_format", []Expr{e, args[1]}, b.env)
}

func rowFromUnixtime(r *row) error {
	us, ok := scaled(r.dec(0), r.argType(0).Scale)
	if !ok || us < 0 || us/1e6 > maxUnixTime {
		return r.setNull()
	}
	return r.setI64(types.DateTimeFromTime(unixMicro(us).In(r.ev.location())))
}
