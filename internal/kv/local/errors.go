package local

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/cockroachdb/pebble/v2"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// errClosed is returned by everything after Close.
var errClosed = errors.New("storage engine is closed")

// errEnded is returned by a transaction after Commit or Rollback.
var errEnded = errors.New("transaction has ended")

// wrap gives the engine's errors MySQL's codes where it has some.
func wrap(err error) error {
	switch {
	case err == nil:
		return nil
	case lacksRoom(err):
		return sqlerr.Wrap(err, sqlerr.ErrDiskFull, "data directory", int(syscall.ENOSPC), syscall.ENOSPC)
	case errors.Is(err, pebble.ErrReadOnly):
		return sqlerr.Wrap(fmt.Errorf("storage: %w", err), sqlerr.ErrOptionPreventsStatement, "--read-only")
	case pebble.IsCorruptionError(err):
		return fmt.Errorf("storage is corrupt: %w", err)
	}
	return fmt.Errorf("storage: %w", err)
}
