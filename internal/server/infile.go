package server

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// infile is a file that the client sends: packets up to an empty one. Close reads what is left of it, as nothing can be
// written before.
type infile struct {
	c    *conn
	ctx  context.Context
	left int   // bytes of the packet
	full bool  // the packet goes on in the next one
	err  error // io.EOF: the empty packet has come
}

// fullPacket is the length of a packet that another one continues.
const fullPacket = 1<<24 - 1

// Read implements io.Reader. It ends early when ctx does; Close must follow.
func (f *infile) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	if err := f.ctx.Err(); err != nil {
		return 0, context.Cause(f.ctx)
	}
	interrupted := make(chan struct{})
	stop := context.AfterFunc(f.ctx, func() {
		_ = f.c.wire.SetReadDeadline(time.Unix(1, 0))
		close(interrupted)
	})
	n, err := f.read(p)
	if !stop() {
		<-interrupted
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return n, context.Cause(f.ctx)
		}
	}
	if err != nil {
		f.err = err
	}
	return n, err
}

// read reads from the present packet, or begins the next one. A wait that is interrupted loses nothing: Next goes on
// with the part of a header that it has.
func (f *infile) read(p []byte) (int, error) {
	if err := f.c.wire.SetReadDeadline(time.Now().Add(f.c.readTimeout())); err != nil {
		return 0, err
	}
	for f.left == 0 {
		n, err := f.c.in.Next()
		if err != nil {
			return 0, noEOF(err)
		}
		f.left = n
		if n == 0 && !f.full {
			return 0, io.EOF
		}
		f.full = n == fullPacket
	}
	n, err := f.c.wire.Read(p[:min(len(p), f.left)])
	f.left -= n
	return n, noEOF(err)
}

// noEOF is the error of a client that is gone. It must not wrap io.EOF, which readers take for the end of the file: the
// rows so far would stay.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return sqlerr.New(sqlerr.ErrNetRead)
	}
	return err
}

// Close reads the rest. Repeatable.
func (f *infile) Close() error {
	var scratch [512]byte
	for f.err == nil {
		_, f.err = f.read(scratch[:])
	}
	if errors.Is(f.err, io.EOF) {
		return nil
	}
	f.c.send.dead = f.err // the stream of packets is lost
	return f.err
}
