package types

import "github.com/spillwaydb/spillway/internal/types/collation"

// ProtocolByte is the type byte of a column definition packet and of a parameter (enum_field_types).
type ProtocolByte uint8

// The type bytes.
const (
	ProtocolDecimal    ProtocolByte = 0x00
	ProtocolTiny       ProtocolByte = 0x01
	ProtocolShort      ProtocolByte = 0x02
	ProtocolLong       ProtocolByte = 0x03
	ProtocolFloat      ProtocolByte = 0x04
	ProtocolDouble     ProtocolByte = 0x05
	ProtocolNull       ProtocolByte = 0x06
	ProtocolTimestamp  ProtocolByte = 0x07
	ProtocolLongLong   ProtocolByte = 0x08
	ProtocolInt24      ProtocolByte = 0x09
	ProtocolDate       ProtocolByte = 0x0a
	ProtocolTime       ProtocolByte = 0x0b
	ProtocolDateTime   ProtocolByte = 0x0c
	ProtocolYear       ProtocolByte = 0x0d
	ProtocolVarChar    ProtocolByte = 0x0f
	ProtocolBit        ProtocolByte = 0x10
	ProtocolJSON       ProtocolByte = 0xf5
	ProtocolNewDecimal ProtocolByte = 0xf6
	ProtocolEnum       ProtocolByte = 0xf7
	ProtocolSet        ProtocolByte = 0xf8
	ProtocolTinyBlob   ProtocolByte = 0xf9
	ProtocolMediumBlob ProtocolByte = 0xfa
	ProtocolLongBlob   ProtocolByte = 0xfb
	ProtocolBlob       ProtocolByte = 0xfc
	ProtocolVarString  ProtocolByte = 0xfd
	ProtocolString     ProtocolByte = 0xfe
	ProtocolGeometry   ProtocolByte = 0xff
)

// The flags of a column definition packet. Those about keys and defaults come from the column, not from its type.
const (
	FlagNotNull       uint16 = 1 << 0
	FlagPriKey        uint16 = 1 << 1
	FlagUniqueKey     uint16 = 1 << 2
	FlagMultipleKey   uint16 = 1 << 3
	FlagBlob          uint16 = 1 << 4
	FlagUnsigned      uint16 = 1 << 5
	FlagZeroFill      uint16 = 1 << 6
	FlagBinary        uint16 = 1 << 7
	FlagEnum          uint16 = 1 << 8
	FlagAutoIncrement uint16 = 1 << 9
	FlagTimestamp     uint16 = 1 << 10
	FlagSet           uint16 = 1 << 11
	FlagNoDefault     uint16 = 1 << 12
	FlagOnUpdateNow   uint16 = 1 << 13
	FlagPartKey       uint16 = 1 << 14
)

// ProtocolType is what a column definition packet says about a type.
type ProtocolType struct {
	Byte      ProtocolByte
	Flags     uint16
	Length    uint32       // bytes of the longest text, in the charset sent
	Decimals  uint8        // scale, fractional digits, NotFixed for floats
	Collation collation.ID // of strings as sent; Binary for all that is not text
}

var protocolBytes = [idEnd]ProtocolByte{
	Null: ProtocolNull, TinyInt: ProtocolTiny, SmallInt: ProtocolShort, MediumInt: ProtocolInt24, Int: ProtocolLong,
	BigInt: ProtocolLongLong, Float: ProtocolFloat, Double: ProtocolDouble, Decimal: ProtocolNewDecimal,
	Date: ProtocolDate, DateTime: ProtocolDateTime, Timestamp: ProtocolTimestamp, Time: ProtocolTime,
	Year: ProtocolYear, Char: ProtocolString, VarChar: ProtocolVarString, Binary: ProtocolString,
	VarBinary: ProtocolVarString, TinyText: ProtocolBlob, Text: ProtocolBlob, MediumText: ProtocolBlob,
	LongText: ProtocolBlob, TinyBlob: ProtocolBlob, Blob: ProtocolBlob, MediumBlob: ProtocolBlob,
	LongBlob: ProtocolBlob, Enum: ProtocolString, Set: ProtocolString, Bit: ProtocolBit, JSON: ProtocolJSON,
}

// ProtocolType describes the type to a client that gets strings in the charset of results, a collation of
// character_set_results; 0 sends them as they are. MySQL sends all TEXTs and BLOBs as BLOB and tells them apart by
// length, and ENUM and SET as STRING with a flag.
func (t Type) ProtocolType(results collation.ID) ProtocolType {
	p := ProtocolType{Byte: protocolBytes[Null], Collation: collation.Binary}
	if t.ID < idEnd {
		p.Byte = protocolBytes[t.ID]
	}
	p.Flags = t.protocolFlags()
	p.Length = uint32(t.DisplayLength())
	switch {
	case t.ID == Decimal || t.IsTemporal():
		p.Decimals = t.Scale
	case t.IsFloat():
		p.Decimals = t.Scale
	case t.ID == Enum || t.ID == Set || t.IsString() && t.Collation != collation.Binary:
		p.Collation = t.Collation
		if results != 0 && results != collation.Binary {
			p.Collation = results
		}
		p.Length = t.protocolTextLength(p.Collation)
	case t.ID == JSON:
		p.Length = 1<<32 - 1
	case t.ID == LongBlob:
		p.Length = 1<<32 - 1
	}
	return p
}

// protocolTextLength is the length in bytes once the text is in the charset of the client.
func (t Type) protocolTextLength(sent collation.ID) uint32 {
	width := uint64(collation.MaxWidth(sent))
	var chars uint64
	switch {
	case t.ID == LongText:
		return 1<<32 - 1
	case t.IsBlob():
		chars = uint64(t.Length) / uint64(max(collation.MinWidth(t.Collation), 1))
	default:
		chars = uint64(t.DisplayLength())
	}
	return uint32(min(chars*width, 1<<32-1))
}

func (t Type) protocolFlags() uint16 {
	var f uint16
	if !t.Nullable {
		f |= FlagNotNull
	}
	if t.Unsigned || t.ID == Year || t.ID == Bit {
		f |= FlagUnsigned
	}
	if t.ZeroFill || t.ID == Year {
		f |= FlagZeroFill
	}
	switch {
	case t.ID == Enum:
		f |= FlagEnum
	case t.ID == Set:
		f |= FlagSet
	case t.IsBlob() || t.ID == JSON:
		f |= FlagBlob
	}
	switch {
	case t.IsTemporal(), t.IsString() && collation.IsBinary(t.Collation), t.ID == JSON, t.ID == Null, t.IsNumeric():
		f |= FlagBinary
	}
	return f
}
