package scan

import (
	"context"

	"github.com/spillwaydb/spillway/internal/exec"
	"github.com/spillwaydb/spillway/internal/kv"
)

// flight is an iterator that is in use. The worker has a token for as long.
type flight struct {
	worker *exec.Worker // nil: no flow control
	it     kv.Iterator  // nil: none is in use
}

// open takes a token for the iterator that next gives; false: it gives none, and the token goes back.
func (f *flight) open(ctx context.Context, next func() (kv.Iterator, error)) (bool, error) {
	if f.worker != nil {
		if err := f.worker.TakeToken(ctx); err != nil {
			return false, err
		}
	}
	it, err := next()
	if err != nil || it == nil {
		f.returnToken()
		return false, err
	}
	f.it = it
	return true, nil
}

func (f *flight) returnToken() {
	if f.worker != nil {
		f.worker.ReturnToken()
	}
}

func (f *flight) pause() error {
	if f.it == nil {
		return nil
	}
	return f.it.Pause()
}

func (f *flight) close() error {
	if f.it == nil {
		return nil
	}
	it := f.it
	f.it = nil
	f.returnToken()
	return it.Close()
}
