package dml

import (
	"errors"
	"io"
)

// byteReader reads a file through a buffer that the caller owns, with as much looking ahead as terminators need.
type byteReader struct {
	src  io.Reader
	buf  []byte
	r, w int
	err  error // of src, io.EOF included; given once the buffer is empty
}

// need has at least n bytes in the buffer, unless the file ends before.
func (b *byteReader) need(n int) {
	for b.w-b.r < n && b.err == nil {
		if b.r > 0 && b.w == len(b.buf) {
			b.w = copy(b.buf, b.buf[b.r:b.w])
			b.r = 0
		}
		if b.w == len(b.buf) {
			return // n is longer than the buffer: limited by the caller
		}
		var k int
		k, b.err = b.src.Read(b.buf[b.w:])
		b.w += k
		if k == 0 && b.err == nil {
			b.err = io.ErrNoProgress
		}
	}
}

// next takes a byte; false at the end.
func (b *byteReader) next() (byte, bool) {
	if b.r == b.w {
		if b.need(1); b.r == b.w {
			return 0, false
		}
	}
	b.r++
	return b.buf[b.r-1], true
}

// peek looks at the next byte.
func (b *byteReader) peek() (byte, bool) {
	if b.r == b.w {
		if b.need(1); b.r == b.w {
			return 0, false
		}
	}
	return b.buf[b.r], true
}

// accept takes term, if it comes next. An empty one never does.
func (b *byteReader) accept(term string) bool {
	if term == "" {
		return false
	}
	b.need(len(term))
	if b.w-b.r < len(term) || string(b.buf[b.r:b.r+len(term)]) != term {
		return false
	}
	b.r += len(term)
	return true
}

// failure is why the file could not be read; nil for its end.
func (b *byteReader) failure() error {
	if b.err == nil || errors.Is(b.err, io.EOF) {
		return nil
	}
	return b.err
}
