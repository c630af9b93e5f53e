package vector

import (
	"encoding/binary"
	"unsafe"

	"github.com/spillwaydb/spillway/internal/memory"
)

// InlineBytes is the length up to which a string lies in its Str.
const InlineBytes = 12

// Str is a string in a vector: its length, then either up to 12 bytes inline, zero-padded, or the first 4 bytes and the
// pool reference of all of them. It holds no Go pointer, so it may lie in pages.
type Str struct {
	n   uint32
	pre [4]byte
	ref uint64 // bytes 4..12 inline, or memory.Ref
}

// Len returns the length in bytes.
func (s *Str) Len() int { return int(s.n) }

// IsInline says if the bytes lie in the Str itself.
func (s *Str) IsInline() bool { return s.n <= InlineBytes }

// Ref is where the bytes lie if not inline.
func (s *Str) Ref() memory.Ref { return memory.Ref(s.ref) }

// Bytes returns the string's bytes. Inline bytes are those of *s: they die with it.
func (s *Str) Bytes(b memory.Base) []byte {
	if s.n <= InlineBytes {
		return unsafe.Slice((*byte)(unsafe.Pointer(&s.pre)), int(s.n))
	}
	return memory.Bytes(b, memory.Ref(s.ref), int(s.n))
}

// MakeInline returns v, of at most InlineBytes bytes, as a Str.
func MakeInline(v []byte) Str {
	var s Str
	s.n = uint32(len(v))
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&s.pre)), InlineBytes), v)
	return s
}

// MakeStr returns a Str for v, which lies at ref.
func MakeStr(v []byte, ref memory.Ref) Str {
	if len(v) <= InlineBytes {
		return MakeInline(v)
	}
	s := Str{n: uint32(len(v)), ref: uint64(ref)}
	copy(s.pre[:], v)
	return s
}

// Prefix is the first four bytes as a big-endian number, zero-padded: it orders as the bytes do.
func (s *Str) Prefix() uint32 { return binary.BigEndian.Uint32(s.pre[:]) }
