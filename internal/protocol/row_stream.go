package protocol

// streamRow sends a row without having it in one piece: small values by way of the net buffer, texts from where the
// batch has them. Its length must be known first, so the small values are encoded twice.
func (w *Writer) streamRow(e *RowEncoder, i int) error {
	total := w.rowBytes(e, i)
	if total > w.maxPayload() {
		return tooLarge()
	}
	s := rowStream{w: w, left: total}
	w.broken = true // until the whole row is sent
	if e.Binary {
		s.small(e.appendBitmap(s.scratch[:0], i))
	}
	for k := range e.cols {
		c := &e.cols[k]
		switch {
		case c.isNull(i):
			if !e.Binary {
				s.small(append(s.scratch[:0], nullText))
			}
		case c.kind == textPlain:
			text := c.text(i)
			s.small(AppendLenenc(s.scratch[:0], uint64(len(text))))
			s.large(text)
		default:
			s.small(c.appendValue(s.scratch[:0], c, i&c.mask))
		}
	}
	s.close()
	w.broken = s.err != nil
	return s.err
}

// rowBytes is the length of the payload.
func (w *Writer) rowBytes(e *RowEncoder, i int) int {
	var scratch [512]byte
	total := 0
	if e.Binary {
		total = len(e.appendBitmap(scratch[:0], i))
	}
	for k := range e.cols {
		c := &e.cols[k]
		switch {
		case c.isNull(i):
			if !e.Binary {
				total++
			}
		case c.kind == textPlain:
			n := c.v.Str[i&c.mask].Len()
			total += LenencSize(uint64(n)) + n
		default:
			total += len(c.appendValue(scratch[:0], c, i&c.mask))
		}
	}
	return total
}

// rowStream cuts a payload of known length into packets. After an error it does nothing.
type rowStream struct {
	w       *Writer
	left    int  // payload bytes that have not been written
	frame   int  // of them, those of the open packet
	open    bool // a packet has begun
	full    bool // the last packet was a full one
	err     error
	scratch [512]byte
}

// next makes sure that a packet is open, with room in it.
func (s *rowStream) next() {
	if s.open && s.frame > 0 {
		return
	}
	s.frame = min(s.left, maxFrame)
	s.full = s.frame == maxFrame
	s.open = true
	at := len(s.w.buf)
	if cap(s.w.buf)-at < packetHeader {
		s.err = s.w.Flush()
		at = 0
	}
	if s.err == nil {
		s.w.buf = append(s.w.buf, 0, 0, 0, 0)
		s.w.header(s.w.buf[at:], s.frame)
	}
}

// small copies b through the net buffer.
func (s *rowStream) small(b []byte) {
	for len(b) > 0 && s.err == nil {
		if s.next(); s.err != nil {
			return
		}
		if len(s.w.buf) == cap(s.w.buf) {
			if s.err = s.w.Flush(); s.err != nil {
				return
			}
		}
		n := min(len(b), s.frame, cap(s.w.buf)-len(s.w.buf))
		s.w.buf = append(s.w.buf, b[:n]...)
		b = b[n:]
		s.frame -= n
		s.left -= n
	}
}

// large sends b from where it is, if it does not fit in the net buffer.
func (s *rowStream) large(b []byte) {
	for len(b) > 0 && s.err == nil {
		if len(b) <= cap(s.w.buf)-len(s.w.buf) && len(b) <= s.frame {
			s.small(b)
			return
		}
		if s.next(); s.err != nil {
			return
		}
		n := min(len(b), s.frame)
		if s.err = s.w.send(b[:n]); s.err != nil {
			return
		}
		b = b[n:]
		s.frame -= n
		s.left -= n
	}
}

// close ends a payload that filled its last packet by an empty one.
func (s *rowStream) close() {
	if s.err == nil && s.full && s.frame == 0 {
		s.open = false
		s.next()
	}
	if s.err == nil {
		s.err = s.w.Flush()
	}
}
