package protocol

import (
	"time"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// RowEncoder turns the rows of batches into packets of the text or the binary protocol. How a column is encoded is
// decided once, when its type is first seen. Not for concurrent use.
type RowEncoder struct {
	Binary  bool
	Zone    *time.Location // TIMESTAMPs are shown in it; nil: UTC
	Results collation.ID   // of character_set_results; 0: strings are sent as they are
	// Declared are the types in the column definitions, by which integers are encoded; nil: all are by the rows' own.
	Declared []types.Type

	cols  []columnEncoder
	fixed int   // bytes that all but the texts take at most, NULL bitmap and lengths included
	texts []int // columns whose length differs from row to row
	batch *vector.Batch
}

// columnEncoder appends one value, which is not NULL, at position i of the vector.
type columnEncoder struct {
	appendValue func(dst []byte, c *columnEncoder, i int) []byte

	// Of the batch.
	v    *vector.Vector
	str  []vector.Str // v's
	base memory.Base
	null []uint8 // nil: no NULLs
	mask int     // 0 for constant vectors, else -1: position = row & mask

	// Of the type.
	typ    types.Type
	zone   *time.Location
	kind   textKind
	factor int // most bytes sent for one byte of the value
	from   string
	to     string
}

// textKind is how the bytes of a string become those that are sent.
type textKind uint8

const (
	textNone      textKind = iota // no string
	textPlain                     // as it is
	textConverted                 // into the charset of results
	textJSON
)

// jsonFactor bounds the text of a JSON value by its binary form: a character of one byte becomes \u00xx.
const (
	jsonFactor = 8
	jsonExtra  = 64
)

// bind points the encoder at a batch.
func (e *RowEncoder) bind(b *vector.Batch) {
	if len(e.cols) != len(b.Cols) {
		e.cols = make([]columnEncoder, len(b.Cols))
		for i := range e.cols {
			e.resolve(i, e.typeOf(i, b.Cols[i]))
		}
		e.measure()
	}
	e.batch = b
	changed := false
	for i, v := range b.Cols {
		c := &e.cols[i]
		if t := e.typeOf(i, v); !c.typ.Equal(t) {
			e.resolve(i, t)
			changed = true
		}
		c.v, c.str, c.base, c.null, c.mask = v, v.Str, b.Base(), v.Null, -1
		if v.NoNulls {
			c.null = nil
		}
		if v.Const {
			c.mask = 0
		}
	}
	if changed {
		e.measure()
	}
}

// unbind drops what refers to the batch.
func (e *RowEncoder) unbind() {
	e.batch = nil
	for i := range e.cols {
		e.cols[i].v, e.cols[i].str, e.cols[i].null = nil, nil, nil
	}
}

// typeOf is the type by which a column is encoded. An integer's vector may be that of a narrower type than the column,
// which is what the client was told.
func (e *RowEncoder) typeOf(i int, v *vector.Vector) types.Type {
	if i < len(e.Declared) {
		if t := e.Declared[i]; t.IsInteger() && v.Type.IsInteger() && t.Phys() == v.Type.Phys() {
			return t
		}
	}
	return v.Type
}

// resolve decides how a type is encoded.
func (e *RowEncoder) resolve(i int, t types.Type) {
	c := &e.cols[i]
	*c = columnEncoder{typ: t, zone: e.Zone, factor: 1}
	if c.zone == nil {
		c.zone = time.UTC
	}
	if t.Phys() == types.PhysString {
		c.kind = textPlain
		c.appendValue = appendPlain
	}
	switch {
	case t.ID == types.JSON:
		c.kind, c.factor = textJSON, jsonFactor
		c.appendValue = appendJSON
	case e.converts(t):
		c.from, c.to = collation.Charset(t.Collation), collation.Charset(e.Results)
		c.factor = max(1, collation.MaxWidth(e.Results))
		if c.kind == textPlain {
			c.kind = textConverted
			c.appendValue = appendConverted
		}
	}
	if c.appendValue == nil && e.Binary {
		c.appendValue = binaryAppender(t)
	}
	if c.appendValue == nil {
		c.appendValue = textAppender(t)
	}
}

func (e *RowEncoder) converts(t types.Type) bool {
	named := t.IsString() || t.ID == types.Enum || t.ID == types.Set
	return e.Results != 0 && e.Results != collation.Binary && named && t.Collation != collation.Binary &&
		collation.Charset(t.Collation) != collation.Charset(e.Results)
}

// measure computes what a row takes at most without its texts.
func (e *RowEncoder) measure() {
	e.fixed, e.texts = packetHeader, e.texts[:0]
	if e.Binary {
		e.fixed += 1 + e.bitmapBytes()
	}
	for i := range e.cols {
		c := &e.cols[i]
		if c.kind != textNone {
			e.texts = append(e.texts, i)
			e.fixed += 9
			continue
		}
		// FLOAT(M,D) has up to 255 digits; ENUM and SET count four bytes a character.
		e.fixed += 9
		switch c.typ.ID {
		case types.Enum, types.Set:
			e.fixed += 4 * c.typ.DisplayLength()
		case types.Float, types.Double:
			e.fixed += 32
			if c.typ.Scale != types.NotFixed {
				e.fixed += 350
			}
		case types.Decimal:
			e.fixed += 70
		default:
			e.fixed += max(32, c.typ.DisplayLength())
		}
	}
}

func (e *RowEncoder) bitmapBytes() int { return (len(e.cols) + 7 + 2) / 8 }

// bound is how many bytes row i takes at most, header included.
func (e *RowEncoder) bound(i int) int {
	n := e.fixed
	for _, k := range e.texts {
		if c := &e.cols[k]; c.kind == textPlain {
			n += c.str[i&c.mask].Len() // of a NULL too: it may be anything, but not wrong (vector V2)
		} else {
			n += c.textBound(i)
		}
	}
	return n
}

func (c *columnEncoder) isNull(i int) bool { return c.null != nil && c.null[i&c.mask] != 0 }

func (c *columnEncoder) text(i int) []byte { return c.str[i&c.mask].Bytes(c.base) }

func (c *columnEncoder) textBound(i int) int {
	if c.isNull(i) {
		return 0
	}
	n := c.str[i&c.mask].Len() * c.factor
	if c.kind == textJSON {
		n += jsonExtra
	}
	return n
}

// appendRow appends the payload of row i.
func (e *RowEncoder) appendRow(dst []byte, i int) []byte {
	if e.Binary {
		return e.appendBinaryRow(dst, i)
	}
	for k := range e.cols {
		c := &e.cols[k]
		at := i & c.mask
		if c.null != nil && c.null[at] != 0 {
			dst = append(dst, nullText)
			continue
		}
		dst = c.appendValue(dst, c, at)
	}
	return dst
}

func (e *RowEncoder) appendBinaryRow(dst []byte, i int) []byte {
	dst = e.appendBitmap(dst, i)
	for k := range e.cols {
		c := &e.cols[k]
		if at := i & c.mask; c.null == nil || c.null[at] == 0 {
			dst = c.appendValue(dst, c, at)
		}
	}
	return dst
}

// appendBitmap appends what a binary row begins with. The bitmap's first two bits are not used.
func (e *RowEncoder) appendBitmap(dst []byte, i int) []byte {
	dst = append(dst, headerOK)
	at := len(dst)
	for range e.bitmapBytes() {
		dst = append(dst, 0)
	}
	for k := range e.cols {
		if e.cols[k].isNull(i) {
			dst[at+(k+2)/8] |= 1 << ((k + 2) % 8)
		}
	}
	return dst
}
