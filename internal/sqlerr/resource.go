package sqlerr

import (
	"errors"
	"fmt"
	"time"

	"github.com/spillwaydb/spillway/internal/invariants"
)

// ErrNoSurplus says that no pages beyond the granted minimum are to be had now. The caller goes on with its smaller
// algorithm. Where there is none, for a single long value, it is 1041 to the client.
var ErrNoSurplus = errors.New("no surplus pages")

// QuotaError ends a statement that cannot be kept within tidb_mem_quota_query.
type QuotaError struct {
	ConnID uint64
	Report string // what each operator held, one line
}

func (e *QuotaError) Error() string {
	text := fmt.Sprintf("Out Of Memory Quota![conn_id=%d]", e.ConnID)
	if e.Report != "" {
		text += " " + oneLine(e.Report)
	}
	return text
}

// SQLError is 1105, as in TiDB.
func (e *QuotaError) SQLError() *Error { return fromTyped(ErrUnknown, e) }

// ServerMemoryError ends the statement chosen as victim when the server's memory is at its limit.
type ServerMemoryError struct {
	ConnID uint64
	Report string // what the statement held, one line; may be empty
}

func (e *ServerMemoryError) Error() string {
	text := New(ErrMemoryExceedForInstance, e.ConnID).Message
	if e.Report != "" {
		text += " " + oneLine(e.Report)
	}
	return text
}

// SQLError is 8176, as in TiDB.
func (e *ServerMemoryError) SQLError() *Error { return fromTyped(ErrMemoryExceedForInstance, e) }

// AdmissionTimeoutError refuses a statement whose minimum was not free in time. Nothing of it has run, so it can be
// repeated.
type AdmissionTimeoutError struct {
	ConnID       uint64
	MinimumBytes int64 // what the statement needs before it starts
	Waited       time.Duration
}

func (e *AdmissionTimeoutError) Error() string {
	return fmt.Sprintf("Server is out of memory: the %d bytes that the statement needs to start were not free within "+
		"%s; try again later[conn_id=%d]", e.MinimumBytes, e.Waited.Round(time.Millisecond), e.ConnID)
}

// SQLError is 1041.
func (e *AdmissionTimeoutError) SQLError() *Error { return fromTyped(ErrOutOfResources, e) }

// TempSpaceError says that temporary space is used up: by the quota when Err is nil, else by the disk.
type TempSpaceError struct {
	Path       string // folder of the temporary files
	UsedBytes  int64
	QuotaBytes int64 // 0 when there is no quota
	Err        error // the file system's refusal
}

func (e *TempSpaceError) Error() string {
	if e.Err != nil {
		return oneLine(fmt.Sprintf("Disk full (%s): %v", e.Path, e.Err))
	}
	return fmt.Sprintf("Out Of Quota For Local Temporary Space! %d of %d bytes are used", e.UsedBytes, e.QuotaBytes)
}

func (e *TempSpaceError) Unwrap() error { return e.Err }

// SQLError is 1021 for a full disk, 1114 for a used-up quota.
func (e *TempSpaceError) SQLError() *Error {
	if e.Err != nil {
		return fromTyped(ErrDiskFull, e)
	}
	return fromTyped(ErrRecordFileFull, e)
}

// SpillIOError says that a temporary file could not be read or written. It belongs to the statement that owns the
// block.
type SpillIOError struct {
	Write bool // else a read
	Path  string
	Err   error
}

func (e *SpillIOError) Error() string {
	verb := "reading"
	if e.Write {
		verb = "writing"
	}
	return oneLine(fmt.Sprintf("Error %s file '%s' (%v)", verb, e.Path, e.Err))
}

func (e *SpillIOError) Unwrap() error { return e.Err }

// SQLError is 1026 for a write, 1024 for a read.
func (e *SpillIOError) SQLError() *Error {
	if e.Write {
		return fromTyped(ErrErrorOnWrite, e)
	}
	return fromTyped(ErrErrorOnRead, e)
}

// fromTyped keeps the text and the chain of a typed error.
func fromTyped(code Code, err error) *Error {
	e := Newf(code, "%s", err.Error())
	e.cause = err
	return e
}

// AssertionError reports a bug: it panics in assertion builds and returns an error with code 1105 otherwise.
func AssertionError(format string, args ...any) error {
	invariants.Assertf(false, format, args...)
	return Newf(ErrUnknown, "assertion failed: %s", fmt.Sprintf(format, args...))
}

var (
	_ coded = (*QuotaError)(nil)
	_ coded = (*ServerMemoryError)(nil)
	_ coded = (*AdmissionTimeoutError)(nil)
	_ coded = (*TempSpaceError)(nil)
	_ coded = (*SpillIOError)(nil)
)
