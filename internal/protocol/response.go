package protocol

import (
	"encoding/binary"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// Result is what OK and EOF packets say.
type Result struct {
	AffectedRows uint64
	LastInsertID uint64
	Status       uint16
	Warnings     uint16
	Info         string
}

// OK writes the packet that ends a command without rows.
func (w *Writer) OK(r Result) error { return w.ok(headerOK, r) }

func (w *Writer) ok(header byte, r Result) error {
	at, err := w.begin()
	if err != nil {
		return err
	}
	w.buf = append(w.buf, header)
	w.buf = AppendLenenc(w.buf, r.AffectedRows)
	w.buf = AppendLenenc(w.buf, r.LastInsertID)
	w.buf = binary.LittleEndian.AppendUint16(w.buf, r.Status)
	w.buf = binary.LittleEndian.AppendUint16(w.buf, r.Warnings)
	if r.Info != "" {
		// With its length whatever the capabilities: the manual says otherwise, but MySQL sends it so.
		w.buf = AppendLenenc(w.buf, uint64(len(r.Info)))
		w.buf = append(w.buf, r.Info...)
	}
	w.end(at)
	return nil
}

// EndOfRows ends rows: an EOF packet, or an OK packet with its header for clients with DeprecateEOF.
func (w *Writer) EndOfRows(r Result) error {
	if w.Capabilities&DeprecateEOF != 0 {
		return w.ok(headerEOF, r)
	}
	return w.EOF(r.Status, r.Warnings)
}

// EndOfColumns follows column definitions, unless the client has DeprecateEOF.
func (w *Writer) EndOfColumns(status, warnings uint16) error {
	if w.Capabilities&DeprecateEOF != 0 {
		return nil
	}
	return w.EOF(status, warnings)
}

// EOF writes the old EOF packet.
func (w *Writer) EOF(status, warnings uint16) error {
	at, err := w.begin()
	if err != nil {
		return err
	}
	w.buf = append(w.buf, headerEOF)
	w.buf = binary.LittleEndian.AppendUint16(w.buf, warnings)
	w.buf = binary.LittleEndian.AppendUint16(w.buf, status)
	w.end(at)
	return nil
}

// maxErrorText is MYSQL_ERRMSG_SIZE: clients cut longer messages, or worse.
const maxErrorText = 511

// Err writes an ERR packet.
func (w *Writer) Err(e *sqlerr.Error) error {
	at, err := w.begin()
	if err != nil {
		return err
	}
	text := e.Message
	if len(text) > maxErrorText {
		text = cutText(text, maxErrorText)
	}
	w.buf = append(w.buf, headerErr, byte(e.Code), byte(e.Code>>8), '#')
	w.buf = append(w.buf, state(e.State)...)
	w.buf = append(w.buf, text...)
	w.end(at)
	return nil
}

func state(s string) string {
	if len(s) != 5 {
		return "HY000"
	}
	return s
}

// cutText keeps at most n bytes and no half characters.
func cutText(s string, n int) string {
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

// LocalInfile asks the client for a file.
func (w *Writer) LocalInfile(name string) error {
	at, err := w.begin()
	if err != nil {
		return err
	}
	w.buf = append(append(w.buf, headerLocalInfile), name...)
	w.end(at)
	return nil
}

// Text writes a packet of bytes as they are: the answer to STATISTICS.
func (w *Writer) Text(s string) error { return w.WritePacket([]byte(s)) }

// Prepared answers STMT_PREPARE; definitions of parameters and of columns follow.
func (w *Writer) Prepared(id uint32, columns, params int, warnings uint16) error {
	at, err := w.begin()
	if err != nil {
		return err
	}
	w.buf = append(w.buf, headerOK)
	w.buf = binary.LittleEndian.AppendUint32(w.buf, id)
	w.buf = binary.LittleEndian.AppendUint16(w.buf, uint16(columns))
	w.buf = binary.LittleEndian.AppendUint16(w.buf, uint16(params))
	w.buf = append(w.buf, 0)
	w.buf = binary.LittleEndian.AppendUint16(w.buf, warnings)
	w.end(at)
	return nil
}
