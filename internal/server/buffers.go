package server

import (
	"sync"

	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/protocol"
)

const (
	// readBufferBytes is the buffer in which commands arrive; a connection has one only while bytes are in it.
	readBufferBytes = 4 << 10
	// smallNetBuffer is used when the heap ledger refuses a net buffer: an answer must always be possible. It is part
	// of what a connection is charged.
	smallNetBuffer = 2 << 10
	// smallPacketBytes is the largest packet that lies on the heap; larger ones go to a block of the session's account.
	smallPacketBytes = 16 << 10
)

// The pools keep pointers, as a slice in an interface would be an allocation of its own.
var (
	readBuffers   = sync.Pool{New: func() any { return new([readBufferBytes]byte) }}
	packetBuffers = sync.Pool{New: func() any { return new([smallPacketBytes]byte) }}
)

func takeReadBuffer() []byte { return readBuffers.Get().(*[readBufferBytes]byte)[:] }

func giveReadBuffer(b []byte) { readBuffers.Put((*[readBufferBytes]byte)(b[:readBufferBytes])) }

// netBuffers lends a connection its net buffer, charged on the heap ledger. The usual size is pooled.
type netBuffers struct {
	heap *memory.HeapLedger // nil: not charged
	acct func() *memory.Account
	size func() int

	charged int64
}

// Take implements protocol.Buffers.
func (n *netBuffers) Take() []byte {
	size := n.size()
	if a := n.acct(); a != nil && n.heap != nil && size > smallNetBuffer {
		if n.heap.Reserve(a, int64(size)) != nil {
			size = smallNetBuffer
		} else {
			n.charged = int64(size)
		}
	}
	if size == smallPacketBytes {
		return packetBuffers.Get().(*[smallPacketBytes]byte)[:]
	}
	return make([]byte, size)
}

// Give implements protocol.Buffers.
func (n *netBuffers) Give(b []byte) {
	if n.charged > 0 {
		n.heap.Release(n.acct(), n.charged)
		n.charged = 0
	}
	if len(b) == smallPacketBytes {
		packetBuffers.Put((*[smallPacketBytes]byte)(b))
	}
}

var _ protocol.Buffers = (*netBuffers)(nil)

// packetRoom is where the packets of a session lie: tiny ones in the connection, small ones in a pooled buffer, large
// ones in a spool. Reset gives all of it back.
type packetRoom struct {
	tiny  [512]byte
	small *[smallPacketBytes]byte
	spool protocol.Spool
}

func (r *packetRoom) buffer() []byte {
	if r.small == nil {
		r.small = packetBuffers.Get().(*[smallPacketBytes]byte)
	}
	return r.small[:]
}

// Small implements protocol.Room.
func (r *packetRoom) Small(n int) []byte {
	switch {
	case n <= len(r.tiny):
		return r.tiny[:n:n]
	case n <= smallPacketBytes:
		return r.buffer()[:n:n]
	}
	return nil
}

// Chunk implements protocol.Room.
func (r *packetRoom) Chunk() []byte { return r.buffer() }

// Append implements protocol.Room.
func (r *packetRoom) Append(p []byte, total int) error { return r.spool.Append(p, total) }

// Bytes implements protocol.Room.
func (r *packetRoom) Bytes() ([]byte, error) { return r.spool.Pin() }

// Discard implements protocol.Room.
func (r *packetRoom) Discard() { r.spool.Free() }

// Reset gives the buffers back; what Read returned is gone.
func (r *packetRoom) Reset() {
	r.spool.Free()
	if r.small != nil {
		packetBuffers.Put(r.small)
		r.small = nil
	}
}

var _ protocol.Room = (*packetRoom)(nil)
