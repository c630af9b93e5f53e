package rows

import (
	"unsafe"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/vector"
)

// str is vector.Str as it lies in rows: the same 16 bytes, but that ref, of strings longer than vector.InlineBytes, is
// the distance from the row to the bytes, or an overflow reference.
type str struct {
	n   uint32
	pre [4]byte
	ref uint64
}

// Both have the same layout.
const _ = -uint(unsafe.Sizeof(str{}) ^ unsafe.Sizeof(vector.Str{}))

// An overflow reference has the highest bit, then 32 bits of block, then the offset in it.
const (
	overflowFlag   = 1 << 63
	overflowShift  = 27
	overflowOffset = 1<<overflowShift - 1
)

// Offsets fit: a block is at most 128 MiB long.
const _ = uint(overflowOffset + 1 - memory.MaxPageBytes)

func overflowRef(id memory.BlockID, offset int) uint64 {
	return overflowFlag | uint64(id)<<overflowShift | uint64(offset)
}

func (s *str) overflows() bool { return s.n > vector.InlineBytes && s.ref&overflowFlag != 0 }

func (s *str) block() memory.BlockID { return memory.BlockID(s.ref &^ overflowFlag >> overflowShift) }

func (s *str) offset() memory.Ref { return memory.Ref(s.ref & overflowOffset) }

// strAt is the reference of a string column in a row.
func strAt(b memory.Base, row memory.Ref, off uintptr) *str {
	return (*str)(b.At(row + memory.Ref(off)))
}

// bytes returns a string that lies in its row or on its page.
func (s *str) bytes(b memory.Base, row memory.Ref) []byte {
	if s.n <= vector.InlineBytes {
		return unsafe.Slice((*byte)(unsafe.Pointer(&s.pre)), int(s.n))
	}
	return memory.Bytes(b, row+memory.Ref(s.ref), int(s.n))
}

// asVector views a string of a row, whose reference is absolute, as one of a vector.
func (s *str) asVector() *vector.Str { return (*vector.Str)(unsafe.Pointer(s)) }

// asStr views a string of a vector as one of a row.
func asStr(s *vector.Str) *str { return (*str)(unsafe.Pointer(s)) }
