package protocol

import (
	"bytes"
	"encoding/binary"
)

// AppendLenenc appends a length-encoded integer.
func AppendLenenc(dst []byte, n uint64) []byte {
	switch {
	case n < 251:
		return append(dst, byte(n))
	case n < 1<<16:
		return append(dst, 0xfc, byte(n), byte(n>>8))
	case n < 1<<24:
		return append(dst, 0xfd, byte(n), byte(n>>8), byte(n>>16))
	}
	return binary.LittleEndian.AppendUint64(append(dst, 0xfe), n)
}

// LenencSize is the number of bytes AppendLenenc appends.
func LenencSize(n uint64) int {
	switch {
	case n < 251:
		return 1
	case n < 1<<16:
		return 3
	case n < 1<<24:
		return 4
	}
	return 9
}

// AppendLenencString appends a length-encoded string.
func AppendLenencString[S []byte | string](dst []byte, s S) []byte {
	return append(AppendLenenc(dst, uint64(len(s))), s...)
}

// cursor reads a payload. After a failure every further read fails too: ok is looked at once, at the end.
type cursor struct {
	b  []byte
	ok bool
}

func newCursor(b []byte) cursor { return cursor{b: b, ok: true} }

func (c *cursor) fail() { c.b, c.ok = nil, false }

func (c *cursor) bytes(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.fail()
		return nil
	}
	v := c.b[:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) uint8() uint8 {
	if v := c.bytes(1); v != nil {
		return v[0]
	}
	return 0
}

func (c *cursor) uint16() uint16 {
	if v := c.bytes(2); v != nil {
		return binary.LittleEndian.Uint16(v)
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if v := c.bytes(4); v != nil {
		return binary.LittleEndian.Uint32(v)
	}
	return 0
}

func (c *cursor) uint64() uint64 {
	if v := c.bytes(8); v != nil {
		return binary.LittleEndian.Uint64(v)
	}
	return 0
}

// lenenc reads an integer; the markers of NULL and ERR are failures.
func (c *cursor) lenenc() uint64 {
	switch first := c.uint8(); first {
	case 0xfb, 0xff:
		c.fail()
		return 0
	case 0xfc:
		return uint64(c.uint16())
	case 0xfd:
		if v := c.bytes(3); v != nil {
			return uint64(v[0]) | uint64(v[1])<<8 | uint64(v[2])<<16
		}
		return 0
	case 0xfe:
		return c.uint64()
	default:
		return uint64(first)
	}
}

func (c *cursor) lenencBytes() []byte {
	n := c.lenenc()
	if n > uint64(len(c.b)) {
		c.fail()
		return nil
	}
	return c.bytes(int(n))
}

// text reads up to a zero byte, which must be there.
func (c *cursor) text() []byte {
	i := bytes.IndexByte(c.b, 0)
	if i < 0 {
		c.fail()
		return nil
	}
	v := c.b[:i]
	c.b = c.b[i+1:]
	return v
}

// textOrRest reads up to a zero byte, or all if there is none: some clients leave the last one out.
func (c *cursor) textOrRest() []byte {
	if i := bytes.IndexByte(c.b, 0); i >= 0 {
		return c.text()
	}
	return c.bytes(len(c.b))
}
