package protocol

import (
	"errors"
	"io"
	"time"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// MaxPayload is the largest payload the protocol knows: max_allowed_packet ends here.
const MaxPayload = 1 << 30

// Source is the receiving side of a connection.
type Source interface {
	io.Reader
	SetReadDeadline(time.Time) error
}

// Room is where a packet's bytes may lie.
type Room interface {
	// Small returns n bytes, or nil for packets that must go through Append. What it returned before is gone.
	Small(n int) []byte
	// Chunk is a buffer through which the bytes of large packets pass; at least 512 bytes.
	Chunk() []byte
	// Append keeps a copy of p behind what it keeps already. total is how many bytes are still announced, p included.
	// Errors: refusals of memory.
	Append(p []byte, total int) error
	// Bytes returns what was appended, in one piece, until Discard.
	Bytes() ([]byte, error)
	// Discard forgets what was appended.
	Discard()
}

// RefusedError says that a packet was read to its end but not kept, so the connection can go on.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return e.Err.Error() }

// Unwrap returns the reason: sqlerr's 1153, or a refusal of memory.
func (e *RefusedError) Unwrap() error { return e.Err }

// Reader reads packets. Not for concurrent use.
type Reader struct {
	src  Source
	seq  *uint8
	head [packetHeader]byte
	got  int // bytes of head that are here

	// Timeout is net_read_timeout: the longest wait within a packet. 0: none is set.
	Timeout time.Duration
}

// NewReader returns a Reader; seq is the connection's sequence number.
func NewReader(src Source, seq *uint8) *Reader { return &Reader{src: src, seq: seq} }

// Next reads the header of a packet: the wait for a client's next command, under the deadline that the caller has set.
// After a deadline it may be called again.
func (r *Reader) Next() (payloadBytes int, err error) {
	for r.got < packetHeader {
		n, err := r.src.Read(r.head[r.got:])
		if r.got += n; err != nil && r.got < packetHeader {
			if r.got > 0 {
				err = unexpected(err)
			}
			return 0, err
		}
	}
	r.got = 0
	if r.head[3] != *r.seq {
		return 0, sqlerr.New(sqlerr.ErrNetPacketsOutOfOrder)
	}
	*r.seq++
	return int(r.head[0]) | int(r.head[1])<<8 | int(r.head[2])<<16, nil
}

// Read reads the payload whose header Next has read, with the packets that continue it. Payloads of more than maxBytes
// are refused. The result lives until the next use of the room. An error that is no RefusedError ends the connection.
func (r *Reader) Read(payloadBytes, maxBytes int, room Room) ([]byte, error) {
	if err := r.extend(); err != nil {
		return nil, err
	}
	if payloadBytes < maxFrame && payloadBytes <= maxBytes {
		if b := room.Small(payloadBytes); b != nil {
			_, err := io.ReadFull(r.src, b)
			return b, err
		}
	}
	return r.large(payloadBytes, maxBytes, room)
}

// extend gives the client the time of one wait from now on.
func (r *Reader) extend() error {
	if r.Timeout <= 0 {
		return nil
	}
	return r.src.SetReadDeadline(time.Now().Add(r.Timeout))
}

// large goes through the room's chunk, so that a client which announces much and sends little holds little.
func (r *Reader) large(payloadBytes, maxBytes int, room Room) ([]byte, error) {
	room.Discard()
	chunk := room.Chunk()
	var refused error
	total := 0
	for frame := payloadBytes; ; {
		total += frame
		if total > MaxPayload {
			room.Discard()
			return nil, sqlerr.New(sqlerr.ErrNetPacketTooLarge)
		}
		if total > maxBytes && refused == nil {
			room.Discard()
			refused = sqlerr.New(sqlerr.ErrNetPacketTooLarge)
		}
		for left := frame; left > 0; {
			n, err := r.src.Read(chunk[:min(left, len(chunk))])
			if n > 0 && refused == nil {
				if refused = room.Append(chunk[:n], left); refused != nil {
					room.Discard()
				}
			}
			if left -= n; err == nil {
				err = r.extend() // not before Append, which may wait for memory
			}
			if err != nil && left > 0 {
				room.Discard()
				return nil, unexpected(err)
			}
		}
		if frame < maxFrame {
			break
		}
		var err error
		if frame, err = r.Next(); err != nil {
			room.Discard()
			return nil, unexpected(err)
		}
	}
	if refused != nil {
		return nil, &RefusedError{refused}
	}
	b, err := room.Bytes()
	if err != nil {
		room.Discard()
		return nil, &RefusedError{err}
	}
	return b, nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// FixedRoom is a room for packets of at most len(B) bytes.
type FixedRoom struct{ B []byte }

// Small returns the first n bytes of B, nil if there are fewer.
func (f FixedRoom) Small(n int) []byte {
	if n > len(f.B) {
		return nil
	}
	return f.B[:n:n]
}

// Chunk is B.
func (f FixedRoom) Chunk() []byte { return f.B }

// Append refuses.
func (f FixedRoom) Append([]byte, int) error { return sqlerr.New(sqlerr.ErrNetPacketTooLarge) }

// Bytes has nothing.
func (f FixedRoom) Bytes() ([]byte, error) { return f.B[:0], nil }

// Discard does nothing.
func (f FixedRoom) Discard() {}

var _ Room = FixedRoom{}
