package protocol

import (
	"encoding/binary"
	"math"

	"github.com/spillwaydb/spillway/internal/types"
)

// binaryAppender is for the types whose binary form is not their text; nil for the others.
func binaryAppender(t types.Type) func([]byte, *columnEncoder, int) []byte {
	unsigned := t.Phys() == types.PhysUint64
	switch t.ID {
	case types.TinyInt:
		if unsigned {
			return func(dst []byte, c *columnEncoder, at int) []byte { return append(dst, byte(c.v.U64[at])) }
		}
		return func(dst []byte, c *columnEncoder, at int) []byte { return append(dst, byte(c.v.I64[at])) }
	case types.SmallInt, types.Year:
		if unsigned {
			return func(dst []byte, c *columnEncoder, at int) []byte {
				return binary.LittleEndian.AppendUint16(dst, uint16(c.v.U64[at]))
			}
		}
		return func(dst []byte, c *columnEncoder, at int) []byte {
			return binary.LittleEndian.AppendUint16(dst, uint16(c.v.I64[at]))
		}
	case types.MediumInt, types.Int:
		if unsigned {
			return func(dst []byte, c *columnEncoder, at int) []byte {
				return binary.LittleEndian.AppendUint32(dst, uint32(c.v.U64[at]))
			}
		}
		return func(dst []byte, c *columnEncoder, at int) []byte {
			return binary.LittleEndian.AppendUint32(dst, uint32(c.v.I64[at]))
		}
	case types.BigInt:
		if unsigned {
			return func(dst []byte, c *columnEncoder, at int) []byte {
				return binary.LittleEndian.AppendUint64(dst, c.v.U64[at])
			}
		}
		return func(dst []byte, c *columnEncoder, at int) []byte {
			return binary.LittleEndian.AppendUint64(dst, uint64(c.v.I64[at]))
		}
	case types.Float:
		return func(dst []byte, c *columnEncoder, at int) []byte {
			return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(c.v.F64[at])))
		}
	case types.Double:
		return func(dst []byte, c *columnEncoder, at int) []byte {
			return binary.LittleEndian.AppendUint64(dst, math.Float64bits(c.v.F64[at]))
		}
	case types.Date:
		return func(dst []byte, c *columnEncoder, at int) []byte {
			return appendDateTime(dst, types.DatePart(c.v.I64[at]))
		}
	case types.DateTime:
		return func(dst []byte, c *columnEncoder, at int) []byte { return appendDateTime(dst, c.v.I64[at]) }
	case types.Timestamp:
		return func(dst []byte, c *columnEncoder, at int) []byte {
			return appendDateTime(dst, types.TimestampToLocal(c.v.I64[at], c.zone))
		}
	case types.Time:
		return func(dst []byte, c *columnEncoder, at int) []byte { return appendTime(dst, c.v.I64[at]) }
	}
	return nil
}

// appendDateTime writes the shortest of the forms with 0, 4, 7 and 11 bytes.
func appendDateTime(dst []byte, v int64) []byte {
	p := types.UnpackDateTime(v)
	size := byte(0)
	switch {
	case p.Micro != 0:
		size = 11
	case p.Hour|p.Minute|p.Second != 0:
		size = 7
	case p.Year|p.Month|p.Day != 0:
		size = 4
	}
	dst = append(dst, size)
	if size >= 4 {
		dst = append(dst, byte(p.Year), byte(p.Year>>8), byte(p.Month), byte(p.Day))
	}
	if size >= 7 {
		dst = append(dst, byte(p.Hour), byte(p.Minute), byte(p.Second))
	}
	if size == 11 {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(p.Micro))
	}
	return dst
}

// appendTime writes 0, 8 or 12 bytes, hours beyond a day as days.
func appendTime(dst []byte, us int64) []byte {
	p := types.UnpackTime(us)
	if us == 0 {
		return append(dst, 0)
	}
	size := byte(8)
	if p.Micro != 0 {
		size = 12
	}
	negative := byte(0)
	if p.Negative {
		negative = 1
	}
	dst = append(dst, size, negative)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(p.Hour/24))
	dst = append(dst, byte(p.Hour%24), byte(p.Minute), byte(p.Second))
	if size == 12 {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(p.Micro))
	}
	return dst
}
