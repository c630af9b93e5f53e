package protocol

import (
	"math"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// ParamType is a parameter's type as the client sends it.
type ParamType struct {
	Byte     types.ProtocolByte
	Unsigned bool
}

// Cursor flags of STMT_EXECUTE.
const (
	CursorReadOnly   uint8 = 1
	CursorForUpdate  uint8 = 2
	CursorScrollable uint8 = 4
)

// Execute is the fixed part of COM_STMT_EXECUTE.
type Execute struct {
	ID    uint32
	Flags uint8
	rest  []byte
}

// DecodeExecute reads the fixed part; b is without the command byte. Error 1835.
func DecodeExecute(b []byte) (Execute, error) {
	c := newCursor(b)
	e := Execute{ID: c.uint32(), Flags: c.uint8()}
	c.uint32() // iterations, always 1
	if e.rest = c.b; !c.ok {
		return e, sqlerr.New(sqlerr.ErrMalformedPacket)
	}
	return e, nil
}

// Params says how parameters are decoded.
type Params struct {
	Count     int
	Collation collation.ID // of the connection, for texts
	// Types are those of the last execution, for clients that do not send them again; nil: none yet. Decode replaces
	// it.
	Types []ParamType
	// Long has the values that came by SEND_LONG_DATA, by parameter; nil: none. Long[i] == nil: not this one.
	Long [][]byte
}

// Decode reads the parameters into dst, which has Count values. Strings are those of the packet. Errors: 1210 for a
// wrong count or types that were never sent, 1835 for a malformed packet.
func (p *Params) Decode(e Execute, caps Capability, dst []types.Datum) error {
	c := newCursor(e.rest)
	sent := p.Count
	if named := caps&QueryAttributes != 0; named && (p.Count > 0 || e.Flags&executeParamCountAvail != 0) {
		n := c.lenenc()
		if n < uint64(p.Count) || n > maxQueryAttributes {
			return wrongArguments()
		}
		sent = int(n) // query attributes come behind the parameters
	}
	if sent == 0 {
		return nil
	}
	nulls := c.bytes((sent + 7) / 8)
	bound := c.uint8()
	if !c.ok {
		return malformed()
	}
	if bound == 1 {
		kinds := make([]ParamType, sent)
		if c.paramTypes(kinds, caps&QueryAttributes != 0); !c.ok {
			return malformed()
		}
		p.Types = kinds[:p.Count]
	}
	if len(p.Types) != p.Count {
		return wrongArguments()
	}
	for i := range p.Count {
		t := p.Types[i]
		switch {
		case i < len(p.Long) && p.Long[i] != nil:
			dst[i] = types.NewStringDatum(p.textType(t, len(p.Long[i])), p.Long[i])
			continue
		case nulls[i/8]>>(i%8)&1 != 0:
			dst[i] = types.NullDatum(types.NewNull())
			continue
		}
		var ok bool
		if dst[i], ok = p.value(&c, t); !ok || !c.ok {
			return malformed()
		}
	}
	return nil
}

func malformed() error      { return sqlerr.New(sqlerr.ErrMalformedPacket) }
func wrongArguments() error { return sqlerr.New(sqlerr.ErrWrongArguments, "mysqld_stmt_execute") }

// paramTypes reads types, and the names that come with them from clients with query attributes.
func (c *cursor) paramTypes(dst []ParamType, named bool) {
	for i := range dst {
		dst[i].Byte = types.ProtocolByte(c.uint8())
		dst[i].Unsigned = c.uint8()&paramUnsigned != 0
		if named {
			c.lenencBytes()
		}
	}
}

// boolByte is MYSQL_TYPE_BOOL, which some clients send.
const boolByte types.ProtocolByte = 0xf4

// value reads one value; ok is false for an unknown type or a temporal value that does not exist.
func (p *Params) value(c *cursor, t ParamType) (d types.Datum, ok bool) {
	switch t.Byte {
	case types.ProtocolNull:
		return types.NullDatum(types.NewNull()), true
	case types.ProtocolTiny, boolByte:
		v := c.uint8()
		return intDatum(t, int64(int8(v)), uint64(v)), true
	case types.ProtocolShort, types.ProtocolYear:
		v := c.uint16()
		return intDatum(t, int64(int16(v)), uint64(v)), true
	case types.ProtocolLong, types.ProtocolInt24:
		v := c.uint32()
		return intDatum(t, int64(int32(v)), uint64(v)), true
	case types.ProtocolLongLong:
		v := c.uint64()
		return intDatum(t, int64(v), v), true
	case types.ProtocolFloat:
		return types.NewFloatDatum(types.NewFloat(), float64(math.Float32frombits(c.uint32()))), true
	case types.ProtocolDouble:
		return types.NewFloatDatum(types.NewDouble(), math.Float64frombits(c.uint64())), true
	case types.ProtocolDate, types.ProtocolDateTime, types.ProtocolTimestamp:
		return c.dateTime(t.Byte)
	case types.ProtocolTime:
		return c.time()
	case types.ProtocolDecimal, types.ProtocolNewDecimal:
		return p.decimal(c.lenencBytes()), true
	}
	if !isTextByte(t.Byte) {
		return d, false
	}
	v := c.lenencBytes()
	return types.NewStringDatum(p.textType(t, len(v)), v), true
}

func isTextByte(b types.ProtocolByte) bool {
	return b == types.ProtocolVarChar || b == types.ProtocolBit || b >= types.ProtocolJSON
}

func intDatum(t ParamType, signed int64, unsigned uint64) types.Datum {
	if t.Unsigned {
		return types.NewUintDatum(types.NewUBigInt(), unsigned)
	}
	return types.NewIntDatum(types.NewBigInt(), signed)
}

// textType is the type of a string: BLOBs and long data of them are bytes, all others text of the connection.
func (p *Params) textType(t ParamType, n int) types.Type {
	switch t.Byte {
	case types.ProtocolTinyBlob, types.ProtocolBlob, types.ProtocolMediumBlob, types.ProtocolLongBlob,
		types.ProtocolGeometry, types.ProtocolBit:
		return types.NewVarBinary(n)
	}
	return types.NewVarChar(n, p.Collation)
}

// decimal reads a number in text; what is none stays text, which expressions read as MySQL does.
func (p *Params) decimal(text []byte) types.Datum {
	digits, scale := 0, 0
	point := false
	for _, b := range text {
		switch {
		case b == '.' && !point:
			point = true
		case b >= '0' && b <= '9':
			digits++
			if point {
				scale++
			}
		case b != '-' && b != '+':
			return types.NewStringDatum(types.NewVarChar(len(text), p.Collation), text)
		}
	}
	t := types.NewDecimal(digits, scale)
	d, _, err := types.ParseDec(text, t.Scale)
	if err != nil {
		return types.NewStringDatum(types.NewVarChar(len(text), p.Collation), text)
	}
	return types.NewDecDatum(t, d)
}

// dateTime reads 0, 4, 7 or 11 bytes behind a length.
func (c *cursor) dateTime(kind types.ProtocolByte) (d types.Datum, ok bool) {
	var year, month, day, hour, minute, second, micro int
	n := c.uint8()
	switch n {
	case 0:
	case 4, 7, 11:
		year, month, day = int(c.uint16()), int(c.uint8()), int(c.uint8())
		if n >= 7 {
			hour, minute, second = int(c.uint8()), int(c.uint8()), int(c.uint8())
		}
		if n == 11 {
			micro = int(c.uint32())
		}
	default:
		return d, false
	}
	if year > 9999 || month > 12 || day > 31 || hour > 23 || minute > 59 || second > 59 || micro > 999999 {
		return d, false
	}
	if kind == types.ProtocolDate {
		return types.NewIntDatum(types.NewDate(), types.PackDateTime(year, month, day, 0, 0, 0, 0)), true
	}
	// TIMESTAMP parameters are DATETIMEs in the session's time zone, as in MySQL.
	v := types.PackDateTime(year, month, day, hour, minute, second, micro)
	return types.NewIntDatum(types.NewDateTime(fspOf(micro)), v), true
}

// time reads 0, 8 or 12 bytes behind a length.
func (c *cursor) time() (d types.Datum, ok bool) {
	var negative bool
	var days uint32
	var hour, minute, second, micro int
	n := c.uint8()
	switch n {
	case 0:
	case 8, 12:
		negative, days = c.uint8() == 1, c.uint32()
		hour, minute, second = int(c.uint8()), int(c.uint8()), int(c.uint8())
		if n == 12 {
			micro = int(c.uint32())
		}
	default:
		return d, false
	}
	if days > 34 || hour > 23 || minute > 59 || second > 59 || micro > 999999 {
		return d, false
	}
	hour += int(days) * 24
	if hour > 838 {
		hour, minute, second, micro = 838, 59, 59, 0
	}
	return types.NewIntDatum(types.NewTime(fspOf(micro)), types.PackTime(negative, hour, minute, second, micro)), true
}

func fspOf(micro int) int {
	if micro == 0 {
		return 0
	}
	return types.MaxFsp
}

// skipValue passes over a value of a query attribute.
func (c *cursor) skipValue(t ParamType) {
	switch t.Byte {
	case types.ProtocolNull:
	case types.ProtocolTiny, boolByte:
		c.bytes(1)
	case types.ProtocolShort, types.ProtocolYear:
		c.bytes(2)
	case types.ProtocolLong, types.ProtocolInt24, types.ProtocolFloat:
		c.bytes(4)
	case types.ProtocolLongLong, types.ProtocolDouble:
		c.bytes(8)
	case types.ProtocolDate, types.ProtocolDateTime, types.ProtocolTimestamp, types.ProtocolTime:
		c.bytes(int(c.uint8()))
	default:
		c.lenencBytes()
	}
}
