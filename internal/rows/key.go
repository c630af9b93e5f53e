package rows

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
	"github.com/spillwaydb/spillway/internal/vector"
)

// Order is one key of an order over columns.
type Order struct {
	Column int
	Desc   bool
}

// prefixBytes of a normalized key lie in the sort element and in front of the row, as two numbers.
const prefixBytes = 16

// keyEncoder makes normalized keys: bytes that order as the columns do.
//
//	column: 0x00 (NULL), or 0x01 and the value; all bits inverted for DESC
//	number: big-endian in the width of its row column, sign bit inverted; floats: all bits if negative
//	string: weight string, 0x00 written as 0x00 0xFF, then 0x00 0x00
//
// No key is a prefix of another, so one that is shorter than the prefix is padded with zeros. A value of NULL is zero.
type keyEncoder struct {
	columns []keyColumn
	exact   bool // every key has at most prefixBytes
	text    []byte
	weights []byte // room for stream
}

type keyColumn struct {
	index     int
	kind      kind
	desc      bool
	collation collation.ID
}

func newKeyEncoder(columns []types.Type, order []Order) *keyEncoder {
	e := &keyEncoder{exact: true}
	width := 0
	for _, o := range order {
		t := columns[o.Column]
		k := keyColumn{index: o.Column, kind: kindOf(t), desc: o.Desc, collation: t.Collation}
		if k.kind == kindString && t.Collation == 0 {
			k.collation = collation.Binary
		}
		e.columns = append(e.columns, k)
		width += 1 + kindBytes[k.kind]
		if k.kind >= kindDec128 {
			e.exact = false
		}
	}
	e.exact = e.exact && width <= prefixBytes
	return e
}

// prefix is the first prefixBytes of a key.
type prefix struct{ hi, lo uint64 }

func (p prefix) less(o prefix) bool { return p.hi < o.hi || p.hi == o.hi && p.lo < o.lo }

// encodeExact writes the keys of rows sel of cols, which are no longer than a prefix.
func (e *keyEncoder) encodeExact(cols []*vector.Vector, sel []uint16, out []prefix) {
	out = out[:len(sel)]
	clear(out)
	left := 8 * prefixBytes
	for i := range e.columns {
		c := &e.columns[i]
		v := cols[c.index]
		width := 8 * kindBytes[c.kind]
		left -= 8 + width
		mask := uint64(math.MaxUint64) >> (64 - width)
		var flip, flipNull uint64
		if c.desc {
			flip, flipNull = mask, 0xFF
		}
		s := pick(v, sel)
		for j, row := range s {
			var value uint64
			null := uint64(v.Null[row])
			if null == 0 {
				value = c.number(v, row) & mask
			}
			value ^= flip
			null = null ^ 1 ^ flipNull
			p := &out[j]
			if left >= 64 {
				p.hi |= value << (left - 64)
			} else {
				p.hi |= value >> (64 - left)
				p.lo |= value << left
			}
			if at := left + width; at >= 64 {
				p.hi |= null << (at - 64)
			} else {
				p.lo |= null << at
			}
		}
	}
}

// number is the order-preserving number of a value that is not NULL; higher bits than its width are undefined.
func (c *keyColumn) number(v *vector.Vector, row uint16) uint64 {
	switch c.kind {
	case kindInt8, kindInt16, kindInt32, kindInt64:
		return uint64(v.I64[row]) + 1<<(8*kindBytes[c.kind]-1)
	case kindUint8, kindUint16, kindUint32, kindUint64:
		return v.U64[row]
	case kindFloat32:
		b := math.Float32bits(float32(v.F64[row]) + 0) // -0 is 0
		return uint64(b ^ uint32(int32(b)>>31) ^ 1<<31&^uint32(int32(b)>>31))
	case kindFloat64:
		b := math.Float64bits(v.F64[row] + 0)
		return b ^ uint64(int64(b)>>63) ^ 1<<63&^uint64(int64(b)>>63)
	case kindDec64:
		return v.Dec[row][0] + 1<<63
	}
	return 0
}

// guess is about how long the key of one row is.
func (e *keyEncoder) guess(b memory.Base, cols []*vector.Vector, row uint16) int {
	n := 0
	for i := range e.columns {
		c := &e.columns[i]
		n += 1 + kindBytes[c.kind]
		v := cols[c.index]
		k := uint16(v.Index(int(row)))
		if c.kind != kindString || v.Null[k] != 0 {
			continue
		}
		length := v.Str[k].Len()
		n += 2 + collation.WeightGuess(c.collation, length) + collation.WeightZeros(c.collation, length)
		if c.collation == collation.Binary {
			n += bytes.Count(v.Str[k].Bytes(b), []byte{0})
		}
	}
	return n
}

// encode returns the key of one row; it lives until the next call.
func (e *keyEncoder) encode(b memory.Base, cols []*vector.Vector, row uint16) []byte {
	e.text = e.encodeTo(e.text[:0], b, cols, row)
	return e.text
}

// encodeTo appends the key of one row.
func (e *keyEncoder) encodeTo(dst []byte, b memory.Base, cols []*vector.Vector, row uint16) []byte {
	for i := range e.columns {
		c := &e.columns[i]
		v := cols[c.index]
		k := row
		if v.Const {
			k = 0
		}
		from := len(dst)
		if v.Null[k] != 0 {
			dst = append(dst, 0)
			if c.kind != kindString {
				dst = append(dst, make([]byte, kindBytes[c.kind])...)
			}
		} else {
			dst = c.value(append(dst, 1), b, v, k)
		}
		if c.desc {
			for j := from; j < len(dst); j++ {
				dst[j] = ^dst[j]
			}
		}
	}
	return dst
}

// streamBytes is how much of a key is escaped at a time.
const streamBytes = 16 << 10

// stream gives the key of one row in parts, in order, and ends with the first error of give. A part lives until give
// returns. Takes memory for a part, not for all.
func (e *keyEncoder) stream(b memory.Base, cols []*vector.Vector, row uint16, give func(part []byte) error) error {
	one := keyEncoder{columns: make([]keyColumn, 1)}
	for i := range e.columns {
		c := &e.columns[i]
		v := cols[c.index]
		k := uint16(v.Index(int(row)))
		if c.kind != kindString || v.Null[k] != 0 || v.Str[k].Len() <= streamBytes {
			one.columns[0] = *c
			e.text = one.encodeTo(e.text[:0], b, cols, row)
			if err := give(e.text); err != nil {
				return err
			}
			continue
		}
		var flip byte
		if c.desc {
			flip = 0xFF
		}
		put := func(part []byte) error {
			for j := range part {
				part[j] ^= flip
			}
			return give(part)
		}
		if err := put(append(e.text[:0], 1)); err != nil {
			return err
		}
		escaped := func(part []byte) error {
			for len(part) > 0 {
				n := min(len(part), streamBytes)
				e.text = escapeZeros(append(e.text[:0], part[:n]...), 0)
				part = part[n:]
				if err := put(e.text); err != nil {
					return err
				}
			}
			return nil
		}
		var err error
		if text := v.Str[k].Bytes(b); c.collation == collation.Binary {
			err = escaped(text)
		} else {
			e.weights, err = collation.WeightParts(c.collation, e.weights, text, escaped)
		}
		if err != nil {
			return err
		}
		if err := put(append(e.text[:0], 0, 0)); err != nil {
			return err
		}
	}
	return nil
}

// errEnough ends a stream of which the beginning is wanted.
var errEnough = errors.New("rows: enough of a key")

// prefix is the first bytes of the key of one row.
func (e *keyEncoder) prefix(b memory.Base, cols []*vector.Vector, row uint16) (prefix, error) {
	var first [prefixBytes]byte
	n := 0
	err := e.stream(b, cols, row, func(part []byte) error {
		if n += copy(first[n:], part); n == prefixBytes {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	p, _ := split(first[:])
	return p, err
}

// value appends a value that is not NULL.
func (c *keyColumn) value(dst []byte, b memory.Base, v *vector.Vector, row uint16) []byte {
	switch c.kind {
	case kindString:
		from := len(dst)
		if text := v.Str[row].Bytes(b); c.collation == collation.Binary {
			dst = append(dst, text...)
		} else {
			dst = collation.WeightString(c.collation, dst, text)
		}
		dst = append(escapeZeros(dst, from), 0, 0)
	case kindDec128, kindDec256:
		d := v.Dec[row]
		words := kindBytes[c.kind] / 8
		d[words-1] += 1 << 63
		for w := words - 1; w >= 0; w-- {
			dst = binary.BigEndian.AppendUint64(dst, d[w])
		}
	default:
		width := kindBytes[c.kind]
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], c.number(v, row)<<(64-8*width))
		dst = append(dst, n[:width]...)
	}
	return dst
}

// escapeZeros writes each 0x00 from a place on as 0x00 0xFF.
func escapeZeros(b []byte, from int) []byte {
	zeros := bytes.Count(b[from:], []byte{0})
	if zeros == 0 {
		return b
	}
	i := len(b)
	b = append(b, make([]byte, zeros)...)
	for to := len(b); to > i; {
		i--
		to--
		if b[i] == 0 {
			b[to] = 0xFF
			to--
		}
		b[to] = b[i]
	}
	return b
}

// split cuts a key into prefix and rest.
func split(key []byte) (p prefix, rest []byte) {
	var n [prefixBytes]byte
	copy(n[:], key)
	p = prefix{binary.BigEndian.Uint64(n[:8]), binary.BigEndian.Uint64(n[8:])}
	if len(key) > prefixBytes {
		rest = key[prefixBytes:]
	}
	return p, rest
}

// trim gives back what very long keys took.
func (e *keyEncoder) trim() {
	if cap(e.text) > sharedOverflowBytes {
		e.text = nil
	}
	if cap(e.weights) > sharedOverflowBytes {
		e.weights = nil
	}
}
