package protocol

import (
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/vector"
)

// copyMax is the largest row that is copied to a page before it is sent. Larger ones are streamed from their batch: a
// client that stops in the middle of them then costs nothing but its statement, which can be parked.
const copyMax = 1 << 20

// Rows sends the rows of a batch. The last ones may stay in the net buffer. When Send fails with nothing of a row lost,
// the connection can go on once the rest has been sent by Flush.
func (w *Writer) Rows(e *RowEncoder, b *vector.Batch) error {
	if w.net == nil {
		w.net = w.buffers.Take()
		w.buf = w.net[:0]
	}
	e.bind(b)
	defer e.unbind()
	if b.Sel != nil {
		for _, i := range b.Sel {
			if err := w.row(e, int(i)); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range b.Len {
		if err := w.row(e, i); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) row(e *RowEncoder, i int) error {
	bound := e.bound(i)
	if bound > cap(w.buf)-len(w.buf) {
		if err := w.Flush(); err != nil {
			return err
		}
		if bound > cap(w.buf) {
			return w.largeRow(e, i, bound)
		}
	}
	at := len(w.buf)
	w.buf = e.appendRow(append(w.buf, 0, 0, 0, 0), i)
	if n := len(w.buf) - at - packetHeader; n > w.maxPayload() {
		w.buf = w.buf[:at]
		return tooLarge()
	}
	w.end(at)
	return nil
}

// largeRow sends a row that does not fit in the net buffer, which is empty.
func (w *Writer) largeRow(e *RowEncoder, i, bound int) error {
	if w.Stop != nil {
		if err := w.Stop(); err != nil {
			return err
		}
	}
	plain := true
	for _, k := range e.texts {
		plain = plain && (e.cols[k].kind == textPlain || e.cols[k].isNull(i))
	}
	if w.Account == nil || plain && bound > copyMax {
		return w.streamRow(e, i)
	}
	page, err := w.Account.Alloc(bound, memory.Leased)
	if err != nil {
		if plain {
			return w.streamRow(e, i)
		}
		return &sqlerr.ServerMemoryError{Report: "no page for a row with texts that must be converted"}
	}
	defer w.Account.Free(page)
	row := e.appendRow(memory.Bytes(w.Account.Base(), page.Ref, page.Size())[:packetHeader], i)
	payload := row[packetHeader:]
	if len(payload) > w.maxPayload() {
		return tooLarge()
	}
	if len(payload) >= maxFrame {
		return w.writeLarge(payload)
	}
	w.header(row, len(payload))
	return w.sendRow(row)
}

// sendRow sends a part of a row that only the caller has: if it fails, the connection is lost.
func (w *Writer) sendRow(b []byte) error {
	w.broken = true // by a panic too
	_, err := w.sink.Send(b)
	w.broken = err != nil
	return err
}

func (w *Writer) writeLarge(payload []byte) error {
	w.broken = true
	err := w.WritePacket(payload)
	w.broken = err != nil
	return err
}
