package protocol

import (
	"strconv"

	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// The functions here append a value with its length in front. at is the position in the vector.

// textAppender is for the types whose texts are bounded by their type.
func textAppender(t types.Type) func([]byte, *columnEncoder, int) []byte {
	switch t.ID {
	case types.TinyInt, types.SmallInt, types.MediumInt, types.Int, types.BigInt:
		switch {
		case t.ZeroFill:
			return appendNumberText
		case t.Unsigned:
			return appendUintText
		}
		return appendIntText
	case types.Date:
		return appendDateText
	case types.DateTime:
		return appendDateTimeText
	case types.Timestamp:
		return appendTimestampText
	case types.Time:
		return appendTimeText
	case types.Decimal:
		return appendDecimalText
	case types.Enum:
		return appendEnum
	case types.Set:
		return appendLongText
	case types.Bit:
		return appendBit
	case types.Float, types.Double:
		return appendLongText
	}
	return appendNumberText
}

func appendIntText(dst []byte, c *columnEncoder, at int) []byte {
	n := len(dst)
	dst = strconv.AppendInt(append(dst, 0), c.v.I64[at], 10)
	dst[n] = byte(len(dst) - n - 1)
	return dst
}

func appendUintText(dst []byte, c *columnEncoder, at int) []byte {
	n := len(dst)
	dst = strconv.AppendUint(append(dst, 0), c.v.U64[at], 10)
	dst[n] = byte(len(dst) - n - 1)
	return dst
}

// appendNumberText is for texts shorter than 251 bytes whose form types knows.
func appendNumberText(dst []byte, c *columnEncoder, at int) []byte {
	n := len(dst)
	dst = append(dst, 0)
	switch c.typ.Phys() {
	case types.PhysInt64:
		dst = types.AppendInt64Text(dst, c.v.I64[at], &c.typ, c.zone)
	case types.PhysUint64:
		dst = types.AppendUint64Text(dst, c.v.U64[at], &c.typ)
	}
	dst[n] = byte(len(dst) - n - 1)
	return dst
}

func appendDateText(dst []byte, c *columnEncoder, at int) []byte {
	n := len(dst)
	dst = types.AppendDate(append(dst, 0), c.v.I64[at])
	dst[n] = byte(len(dst) - n - 1)
	return dst
}

func appendDateTimeText(dst []byte, c *columnEncoder, at int) []byte {
	n := len(dst)
	dst = types.AppendDateTime(append(dst, 0), c.v.I64[at], c.typ.Scale)
	dst[n] = byte(len(dst) - n - 1)
	return dst
}

func appendTimestampText(dst []byte, c *columnEncoder, at int) []byte {
	n := len(dst)
	dst = types.AppendDateTime(append(dst, 0), types.TimestampToLocal(c.v.I64[at], c.zone), c.typ.Scale)
	dst[n] = byte(len(dst) - n - 1)
	return dst
}

func appendTimeText(dst []byte, c *columnEncoder, at int) []byte {
	n := len(dst)
	dst = types.AppendTime(append(dst, 0), c.v.I64[at], c.typ.Scale)
	dst[n] = byte(len(dst) - n - 1)
	return dst
}

func appendDecimalText(dst []byte, c *columnEncoder, at int) []byte {
	n := len(dst)
	dst = types.AppendDecText(append(dst, 0), &c.v.Dec[at], &c.typ)
	dst[n] = byte(len(dst) - n - 1)
	return dst
}

// appendEnum sends the name; index 0 is the error value ”.
func appendEnum(dst []byte, c *columnEncoder, at int) []byte {
	name := c.typ.Members.Name(int(c.v.U64[at]) - 1)
	if c.from == "" {
		return AppendLenencString(dst, name)
	}
	return appendSlot(dst, len(name)*c.factor, func(dst []byte) []byte {
		dst, _ = collation.Convert(dst, []byte(name), c.from, c.to)
		return dst
	})
}

// appendLongText is for texts that may be longer than 250 bytes: a DOUBLE without exponent, a SET.
func appendLongText(dst []byte, c *columnEncoder, at int) []byte {
	return appendSlot(dst, 1<<16-1, func(dst []byte) []byte {
		if c.typ.Phys() == types.PhysFloat64 {
			return types.AppendFloat64Text(dst, c.v.F64[at], &c.typ)
		}
		if c.from == "" {
			return types.AppendUint64Text(dst, c.v.U64[at], &c.typ)
		}
		dst, _ = collation.Convert(dst, types.AppendUint64Text(nil, c.v.U64[at], &c.typ), c.from, c.to)
		return dst
	})
}

// appendBit sends the bytes of the number, the highest first.
func appendBit(dst []byte, c *columnEncoder, at int) []byte {
	n := (int(c.typ.Length) + 7) / 8
	dst = append(dst, byte(n))
	for n--; n >= 0; n-- {
		dst = append(dst, byte(c.v.U64[at]>>(8*n)))
	}
	return dst
}

func appendPlain(dst []byte, c *columnEncoder, at int) []byte {
	s := &c.str[at]
	n, end := s.Len(), len(dst)
	if n < 251 && n < cap(dst)-end { // nearly always
		dst = dst[:end+1+n]
		dst[end] = byte(n)
		copy(dst[end+1:], s.Bytes(c.base))
		return dst
	}
	return append(AppendLenenc(dst, uint64(n)), s.Bytes(c.base)...)
}

func appendConverted(dst []byte, c *columnEncoder, at int) []byte {
	s := &c.v.Str[at]
	return appendSlot(dst, s.Len()*c.factor, func(dst []byte) []byte {
		dst, _ = collation.Convert(dst, s.Bytes(c.base), c.from, c.to)
		return dst
	})
}

func appendJSON(dst []byte, c *columnEncoder, at int) []byte {
	s := &c.v.Str[at]
	return appendSlot(dst, s.Len()*c.factor+jsonExtra, func(dst []byte) []byte {
		return types.AppendJSONText(dst, s.Bytes(c.base))
	})
}

// appendSlot leaves room for a length of at most bound, lets f append the text, and closes the gap.
func appendSlot(dst []byte, bound int, f func([]byte) []byte) []byte {
	n, room := len(dst), LenencSize(uint64(bound))
	dst = append(dst, make([]byte, room)...)
	dst = f(dst)
	size := len(dst) - n - room
	used := len(AppendLenenc(dst[:n:n+room], uint64(size))) - n // in place: size <= bound
	if used < room {
		copy(dst[n+used:], dst[n+room:])
		dst = dst[:len(dst)-(room-used)]
	}
	return dst
}
