package session

import (
	"context"
	"io"

	"github.com/spillwaydb/spillway/internal/memory"
)

// clientFileBytes is the buffer of a file that a client sends; it is charged while the file is read.
const clientFileBytes = 16 << 10

// waitFile is the wait for the next bytes of a client's file: PROCESSLIST's state.
const waitFile memory.WaitReason = "Reading from net"

// clientFile is a file that comes from the client. While nothing comes, the statement waits, so that it may be parked:
// its pages may be gone then, so the bytes come by way of a buffer on the heap.
type clientFile struct {
	ctx     context.Context
	in      io.ReadCloser
	stmt    *memory.Statement
	budget  *ledger
	buf     []byte
	at, end int
	err     error // behind the bytes of buf
}

// newClientFile takes in over.
func (s *Session) newClientFile(ctx context.Context, in io.ReadCloser) io.ReadCloser {
	f := &clientFile{ctx: ctx, in: in, stmt: s.txn.current, budget: s.newLedger()}
	if f.stmt == nil || f.budget.Reserve(clientFileBytes) != nil {
		return in
	}
	f.buf = make([]byte, clientFileBytes)
	return f
}

// Read implements io.Reader.
func (f *clientFile) Read(p []byte) (int, error) {
	if f.at == f.end && f.err == nil {
		f.at, f.end = 0, 0
		err := f.stmt.Wait(f.ctx, waitFile, func(context.Context) error {
			f.end, f.err = f.in.Read(f.buf)
			return nil
		})
		if err != nil {
			return 0, err // of going on
		}
	}
	if f.at == f.end {
		return 0, f.err
	}
	n := copy(p, f.buf[f.at:f.end])
	f.at += n
	return n, nil
}

// Close implements io.Closer.
func (f *clientFile) Close() error {
	f.budget.release()
	return f.in.Close()
}
