package local

import (
	"bytes"
	"encoding/binary"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// Large values. The engine takes a value in one piece, several times over on the Go heap, and keeps it in one block of
// its cache. So a value of more than largeBytes lies in chunks, under keys of the store's own behind all others:
//
//	key                         plain value, or pointer
//	0xFF owner index            chunk: a piece of the value of the key owner
//
// Pointer and chunks are written by the same batch or the same ingestion, so one is never there without the other, and
// every snapshot has those that belong together. What is written over is found in the chunks' space itself, by a merge
// of the keys that a commit writes with one iterator: owners are in the order of keys.
//
// The owner is escaped (0x00 is 0x00 0xFF, the end 0x00 0x01), so that no owner's chunks lie between another's; the
// index has four bytes, big-endian. The first chunk begins with a header: how many chunks there are (4 bytes), and the
// length of the value (8 bytes).
//
// The first byte of a stored value tells its form, in the store and in write sets:
//
//	0xFF   pointer: length of the value (8 bytes). In a write set: reference to a value of its largeSet
//	0xFE   the rest is the value, which begins with 0xFE or 0xFF
//	other  the value itself
const (
	// ownSpace begins the keys of the store's own.
	ownSpace = 0xFF

	tagLarge   = 0xFF
	tagEscaped = 0xFE

	// largeBytes is up to where a value stays whole. A run's writer has up to three copies of a value on the heap:
	// within what is charged for it. Reading a chunked value takes a second seek, which is little beside 64 KiB.
	largeBytes = 64 << 10
	// chunkBytes: a chunk fills a block of the engine, so all blocks in the cache, and in malloc's arena, are of about
	// one size, and a seek among chunks costs what other seeks cost. It also fills a block of a write set.
	chunkBytes = blockBytes - 256

	pointerBytes     = 1 + 8
	chunkIndexBytes  = 4
	chunkHeaderBytes = 4 + 8
)

// outerEnd is the end of the keys of others.
var outerEnd = []byte{ownSpace}

// bounded is a span without the store's own keys.
func bounded(s kv.Span) kv.Span {
	if len(s.End) == 0 || bytes.Compare(s.End, outerEnd) > 0 {
		s.End = outerEnd
	}
	return s
}

// checkKey refuses keys in the store's own space.
func checkKey(key []byte) error {
	if len(key) > 0 && key[0] == ownSpace {
		return sqlerr.AssertionError("kv/local: a key begins with 0xFF")
	}
	return nil
}

// appendOwner appends what the keys of an owner's chunks have in common.
func appendOwner(dst, owner []byte) []byte {
	dst = appendEscaped(append(dst, ownSpace), owner)
	return append(dst, 0x00, 0x01)
}

func appendEscaped(dst, owner []byte) []byte {
	for {
		i := bytes.IndexByte(owner, 0)
		if i < 0 {
			return append(dst, owner...)
		}
		dst = append(append(dst, owner[:i]...), 0x00, 0xFF)
		owner = owner[i+1:]
	}
}

// ownerBytes is the longest that appendOwner makes of a key of n bytes.
func ownerBytes(n int) int { return 1 + 2*n + 2 }

// appendChunk appends the key of a chunk.
func appendChunk(dst, owner []byte, index int) []byte {
	return binary.BigEndian.AppendUint32(appendOwner(dst, owner), uint32(index))
}

// chunkSpan is where the chunks of a span's keys lie. The start of a span, which need not be a whole key, is before the
// chunks of all owners that begin with it.
func chunkSpan(s kv.Span) kv.Span {
	return kv.Span{
		Start: appendEscaped([]byte{ownSpace}, s.Start),
		End:   appendEscaped([]byte{ownSpace}, s.End),
	}
}

// ownerSpan is where the chunks of one key lie, from an index on.
func ownerSpan(owner []byte, from int) kv.Span {
	end := appendOwner(nil, owner)
	end[len(end)-1]++
	return kv.Span{Start: appendChunk(nil, owner, from), End: end}
}

// A form is what a stored value is.
type form struct {
	large  bool
	skip   int   // bytes before a plain value
	length int64 // of the value
}

func badForm() error { return sqlerr.AssertionError("kv/local: bad pointer to a large value") }

// formOf reads the first bytes of a stored value of n bytes: a pointer whole, and of others one byte.
func formOf(head []byte, n int) (form, error) {
	switch {
	case n == 0 || head[0] < tagEscaped:
		return form{length: int64(n)}, nil
	case head[0] == tagEscaped:
		return form{skip: 1, length: int64(n - 1)}, nil
	case len(head) < pointerBytes:
		return form{}, badForm()
	}
	length := binary.BigEndian.Uint64(head[1:])
	if length > 1<<40 {
		return form{}, badForm()
	}
	return form{large: true, length: int64(length)}, nil
}

func appendPointer(dst []byte, length int64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, tagLarge), uint64(length))
}

// escape returns a plain value as it is stored; scratch is room for it.
func escape(scratch, value []byte) (stored, room []byte) {
	if len(value) == 0 || value[0] < tagEscaped {
		return value, scratch
	}
	scratch = append(append(scratch[:0], tagEscaped), value...)
	return scratch, scratch
}

// chunkHeader is the first chunk's.
type chunkHeader struct {
	chunks int
	length int64
}

func (h chunkHeader) put(dst []byte) {
	binary.BigEndian.PutUint32(dst, uint32(h.chunks))
	binary.BigEndian.PutUint64(dst[4:], uint64(h.length))
}

func parseChunkHeader(b []byte) (chunkHeader, error) {
	if len(b) < chunkHeaderBytes {
		return chunkHeader{}, errChunks()
	}
	return chunkHeader{int(binary.BigEndian.Uint32(b)), int64(binary.BigEndian.Uint64(b[4:]))}, nil
}

func errChunks() error {
	return sqlerr.AssertionError("kv/local: the chunks of a large value are not as its pointer says")
}

// chunksOf is in how many chunks of size bytes a value lies.
func chunksOf(length, size int64) int { return int((length + size - 1) / size) }
