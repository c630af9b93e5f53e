package protocol

import "github.com/spillwaydb/spillway/internal/sqlerr"

// DecodeQuery finds the text in COM_QUERY without its first byte; query attributes are read and dropped. Error 1835.
func DecodeQuery(b []byte, caps Capability) ([]byte, error) {
	if caps&QueryAttributes == 0 {
		return b, nil
	}
	c := newCursor(b)
	n := c.lenenc()
	c.lenenc() // number of sets, always 1
	if !c.ok || n > maxQueryAttributes {
		return nil, sqlerr.New(sqlerr.ErrMalformedPacket)
	}
	if n > 0 {
		nulls := c.bytes((int(n) + 7) / 8)
		if c.uint8() != 1 { // types are always sent
			return nil, sqlerr.New(sqlerr.ErrMalformedPacket)
		}
		kinds := make([]ParamType, n)
		c.paramTypes(kinds, true)
		for i := range kinds {
			if c.ok && nulls[i/8]>>(i%8)&1 == 0 {
				c.skipValue(kinds[i])
			}
		}
	}
	if !c.ok {
		return nil, sqlerr.New(sqlerr.ErrMalformedPacket)
	}
	return c.b, nil
}

// maxQueryAttributes is far above what clients send; parameters of statements have 16 bits.
const maxQueryAttributes = 1<<16 - 1
