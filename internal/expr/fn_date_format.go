package expr

import (
	"bytes"
	"time"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// DATE_FORMAT, TIME_FORMAT, STR_TO_DATE, GET_FORMAT and CONVERT_TZ.

var utcLocation = time.UTC

func unixMicro(us int64) time.Time { return time.UnixMicro(us) }

func defineDateFormat(t table) {
	t.simple("date_format", "ds", 2, 2, returnsFormatted, function{flags: mayNull, row: func(r *row) error {
		out, ok := types.DateFormat(r.buf(), r.local(0), r.str(1))
		if !ok {
			return r.setNull()
		}
		return r.setBuf(out)
	}})
	t.simple("time_format", "ts", 2, 2, returnsFormatted, function{flags: mayNull, row: func(r *row) error {
		out, ok := types.TimeFormat(r.buf(), r.i64(0), r.str(1))
		if !ok {
			return r.setNull()
		}
		return r.setBuf(out)
	}})
	t["str_to_date"] = definition{2, 2, buildStrToDate}
	t.simple("get_format", "s", 2, 2, returnsText(17), function{flags: mayNull, row: rowGetFormat})
}

// returnsFormatted: no format letter gives more than ten times its two characters.
func returnsFormatted(b *builder, args []Expr) types.Type {
	n := int64(textLength(args[1].Type())) * 10
	return types.NewVarChar(int(min(n, types.MaxBlob)), connection(b.env))
}

var strToDate = &function{name: "str_to_date", flags: mayNull, row: rowStrToDate}

// buildStrToDate: a literal format says whether the result is a DATE, a TIME or a DATETIME.
func buildStrToDate(b *builder, args []Expr) (Expr, error) {
	out, _, _, err := b.castArgs("s", args)
	if err != nil {
		return nil, err
	}
	t := types.NewDateTime(types.MaxFsp)
	if c, ok := b.fold(out[1]).(*Const); ok && !c.D.IsNull() {
		date, clock, micro := false, false, false
		for i := 0; i+1 < len(c.D.S); i++ {
			if c.D.S[i] != '%' {
				continue
			}
			i++
			switch {
			case c.D.S[i] == 'f':
				micro, clock = true, true
			case bytes.IndexByte([]byte("HISThiklprs"), c.D.S[i]) >= 0:
				clock = true
			case c.D.S[i] != '%':
				date = true
			}
		}
		fsp := 0
		if micro {
			fsp = types.MaxFsp
		}
		switch {
		case date && clock:
			t = types.NewDateTime(fsp)
		case clock:
			t = types.NewTime(fsp)
		default:
			t = types.NewDate()
		}
	}
	return b.call(strToDate, out, t, 0, 0), nil
}

func rowStrToDate(r *row) error {
	s := r.str(0)
	p, hasDate, _, res := types.StrToDate(s, r.str(1))
	fail := func() error {
		r.ev.note(sqlerr.New(sqlerr.ErrWrongValueForType, "datetime", printable(s), "str_to_date"))
		return r.setNull()
	}
	if res == types.ParseInvalid {
		return fail()
	}
	if r.out.Type.ID == types.Time {
		return r.setTime(types.PackTime(p.Negative, p.Hour, p.Minute, p.Second, p.Micro))
	}
	v := types.PackDateTime(p.Year, p.Month, p.Day, p.Hour, p.Minute, p.Second, p.Micro)
	mode := r.ev.env.SQLMode.Temporal()
	if !hasDate && mode.NoZeroDate || !types.CheckDate(v, mode) {
		return fail()
	}
	if res == types.ParseTruncated {
		if err := r.ev.truncated("datetime", s); err != nil {
			return err
		}
	}
	if r.out.Type.ID == types.Date {
		v = types.DatePart(v)
	}
	return r.setI64(v)
}

// formats are GET_FORMAT's, by kind and country.
var formats = map[string]map[string]string{
	"DATE": {
		"USA": "%m.%d.%Y", "JIS": "%Y-%m-%d", "ISO": "%Y-%m-%d", "EUR": "%d.%m.%Y", "INTERNAL": "%Y%m%d",
	},
	"DATETIME": {
		"USA": "%Y-%m-%d %H.%i.%s", "JIS": "%Y-%m-%d %H:%i:%s", "ISO": "%Y-%m-%d %H:%i:%s", "EUR": "%Y-%m-%d %H.%i.%s",
		"INTERNAL": "%Y%m%d%H%i%s",
	},
	"TIME": {
		"USA": "%h:%i:%s %p", "JIS": "%H:%i:%s", "ISO": "%H:%i:%s", "EUR": "%H.%i.%s", "INTERNAL": "%H%i%s",
	},
}

func rowGetFormat(r *row) error {
	kind := string(bytes.ToUpper(r.str(0)))
	if kind == "TIMESTAMP" {
		kind = "DATETIME"
	}
	f, ok := formats[kind][string(bytes.ToUpper(r.str(1)))]
	if !ok {
		return r.setNull()
	}
	return r.setStr([]byte(f))
}

var convertTZ = &function{name: "convert_tz", flags: mayNull, row: rowConvertTZ}

// zonePair keeps the latest pair of time zones, as it mostly is the same for all rows.
type zonePair struct {
	fromName, toName string
	from, to         *time.Location
}

func buildConvertTZ(b *builder, args []Expr) (Expr, error) {
	d := toDateTime(args[0])
	out := []Expr{d, b.toString(args[1]), b.toString(args[2])}
	return b.call(convertTZ, out, types.NewDateTime(int(d.Type().Scale)), 0, 0), nil
}

func rowConvertTZ(r *row) error {
	z, _ := r.nd.state.(*zonePair)
	if z == nil || z.fromName != string(r.str(1)) || z.toName != string(r.str(2)) {
		z = &zonePair{fromName: string(r.str(1)), toName: string(r.str(2))}
		r.nd.state = z
		var err error
		if z.from, err = types.ParseTimeZone(z.fromName); err != nil {
			z.from = nil
		}
		if z.to, err = types.ParseTimeZone(z.toName); err != nil {
			z.to = nil
		}
	}
	if z.from == nil || z.to == nil {
		return r.setNull()
	}
	v := r.local(0)
	if zeroDate(v) {
		return r.setNull()
	}
	t, _, ok := types.DateTimeToTime(v, z.from)
	if !ok || t.Unix() <= 0 || t.Unix() > maxUnixTime {
		return r.setI64(v) // outside of its range MySQL converts nothing
	}
	return r.setI64(types.DateTimeFromTime(t.In(z.to)))
}
