package types

import (
	"math"
	"time"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// WarnFunc takes a warning; nil drops it.
type WarnFunc func(sqlerr.Warning)

// ConvContext is what conversions need to know of the session and the column.
type ConvContext struct {
	Strict bool           // bad values are errors; else they are clamped or cut, with warnings
	Mode   SQLMode        // for dates
	Loc    *time.Location // of the session, for TIMESTAMP; nil is UTC
	Now    time.Time      // gives the date to a TIME that becomes a DATETIME
	Warn   WarnFunc       // may be nil
	Table  string         // for the messages that name it; "": none
	Column string         // for messages
	Row    int64          // for messages, from 1
}

// Convert makes a value storable in a column of type to, as INSERT does. NULL stays NULL: whether the column takes it
// is for the caller. Errors in strict mode, warnings otherwise: 1264 out of range, 1265 truncated, 1292 and 1366
// incorrect value, 1406 too long, 3140 JSON.
func Convert(d Datum, to Type, ctx *ConvContext) (Datum, error) {
	if d.IsNull() {
		return NullDatum(to), nil
	}
	c := converter{ctx: ctx, from: d, to: to}
	switch to.Phys() {
	case PhysInt64:
		if to.ID == Null {
			return NullDatum(to), nil
		}
		v, err := c.int64()
		return NewIntDatum(to, v), err
	case PhysUint64:
		v, err := c.uint64()
		return NewUintDatum(to, v), err
	case PhysFloat64:
		v, err := c.float64()
		return NewFloatDatum(to, v), err
	case PhysDecimal:
		v, err := c.decimal()
		return NewDecDatum(to, v), err
	}
	v, err := c.string()
	return NewStringDatum(to, v), err
}

// ConvertBytes is about what Convert takes of the heap for a long value: JSON is parsed or written, charsets change.
func ConvertBytes(d *Datum, to *Type) int64 {
	switch {
	case d.Kind != PhysString || d.Type.ID == to.ID && to.ID == JSON:
		return 0
	case to.ID == JSON:
		return int64(JSONParseBytes(d.S))
	case d.Type.ID == JSON:
		return 4 * int64(len(d.S))
	case to.Phys() == PhysString && charsetOf(d.Type) != charsetOf(*to) && to.Collation != collation.Binary:
		return 4 * int64(len(d.S))
	}
	return 0
}

// converter is one conversion on its way.
type converter struct {
	ctx  *ConvContext
	from Datum
	to   Type
}

func (c *converter) warn(w sqlerr.Warning) {
	if c.ctx.Warn != nil {
		c.ctx.Warn(w)
	}
}

// bad is an error in strict mode, a warning otherwise.
func (c *converter) bad(e *sqlerr.Error) error {
	if c.ctx.Strict {
		return e
	}
	c.warn(e.Warning())
	return nil
}

func (c *converter) note(e *sqlerr.Error) {
	w := e.Warning()
	w.Level = sqlerr.LevelNote
	c.warn(w)
}

func (c *converter) outOfRange() error {
	return c.bad(sqlerr.New(sqlerr.ErrWarnDataOutOfRange, c.ctx.Column, c.ctx.Row))
}

func (c *converter) errTruncated() *sqlerr.Error {
	return sqlerr.New(sqlerr.WarnDataTruncated, c.ctx.Column, c.ctx.Row)
}

func (c *converter) truncated() error { return c.bad(c.errTruncated()) }

func (c *converter) tooLong() error {
	if c.ctx.Strict {
		return sqlerr.New(sqlerr.ErrDataTooLong, c.ctx.Column, c.ctx.Row)
	}
	c.warn(c.errTruncated().Warning())
	return nil
}

// incorrect is 1366, for numbers and strings.
func (c *converter) incorrect(kind string, value []byte) error {
	return c.bad(sqlerr.New(sqlerr.ErrTruncatedWrongValueForField, kind, value, c.ctx.Column, c.ctx.Row))
}

// incorrectTemporal is 1292 with the column's name.
func (c *converter) incorrectTemporal(kind string, value []byte) error {
	return c.bad(sqlerr.Newf(sqlerr.ErrTruncatedWrongValue,
		"Incorrect %.32s value: '%.128s' for column '%.192s' at row %d", kind, value, c.ctx.Column, c.ctx.Row))
}

// text is the source as text.
func (c *converter) text() []byte { return c.from.AppendText(nil, c.ctx.Loc) }

// isText tells that the source must be parsed: strings, and names of ENUM and SET where a date is wanted.
func (c *converter) isText() bool { return c.from.Kind == PhysString && c.from.Type.ID != JSON }

// number is the source as a number of the kind that loses least.
type number struct {
	kind  Phys
	i     int64
	u     uint64
	f     float64
	d     Dec
	scale uint8
}

// number takes the number out of the source; texts are parsed as a decimal, or as a double beyond 65 digits. kind is
// what messages call the target, "" for a double.
func (c *converter) number(kind string) (number, error) {
	d := &c.from
	switch d.Kind {
	case PhysUint64:
		return number{kind: PhysUint64, u: d.U}, nil
	case PhysFloat64:
		return number{kind: PhysFloat64, f: d.F}, nil
	case PhysDecimal:
		return number{kind: PhysDecimal, d: d.D, scale: d.Type.Scale}, nil
	case PhysInt64:
		return temporalNumber(d, c.ctx.Loc), nil
	}
	if d.Type.ID == JSON {
		return c.jsonNumber(kind)
	}
	return c.textNumber(kind, d.S)
}

// temporalNumber is 20240105101112.5 for a DATETIME, the value itself for integers.
func temporalNumber(d *Datum, loc *time.Location) number {
	v := d.I
	switch d.Type.ID {
	case Date:
		return number{kind: PhysInt64, i: DateToNumber(v)}
	case Timestamp:
		v = TimestampToLocal(v, loc)
	case DateTime:
	case Time:
		return withMicros(TimeToNumber(v), UnpackTime(v), d.Type.Scale)
	default:
		return number{kind: PhysInt64, i: v}
	}
	return withMicros(DateTimeToNumber(v), UnpackDateTime(v), d.Type.Scale)
}

func withMicros(n int64, p Parts, fsp uint8) number {
	if fsp == 0 {
		return number{kind: PhysInt64, i: n}
	}
	micro := int64(p.Micro)
	if p.Negative {
		micro = -micro
	}
	d, _ := DecFromInt64(n, MaxFsp).Add(decFromInt64(micro)) // 20 digits at most
	return number{kind: PhysDecimal, d: d, scale: MaxFsp}
}

// numberScale is the scale at which texts become numbers.
const numberScale = MaxScale

func (c *converter) textNumber(kind string, text []byte) (number, error) {
	if kind == "" {
		return c.textFloat(text)
	}
	s := scanNumber(text)
	if !s.ok {
		return number{kind: PhysInt64}, c.incorrect(kind, text)
	}
	var err error
	if s.rest {
		if kind == "decimal" {
			err = c.incorrect(kind, text)
		} else {
			err = c.truncated()
		}
	}
	scale := uint8(min(max(s.n-s.point, 0), numberScale))
	d, _, tooLarge := s.toDec(scale)
	if tooLarge == nil {
		return number{kind: PhysDecimal, d: d, scale: scale}, err
	}
	f, _, overflow, _ := ParseFloatPrefix(text)
	if overflow {
		f = math.Copysign(math.Inf(1), f) // so that the target sees that it is out of range
	}
	return number{kind: PhysFloat64, f: f}, err
}

// textFloat is for DOUBLE and FLOAT, where MySQL only says that data was cut, whatever is wrong with the text.
func (c *converter) textFloat(text []byte) (number, error) {
	f, rest, overflow, ok := ParseFloatPrefix(text)
	if overflow {
		f = math.Copysign(math.Inf(1), f)
	}
	n := number{kind: PhysFloat64, f: f}
	if !ok || rest {
		return n, c.truncated()
	}
	return n, nil
}

// truth is of JSON booleans.
func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// int64 converts to signed integers, YEAR and temporal types.
func (c *converter) int64() (int64, error) {
	switch {
	case c.to.IsTemporal():
		return c.temporal()
	case c.to.ID == Year:
		return c.year()
	}
	n, err := c.number("integer")
	if err != nil {
		return 0, err
	}
	v, ok := n.toInt64()
	low, high := c.to.IntRange()
	switch {
	case v < low:
		v, ok = low, false
	case v > high:
		v, ok = high, false
	}
	if !ok {
		return v, c.outOfRange()
	}
	return v, nil
}

// toInt64 rounds; out of range gives the nearest bound and false.
func (n *number) toInt64() (int64, bool) {
	switch n.kind {
	case PhysUint64:
		if n.u > math.MaxInt64 {
			return math.MaxInt64, false
		}
		return int64(n.u), true
	case PhysFloat64:
		return Float64ToInt64(n.f)
	case PhysDecimal:
		return n.d.ToInt64(n.scale)
	}
	return n.i, true
}

// toUint64 rounds; out of range gives the nearest bound and false.
func (n *number) toUint64() (uint64, bool) {
	switch n.kind {
	case PhysUint64:
		return n.u, true
	case PhysFloat64:
		return Float64ToUint64(n.f)
	case PhysDecimal:
		return n.d.ToUint64(n.scale)
	}
	if n.i < 0 {
		return 0, false
	}
	return uint64(n.i), true
}

func (n *number) toFloat64() float64 {
	switch n.kind {
	case PhysUint64:
		return float64(n.u)
	case PhysFloat64:
		return n.f
	case PhysDecimal:
		return n.d.ToFloat64(n.scale)
	}
	return float64(n.i)
}

// Float64ToInt64 rounds half to even; out of range gives the nearest bound and false.
func Float64ToInt64(f float64) (int64, bool) {
	f = math.RoundToEven(f)
	switch {
	case math.IsNaN(f):
		return 0, false
	case f < math.MinInt64:
		return math.MinInt64, false
	case f >= math.MaxInt64: // as a float64 this is 2^63
		return math.MaxInt64, false
	}
	return int64(f), true
}

// Float64ToUint64 rounds half to even; out of range gives the nearest bound and false.
func Float64ToUint64(f float64) (uint64, bool) {
	f = math.RoundToEven(f)
	switch {
	case math.IsNaN(f) || f < 0:
		return 0, false
	case f >= math.MaxUint64:
		return math.MaxUint64, false
	}
	return uint64(f), true
}

func (c *converter) year() (int64, error) {
	isText := c.isText()
	if c.from.Type.HasDate() {
		v := c.from.I
		if c.from.Type.ID == Timestamp {
			v = TimestampToLocal(v, c.ctx.Loc)
		}
		return c.yearFrom(int64(UnpackDateTime(v).Year), false)
	}
	n, err := c.number("integer")
	if err != nil {
		return 0, err
	}
	v, _ := n.toInt64()
	// Four digits of text are the year 0, fewer are 2000.
	return c.yearFrom(v, isText && len(trimSpaces(c.from.S)) < 4)
}

func (c *converter) yearFrom(n int64, isText bool) (int64, error) {
	year, ok := YearFromNumber(n, isText)
	if !ok {
		return 0, c.outOfRange()
	}
	return year, nil
}

// uint64 converts to unsigned integers, BIT, ENUM and SET.
func (c *converter) uint64() (uint64, error) {
	switch c.to.ID {
	case Enum:
		return c.enum()
	case Set:
		return c.set()
	case Bit:
		return c.bit()
	}
	n, err := c.number("integer")
	if err != nil {
		return 0, err
	}
	v, ok := n.toUint64()
	if high := c.to.UintMax(); v > high {
		v, ok = high, false
	}
	if !ok {
		return v, c.outOfRange()
	}
	return v, nil
}

func (c *converter) bit() (uint64, error) {
	high := c.to.UintMax()
	var v uint64
	ok := true
	if c.isText() {
		b := c.from.S
		for len(b) > 0 && b[0] == 0 {
			b = b[1:]
		}
		ok = len(b) <= 8
		for _, x := range b[:min(len(b), 8)] {
			v = v<<8 | uint64(x)
		}
	} else {
		n, err := c.number("integer")
		if err != nil {
			return 0, err
		}
		if n.kind == PhysInt64 {
			v = uint64(n.i) // bits of negative numbers count
		} else {
			v, ok = n.toUint64()
		}
	}
	switch {
	case ok && v <= high:
		return v, nil
	case c.ctx.Strict:
		return high, sqlerr.New(sqlerr.ErrDataTooLong, c.ctx.Column, c.ctx.Row)
	case c.ctx.Mode.Strict(): // INSERT IGNORE
		c.warn(sqlerr.NewWarning(sqlerr.ErrDataTooLong, c.ctx.Column, c.ctx.Row))
	default:
		c.warn(sqlerr.NewWarning(sqlerr.ErrWarnDataOutOfRange, c.ctx.Column, c.ctx.Row))
	}
	return high, nil
}

// names is the source as text in the charset of the members.
func (c *converter) names() []byte {
	text := c.text()
	if c.isText() && c.from.Type.Collation != c.to.Collation {
		from, to := charsetOf(c.from.Type), charsetOf(c.to)
		text, _ = collation.Convert(nil, text, from, to) // what is lost matches no name
	}
	return text
}

func (c *converter) enum() (uint64, error) {
	if !c.isText() && c.from.Type.ID != Enum && c.from.Type.ID != Set && c.from.Type.IsNumeric() {
		n, err := c.number("integer")
		if err != nil {
			return 0, err
		}
		if v, ok := n.toUint64(); ok && v > 0 && v <= uint64(c.to.Members.Len()) {
			return v, nil
		}
		return 0, c.truncated()
	}
	text := c.names()
	if i := c.to.Members.Find(c.to.Collation, text); i >= 0 {
		return uint64(i) + 1, nil
	}
	// A text that is no member may be an index.
	if v, rest, overflow, ok := ParseUintPrefix(text); ok && !rest && !overflow && v > 0 &&
		v <= uint64(c.to.Members.Len()) {
		return v, nil
	}
	return 0, c.truncated()
}

func (c *converter) set() (uint64, error) {
	if !c.isText() && c.from.Type.ID != Enum && c.from.Type.ID != Set && c.from.Type.IsNumeric() {
		n, err := c.number("integer")
		if err != nil {
			return 0, err
		}
		v, ok := n.toUint64()
		if high := c.to.UintMax(); !ok || v > high {
			return v & high, c.truncated()
		}
		return v, nil
	}
	text := c.names()
	var bits uint64
	missing := false
	for rest := trimSpaces(text); len(rest) > 0; {
		name := rest
		rest = nil
		for i, b := range name {
			if b == ',' {
				name, rest = name[:i], name[i+1:]
				break
			}
		}
		if i := c.to.Members.Find(c.to.Collation, name); i >= 0 {
			bits |= 1 << i
		} else {
			missing = true
		}
	}
	if !missing {
		return bits, nil
	}
	if v, rest, overflow, ok := ParseUintPrefix(text); ok && !rest && !overflow && v <= c.to.UintMax() {
		return v, nil
	}
	return bits, c.truncated()
}

func (c *converter) float64() (float64, error) {
	n, err := c.number("")
	if err != nil {
		return 0, err
	}
	f := n.toFloat64()
	limit := math.MaxFloat64
	if c.to.ID == Float {
		limit = math.MaxFloat32
	}
	fixed := c.to.Scale < NotFixed
	if fixed {
		// (M,D) bounds the value by M-D digits before the point.
		limit = min(limit, math.Pow10(int(c.to.Precision)-int(c.to.Scale))-math.Pow10(-int(c.to.Scale)))
		f = RoundFloat(f, int(c.to.Scale))
	}
	ok := true
	switch {
	case math.IsNaN(f):
		f, ok = 0, false
	case f < 0 && c.to.Unsigned:
		f, ok = 0, false
	case f > limit:
		f, ok = limit, false
	case f < -limit:
		f, ok = -limit, false
	}
	if c.to.ID == Float {
		f = float64(float32(f))
	}
	if f == 0 {
		f = 0 // no minus zero
	}
	if !ok {
		return f, c.outOfRange()
	}
	return f, nil
}

// RoundFloat rounds to digits behind the point, half to even in binary as the C library's rint does.
func RoundFloat(f float64, digits int) float64 {
	p := math.Pow10(digits)
	r := f * p
	if math.IsNaN(r) || math.Abs(r) >= 1<<53 {
		return f // there are no such digits
	}
	return math.RoundToEven(r) / p
}

func (c *converter) decimal() (Dec, error) {
	n, err := c.number("decimal")
	if err != nil {
		return Dec{}, err
	}
	scale := c.to.Scale
	var d Dec
	ok, lost := true, false
	switch n.kind {
	case PhysFloat64:
		d, ok = DecFromFloat64(n.f, scale)
		if !ok && n.f < 0 {
			d = decFromInt64(-1)
		}
	case PhysDecimal:
		d, ok = n.d.Rescale(n.scale, scale)
		lost = ok && DecCmp(n.d, n.scale, d, scale) != 0
		if !ok {
			d = n.d
		}
	case PhysUint64:
		d = DecFromUint64(n.u, scale)
	default:
		d = DecFromInt64(n.i, scale)
	}
	negative := d.negative()
	switch {
	case negative && c.to.Unsigned:
		return Dec{}, c.outOfRange()
	case !ok || !DecFits(d, c.to.Precision):
		d = DecMax(c.to.Precision)
		if negative {
			d = d.Neg()
		}
		return d, c.outOfRange()
	case lost:
		c.note(c.errTruncated()) // digits behind the point are no error
	}
	return d, nil
}
