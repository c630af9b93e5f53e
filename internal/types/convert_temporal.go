package types

import (
	"time"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// temporalKind is what messages call a type.
func temporalKind(id ID) string {
	switch id {
	case Date:
		return "date"
	case Time:
		return "time"
	}
	return "datetime" // also for TIMESTAMP
}

// temporal converts to DATE, DATETIME, TIMESTAMP and TIME.
func (c *converter) temporal() (int64, error) {
	if c.to.ID == Time {
		return c.time()
	}
	v, utc, r, noDate := c.dateTime()
	if noDate {
		r = ParseInvalid
	}
	switch r {
	case ParseInvalid:
		return 0, c.incorrectTemporal(temporalKind(c.to.ID), c.text())
	case ParseTruncated:
		err := c.truncated()
		if err != nil {
			return 0, c.incorrectTemporal(temporalKind(c.to.ID), c.text())
		}
	}
	if v == 0 && r == ParseOK && c.ctx.Mode.Has(ModeNoZeroDate) {
		c.warn(sqlerr.NewWarning(sqlerr.ErrWarnDataOutOfRange, c.ctx.Column, c.ctx.Row))
	}
	switch c.to.ID {
	case Date:
		if utc {
			v = TimestampToLocal(v, c.ctx.Loc)
		}
		if DatePart(v) != v {
			c.note(c.errTruncated())
		}
		return DatePart(v), nil
	case Timestamp:
		return c.timestamp(v, utc)
	}
	if utc {
		v = TimestampToLocal(v, c.ctx.Loc)
	}
	return v, nil
}

// dateTime is the source as a DATETIME of the target's precision; utc says that it is in UTC, else in local time.
func (c *converter) dateTime() (v int64, utc bool, r ParseResult, noDate bool) {
	mode := c.temporalMode()
	fsp := c.to.Scale
	if c.to.ID == Date {
		fsp, mode.TruncateFractional = MaxFsp, true
	}
	d := &c.from
	switch d.Type.ID {
	case Date, DateTime, Timestamp:
		v, r = c.roundDateTime(d.I, fsp, mode)
		if r == ParseOK && !CheckDate(v, mode) {
			r = ParseInvalid
		}
		return v, d.Type.ID == Timestamp && v != 0, r, false
	case Time:
		if c.ctx.Now.IsZero() {
			return 0, false, ParseInvalid, true
		}
		today := DatePart(DateTimeFromTime(c.ctx.Now.In(location(c.ctx.Loc))))
		v, ok := Interval{Micros: d.I}.Add(today)
		if !ok {
			return 0, false, ParseInvalid, false
		}
		v, r = c.roundDateTime(v, fsp, mode)
		return v, false, r, false
	case Year:
		if d.I == 0 {
			v, r = DateTimeFromNumber(0, mode)
		} else {
			v, r = PackDateTime(int(d.I), 0, 0, 0, 0, 0, 0), ParseInvalid
		}
		return v, false, r, false
	case JSON:
		switch JSONKindOf(d.S) {
		case JSONDate, JSONDateTime, JSONTimestamp:
			if inner, ok := JSONToDatum(d.S); ok {
				v, r = c.roundDateTime(inner.I, fsp, mode)
				return v, false, r, false
			}
		case JSONString:
			v, utc, r = ParseDateTimeOffset(jsonBytes(d.S), fsp, mode)
			return v, utc, r, false
		}
		return 0, false, ParseInvalid, false
	}
	if d.Kind == PhysString || d.Type.ID == Enum || d.Type.ID == Set {
		v, utc, r = ParseDateTimeOffset(c.text(), fsp, mode)
		return v, utc, r, false
	}
	v, r = c.dateTimeFromNumber(fsp, mode)
	return v, false, r, false
}

func (c *converter) temporalMode() TemporalMode {
	mode := c.ctx.Mode.Temporal()
	if !c.ctx.Strict {
		mode.NoZeroDate = false // let in, with a warning (see temporal); zeros within a date are not
	}
	return mode
}

func (c *converter) roundDateTime(v int64, fsp uint8, mode TemporalMode) (int64, ParseResult) {
	if mode.TruncateFractional {
		return TruncateDateTime(v, fsp), ParseOK
	}
	v, ok := RoundDateTime(v, fsp)
	if !ok {
		return 0, ParseInvalid
	}
	return v, ParseOK
}

// dateTimeFromNumber splits the fraction off.
func (c *converter) dateTimeFromNumber(fsp uint8, mode TemporalMode) (int64, ParseResult) {
	n, err := c.number("integer")
	if err != nil {
		return 0, ParseInvalid
	}
	whole, micros, ok := n.split()
	if !ok || micros < 0 {
		return 0, ParseInvalid
	}
	v, r := DateTimeFromNumber(whole, mode)
	if r == ParseInvalid {
		return 0, r
	}
	return c.roundDateTime(v+micros, fsp, mode)
}

// split takes a number apart into its whole part and millionths, both with its sign.
func (n *number) split() (whole, micros int64, ok bool) {
	if n.kind == PhysInt64 {
		return n.i, 0, true
	}
	d, ok := n.toDec(MaxFsp)
	if !ok {
		return 0, 0, false
	}
	cut := d.TruncateTo(MaxFsp, 0)
	up, _ := cut.Rescale(0, MaxFsp)
	rest, _ := d.Sub(up)
	whole, ok = cut.ToInt64(0)
	return whole, int64(rest[0]), ok
}

func (n *number) toDec(scale uint8) (Dec, bool) {
	switch n.kind {
	case PhysUint64:
		return DecFromUint64(n.u, scale), true
	case PhysFloat64:
		return DecFromFloat64(n.f, scale)
	case PhysDecimal:
		return n.d.Rescale(n.scale, scale)
	}
	return DecFromInt64(n.i, scale), true
}

// timestamp converts local time to UTC and checks the range.
func (c *converter) timestamp(v int64, utc bool) (int64, error) {
	if v == 0 {
		return 0, nil
	}
	loc := c.ctx.Loc
	if utc {
		loc = time.UTC
	}
	r, adjusted, ok := TimestampFromLocal(v, loc)
	switch {
	case !ok:
		return 0, c.incorrectTemporal("datetime", c.text())
	case adjusted:
		if err := c.incorrectTemporal("datetime", c.text()); err != nil {
			return 0, err
		}
	}
	return r, nil
}

// time converts to TIME.
func (c *converter) time() (int64, error) {
	fsp, truncate := c.to.Scale, c.ctx.Mode.Temporal().TruncateFractional
	round := func(us int64) int64 {
		if truncate {
			return TruncateTime(us, fsp)
		}
		return RoundTime(us, fsp)
	}
	var us int64
	r := ParseOK
	d := &c.from
	switch {
	case d.Type.ID == Time:
		us = round(d.I)
	case d.Type.HasDate():
		v := d.I
		if d.Type.ID == Timestamp {
			v = TimestampToLocal(v, c.ctx.Loc)
		}
		us = round(TimePart(v))
		if DatePart(v) != 0 {
			c.note(c.errTruncated())
		}
	case d.Type.ID == JSON && JSONKindOf(d.S) == JSONTime:
		inner, _ := JSONToDatum(d.S)
		us = round(inner.I)
	case d.Kind == PhysString || d.Type.ID == Enum || d.Type.ID == Set:
		us, r = parseTime(c.text(), fsp, truncate)
	default:
		n, err := c.number("integer")
		if err != nil {
			return 0, err
		}
		whole, micros, ok := n.split()
		if !ok {
			r = ParseInvalid
			break
		}
		us, r = TimeFromNumber(whole)
		if r == ParseOK {
			us = round(us + micros)
		}
	}
	switch {
	case r == ParseInvalid:
		return 0, c.incorrectTemporal("time", c.text())
	case r == ParseTruncated && c.ctx.Strict:
		return 0, c.incorrectTemporal("time", c.text())
	case r == ParseTruncated && (us == MaxTimeMicros || us == -MaxTimeMicros):
		return us, c.outOfRange()
	case r == ParseTruncated:
		return us, c.truncated()
	}
	return us, nil
}
