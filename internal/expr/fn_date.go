package expr

import (
	"time"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// Date and time functions. NOW and relatives give the start of the statement, SYSDATE the clock.

func defineDate(t table) {
	defineNow(t)
	defineDateParts(t)
	defineDateArithmetic(t)
	defineDateFormat(t)
}

// returnsFsp is a type with as many fractional digits as the only argument says.
func returnsFsp(of func(fsp int) types.Type) resultType {
	return func(_ *builder, args []Expr) types.Type {
		fsp := int64(0)
		if len(args) > 0 {
			fsp, _ = literalInt(args[0])
		}
		return of(int(min(max(fsp, 0), types.MaxFsp))).WithNullable(false)
	}
}

// checkFsp refuses NOW(7).
func checkFsp(d definition) definition {
	build := d.build
	d.build = func(b *builder, args []Expr) (Expr, error) {
		if len(args) > 0 {
			if n, ok := literalInt(args[0]); !ok || n < 0 || n > types.MaxFsp {
				return nil, sqlerr.Newf(sqlerr.ErrTooBigPrecision,
					"Too-big precision %d specified for '%s'. Maximum is %d.", n, b.name, types.MaxFsp)
			}
		}
		return build(b, args)
	}
	return d
}

func defineNow(t table) {
	clock := func(name string, of func(int) types.Type, f flags, at func(ev *Evaluator) int64) {
		t.simple(name, "i", 0, 1, returnsFsp(of), function{flags: f | seesNull, row: func(r *row) error {
			v := at(r.ev)
			switch fsp := r.out.Type.Scale; r.out.Type.ID {
			case types.Date:
				v = types.DatePart(v)
			case types.Time:
				v = types.TruncateTime(types.TimePart(v), fsp)
			default:
				v = types.TruncateDateTime(v, fsp)
			}
			return r.setI64(v)
		}})
		t[name] = checkFsp(t[name])
	}
	day := func(int) types.Type { return types.NewDate() }
	local := func(ev *Evaluator) int64 { return ev.now() }
	utc := func(ev *Evaluator) int64 { return types.DateTimeFromTime(ev.env.Now.UTC()) }
	clock("now", types.NewDateTime, 0, local)
	clock("curdate", day, 0, local)
	clock("curtime", types.NewTime, 0, local)
	clock("utc_timestamp", types.NewDateTime, 0, utc)
	clock("utc_date", day, 0, utc)
	clock("utc_time", types.NewTime, 0, utc)
	clock("sysdate", types.NewDateTime, volatile, func(ev *Evaluator) int64 {
		return types.DateTimeFromTime(time.Now().In(ev.location()))
	})
	for _, name := range []string{"current_timestamp", "localtime", "localtimestamp"} {
		t.alias(name, "now")
	}
	t.alias("current_date", "curdate")
	t.alias("current_time", "curtime")
}

func defineDateParts(t table) {
	part := func(name string, f func(p types.Parts) int64) {
		t.simple(name, "d", 1, 1, returnsInt, function{row: func(r *row) error {
			return r.setI64(f(types.UnpackDateTime(r.local(0))))
		}})
	}
	part("year", func(p types.Parts) int64 { return int64(p.Year) })
	part("month", func(p types.Parts) int64 { return int64(p.Month) })
	part("day", func(p types.Parts) int64 { return int64(p.Day) })
	t.alias("dayofmonth", "day")
	part("quarter", func(p types.Parts) int64 { return int64((p.Month + 2) / 3) })
	// Those that need a real day: NULL for '2024-00-00'.
	calendar := func(name string, f func(p types.Parts) int64) {
		t.simple(name, "d", 1, 1, returnsInt, function{flags: mayNull, row: func(r *row) error {
			p := types.UnpackDateTime(r.local(0))
			if p.Month == 0 || p.Day == 0 {
				return r.setNull()
			}
			return r.setI64(f(p))
		}})
	}
	calendar("dayofweek", func(p types.Parts) int64 { return int64((types.Weekday(p.Year, p.Month, p.Day)+1)%7 + 1) })
	calendar("weekday", func(p types.Parts) int64 { return int64(types.Weekday(p.Year, p.Month, p.Day)) })
	calendar("dayofyear", func(p types.Parts) int64 { return int64(types.YearDay(p.Year, p.Month, p.Day)) })
	calendar("to_days", func(p types.Parts) int64 { return int64(types.DayNumber(p.Year, p.Month, p.Day)) })
	calendar("to_seconds", func(p types.Parts) int64 {
		return int64(types.DayNumber(p.Year, p.Month, p.Day))*86400 + int64(p.Hour*3600+p.Minute*60+p.Second)
	})
	t.simple("week", "di", 1, 2, returnsInt, function{flags: mayNull, row: func(r *row) error {
		return r.week(types.Week, 0)
	}})
	t.simple("weekofyear", "d", 1, 1, returnsInt, function{flags: mayNull, row: func(r *row) error {
		return r.week(types.Week, 3)
	}})
	t.simple("yearweek", "di", 1, 2, returnsInt, function{flags: mayNull, row: func(r *row) error {
		return r.week(types.YearWeek, 0)
	}})
	t.simple("dayname", "d", 1, 1, returnsText(9), function{flags: mayNull, row: func(r *row) error {
		p := types.UnpackDateTime(r.local(0))
		if p.Month == 0 || p.Day == 0 {
			return r.setNull()
		}
		day := (types.Weekday(p.Year, p.Month, p.Day) + 1) % 7
		return r.setStr([]byte(time.Weekday(day).String()))
	}})
	t.simple("monthname", "d", 1, 1, returnsText(9), function{flags: mayNull, row: func(r *row) error {
		m := types.UnpackDateTime(r.local(0)).Month
		if m == 0 {
			return r.setNull()
		}
		return r.setStr([]byte(time.Month(m).String()))
	}})
	t.simple("last_day", "d", 1, 1, returns(types.NewDate()), function{flags: mayNull, row: func(r *row) error {
		p := types.UnpackDateTime(r.local(0))
		if p.Month == 0 {
			return r.setNull()
		}
		return r.setI64(types.PackDateTime(p.Year, p.Month, types.DaysInMonth(p.Year, p.Month), 0, 0, 0, 0))
	}})
	clock := func(name string, f func(p types.Parts) int64) {
		t.simple(name, "t", 1, 1, returnsInt, function{row: func(r *row) error {
			return r.setI64(f(types.UnpackTime(r.i64(0))))
		}})
	}
	clock("hour", func(p types.Parts) int64 { return int64(p.Hour) })
	clock("minute", func(p types.Parts) int64 { return int64(p.Minute) })
	clock("second", func(p types.Parts) int64 { return int64(p.Second) })
	clock("microsecond", func(p types.Parts) int64 { return int64(p.Micro) })
	clock("time_to_sec", func(p types.Parts) int64 {
		s := int64(p.Hour*3600 + p.Minute*60 + p.Second)
		if p.Negative {
			s = -s
		}
		return s
	})
	t["extract"] = definition{2, 2, buildExtract}
	t["date"] = definition{1, 1, func(b *builder, args []Expr) (Expr, error) {
		return b.temporalCast(args[0], types.NewDate()), nil
	}}
	t["time"] = definition{1, 1, func(b *builder, args []Expr) (Expr, error) {
		return b.temporalCast(args[0], types.NewTime(temporalFsp(args[0]))), nil
	}}
	t["timestamp"] = definition{1, 2, func(b *builder, args []Expr) (Expr, error) {
		e := b.temporalCast(args[0], types.NewDateTime(temporalFsp(args[0])))
		if len(args) == 1 {
			return e, nil
		}
		return NewCall("addtime", []Expr{e, args[1]}, b.env)
	}}
}

// temporalCast is DATE(e) and the like: a cast that is lenient with zeros in dates.
func (b *builder) temporalCast(e Expr, t types.Type) Expr {
	c := NewCast(e, t)
	if c == e && e.Type().ID != t.ID {
		return relabel(e, t)
	}
	return c
}

// temporalFsp is the number of fractional digits that e has as a temporal value.
func temporalFsp(e Expr) int {
	t := e.Type()
	switch {
	case t.IsTemporal():
		return int(t.Scale)
	case t.ID == types.Decimal:
		return min(int(t.Scale), types.MaxFsp)
	case t.IsString():
		return constFsp(e)
	case t.IsFloat():
		return types.MaxFsp
	}
	return 0
}

// local is a DATETIME argument; a TIMESTAMP has been cast already.
func (r *row) local(k int) int64 { return r.i64(k) }

func (r *row) week(f func(v int64, mode int) int, mode int) error {
	v := r.local(0)
	if p := types.UnpackDateTime(v); p.Month == 0 || p.Day == 0 {
		return r.setNull()
	}
	if r.nargs() > 1 {
		mode = int(r.i64(1) & 7)
	} else if mode == 0 {
		mode = int(r.ev.defaultWeekFormat())
	}
	return r.setI64(int64(f(v, mode)))
}

// defaultWeekFormat is @@default_week_format.
func (ev *Evaluator) defaultWeekFormat() int64 {
	if ev.env.Variable == nil {
		return 0
	}
	d, err := ev.env.Variable("", "default_week_format")
	if err != nil || d.IsNull() {
		return 0
	}
	n, err := ev.toInt(d)
	if err != nil {
		return 0
	}
	return n & 7
}

// unitOf reads a literal unit such as 'DAY_SECOND'.
func (b *builder) unitOf(e Expr) (types.Unit, error) {
	c, ok := e.(*Const)
	if ok {
		if u, ok := types.ParseUnit(string(bytesUpper(append([]byte(nil), c.D.S...)))); ok {
			return u, nil
		}
	}
	return 0, sqlerr.New(sqlerr.ErrWrongArguments, b.name)
}

var (
	extractDate = &function{name: "extract", flags: mayNull, nodes: 1, row: rowExtractDate}
	extractTime = &function{name: "extract", flags: mayNull, nodes: 1, row: rowExtractTime}
)

// buildExtract is EXTRACT(unit FROM d), as extract('unit', d).
func buildExtract(b *builder, args []Expr) (Expr, error) {
	u, err := b.unitOf(args[0])
	if err != nil {
		return nil, err
	}
	if u.HasTime() && u < types.UnitDayMicrosecond {
		return b.call(extractTime, []Expr{toTime(args[1]), args[0]}, types.NewBigInt(), 0, 0), nil
	}
	// A unit with days and a time of day: of a TIME the days are hours.
	if u.HasTime() && args[1].Type().ID == types.Time {
		return b.call(extractTime, []Expr{args[1], args[0]}, types.NewBigInt(), 0, 0), nil
	}
	return b.call(extractDate, []Expr{toDateTime(args[1]), args[0]}, types.NewBigInt(), 0, 0), nil
}

// unit is the literal unit behind the evaluated arguments.
func (r *row) unit() types.Unit {
	if u, ok := r.nd.state.(types.Unit); ok {
		return u
	}
	args := r.nd.e.(*Call).args
	u, _ := (&builder{}).unitOf(args[len(args)-1])
	r.nd.state = u
	return u
}

func rowExtractDate(r *row) error {
	u := r.unit()
	if u == types.UnitWeek {
		return r.week(types.Week, 0)
	}
	return r.setI64(extract(u, types.UnpackDateTime(r.local(0))))
}

func rowExtractTime(r *row) error {
	p := types.UnpackTime(r.i64(0))
	v := extract(r.unit(), p)
	if p.Negative {
		v = -v
	}
	return r.setI64(v)
}

func extract(u types.Unit, p types.Parts) int64 {
	year, month, day := int64(p.Year), int64(p.Month), int64(p.Day)
	hour, minute, second, micro := int64(p.Hour), int64(p.Minute), int64(p.Second), int64(p.Micro)
	switch u {
	case types.UnitYear:
		return year
	case types.UnitYearMonth:
		return year*100 + month
	case types.UnitQuarter:
		return (month + 2) / 3
	case types.UnitMonth:
		return month
	case types.UnitDay:
		return day
	case types.UnitDayHour:
		return day*100 + hour
	case types.UnitDayMinute:
		return day*10000 + hour*100 + minute
	case types.UnitDaySecond:
		return day*1000000 + hour*10000 + minute*100 + second
	case types.UnitDayMicrosecond:
		return (day*1000000+hour*10000+minute*100+second)*1000000 + micro
	case types.UnitHour:
		return hour
	case types.UnitHourMinute:
		return hour*100 + minute
	case types.UnitHourSecond:
		return hour*10000 + minute*100 + second
	case types.UnitHourMicrosecond:
		return (hour*10000+minute*100+second)*1000000 + micro
	case types.UnitMinute:
		return minute
	case types.UnitMinuteSecond:
		return minute*100 + second
	case types.UnitMinuteMicrosecond:
		return (minute*100+second)*1000000 + micro
	case types.UnitSecond:
		return second
	case types.UnitSecondMicrosecond:
		return second*1000000 + micro
	}
	return micro
}
