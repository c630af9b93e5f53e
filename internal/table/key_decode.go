package table

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
)

// corrupt is the error for bytes that no encoder of this package wrote.
func corrupt(what string, key []byte) error {
	return sqlerr.Newf(sqlerr.ErrCrashedOnUsage, "Table is marked as crashed and should be repaired: %s at key %x",
		what, key[:min(len(key), 32)])
}

// skip returns the end of the part that begins at off, where its value begins, and if it is NULL.
func (p *part) skip(key []byte, off int) (start, end int, null, ok bool) {
	if p.nullable {
		if off >= len(key) {
			return 0, 0, false, false
		}
		mark := key[off]
		if p.desc {
			mark = ^mark
		}
		off++
		switch mark {
		case markNull:
			return off, off, true, true
		case markValue:
		default:
			return 0, 0, false, false
		}
	}
	if w := p.store.width; w > 0 {
		return off, off + w, false, off+w <= len(key)
	}
	end, ok = stringEnd(key, off, p.desc)
	return off, end, false, ok
}

// stringEnd finds the end of an escaped string, terminator included.
func stringEnd(key []byte, off int, desc bool) (int, bool) {
	esc, nul, term := byte(escape), byte(escapedNul), byte(terminator)
	if desc {
		esc, nul, term = ^esc, ^nul, ^term
	}
	for {
		i := bytes.IndexByte(key[off:], esc)
		if i < 0 || off+i+1 >= len(key) {
			return 0, false
		}
		off += i + 2
		switch key[off-1] {
		case term:
			return off, true
		case nul:
		default:
			return 0, false
		}
	}
}

// plain says if the encoded string, with terminator, is the string itself.
func plain(enc []byte, desc bool) bool {
	return !desc && bytes.IndexByte(enc[:len(enc)-2], escape) < 0
}

// appendUnescaped appends the string that enc, with terminator, encodes.
func appendUnescaped(dst, enc []byte, desc bool) []byte {
	enc = enc[:len(enc)-2]
	flip := byte(0)
	if desc {
		flip = 0xFF
	}
	for i := 0; i < len(enc); i++ {
		c := enc[i] ^ flip
		dst = append(dst, c)
		if c == escape {
			i++
		}
	}
	return dst
}

// keyUint reads a big-endian number of 1 to 8 bytes.
func keyUint(b []byte, desc bool) uint64 {
	var v uint64
	switch len(b) {
	case 8:
		v = binary.BigEndian.Uint64(b)
	case 4:
		v = uint64(binary.BigEndian.Uint32(b))
	default:
		for _, c := range b {
			v = v<<8 | uint64(c)
		}
	}
	if desc {
		v = ^v & (math.MaxUint64 >> (64 - 8*uint(len(b))))
	}
	return v
}

func keyInt(b []byte, desc bool) int64 {
	w := len(b)
	return signExtend(keyUint(b, desc)^1<<(8*uint(w)-1), w)
}

func keyFloat(b []byte, desc bool) float64 {
	v := keyUint(b, desc)
	if len(b) == 4 {
		return float64(math.Float32frombits(uint32(restoreFloat(v, 32))))
	}
	return math.Float64frombits(restoreFloat(v, 64))
}

func keyDec(b []byte, desc bool) types.Dec {
	var le [32]byte
	n := len(b)
	for i, c := range b {
		if desc {
			c = ^c
		}
		if i == 0 {
			c ^= 0x80
		}
		le[n-1-i] = c
	}
	return getDec(le[:n])
}

// datum decodes the value that begins at start and ends at end; strings alias the key or, if they must be changed, are
// put to buf, which is returned.
func (p *part) datum(key []byte, start, end int, d *types.Datum, buf []byte) []byte {
	b := key[start:end]
	d.Kind = p.store.phys
	switch p.store.phys {
	case types.PhysInt64:
		d.I = keyInt(b, p.desc) << p.store.shift
	case types.PhysUint64:
		d.U = keyUint(b, p.desc)
	case types.PhysFloat64:
		d.F = keyFloat(b, p.desc)
	case types.PhysDecimal:
		d.D = keyDec(b, p.desc)
	case types.PhysString:
		if plain(b, p.desc) {
			d.S = b[:len(b)-2]
			break
		}
		at := len(buf)
		buf = appendUnescaped(buf, b, p.desc)
		d.S = buf[at:]
	}
	return buf
}
