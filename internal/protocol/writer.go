package protocol

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// Sink is the sending side of a connection. Send returns when all bytes are taken, or how many were with the reason why
// not more; b is not kept.
type Sink interface{ Send(b []byte) (int, error) }

// Buffers lend net buffers: Take returns one of some KiB, never nil; its length counts, not its capacity.
type Buffers interface {
	Take() []byte
	Give(b []byte)
}

// packetRoom is what must be free in the net buffer for a packet that is no row, so that it is seldom moved.
const packetRoom = 512

// Writer encodes packets into a net buffer, which it holds from the first packet to Release. Not for concurrent use.
type Writer struct {
	sink    Sink
	buffers Buffers
	seq     *uint8

	buf    []byte // capacity is the net buffer's
	whole  int    // so many bytes of buf are whole packets
	net    []byte // the net buffer; nil: none held
	broken bool

	// Account pays for rows that are larger than the net buffer; nil: they are streamed.
	Account *memory.Account
	// Stop is asked before a row larger than the net buffer is begun, which has to be sent whole; its error is that of
	// Rows. Nil: go on.
	Stop func() error
	// MaxPayload is max_allowed_packet. 0: the protocol's limit.
	MaxPayload int
	// Capabilities are those that both sides have.
	Capabilities Capability
}

// NewWriter returns a Writer; seq is the connection's sequence number.
func NewWriter(sink Sink, buffers Buffers, seq *uint8) *Writer {
	return &Writer{sink: sink, buffers: buffers, seq: seq}
}

// Broken says that a row was sent in part: nothing more can be sent.
func (w *Writer) Broken() bool { return w.broken }

// InRow says, while the Sink is called, that it is for a part of a row whose rest is with the caller of Rows alone.
func (w *Writer) InRow() bool { return w.broken }

// begin opens a packet in the buffer and returns the position of its header.
func (w *Writer) begin() (int, error) {
	if w.net == nil {
		w.net = w.buffers.Take()
		w.buf = w.net[:0]
	}
	if len(w.buf) > 0 && cap(w.buf)-len(w.buf) < packetRoom {
		if err := w.Flush(); err != nil {
			return 0, err
		}
	}
	at := len(w.buf)
	w.buf = append(w.buf, 0, 0, 0, 0)
	return at, nil
}

// end closes the packet that begins at that position. Packets of 16 MiB do not come here.
func (w *Writer) end(at int) {
	w.header(w.buf[at:], len(w.buf)-at-packetHeader)
	w.whole = len(w.buf)
}

// Abandon drops a packet that was begun and not finished: after a panic.
func (w *Writer) Abandon() { w.buf = w.buf[:w.whole] }

// header fills in the four bytes at the start of b.
func (w *Writer) header(b []byte, payload int) {
	b[0], b[1], b[2], b[3] = byte(payload), byte(payload>>8), byte(payload>>16), *w.seq
	*w.seq++
}

// WritePacket sends a payload that is ready, in several packets if need be.
func (w *Writer) WritePacket(payload []byte) error {
	for first := true; first || len(payload) > 0; first = false {
		frame := payload[:min(len(payload), maxFrame)]
		at, err := w.begin()
		if err != nil {
			return err
		}
		if w.header(w.buf[at:], len(frame)); len(frame) <= cap(w.buf)-len(w.buf) {
			w.buf = append(w.buf, frame...)
			w.whole = len(w.buf)
		} else if err := w.send(frame); err != nil {
			return err
		}
		if payload = payload[len(frame):]; len(frame) == maxFrame && len(payload) == 0 {
			return w.WritePacket(nil) // a full packet is followed by an empty one
		}
	}
	return nil
}

// send sends what is in the buffer and then b.
func (w *Writer) send(b []byte) error {
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := w.sink.Send(b)
	return err
}

// Flush sends what is in the buffer. After an error the buffer has what was not sent, so that another Flush goes on
// with it: a client gets whole packets although a statement is cancelled while it waits.
func (w *Writer) Flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	n, err := w.sink.Send(w.buf)
	if err != nil {
		w.buf = w.buf[:copy(w.buf, w.buf[n:])]
		w.whole = max(w.whole-n, 0)
		return err
	}
	w.reset()
	return nil
}

func (w *Writer) reset() {
	w.buf, w.whole = w.net[:0], 0 // a buffer that an oversized packet made grow is dropped
}

// Reserve makes room for n bytes, as far as the net buffer has it, so that the packets that follow need no flush.
func (w *Writer) Reserve(n int) error {
	if cap(w.buf)-len(w.buf) < min(n, cap(w.buf)) {
		return w.Flush()
	}
	return nil
}

// Release gives the net buffer back; what it holds is dropped.
func (w *Writer) Release() {
	if w.net != nil {
		w.buffers.Give(w.net)
		w.net, w.buf, w.whole = nil, nil, 0
	}
}

// maxPayload is the largest row.
func (w *Writer) maxPayload() int {
	if w.MaxPayload > 0 {
		return w.MaxPayload
	}
	return MaxPayload
}

func tooLarge() error { return sqlerr.New(sqlerr.ErrNetPacketTooLarge) }
