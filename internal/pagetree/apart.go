package pagetree

import (
	"encoding/binary"

	"github.com/spillwaydb/spillway/internal/memory"
)

// Values that lie apart: up to a page in one block, longer ones in chunks of a page listed by an index block. The cell
// holds the number of the one or the other.

func chunksOf(length, page int) int { return (length + page - 1) / page }

// writeApart stores value and returns its first block, pinned: that of a value of one block, or the index block, with
// its bytes. On an error nothing stays.
func (t *Tree) writeApart(value parts) (memory.BlockID, []byte, error) {
	length := value.len()
	if length <= t.page {
		id, err := t.writeChunk(value, 0, length)
		return id, nil, err
	}
	n := chunksOf(length, t.page)
	size := indexSize(n)
	id, ref, err := t.acct.NewBlock(size, t.kind)
	if err != nil {
		return 0, nil, err
	}
	t.pageBytes += int64(size)
	index := memory.Bytes(t.acct.Base(), ref, size)
	for i := range n {
		chunk, err := t.writeChunk(value, i*t.page, min((i+1)*t.page, length))
		if err != nil {
			t.freeChunks(index, i, length)
			t.freeNode(id, size)
			return 0, nil, err
		}
		t.acct.Unpin(chunk, memory.ReuseLate)
		binary.LittleEndian.PutUint32(index[i*idBytes:], uint32(chunk))
	}
	return id, index, nil
}

func indexSize(chunks int) int { return max(powerOfTwo(chunks*idBytes), memory.MinPageBytes) }

func chunkSize(length int) int { return max(powerOfTwo(length), memory.MinPageBytes) }

// writeChunk stores the bytes from start up to end in a block, which stays pinned.
func (t *Tree) writeChunk(value parts, start, end int) (memory.BlockID, error) {
	size := chunkSize(end - start)
	id, ref, err := t.acct.NewBlock(size, t.kind)
	if err != nil {
		return 0, err
	}
	t.pageBytes += int64(size)
	value.copyAt(memory.Bytes(t.acct.Base(), ref, end-start), start)
	return id, nil
}

// freeChunks frees the first n chunks of a value.
func (t *Tree) freeChunks(index []byte, n, length int) {
	for i := range n {
		size := chunkSize(min(t.page, length-i*t.page))
		t.freeNode(memory.BlockID(binary.LittleEndian.Uint32(index[i*idBytes:])), size)
	}
}

// freePinned frees a value whose first block is pinned; index is nil if that is the only one.
func (t *Tree) freePinned(id memory.BlockID, index []byte, length int) {
	if index == nil {
		t.freeNode(id, chunkSize(length))
		return
	}
	n := chunksOf(length, t.page)
	t.freeChunks(index, n, length)
	t.freeNode(id, indexSize(n))
}

// freeApart frees a value's blocks. On an error, of pinning its index block, nothing has changed.
func (t *Tree) freeApart(word uint32, payload []byte) error {
	id, length := memory.BlockID(binary.LittleEndian.Uint32(payload)), int(word&^apartBit)
	if length <= t.page {
		t.freePinned(id, nil, length)
		return nil
	}
	ref, err := t.acct.Pin(id, t.kind)
	if err != nil {
		return err
	}
	t.freePinned(id, memory.Bytes(t.acct.Base(), ref, indexSize(chunksOf(length, t.page))), length)
	return nil
}

// appendValue appends the value of a leaf's cell to dst. On an error dst is returned as it was.
func (t *Tree) appendValue(dst []byte, word uint32, payload []byte) ([]byte, error) {
	if word&apartBit == 0 {
		return append(dst, payload...), nil
	}
	length := int(word &^ apartBit)
	start := len(dst)
	dst = append(dst, make([]byte, length)...)
	if err := t.readApart(dst[start:], payload, length, 0); err != nil {
		return dst[:start], err
	}
	return dst, nil
}

// readApart fills dst with the bytes from offset on of a value of that length.
func (t *Tree) readApart(dst, payload []byte, length, offset int) error {
	id := memory.BlockID(binary.LittleEndian.Uint32(payload))
	if length <= t.page {
		return t.readChunk(dst, id, offset)
	}
	ref, err := t.acct.Pin(id, t.kind)
	if err != nil {
		return err
	}
	defer t.acct.Unpin(id, memory.ReuseUnknown)
	index := memory.Bytes(t.acct.Base(), ref, chunksOf(length, t.page)*idBytes)
	for len(dst) > 0 {
		i, from := offset/t.page, offset%t.page
		n := min(len(dst), t.page-from)
		chunk := memory.BlockID(binary.LittleEndian.Uint32(index[i*idBytes:]))
		if err := t.readChunk(dst[:n], chunk, from); err != nil {
			return err
		}
		dst = dst[n:]
		offset += n
	}
	return nil
}

func (t *Tree) readChunk(dst []byte, id memory.BlockID, from int) error {
	ref, err := t.acct.Pin(id, t.kind)
	if err != nil {
		return err
	}
	copy(dst, memory.Bytes(t.acct.Base(), ref, from+len(dst))[from:])
	t.acct.Unpin(id, memory.ReuseUnknown)
	return nil
}
