package local

import (
	"errors"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// noRoomAge is how long after the last failure commits are refused: the engine may have given up a compaction.
	noRoomAge = 5 * time.Second
	// retryEvery is the pause before each table that is written after a failure. The engine has none.
	retryEvery = 100 * time.Millisecond
)

// noRoom is a failure of a flush or a compaction for want of room. The engine tries again by itself, for ever: what it
// could not write is in the log, and nothing is lost.
type noRoom struct {
	err error
	at  time.Time
}

// lacksRoom: the file system is full, or its user's share of it.
func lacksRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// refusal is the error of commits while the engine cannot write what it has in memory: they would wait for it, and
// nobody would know why.
func (e *events) refusal() error {
	f := e.full.Load()
	if f == nil || time.Since(f.at) > noRoomAge {
		return nil
	}
	return wrap(f.err)
}

func (e *events) backgroundError(err error) {
	if !lacksRoom(err) {
		e.logger.Errorf("storage: background error: %v", err)
		return
	}
	if e.full.Swap(&noRoom{err, time.Now()}) == nil {
		e.logger.Errorf("storage: no room on the disk, changes are refused until there is: %v", err)
	}
}

// succeeded is told how flushes and compactions end.
func (e *events) succeeded(err error) {
	if err == nil && e.full.Swap(nil) != nil {
		e.logger.Infof("storage: there is room on the disk again")
	}
}

// patientFS pauses before it makes a table after a failure.
type patientFS struct {
	vfs.FS
	events *events
}

var _ vfs.FS = patientFS{}

// Create implements vfs.FS.
func (f patientFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if f.events.full.Load() != nil && strings.HasSuffix(name, ".sst") {
		<-time.After(retryEvery)
	}
	return f.FS.Create(name, category)
}

// Unwrap implements vfs.FS.
func (f patientFS) Unwrap() vfs.FS { return f.FS }
