package expr

import (
	"strconv"
	"time"

	"github.com/spillwaydb/spillway/internal/types"
)

// Casts to DATE, DATETIME, TIMESTAMP and TIME.

func appendInt(b []byte, v int64) []byte { return strconv.AppendInt(b, v, 10) }

func (ev *Evaluator) location() *time.Location {
	if ev.env.Location == nil {
		return time.UTC
	}
	return ev.env.Location
}

// now is the start of the statement in the session's time zone, packed.
func (ev *Evaluator) now() int64 { return types.DateTimeFromTime(ev.env.Now.In(ev.location())) }

func (r *row) castTemporal(d types.Datum, explicit bool) error {
	t := &r.out.Type
	if t.ID == types.Time {
		return r.castTime(d)
	}
	var mode types.TemporalMode
	if explicit {
		mode = r.ev.env.SQLMode.Temporal()
	}
	v, ok, err := r.toDateTime(d, t.Scale, mode)
	if err != nil {
		return err
	}
	switch {
	case !ok:
		return r.setNull()
	case t.ID == types.Date:
		v = types.DatePart(v)
	case t.ID == types.Timestamp:
		if v == 0 {
			break
		}
		if v, _, ok = types.TimestampFromLocal(v, r.ev.location()); !ok {
			if err := r.ev.incorrect("timestamp", d.AppendText(nil, r.ev.location())); err != nil {
				return err
			}
			return r.setNull()
		}
	}
	return r.setI64(v)
}

// toDateTime converts to a local DATETIME of fsp digits. ok is false for what is none; it has been reported.
func (r *row) toDateTime(d types.Datum, fsp uint8, mode types.TemporalMode) (v int64, ok bool, err error) {
	ev, date := r.ev, r.out.Type.ID == types.Date
	what := "datetime"
	switch {
	case d.Type.HasDate():
		v = d.I
		if d.Type.ID == types.Timestamp {
			v = types.TimestampToLocal(v, ev.location())
		}
		if !date && d.Type.Scale > fsp {
			if v, ok = types.RoundDateTime(v, fsp); !ok {
				return 0, false, ev.incorrect(what, types.AppendDateTime(nil, d.I, 6))
			}
		}
		if !types.CheckDate(v, mode) {
			return 0, false, ev.incorrect(what, types.AppendDateTime(nil, v, fsp))
		}
		return v, true, nil
	case d.Type.ID == types.Time:
		us := d.I
		if d.Type.Scale > fsp && !date {
			us = types.RoundTime(us, fsp)
		}
		v, ok = addMicros(types.DatePart(ev.now()), us)
		return v, ok, nil
	case d.Kind == types.PhysString:
		return ev.parseDateTime(d, fsp, mode, date)
	}
	var res types.ParseResult
	micro := int64(0)
	text := func() []byte { return d.AppendText(nil, nil) }
	switch {
	case d.Kind == types.PhysFloat64:
		x, good := types.DecFromFloat64(d.F, 6)
		if !good {
			return 0, false, ev.incorrect(what, text())
		}
		d = types.NewDecDatum(types.NewDecimal(types.MaxPrecision, 6), x)
		fallthrough
	case d.Kind == types.PhysDecimal:
		whole := d.D.TruncateTo(d.Type.Scale, 0)
		n, good := whole.ToInt64(0)
		if !good {
			return 0, false, ev.incorrect(what, text())
		}
		six, _ := d.D.Rescale(d.Type.Scale, 6)
		rest, _ := six.Sub(types.DecFromInt64(n, 6))
		micro, _ = rest.ToInt64(0)
		v, res = types.DateTimeFromNumber(n, mode)
	default:
		n, err := ev.toInt(d)
		if err != nil {
			return 0, false, err
		}
		v, res = types.DateTimeFromNumber(n, mode)
	}
	if res == types.ParseInvalid || micro < 0 {
		return 0, false, ev.incorrect(what, text())
	}
	if micro != 0 && !date {
		if v, ok = addMicros(v, micro); ok {
			v, ok = types.RoundDateTime(v, fsp)
		}
		if !ok {
			return 0, false, ev.incorrect(what, text())
		}
	}
	return v, true, nil
}

func (ev *Evaluator) parseDateTime(d types.Datum, fsp uint8, mode types.TemporalMode, date bool) (int64, bool, error) {
	s := d.S
	if d.Type.ID == types.JSON {
		s = jsonText(s)
	}
	var v int64
	var res types.ParseResult
	if date {
		v, res = types.ParseDate(s, mode)
	} else {
		v, res = types.ParseDateTime(s, fsp, mode)
	}
	switch res {
	case types.ParseInvalid:
		return 0, false, ev.incorrect("datetime", s)
	case types.ParseTruncated:
		what := "datetime"
		if date {
			what = "date"
		}
		return v, true, ev.truncated(what, s)
	}
	return v, true, nil
}

// addMicros adds to a DATETIME; ok is false outside of the calendar.
func addMicros(v, us int64) (int64, bool) { return types.Interval{Micros: us}.Add(v) }

func (r *row) castTime(d types.Datum) error {
	ev, fsp := r.ev, r.out.Type.Scale
	var us int64
	res := types.ParseOK
	text := d.S
	switch {
	case d.Type.ID == types.Time:
		us = d.I
		if d.Type.Scale > fsp {
			us = types.RoundTime(us, fsp)
		}
	case d.Type.HasDate():
		v := d.I
		if d.Type.ID == types.Timestamp {
			v = types.TimestampToLocal(v, ev.location())
		}
		us = types.TimePart(v)
		if d.Type.Scale > fsp {
			us = types.RoundTime(us, fsp)
		}
	case d.Kind == types.PhysString:
		if d.Type.ID == types.JSON {
			text = jsonText(d.S)
		}
		us, res = types.ParseTime(text, fsp)
	default:
		text = nil
		x, scale, exact := ev.number(d)
		if !exact {
			x, exact = types.DecFromFloat64(d.F, 6)
			scale = 6
		}
		n, good := x.TruncateTo(scale, 0).ToInt64(0)
		if !exact || !good {
			res = types.ParseInvalid
			break
		}
		us, res = types.TimeFromNumber(n)
		if six, ok := x.Rescale(scale, 6); ok && res == types.ParseOK {
			rest, _ := six.Sub(types.DecFromInt64(n, 6))
			micro, _ := rest.ToInt64(0)
			us = types.RoundTime(us+micro, fsp)
		}
	}
	if res != types.ParseOK {
		if text == nil {
			text = d.AppendText(nil, nil)
		}
		if err := ev.truncated("time", text); err != nil {
			return err
		}
	}
	if res == types.ParseInvalid {
		return r.setNull()
	}
	return r.setI64(us)
}
