package spill

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// ioError is for what went wrong with s.mu held.
func (s *Store) ioError(write bool, err error) error {
	s.stats.IOError++
	return &sqlerr.SpillIOError{Write: write, Path: s.options.Dir, Err: err}
}

func (s *Store) readError(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ioError(false, err)
}

// writeError tells a full disk from other failures.
func (s *Store) writeError(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.createError(err)
}

// createError is writeError with s.mu held.
func (s *Store) createError(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		s.stats.IOError++
		return &sqlerr.TempSpaceError{Path: s.options.Dir, UsedBytes: s.stats.InUse, Err: err}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("the directory was removed while the server runs: %w", err)
	}
	return s.ioError(true, err)
}
