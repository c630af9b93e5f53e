package server

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// socketBufferBytes is the size of a socket's send buffer. The kernel's default grows to 4 MiB, all of which a client
// that does not read would fill.
const socketBufferBytes = 64 << 10

// recordBytes is the most plain text that one TLS record takes.
const recordBytes = 16 << 10

// wire is a client's socket, with or without TLS. Writes never block: push takes what the socket takes, waitWritable
// waits for more. Reading is for one goroutine, writing for one goroutine; close and the interrupts are for all.
type wire struct {
	conn net.Conn
	raw  syscall.RawConn
	tls  *tls.Conn // nil: none

	// handshaking: TLS writes through the connection as usual, under its deadline.
	handshaking atomic.Bool

	// TLS hands over whole records; what of them the socket does not take waits here, at most one record and an alert.
	mu      sync.Mutex // protects pending
	pending []byte

	in    []byte // received and not yet read, without TLS; nil when idle
	inBuf []byte // its whole buffer
}

// newWire sets the socket up. The connection must have a file descriptor.
func newWire(c net.Conn) (*wire, error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil, errors.New("server: the listener's connections are no sockets")
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	if t, ok := c.(*net.TCPConn); ok {
		// Failures only mean that the client has left; reading will tell.
		_ = t.SetWriteBuffer(socketBufferBytes)
		_ = t.SetNoDelay(true)
		_ = t.SetKeepAlive(true)
	}
	return &wire{conn: c, raw: raw}, nil
}

// startTLS runs the server's side of the TLS handshake, under the connection's deadline.
func (w *wire) startTLS(config *tls.Config) error {
	w.handshaking.Store(true)
	defer w.handshaking.Store(false)
	t := tls.Server(&tlsSocket{Conn: w.conn, w: w}, config)
	if err := t.Handshake(); err != nil {
		return err
	}
	w.tls = t
	return nil
}

// tlsSocket is what crypto/tls reads from and writes to.
type tlsSocket struct {
	net.Conn
	w *wire
}

// Read takes what was received with the request for TLS first.
func (s *tlsSocket) Read(p []byte) (int, error) { return s.w.readPlain(p) }

// Write never blocks once the handshake is done: a record is taken whole, so that a wait which ends early leaves the
// stream intact.
func (s *tlsSocket) Write(p []byte) (int, error) {
	if s.w.handshaking.Load() {
		return s.Conn.Write(p)
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	n := 0
	if len(s.w.pending) == 0 {
		var err error
		if n, err = s.w.writeNow(p); err != nil {
			return n, err
		}
	}
	s.w.pending = append(s.w.pending, p[n:]...)
	return len(p), nil
}

// Read implements protocol.Source.
func (w *wire) Read(p []byte) (int, error) {
	if w.tls != nil {
		return w.tls.Read(p)
	}
	return w.readPlain(p)
}

// SetReadDeadline implements protocol.Source.
func (w *wire) SetReadDeadline(t time.Time) error { return w.conn.SetReadDeadline(t) }

// readPlain reads through a buffer that is held only while there are bytes in it, not during the wait for them.
func (w *wire) readPlain(p []byte) (int, error) {
	if len(w.in) > 0 {
		n := copy(p, w.in)
		w.in = w.in[n:]
		return n, nil
	}
	if len(p) == 0 {
		return 0, nil
	}
	if w.tls != nil || w.handshaking.Load() || len(p) >= readBufferBytes {
		w.giveInput()
		return w.conn.Read(p)
	}
	var n int
	var failed error
	err := w.raw.Read(func(fd uintptr) bool {
		if w.inBuf == nil {
			w.inBuf = takeReadBuffer()
		}
		n, failed = ignoringEINTR(func() (int, error) { return unix.Read(int(fd), w.inBuf) })
		if errors.Is(failed, unix.EAGAIN) {
			w.giveInput()
			return false
		}
		return true
	})
	switch {
	case err != nil:
		return 0, err
	case failed != nil:
		return 0, os.NewSyscallError("read", failed)
	case n == 0:
		return 0, io.EOF
	}
	w.in = w.inBuf[:n]
	return w.readPlain(p)
}

// buffered says if bytes of a next command are here already.
func (w *wire) buffered() bool { return len(w.in) > 0 }

// giveInput gives the read buffer back if nothing is in it.
func (w *wire) giveInput() {
	if len(w.in) == 0 && w.inBuf != nil {
		giveReadBuffer(w.inBuf)
		w.inBuf, w.in = nil, nil
	}
}

// push sends what the socket takes now, without waiting. full says that it takes no more.
func (w *wire) push(b []byte) (n int, full bool, err error) {
	if w.tls == nil {
		n, err = w.writeNow(b)
		return n, n < len(b), err
	}
	for {
		if full, err = w.pushPending(); full || err != nil || n == len(b) {
			return n, full, err
		}
		m, err := w.tls.Write(b[n:min(len(b), n+recordBytes)])
		if n += m; err != nil {
			return n, false, err
		}
	}
}

func (w *wire) pushPending() (full bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.pending) == 0 {
		return false, nil
	}
	n, err := w.writeNow(w.pending)
	if n == len(w.pending) {
		w.pending = nil // an idle connection holds no buffer
		return false, err
	}
	w.pending = w.pending[:copy(w.pending, w.pending[n:])]
	return true, err
}

// writeNow writes until the socket is full; that is no error.
func (w *wire) writeNow(b []byte) (n int, err error) {
	var failed error
	err = w.raw.Write(func(fd uintptr) bool {
		for n < len(b) {
			var m int
			m, failed = ignoringEINTR(func() (int, error) { return unix.Write(int(fd), b[n:]) })
			if failed != nil {
				break
			}
			n += m
		}
		return true
	})
	if err != nil {
		return n, err
	}
	if failed != nil && !errors.Is(failed, unix.EAGAIN) {
		return n, os.NewSyscallError("write", failed)
	}
	return n, nil
}

// waitWritable waits until the socket takes more bytes. It touches nothing but the socket. Errors: the write deadline,
// a closed socket.
func (w *wire) waitWritable() error {
	asked := false
	return w.raw.Write(func(fd uintptr) bool {
		if asked {
			return true // the runtime has waited
		}
		asked = true
		// The runtime forgets earlier wake-ups when raw.Write begins: the socket may have become writable before.
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		n, err := unix.Poll(p, 0)
		return err == nil && n > 0
	})
}

// gone says if the client has closed its side or the connection is broken. It takes no bytes and does not wait.
func (w *wire) gone() bool {
	gone := false
	err := w.raw.Control(func(fd uintptr) {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN | pollHangup}}
		if n, err := unix.Poll(p, 0); err != nil || n == 0 {
			return
		}
		if p[0].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL|pollHangup) != 0 {
			gone = true
			return
		}
		var one [1]byte
		n, _, err := unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		gone = n == 0 && err == nil
	})
	return gone || err != nil
}

// interruptWrite ends a waitWritable.
func (w *wire) interruptWrite() { _ = w.conn.SetWriteDeadline(time.Unix(1, 0)) }

// close ends everything that waits on the socket. Repeatable.
func (w *wire) close() { _ = w.conn.Close() }

func ignoringEINTR(f func() (int, error)) (int, error) {
	for {
		n, err := f()
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}
