package expr

import (
	"math"

	"github.com/spillwaydb/spillway/internal/types"
)

// Single values to numbers, with the warnings of implicit conversions.

func spaces(b []byte) bool {
	for _, c := range b {
		if c != ' ' {
			return false
		}
	}
	return true
}

// number is a value that is not a string as an exact number with a scale; ok is false for doubles and strings.
func (ev *Evaluator) number(d types.Datum) (v types.Dec, scale uint8, ok bool) {
	switch {
	case d.Type.HasDate():
		n := d.I
		if d.Type.ID == types.Timestamp {
			n = types.TimestampToLocal(n, ev.location())
		}
		if d.Type.ID == types.Date {
			return types.DecFromInt64(types.DateToNumber(n), 0), 0, true
		}
		micro := types.UnpackDateTime(n).Micro
		v = types.DecFromInt64(types.DateTimeToNumber(types.TruncateDateTime(n, 0)), 6)
		v, _ = v.Add(types.DecFromInt64(int64(micro), 0))
		return v, 6, true
	case d.Type.ID == types.Time:
		p := types.UnpackTime(d.I)
		v = types.DecFromInt64(int64(p.Hour*10000+p.Minute*100+p.Second), 6)
		v, _ = v.Add(types.DecFromInt64(int64(p.Micro), 0))
		if p.Negative {
			v = v.Neg()
		}
		return v, 6, true
	case d.Kind == types.PhysDecimal:
		return d.D, d.Type.Scale, true
	case d.Kind == types.PhysInt64:
		return types.DecFromInt64(d.I, 0), 0, true
	case d.Kind == types.PhysUint64:
		return types.DecFromUint64(d.U, 0), 0, true
	}
	return types.Dec{}, 0, false
}

// jsonText is what a JSON value is as a string: numbers as text, true as 1.
func jsonText(bin []byte) []byte {
	switch types.JSONKindOf(bin) {
	case types.JSONTrue:
		return []byte("1")
	case types.JSONFalse:
		return []byte("0")
	}
	return types.AppendJSONUnquote(nil, bin)
}

func (ev *Evaluator) toInt(d types.Datum) (int64, error) {
	switch {
	case d.Type.ID == types.JSON:
		f, err := ev.toFloat(d)
		return floatToInt(f), err
	case d.Kind == types.PhysString:
		v, rest, overflow, ok := types.ParseIntPrefix(d.S)
		if overflow && len(d.S) > 0 && d.S[0] != '-' {
			if u, uRest, uOver, uOK := types.ParseUintPrefix(d.S); uOK && !uRest && !uOver {
				return int64(u), nil
			}
		}
		if rest || overflow || !ok {
			return v, ev.truncated("INTEGER", d.S)
		}
		return v, nil
	case d.Kind == types.PhysFloat64:
		return floatToInt(d.F), nil
	case d.Kind == types.PhysInt64 && !d.Type.IsTemporal():
		return d.I, nil
	case d.Kind == types.PhysUint64:
		return int64(d.U), nil
	}
	v, scale, _ := ev.number(d)
	n, ok := v.ToInt64(scale)
	if !ok {
		return n, ev.truncated("DECIMAL", v.Append(nil, scale))
	}
	return n, nil
}

// floatToInt rounds half to even, as rint does, and clamps.
func floatToInt(f float64) int64 {
	f = math.RoundToEven(f)
	switch {
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	}
	return int64(f)
}

func (ev *Evaluator) toUint(d types.Datum) (uint64, error) {
	switch {
	case d.Type.ID == types.JSON:
		f, err := ev.toFloat(d)
		return floatToUint(f), err
	case d.Kind == types.PhysString:
		if n, rest, overflow, ok := types.ParseIntPrefix(d.S); ok && !rest && !overflow {
			return uint64(n), nil
		}
		v, rest, overflow, ok := types.ParseUintPrefix(d.S)
		if rest || overflow || !ok {
			return v, ev.truncated("INTEGER", d.S)
		}
		return v, nil
	case d.Kind == types.PhysFloat64:
		return floatToUint(d.F), nil
	case d.Kind == types.PhysInt64 && !d.Type.IsTemporal():
		return uint64(d.I), nil
	case d.Kind == types.PhysUint64:
		return d.U, nil
	}
	v, scale, _ := ev.number(d)
	if v.Sign() < 0 {
		n, _ := v.ToInt64(scale)
		return uint64(n), nil
	}
	n, ok := v.ToUint64(scale)
	if !ok {
		return n, ev.truncated("DECIMAL", v.Append(nil, scale))
	}
	return n, nil
}

func floatToUint(f float64) uint64 {
	f = math.RoundToEven(f)
	switch {
	case f >= math.MaxUint64:
		return math.MaxUint64
	case f < 0:
		return uint64(floatToInt(f))
	}
	return uint64(f)
}

func (ev *Evaluator) toFloat(d types.Datum) (float64, error) {
	s := d.S
	switch {
	case d.Type.ID == types.JSON:
		s = jsonText(d.S)
	case d.Kind == types.PhysFloat64:
		return d.F, nil
	case d.Kind == types.PhysInt64 && !d.Type.IsTemporal():
		return float64(d.I), nil
	case d.Kind == types.PhysUint64:
		return float64(d.U), nil
	case d.Kind != types.PhysString:
		v, scale, _ := ev.number(d)
		return v.ToFloat64(scale), nil
	}
	v, rest, overflow, ok := types.ParseFloatPrefix(s)
	if rest || overflow || !ok && !spaces(s) {
		return v, ev.truncated("DOUBLE", s)
	}
	return v, nil
}
