package types

// append2 writes two digits; values are below 100.
func append2(buf []byte, n int) []byte { return append(buf, byte('0'+n/10%10), byte('0'+n%10)) }

func append4(buf []byte, n int) []byte { return append2(append2(buf, n/100), n%100) }

// appendFraction writes a point and fsp digits of the microseconds.
func appendFraction(buf []byte, micro int, fsp uint8) []byte {
	if fsp == 0 {
		return buf
	}
	fsp = min(fsp, MaxFsp)
	return appendMicros(append(buf, '.'), micro, fsp)
}

// appendMicros writes the first digits of six.
func appendMicros(buf []byte, micro int, digits uint8) []byte {
	scale := 100000
	for range digits {
		buf = append(buf, byte('0'+micro/scale%10))
		scale /= 10
	}
	return buf
}

// AppendDate writes 2024-01-05.
func AppendDate(buf []byte, v int64) []byte {
	p := UnpackDateTime(v)
	return appendDateParts(buf, &p)
}

func appendDateParts(buf []byte, p *Parts) []byte {
	buf = append(append4(buf, p.Year), '-')
	buf = append(append2(buf, p.Month), '-')
	return append2(buf, p.Day)
}

// AppendDateTime writes 2024-01-05 10:11:12.000000 with fsp fractional digits.
func AppendDateTime(buf []byte, v int64, fsp uint8) []byte {
	p := UnpackDateTime(v)
	buf = append(appendDateParts(buf, &p), ' ')
	return appendTimeParts(buf, &p, fsp)
}

// AppendTime writes -838:59:59.000000 with fsp fractional digits.
func AppendTime(buf []byte, us int64, fsp uint8) []byte {
	p := UnpackTime(us)
	if p.Negative {
		buf = append(buf, '-')
	}
	return appendTimeParts(buf, &p, fsp)
}

func appendTimeParts(buf []byte, p *Parts, fsp uint8) []byte {
	if p.Hour >= 100 {
		buf = append(buf, byte('0'+p.Hour/100%10))
	}
	buf = append(append2(buf, p.Hour%100), ':')
	buf = append(append2(buf, p.Minute), ':')
	return appendFraction(append2(buf, p.Second), p.Micro, fsp)
}
